//! `distinct(x)`: how many distinct values there are, exactly; null is none. `set(x)`: what they are, as [`json`] text, in
//! the order of values.

use recpipe::{Column, ColumnBuilder, Error, PackedInts, Type, Value};

use super::{json, value_sets::ValueSets};
use crate::{
    expr::Vector,
    language::{AggregateWord, signature::CheckedAggregate},
    plan::{Accumulator, Aggregate, AggregateFunction, Groups},
};

/// `distinct`
pub(crate) static DISTINCT: AggregateWord = AggregateWord {
    name: "distinct",
    syntax: "distinct(EXPR)",
    doc: "how many different values, exactly",
    example: "distinct(host) by status",
    args: 1..=1,
    family: None,
    check: |_, _, args| Ok(CheckedAggregate::new(OfSets { shows_values: false }, args, Type::Int)),
};

/// `set`
pub(crate) static SET: AggregateWord = AggregateWord {
    name: "set",
    syntax: "set(EXPR)",
    doc: "the different values, sorted, as a JSON array",
    example: "set(status) by host",
    args: 1..=1,
    family: None,
    check: |_, _, args| Ok(CheckedAggregate::new(OfSets { shows_values: true }, args, Type::Text)),
};

struct OfSets {
    shows_values: bool,
}

impl AggregateFunction for OfSets {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        let sets = ValueSets::new(aggregate.arg(0), self.shows_values);
        Box::new(Distinct { shows_values: self.shows_values, sets })
    }
}

/// The distinct values of all groups.
struct Distinct {
    shows_values: bool,
    sets: ValueSets,
}

impl Accumulator for Distinct {
    fn resize(&mut self, groups: usize) {
        self.sets.resize(groups);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], position: u64) -> Result<(), Error> {
        self.sets.add(groups, args, position)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        self.sets.state(groups)
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        self.sets.merge_state(state, into)
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        if !self.shows_values {
            let counts: Vec<i64> = groups.iter().map(|&group| self.sets.count(group)).collect();
            return Ok(Column::int(PackedInts::pack(&counts)));
        }
        let mut column = ColumnBuilder::new(Type::Text);
        for &group in groups {
            column.push(Value::Text(&json::array(self.sets.sorted(group)?)))?;
        }
        Ok(column.finish())
    }

    fn bytes(&self) -> usize {
        self.sets.bytes()
    }
}
