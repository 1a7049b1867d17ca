//! Reading times as people and programs write them: one reader for both programs.
//!
//! [`Times`] knows what a text does not say: the zone of one without offset, and the year of one without a year. What it
//! reads is told by its first bytes: `iso.rs` has ISO 8601 and RFC 3339, `named.rs` what has the name of a month in it (CLF,
//! RFC 2822, `ctime`, syslog), `epoch.rs` numbers. [`TimePattern`] reads by a format, [`Zone`] has the rules of places.

mod cursor;
mod epoch;
mod iso;
mod named;
mod pattern;
pub(crate) mod recent;
mod shape;
mod stamp;
mod zone;

pub use pattern::{SAMPLE, TimePattern, explain, write as write_by_format};
pub use zone::Zone;

use crate::record::Time;
use stamp::Stamp;

/// What a text does not say.
///
/// # Notations
/// - ISO 8601 and RFC 3339: `2026-03-05`, `2026-03-05 10:11`, `2026-03-05T10:11:12.5Z`, `2026/03/05 10:11:12,123 +0200`,
///   `20260305T101112+02`, `2026-W10-4`. The offset may be `Z`, `UTC`, `GMT`, `+02:00`, `+0200`, `+02` or none.
/// - the Common Log Format: `05/Mar/2026:10:11:12 +0000`;
/// - RFC 2822: `Thu, 5 Mar 2026 10:11:12 +0100`, with the zones that it names;
/// - `ctime`: `Thu Mar  5 10:11:12 2026`, and as `date` writes it, with `UTC` before the year;
/// - syslog: `Mar  5 10:11:12`. Its year is the one that puts it nearest before [`Times::before`], with a day of tolerance
///   for clocks that differ.
/// - eight digits that are a date (`20260305`), fourteen that are a date and a time;
/// - any other number, which counts from 1970 in seconds, milliseconds, microseconds or nanoseconds, by its size:
///   below 10¹¹ it is seconds, below 10¹⁴ milliseconds, below 10¹⁷ microseconds.
///
/// Digits beyond nanoseconds are dropped. A second of 60 is the first one of the next minute, as on a clock that does not know
/// leap seconds. A local time that there is twice, when clocks are set back, is the first; one that there is not, when they are
/// set forward, is as many minutes later as are left out.
///
/// # Examples
/// ```
/// use recpipe::times::{NoTime, Times, Zone};
///
/// let times = Times { zone: Zone::named("Europe/Berlin")?, ..Times::default() };
/// let show = |text: &str| times.read(text.as_bytes()).map(|read| read.time.to_string());
/// assert_eq!(show("2026-07-05 10:11").as_deref(), Ok("2026-07-05T10:11:00+02:00"));
/// assert_eq!(show("Thu, 5 Mar 2026 10:11:12 GMT").as_deref(), Ok("2026-03-05T10:11:12+00:00"));
/// assert_eq!(show("1772705472.25").as_deref(), Ok("2026-03-05T11:11:12.25+01:00"));
/// assert_eq!(show("9999-12-31"), Err(NoTime::Beyond));
/// assert_eq!(show("soon"), Err(NoTime::Unreadable));
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// Where a time without offset is.
    pub zone: Zone,
    /// What a time without a year is before; when it is read, if that is not known.
    pub before: Option<Time>,
}

/// A time that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The time.
    pub time: Time,
    /// Whether the zone was needed: a local time without offset. (A number is the same everywhere.)
    pub is_local: bool,
}

/// Why there is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTime {
    /// It is none.
    Unreadable,
    /// It is one, in a year that a [`Time`] does not reach.
    Beyond,
}

impl Times {
    /// The years whose every moment a time can be.
    pub const YEARS: &'static str = "1678 to 2261";

    /// The time that a text is, blanks around it aside.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(&self, text: &[u8]) -> Result<Read, NoTime> {
        // What logs are full of.
        match named::clf(text).or_else(|| iso::usual(text)) {
            Some(stamp) => self.moment(&stamp),
            None => self.read_unusual(text.trim_ascii()),
        }
    }

    fn read_unusual(&self, text: &[u8]) -> Result<Read, NoTime> {
        let Some(first) = text.first() else { return Err(NoTime::Unreadable) };
        let stamp = match first {
            b'0'..=b'9' => iso::any(text).or_else(|| named::day_first(text)),
            b'A'..=b'Z' | b'a'..=b'z' => named::word_first(text),
            _ => None,
        };
        match stamp {
            Some(stamp) => self.moment(&stamp),
            None => self.number(text),
        }
    }

    /// The time that a whole number is.
    ///
    /// # Errors
    /// When it is in no year that a time can be.
    pub fn of_int(&self, number: i128) -> Result<Read, NoTime> {
        self.digits(number.to_string().as_bytes())
    }

    /// The time that a number is, by the decimal digits that it is shown with: 1709294400.123 has the milliseconds 123.
    ///
    /// # Errors
    /// When it is none, or in no year that a time can be.
    pub fn of_float(&self, number: f64) -> Result<Read, NoTime> {
        if number.is_finite() { self.digits(number.to_string().as_bytes()) } else { Err(NoTime::Unreadable) }
    }

    /// What has only the digits of a number: a date, if it is one.
    fn digits(&self, text: &[u8]) -> Result<Read, NoTime> {
        match iso::digits_alone(text) {
            Some(stamp) => self.moment(&stamp),
            None => self.number(text),
        }
    }

    fn number(&self, text: &[u8]) -> Result<Read, NoTime> {
        let nanos = epoch::nanos(text).ok_or(NoTime::Unreadable)?;
        let nanos = i64::try_from(nanos).map_err(|_| NoTime::Beyond)?;
        Ok(Read { time: self.zone.at(nanos), is_local: false })
    }

    #[inline]
    fn moment(&self, stamp: &Stamp) -> Result<Read, NoTime> {
        let time = match stamp.year {
            Some(_) => stamp.moment(&self.zone),
            None => stamp.nearest_before(&self.zone, self.before.unwrap_or_else(Time::now)),
        };
        time.map(|time| Read { time, is_local: stamp.offset_s.is_none() })
    }
}

impl Time {
    /// The time that a text is, as [`Times`] reads it in UTC.
    ///
    /// # Examples
    /// ```
    /// use recpipe::Time;
    ///
    /// let time = Time::parse(b"24/Feb/2008:00:08:59 -0600").ok_or("no time")?;
    /// assert_eq!(time.to_string(), "2008-02-24T00:08:59-06:00");
    /// assert_eq!(Some(time), Time::parse(b"2008-02-24 06:08:59"), "the same moment");
    /// # Ok::<(), &str>(())
    /// ```
    pub fn parse(text: &[u8]) -> Option<Time> {
        Times::default().read(text).ok().map(|read| read.time)
    }
}

#[cfg(test)]
mod tests;
