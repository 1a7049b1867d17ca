//! `min(x)` and `max(x)` of what looks the same where it is equal, by the total order of values. Null is skipped; of
//! nothing it is null. (Times are left to [`super::arg_best`]: the same moment in two offsets is equal and looks
//! different, and the earlier record's is kept.)

use std::cmp::Ordering;

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{arg_best::ArgBest, other_type, state, value_store::ValueStore};
use crate::{
    expr::{Expr, Values, Vector},
    language::{
        AggregateWord,
        signature::{CheckedAggregate, kind},
    },
    plan::{Accumulator, Aggregate, AggregateFunction, Groups, Takes},
};

/// `min`
pub(crate) static MIN: AggregateWord = AggregateWord {
    name: "min",
    syntax: "min(EXPR)",
    doc: "the least value",
    example: "min(bytes), max(bytes) by status",
    args: 1..=1,
    family: None,
    check: |_, _, args| Ok(check(args, Ordering::Less)),
};

/// `max`
pub(crate) static MAX: AggregateWord = AggregateWord {
    name: "max",
    syntax: "max(EXPR)",
    doc: "the greatest value",
    example: "max(bytes) as largest",
    args: 1..=1,
    family: None,
    check: |_, _, args| Ok(check(args, Ordering::Greater)),
};

fn check(args: Vec<Expr>, wanted: Ordering) -> CheckedAggregate {
    let kind = kind(&args, 0);
    CheckedAggregate::new(Extreme { wanted }, args, kind)
}

struct Extreme {
    /// [`Ordering::Less`] for `min`, [`Ordering::Greater`] for `max`.
    wanted: Ordering,
}

impl AggregateFunction for Extreme {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        match aggregate.arg(0) {
            kind @ (Type::Time | Type::Mixed) => Box::new(ArgBest::new(kind, kind, self.wanted)),
            kind => Box::new(MinMax { wanted: self.wanted, best: ValueStore::new(kind) }),
        }
    }

    fn is_open(&self, aggregate: &Aggregate) -> bool {
        aggregate.args.iter().any(Expr::is_open)
    }

    fn takes(&self) -> Takes {
        Takes::NumbersFirst
    }
}

/// The least or greatest values of all groups.
struct MinMax {
    /// As of [`Extreme`].
    wanted: Ordering,
    best: ValueStore,
}

impl MinMax {
    fn keep(&mut self, group: usize, value: Value<'_>) -> Result<(), Error> {
        // One zero and one NaN: which of those that are equal came first is not to show.
        let value = match value {
            Value::Float(value) if value.is_nan() => Value::Float(f64::NAN),
            Value::Float(value) => Value::Float(value + 0.0),
            value => value,
        };
        match (self.best.get(group), value) {
            (_, Value::Null) => Ok(()),
            (best, value) if !matches!(best, Value::Null) && value.total_cmp(&best) != self.wanted => Ok(()),
            _ => self.best.set(group, value),
        }
    }
}

impl Accumulator for MinMax {
    fn resize(&mut self, groups: usize) {
        self.best.resize(groups);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        let wanted = self.wanted;
        match (&input.values, self.best.ints()) {
            (Values::Null, _) => {}
            (Values::Int(values), Some((best, present))) => groups.for_each(|row, group| {
                let value = values.get(row);
                if !input.is_null(row) && (!present[group] || value.cmp(&best[group]) == wanted) {
                    best[group] = value;
                    present[group] = true;
                }
            }),
            (Values::Text(texts), _) => groups.try_for_each(|row, group| match (texts.get(row), self.best.get(group)) {
                _ if input.is_null(row) => Ok(()),
                (text, Value::Text(best)) if text.cmp(best) != wanted => Ok(()),
                (text, _) => self.best.set(group, Value::Text(text)),
            })?,
            _ => groups.try_for_each(|row, group| self.keep(group, input.value(row)))?,
        }
        Ok(())
    }

    fn running(&mut self, groups: &[u32], args: &[Vector], _: u64) -> Result<Vector, Error> {
        let [input] = args else { return Err(other_type()) };
        let mut results = ColumnBuilder::new(self.best.kind());
        for (row, &group) in groups.iter().enumerate() {
            self.keep(group as usize, input.value(row))?;
            results.push(self.best.get(group as usize))?;
        }
        Ok(Vector::from_rows(&results.finish(), None))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        Ok(vec![self.best.column(groups)?])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let best = state::column(state, 0, self.best.kind(), into.len())?;
        into.iter().enumerate().try_for_each(|(row, &group)| self.keep(group as usize, best.value(row)))
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        self.best.column(groups)
    }

    fn bytes(&self) -> usize {
        self.best.bytes()
    }
}
