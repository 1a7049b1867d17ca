//! What each function computes. A null argument makes the result null.

use std::io::Write;

use recpipe::{Error, Time, Type};

use super::{
    Expr, Function,
    arithmetic::checked_one,
    compare, eval,
    text::{TextBuilder, change_case},
    vector::{Operand, Texts, Values, Vector, merge_nulls},
};
use crate::query::ast::CompareOp;

/// The result of a function for arguments that the checker has let through.
pub(super) fn call(function: Function, expr: &Expr, args: Vec<Vector>, len: usize) -> Result<Vector, Error> {
    if matches!(function, Function::Min | Function::Max) {
        return extreme(function, expr.kind(), args, len);
    }
    let Some(arg) = args.into_iter().next() else { return Ok(Vector::null(len)) };
    match (function, &arg.values) {
        (_, Values::Null) => Ok(arg),
        (Function::Len, Values::Text(texts)) => keep(&arg, Values::Int(texts.views.map(|view| characters(texts.slice(view))))),
        (Function::Lower, Values::Text(texts)) => {
            new_texts(&arg, texts, |text, out| change_case(text, out, <[u8]>::make_ascii_lowercase, char::to_lowercase))
        }
        (Function::Upper, Values::Text(texts)) => {
            new_texts(&arg, texts, |text, out| change_case(text, out, <[u8]>::make_ascii_uppercase, char::to_uppercase))
        }
        (Function::Trim, Values::Text(texts)) => {
            let views = texts.views.map(|view| trim(texts, view));
            keep(&arg, Values::Text(Texts { bytes: texts.bytes.clone(), views }))
        }
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
            let values = checked_one(expr, len, arg.nulls.as_deref(), values, i64::overflowing_abs)?;
            keep(&arg, Values::Int(values))
        }
        // The checker lets no other types through.
        _ => Err(Error::Data(format!("`{}` cannot be computed of {}", expr.text(), arg.kind()))),
    }
}

/// A vector with these values, null where `of` is.
fn keep(of: &Vector, values: Values) -> Result<Vector, Error> {
    Ok(Vector { len: of.len, values, nulls: of.nulls.clone() })
}

/// A vector of the results of `f`, null where it gives nothing or `of` is null.
fn partial<T: Copy, R: Copy + Default>(
    of: &Vector,
    values: &Operand<T>,
    f: impl Fn(T) -> Option<R>,
    wrap: fn(Operand<R>) -> Values,
) -> Result<Vector, Error> {
    let results = values.map(f);
    let missing = match &results {
        Operand::One(Some(_)) => None,
        Operand::One(None) => return Ok(Vector::null(of.len)),
        Operand::Each(results) => Some(results.iter().map(Option::is_none).collect::<Vec<_>>()).filter(|missing| missing.contains(&true)),
    };
    let values = wrap(results.map(Option::unwrap_or_default));
    Ok(Vector { len: of.len, values, nulls: merge_nulls(of.nulls.clone(), missing) })
}

fn new_texts(of: &Vector, texts: &Texts, write: impl Fn(&[u8], &mut Vec<u8>)) -> Result<Vector, Error> {
    let texts = match &texts.views {
        Operand::One(view) => {
            let mut text = Vec::new();
            write(texts.slice(*view), &mut text);
            Texts::constant(&text)
        }
        Operand::Each(views) => {
            let mut builder = TextBuilder::with_capacity(views.len());
            for &view in views {
                write(texts.slice(view), builder.row());
                builder.end_row()?;
            }
            builder.finish()
        }
    };
    keep(of, Values::Text(texts))
}

fn as_text(of: Vector) -> Result<Vector, Error> {
    fn each<T: Copy>(of: &Vector, values: &Operand<T>, write: impl Fn(T, &mut Vec<u8>)) -> Result<Vector, Error> {
        let texts = match values {
            Operand::One(value) => {
                let mut text = Vec::new();
                write(*value, &mut text);
                Texts::constant(&text)
            }
            Operand::Each(values) => {
                let mut builder = TextBuilder::with_capacity(values.len());
                for &value in values {
                    write(value, builder.row());
                    builder.end_row()?;
                }
                builder.finish()
            }
        };
        keep(of, Values::Text(texts))
    }
    // Writing to a vector does not fail.
    match &of.values {
        Values::Null | Values::Text(_) => Ok(of),
        Values::Bool(values) => each(&of, values, |value, out| out.extend_from_slice(if value { b"true" } else { b"false" })),
        Values::Int(values) => each(&of, values, |value, out| out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes())),
        Values::Float(values) => each(&of, values, |value, out| drop(write!(out, "{}", recpipe::Value::Float(value)))),
        Values::Time(values) => each(&of, values, |value: Time, out| drop(write!(out, "{value}"))),
    }
}

fn extreme(function: Function, kind: Type, args: Vec<Vector>, len: usize) -> Result<Vector, Error> {
    let mut args = args.into_iter().map(|arg| if kind == Type::Float { arg.into_float() } else { arg });
    let Some(mut best) = args.next() else { return Ok(Vector::null(len)) };
    for next in args {
        if matches!((&best.values, &next.values), (Values::Null, _) | (_, Values::Null)) {
            return Ok(Vector::null(len));
        }
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
                let first = compare::compare(op, &best, &next).truth();
                eval::choose(&first, best, next, kind)?
            }
        };
        best.nulls = nulls;
    }
    Ok(best)
}

/// The characters of UTF-8; of anything else, the bytes that begin one.
fn characters(text: &[u8]) -> i64 {
    if text.is_ascii() {
        return text.len() as i64;
    }
    let continued = text.iter().filter(|&&byte| byte & 0xc0 == 0x80).count();
    (text.len() - continued) as i64
}

fn trim(texts: &Texts, (start, len): (u32, u32)) -> (u32, u32) {
    let text = texts.slice((start, len));
    let left = text.len() - text.trim_ascii_start().len();
    // Both are at most `len`.
    (start + left as u32, text.trim_ascii().len() as u32)
}

/// A whole float as an integer, if it is in range.
fn to_int(whole: f64) -> Option<i64> {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    (-TWO_63..TWO_63).contains(&whole).then_some(whole as i64)
}

/// The number that a text is, blanks around it aside.
fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}
