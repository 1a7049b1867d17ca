//! `count`, `count(condition)`, `count(x)`: how many records, how many true, how many not null.

use recpipe::{Column, Error, PackedInts, Type};

use super::state;
use crate::{
    expr::{Expr, Operand, Values, Vector},
    language::{
        AggregateWord, Catalog,
        signature::{CheckedAggregate, Mistake},
    },
    plan::{Accumulator, Aggregate, AggregateFunction, Groups},
};

/// `count`
pub(crate) static COUNT: AggregateWord = AggregateWord {
    name: "count",
    syntax: "count | count(CONDITION) | count(EXPR)",
    doc: "records; those for which the condition is true; those that have the value",
    example: "count(status >= 400) as errors",
    args: 0..=1,
    family: None,
    check,
};

fn check(_: &Catalog, _: &str, args: Vec<Expr>) -> Result<CheckedAggregate, Mistake> {
    let what = match &args[..] {
        [] => What::Records,
        [condition] if condition.kind() == Type::Bool => What::True,
        _ => What::Present,
    };
    Ok(CheckedAggregate::new(what, args, Type::Int))
}

/// What is counted.
#[derive(Clone, Copy)]
enum What {
    /// Records.
    Records,
    /// Records for which the argument is true.
    True,
    /// Records for which the argument is not null.
    Present,
}

impl AggregateFunction for What {
    fn accumulator(&self, _: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(Count { what: *self, counts: Vec::new() })
    }
}

/// The counts of all groups.
struct Count {
    what: What,
    counts: Vec<i64>,
}

impl Accumulator for Count {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let counts = &mut self.counts;
        match (self.what, args, groups) {
            (What::True, [input], _) => {
                let truth = input.clone().truth();
                groups.for_each(|row, group| counts[group] += i64::from(truth.get(row)));
            }
            (What::Present, [input], _) => groups.for_each(|row, group| counts[group] += i64::from(!input.is_null(row))),
            (_, _, Groups::One(rows)) => counts[0] += *rows as i64,
            (_, _, Groups::Each(groups)) => groups.iter().for_each(|&group| counts[group as usize] += 1),
        }
        Ok(())
    }

    fn running(&mut self, groups: &[u32], args: &[Vector], _: u64) -> Result<Vector, Error> {
        let truth = match (self.what, args) {
            (What::True, [input]) => input.clone().truth(),
            (What::Present, [input]) => input.null_operand().map(|null| !null),
            _ => Operand::One(true),
        };
        let counts = &mut self.counts;
        let count = |(row, &group): (usize, &u32)| {
            let count = &mut counts[group as usize];
            *count += i64::from(truth.get(row));
            *count
        };
        Ok(Vector { len: groups.len(), values: Values::Int(Operand::Each(groups.iter().enumerate().map(count).collect())), nulls: None })
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
