//! Distinct keys, numbered in the order in which they come.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use recpipe::{ColumnBuilder, Error, Type, Value};

use crate::{
    expr::{Values, Vector},
    sort::key::{Prefix, prefix, push_group_key, push_single, read_group_key, read_single, sort_by_key, width},
};

/// A set of keys of one or more values: a hash table over bytes, which lie one after the other in one buffer.
///
/// A key that is known already costs one hash and one comparison, and no allocation. Keys are normalized (see
/// [`crate::sort::key`]) and compared as bytes: null is equal to null, and a float to itself (NaN too, and -0.0 to
/// 0.0). The hash is seeded anew in each run, so that a peer cannot choose keys that collide.
pub struct Keys {
    kinds: Vec<Type>,
    hasher: RandomState,
    table: HashTable<Slot>,
    bytes: Vec<u8>,
    /// Bytes of each key, where all have the same number of them: none of their values is text.
    width: Option<usize>,
    /// Where the key ends in `bytes`, where they differ; it begins where the one before ends.
    ends: Vec<usize>,
    len: usize,
    /// The number of the key that is a single null, where keys are single values.
    null: Option<u32>,
    scratch: Vec<u8>,
}

/// A key in the table, with as much of its hash as finds its place again when the table grows: without that, each would
/// have to be fetched for it.
#[derive(Clone, Copy)]
struct Slot {
    number: u32,
    hash: u32,
}

/// Bytes of a key's place while keys are sorted.
const SORTED_BYTES: usize = size_of::<(Prefix, u32)>();

impl Keys {
    /// No keys yet; each will have values of these types (of any with [`Type::Mixed`]), or null.
    pub fn new(kinds: Vec<Type>) -> Self {
        let width = match kinds[..] {
            [kind] => width(kind),
            _ => kinds.iter().map(|&kind| width(kind).map(|width| width + 1)).sum(),
        };
        Keys {
            kinds,
            hasher: RandomState::default(),
            table: HashTable::new(),
            bytes: Vec::new(),
            width,
            ends: Vec::new(),
            len: 0,
            null: None,
            scratch: Vec::new(),
        }
    }

    /// No keys yet, of values of the same types.
    pub fn like(&self) -> Self {
        Keys::new(self.kinds.clone())
    }

    /// The one key that has no values.
    pub(crate) fn of_no_values() -> Self {
        Keys { len: 1, ..Keys::new(Vec::new()) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the keys themselves.
    pub fn key_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of memory that it may have, at the most on the way, when `more` keys like those that it has are added
    /// and all are sorted.
    pub(crate) fn bytes_with(&self, more: usize) -> usize {
        let len = self.len + more;
        let slot = size_of::<Slot>() + 1;
        // A table doubles when seven eighths are full, and has the old and the new one while it does.
        let (slots, old) = (self.table.capacity() / 7 * 8, self.table.capacity());
        let table = if len <= old { slots * slot } else { ((len * 8 / 7).next_power_of_two() + slots) * slot };
        let average = self.width.unwrap_or(self.bytes.len() / self.len.max(1) + 1);
        let ends = if self.width.is_some() { 0 } else { grown(&self.ends, len) * size_of::<usize>() };
        table + grown(&self.bytes, self.bytes.len() + more * average) + ends + len * SORTED_BYTES
    }

    /// Forgets all keys, but keeps the memory for others.
    pub fn clear(&mut self) {
        self.table.clear();
        self.bytes.clear();
        self.ends.clear();
        self.len = 0;
        self.null = None;
    }

    /// The number of the key of each of `rows` rows; new keys are added. `columns` has one vector for each value of a
    /// key.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 2³² keys.
    pub fn number(&mut self, columns: &[Vector], rows: usize, numbers: &mut Vec<u32>) -> Result<(), Error> {
        numbers.clear();
        numbers.reserve(rows);
        let mut scratch = std::mem::take(&mut self.scratch);
        let kinds = std::mem::take(&mut self.kinds);
        let numbered = for_each_key(&kinds, columns, rows, &mut scratch, |key| {
            numbers.push(match key {
                Some(key) => self.insert(key)?,
                None => self.insert_null()?,
            });
            Ok(())
        });
        (self.scratch, self.kinds) = (scratch, kinds);
        numbered
    }

    /// Whether the key of each of `rows` rows is among them; `columns` as for [`Keys::number`].
    ///
    /// # Errors
    /// None, as it is now.
    pub fn contain(&self, columns: &[Vector], rows: usize) -> Result<Vec<bool>, Error> {
        let (mut found, mut scratch) = (Vec::with_capacity(rows), Vec::new());
        for_each_key(&self.kinds, columns, rows, &mut scratch, |key| {
            found.push(match key {
                None => self.null.is_some(),
                Some(key) => {
                    let hash = self.hash(key);
                    self.table.find(expand(hash), |slot| slot.hash == hash && self.key(slot.number) == key).is_some()
                }
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// The bytes of a key, which are ordered as the keys are; `None` for the single null, which comes last.
    #[inline]
    pub fn get(&self, number: u32) -> Option<&[u8]> {
        if self.null == Some(number) { None } else { Some(self.key(number)) }
    }

    /// The numbers of all keys, sorted by the keys' values.
    pub fn sorted(&self) -> Vec<u32> {
        let mut keyed: Vec<(Prefix, u32)> = (0..self.len as u32).filter_map(|number| Some((prefix(self.get(number)?), number))).collect();
        sort_by_key(&mut keyed, &|number| self.key(number));
        keyed.into_iter().map(|pair| pair.1).chain(self.null).collect()
    }

    #[inline]
    fn key(&self, number: u32) -> &[u8] {
        place(&self.bytes, &self.ends, self.width, number)
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        (hasher.finish() >> 32) as u32
    }

    /// Adds a normalized key, if it is not there, as [`Keys::get`] gives it; its number.
    ///
    /// # Errors
    /// As for [`Keys::number`].
    #[inline]
    pub(crate) fn insert_key(&mut self, key: Option<&[u8]>) -> Result<u32, Error> {
        match key {
            Some(key) => self.insert(key),
            None => self.insert_null(),
        }
    }

    /// Adds a normalized key, if it is not there; its number.
    ///
    /// # Errors
    /// As for [`Keys::number`].
    #[inline]
    pub fn insert(&mut self, key: &[u8]) -> Result<u32, Error> {
        let hash = self.hash(key);
        let (bytes, ends, width, null) = (&self.bytes, &self.ends, self.width, self.null);
        let is_key = |slot: &Slot| slot.hash == hash && place(bytes, ends, width, slot.number) == key && null != Some(slot.number);
        match self.table.entry(expand(hash), is_key, |slot| expand(slot.hash)) {
            Entry::Occupied(entry) => Ok(entry.get().number),
            Entry::Vacant(entry) => {
                let number = u32::try_from(self.len).map_err(|_| too_many())?;
                entry.insert(Slot { number, hash });
                self.append(key);
                Ok(number)
            }
        }
    }

    fn append(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        if self.width.is_none() {
            self.ends.push(self.bytes.len());
        }
        self.len += 1;
    }

    /// The single null is kept apart: its bytes would be those of the empty text.
    fn insert_null(&mut self) -> Result<u32, Error> {
        if let Some(number) = self.null {
            return Ok(number);
        }
        let number = u32::try_from(self.len).map_err(|_| too_many())?;
        self.append(&[0; 16][..self.width.unwrap_or(0)]);
        self.null = Some(number);
        Ok(number)
    }
}

/// The columns of normalized keys of these types; `None` is a single null. Values that are equal and look different are one here.
///
/// # Errors
/// [`Error::Schema`] when they do not fit a batch.
pub(super) fn columns<'k>(kinds: &[Type], keys: impl Iterator<Item = Option<&'k [u8]>>) -> Result<Vec<recpipe::Column>, Error> {
    let mut builders: Vec<ColumnBuilder> = kinds.iter().map(|&kind| ColumnBuilder::new(kind)).collect();
    let mut pushed = Ok(());
    for key in keys {
        match (key, kinds) {
            (None, _) => builders[0].push(Value::Null)?,
            (Some(key), &[kind]) if kind != Type::Mixed => builders[0].push(read_single(kind, key))?,
            (Some(key), _) => read_group_key(kinds, key, |i, value| {
                if let Err(error) = builders[i].push(value) {
                    pushed = Err(error);
                }
            }),
        }
    }
    pushed?;
    Ok(builders.iter_mut().map(ColumnBuilder::finish).collect())
}

/// Calls `each` with the normalized key of each row; `None` for a single null.
#[inline]
fn for_each_key(
    kinds: &[Type],
    columns: &[Vector],
    rows: usize,
    scratch: &mut Vec<u8>,
    mut each: impl FnMut(Option<&[u8]>) -> Result<(), Error>,
) -> Result<(), Error> {
    match columns {
        [one] => match &one.values {
            Values::Text(texts) if one.nulls.is_none() && *kinds == [Type::Text] => {
                (0..rows).try_for_each(|row| each(Some(texts.get(row))))
            }
            Values::Int(values) if one.nulls.is_none() && *kinds == [Type::Int] => {
                (0..rows).try_for_each(|row| each(Some(&crate::sort::key::int(values.get(row)))))
            }
            _ => (0..rows).try_for_each(|row| match one.value(row) {
                Value::Null => each(None),
                value => {
                    scratch.clear();
                    push_single(kinds.first().copied().unwrap_or(Type::Mixed), value, scratch);
                    each(Some(scratch))
                }
            }),
        },
        many => (0..rows).try_for_each(|row| {
            scratch.clear();
            many.iter().zip(kinds).for_each(|(one, &kind)| push_group_key(kind, one.value(row), scratch));
            each(Some(scratch))
        }),
    }
}

#[inline]
fn place<'a>(bytes: &'a [u8], ends: &[usize], width: Option<usize>, number: u32) -> &'a [u8] {
    let number = number as usize;
    match width {
        Some(width) => &bytes[number * width..(number + 1) * width],
        None => &bytes[if number == 0 { 0 } else { ends[number - 1] }..ends[number]],
    }
}

/// A table looks at the lowest bits of a hash and at the highest.
#[inline]
fn expand(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// The capacity of a vector once it has `len` elements: it doubles.
fn grown<T>(vector: &Vec<T>, len: usize) -> usize {
    if len <= vector.capacity() { vector.capacity() } else { len.max(2 * vector.capacity()) }
}

fn too_many() -> Error {
    Error::Data("more than 4294967295 distinct keys".into())
}
