//! A moment with the offset of the clock that wrote it.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// The largest offset from UTC that a clock is believed to have, in seconds: 25:59:59, as in jiff.
const MAX_OFFSET_S: u32 = 93_599;

/// A moment, to the nanosecond, and the offset from UTC in which it was written.
///
/// Two times are equal when they are the same moment, whatever their offsets; the offset is kept for display and for
/// cutting into local days and hours. Nanoseconds since 1970 in an `i64` reach from 1677 to 2262.
#[derive(Clone, Copy, Debug, Default)]
pub struct Time {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub nanos: i64,
    /// Seconds east of UTC.
    pub offset_s: i32,
}

impl Time {
    /// The moment at which it is called, in UTC. A clock beyond the years that a time can be counts as the nearest of them.
    pub fn now() -> Time {
        let nanos = |since: Duration| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or_else(|before| -nanos(before.duration()), nanos);
        Time { nanos, offset_s: 0 }
    }

    /// Its offset in seconds east of UTC; 0 for one that no clock has, which came from outside: the moment is the same.
    #[inline]
    #[doc(hidden)]
    pub fn clock_offset_s(self) -> i64 {
        if self.offset_s.unsigned_abs() <= MAX_OFFSET_S { i64::from(self.offset_s) } else { 0 }
    }

    /// The days since 1970-01-01 and the seconds since midnight, in its own offset.
    #[inline]
    #[doc(hidden)]
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
    /// let local = Time::parse(b"24/Feb/2008:00:08:59 -0600").ok_or("no time")?.local();
    /// assert_eq!((local.year(), local.month(), local.day(), local.hour()), (2008, 2, 24, 0));
    /// # Ok::<(), &str>(())
    /// ```
    #[inline]
    pub fn local(self) -> DateTime {
        let timestamp = Timestamp::from_nanosecond(i128::from(self.nanos)).unwrap_or(Timestamp::UNIX_EPOCH);
        Offset::from_seconds(self.offset_s).unwrap_or(Offset::UTC).to_datetime(timestamp)
    }
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// RFC 3339, in the time's own offset, with as many digits of a second as it has.
impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An offset that no clock has (it came from outside) is shown as UTC: the moment is the same.
        let offset = Offset::from_seconds(self.offset_s).unwrap_or(Offset::UTC);
        let moment = Timestamp::from_nanosecond(i128::from(self.nanos)).unwrap_or(Timestamp::UNIX_EPOCH);
        write!(out, "{}", moment.display_with_offset(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn shows_its_own_offset() {
        let check = |nanos, offset_s, expect: &str| assert_eq!(Time { nanos, offset_s }.to_string(), expect);
        check(1_203_833_339_000_000_000, -6 * 3600, "2008-02-24T00:08:59-06:00");
        check(1_500_000, 0, "1970-01-01T00:00:00.0015+00:00");
        check(0, i32::MAX, "1970-01-01T00:00:00+00:00");
    }
}
