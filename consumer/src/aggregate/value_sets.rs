//! The distinct values of each group.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::{HashTable, hash_table::Entry};
use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    cell, other_type,
    state::{self, take},
};
use crate::{
    expr::{Values, Vector},
    plan::Groups,
};

/// One hash table over pairs of a group and a value, so that many small sets cost no more than one large one: 32 bytes
/// a pair, and the bytes of the value. A value that is known already costs one hash and one comparison.
///
/// Values are told apart as keys are: one zero and one NaN, one moment whatever its offset, 1 and 1.0 as one. The hash is
/// seeded anew in each run, so that a peer cannot choose values that collide.
pub(super) struct ValueSets {
    kind: Type,
    /// Of each pair, the value that came first of those that are equal to it, where it may look different from its bytes, and where
    /// it came; nothing unless values are shown.
    shown: Option<Vec<Shown>>,
    hasher: RandomState,
    table: HashTable<u32>,
    pairs: Vec<Pair>,
    /// The values, one of those that are equal ([`cell::canonical`]), as [`cell`] writes them.
    bytes: Vec<u8>,
    /// Bytes of the values that are shown.
    shown_bytes: usize,
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

/// A value as [`cell`] writes it, and its position in the input.
struct Shown {
    position: u64,
    cell: Box<[u8]>,
}

const NONE: u32 = u32::MAX;

impl ValueSets {
    /// `kind` is the type of the values; `shows_values` whether they will be asked for.
    pub(super) fn new(kind: Type, shows_values: bool) -> Self {
        ValueSets {
            kind,
            shown: (shows_values && matches!(kind, Type::Time | Type::Mixed)).then(Vec::new),
            hasher: RandomState::default(),
            table: HashTable::new(),
            pairs: Vec::new(),
            bytes: Vec::new(),
            shown_bytes: 0,
            counts: Vec::new(),
            newest: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        self.newest.resize(groups, NONE);
    }

    pub(super) fn add(&mut self, groups: &Groups<'_>, args: &[Vector], position: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        match &input.values {
            Values::Null => Ok(()),
            _ if self.kind != Type::Mixed && input.kind() != self.kind => Err(other_type()),
            Values::Int(values) if self.kind == Type::Int => groups.try_for_each(|row, group| match input.is_null(row) {
                true => Ok(()),
                false => self.insert(group, &values.get(row).to_le_bytes()).map(drop),
            }),
            _ => groups.try_for_each(|row, group| self.insert_value(group, input.value(row), position + row as u64).map(drop)),
        }
    }

    /// The number of the pair of this value, which is added if there is none; `None` for null.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 2³² pairs.
    pub(super) fn insert_value(&mut self, group: usize, value: Value<'_>, position: u64) -> Result<Option<u32>, Error> {
        if matches!(value, Value::Null) {
            return Ok(None);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        cell::write(self.kind, cell::canonical(self.kind, value), &mut scratch);
        let inserted = self.insert(group, &scratch);
        if let (Ok(number), Some(shown)) = (&inserted, &mut self.shown) {
            let is_first = shown.get(*number as usize).is_none_or(|first| position < first.position);
            if is_first {
                scratch.clear();
                cell::write(self.kind, value, &mut scratch);
                self.shown_bytes += scratch.len();
                let this = Shown { position, cell: scratch[..].into() };
                match shown.get_mut(*number as usize) {
                    Some(later) => *later = this,
                    None => shown.push(this),
                }
            }
        }
        self.scratch = scratch;
        inserted.map(Some)
    }

    /// The number of the pair of this value, which is added if there is none.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 2³² pairs.
    #[inline]
    fn insert(&mut self, group: usize, value: &[u8]) -> Result<u32, Error> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_usize(group);
        hasher.write(value);
        let hash = hasher.finish();
        let (pairs, bytes) = (&self.pairs, &self.bytes);
        let is_pair = |&number: &u32| {
            let pair = &pairs[number as usize];
            pair.hash == hash && pair.group as usize == group && bytes[start(pairs, number)..pair.end] == *value
        };
        match self.table.entry(hash, is_pair, |&number| pairs[number as usize].hash) {
            Entry::Occupied(entry) => Ok(*entry.get()),
            Entry::Vacant(entry) => {
                let number = u32::try_from(pairs.len()).ok().filter(|&number| number != NONE);
                let number = number.ok_or_else(|| Error::Data("more than 4294967294 distinct values".into()))?;
                entry.insert(number);
                self.bytes.extend_from_slice(value);
                self.pairs.push(Pair { hash, end: self.bytes.len(), group: group as u32, older: self.newest[group] });
                self.newest[group] = number;
                self.counts[group] += 1;
                Ok(number)
            }
        }
    }

    /// How many values a group has.
    pub(super) fn count(&self, group: u32) -> i64 {
        i64::from(self.counts[group as usize])
    }

    /// The number of each pair of a group.
    pub(super) fn numbers(&self, group: u32) -> impl Iterator<Item = u32> {
        let mut next = self.newest[group as usize];
        std::iter::from_fn(move || {
            let number = next;
            next = self.pairs.get(number as usize)?.older;
            Some(number)
        })
    }

    /// The bytes of the value of a pair, of the first that is equal to it where that is known, and the position of that.
    pub(super) fn cell(&self, number: u32) -> (u64, &[u8]) {
        match self.shown.as_ref().and_then(|shown| shown.get(number as usize)) {
            Some(shown) => (shown.position, &shown.cell[..]),
            None => (0, &self.bytes[start(&self.pairs, number)..self.pairs[number as usize].end]),
        }
    }

    /// The bytes of each value of a group, as [`ValueSets::cell`] gives them.
    fn cells(&self, group: u32) -> impl Iterator<Item = (u64, &[u8])> {
        self.numbers(group).map(|number| self.cell(number))
    }

    /// The values of a group, in the order of values.
    pub(super) fn sorted(&self, group: u32) -> Result<Vec<Value<'_>>, Error> {
        let mut values = self.cells(group).map(|(_, mut cell)| cell::read(self.kind, &mut cell)).collect::<Result<Vec<_>, _>>()?;
        values.sort_unstable_by(Value::total_cmp);
        Ok(values)
    }

    /// The values of a group one after the other, as bytes, each after its position where values are shown.
    pub(super) fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut column, mut scratch) = (ColumnBuilder::new(Type::Text), Vec::new());
        for &group in groups {
            scratch.clear();
            for (position, cell) in self.cells(group) {
                if self.shown.is_some() {
                    scratch.extend_from_slice(&position.to_le_bytes());
                }
                scratch.extend_from_slice(cell);
            }
            column.push(Value::Text(&scratch))?;
        }
        Ok(vec![column.finish()])
    }

    pub(super) fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let cells = state::column(state, 0, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let mut bytes = state::bytes(cells, row)?;
            while !bytes.is_empty() {
                let position = if self.shown.is_some() { u64::from_le_bytes(take(&mut bytes)?) } else { 0 };
                self.insert_value(group as usize, cell::read(self.kind, &mut bytes)?, position)?;
            }
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        let groups = (self.counts.capacity() + self.newest.capacity()) * size_of::<u32>();
        // A number and a byte of control for each slot.
        let shown = self.shown.as_ref().map_or(0, |shown| shown.capacity() * size_of::<Shown>()) + self.shown_bytes;
        groups + shown + self.pairs.capacity() * size_of::<Pair>() + self.bytes.capacity() + self.table.capacity() * (size_of::<u32>() + 1)
    }
}

/// Where the value of a pair begins.
#[inline]
fn start(pairs: &[Pair], number: u32) -> usize {
    (number as usize).checked_sub(1).map_or(0, |before| pairs[before].end)
}
