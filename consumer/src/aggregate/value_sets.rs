//! The distinct values of each group.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{Groups, cell, other_type, state};
use crate::expr::{Values, Vector};

/// One hash table over pairs of a group and a value, so that many small sets cost no more than one large one: 32 bytes
/// a pair, and the bytes of the value. A value that is known already costs one hash and one comparison.
///
/// Values are told apart as keys are: one zero and one NaN; the same moment in two offsets is two values. The hash is
/// seeded anew in each run, so that a peer cannot choose values that collide.
pub(super) struct ValueSets {
    kind: Type,
    hasher: RandomState,
    table: HashTable<u32>,
    pairs: Vec<Pair>,
    /// The values, as [`cell`] writes them.
    bytes: Vec<u8>,
    /// How many values a group has.
    counts: Vec<u32>,
    /// The group's newest pair.
    newest: Vec<u32>,
    scratch: Vec<u8>,
}

struct Pair {
    hash: u64,
    /// Where its value ends in `bytes`; it begins where that of the pair before ends.
    end: usize,
    group: u32,
    /// The group's next older pair.
    older: u32,
}

const NONE: u32 = u32::MAX;

impl ValueSets {
    /// `kind` is the type of the values.
    pub(super) fn new(kind: Type) -> Self {
        ValueSets {
            kind,
            hasher: RandomState::default(),
            table: HashTable::new(),
            pairs: Vec::new(),
            bytes: Vec::new(),
            counts: Vec::new(),
            newest: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        self.newest.resize(groups, NONE);
    }

    pub(super) fn add(&mut self, groups: &Groups<'_>, args: &[Vector]) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        match &input.values {
            Values::Null => Ok(()),
            _ if input.kind() != self.kind => Err(other_type()),
            Values::Int(values) => groups.try_for_each(|row, group| match input.is_null(row) {
                true => Ok(()),
                false => self.insert(group, &values.get(row).to_le_bytes()),
            }),
            _ => groups.try_for_each(|row, group| self.insert_value(group, input.value(row))),
        }
    }

    fn insert_value(&mut self, group: usize, value: Value<'_>) -> Result<(), Error> {
        let value = match value {
            Value::Null => return Ok(()),
            Value::Float(value) if value.is_nan() => Value::Float(f64::NAN),
            Value::Float(value) => Value::Float(value + 0.0),
            value => value,
        };
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        cell::write(value, &mut scratch);
        let inserted = self.insert(group, &scratch);
        self.scratch = scratch;
        inserted
    }

    /// # Errors
    /// [`Error::Data`] beyond 2³² pairs.
    #[inline]
    fn insert(&mut self, group: usize, value: &[u8]) -> Result<(), Error> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_usize(group);
        hasher.write(value);
        let hash = hasher.finish();
        let (pairs, bytes) = (&self.pairs, &self.bytes);
        let is_pair = |&number: &u32| {
            let pair = &pairs[number as usize];
            pair.hash == hash && pair.group as usize == group && bytes[start(pairs, number)..pair.end] == *value
        };
        if let Entry::Vacant(entry) = self.table.entry(hash, is_pair, |&number| pairs[number as usize].hash) {
            let number = u32::try_from(pairs.len()).ok().filter(|&number| number != NONE);
            let number = number.ok_or_else(|| Error::Data("more than 4294967294 distinct values".into()))?;
            entry.insert(number);
            self.bytes.extend_from_slice(value);
            self.pairs.push(Pair { hash, end: self.bytes.len(), group: group as u32, older: self.newest[group] });
            self.newest[group] = number;
            self.counts[group] += 1;
        }
        Ok(())
    }

    /// How many values a group has.
    pub(super) fn count(&self, group: u32) -> i64 {
        i64::from(self.counts[group as usize])
    }

    /// The bytes of each value of a group.
    fn cells(&self, group: u32) -> impl Iterator<Item = &[u8]> {
        let mut next = self.newest[group as usize];
        std::iter::from_fn(move || {
            let pair = self.pairs.get(next as usize)?;
            let cell = &self.bytes[start(&self.pairs, next)..pair.end];
            next = pair.older;
            Some(cell)
        })
    }

    /// The values of a group, in the order of values; the same moment in two offsets, the smaller offset first.
    pub(super) fn sorted(&self, group: u32) -> Result<Vec<Value<'_>>, Error> {
        let mut values = self.cells(group).map(|mut cell| cell::read(self.kind, &mut cell)).collect::<Result<Vec<_>, _>>()?;
        let offset = |value: &Value<'_>| if let Value::Time(time) = value { time.offset_s } else { 0 };
        values.sort_unstable_by(|a, b| a.total_cmp(b).then_with(|| offset(a).cmp(&offset(b))));
        Ok(values)
    }

    /// The values of a group one after the other, as bytes.
    pub(super) fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut column, mut scratch) = (ColumnBuilder::new(Type::Text), Vec::new());
        for &group in groups {
            scratch.clear();
            self.cells(group).for_each(|cell| scratch.extend_from_slice(cell));
            column.push(Value::Text(&scratch))?;
        }
        Ok(vec![column.finish()])
    }

    pub(super) fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let cells = state::column(state, 0, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let mut bytes = state::bytes(cells, row)?;
            while !bytes.is_empty() {
                self.insert_value(group as usize, cell::read(self.kind, &mut bytes)?)?;
            }
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        let groups = (self.counts.capacity() + self.newest.capacity()) * size_of::<u32>();
        // A number and a byte of control for each slot.
        groups + self.pairs.capacity() * size_of::<Pair>() + self.bytes.capacity() + self.table.capacity() * (size_of::<u32>() + 1)
    }
}

/// Where the value of a pair begins.
#[inline]
fn start(pairs: &[Pair], number: u32) -> usize {
    (number as usize).checked_sub(1).map_or(0, |before| pairs[before].end)
}
