//! What each function computes. A null argument makes the result null.

use std::io::Write;

use recpipe::{
    Error, Time, Type,
    record::compare::{CompareOp, compare},
};

use super::{
    Expr, Function,
    arithmetic::checked_one,
    eval,
    hash::hash,
    rows::Rows,
    slice,
    text::{self, change_case},
    time, url,
    vector::{Operand, Texts, Values, Vector, merge_nulls},
};

/// The result of a function for arguments that the checker has let through.
pub(super) fn call(function: Function, expr: &Expr, args: Vec<Vector>, len: usize) -> Result<Vector, Error> {
    if args.iter().any(|arg| matches!(arg.values, Values::Null)) {
        return Ok(Vector::null(len));
    }
    match <[Vector; 1]>::try_from(args) {
        Ok([arg]) => of_one(function, expr, arg),
        Err(args) => of_several(function, expr, args),
    }
}

fn of_one(function: Function, expr: &Expr, arg: Vector) -> Result<Vector, Error> {
    match (function, &arg.values) {
        (Function::Len, Values::Text(texts)) => {
            keep(&arg, Values::Int(texts.views.map(|view| slice::characters(texts.slice(view)) as i64)))
        }
        (Function::Lower, Values::Text(texts)) => Rows::of(&[&arg]).texts(|row, out| {
            change_case(texts.get(row), out, <[u8]>::make_ascii_lowercase, str::to_lowercase);
            true
        }),
        (Function::Upper, Values::Text(texts)) => Rows::of(&[&arg]).texts(|row, out| {
            change_case(texts.get(row), out, <[u8]>::make_ascii_uppercase, str::to_uppercase);
            true
        }),
        (Function::Trim, Values::Text(texts)) => views(&arg, texts, |view| slice::trim(texts, view)),
        (Function::Path, Values::Text(texts)) => views(&arg, texts, |view| within(view, url::path(texts.slice(view)))),
        (Function::Ext, Values::Text(texts)) => views(&arg, texts, |view| within(view, url::ext(texts.slice(view)))),
        (Function::Str, _) => as_text(arg),
        (Function::Int | Function::Floor | Function::Ceil | Function::Round, Values::Int(_)) => Ok(arg),
        (Function::Int, Values::Bool(values)) => keep(&arg, Values::Int(values.map(i64::from))),
        (Function::Int, Values::Float(values)) => partial(&arg, values, |value| to_int(value.trunc()), Values::Int),
        (Function::Int, Values::Text(texts)) => partial(&arg, &texts.views, |view| parse(texts.slice(view)), Values::Int),
        (Function::Floor, Values::Float(values)) => partial(&arg, values, |value| to_int(value.floor()), Values::Int),
        (Function::Ceil, Values::Float(values)) => partial(&arg, values, |value| to_int(value.ceil()), Values::Int),
        (Function::Round, Values::Float(values)) => partial(&arg, values, |value| to_int(value.round()), Values::Int),
        (Function::Float, Values::Float(_)) => Ok(arg),
        (Function::Float, Values::Int(_)) => Ok(arg.into_float()),
        (Function::Float, Values::Bool(values)) => keep(&arg, Values::Float(values.map(|value| f64::from(u8::from(value))))),
        (Function::Float, Values::Text(texts)) => partial(&arg, &texts.views, |view| parse(texts.slice(view)), Values::Float),
        (Function::Abs, Values::Float(values)) => keep(&arg, Values::Float(values.map(f64::abs))),
        (Function::Abs, Values::Int(values)) => {
            let values = checked_one(expr, arg.len, arg.nulls.as_deref(), values, i64::overflowing_abs)?;
            keep(&arg, Values::Int(values))
        }
        (Function::Hash, _) => {
            let mut scratch = Vec::new();
            let rows = Rows::of(&[&arg]);
            let hashes = rows.map(|row| hash(arg.value(row), &mut scratch));
            Ok(rows.optional(hashes, Values::Int))
        }
        (Function::Time, Values::Time(_)) => Ok(arg),
        (Function::Time, Values::Text(_)) => Ok(time::parse(&arg, Time::parse)),
        (Function::Year, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.civil().year))),
        (Function::Month, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.civil().month))),
        (Function::Day, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.civil().day))),
        // Without the calendar, which costs more than the clock.
        (Function::Hour, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.local_day_and_second().1 / 3600))),
        (Function::Minute, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.local_day_and_second().1 / 60 % 60))),
        (Function::Weekday, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.civil().weekday))),
        (Function::Epoch, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.nanos.div_euclid(1_000_000_000)))),
        // The checker lets no other types through.
        _ => Err(Error::Data(format!("`{}` cannot be computed of {}", expr.text(), arg.kind()))),
    }
}

fn of_several(function: Function, expr: &Expr, args: Vec<Vector>) -> Result<Vector, Error> {
    if matches!(function, Function::Min | Function::Max) {
        return extreme(function, expr.kind(), args);
    }
    let values: Vec<_> = args.iter().map(|arg| &arg.values).collect();
    let rows = Rows::of(&args.iter().collect::<Vec<_>>());
    match (function, &values[..]) {
        (Function::Substr, [Values::Text(texts), Values::Int(from)]) => {
            let views = rows.map(|row| slice::substr(texts, texts.views.get(row), from.get(row), None));
            Ok(rows.vector(Values::Text(Texts { bytes: texts.bytes.clone(), views })))
        }
        (Function::Substr, [Values::Text(texts), Values::Int(from), Values::Int(len)]) => {
            let views = rows.map(|row| slice::substr(texts, texts.views.get(row), from.get(row), Some(len.get(row))));
            Ok(rows.vector(Values::Text(Texts { bytes: texts.bytes.clone(), views })))
        }
        (Function::Split, [Values::Text(texts), Values::Text(separators), Values::Int(n)]) => {
            let views = rows.map(|row| slice::split(texts, texts.views.get(row), separators.get(row), n.get(row)));
            Ok(rows.optional(views, |views| Values::Text(Texts { bytes: texts.bytes.clone(), views })))
        }
        (Function::Replace, [Values::Text(texts), Values::Text(old), Values::Text(new)]) => rows.texts(|row, out| {
            match (texts.get(row), old.get(row)) {
                (text, []) => out.extend_from_slice(text),
                (text, old) => text::replace(text, old, new.get(row), out),
            }
            true
        }),
        (Function::Query, [Values::Text(urls), Values::Text(keys)]) => rows.texts(|row, out| url::query(urls.get(row), keys.get(row), out)),
        (Function::RoundTo, [Values::Float(numbers), Values::Int(digits)]) => Ok(rows.vector(Values::Float(numbers.zip(digits, round_to)))),
        (Function::RoundTo, [Values::Int(numbers), Values::Int(_)]) => Ok(rows.vector(Values::Int((*numbers).clone()))),
        (Function::Bin, _) => match <[Vector; 2]>::try_from(args) {
            Ok([value, width]) => time::bin(expr, value, width),
            Err(_) => Err(Error::Data(format!("`{}` needs two values", expr.text()))),
        },
        // The checker lets no other types through.
        _ => Err(Error::Data(format!("`{}` cannot be computed", expr.text()))),
    }
}

/// A vector with these values, null where `of` is.
fn keep(of: &Vector, values: Values) -> Result<Vector, Error> {
    Ok(Vector { len: of.len, values, nulls: of.nulls.clone() })
}

/// A vector of parts of its texts.
fn views(of: &Vector, texts: &Texts, part: impl Fn((u32, u32)) -> (u32, u32)) -> Result<Vector, Error> {
    keep(of, Values::Text(Texts { bytes: texts.bytes.clone(), views: texts.views.map(part) }))
}

/// The part from `start` to `end` of a view.
fn within(view: (u32, u32), (start, end): (usize, usize)) -> (u32, u32) {
    // Both are at most the length of the view.
    (view.0 + start as u32, (end - start) as u32)
}

/// A vector of the results of `f`, null where it gives nothing or `of` is null.
fn partial<T: Copy, R: Copy + Default>(
    of: &Vector,
    values: &Operand<T>,
    f: impl Fn(T) -> Option<R>,
    wrap: fn(Operand<R>) -> Values,
) -> Result<Vector, Error> {
    Ok(Rows::of(&[of]).optional(values.map(f), wrap))
}

fn as_text(of: Vector) -> Result<Vector, Error> {
    let rows = Rows::of(&[&of]);
    // Writing to a vector does not fail.
    match &of.values {
        Values::Null | Values::Text(_) => Ok(of),
        Values::Int(values) => rows.texts(|row, out| {
            out.extend_from_slice(itoa::Buffer::new().format(values.get(row)).as_bytes());
            true
        }),
        _ => rows.texts(|row, out| write!(out, "{}", of.value(row)).is_ok()),
    }
}

/// The least or the greatest of each row's values.
fn extreme(function: Function, kind: Type, args: Vec<Vector>) -> Result<Vector, Error> {
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

/// The nearest float with so many digits after the point, halves away from zero; floats beyond 2⁵², which have none, are
/// themselves.
fn round_to(number: f64, digits: i64) -> f64 {
    let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
    let scaled = number * scale;
    if scaled.abs() < 4_503_599_627_370_496.0 { scaled.round() / scale } else { number }
}

/// A whole float as an integer, if it is in range.
pub(super) fn to_int(whole: f64) -> Option<i64> {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    (-TWO_63..TWO_63).contains(&whole).then_some(whole as i64)
}

/// The number that a text is, blanks around it aside.
fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}
