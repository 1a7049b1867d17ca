//! `min(x)` and `max(x)`, of any type, by the total order of values. Null is skipped; of nothing it is null. Of equal
//! values that look different (the same moment in two offsets) the one with the smaller offset is kept, so that the
//! answer does not depend on the order.

use std::{any::Any, cmp::Ordering};

use recpipe::{Column, ColumnBuilder, Error, Time, Type, Value};

use super::{Accumulator, Groups, same_kind};
use crate::expr::{Values, Vector};

/// The least or greatest values of all groups.
pub(super) struct MinMax {
    kind: Type,
    /// [`Ordering::Less`] for `min`, [`Ordering::Greater`] for `max`.
    wanted: Ordering,
    best: Vec<Option<Owned>>,
}

/// A value that outlives its batch.
enum Owned {
    Bool(bool),
    Int(i64),
    Float(f64),
    Time(Time),
    Text(Vec<u8>),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Owned::Bool(value) => Value::Bool(*value),
            Owned::Int(value) => Value::Int(*value),
            Owned::Float(value) => Value::Float(*value),
            Owned::Time(value) => Value::Time(*value),
            Owned::Text(text) => Value::Text(text),
        }
    }
}

impl MinMax {
    pub(super) fn new(kind: Type, wanted: Ordering) -> Self {
        MinMax { kind, wanted, best: Vec::new() }
    }
}

fn order(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    let offset = |value: &Value<'_>| if let Value::Time(time) = value { time.offset_s } else { 0 };
    a.total_cmp(b).then_with(|| offset(a).cmp(&offset(b)))
}

fn keep(best: &mut Option<Owned>, value: Value<'_>, wanted: Ordering) {
    if best.as_ref().is_some_and(|best| order(&value, &best.value()) != wanted) {
        return;
    }
    *best = match value {
        Value::Null => return,
        Value::Bool(value) => Some(Owned::Bool(value)),
        Value::Int(value) => Some(Owned::Int(value)),
        // One zero: -0.0 is equal to 0.0, and which of them came first is not to show.
        Value::Float(value) => Some(Owned::Float(value + 0.0)),
        Value::Time(value) => Some(Owned::Time(value)),
        Value::Text(text) => match best.take() {
            Some(Owned::Text(mut old)) => {
                old.clear();
                old.extend_from_slice(text);
                Some(Owned::Text(old))
            }
            _ => Some(Owned::Text(text.to_vec())),
        },
    };
}

impl Accumulator for MinMax {
    fn resize(&mut self, groups: usize) {
        self.best.resize_with(groups, || None);
    }

    fn add(&mut self, groups: &Groups<'_>, input: Option<&Vector>) -> Result<(), Error> {
        let Some(input) = input else { return Err(Error::Protocol("min or max without an argument")) };
        let (best, wanted) = (&mut self.best, self.wanted);
        match &input.values {
            Values::Null => {}
            Values::Int(values) => groups.for_each(|row, group| match &mut best[group] {
                Some(Owned::Int(best)) if !input.is_null(row) => {
                    let value = values.get(row);
                    if value.cmp(best) == wanted {
                        *best = value;
                    }
                }
                best => keep(best, input.value(row), wanted),
            }),
            _ => groups.for_each(|row, group| {
                let value = input.value(row);
                if !matches!(value, Value::Null) {
                    keep(&mut best[group], value, wanted);
                }
            }),
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Any>, into: &[u32]) -> Result<(), Error> {
        let other = same_kind::<Self>(other)?;
        for (from, &group) in other.best.iter().zip(into) {
            if let Some(from) = from {
                keep(&mut self.best[group as usize], from.value(), self.wanted);
            }
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(self.kind);
        for &group in groups {
            column.push(self.best[group as usize].as_ref().map_or(Value::Null, Owned::value))?;
        }
        Ok(column.finish())
    }
}
