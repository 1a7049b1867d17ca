//! Aggregates of one's own, which see one record at a time.

use recpipe::{Column, ColumnBuilder, Error, Text, Type, Value, record::column};

use super::{Accumulator, Aggregate, AggregateFunction, Groups};
use crate::expr::Vector;

/// What an aggregate of one's own keeps of one group.
///
/// Groups are gathered on several threads, in files and by other processes, and put together in any order: what it gives must not depend
/// on the order of its records.
pub trait Fold: Send {
    /// Adds the values of one record, all of which are there: one with a null does not count.
    ///
    /// # Errors
    /// What is wrong with them.
    fn add(&mut self, values: &[Value<'_>]) -> Result<(), String>;

    /// All that it has, to be merged elsewhere.
    fn state(&self) -> Vec<u8>;

    /// Adds what [`Fold::state`] of another has given. It may come from a file or another process: nothing in it is to be believed.
    ///
    /// # Errors
    /// It is no such state.
    fn merge(&mut self, state: &[u8]) -> Result<(), String>;

    /// What it gives, of the word's type, or null; text it writes into the buffer, which is empty, or lends.
    ///
    /// # Errors
    /// Why there is no result.
    fn finish<'v>(&'v self, text: &'v mut Vec<u8>) -> Result<Value<'v>, String>;

    /// The bytes that it has allocated, near enough; asked after each record.
    fn bytes(&self) -> usize {
        0
    }
}

/// The aggregate function of folds that `make` makes.
pub(crate) struct Folds {
    pub(crate) make: fn() -> Box<dyn Fold>,
}

impl AggregateFunction for Folds {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(Folded { make: self.make, kind: aggregate.kind, name: aggregate.name.clone(), groups: Vec::new(), bytes: 0 })
    }
}

/// The folds of all groups.
struct Folded {
    make: fn() -> Box<dyn Fold>,
    kind: Type,
    name: String,
    groups: Vec<Box<dyn Fold>>,
    /// What they have allocated.
    bytes: usize,
}

impl Folded {
    fn change(&mut self, group: usize, change: impl FnOnce(&mut dyn Fold) -> Result<(), String>) -> Result<(), Error> {
        let fold = &mut self.groups[group];
        let before = fold.bytes();
        change(&mut **fold).map_err(|what| Error::Data(format!("`{}`: {what}", self.name)))?;
        self.bytes = (self.bytes + fold.bytes()).saturating_sub(before);
        Ok(())
    }
}

impl Accumulator for Folded {
    fn resize(&mut self, groups: usize) {
        while self.groups.len() < groups {
            let fold = (self.make)();
            self.bytes += fold.bytes() + size_of::<Box<dyn Fold>>() + size_of_val(&*fold);
            self.groups.push(fold);
        }
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        groups.try_for_each(|row, group| {
            let values: Vec<Value<'_>> = args.iter().map(|arg| arg.value(row)).collect();
            match values.iter().any(|value| matches!(value, Value::Null)) {
                true => Ok(()),
                false => self.change(group, |fold| fold.add(&values)),
            }
        })
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let states: Vec<Vec<u8>> = groups.iter().map(|&group| self.groups[group as usize].state()).collect();
        Ok(vec![Column::text(Text::collect(states.iter().map(Vec::as_slice)))])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let wrong = || Error::Data(format!("`{}`: a state that is none", self.name));
        let [column] = state else { return Err(wrong()) };
        if column.len() != into.len() || !matches!(column.values(), column::Values::Text(_)) && !into.is_empty() {
            return Err(wrong());
        }
        for (row, &group) in into.iter().enumerate() {
            let Value::Text(state) = column.value(row) else { return Err(Error::Data(format!("`{}`: a state that is none", self.name))) };
            self.change(group as usize, |fold| fold.merge(state))?;
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut results = ColumnBuilder::new(self.kind);
        for &group in groups {
            let mut text = Vec::new();
            let value = self.groups[group as usize].finish(&mut text);
            let value = value.map_err(|what| Error::Data(format!("`{}`: {what}", self.name)))?;
            if ![self.kind, Type::Null].contains(&value.kind()) {
                return Err(Error::Data(format!("`{}` gives {}, and is to give {}", self.name, value.kind(), self.kind)));
            }
            results.push(value)?;
        }
        Ok(results.finish())
    }

    fn bytes(&self) -> usize {
        self.bytes
    }
}
