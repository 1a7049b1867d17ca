//! Times as logs write them: ISO 8601 and its like, CLF, syslog.

use std::ops::RangeInclusive;

use super::{in_word, run, whole};

/// The length of the time that begins here.
pub(super) fn length(before: Option<u8>, rest: &[u8]) -> Option<usize> {
    if in_word(before) {
        return None;
    }
    let end = match rest.first()? {
        b'0'..=b'9' => iso(rest).or_else(|| clf(rest)).or_else(|| clock_alone(before, rest))?,
        _ => syslog(rest)?,
    };
    whole(rest, end)
}

// Each of these takes a place in the text and gives the one after what it has read.

/// So many digits, that are a number within these bounds.
fn number(text: &[u8], at: usize, digits: usize, bounds: RangeInclusive<u32>) -> Option<usize> {
    let digits = text.get(at..at + digits).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let value = digits.iter().fold(0, |value, digit| 10 * value + u32::from(digit - b'0'));
    bounds.contains(&value).then_some(at + digits.len())
}

fn one_of(text: &[u8], at: usize, signs: &[u8]) -> Option<usize> {
    text.get(at).filter(|sign| signs.contains(sign)).map(|_| at + 1)
}

fn month_name(text: &[u8], at: usize) -> Option<usize> {
    const NAMES: [&[u8]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    text.get(at..at + 3).filter(|name| NAMES.contains(name)).map(|_| at + 3)
}

/// `HH:MM`
fn minutes(text: &[u8], at: usize) -> Option<usize> {
    let at = one_of(text, number(text, at, 2, 0..=24)?, b":")?;
    number(text, at, 2, 0..=59)
}

/// `:SS`, with its fraction.
fn seconds(text: &[u8], at: usize) -> Option<usize> {
    let at = number(text, one_of(text, at, b":")?, 2, 0..=60)?;
    Some(fraction(text, at))
}

fn fraction(text: &[u8], at: usize) -> usize {
    match text[at..] {
        [b'.' | b',', b'0'..=b'9', ..] => at + 1 + run(&text[at + 1..], |byte| byte.is_ascii_digit()),
        _ => at,
    }
}

/// `HH:MM:SS`, with its fraction.
fn clock(text: &[u8], at: usize) -> Option<usize> {
    seconds(text, minutes(text, at)?)
}

/// An offset from UTC, where there is one: `Z`, `+02:00`, `+0200`, `+02`, the last three also after a blank.
fn offset(text: &[u8], at: usize) -> usize {
    let signed = |at| {
        let hours = number(text, one_of(text, at, b"+-")?, 2, 0..=26)?;
        let minutes = number(text, one_of(text, hours, b":").unwrap_or(hours), 2, 0..=59);
        whole(text, minutes.unwrap_or(hours))
    };
    let after_blank = || one_of(text, at, b" ").and_then(signed);
    one_of(text, at, b"Z").or_else(|| signed(at)).or_else(after_blank).unwrap_or(at)
}

/// `2026-11-29`, `2026-11-29T02:10:00.5Z`, `2026/11/29 02:10`, `20261129T021000Z`
fn iso(text: &[u8]) -> Option<usize> {
    const YEARS: RangeInclusive<u32> = 1000..=2999;
    let year = number(text, 0, 4, YEARS)?;
    let Some(separator) = text.get(year..=year).filter(|separator| matches!(separator, [b'-' | b'/'])) else {
        let day = number(text, number(text, year, 2, 1..=12)?, 2, 1..=31)?;
        let minutes = number(text, number(text, one_of(text, day, b"T")?, 2, 0..=24)?, 2, 0..=59)?;
        return Some(offset(text, fraction(text, number(text, minutes, 2, 0..=60)?)));
    };
    let month = number(text, one_of(text, year, separator)?, 2, 1..=12)?;
    let day = number(text, one_of(text, month, separator)?, 2, 1..=31)?;
    let Some(minutes) = one_of(text, day, b"T ").and_then(|at| minutes(text, at)) else { return Some(day) };
    Some(offset(text, seconds(text, minutes).unwrap_or(minutes)))
}

/// `24/Feb/2008:00:08:59 -0600`
fn clf(text: &[u8]) -> Option<usize> {
    let month = month_name(text, one_of(text, number(text, 0, 2, 1..=31)?, b"/")?)?;
    let year = number(text, one_of(text, month, b"/")?, 4, 0..=9999)?;
    Some(offset(text, clock(text, one_of(text, year, b": ")?)?))
}

/// `02:10:00.5`, which is not a part of more such numbers.
fn clock_alone(before: Option<u8>, text: &[u8]) -> Option<usize> {
    let end = clock(text, 0)?;
    let goes_on = |byte: Option<u8>| matches!(byte, Some(b':' | b'.'));
    (!goes_on(before) && text.get(end) != Some(&b':')).then_some(end)
}

/// `Mar  5 10:11:12`
fn syslog(text: &[u8]) -> Option<usize> {
    let day = one_of(text, month_name(text, 0)?, b" ")?;
    let day = number(text, day, 2, 1..=31).or_else(|| number(text, one_of(text, day, b" ").unwrap_or(day), 1, 1..=9))?;
    clock(text, one_of(text, day, b" ")?)
}
