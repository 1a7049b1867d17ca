//! What calendar and clock show at a moment, in the moment's own offset.

use super::Time;

/// A date and a time of day, in the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// 0 to 999 999 999.
    pub nanos: i64,
    /// As in ISO 8601: 1 is Monday, 7 is Sunday.
    pub weekday: i64,
    /// 1 to 366.
    pub day_of_year: i64,
}

/// The largest offset from UTC that a clock is believed to have, in seconds: 25:59:59, as in jiff.
const MAX_OFFSET_S: i32 = 93_599;

/// Days before each month that begins in March, so that the leap day is the last of its year.
fn days_before(month_from_march: i64) -> i64 {
    (153 * month_from_march + 2) / 5
}

/// Days since 1970-01-01; `None` for a day that its month does not have.
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let in_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap(year)),
        _ => return None,
    };
    if day < 1 || day > in_month {
        return None;
    }
    // Years that begin in March have their leap day at the end (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = days_before((month + 9) % 12) + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

impl Time {
    /// Its offset in seconds east of UTC; 0 for one that no clock has, which came from outside: the moment is the same.
    #[inline]
    pub fn clock_offset_s(self) -> i64 {
        if self.offset_s.abs_diff(0) <= MAX_OFFSET_S.unsigned_abs() { i64::from(self.offset_s) } else { 0 }
    }

    /// The days since 1970-01-01 and the seconds since midnight, in its own offset.
    #[inline]
    pub fn local_day_and_second(self) -> (i64, i64) {
        let seconds = self.nanos.div_euclid(1_000_000_000) + self.clock_offset_s();
        (seconds.div_euclid(86_400), seconds.rem_euclid(86_400))
    }

    /// What calendar and clock show at this moment, in its own offset.
    ///
    /// # Examples
    /// ```
    /// use recpipe::Time;
    ///
    /// let civil = Time::parse(b"24/Feb/2008:00:08:59 -0600").ok_or("no time")?.civil();
    /// assert_eq!((civil.year, civil.month, civil.day, civil.hour, civil.weekday), (2008, 2, 24, 0, 7));
    /// # Ok::<(), &str>(())
    /// ```
    #[inline]
    pub fn civil(self) -> Civil {
        let (days, clock) = self.local_day_and_second();
        // The inverse of `days`, from the same source.
        let from_era = days + 719_468;
        let (era, of_era) = (from_era.div_euclid(146_097), from_era.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // January and February are the last of a year that begins in March: 306 days are before them.
        let day_of_year = if month <= 2 { of_year - 305 } else { of_year + 60 + i64::from(is_leap(year)) };
        Civil {
            year,
            month,
            day: of_year - days_before(from_march) + 1,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            nanos: self.nanos.rem_euclid(1_000_000_000),
            // 1970-01-01 was a Thursday.
            weekday: (days + 3).rem_euclid(7) + 1,
            day_of_year,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::Offset};
    use proptest::prelude::*;

    use super::Time;

    fn check(nanos: i64, offset_s: i32) {
        let civil = Time { nanos, offset_s }.civil();
        let offset = Offset::from_seconds(offset_s).unwrap_or(Offset::UTC);
        let expect = offset.to_datetime(Timestamp::from_nanosecond(i128::from(nanos)).unwrap());
        assert_eq!((civil.year, civil.month, civil.day), (expect.year().into(), expect.month().into(), expect.day().into()), "{expect}");
        assert_eq!((civil.hour, civil.minute, civil.second), (expect.hour().into(), expect.minute().into(), expect.second().into()));
        assert_eq!(civil.nanos, i64::from(expect.subsec_nanosecond()), "{expect}");
        assert_eq!(civil.weekday, i64::from(expect.weekday().to_monday_one_offset()), "{expect}");
        assert_eq!(civil.day_of_year, i64::from(expect.day_of_year()), "{expect}");
    }

    #[test]
    fn the_ends_of_years() {
        for year in 1678..2262 {
            for day in ["01-01", "02-28", "03-01", "12-31"] {
                check(Time::parse(format!("{year}-{day}T12:00:00Z").as_bytes()).unwrap().nanos, 0);
            }
        }
        check(i64::MIN, -93_599);
        check(i64::MAX, 93_599);
        check(0, 93_600);
        check(0, i32::MIN);
    }

    proptest! {
        #[test]
        fn is_what_a_calendar_library_says(nanos: i64, offset_s in -100_000..100_000) {
            check(nanos, offset_s);
        }
    }
}
