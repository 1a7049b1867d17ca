//! Cells as a person reads them: on one line, floats without digits that say nothing, days without the time of midnight.

use std::{collections::HashMap, fmt::Write};

use recpipe::{Batch, Field, Schema, Type};

use crate::writer::cell::{self, Cell};

/// A float is shown with so many digits, or with all that stand before its point.
const DIGITS: usize = 6;

/// The cells of all records, on one line each.
pub(super) fn rows(batch: &Batch) -> impl Iterator<Item = Vec<String>> + use<> {
    let columns = cell::columns(batch);
    (0..batch.len()).map(move |row| {
        let mut text = Vec::new();
        let mut cell = |column| {
            text.clear();
            cell::put(column, row, &Shown, &mut text);
            one_line(&text)
        };
        columns.iter().map(&mut cell).collect()
    })
}

/// As `print` writes it, but for floats.
struct Shown;

impl Cell for Shown {
    fn float(&self, value: f64, out: &mut Vec<u8>) {
        cell::float(rounded(value), out);
    }
}

/// The float that is shown for one: of [`DIGITS`] digits, and at least one behind the point.
fn rounded(value: f64) -> f64 {
    if !value.is_finite() || value == 0.0 {
        return value;
    }
    // Its decimal exponent, as of 9.999999 that of 10.0.
    let scientific = format!("{:.*e}", DIGITS - 1, value);
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()).unwrap_or(0);
    match usize::try_from(exponent) {
        // All digits before the point, and one behind it; where a float has no more digits than that, it is one.
        Ok(before @ ..16) if before + 1 >= DIGITS => format!("{value:.1}").parse().unwrap_or(value),
        _ => scientific.parse().unwrap_or(value),
    }
}

/// A line break or another control character inside a cell would tear the layout, or steer the terminal: they are shown
/// escaped. What is not UTF-8 is U+FFFD.
pub(super) fn one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if !text.contains(char::is_control) {
        return text.into_owned();
    }
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // Writing to a string cannot fail.
            control if control.is_control() => drop(write!(out, "\\x{:02x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out
}

/// The bytes of a date, as RFC 3339 has it, of a year of four digits.
const DATE: usize = "2026-03-05".len();

/// Of columns of days, what stands behind the dates: midnight, and the offset of a place, which has another in summer. It is left out.
#[derive(Debug, Default)]
pub(super) struct Days(Vec<Vec<String>>);

/// Offsets that the clock of one place has.
const OFFSETS: usize = 2;

impl Days {
    /// Those of rows of this schema.
    pub(super) fn of<'a>(schema: &Schema, rows: impl Iterator<Item = &'a Vec<String>> + Clone) -> Self {
        let behind = |(place, field): (usize, &Field)| {
            let cells = rows.clone().filter_map(|row| row.get(place)).filter(|cell| !cell.is_empty());
            if field.kind == Type::Time { behind_days(cells) } else { None }.unwrap_or_default()
        };
        Days(schema.fields().iter().enumerate().map(behind).collect())
    }

    /// Leaves out of a row what goes without saying. A time that is no midnight of the same place stays as it is.
    pub(super) fn shorten(&self, cells: &mut [String]) {
        for (cell, behind) in cells.iter_mut().zip(&self.0) {
            if cell.get(DATE..).is_some_and(|rest| behind.iter().any(|behind| behind == rest)) {
                cell.truncate(DATE);
            }
        }
    }
}

/// What stands behind the dates of these times, if all are days, and different ones are of different dates.
fn behind_days<'a>(cells: impl Iterator<Item = &'a String>) -> Option<Vec<String>> {
    let mut by_date: HashMap<&str, &str> = HashMap::new();
    let mut behind: Vec<String> = Vec::new();
    for cell in cells {
        let (date, rest) = cell.split_at_checked(DATE)?;
        let offset = rest.strip_prefix("T00:00:00").filter(|offset| offset.starts_with(['+', '-']))?;
        if *by_date.entry(date).or_insert(offset) != offset {
            return None;
        }
        if !behind.iter().any(|known| known == rest) {
            behind.push(rest.to_owned());
        }
    }
    (behind.len() <= OFFSETS).then_some(behind)
}

#[cfg(test)]
mod tests {
    use recpipe::{Field, Schema, Type};

    use super::{Days, one_line, rounded};

    #[test]
    fn floats_have_the_digits_that_say_something() {
        let check = |value: f64, expect: f64| assert_eq!(rounded(value), expect, "{value}");
        check(100.0 / 3.0, 33.3333);
        check(0.1 + 0.2, 0.3);
        check(123_456.789, 123_456.8);
        check(12_345_678.25, 12_345_678.2);
        check(999_999.96, 1_000_000.0);
        check(-2.0 / 3.0, -0.666_667);
        check(1.0 / 3e7, 3.333_33e-8);
        check(1e300 / 3.0, 3.333_33e299);
        check(9_007_199_254_740_993.0, 9_007_199_254_740_992.0);
        check(0.0, 0.0);
        assert!(rounded(f64::NAN).is_nan());
        check(f64::NEG_INFINITY, f64::NEG_INFINITY);
    }

    #[test]
    fn a_cell_is_one_line() {
        assert_eq!(one_line(b"a\n\t\r\x1b[2J\xff"), "a\\n\\t\\r\\x1b[2J\u{fffd}");
        assert_eq!(one_line("\u{9b}ü\u{7f}".as_bytes()), "\\x9bü\\x7f");
    }

    #[test]
    fn days_are_dates_where_all_are_of_one_place() {
        let schema = Schema::new(vec![Field::new("t", Type::Time), Field::new("x", Type::Text)]).unwrap();
        let row = |time: &str| vec![time.to_owned(), "2026-03-05T00:00:00+01:00".to_owned()];
        let check = |times: &[&str], expect: &[&str]| {
            let mut rows: Vec<_> = times.iter().map(|time| row(time)).collect();
            let days = Days::of(&schema, rows.iter());
            rows.iter_mut().for_each(|row| days.shorten(row));
            assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), expect);
            assert!(rows.iter().all(|row| row[1].len() > 10), "a text is no time");
        };
        check(&["2026-03-05T00:00:00+01:00", "", "2026-03-06T00:00:00+01:00"], &["2026-03-05", "", "2026-03-06"]);
        let others = ["2026-03-05T00:00:00+01:00", "2026-03-06T00:00:01+01:00"];
        check(&others, &others);
        check(&["2026-03-28T00:00:00+01:00", "2026-03-30T00:00:00+02:00"], &["2026-03-28", "2026-03-30"]);
        let places = ["2026-03-05T00:00:00+01:00", "2026-03-05T00:00:00+02:00"];
        check(&places, &places);
        check(&["2026-03-05T00:00:00.5+01:00"], &["2026-03-05T00:00:00.5+01:00"]);
        check(&[], &[]);
    }

    #[test]
    fn what_comes_after_the_sample_is_shown_in_full_where_it_is_no_day() {
        let schema = Schema::new(vec![Field::new("t", Type::Time)]).unwrap();
        let days = Days::of(&schema, [vec!["2026-03-05T00:00:00+00:00".to_owned()]].iter());
        let mut later = ["2026-03-06T12:00:00+00:00".to_owned()];
        days.shorten(&mut later);
        assert_eq!(later, ["2026-03-06T12:00:00+00:00"]);
    }
}
