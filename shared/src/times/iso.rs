//! ISO 8601 and RFC 3339, as strict as they are told apart from other texts by.

use jiff::civil::{ISOWeekDate, Weekday};

use super::{
    cursor::{Cursor, number},
    stamp::{self, Stamp, TimeOfDay},
};

/// `2008-02-24T00:08:59-06:00`, `2008-02-24 06:08:59.5Z`: every byte has its place. `None` may be another notation.
#[inline]
pub(super) fn usual(text: &[u8]) -> Option<Stamp> {
    let (t, rest) = text.split_first_chunk::<19>()?;
    if [t[4], t[7], t[13], t[16]] != *b"--::" || !matches!(t[10], b'T' | b' ') {
        return None;
    }
    let mut rest = Cursor(rest);
    let nanos = rest.fraction()?;
    let offset_s = match rest.0 {
        b"Z" => 0,
        [sign, h1, h2, b':', m1, m2] => stamp::offset(*sign, number(&[*h1, *h2])?, number(&[*m1, *m2])?)?,
        _ => return None,
    };
    Some(Stamp {
        year: Some(number(&t[..4])?),
        month: number(&t[5..7])?,
        day: number(&t[8..10])?,
        clock: TimeOfDay::new(number(&t[11..13])?, number(&t[14..16])?, number(&t[17..19])?, nanos)?,
        offset_s: Some(offset_s),
    })
}

/// All that begins with a year of four digits.
pub(super) fn any(text: &[u8]) -> Option<Stamp> {
    if let Some(stamp) = digits_alone(text) {
        return Some(stamp);
    }
    let mut text = Cursor(text);
    let ((year, month, day), is_basic) = date(&mut text)?;
    let mut stamp = Stamp { year: Some(year), month, day, clock: TimeOfDay::default(), offset_s: None };
    if text.is_empty() {
        return Some(stamp);
    }
    text.any(b"Tt ")?;
    // Both halves are written the same way, or each in its own.
    let has_colons = text.0.get(2) == Some(&b':');
    stamp.clock = TimeOfDay::read(&mut text, is_basic && !has_colons)?;
    stamp.offset_s = stamp::read_offset(&mut text)?;
    text.is_empty().then_some(stamp)
}

/// Year, month and day, and whether nothing stands between them.
fn date(text: &mut Cursor<'_>) -> Option<((i64, i64, i64), bool)> {
    let year = text.digits(4)?;
    let separator = text.any(b"-/");
    if separator != Some(b'/') && text.byte(b'W').is_some() {
        let week = text.digits(2)?;
        if separator.is_some() {
            text.byte(b'-')?;
        }
        return Some((of_week(year, week, text.digits(1)?)?, separator.is_none()));
    }
    let month = text.digits(2)?;
    if let Some(separator) = separator {
        text.byte(separator)?;
    }
    let day = text.digits(2)?;
    // Eight digits alone have been looked at: these are no date, but a number.
    let is_number = separator.is_none() && text.is_empty();
    (!is_number).then_some(((year, month, day), separator.is_none()))
}

/// The day of this week, whose year may be another.
fn of_week(year: i64, week: i64, weekday: i64) -> Option<(i64, i64, i64)> {
    let weekday = Weekday::from_monday_one_offset(weekday as i8).ok()?;
    let date = ISOWeekDate::new(year as i16, week as i8, weekday).ok()?.date();
    Some((date.year().into(), date.month().into(), date.day().into()))
}

/// `20260305`, `20260305101112`: dates of years that a time can be. Others are numbers.
pub(super) fn digits_alone(text: &[u8]) -> Option<Stamp> {
    if !matches!(text.len(), 8 | 14) || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut text = Cursor(text);
    let (year, month, day) = (text.digits(4)?, text.digits(2)?, text.digits(2)?);
    let clock = if text.is_empty() { TimeOfDay::default() } else { TimeOfDay::read(&mut text, true)? };
    let is_date = jiff::civil::Date::new(year as i16, month as i8, day as i8).is_ok();
    ((1678..2262).contains(&year) && is_date).then_some(Stamp { year: Some(year), month, day, clock, offset_s: None })
}
