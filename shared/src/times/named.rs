//! Times with the name of a month in them.

use jiff::civil::Date;

use super::{
    cursor::{Cursor, number},
    stamp::{self, Stamp, TimeOfDay},
};

const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The zones whose names mean one offset, and its hours: those of RFC 2822, and others that no second place uses. `IST` (India, Israel,
/// Ireland), `BST` and `AST` are not among them.
const ZONES: [(&[u8], i32); 23] = [
    (b"EST", -5),
    (b"EDT", -4),
    (b"CST", -6),
    (b"CDT", -5),
    (b"MST", -7),
    (b"MDT", -6),
    (b"PST", -8),
    (b"PDT", -7),
    (b"AKST", -9),
    (b"AKDT", -8),
    (b"HST", -10),
    (b"WET", 0),
    (b"WEST", 1),
    (b"CET", 1),
    (b"CEST", 2),
    (b"EET", 2),
    (b"EEST", 3),
    (b"MSK", 3),
    (b"JST", 9),
    (b"AEST", 10),
    (b"AEDT", 11),
    (b"NZST", 12),
    (b"NZDT", 13),
];

/// Seconds east of UTC of the zone of this name, if it is one.
pub(super) fn zone(name: &[u8]) -> Option<i32> {
    if stamp::is_utc(name) {
        return Some(0);
    }
    ZONES.iter().find(|(zone, _)| *zone == name).map(|(_, hours)| hours * 3600)
}

/// The month whose name of three letters comes next.
pub(super) fn month_begins(text: &mut Cursor<'_>) -> Option<i64> {
    let (name, rest) = text.0.split_at_checked(3)?;
    let month = month(name)?;
    text.0 = rest;
    Some(month)
}

/// 1 to 12, for a name of three letters.
#[inline]
fn month(name: &[u8]) -> Option<i64> {
    let name: &[u8; 3] = name.try_into().ok()?;
    MONTHS.as_chunks::<3>().0.iter().position(|month| month == name).map(|at| at as i64 + 1)
}

/// 1 to 7, for `Thu` or `Thursday`.
fn weekday(name: &[u8]) -> Option<i8> {
    let is_it = |day: &&str| name == day.as_bytes() || name == &day.as_bytes()[..3];
    (1..).zip(DAYS).find(|(_, day)| is_it(day)).map(|(number, _)| number)
}

/// `24/Feb/2008:00:08:59 -0600`: every byte has its place.
#[inline]
pub(super) fn clf(text: &[u8]) -> Option<Stamp> {
    let t: &[u8; 26] = text.try_into().ok()?;
    if [t[2], t[6], t[11], t[14], t[17], t[20]] != *b"//:::\x20" {
        return None;
    }
    Some(Stamp {
        year: Some(number(&t[7..11])?),
        month: month(&t[3..6])?,
        day: number(&t[..2])?,
        clock: TimeOfDay::new(number(&t[12..14])?, number(&t[15..17])?, number(&t[18..20])?, 0)?,
        offset_s: Some(stamp::offset(t[21], number(&t[22..24])?, number(&t[24..26])?)?),
    })
}

/// CLF with a fraction or without offset, and RFC 2822 without the day of the week.
pub(super) fn day_first(text: &[u8]) -> Option<Stamp> {
    let mut text = Cursor(text);
    let day = text.short()?;
    if text.byte(b'/').is_some() {
        let month = month(text.word())?;
        text.byte(b'/')?;
        let year = text.digits(4)?;
        text.byte(b':')?;
        return end(Stamp { year: Some(year), month, day, clock: TimeOfDay::read(&mut text, false)?, offset_s: None }, text);
    }
    rfc2822(day, text)
}

/// What begins with the name of a day or of a month.
pub(super) fn word_first(text: &[u8]) -> Option<Stamp> {
    let mut text = Cursor(text);
    let word = text.word();
    let Some(weekday) = weekday(word) else { return month_first(word, text) };
    text.any(b",");
    (text.blanks() > 0).then_some(())?;
    let stamp = if text.count_digits() > 0 { rfc2822(text.short()?, text) } else { month_first(text.word(), text) }?;
    // The day says that it is another date.
    let date = Date::new(stamp.year? as i16, stamp.month as i8, stamp.day as i8).ok()?;
    (date.weekday().to_monday_one_offset() == weekday).then_some(stamp)
}

/// After the day: ` Mar 2026 10:11:12 +0100`.
fn rfc2822(day: i64, mut text: Cursor<'_>) -> Option<Stamp> {
    let separator = text.any(b" -")?;
    let month = month(text.word())?;
    text.byte(separator)?;
    let year = text.digits(4)?;
    text.byte(b' ')?;
    end(Stamp { year: Some(year), month, day, clock: TimeOfDay::read(&mut text, false)?, offset_s: None }, text)
}

/// After the month: `  5 10:11:12` of syslog, `  5 10:11:12 2026` of `ctime`.
fn month_first(name: &[u8], mut text: Cursor<'_>) -> Option<Stamp> {
    let month = month(name)?;
    (1..=2).contains(&text.blanks()).then_some(())?;
    let day = text.short()?;
    text.byte(b' ')?;
    let clock = TimeOfDay::read(&mut text, false)?;
    let stamp = Stamp { year: None, month, day, clock, offset_s: None };
    // A year of four digits is the last word; an offset has a sign.
    if let Some((rest, [b' ', year @ ..])) = text.0.split_last_chunk::<5>()
        && let Some(year) = number(year)
    {
        return end(Stamp { year: Some(year), ..stamp }, Cursor(rest));
    }
    end(stamp, text)
}

/// The offset, or the name of a zone, which is all that is left.
fn end(mut stamp: Stamp, mut text: Cursor<'_>) -> Option<Stamp> {
    let name = text.0.strip_prefix(b" ").unwrap_or_default();
    if let Some(offset_s) = zone(name) {
        return Some(Stamp { offset_s: Some(offset_s), ..stamp });
    }
    stamp.offset_s = stamp::read_offset(&mut text)?;
    text.is_empty().then_some(stamp)
}
