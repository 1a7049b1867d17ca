//! Which rows of a table have a key: a hash table of row numbers.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use recpipe::{Column, Error};

use super::{
    NONE, Partners,
    keys::{KeyForm, KeyValues, Keys},
};
use crate::expr::Vector;

/// Finds rows by their keys. The hash is seeded anew in each run, so that nobody can choose keys that collide.
#[derive(Debug)]
pub(super) struct EqualIndex {
    form: KeyForm,
    keys: Keys,
    hasher: RandomState,
    slots: HashTable<Slot>,
}

/// A key's row, with as much of its hash as most others differ in.
#[derive(Clone, Copy, Debug)]
struct Slot {
    row: u32,
    hash: u32,
}

/// Two rows with one key, where there must not be two: the first that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Twice {
    pub(super) first: u32,
    pub(super) second: u32,
}

/// The rows that follow a row and have its key; none has several where there are none.
pub(super) type Chain = Option<Vec<u32>>;

impl EqualIndex {
    /// Bytes that it takes for so many rows, besides the columns of the keys.
    pub(super) fn bytes(columns: &[Column], rows: usize) -> usize {
        let slots = (rows * 8 / 7).next_power_of_two() * (size_of::<Slot>() + 1);
        let keys = match columns {
            [one] => {
                if one.kind() == recpipe::Type::Mixed {
                    one.bytes() + 12 * rows
                } else {
                    8 * rows
                }
            }
            many => many.iter().map(Column::bytes).sum::<usize>() + (8 + 9 * many.len()) * rows,
        };
        slots + keys
    }

    /// Of these columns. Of rows with one key, it finds the one that `partners` means, and with [`Partners::Each`] the first; the
    /// chain leads to the others.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 4 GiB of keys. Within, that two rows have one key with [`Partners::One`].
    pub(super) fn new(columns: &[Column], rows: usize, partners: Partners) -> Result<Result<(Self, Chain), Twice>, Error> {
        let form = KeyForm::of(columns);
        let keys = form.keys(columns.iter().map(|column| Vector::from_rows(column, None)).collect(), rows)?;
        let mut index = EqualIndex { form, keys, hasher: RandomState::default(), slots: HashTable::with_capacity(rows) };
        Ok(index.fill(rows, partners).map(|chain| (index, chain)))
    }

    fn fill(&mut self, rows: usize, partners: Partners) -> Result<Chain, Twice> {
        let (slots, keys, hasher) = (&mut self.slots, &self.keys, &self.hasher);
        match &keys.values {
            KeyValues::Ints(ints) => fill(slots, rows, keys, partners, |row| ints.get(row), |key| hash_int(hasher, *key)),
            KeyValues::Texts(texts) => fill(slots, rows, keys, partners, |row| texts.get(row), |key| hash_text(hasher, key)),
        }
    }

    /// The row of each of `len` keys, of one vector for each value; [`NONE`] where there is none.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 4 GiB of keys.
    pub(super) fn find(&self, vectors: Vec<Vector>, len: usize) -> Result<Vec<u32>, Error> {
        let wanted = self.form.keys(vectors, len)?;
        let (slots, hasher) = (&self.slots, &self.hasher);
        let is_null = |row: usize| wanted.is_null(row);
        Ok(match (&wanted.values, &self.keys.values) {
            (KeyValues::Ints(wanted), KeyValues::Ints(keys)) => {
                find(slots, len, is_null, |row| wanted.get(row), |row| keys.get(row), |key| hash_int(hasher, *key))
            }
            (KeyValues::Texts(wanted), KeyValues::Texts(keys)) => {
                find(slots, len, is_null, |row| wanted.get(row), |row| keys.get(row), |key| hash_text(hasher, key))
            }
            // One form gives keys of one kind.
            _ => vec![NONE; len],
        })
    }

    /// Of each row of the table itself, the row that is found by its key.
    ///
    /// # Errors
    /// As for [`EqualIndex::find`].
    pub(super) fn groups(&self, columns: &[Column], rows: usize) -> Result<Vec<u32>, Error> {
        self.find(columns.iter().map(|column| Vector::from_rows(column, None)).collect(), rows)
    }
}

fn hash_int(hasher: &RandomState, key: i64) -> u32 {
    (hasher.hash_one(key) >> 32) as u32
}

fn hash_text(hasher: &RandomState, key: &[u8]) -> u32 {
    (hasher.hash_one(key) >> 32) as u32
}

/// The table looks at the lowest bits of a hash and at the highest.
#[inline]
fn expand(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

fn fill<K: PartialEq>(
    slots: &mut HashTable<Slot>,
    rows: usize,
    keys: &Keys,
    partners: Partners,
    key: impl Fn(usize) -> K,
    hash: impl Fn(&K) -> u32,
) -> Result<Chain, Twice> {
    let mut chain: Chain = None;
    for at in 0..rows {
        // From the last to the first, each row is put before those that it has the key of.
        let row = if partners == Partners::Each { rows - 1 - at } else { at };
        if keys.is_null(row) {
            continue;
        }
        let wanted = key(row);
        let (hash, number) = (hash(&wanted), row as u32);
        let is_key = |slot: &Slot| slot.hash == hash && key(slot.row as usize) == wanted;
        match slots.entry(expand(hash), is_key, |slot| expand(slot.hash)) {
            Entry::Vacant(entry) => drop(entry.insert(Slot { row: number, hash })),
            Entry::Occupied(mut entry) => match partners {
                Partners::One => return Err(Twice { first: entry.get().row, second: number }),
                Partners::First => {}
                Partners::Last => entry.get_mut().row = number,
                Partners::Each => {
                    let before = std::mem::replace(&mut entry.get_mut().row, number);
                    chain.get_or_insert_with(|| vec![NONE; rows])[row] = before;
                }
            },
        }
    }
    Ok(chain)
}

fn find<K: PartialEq>(
    slots: &HashTable<Slot>,
    len: usize,
    is_null: impl Fn(usize) -> bool,
    wanted: impl Fn(usize) -> K,
    key: impl Fn(usize) -> K,
    hash: impl Fn(&K) -> u32,
) -> Vec<u32> {
    let one = |row: usize| {
        if is_null(row) {
            return NONE;
        }
        let wanted = wanted(row);
        let hash = hash(&wanted);
        let found = slots.find(expand(hash), |slot| slot.hash == hash && key(slot.row as usize) == wanted);
        found.map_or(NONE, |slot| slot.row)
    };
    (0..len).map(one).collect()
}
