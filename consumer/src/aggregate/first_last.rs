//! `first(x)` and `last(x)`: the value of the first or last record, in the order of the input, in which x is not null.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    other_type,
    state::{self, CorruptState},
    value_store::ValueStore,
};
use crate::{
    expr::{Expr, Values, Vector},
    language::{
        AggregateWord,
        signature::{CheckedAggregate, kind},
    },
    plan::{Accumulator, Aggregate, AggregateFunction, Groups},
};

/// `first`
pub(crate) static FIRST: AggregateWord = AggregateWord {
    name: "first",
    syntax: "first(EXPR)",
    doc: "the first value in the order of the input",
    example: "first(datetime), last(datetime) by host",
    args: 1..=1,
    family: None,
    check: |_, _, args| Ok(check(args, false)),
};

/// `last`
pub(crate) static LAST: AggregateWord = AggregateWord {
    name: "last",
    syntax: "last(EXPR)",
    doc: "the last value in the order of the input",
    example: "last(request) by host",
    args: 1..=1,
    family: None,
    check: |_, _, args| Ok(check(args, true)),
};

fn check(args: Vec<Expr>, is_last: bool) -> CheckedAggregate {
    let kind = kind(&args, 0);
    CheckedAggregate::new(End { is_last }, args, kind)
}

struct End {
    is_last: bool,
}

impl AggregateFunction for End {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(FirstLast::new(aggregate.arg(0), self.is_last))
    }

    fn is_open(&self, aggregate: &Aggregate) -> bool {
        aggregate.args.iter().any(Expr::is_open)
    }
}

/// The first or last values of all groups.
pub(super) struct FirstLast {
    is_last: bool,
    values: ValueStore,
    /// The position of the value, negative for `last`, so that the smaller one is wanted; [`NONE`] where there is no value.
    ranks: Vec<i64>,
}

const NONE: i64 = i64::MAX;

impl FirstLast {
    /// `kind` is the type of the argument.
    pub(super) fn new(kind: Type, is_last: bool) -> Self {
        FirstLast { is_last, values: ValueStore::new(kind), ranks: Vec::new() }
    }

    /// Positions are below 2⁶³.
    #[inline]
    fn rank(&self, position: u64) -> i64 {
        if self.is_last { -(position as i64) } else { position as i64 }
    }
}

impl Accumulator for FirstLast {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups);
        self.ranks.resize(groups, NONE);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], position: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        if matches!(input.values, Values::Null) {
            return Ok(());
        }
        let mut is_changed = false;
        groups.for_each(|row, group| {
            let rank = self.rank(position + row as u64);
            if rank < self.ranks[group] && !input.is_null(row) {
                self.ranks[group] = rank;
                is_changed = true;
            }
        });
        // Copied when it is known which it is: `last` would copy every record.
        if is_changed {
            groups.try_for_each(|row, group| match self.rank(position + row as u64) == self.ranks[group] {
                true => self.values.set(group, input.value(row)),
                false => Ok(()),
            })?;
        }
        Ok(())
    }

    /// The value, and its rank.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let mut ranks = ColumnBuilder::new(Type::Int);
        groups.iter().try_for_each(|&group| ranks.push(Value::Int(self.ranks[group as usize].into())))?;
        Ok(vec![self.values.column(groups)?, ranks.finish()])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let values = state::column(state, 0, self.values.kind(), into.len())?;
        let ranks = state::column(state, 1, Type::Int, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let (group, rank) = (group as usize, state::int(ranks, row)?.ok_or(CorruptState)?);
            if rank < self.ranks[group] && !values.is_null(row) {
                self.ranks[group] = rank;
                self.values.set(group, values.value(row))?;
            }
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        self.values.column(groups)
    }

    fn bytes(&self) -> usize {
        self.values.bytes() + self.ranks.capacity() * size_of::<i64>()
    }
}
