//! What each function computes. A null argument makes the result null.

use std::io::Write;

use recpipe::{Error, Type};

use super::{
    Expr, Function,
    arithmetic::{narrowed, of_ints_or_floats},
    bin,
    extreme::extreme,
    hash::hash,
    rows::Rows,
    slice,
    text::{self, change_case},
    url,
    vector::{Operand, Texts, Values, Vector},
};

/// The result of a function for arguments that the checker has let through.
pub(super) fn call(function: Function, expr: &Expr, args: Vec<Vector>, len: usize) -> Result<Vector, Error> {
    if args.iter().any(|arg| matches!(arg.values, Values::Null)) {
        return Ok(Vector::null(len));
    }
    if matches!(function, Function::Min | Function::Max) {
        return extreme(function, expr.storage(), args);
    }
    if args.iter().any(|arg| matches!(arg.values, Values::Mixed(_))) {
        return of_parts(function, expr, &args, len);
    }
    match <[Vector; 1]>::try_from(args) {
        Ok([arg]) => of_one(function, expr, arg),
        Err(args) => of_several(function, expr, args),
    }
}

/// What the function gives for each combination of the arguments' parts, together: a row is null in all of them but one.
fn of_parts(function: Function, expr: &Expr, args: &[Vector], len: usize) -> Result<Vector, Error> {
    let mut combinations: Vec<Vec<Vector>> = vec![Vec::new()];
    for arg in args {
        let with =
            |chosen: &Vec<Vector>| arg.parts().iter().map(|part| [&chosen[..], std::slice::from_ref(part)].concat()).collect::<Vec<_>>();
        combinations = combinations.iter().flat_map(with).collect();
    }
    let results = combinations.into_iter().map(|args| call(function, expr, args, len)).collect::<Result<_, _>>()?;
    Vector::of_parts(len, results)
}

/// What a function gives for values that it does not take: nothing, where such may come.
fn no_value(expr: &Expr, len: usize, kind: Type) -> Result<Vector, Error> {
    if expr.takes_open() {
        return Ok(Vector::null(len));
    }
    // The checker lets no other types through.
    Err(Error::Data(format!("`{}` cannot be computed of {kind}", expr.text())))
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
        (Function::Int | Function::Floor | Function::Ceil | Function::Round, Values::Int(_) | Values::Wide(_)) => Ok(arg),
        (Function::Int, Values::Bool(values)) => keep(&arg, Values::Int(values.map(i64::from))),
        (Function::Int, Values::Float(values)) => whole(&arg, values, |value| to_int(value.trunc())),
        (Function::Int, Values::Text(texts)) => whole(&arg, &texts.views, |view| parse(texts.slice(view))),
        (Function::Floor, Values::Float(values)) => whole(&arg, values, |value| to_int(value.floor())),
        (Function::Ceil, Values::Float(values)) => whole(&arg, values, |value| to_int(value.ceil())),
        (Function::Round, Values::Float(values)) => whole(&arg, values, |value| to_int(value.round_ties_even())),
        (Function::Float, Values::Float(_)) => Ok(arg),
        (Function::Float, Values::Int(_) | Values::Wide(_)) => Ok(arg.into_float()),
        (Function::Float, Values::Bool(values)) => keep(&arg, Values::Float(values.map(|value| f64::from(u8::from(value))))),
        (Function::Float, Values::Text(texts)) => partial(&arg, &texts.views, |view| parse(texts.slice(view)), Values::Float),
        (Function::Abs, Values::Float(_) | Values::Int(_) | Values::Wide(_)) => {
            of_ints_or_floats(expr, arg, i64::overflowing_abs, i128::overflowing_abs, f64::abs)
        }
        (Function::Hash, _) => {
            let mut scratch = Vec::new();
            let rows = Rows::of(&[&arg]);
            let hashes = rows.map(|row| hash(arg.value(row), &mut scratch));
            Ok(rows.optional(hashes, Values::Int))
        }
        (Function::Year, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.local().year().into()))),
        (Function::Month, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.local().month().into()))),
        (Function::Day, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.local().day().into()))),
        // Without the calendar, which costs more than the clock.
        (Function::Hour, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.local_day_and_second().1 / 3600))),
        (Function::Minute, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.local_day_and_second().1 / 60 % 60))),
        (Function::Weekday, Values::Time(times)) => {
            keep(&arg, Values::Int(times.map(|time| time.local().weekday().to_monday_one_offset().into())))
        }
        (Function::Epoch, Values::Time(times)) => keep(&arg, Values::Int(times.map(|time| time.nanos.div_euclid(1_000_000_000)))),
        _ => no_value(expr, arg.len, arg.kind()),
    }
}

fn of_several(function: Function, expr: &Expr, mut args: Vec<Vector>) -> Result<Vector, Error> {
    if matches!(function, Function::Substr | Function::Split) {
        args.iter_mut().skip(1).for_each(clamp);
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
        (Function::RoundTo, [Values::Int(_) | Values::Wide(_), Values::Int(_)]) => Ok(rows.vector(values[0].clone())),
        (Function::Bin, _) => match <[Vector; 2]>::try_from(args) {
            Ok([value, width]) => bin::of_numbers(expr, value, width),
            Err(_) => Err(Error::Data(format!("`{}` needs two values", expr.text()))),
        },
        _ => no_value(expr, args[0].len, args[0].kind()),
    }
}

/// Places in a text that 64 bits do not hold are as far away as those that they do.
fn clamp(places: &mut Vector) {
    if let Values::Wide(values) = &places.values {
        let clamped = values.map(|place| place.clamp(i64::MIN.into(), i64::MAX.into()) as i64);
        places.values = Values::Int(clamped);
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

/// A vector of the whole numbers that `f` gives, of 64 bits wherever that is enough.
fn whole<T: Copy>(of: &Vector, values: &Operand<T>, f: impl Fn(T) -> Option<i128>) -> Result<Vector, Error> {
    Ok(Rows::of(&[of]).optional(values.map(f), narrowed))
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

/// The decimal number with so many digits after the point that is nearest to the binary one, as the float that it is; of two as
/// near, that with an even last digit. `print "{x:.2f}"` shows the same: both leave it to the formatting of floats. (Scaling by a
/// power of ten rounds by itself: 1.005 is below 1.005, and 1.005 * 100 is 100.49999999999999.)
fn round_to(number: f64, digits: i64) -> f64 {
    if number.fract() == 0.0 || !number.is_finite() {
        return number;
    }
    let digits = usize::try_from(digits).unwrap_or(0);
    // What was written as a number reads as one.
    format!("{number:.digits$}").parse().unwrap_or(number)
}

/// A whole float as an integer, if it is in range.
pub(super) fn to_int(whole: f64) -> Option<i128> {
    const TWO_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    (-TWO_127..TWO_127).contains(&whole).then_some(whole as i128)
}

/// The number that a text is, blanks around it aside.
fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}
