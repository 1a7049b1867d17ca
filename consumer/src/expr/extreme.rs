//! The least and the greatest of values, which may be of several kinds.

use std::cmp::Ordering;

use recpipe::{
    Error, Type, Value,
    record::compare::{CompareOp, compare},
};

use super::{
    Function, eval,
    vector::{Values, Vector, merge_nulls},
};

/// The least or the greatest of each row's values; of several kinds, as [`is_better`] says.
pub(super) fn extreme(function: Function, kind: Type, args: Vec<Vector>) -> Result<Vector, Error> {
    if kind == Type::Mixed {
        let wanted = if function == Function::Min { Ordering::Less } else { Ordering::Greater };
        let best = |row: usize| {
            args.iter().map(|arg| arg.value(row)).reduce(|best, next| if is_better(&next, &best, wanted) { next } else { best })
        };
        let is_null = |row: usize| args.iter().any(|arg| arg.is_null(row));
        let len = args.first().map_or(0, |arg| arg.len);
        return Vector::collect((0..len).map(|row| if is_null(row) { Value::Null } else { best(row).unwrap_or(Value::Null) }));
    }
    let mut args = args.into_iter().map(|arg| if kind == Type::Float { arg.into_float() } else { arg });
    let Some(mut best) = args.next() else { return Ok(Vector::null(0)) };
    for next in args {
        let nulls = merge_nulls(best.nulls.take(), next.nulls.clone());
        let next = Vector { nulls: None, ..next };
        best = match (&best.values, &next.values, function) {
            (Values::Int(a), Values::Int(b), Function::Min) => Vector { values: Values::Int(a.zip(b, i64::min)), ..best },
            (Values::Int(a), Values::Int(b), _) => Vector { values: Values::Int(a.zip(b, i64::max)), ..best },
            // NaN comes after all other numbers, as in sorting.
            (Values::Float(a), Values::Float(b), Function::Min) => Vector { values: Values::Float(a.zip(b, f64::min)), ..best },
            (Values::Float(a), Values::Float(b), _) => {
                let max = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
                Vector { values: Values::Float(a.zip(b, max)), ..best }
            }
            (_, _, function) => {
                let op = if function == Function::Min { CompareOp::Le } else { CompareOp::Ge };
                let first = compare(op, &best, &next).truth();
                eval::choose(&first, best, next, kind)?
            }
        };
        best.nulls = nulls;
    }
    Ok(best)
}

/// Whether a value is less, or greater, as is wanted, than the best so far. Values of different kinds are not compared: numbers
/// are better than times, those than bools, and those than text, whichever is wanted. NaN comes after all other numbers.
pub(crate) fn is_better(next: &Value<'_>, best: &Value<'_>, wanted: Ordering) -> bool {
    match class(next).cmp(&class(best)) {
        Ordering::Equal => next.total_cmp(best) == wanted,
        order => order == Ordering::Less,
    }
}

fn class(value: &Value<'_>) -> u8 {
    match value {
        Value::Int(_) | Value::Float(_) => 0,
        Value::Time(_) => 1,
        Value::Bool(_) => 2,
        Value::Text(_) => 3,
        Value::Null => 4,
    }
}
