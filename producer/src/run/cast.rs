//! `--cast`: gives columns the types that were asked for, whatever format they come from.
//!
//! A text that is empty or `-` is null as a number or a time. What is no such value makes its record a reject: a null there would
//! be a wrong answer that looks right.

use std::borrow::Cow;

use recpipe::record::column::Values;
use recpipe::record::{Column, ColumnBuilder, Time, Type, Value};

/// A column of this type made of `column`, and the rows whose value is none of that type, in order.
///
/// `None` when it has the type already, or is nothing but nulls.
pub(super) fn cast(column: &Column, kind: Type) -> Option<(Column, Vec<u32>)> {
    let is_wide = matches!(column.values(), Values::Wide { .. });
    if (column.kind() == kind && !is_wide) || column.kind() == Type::Null {
        return None;
    }
    let mut failed = Vec::new();
    let mut built = ColumnBuilder::new(kind);
    let mut shown = String::new();
    for row in 0..column.len() {
        let value = column.value(row);
        let text: &[u8] = match value {
            Value::Null => b"",
            Value::Text(text) => text,
            Value::Int(n) if kind == Type::Float => {
                // The builder takes a whole number for a float.
                let _ = built.push(Value::Int(n));
                continue;
            }
            value => {
                use std::fmt::Write;
                shown.clear();
                // Writing to a string does not fail.
                let _ = write!(shown, "{value}");
                shown.as_bytes()
            }
        };
        let cell = match value {
            Value::Null => Some(Value::Null),
            _ => read(text, kind),
        };
        if cell.is_none() {
            failed.push(row as u32);
        }
        // A value of the builder's type; the text of a column of one batch is far below 4 GiB.
        let _ = if column.is_missing(row) { built.push_missing() } else { built.push(cell.unwrap_or(Value::Null)) };
    }
    Some((built.finish(), failed))
}

/// The text as a value of this type.
fn read(text: &[u8], kind: Type) -> Option<Value<'_>> {
    if kind == Type::Text {
        return Some(Value::Text(text));
    }
    let text = text.trim_ascii();
    if text.is_empty() || text == b"-" {
        return Some(Value::Null);
    }
    match kind {
        Type::Time => Time::parse(text).map(Value::Time),
        Type::Int => int(text).map(|n| Value::Int(i128::from(n))),
        Type::Float => std::str::from_utf8(text).ok()?.parse().ok().map(Value::Float),
        _ => None,
    }
}

fn int(text: &[u8]) -> Option<i64> {
    // The usual: a few digits.
    if text.len() < 19 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0')));
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The type that `--cast` calls so.
pub fn kind(name: &str) -> Option<Type> {
    Some(match name {
        "int" => Type::Int,
        "float" => Type::Float,
        "time" => Type::Time,
        "str" => Type::Text,
        _ => return None,
    })
}

/// What is wrong with a record whose value of `field` is none of this type.
pub(super) fn why(field: &str, kind: Type) -> Cow<'static, str> {
    let what = match kind {
        Type::Int => "an int",
        Type::Float => "a float",
        Type::Time => "a time (such as 24/Feb/2008:00:08:59 -0600 or 2008-02-24T00:08:59-06:00)",
        _ => "of that type",
    };
    format!("`{field}` is not {what}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use recpipe::record::{Ints, Text};

    #[test]
    fn texts_become_values_nulls_or_rejects() {
        let check = |kind, texts: &[&str], want: &[&str], bad: &[u32]| {
            let column = Column::text(Text::collect(texts.iter().map(|text| text.as_bytes())));
            let (column, failed) = cast(&column, kind).unwrap();
            assert_eq!((0..column.len()).map(|row| column.value(row).to_string()).collect::<Vec<_>>(), want);
            assert_eq!(failed, bad);
        };
        check(Type::Int, &["1", "-2", "+3", "007", " 8 "], &["1", "-2", "3", "7", "8"], &[]);
        check(Type::Int, &["", "-", "x", "1.5", "9223372036854775808"], &["", "", "", "", ""], &[2, 3, 4]);
        check(Type::Int, &["9223372036854775807", "-9223372036854775808"], &["9223372036854775807", "-9223372036854775808"], &[]);
        check(Type::Float, &["1", "1.5", "-", "1e3", "x"], &["1.0", "1.5", "", "1000.0", ""], &[4]);
        check(Type::Time, &["24/Feb/2008:00:08:59 -0600", "-", "now"], &["2008-02-24T00:08:59-06:00", "", ""], &[2]);
    }

    #[test]
    fn other_values_too() {
        let ints = Column::int(Ints::pack(&[1_i64, -2]));
        assert!(cast(&ints, Type::Int).is_none() && cast(&Column::null(3), Type::Int).is_none());
        let show = |kind| {
            let (column, failed) = cast(&ints, kind).unwrap();
            assert!(failed.is_empty());
            (0..2).map(|row| column.value(row).to_string()).collect::<Vec<_>>()
        };
        assert_eq!(show(Type::Float), ["1.0", "-2.0"]);
        assert_eq!(show(Type::Text), ["1", "-2"]);
        let wide = Column::new(Values::Wide { high: Ints::constant(0, 2), low: Ints::pack(&[-1_i64, 5]) });
        assert_eq!(cast(&wide, Type::Int).unwrap().1, [0], "an int of 64 bits");
        assert_eq!(cast(&wide, Type::Text).unwrap().0.value(0).to_string(), u64::MAX.to_string());
        let absent =
            Column::text(Text::collect([&b"1"[..], b""].into_iter())).with_nulls(recpipe::record::Bits::collect(2, |row| row == 1));
        let absent = absent.clone().with_missing(absent.nulls().cloned());
        assert!(cast(&absent, Type::Int).unwrap().0.is_missing(1));
        let (_, failed) = cast(&Column::float(&[1.0, 1.5]), Type::Int).unwrap();
        assert_eq!(failed, [0, 1], "a float is no int");
    }
}
