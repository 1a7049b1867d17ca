//! Calculating with times. A duration is a number of seconds.

use recpipe::{Error, Time};

use super::{
    Expr,
    arithmetic::{Ints, flags, narrowed, overflow, overflowing},
    rows::Rows,
    text::TextBuilder,
    vector::{Operand, Texts, Values, Vector, merge_nulls},
};
use crate::{query::ast::ArithmeticOp, strftime::TimeFormat};

const SECOND: i128 = 1_000_000_000;

/// Where the bins of times begin: a Monday at midnight, 1970-01-05, so that weeks begin on Mondays.
const MONDAY: i128 = 4 * 86_400 * SECOND;

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
    let nanos = i128::from(a.nanos) - i128::from(b.nanos);
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
fn nanos(seconds: &Vector, row: usize) -> Option<i128> {
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
    let results = rows.try_map(|row| {
        let Some((nanos, offset_s)) = of(row) else { return Ok(None) };
        match i64::try_from(nanos) {
            Ok(nanos) => Ok(Some(Time { nanos, offset_s })),
            Err(_) => Err(Error::Data(format!("the result of `{}` is in no year that a time can be (1678 to 2261)", expr.text()))),
        }
    })?;
    Ok(rows.optional(results, Values::Time))
}

/// `bin(value, width)`: the greatest multiple of the width that is not above the value; null for a width that is not above 0.
/// Bins of times are cut on the clock of the time's own offset.
pub(super) fn bin(expr: &Expr, value: Vector, width: Vector) -> Result<Vector, Error> {
    if let Values::Time(times) = &value.values {
        let rows = Rows::of(&[&value, &width]);
        return times_of(expr, rows, |row| {
            let (time, width) = (times.get(row), nanos(&width, row).filter(|width| *width > 0)?);
            // From the origin on the local clock.
            let apart = MONDAY - i128::from(time.clock_offset_s()) * SECOND;
            let local = i128::from(time.nanos) - apart;
            let over = match (i64::try_from(local), i64::try_from(width)) {
                (Ok(local), Ok(width)) => i128::from(local.rem_euclid(width)),
                _ => local.rem_euclid(width),
            };
            Some((i128::from(time.nanos) - over, time.offset_s))
        });
    }
    let len = value.len;
    if let (Some(a), Some(b)) = (Ints::of(&value.values), Ints::of(&width.values)) {
        let (a, b) = (a.widened(), b.widened());
        let nulls = merge_nulls(merge_nulls(value.nulls.clone(), width.nulls.clone()), flags(len, &b, |width| width <= 0));
        let floor = |a: i128, width: i128| if width <= 0 { (0, false) } else { a.overflowing_sub(a.rem_euclid(width)) };
        let values = overflowing(len, nulls.as_deref(), &a, &b, floor);
        let values = values.map_err(|row| overflow(expr, &a, &b, row))?;
        return Ok(Vector { len, values: narrowed(values), nulls });
    }
    let (value, width) = (value.into_float(), width.into_float());
    let rows = Rows::of(&[&value, &width]);
    let (Values::Float(a), Values::Float(b)) = (&value.values, &width.values) else {
        return if expr.is_open() {
            Ok(Vector::null(len))
        } else {
            Err(Error::Data(format!("`{}` calculates with what is no number", expr.text())))
        };
    };
    let results = a.zip(b, |a, width| (width > 0.0 && width.is_finite()).then(|| (a / width).floor() * width));
    Ok(rows.optional(results, Values::Float))
}

/// The times as text. Equal times that follow each other, as those of a log do, are written once.
pub(super) fn strftime(format: &TimeFormat, vector: &Vector) -> Result<Vector, Error> {
    let texts = match &vector.values {
        Values::Time(Operand::One(time)) => {
            let mut text = Vec::new();
            format.write(*time, &mut text);
            Texts::constant(&text)
        }
        Values::Time(Operand::Each(times)) => {
            let mut builder = TextBuilder::with_capacity(times.len());
            let mut last = None;
            for time in times {
                let this = Some((time.nanos, time.offset_s));
                if this == last {
                    builder.same_row();
                } else {
                    format.write(*time, builder.row());
                    builder.end_row()?;
                    last = this;
                }
            }
            builder.finish()
        }
        _ => return Ok(Vector::null(vector.len)),
    };
    Ok(Vector { len: vector.len, values: Values::Text(texts), nulls: vector.nulls.clone() })
}

/// The times that texts are, by `parse`. Equal texts that follow each other are read once.
pub(super) fn parse(vector: &Vector, parse: impl Fn(&[u8]) -> Option<Time>) -> Vector {
    let Values::Text(texts) = &vector.values else { return Vector::null(vector.len) };
    let mut last: (&[u8], Option<Time>) = (b"", parse(b""));
    let results = texts.views.map(|view| {
        let text = texts.slice(view);
        if text != last.0 {
            last = (text, parse(text));
        }
        last.1
    });
    Rows::of(&[vector]).optional(results, Values::Time)
}
