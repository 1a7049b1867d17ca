//! Steps of time: where the one begins that a time is in, and the ones beside it.
//!
//! They are cut on the clock that shows the time: that of a zone, else the time's own. Whole days, weeks, months and years are those
//! of the calendar, however many hours a day has when the clocks change. Without a zone it is not known which offset a day began
//! with, so a day is the date alone, and stands as its midnight in UTC.

use jiff::civil::Date;
use recpipe::{Time, times::Zone};

/// In nanoseconds.
const SECOND: i128 = 1_000_000_000;
/// How long a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// Nanoseconds, more than 0.
    Nanos(i128),
    /// Whole months, more than 0, counted from January.
    Months(i64),
}

/// The day since 1970 that steps are counted from: a Monday, so that weeks begin on Mondays.
const MONDAY: i64 = 4;
const HOUR: i128 = 3600 * SECOND;
/// A day without a change of clocks, in nanoseconds.
pub(crate) const DAY: i128 = 24 * HOUR;

impl Width {
    /// Whether steps are whole days of the calendar.
    pub(crate) fn is_of_days(self) -> bool {
        match self {
            Width::Nanos(width) => width % DAY == 0,
            Width::Months(_) => true,
        }
    }

    /// How many steps of `step` it is; `None` where they do not fill it.
    pub(crate) fn steps(self, step: Width) -> Option<i128> {
        let (whole, part) = match (self, step) {
            (Width::Nanos(whole), Width::Nanos(part)) => (whole, part),
            (Width::Months(whole), Width::Months(part)) => (i128::from(whole), i128::from(part)),
            _ => return None,
        };
        (whole % part == 0).then_some(whole / part)
    }
}

/// The beginning of the step, no whole number of days, that a time is in.
pub(crate) fn within_days(zone: Option<&Zone>, time: Time, width: i128) -> Option<Time> {
    let since = i128::from(time.nanos) + i128::from(time.clock_offset_s()) * SECOND - i128::from(MONDAY) * DAY;
    let over = match (i64::try_from(since), i64::try_from(width)) {
        (Ok(since), Ok(width)) => i128::from(since.rem_euclid(width)),
        _ => since.rem_euclid(width),
    };
    match zone {
        // An hour that there is twice is two steps. What is longer begins where the clock says.
        Some(zone) if width > HOUR => {
            let begin = i64::try_from(since - over + i128::from(MONDAY) * DAY).ok()?;
            zone.time_of(Time { nanos: begin, offset_s: 0 }.local()).ok()
        }
        zone => {
            let nanos = i64::try_from(i128::from(time.nanos) - over).ok()?;
            Some(zone.map_or(Time { nanos, ..time }, |zone| zone.at(nanos)))
        }
    }
}

/// The beginning of the step, of whole days or months, that `time` is in, which is on this day since 1970.
pub(crate) fn of_days(zone: Option<&Zone>, time: Time, day: i64, width: Width) -> Option<Time> {
    let first = match width {
        Width::Nanos(width) => i64::try_from(i128::from(day) - i128::from(day - MONDAY).rem_euclid(width / DAY)).ok()?,
        Width::Months(months) => {
            let date = time.local().date();
            let month = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
            let first = month - month.rem_euclid(months.max(1));
            let first = Date::new(i16::try_from(first.div_euclid(12)).ok()?, first.rem_euclid(12) as i8 + 1, 1).ok()?;
            day - i64::from(first.until(date).ok()?.get_days())
        }
    };
    let utc = Time { nanos: first.checked_mul(DAY as i64)?, offset_s: 0 };
    match zone {
        Some(zone) => zone.time_of(utc.local()).ok(),
        None => Some(utc),
    }
}

/// Steps of one width on one clock.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    pub(crate) width: Width,
    /// The clock; without one, each time's own.
    pub(crate) zone: Option<Zone>,
}

impl Steps {
    /// The beginning of the step that a time is in; `None` where that is before all times.
    pub(crate) fn begin(&self, time: Time) -> Option<Time> {
        match self.width {
            Width::Nanos(width) if !self.width.is_of_days() => within_days(self.zone.as_ref(), time, width),
            width => of_days(self.zone.as_ref(), time, time.local_day_and_second().0, width),
        }
    }

    /// The beginning of the step after the one that begins then, which is the end of that one.
    pub(crate) fn next(&self, begin: Time) -> Option<Time> {
        let nominal = match self.width {
            Width::Nanos(width) => i64::try_from(width).ok()?,
            Width::Months(months) => months.checked_mul(31 * DAY as i64)?,
        };
        if matches!(self.width, Width::Nanos(width) if width <= HOUR || self.zone.is_none()) {
            return self.moved(begin, nominal);
        }
        // A step may be longer than it is called, where the clocks change.
        let later = (0..4).find_map(|hours| {
            let later = self.begin(self.moved(begin, nominal.checked_add(hours * HOUR as i64)?)?)?;
            (later > begin).then_some(later)
        });
        let mut next = later?;
        while let Some(before) = self.begin(self.moved(next, -1)?).filter(|before| *before > begin) {
            next = before;
        }
        Some(next)
    }

    /// The beginning of the step before the one that begins then.
    pub(crate) fn previous(&self, begin: Time) -> Option<Time> {
        self.begin(self.moved(begin, -1)?)
    }

    /// Where a time stands among those that steps are cut of, in nanoseconds: a date that is taken as such is as late as its clock says.
    pub(crate) fn position(&self, time: Time) -> i64 {
        match self.zone {
            None if self.width.is_of_days() => time.nanos.saturating_add(time.clock_offset_s() * SECOND as i64),
            _ => time.nanos,
        }
    }

    fn moved(&self, time: Time, by: i64) -> Option<Time> {
        let nanos = time.nanos.checked_add(by)?;
        Some(self.zone.as_ref().map_or(Time { nanos, ..time }, |zone| zone.at(nanos)))
    }
}

#[cfg(test)]
mod tests {
    use recpipe::{Time, times::Zone};

    use super::{DAY, HOUR, Steps, Width};

    fn check(width: Width, zone: Option<&str>, times: &[&str]) {
        let steps = Steps { width, zone: zone.map(|zone| Zone::named(zone).unwrap()) };
        let times: Vec<Time> = times.iter().map(|time| Time::parse(time.as_bytes()).unwrap()).collect();
        for (before, after) in times.iter().zip(&times[1..]) {
            assert_eq!(steps.next(*before).unwrap().to_string(), after.to_string(), "{steps:?}");
            assert_eq!(steps.previous(*after).unwrap().to_string(), before.to_string(), "{steps:?}");
            assert_eq!(steps.begin(*after).unwrap(), *after);
        }
    }

    #[test]
    fn one_follows_the_other_also_when_the_clocks_change() {
        let berlin = Some("Europe/Berlin");
        check(Width::Nanos(HOUR / 4), None, &["2024-03-31T00:45:00+01:00", "2024-03-31T01:00:00+01:00", "2024-03-31T01:15:00+01:00"]);
        check(Width::Nanos(HOUR), berlin, &["2024-03-31T01:00:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00"]);
        check(Width::Nanos(HOUR), berlin, &["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00", "2024-10-27T03:00:00+01:00"]);
        check(Width::Nanos(6 * HOUR), berlin, &["2024-03-31T00:00:00+01:00", "2024-03-31T06:00:00+02:00", "2024-03-31T12:00:00+02:00"]);
        check(Width::Nanos(6 * HOUR), berlin, &["2024-10-27T00:00:00+02:00", "2024-10-27T06:00:00+01:00", "2024-10-27T12:00:00+01:00"]);
        check(Width::Nanos(2 * HOUR), berlin, &["2024-03-31T00:00:00+01:00", "2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00"]);
        check(Width::Nanos(DAY), berlin, &["2024-03-30T00:00:00+01:00", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00"]);
        check(Width::Nanos(DAY), berlin, &["2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00"]);
        check(Width::Nanos(7 * DAY), None, &["2024-03-25T00:00:00Z", "2024-04-01T00:00:00Z"]);
        check(Width::Months(1), berlin, &["2024-01-01T00:00:00+01:00", "2024-02-01T00:00:00+01:00", "2024-03-01T00:00:00+01:00"]);
        check(Width::Months(12), None, &["2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"]);
    }

    #[test]
    fn a_date_is_as_late_as_its_clock_says() {
        let time = Time::parse(b"2024-03-31T23:30:00-06:00").unwrap();
        let position = |width, zone| Steps { width, zone }.position(time);
        assert_eq!(position(Width::Nanos(HOUR), None), time.nanos);
        assert_eq!(position(Width::Nanos(DAY), None), time.nanos - 6 * HOUR as i64);
        assert_eq!(position(Width::Nanos(DAY), Some(Zone::default())), time.nanos);
    }

    #[test]
    fn a_span_is_so_many_steps() {
        assert_eq!(Width::Nanos(HOUR).steps(Width::Nanos(HOUR / 12)), Some(12));
        assert_eq!(Width::Nanos(HOUR).steps(Width::Nanos(7)), None);
        assert_eq!(Width::Months(12).steps(Width::Months(3)), Some(4));
        assert_eq!(Width::Months(1).steps(Width::Nanos(DAY)), None);
    }
}
