//! Distinct keys, numbered in the order in which they come.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use recpipe::{ColumnBuilder, Error, Time, Type, Value};

use crate::expr::{Values, Vector};

/// A set of keys of one or more values: a hash table over bytes, which lie one after the other in one buffer.
///
/// A key that is known already costs one hash and one comparison, and no allocation. Keys are compared as bytes: null is
/// equal to null, and a float to itself (NaN too, and -0.0 to 0.0). The hash is seeded anew in each run, so that a peer
/// cannot choose keys that collide.
pub struct Keys {
    kinds: Vec<Type>,
    hasher: RandomState,
    table: HashTable<u32>,
    hashes: Vec<u64>,
    bytes: Vec<u8>,
    /// Where the key ends in `bytes`; it begins where the one before ends.
    ends: Vec<usize>,
    /// The number of the key that is a single null, where keys are single values.
    null: Option<u32>,
    scratch: Vec<u8>,
}

impl Keys {
    /// No keys yet; each will have values of these types, or null.
    pub fn new(kinds: Vec<Type>) -> Self {
        Keys {
            kinds,
            hasher: RandomState::default(),
            table: HashTable::new(),
            hashes: Vec::new(),
            bytes: Vec::new(),
            ends: Vec::new(),
            null: None,
            scratch: Vec::new(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The number of the key of each of `rows` rows; new keys are added. `columns` has one vector for each value of a
    /// key.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 2³² keys.
    pub fn number(&mut self, columns: &[Vector], rows: usize, numbers: &mut Vec<u32>) -> Result<(), Error> {
        numbers.clear();
        numbers.reserve(rows);
        match columns {
            [one] => match &one.values {
                Values::Text(texts) if one.nulls.is_none() => {
                    for row in 0..rows {
                        numbers.push(self.insert(texts.get(row))?);
                    }
                }
                Values::Int(values) if one.nulls.is_none() => {
                    for row in 0..rows {
                        numbers.push(self.insert(&values.get(row).to_le_bytes())?);
                    }
                }
                _ => {
                    for row in 0..rows {
                        numbers.push(match one.value(row) {
                            Value::Null => self.insert_null()?,
                            value => self.insert_scratch(|scratch| single(value, scratch))?,
                        });
                    }
                }
            },
            many => {
                for row in 0..rows {
                    numbers.push(self.insert_scratch(|scratch| many.iter().for_each(|one| tagged(one.value(row), scratch)))?);
                }
            }
        }
        Ok(())
    }

    /// Adds all keys of `other`; the numbers that they have here, in their order there.
    ///
    /// # Errors
    /// As for [`Keys::number`].
    pub fn merge(&mut self, other: &Keys) -> Result<Vec<u32>, Error> {
        (0..other.len() as u32)
            .map(|number| if other.null == Some(number) { self.insert_null() } else { self.insert(other.key(number)) })
            .collect()
    }

    /// The values of one key.
    pub fn values(&self, number: u32, mut each: impl FnMut(usize, Value<'_>)) {
        if self.null == Some(number) {
            return each(0, Value::Null);
        }
        let mut bytes = self.key(number);
        if let [kind] = self.kinds[..] {
            return each(0, read(kind, bytes).0);
        }
        for (i, &kind) in self.kinds.iter().enumerate() {
            let Some((tag, rest)) = bytes.split_first() else { return };
            let (value, rest) = if *tag == 0 { (Value::Null, rest) } else { read_tagged(kind, rest) };
            each(i, value);
            bytes = rest;
        }
    }

    /// The numbers of all keys, sorted by the keys' values.
    pub fn sorted(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..self.len() as u32).collect();
        match self.kinds[..] {
            // The order of bytes is the order of text, and null comes last.
            [Type::Text] => numbers.sort_unstable_by_key(|&number| (self.null == Some(number), self.key(number))),
            _ => {
                let values = |number| {
                    let mut values: Vec<OwnedKey> = Vec::with_capacity(self.kinds.len());
                    self.values(number, |_, value| values.push(OwnedKey::new(value)));
                    values
                };
                let mut keyed: Vec<(Vec<OwnedKey>, u32)> = numbers.iter().map(|&number| (values(number), number)).collect();
                keyed.sort_unstable_by(|a, b| {
                    a.0.iter()
                        .zip(&b.0)
                        .map(|(a, b)| a.value().total_cmp(&b.value()))
                        .find(|o| o.is_ne())
                        .unwrap_or_else(|| self.key(a.1).cmp(self.key(b.1)))
                });
                numbers = keyed.into_iter().map(|pair| pair.1).collect();
            }
        }
        numbers
    }

    /// The columns of these keys, in this order.
    ///
    /// # Errors
    /// [`Error::Schema`] when they do not fit a batch.
    pub fn columns(&self, numbers: &[u32]) -> Result<Vec<recpipe::Column>, Error> {
        let mut builders: Vec<ColumnBuilder> = self.kinds.iter().map(|&kind| ColumnBuilder::new(kind)).collect();
        let mut pushed = Ok(());
        for &number in numbers {
            self.values(number, |i, value| {
                if let Err(error) = builders[i].push(value) {
                    pushed = Err(error);
                }
            });
        }
        pushed?;
        Ok(builders.iter_mut().map(ColumnBuilder::finish).collect())
    }

    fn key(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    #[inline]
    fn insert(&mut self, key: &[u8]) -> Result<u32, Error> {
        let hash = self.hasher.hash_one(key);
        let (bytes, ends, hashes, null) = (&self.bytes, &self.ends, &self.hashes, self.null);
        let is_key = |&number: &u32| {
            let number = number as usize;
            let start = if number == 0 { 0 } else { ends[number - 1] };
            hashes[number] == hash && bytes[start..ends[number]] == *key && null != Some(number as u32)
        };
        match self.table.entry(hash, is_key, |&number| hashes[number as usize]) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(entry) => {
                let number = u32::try_from(ends.len()).map_err(|_| too_many())?;
                entry.insert(number);
                self.hashes.push(hash);
                self.bytes.extend_from_slice(key);
                self.ends.push(self.bytes.len());
                Ok(number)
            }
        }
    }

    fn insert_scratch(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<u32, Error> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write(&mut scratch);
        let number = self.insert(&scratch);
        self.scratch = scratch;
        number
    }

    /// The single null is kept apart: its bytes would be those of the empty text.
    fn insert_null(&mut self) -> Result<u32, Error> {
        if let Some(number) = self.null {
            return Ok(number);
        }
        let number = u32::try_from(self.ends.len()).map_err(|_| too_many())?;
        self.hashes.push(0);
        self.ends.push(self.bytes.len());
        self.null = Some(number);
        Ok(number)
    }
}

fn too_many() -> Error {
    Error::Data("more than 4294967295 distinct keys".into())
}

/// The bytes of a single value that is not null.
fn single(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.push(u8::from(value)),
        Value::Int(value) => out.extend_from_slice(&value.to_le_bytes()),
        // One zero and one NaN.
        Value::Float(value) => out.extend_from_slice(&if value.is_nan() { f64::NAN } else { value + 0.0 }.to_le_bytes()),
        Value::Time(time) => {
            out.extend_from_slice(&time.nanos.to_le_bytes());
            out.extend_from_slice(&time.offset_s.to_le_bytes());
        }
        Value::Text(text) => out.extend_from_slice(text),
    }
}

/// The bytes of one of several values: a tag, for text its length, and the value.
fn tagged(value: Value<'_>, out: &mut Vec<u8>) {
    out.push(u8::from(!matches!(value, Value::Null)));
    if let Value::Text(text) = value {
        out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    }
    single(value, out);
}

fn read_tagged(kind: Type, bytes: &[u8]) -> (Value<'_>, &[u8]) {
    match (kind, bytes.split_first_chunk::<4>()) {
        (Type::Text, Some((len, rest))) => match rest.split_at_checked(u32::from_le_bytes(*len) as usize) {
            Some((text, rest)) => (Value::Text(text), rest),
            None => (Value::Null, &[]),
        },
        _ => read(kind, bytes),
    }
}

/// The value at the front of bytes that [`single`] wrote, and what follows; text takes all.
fn read(kind: Type, bytes: &[u8]) -> (Value<'_>, &[u8]) {
    let eight = bytes.split_first_chunk::<8>().map(|(number, rest)| (i64::from_le_bytes(*number), rest));
    match (kind, eight) {
        (Type::Text, _) => (Value::Text(bytes), &[]),
        (Type::Bool, _) => (Value::Bool(bytes.first() == Some(&1)), bytes.get(1..).unwrap_or_default()),
        (Type::Int, Some((number, rest))) => (Value::Int(number), rest),
        (Type::Float, Some((bits, rest))) => (Value::Float(f64::from_bits(bits as u64)), rest),
        (Type::Time, Some((nanos, rest))) => match rest.split_first_chunk::<4>() {
            Some((offset, rest)) => (Value::Time(Time { nanos, offset_s: i32::from_le_bytes(*offset) }), rest),
            None => (Value::Null, &[]),
        },
        _ => (Value::Null, &[]),
    }
}

/// A decoded key value: sorting compares each many times.
enum OwnedKey {
    Text(Vec<u8>),
    Other(Value<'static>),
}

impl OwnedKey {
    fn new(value: Value<'_>) -> Self {
        match value {
            Value::Text(text) => OwnedKey::Text(text.to_vec()),
            Value::Null => OwnedKey::Other(Value::Null),
            Value::Bool(value) => OwnedKey::Other(Value::Bool(value)),
            Value::Int(value) => OwnedKey::Other(Value::Int(value)),
            Value::Float(value) => OwnedKey::Other(Value::Float(value)),
            Value::Time(value) => OwnedKey::Other(Value::Time(value)),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            OwnedKey::Text(text) => Value::Text(text),
            OwnedKey::Other(value) => *value,
        }
    }
}
