//! Calculating with times. A duration is a number of seconds.

use std::sync::Arc;

use recpipe::{
    Batch, Error, Time, Value,
    times::{NoTime, Read, TimePattern, Times, Zone},
};

use super::ops::ArithmeticOp;
use super::{
    Expr,
    rows::Rows,
    text::TextBuilder,
    vector::{Operand, Texts, Values, Vector},
};
use crate::{left_out::Counter, time::TimeFormat};

pub(super) const SECOND: i128 = 1_000_000_000;

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
pub(super) fn nanos(seconds: &Vector, row: usize) -> Option<i128> {
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
        Values::Mixed(parts) => return nanos(parts.iter().find(|part| !part.is_null(row))?, row),
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
pub(super) fn beyond(expr: &Expr) -> Error {
    Error::Data(format!("the result of `{}` is in no year that a time can be ({})", expr.text(), Times::YEARS))
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

/// The times with the offsets of a zone.
pub(super) fn in_zone(vector: Vector, zone: &Zone) -> Vector {
    match &vector.values {
        Values::Time(times) => Vector { values: Values::Time(times.map(|time| zone.at(time.nanos))), ..vector },
        _ => vector,
    }
}

/// What reads values as times, and notes those that are none.
#[derive(Clone, Debug)]
pub(crate) struct TimeReader {
    /// By this format, if one is given.
    pub(crate) pattern: Option<TimePattern>,
    pub(crate) times: Times,
    /// The zone whose clock shows all of them.
    pub(crate) shown_in: Option<Zone>,
    /// Counts what is no time.
    pub(crate) no_time: Counter,
    /// Counts what is beyond the years of times.
    pub(crate) no_year: Counter,
    /// Counts what says no offset; where a zone was named that is no question.
    pub(crate) no_offset: Option<Counter>,
}

impl TimeReader {
    /// The times that values are; null where they are none. Equal texts that follow each other are read once.
    pub(super) fn read(&self, vector: Vector, batch: &Batch) -> Vector {
        let mut seen = Seen::default();
        let rows = Rows::of(&[&vector]);
        let results = match &vector.values {
            Values::Time(_) => return vector,
            Values::Text(texts) => {
                let mut last: (&[u8], Result<Read, NoTime>) = (b"", Err(NoTime::Unreadable));
                rows.map(|row| {
                    let text = texts.get(row);
                    if text != last.0 {
                        last = (text, self.text(text));
                    }
                    if matches!(text, b"" | b"-") || vector.is_null(row) { None } else { seen.note(row, last.1) }
                })
            }
            Values::Null => return vector,
            // A cell that looks like a number is read by its digits.
            _ if self.pattern.is_some() => {
                rows.map(|row| seen.unless(vector.is_null(row), row, || self.text(vector.value(row).to_string().as_bytes())))
            }
            Values::Wide(values) => rows.map(|row| seen.unless(vector.is_null(row), row, || self.times.of_int(values.get(row)))),
            Values::Int(values) => rows.map(|row| seen.unless(vector.is_null(row), row, || self.times.of_int(values.get(row).into()))),
            Values::Float(values) => rows.map(|row| seen.unless(vector.is_null(row), row, || self.times.of_float(values.get(row)))),
            Values::Bool(_) | Values::Mixed(_) => rows.map(|row| seen.unless(vector.is_null(row), row, || Err(NoTime::Unreadable))),
        };
        if let Operand::One(_) = results {
            seen.times(vector.len as u64);
        }
        let shown = |row: usize| match vector.value(row) {
            Value::Text(text) => format!("\"{}\"", String::from_utf8_lossy(text)),
            value => value.to_string(),
        };
        self.no_time.note(batch, seen.no_time.0, seen.no_time.1, || shown(seen.no_time.1));
        self.no_year.note(batch, seen.no_year.0, seen.no_year.1, || shown(seen.no_year.1));
        if let Some(counter) = &self.no_offset {
            counter.note_range(batch, seen.local.0, seen.local.1, seen.offsets, || shown(seen.local.1));
        }
        let read = rows.optional(results, Values::Time);
        match &self.shown_in {
            Some(zone) => in_zone(read, zone),
            None => read,
        }
    }

    fn text(&self, text: &[u8]) -> Result<Read, NoTime> {
        match &self.pattern {
            Some(pattern) => pattern.read(text, &self.times),
            None => self.times.read(text),
        }
    }
}

/// What came up while the values of a batch were read: how many of each kind, and the first row.
#[derive(Default)]
struct Seen {
    no_time: (u64, usize),
    no_year: (u64, usize),
    local: (u64, usize),
    /// The least and the greatest offset that was written.
    offsets: Option<(i64, i64)>,
}

impl Seen {
    fn unless(&mut self, is_null: bool, row: usize, read: impl FnOnce() -> Result<Read, NoTime>) -> Option<Time> {
        if is_null { None } else { self.note(row, read()) }
    }

    #[inline]
    fn note(&mut self, row: usize, read: Result<Read, NoTime>) -> Option<Time> {
        let count = |(count, first): &mut (u64, usize)| {
            if *count == 0 {
                *first = row;
            }
            *count += 1;
        };
        match read {
            Ok(Read { time, is_local: true }) => {
                count(&mut self.local);
                Some(time)
            }
            Ok(Read { time, .. }) => {
                self.offsets = widened(self.offsets, time.clock_offset_s());
                Some(time)
            }
            Err(NoTime::Unreadable) => {
                count(&mut self.no_time);
                None
            }
            Err(NoTime::Beyond) => {
                count(&mut self.no_year);
                None
            }
        }
    }

    /// One value was that of so many rows.
    fn times(&mut self, rows: u64) {
        [&mut self.no_time, &mut self.no_year, &mut self.local].into_iter().for_each(|(count, _)| *count *= rows);
    }
}

/// The range with this number in it.
#[inline]
pub(super) fn widened(range: Option<(i64, i64)>, number: i64) -> Option<(i64, i64)> {
    range.map_or(Some((number, number)), |(low, high)| Some((low.min(number), high.max(number))))
}

/// Looks whether times have an offset of their own beside a literal that says none, and is taken in UTC.
#[derive(Clone, Debug)]
pub(crate) struct BesideLiteral {
    /// What the literal is in UTC.
    pub(crate) literal: Time,
    /// How it is written.
    pub(crate) text: Arc<str>,
    pub(crate) other_offset: Counter,
}

impl BesideLiteral {
    pub(super) fn look(&self, vector: Vector, batch: &Batch) -> Vector {
        if let Values::Time(times) = &vector.values {
            let is_other = |row: &usize| !vector.is_null(*row) && times.get(*row).clock_offset_s() != 0;
            let mut others = (0..vector.len).filter(is_other);
            if let Some(first) = others.next() {
                self.other_offset.note(batch, 1 + others.count() as u64, first, || self.other(times.get(first)));
            }
        }
        vector
    }

    /// The literal on the clock of this time.
    fn other(&self, time: Time) -> String {
        let offset_s = time.clock_offset_s();
        let nanos = self.literal.nanos.saturating_sub(offset_s.saturating_mul(1_000_000_000));
        let there = Time { nanos, offset_s: time.offset_s };
        format!("{time}, on whose clock `{}` is {there}", self.text)
    }
}
