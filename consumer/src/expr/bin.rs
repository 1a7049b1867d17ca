//! `bin(value, width)`: of numbers, and of times.
//!
//! Bins of times are cut on the clock that shows them: that of `--zone`, else each time's own. Whole days, weeks, months and
//! years are those of the calendar, however many hours a day has when the clocks change. Without a zone it is not known which
//! offset a day began with, so a day is the date alone, and stands as its midnight in UTC: times of one date are in one bin,
//! whatever their offsets.

use jiff::civil::Date;
use recpipe::{Batch, Error, Time, times::Zone};

use super::{
    Expr,
    arithmetic::{Ints, flags, narrowed, overflow, overflowing},
    eval::eval,
    rows::Rows,
    time::{SECOND, beyond, nanos, widened},
    vector::{Values, Vector, merge_nulls},
};
use crate::left_out::Counter;

/// The day since 1970 with which bins of times begin: a Monday, so that weeks begin on Mondays.
const MONDAY: i64 = 4;

const HOUR: i128 = 3600 * SECOND;
const DAY: i128 = 24 * HOUR;

/// How wide bins of times are.
#[derive(Clone, Debug)]
pub(crate) enum Width {
    /// Whole months, counted from January.
    Months(i64),
    /// Seconds, maybe of each row its own.
    Seconds(Expr),
}

impl Width {
    /// What is computed for it.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Expr> {
        match self {
            Width::Months(_) => None,
            Width::Seconds(expr) => Some(expr),
        }
        .into_iter()
    }
}

/// How times are cut into bins.
#[derive(Clone, Debug)]
pub(crate) struct TimeBins {
    pub(crate) width: Width,
    /// The clock; without one, each time's own.
    pub(crate) zone: Option<Zone>,
    /// Looks how far apart the offsets are of times whose dates are taken as one day.
    pub(crate) offsets: Counter,
}

impl TimeBins {
    /// The beginning of each time's bin; null for a width that is not above 0.
    pub(super) fn of(&self, expr: &Expr, times: &Vector, batch: &Batch) -> Result<Vector, Error> {
        let Values::Time(values) = &times.values else { return Ok(Vector::null(times.len)) };
        let width = match &self.width {
            Width::Months(_) => None,
            Width::Seconds(width) => Some(eval(width, batch)?),
        };
        if width.as_ref().is_some_and(|width| matches!(width.values, Values::Null)) {
            return Ok(Vector::null(times.len));
        }
        let args: Vec<_> = std::iter::once(times).chain(&width).collect();
        let rows = Rows::of(&args);
        let mut offsets = None;
        // Times of one day follow each other.
        let mut last: Option<(i64, i128, Time)> = None;
        let results = rows.try_map(|row| {
            let time = values.get(row);
            let mut days = 0;
            if let Some(width) = &width {
                let Some(width) = nanos(width, row).filter(|width| *width > 0) else { return Ok(None) };
                if width % DAY != 0 {
                    return self.within_days(time, width).map(Some).ok_or_else(|| beyond(expr));
                }
                days = width / DAY;
            }
            if self.zone.is_none() {
                offsets = widened(offsets, time.clock_offset_s());
            }
            let (day, _) = time.local_day_and_second();
            if let Some((_, _, begin)) = last.filter(|(of, width, _)| (*of, *width) == (day, days)) {
                return Ok(Some(begin));
            }
            let begin = self.first_day(time, day, days).and_then(|first| self.midnight(first)).ok_or_else(|| beyond(expr))?;
            last = Some((day, days, begin));
            Ok(Some(begin))
        })?;
        self.offsets.note_range(batch, 0, 0, offsets, String::new);
        Ok(rows.optional(results, Values::Time))
    }

    /// The beginning of a bin that is no whole number of days.
    fn within_days(&self, time: Time, width: i128) -> Option<Time> {
        let since = i128::from(time.nanos) + i128::from(time.clock_offset_s()) * SECOND - i128::from(MONDAY) * DAY;
        let over = match (i64::try_from(since), i64::try_from(width)) {
            (Ok(since), Ok(width)) => i128::from(since.rem_euclid(width)),
            _ => since.rem_euclid(width),
        };
        match &self.zone {
            // An hour that there is twice is two bins. What is longer begins where the clock says.
            Some(zone) if width > HOUR => {
                let begin = i64::try_from(since - over + i128::from(MONDAY) * DAY).ok()?;
                zone.time_of(Time { nanos: begin, offset_s: 0 }.local()).ok()
            }
            zone => {
                let nanos = i64::try_from(i128::from(time.nanos) - over).ok()?;
                Some(zone.as_ref().map_or(Time { nanos, ..time }, |zone| zone.at(nanos)))
            }
        }
    }

    /// The first day, since 1970, of the bin that `time` on this day is in: of so many days, or of months.
    fn first_day(&self, time: Time, day: i64, days: i128) -> Option<i64> {
        let Width::Months(months) = self.width else {
            return i64::try_from(i128::from(day) - i128::from(day - MONDAY).rem_euclid(days)).ok();
        };
        let date = time.local().date();
        let month = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
        let first = month - month.rem_euclid(months.max(1));
        let first = Date::new(i16::try_from(first.div_euclid(12)).ok()?, first.rem_euclid(12) as i8 + 1, 1).ok()?;
        Some(day - i64::from(first.until(date).ok()?.get_days()))
    }

    /// When a day begins.
    fn midnight(&self, day: i64) -> Option<Time> {
        let utc = Time { nanos: day.checked_mul(DAY as i64)?, offset_s: 0 };
        match &self.zone {
            Some(zone) => zone.time_of(utc.local()).ok(),
            None => Some(utc),
        }
    }
}

/// The greatest multiple of the width that is not above the value; null for a width that is not above 0.
pub(super) fn of_numbers(expr: &Expr, value: Vector, width: Vector) -> Result<Vector, Error> {
    let len = value.len;
    if let (Some(a), Some(b)) = (Ints::of(&value.values), Ints::of(&width.values)) {
        let (a, b) = (a.widened(), b.widened());
        let nulls = merge_nulls(merge_nulls(value.nulls.clone(), width.nulls.clone()), flags(len, &b, |width| width <= 0));
        let floor = |a: i128, width: i128| {
            if width <= 0 {
                return (0, false);
            }
            let (bin, overflows) = a.overflowing_sub(a.rem_euclid(width));
            (bin, overflows || !expr.is_open() && i64::try_from(bin).is_err())
        };
        let values = overflowing(len, nulls.as_deref(), &a, &b, floor).map_err(|row| overflow(expr, &a, &b, row))?;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Batch, BatchBuilder, Field, Schema, Time, Type, Value, times::Zone};

    use crate::{
        catalog::parse,
        language::{Setting, Source, check_at},
        stage::select::SelectOp,
    };

    fn times(texts: &[&str]) -> Batch {
        let schema = Schema::new(vec![Field::new("t", Type::Time)]).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        texts.iter().for_each(|text| builder.push(&[Time::parse(text.as_bytes()).map_or(Value::Null, Value::Time)]).unwrap());
        builder.finish().unwrap()
    }

    /// What `text` is for each of the times in this zone, and what is to be said then.
    fn of(text: &str, zone: Option<&str>, texts: &[&str]) -> (Vec<String>, Vec<String>) {
        let setting = Setting { zone: zone.map(|zone| Zone::named(zone).unwrap()), ..Setting::default() };
        let source = Source::from_args(&[format!("select {text} as x")]);
        let batch = times(texts);
        let plan = check_at(&source, &parse(&source).unwrap(), batch.schema(), &setting).unwrap();
        let SelectOp(exprs) = plan.stages[0].operator.is().unwrap();
        let column = setting.zone.as_ref().map_or(batch.column(0).clone(), |zone| zone.column(batch.column(0)));
        let batch = batch.with_columns(batch.schema().clone(), vec![column]).unwrap();
        let values = exprs[0].eval(&batch).unwrap();
        setting.left_out.settle_all();
        let said = setting.left_out.summaries().iter().map(ToString::to_string).collect();
        ((0..values.len).map(|row| values.value(row).to_string()).collect(), said)
    }

    fn check(text: &str, zone: &str, of_what: &[&str], expect: &[&str]) {
        assert_eq!(of(text, Some(zone), of_what), (expect.iter().map(ToString::to_string).collect(), Vec::new()), "{text}");
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let berlin = "Europe/Berlin";
        check(
            "bin(t, 1d)",
            berlin,
            &["2024-03-30T23:30:00Z", "2024-03-31T21:59:59Z", "2024-03-31T22:00:00Z"],
            &["2024-03-31T00:00:00+01:00", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00"],
        );
        check(
            "bin(t, 1w)",
            berlin,
            &["2024-10-27T22:30:00Z", "2024-10-27T23:30:00Z"],
            &["2024-10-21T00:00:00+02:00", "2024-10-28T00:00:00+01:00"],
        );
        check("bin(t, 1mo)", berlin, &["2024-10-31T22:30:00Z"], &["2024-10-01T00:00:00+02:00"]);
        check("bin(t, 1y)", berlin, &["2024-12-31T23:30:00Z"], &["2025-01-01T00:00:00+01:00"]);
        // Six hours that are seven, an hour that there is twice, and a day without midnight.
        check(
            "bin(t, 6h)",
            berlin,
            &["2024-10-27T04:30:00Z", "2024-10-27T05:00:00Z"],
            &["2024-10-27T00:00:00+02:00", "2024-10-27T06:00:00+01:00"],
        );
        check(
            "bin(t, 1h)",
            berlin,
            &["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"],
            &["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"],
        );
        check("bin(t, 1d)", "America/Sao_Paulo", &["2018-11-04T12:00:00Z"], &["2018-11-04T01:00:00-02:00"]);
    }

    #[test]
    fn without_a_zone_a_day_is_a_date() {
        let (days, said) = of("bin(t, 1d)", None, &["2024-03-31T01:30:00+01:00", "2024-03-31T23:30:00+02:00"]);
        assert_eq!((days, said), (vec!["2024-03-31T00:00:00+00:00".to_owned(); 2], Vec::new()));
        let (days, said) = of("bin(t, 1d)", None, &["2024-03-31T01:30:00+01:00", "2024-03-31T23:30:00-06:00"]);
        assert_eq!(days, vec!["2024-03-31T00:00:00+00:00".to_owned(); 2]);
        assert!(
            said[0].starts_with("values of `t` are put together by date, though their clocks are more than two hours apart; "),
            "{said:?}"
        );
        assert!(of("bin(t, 1h)", None, &["2024-03-31T01:30:00+01:00", "2024-03-31T23:30:00-06:00"]).1.is_empty());
    }

    #[test]
    fn what_is_calculated_is_shown_in_the_zone() {
        check("t + 1h", "Europe/Berlin", &["2024-03-31T00:30:00Z"], &["2024-03-31T03:30:00+02:00"]);
        check("@2024-07-01", "Europe/Berlin", &["2024-03-31T00:30:00Z"], &["2024-07-01T00:00:00+02:00"]);
    }

    #[test]
    fn literals_without_offset_are_said_beside_times_with_one() {
        let (found, said) = of("t >= @2026-03-12T02:10", None, &["2026-03-12T02:15:00+01:00", "2026-03-12T02:15:00Z", ""]);
        assert_eq!(found, ["false", "true", "false"]);
        assert_eq!(
            said,
            ["1 value of `t` has an offset of its own: 2026-03-12T02:15:00+01:00, on whose clock `@2026-03-12T02:10` is \
            2026-03-12T02:10:00+01:00; `@2026-03-12T02:10` is taken in UTC, as 2026-03-12T02:10:00+00:00: write its offset, or name a \
            zone for all with `--zone`"]
        );
        for text in ["t >= @2026-03-12T02:10Z", "@2026-03-12 == null"] {
            assert!(of(text, None, &["2026-03-12T02:15:00+01:00"]).1.is_empty(), "{text}");
        }
        assert!(of("t in @2026-03-12..@2026-03-13", None, &["2026-03-12T02:15:00+01:00"]).1.len() == 1);
    }
}
