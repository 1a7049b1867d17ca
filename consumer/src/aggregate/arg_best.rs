//! `argmax(x, y)` and `argmin(x, y)`: the y of the record in which x is largest or smallest; of several such records, the
//! earliest. Records in which x or y is null are skipped; of nothing it is null. With x alone it is `max(x)` and
//! `min(x)`, for values that are equal and look different.

use std::cmp::Ordering;

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    other_type,
    state::{self, CorruptState},
    value_store::ValueStore,
};
use crate::{
    expr::{Expr, Values, Vector, is_better},
    language::{
        AggregateWord,
        signature::{CheckedAggregate, kind},
    },
    plan::{Accumulator, Aggregate, AggregateFunction, Groups},
};

/// `argmin`
pub(crate) static ARGMIN: AggregateWord = AggregateWord {
    name: "argmin",
    syntax: "argmin(EXPR, EXPR)",
    doc: "the second value where the first is least; of several, the earliest record's",
    example: "argmin(bytes, request) by host",
    args: 2..=2,
    family: None,
    check: |_, _, args| Ok(check(args, Ordering::Less)),
};

/// `argmax`
pub(crate) static ARGMAX: AggregateWord = AggregateWord {
    name: "argmax",
    syntax: "argmax(EXPR, EXPR)",
    doc: "the second value where the first is greatest; of several, the earliest record's",
    example: "argmax(bytes, request) as largest",
    args: 2..=2,
    family: None,
    check: |_, _, args| Ok(check(args, Ordering::Greater)),
};

fn check(args: Vec<Expr>, wanted: Ordering) -> CheckedAggregate {
    let kind = kind(&args, 1);
    CheckedAggregate::new(Best { wanted }, args, kind)
}

struct Best {
    /// [`Ordering::Less`] for `argmin`, [`Ordering::Greater`] for `argmax`.
    wanted: Ordering,
}

impl AggregateFunction for Best {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(ArgBest::new(aggregate.arg(0), aggregate.arg(1), self.wanted))
    }

    fn is_open(&self, aggregate: &Aggregate) -> bool {
        aggregate.args.get(1).is_some_and(Expr::is_open)
    }
}

/// The best records of all groups.
pub(super) struct ArgBest {
    /// As of [`Best`].
    wanted: Ordering,
    x: ValueStore,
    y: ValueStore,
    /// Where the best record stood in the input; [`NONE`] where there is none.
    positions: Vec<u64>,
}

const NONE: u64 = u64::MAX;

impl ArgBest {
    /// `x` and `y` are the types of the arguments.
    pub(super) fn new(x: Type, y: Type, wanted: Ordering) -> Self {
        ArgBest { wanted, x: ValueStore::new(x), y: ValueStore::new(y), positions: Vec::new() }
    }

    /// Whether `x` at `position` is better than what the group has.
    #[inline]
    fn is_better(&self, group: usize, x: &Value<'_>, position: u64) -> bool {
        match self.x.get(group) {
            Value::Null => true,
            best if x.total_cmp(&best) == Ordering::Equal => position < self.positions[group],
            best => is_better(x, &best, self.wanted),
        }
    }
}

impl Accumulator for ArgBest {
    fn resize(&mut self, groups: usize) {
        self.x.resize(groups);
        self.y.resize(groups);
        self.positions.resize(groups, NONE);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], position: u64) -> Result<(), Error> {
        let (x, y) = match args {
            [x] => (x, x),
            [x, y] => (x, y),
            _ => return Err(other_type()),
        };
        if matches!(x.values, Values::Null) || matches!(y.values, Values::Null) {
            return Ok(());
        }
        let is_null = |row| x.is_null(row) || y.is_null(row);
        let mut is_changed = false;
        if let (Values::Int(values), Some((best, present))) = (&x.values, self.x.ints()) {
            let (wanted, positions) = (self.wanted, &mut self.positions);
            groups.for_each(|row, group| {
                let (value, position) = (values.get(row), position + row as u64);
                let is_better = match value.cmp(&best[group]) {
                    Ordering::Equal => position < positions[group],
                    order => order == wanted,
                };
                if (is_better || !present[group]) && !is_null(row) {
                    (best[group], present[group], positions[group]) = (value, true, position);
                    is_changed = true;
                }
            });
        } else {
            groups.try_for_each(|row, group| {
                let (value, position) = (x.value(row), position + row as u64);
                if !is_null(row) && self.is_better(group, &value, position) {
                    self.positions[group] = position;
                    self.x.set(group, value)?;
                    is_changed = true;
                }
                Ok(())
            })?;
        }
        // In a rising input every record is better than the one before: y is copied once a batch.
        if is_changed {
            groups.try_for_each(|row, group| match position + row as u64 == self.positions[group] {
                true => self.y.set(group, y.value(row)),
                false => Ok(()),
            })?;
        }
        Ok(())
    }

    /// x, y, and the position.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        Ok(vec![self.x.column(groups)?, self.y.column(groups)?, positions(&self.positions, groups)?])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let x = state::column(state, 0, self.x.kind(), into.len())?;
        let y = state::column(state, 1, self.y.kind(), into.len())?;
        let positions = state::column(state, 2, Type::Int, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let (group, value, position) = (group as usize, x.value(row), state::int(positions, row)?.ok_or(CorruptState)? as u64);
            if !x.is_null(row) && self.is_better(group, &value, position) {
                self.positions[group] = position;
                self.x.set(group, value)?;
                self.y.set(group, y.value(row))?;
            }
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        self.y.column(groups)
    }

    fn bytes(&self) -> usize {
        self.x.bytes() + self.y.bytes() + self.positions.capacity() * size_of::<u64>()
    }
}

/// The positions of these groups.
fn positions(positions: &[u64], groups: &[u32]) -> Result<Column, Error> {
    let mut column = ColumnBuilder::new(Type::Int);
    // They are below 2⁶³, and what stands for none is not looked at where there is no value.
    groups.iter().try_for_each(|&group| column.push(Value::Int((positions[group as usize] as i64).into())))?;
    Ok(column.finish())
}
