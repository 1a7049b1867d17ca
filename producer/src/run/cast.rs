//! `--cast`: gives columns the types that were asked for, whatever format they come from.
//!
//! As a number or a time, an empty field or `-` becomes null; a value that does not parse rejects its line: a null there would be a
//! wrong answer that looks right.

use std::borrow::Cow;

use recpipe::record::column::Values;
use recpipe::record::{Column, ColumnBuilder, Type, Value};
use recpipe::times::{NoTime, Times};

use crate::dating::Reader;

/// Why a value does not have a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Misfit {
    /// It does not parse as that type.
    Other,
    /// It is a time beyond the years that a time can have.
    Year,
}

/// A column of this type made of `column`, and the rows whose values do not parse as that type, in order. Times are read by `dates`.
///
/// `None` when it has the type already, or is nothing but nulls.
pub(super) fn cast(column: &Column, kind: Type, dates: &mut Reader<'_>) -> Option<(Column, Vec<(u32, Misfit)>)> {
    let is_wide = matches!(column.values(), Values::Wide { .. });
    if (column.kind() == kind && !is_wide) || column.kind() == Type::Null {
        return None;
    }
    let mut failed = Vec::new();
    let mut built = ColumnBuilder::new(kind);
    let mut shown = String::new();
    for row in 0..column.len() {
        let value = column.value(row);
        if kind == Type::Time {
            let is_null = matches!(value, Value::Null) || matches!(value, Value::Text(text) if is_null(text));
            let time = if is_null { Ok(Value::Null) } else { dates.read(value).map(Value::Time) };
            if let Err(why) = time {
                failed.push((row as u32, if why == NoTime::Beyond { Misfit::Year } else { Misfit::Other }));
            }
            let _ = if column.is_missing(row) { built.push_missing() } else { built.push(time.unwrap_or(Value::Null)) };
            continue;
        }
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
            failed.push((row as u32, Misfit::Other));
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
    if is_null(text) {
        return Some(Value::Null);
    }
    let text = text.trim_ascii();
    match kind {
        Type::Int => int(text).map(|n| Value::Int(i128::from(n))),
        Type::Float => std::str::from_utf8(text).ok()?.parse().ok().map(Value::Float),
        _ => None,
    }
}

/// Whether a text stands for null.
fn is_null(text: &[u8]) -> bool {
    matches!(text.trim_ascii(), b"" | b"-")
}

fn int(text: &[u8]) -> Option<i64> {
    // The usual: a few digits.
    if text.len() < 19 && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0')));
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The type that `--cast` calls so.
pub(crate) fn kind(name: &str) -> Option<Type> {
    Some(match name {
        "int" => Type::Int,
        "float" => Type::Float,
        "time" => Type::Time,
        "str" => Type::Text,
        _ => return None,
    })
}

/// What is wrong with a record whose `field` does not parse as this type.
pub(super) fn why(field: &str, kind: Type, misfit: Misfit) -> Cow<'static, str> {
    let what = match (kind, misfit) {
        (_, Misfit::Year) => return format!("`{field}` is in no year that a time can be ({})", Times::YEARS).into(),
        (Type::Int, _) => "an int",
        (Type::Float, _) => "a float",
        (Type::Time, _) => "a time, in a usual notation or by the format of `--cast FIELD=time:FORMAT`",
        _ => "of that type",
    };
    format!("`{field}` is not {what}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dating::Dating;
    use recpipe::record::{PackedInts, Text};
    use recpipe::times::{TimePattern, Zone};

    fn cast(column: &Column, kind: Type) -> Option<(Column, Vec<u32>)> {
        let (column, failed) = super::cast(column, kind, &mut Dating::default().reader("f", &"".into()))?;
        Some((column, failed.into_iter().map(|(row, _)| row).collect()))
    }

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
        check(Type::Time, &["9999-12-31", " ", "1709294400.5"], &["", "", "2024-03-01T12:00:00.5+00:00"], &[0]);
    }

    #[test]
    fn times_have_a_format_and_a_zone() {
        let patterns = vec![("f".to_owned(), TimePattern::new("%d.%m.%Y").unwrap())];
        let dating = Dating::new(patterns, Zone::named("Europe/Berlin").ok(), false);
        let column = Column::text(Text::collect([&b"05.03.2026"[..], b"2026-03-05"].into_iter()));
        let shown =
            |field: &str, row| super::cast(&column, Type::Time, &mut dating.reader(field, &"".into())).unwrap().0.value(row).to_string();
        assert_eq!((shown("f", 0), shown("f", 1)), ("2026-03-05T00:00:00+01:00".into(), String::new()));
        assert_eq!((shown("g", 0), shown("g", 1)), (String::new(), "2026-03-05T00:00:00+01:00".into()));
        assert_eq!(why("f", Type::Time, Misfit::Year), "`f` is in no year that a time can be (1678 to 2261)");
    }

    #[test]
    fn times_without_offset_are_said_beside_others() {
        let remark = |texts: &[&str]| {
            let dating = Dating::default();
            let column = Column::text(Text::collect(texts.iter().map(|text| text.as_bytes())));
            super::cast(&column, Type::Time, &mut dating.reader("f", &"".into())).unwrap();
            dating.remark().unwrap_or_default()
        };
        assert_eq!(remark(&["2026-03-05", "2026-03-05T00:00:00Z", "1709294400"]), "");
        assert!(remark(&["2026-03-05", "2026-03-05T00:00:00+01:00"]).starts_with("1 time without offset was taken in UTC"));
    }

    #[test]
    fn ints_and_floats_are_times_as_their_texts_are() {
        let of_ints = cast(&Column::int(PackedInts::pack(&[1_709_294_400_123_i64, 20_260_305])), Type::Time).unwrap().0;
        let of_floats = cast(&Column::float(&[1_709_294_400.123]), Type::Time).unwrap().0;
        let expect = "2024-03-01T12:00:00.123+00:00";
        assert_eq!([of_ints.value(0), of_floats.value(0)].map(|value| value.to_string()), [expect; 2]);
        assert_eq!(of_ints.value(1).to_string(), "2026-03-05T00:00:00+00:00");
    }

    #[test]
    fn other_values_too() {
        let ints = Column::int(PackedInts::pack(&[1_i64, -2]));
        assert!(cast(&ints, Type::Int).is_none() && cast(&Column::null(3), Type::Int).is_none());
        let show = |kind| {
            let (column, failed) = cast(&ints, kind).unwrap();
            assert!(failed.is_empty());
            (0..2).map(|row| column.value(row).to_string()).collect::<Vec<_>>()
        };
        assert_eq!(show(Type::Float), ["1.0", "-2.0"]);
        assert_eq!(show(Type::Text), ["1", "-2"]);
        let wide = Column::new(Values::Wide { high: PackedInts::constant(0, 2), low: PackedInts::pack(&[-1_i64, 5]) });
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
