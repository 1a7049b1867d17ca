//! `count`, `count(condition)`, `count(x)`: how many records, how many true, how many not null.

use recpipe::{Column, Error, PackedInts, Type};

use super::{Accumulator, Groups, state};
use crate::{expr::Vector, plan::AggregateFunction};

/// The counts of all groups.
pub(super) struct Count {
    function: AggregateFunction,
    counts: Vec<i64>,
}

impl Count {
    pub(super) fn new(function: AggregateFunction) -> Self {
        Count { function, counts: Vec::new() }
    }
}

impl Accumulator for Count {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let counts = &mut self.counts;
        match (self.function, args, groups) {
            (AggregateFunction::CountTrue, [input], _) => {
                let truth = input.clone().truth();
                groups.for_each(|row, group| counts[group] += i64::from(truth.get(row)));
            }
            (AggregateFunction::CountPresent, [input], _) => groups.for_each(|row, group| counts[group] += i64::from(!input.is_null(row))),
            (_, _, Groups::One(rows)) => counts[0] += *rows as i64,
            (_, _, Groups::Each(groups)) => groups.iter().for_each(|&group| counts[group as usize] += 1),
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        Ok(vec![self.finish(groups)?])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let counts = state::column(state, 0, Type::Int, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let count = &mut self.counts[group as usize];
            *count = state::add_counts(*count as u64, state::count(counts, row)?)? as i64;
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let counts: Vec<i64> = groups.iter().map(|&group| self.counts[group as usize]).collect();
        Ok(Column::int(PackedInts::pack(&counts)))
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }
}
