//! Calculating with times. A duration is a number of seconds.

use recpipe::{Error, Time, times::Times};

use super::{
    ArithmeticOp, Expr,
    rows::Rows,
    vector::{Values, Vector},
};

pub(crate) const SECOND: i128 = 1_000_000_000;

/// Nanoseconds that lead from no time to another, and from which one can still calculate.
const FAR: i128 = 1 << 100;

/// `time + seconds`, `seconds + time`, `time - seconds`, and the seconds of `time - time`.
pub(super) fn arithmetic(op: ArithmeticOp, expr: &Expr, left: &Vector, right: &Vector) -> Result<Vector, Error> {
    let rows = Rows::of(&[left, right]);
    match (&left.values, &right.values, op) {
        (Values::Time(a), Values::Time(b), ArithmeticOp::Sub) => Ok(rows.vector(Values::Float(a.zip(b, between)))),
        (Values::Time(times), _, ArithmeticOp::Add) | (_, Values::Time(times), ArithmeticOp::Add) => {
            let seconds = if matches!(left.values, Values::Time(_)) { right } else { left };
            times_of(expr, rows, |row| Some(moved(times.get(row), nanos(seconds, row)?)))
        }
        (Values::Time(times), _, ArithmeticOp::Sub) => times_of(expr, rows, |row| Some(moved(times.get(row), -nanos(right, row)?))),
        _ if expr.is_open() => Ok(Vector::null(left.len)),
        // The checker lets no other types through.
        _ => Err(Error::Data(format!("`{}` calculates with what is no time", expr.text()))),
    }
}

/// The seconds from `b` to `a`.
fn between(a: Time, b: Time) -> f64 {
    to_seconds(i128::from(a.nanos) - i128::from(b.nanos))
}

/// Nanoseconds as seconds.
pub(crate) fn to_seconds(nanos: i128) -> f64 {
    // Apart, so that whole seconds stay whole however many they are.
    match i64::try_from(nanos) {
        Ok(nanos) => (nanos / 1_000_000_000) as f64 + (nanos % 1_000_000_000) as f64 / 1e9,
        Err(_) => (nanos / SECOND) as f64 + (nanos % SECOND) as f64 / 1e9,
    }
}

fn moved(time: Time, by: i128) -> (i128, i32) {
    (i128::from(time.nanos) + by, time.offset_s)
}

/// A number of seconds in nanoseconds, to the nearest, and no further than [`FAR`]; `None` for NaN.
pub(crate) fn nanos(seconds: &Vector, row: usize) -> Option<i128> {
    let nanos = match &seconds.values {
        Values::Int(values) => i128::from(values.get(row)) * SECOND,
        Values::Wide(values) => values.get(row).saturating_mul(SECOND),
        Values::Float(values) => {
            let seconds = values.get(row);
            if seconds.is_nan() {
                return None;
            }
            (seconds.trunc() as i128).saturating_mul(SECOND).saturating_add((seconds.fract() * 1e9).round() as i128)
        }
        _ => return None,
    };
    Some(nanos.clamp(-FAR, FAR))
}

/// The times of these nanoseconds and offsets; null where there is none.
fn times_of(expr: &Expr, rows: Rows, mut of: impl FnMut(usize) -> Option<(i128, i32)>) -> Result<Vector, Error> {
    let results = rows.try_map(|row| match of(row) {
        None => Ok(None),
        Some((nanos, offset_s)) => i64::try_from(nanos).map(|nanos| Some(Time { nanos, offset_s })).map_err(|_| beyond(expr)),
    })?;
    Ok(rows.optional(results, Values::Time))
}

/// That a result is no time.
pub(crate) fn beyond(expr: &Expr) -> Error {
    Error::Data(format!("the result of `{}` is in no year that a time can be ({})", expr.text(), Times::YEARS))
}
