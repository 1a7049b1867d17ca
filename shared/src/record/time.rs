//! A moment with the offset of the clock that wrote it.

use std::fmt;

use jiff::{Timestamp, tz::Offset};

/// A moment, to the nanosecond, and the offset from UTC in which it was written.
///
/// Two times are equal when they are the same moment, whatever their offsets; the offset is kept for display and for
/// cutting into local days and hours. Nanoseconds since 1970 in an `i64` reach from 1677 to 2262.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub nanos: i64,
    /// Seconds east of UTC.
    pub offset_s: i32,
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
