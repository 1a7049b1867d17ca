//! `time(x)`, `time(x, format)`: the time that a value is.

use recpipe::{
    Batch, Error, Time, Type, Value,
    times::{NoTime, Read, TimePattern, Times, Zone},
};

use crate::{
    expr::{
        Call, Expr, Operand, Rows, ScalarFunction, Values, Vector,
        clock::{in_zone, widened},
    },
    language::{CheckCall, Checked, Checker, Failed, FunctionWord, ast, signature},
    left_out::{Counter, Why},
    span::Span,
};

/// `time`
pub(crate) static TIME: FunctionWord = FunctionWord {
    name: "time",
    syntax: "time(TEXT | NUMBER[, FORMAT])",
    doc: "the time that a value is, in any usual notation or by a format; null if it is no time",
    example: "time(datetime) >= @2008-02-24",
    args: 1..=2,
    check: CheckCall::Syntax(check),
};

fn check(checker: &mut Checker<'_>, args: &[ast::Expr], span: Span) -> Checked<Expr> {
    let (value, format) = match args {
        [value] => (value, None),
        [value, format] => (value, Some(format)),
        _ => return Err(Failed),
    };
    let takes: &[Type] = if format.is_some() { &[Type::Text, Type::Int] } else { &[Type::Time, Type::Text, Type::Int, Type::Float] };
    let checked = checker.value_of(value, takes);
    let pattern = format.map(|format| checker.time_format(format, TimePattern::new)).transpose()?;
    let value = checked?;
    let cure = match &pattern {
        Some(pattern) => format!("the format is \"{}\"", pattern.as_str()),
        None => format!("another notation has a format, as in `time({}, \"%d.%m.%Y %H:%M\")`", value.text()),
    };
    let no_zone = "`--zone` says where that is, as in `--zone Europe/Berlin`";
    let setting = checker.setting;
    let counter = |why, cure: &str| setting.left_out.counter(span.start, checker.text(span), why, cure);
    let reader = TimeReader {
        pattern,
        times: Times { zone: setting.zone.clone().unwrap_or_default(), before: Some(setting.now) },
        shown_in: setting.zone.clone(),
        no_time: counter(Why::NoTime, &cure),
        no_year: counter(Why::NoSuchYear, ""),
        no_offset: setting.zone.is_none().then(|| counter(Why::NoOffset, no_zone)),
    };
    Ok(checker.made(signature::call(reader, vec![value]), Type::Time, span))
}

/// What reads values as times, and notes those that are none.
struct TimeReader {
    /// By this format, if one is given.
    pattern: Option<TimePattern>,
    times: Times,
    /// The zone whose clock shows all of them.
    shown_in: Option<Zone>,
    /// Counts what is no time.
    no_time: Counter,
    /// Counts what is beyond the years of times.
    no_year: Counter,
    /// Counts what says no offset; where a zone was named that is no question.
    no_offset: Option<Counter>,
}

impl TimeReader {
    /// The times that values are; null where they are none. Equal texts that follow each other are read once.
    fn read(&self, vector: Vector, batch: &Batch) -> Vector {
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

impl ScalarFunction for TimeReader {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [value] = call.args(args)?;
        Ok(self.read(value, call.batch))
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn of_texts_and_numbers() {
        for (text, expect) in [
            ("time(t)", "null 1970-01-01T00:00:42+00:00 null null"),
            (
                "time(big)",
                "2262-04-11T23:47:16.854775807+00:00 1970-01-01T00:00:02+00:00 2262-04-11T23:47:16.854775807+00:00 2262-04-11T23:47:16.854775807+00:00",
            ),
            ("time(f)", "1970-01-01T00:00:01.5+00:00 1969-12-31T23:59:59.5+00:00 null 1970-01-01T00:00:00+00:00"),
            ("time('24/Feb/2008:00:08:59 -0600')", &["2008-02-24T00:08:59-06:00"; 4].join(" ")),
            ("time(str(m)) == m", "true true true true"),
            ("time('24.2.2008', '%d.%m.%Y')", &["2008-02-24T00:00:00+00:00"; 4].join(" ")),
        ] {
            check_values(text, expect);
        }
    }
}
