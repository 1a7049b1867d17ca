//! What a text says of a time, and the moment that it is.

use jiff::{
    civil::{Date, DateTime, Time as Clock},
    tz::Offset,
};

use super::{NoTime, Zone, cursor::Cursor, named};
use crate::record::Time;

/// How far a clock may be ahead of the one that dates a file.
const TOLERANCE_NS: i64 = 86_400 * 1_000_000_000;

/// A date, a time of day, and what is known of its offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// `None` where the text leaves it out.
    pub(super) year: Option<i64>,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) clock: TimeOfDay,
    /// Seconds east of UTC.
    pub(super) offset_s: Option<i32>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimeOfDay {
    pub(super) hour: i64,
    pub(super) minute: i64,
    /// 0 to 60.
    pub(super) second: i64,
    pub(super) nanos: i64,
}

impl TimeOfDay {
    /// `None` for one that no clock shows.
    #[inline]
    pub(super) fn new(hour: i64, minute: i64, second: i64, nanos: i64) -> Option<Self> {
        (hour < 24 && minute < 60 && second <= 60).then_some(TimeOfDay { hour, minute, second, nanos })
    }

    /// `10:11`, `10:11:12` or `10:11:12.5` with a point or a comma; without colons where `is_basic`.
    pub(super) fn read(text: &mut Cursor<'_>, is_basic: bool) -> Option<Self> {
        let hour = text.digits(2)?;
        if !is_basic {
            text.byte(b':')?;
        }
        let minute = text.digits(2)?;
        let has_second = if is_basic { text.count_digits() >= 2 } else { text.byte(b':').is_some() };
        let (second, nanos) = if has_second { (text.digits(2)?, text.fraction()?) } else { (0, 0) };
        TimeOfDay::new(hour, minute, second, nanos)
    }
}

/// Seconds east of UTC, from what stands in an offset.
#[inline]
pub(super) fn offset(sign: u8, hours: i64, minutes: i64) -> Option<i32> {
    let seconds = (hours * 3600 + minutes * 60) as i32;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// The names of UTC.
pub(super) fn is_utc(word: &[u8]) -> bool {
    [&b"Z"[..], b"UTC", b"GMT", b"UT"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

/// `Z`, `UTC`, `+02:00`, `+0200`, `+02`, after blanks or none; the offset is `None` at the end of the text. The outer `None` is
/// something else.
pub(super) fn read_offset(text: &mut Cursor<'_>) -> Option<Option<i32>> {
    if text.blanks() > 1 {
        return None;
    }
    if text.is_empty() {
        return Some(None);
    }
    if matches!(text.0.first(), Some(b'+' | b'-')) {
        return offset_begins(text).map(Some);
    }
    named::zone(text.word()).map(Some)
}

/// `Z`, `+02:00`, `+0200` or `+02`, whatever follows it.
pub(super) fn offset_begins(text: &mut Cursor<'_>) -> Option<i32> {
    if matches!(text.0, [b'Z', rest @ ..] if !rest.first().is_some_and(u8::is_ascii_alphabetic)) {
        return text.byte(b'Z').map(|()| 0);
    }
    let sign = text.any(b"+-")?;
    let hours = text.digits(2)?;
    let minutes = match text.byte(b':') {
        Some(()) => text.digits(2)?,
        None if text.count_digits() == 2 => text.digits(2)?,
        None => 0,
    };
    offset(sign, hours, minutes)
}

impl Stamp {
    /// The moment; `zone` is asked where there is no offset.
    #[inline]
    pub(super) fn moment(&self, zone: &Zone) -> Result<Time, NoTime> {
        let year = self.year.ok_or(NoTime::Unreadable)?;
        match self.offset_s.or(zone.fixed()) {
            Some(offset_s) => self.at_offset(year, offset_s),
            None => self.on(self.date(year).ok_or(NoTime::Unreadable)?, zone),
        }
    }

    /// The day; `None` if its month does not have it.
    #[inline]
    fn date(&self, year: i64) -> Option<Date> {
        Date::new(i16::try_from(year).ok()?, i8::try_from(self.month).ok()?, i8::try_from(self.day).ok()?).ok()
    }

    fn on(&self, date: Date, zone: &Zone) -> Result<Time, NoTime> {
        let TimeOfDay { hour, minute, second, nanos } = self.clock;
        // A leap second is the one after the 59th.
        let clock = Clock::new(hour as i8, minute as i8, second.min(59) as i8, nanos as i32).map_err(|_| NoTime::Unreadable)?;
        let time = zone.time_of(DateTime::from_parts(date, clock))?;
        if second < 60 {
            return Ok(time);
        }
        let nanos = time.nanos.checked_add(1_000_000_000).ok_or(NoTime::Beyond)?;
        Ok(Time { nanos, ..time })
    }

    /// The moment where the offset is known: logs are full of these, and they need no rules of zones.
    ///
    /// jiff finds the day (6 ns; Hinnant's algorithm, written out here before, took 9), and the time of day is added to it: a whole
    /// civil time of jiff's would take 2 ns more, and has no second 60.
    #[inline]
    fn at_offset(&self, year: i64, offset_s: i32) -> Result<Time, NoTime> {
        let TimeOfDay { hour, minute, second, nanos } = self.clock;
        let date = self.date(year).ok_or(NoTime::Unreadable)?;
        let midnight = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| NoTime::Beyond)?;
        let seconds = midnight.as_second() + hour * 3600 + minute * 60 + second - i64::from(offset_s);
        let nanos = seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos)).ok_or(NoTime::Beyond)?;
        Ok(Time { nanos, offset_s })
    }

    /// The moment in the latest year in which it is not after `before`, a day of tolerance aside.
    pub(super) fn nearest_before(&self, zone: &Zone, before: Time) -> Result<Time, NoTime> {
        let last = zone.at(before.nanos.saturating_add(TOLERANCE_NS));
        let year = i64::from(last.local().year());
        // One further, for the offset; and back to a year that has the day: 29 February is there every 8 years at least.
        let years = (0..=10).map(|back| year + 1 - back);
        let found = years.filter_map(|year| Stamp { year: Some(year), ..*self }.moment(zone).ok()).find(|time| *time <= last);
        found.ok_or(NoTime::Unreadable)
    }
}
