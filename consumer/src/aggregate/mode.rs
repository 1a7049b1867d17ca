//! `mode(x)`: the most frequent value; of several as frequent, the one that came first. Null is skipped; of nothing it is null.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    cell, other_type,
    state::{self, CorruptState, take},
    value_sets::ValueSets,
};
use crate::{
    expr::{Expr, Vector},
    language::{
        AggregateWord,
        signature::{CheckedAggregate, kind},
    },
    plan::{Accumulator, Aggregate, AggregateFunction, Groups},
};

/// `mode`
pub(crate) static MODE: AggregateWord = AggregateWord {
    name: "mode",
    syntax: "mode(EXPR)",
    doc: "the most frequent value; of several, the one that came first",
    example: "mode(status) by host",
    args: 1..=1,
    family: None,
    check: |_, _, args| {
        let kind = kind(&args, 0);
        Ok(CheckedAggregate::new(MostFrequent, args, kind))
    },
};

struct MostFrequent;

impl AggregateFunction for MostFrequent {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        let kind = aggregate.arg(0);
        Box::new(Mode { kind, sets: ValueSets::new(kind, true), tallies: Vec::new() })
    }

    fn is_open(&self, aggregate: &Aggregate) -> bool {
        aggregate.args.iter().any(Expr::is_open)
    }
}

/// The distinct values of all groups, and how often each came.
struct Mode {
    kind: Type,
    sets: ValueSets,
    /// By the numbers of the pairs of a group and a value.
    tallies: Vec<Tally>,
}

/// How often a value came, and where it came first.
#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    first: u64,
}

impl Mode {
    fn tally(&mut self, group: usize, value: Value<'_>, shown_at: u64, more: Tally) -> Result<(), Error> {
        let Some(number) = self.sets.insert_value(group, value, shown_at)? else { return Ok(()) };
        match self.tallies.get_mut(number as usize) {
            Some(tally) => {
                tally.count = state::add_counts(tally.count, more.count)?;
                tally.first = tally.first.min(more.first);
            }
            // Pairs are numbered one by one.
            None => self.tallies.push(more),
        }
        Ok(())
    }

    fn value(&self, group: u32) -> Result<Value<'_>, CorruptState> {
        let tally = |number: &u32| self.tallies.get(*number as usize).map(|tally| (tally.count, std::cmp::Reverse(tally.first)));
        match self.sets.numbers(group).max_by_key(tally) {
            Some(number) => cell::read(self.kind, &mut self.sets.cell(number).1),
            None => Ok(Value::Null),
        }
    }
}

impl Accumulator for Mode {
    fn resize(&mut self, groups: usize) {
        self.sets.resize(groups);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], position: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        if self.kind != Type::Mixed && input.kind() != self.kind && input.kind() != Type::Null {
            return Err(other_type());
        }
        groups.try_for_each(|row, group| {
            let first = position + row as u64;
            self.tally(group, input.value(row), first, Tally { count: 1, first })
        })
    }

    /// Of each value of a group its count, where it came first, where what is shown of it came, and the value.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut column, mut bytes) = (ColumnBuilder::new(Type::Text), Vec::new());
        for &group in groups {
            bytes.clear();
            for number in self.sets.numbers(group) {
                let (tally, (shown_at, cell)) = (self.tallies.get(number as usize).ok_or(CorruptState)?, self.sets.cell(number));
                [tally.count, tally.first, shown_at].iter().for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
                bytes.extend_from_slice(cell);
            }
            column.push(Value::Text(&bytes))?;
        }
        Ok(vec![column.finish()])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let column = state::column(state, 0, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let mut bytes = state::bytes(column, row)?;
            while !bytes.is_empty() {
                let [count, first, shown_at] = [take(&mut bytes)?, take(&mut bytes)?, take(&mut bytes)?].map(u64::from_le_bytes);
                let value = cell::read(self.kind, &mut bytes)?;
                self.tally(group as usize, value, shown_at, Tally { count: state::add_counts(count, 0)?, first })?;
            }
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(self.kind);
        groups.iter().try_for_each(|&group| column.push(self.value(group)?))?;
        Ok(column.finish())
    }

    fn bytes(&self) -> usize {
        self.sets.bytes() + self.tallies.capacity() * size_of::<Tally>()
    }
}
