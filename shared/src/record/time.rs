//! A moment with the offset of the clock that wrote it.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{Timestamp, tz::Offset};

use super::civil::days;

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
    /// Reads a time as web servers and RFC 3339 write it. The offset is kept; a time without one says no moment and is none.
    ///
    /// - `24/Feb/2008:00:08:59 -0600`, the Common Log Format;
    /// - `2008-02-24T00:08:59-06:00`, `2008-02-24 06:08:59.123456789Z`: RFC 3339, `T` and `Z` in either case, a space for the `T`;
    ///   digits beyond nanoseconds are dropped.
    ///
    /// A second of 60 is the first one of the next minute, as on a clock that does not know leap seconds. `None` for anything
    /// else, for a day that its month does not have, and for years that nanoseconds in an `i64` do not reach.
    ///
    /// # Examples
    /// ```
    /// use recpipe::Time;
    ///
    /// let time = Time::parse(b"24/Feb/2008:00:08:59 -0600").ok_or("no time")?;
    /// assert_eq!(time.to_string(), "2008-02-24T00:08:59-06:00");
    /// assert_eq!(Some(time), Time::parse(b"2008-02-24T06:08:59Z"), "the same moment");
    /// # Ok::<(), &str>(())
    /// ```
    pub fn parse(text: &[u8]) -> Option<Time> {
        match text.first_chunk::<26>() {
            Some(clf) if text.len() == 26 && clf[2] == b'/' => parse_clf(clf),
            _ => parse_rfc3339(text),
        }
    }

    /// The moment at which it is called, in UTC. A clock beyond the years that a time can be counts as the nearest of them.
    pub fn now() -> Time {
        let nanos = |since: Duration| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or_else(|before| -nanos(before.duration()), nanos);
        Time { nanos, offset_s: 0 }
    }
}

/// `24/Feb/2008:00:08:59 -0600`: every byte has its place.
fn parse_clf(text: &[u8; 26]) -> Option<Time> {
    let t = text;
    if [t[6], t[11], t[14], t[17], t[20]] != *b"/:::\x20" {
        return None;
    }
    let months = b"JanFebMarAprMayJunJulAugSepOctNovDec".as_chunks::<3>().0;
    let month = months.iter().position(|name| *name == [t[3], t[4], t[5]])? as i64 + 1;
    let date = days(digits(&t[7..11])?, month, digits(&t[..2])?)?;
    let clock = clock(digits(&t[12..14])?, digits(&t[15..17])?, digits(&t[18..20])?)?;
    moment(date, clock, 0, offset(t[21], digits(&t[22..24])?, digits(&t[24..26])?)?)
}

/// `2008-02-24T00:08:59.5-06:00`.
fn parse_rfc3339(text: &[u8]) -> Option<Time> {
    let (t, mut rest) = text.split_first_chunk::<19>()?;
    if [t[4], t[7], t[13], t[16]] != *b"--::" || !matches!(t[10], b'T' | b't' | b' ') {
        return None;
    }
    let date = days(digits(&t[..4])?, digits(&t[5..7])?, digits(&t[8..10])?)?;
    let clock = clock(digits(&t[11..13])?, digits(&t[14..16])?, digits(&t[17..19])?)?;
    let mut nanos = 0;
    if let [b'.', fraction @ ..] = rest {
        let len = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if len == 0 {
            return None;
        }
        nanos = (0..9).fold(0, |n, i| n * 10 + if i < len { i64::from(fraction[i] - b'0') } else { 0 });
        rest = &fraction[len..];
    }
    let offset_s = match rest {
        b"Z" | b"z" => 0,
        [sign, h1, h2, b':', m1, m2] => offset(*sign, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?)?,
        _ => return None,
    };
    moment(date, clock, nanos, offset_s)
}

#[inline]
fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |n, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| n * 10 + i64::from(digit))
    })
}

/// Seconds since midnight.
fn clock(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

fn offset(sign: u8, hours: i64, minutes: i64) -> Option<i32> {
    let seconds = (hours * 3600 + minutes * 60) as i32;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

fn moment(days: i64, clock: i64, nanos: i64, offset_s: i32) -> Option<Time> {
    let seconds = days * 86_400 + clock - i64::from(offset_s);
    Some(Time { nanos: seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?, offset_s })
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
    use proptest::prelude::*;

    use super::Time;

    #[test]
    fn reads_what_servers_write() {
        let check =
            |text: &str, expect: &str| assert_eq!(Time::parse(text.as_bytes()).map(|t| t.to_string()).as_deref(), Some(expect), "{text}");
        check("24/Feb/2008:00:08:59 -0600", "2008-02-24T00:08:59-06:00");
        check("29/Feb/2000:23:59:60 +0530", "2000-03-01T00:00:00+05:30");
        check("01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00+00:00");
        check("31/Dec/1969:23:59:59 +0000", "1969-12-31T23:59:59+00:00");
        check("2008-02-24T00:08:59-06:00", "2008-02-24T00:08:59-06:00");
        check("2008-02-24 00:08:59.25z", "2008-02-24T00:08:59.25+00:00");
        check("2008-02-24t00:08:59.0000000019Z", "2008-02-24T00:08:59.000000001+00:00");
        check("1677-09-22T00:00:00Z", "1677-09-22T00:00:00+00:00");
        check("2262-04-11T00:00:00Z", "2262-04-11T00:00:00+00:00");
    }

    #[test]
    fn reads_no_other() {
        for text in [
            "",
            "-",
            "24/feb/2008:00:08:59 -0600",
            "30/Feb/2008:00:08:59 -0600",
            "29/Feb/2007:00:08:59 -0600",
            "24/Feb/2008:24:08:59 -0600",
            "24/Feb/2008:00:60:59 -0600",
            "24/Feb/2008:00:08:61 -0600",
            "24/Feb/2008:00:08:59  0600",
            "24/Feb/2008:00:08:59 -0660",
            "24/Feb/2008:00:08:59 -2400",
            "24/Feb/20x8:00:08:59 -0600",
            "24/Feb/2008:00:08:59 -06000",
            "2008-02-24T00:08:59",
            "2008-02-24T00:08:59.Z",
            "2008-13-24T00:08:59Z",
            "2008-00-24T00:08:59Z",
            "2008-02-24T00:08:59+0600",
            "2008-02-24T00:08:59Zz",
            "1677-01-01T00:00:00Z",
            "2262-05-01T00:00:00Z",
            "2008-02-24",
        ] {
            assert_eq!(Time::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_shows(nanos: i64, quarters in -56..=56_i32) {
            let time = Time { nanos, offset_s: quarters * 900 };
            let back = Time::parse(time.to_string().as_bytes()).unwrap();
            prop_assert_eq!((back.nanos, back.offset_s), (time.nanos, time.offset_s));
        }

        #[test]
        fn any_bytes_do_no_harm(text: Vec<u8>, year in 0..10_000_u32, clf: bool) {
            Time::parse(&text);
            let text = if clf { format!("01/Jan/{year:04}:00:00:00 +0000") } else { format!("{year:04}-01-01T00:00:00Z") };
            prop_assert_eq!(Time::parse(text.as_bytes()).is_some(), (1678..=2262).contains(&year));
        }
    }

    #[test]
    fn shows_its_own_offset() {
        let check = |nanos, offset_s, expect: &str| assert_eq!(Time { nanos, offset_s }.to_string(), expect);
        check(1_203_833_339_000_000_000, -6 * 3600, "2008-02-24T00:08:59-06:00");
        check(1_500_000, 0, "1970-01-01T00:00:00.0015+00:00");
        check(0, i32::MAX, "1970-01-01T00:00:00+00:00");
    }
}
