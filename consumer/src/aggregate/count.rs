//! `count`, `count(condition)`, `count(x)`: how many records, how many true, how many not null.

use std::any::Any;

use recpipe::{Column, Error, Ints};

use super::{Accumulator, Groups, same_kind};
use crate::{expr::Vector, query::plan::AggregateFunction};

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

    fn add(&mut self, groups: &Groups<'_>, input: Option<&Vector>) -> Result<(), Error> {
        let counts = &mut self.counts;
        match (self.function, input, groups) {
            (AggregateFunction::CountTrue, Some(input), _) => {
                let truth = input.clone().truth();
                groups.for_each(|row, group| counts[group] += i64::from(truth.get(row)));
            }
            (AggregateFunction::CountPresent, Some(input), _) => {
                groups.for_each(|row, group| counts[group] += i64::from(!input.is_null(row)))
            }
            (_, _, Groups::One(rows)) => counts[0] += *rows as i64,
            (_, _, Groups::Each(groups)) => groups.iter().for_each(|&group| counts[group as usize] += 1),
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Any>, into: &[u32]) -> Result<(), Error> {
        let other = same_kind::<Self>(other)?;
        for (count, &group) in other.counts.iter().zip(into) {
            self.counts[group as usize] += count;
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let counts: Vec<i64> = groups.iter().map(|&group| self.counts[group as usize]).collect();
        Ok(Column::int(Ints::pack(&counts)))
    }
}
