//! How old a file of a rotated set is, as its name tells.
//!
//! ```text
//! access.log-20240107.gz      access.log   2024 1 7          a date: the later, the newer
//! app-2024-01-07T15-2.log     app.log      2024 1 7 15 2     and what counts on after it
//! access.log.10.gz            access.log   10                a number alone: the larger, the older
//! access.9.log                access.log   9
//! access.log                  access.log                     the newest
//! ```
//!
//! The second column is the *family*; a set is the files of one. Dates are those of logrotate (`dateext`, `dateformat` with
//! `%s` too), log4j, logback, Python, rotatelogs and cronolog; `@` and a TAI64N stamp are multilog's and s6-log's, whose newest
//! file is `current`. A number behind a date counts up, as these programs do it; a number alone counts down, as in logrotate.
//! Numbers behind `-` or `_` are none: `worker-2.log` is not older than `worker-1.log`.

use std::cmp::{Ordering, Reverse};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Endings that say how a file is packed.
const PACKED: [&[u8]; 10] = [b".gz", b".bz2", b".zst", b".xz", b".lz4", b".lzma", b".lzo", b".Z", b".zip", b".br"];

const MONTHS: [&[u8; 3]; 12] = [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

/// What a name tells. The order is that of reading: oldest first within a family.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aged {
    family: Vec<u8>,
    turn: Turn,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// A date, from the year on, and what counts on after it.
    Dated(Vec<u64>),
    /// How often it was rotated.
    Rotated(Reverse<u64>),
    /// Not yet.
    Newest,
}

/// Orders names so that a rotated set comes oldest first, and everything else bytewise.
pub fn by_age(a: &OsStr, b: &OsStr) -> Ordering {
    Aged::of(a).cmp(&Aged::of(b)).then_with(|| a.cmp(b))
}

impl Aged {
    /// What this file name tells.
    pub fn of(name: &OsStr) -> Self {
        let name = name.as_bytes();
        let plain = PACKED.iter().find_map(|ending| name.strip_suffix(*ending)).filter(|plain| !plain.is_empty()).unwrap_or(name);
        let rotated = tai64n(plain).or_else(|| dated(plain)).or_else(|| numbered(plain));
        rotated.unwrap_or_else(|| Aged { family: name.to_vec(), turn: Turn::Newest })
    }

    /// Whether both names are of one rotated set.
    pub fn is_kin_of(&self, other: &Aged) -> bool {
        self.family == other.family
    }

    /// Whether this is a name that rotation makes.
    pub fn is_old(&self) -> bool {
        self.turn != Turn::Newest
    }

    /// Whether this is what rotation makes of the file name `of`.
    pub fn is_rotated(&self, of: &OsStr) -> bool {
        self.is_old() && self.family == of.as_bytes()
    }
}

fn tai64n(name: &[u8]) -> Option<Aged> {
    let label = name.strip_prefix(b"@")?.get(..24)?;
    let hex = |digits: &[u8]| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    let turn = Turn::Dated(vec![hex(&label[..16])?, hex(&label[16..])?]);
    Some(Aged { family: b"current".to_vec(), turn })
}

/// A name with a date in it.
fn dated(name: &[u8]) -> Option<Aged> {
    let starts = (0..name.len()).filter(|&at| name[at].is_ascii_digit() && (at == 0 || !name[at - 1].is_ascii_digit()));
    let (start, mut end, mut turn) = starts.into_iter().find_map(|start| date(name, start).map(|(end, turn)| (start, end, turn)))?;
    while let Some((next, number)) = part(name, end) {
        turn.extend(number);
        end = next;
    }
    let (mut rest, before) = (&name[end..], &name[..start]);
    if let Some((stem, number)) = last_number(rest) {
        turn.push(number);
        rest = stem;
    }
    let stem = before.iter().rposition(|&byte| !is_separator(byte)).map_or(&[][..], |last| &before[..=last]);
    Some(Aged { family: [stem, rest].concat(), turn: Turn::Dated(turn) })
}

/// The date that begins here, or the first part of it; and where it ends.
fn date(name: &[u8], start: usize) -> Option<(usize, Vec<u64>)> {
    let digits = digits(&name[start..]);
    let end = start + digits.len();
    let is_apart = start == 0 || is_separator(name[start - 1]);
    let ends = match name.get(end) {
        None => true,
        Some(b'T' | b't') => name.get(end + 1).is_some_and(u8::is_ascii_digit),
        Some(b'Z') => true,
        Some(byte) => !byte.is_ascii_alphanumeric(),
    };
    let len = digits.len();
    if !ends {
        return None;
    }
    if len <= 2 {
        return is_apart.then(|| year_last(name, start)).flatten();
    }
    let number = |from: usize, to: usize| digits[from..to].iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
    if len >= 4 && (1970..=2099).contains(&number(0, 4)) {
        // How the digits after the year are parted, and how large each part may be.
        let parts: &[(usize, u64)] = match len {
            4 if is_apart => &[],
            6 if is_apart => &[(2, 12)],
            7 if is_apart => &[(3, 366)],
            8 => &[(2, 12), (2, 31)],
            10 => &[(2, 12), (2, 31), (2, 24)],
            12 => &[(2, 12), (2, 31), (2, 24), (2, 59)],
            14 => &[(2, 12), (2, 31), (2, 24), (2, 59), (2, 60)],
            17 => &[(2, 12), (2, 31), (2, 24), (2, 59), (2, 60), (3, 999)],
            _ => return None,
        };
        let (mut turn, mut at) = (vec![number(0, 4)], 4);
        for (nth, &(width, most)) in parts.iter().enumerate() {
            let part = number(at, at + width);
            // Months and days begin with 1, hours with 0.
            if part > most || (part == 0 && nth < 2) {
                turn.clear();
                break;
            }
            turn.push(part);
            at += width;
        }
        if !turn.is_empty() {
            return Some((end, turn));
        }
    }
    // Seconds since 1970, or thousandths, millionths and billionths of them, from 2001 on.
    let fraction = match len {
        10 | 13 | 16 | 19 if digits[0] != b'0' => 10_u64.pow(len as u32 - 10),
        _ => return None,
    };
    let (seconds, rest) = (number(0, len) / fraction, number(0, len) % fraction);
    let (day, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, of_month) = civil(day);
    Some((end, vec![year, month, of_month, second / 3600, second / 60 % 60, second % 60, rest]))
}

/// The year, month and day that is so many days after 1970 began (Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

/// `07-Jan-2024`, or `01-07-2024` as log4j's manual has it: the month first, unless there is no such month.
fn year_last(name: &[u8], start: usize) -> Option<(usize, Vec<u64>)> {
    let (after_first, first) = number_at(name, start)?;
    let separator = *name.get(after_first).filter(|byte| is_separator(**byte))?;
    let (after_second, second, is_named) = match month_at(name, after_first + 1) {
        Some((end, month)) => (end, month, true),
        None => number_at(name, after_first + 1).filter(|(end, _)| end - after_first == 3).map(|(end, number)| (end, number, false))?,
    };
    if name.get(after_second) != Some(&separator) {
        return None;
    }
    let (end, year) = number_at(name, after_second + 1).filter(|(end, _)| end - after_second == 5)?;
    let (month, day) = if is_named || first > 12 { (second, first) } else { (first, second) };
    let is_date = (1970..=2099).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    (is_date && name.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric())).then(|| (end, vec![year, month, day]))
}

/// What comes after a date, or a part of one, and counts on: a separator and a number, a month's name, a half of the day; or
/// a `Z`, which does not count.
fn part(name: &[u8], at: usize) -> Option<(usize, Option<u64>)> {
    let first = *name.get(at)?;
    let ends = |end: usize| name.get(end).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if first == b'Z' && ends(at + 1) {
        return Some((at + 1, None));
    }
    let may_begin = is_separator(first) || matches!(first, b':' | b'+' | b',' | b' ' | b'T' | b't');
    let from = at + usize::from(may_begin);
    if !may_begin {
        return None;
    }
    if let Some((end, month)) = month_at(name, from).filter(|(end, _)| ends(*end)) {
        return Some((end, Some(month)));
    }
    let half = name.get(from..from + 2).map(<[u8]>::to_ascii_lowercase);
    if let Some(half @ (b"am" | b"pm")) = half.as_deref().filter(|_| ends(from + 2)) {
        return Some((from + 2, Some(u64::from(half == b"pm"))));
    }
    let from = from + usize::from(name.get(from).is_some_and(|byte| matches!(byte, b'W' | b'w')));
    let (end, number) = number_at(name, from)?;
    let goes_on = matches!(name.get(end), Some(b'T' | b't')) && name.get(end + 1).is_some_and(u8::is_ascii_digit);
    let is_utc = name.get(end) == Some(&b'Z') && ends(end + 1);
    (ends(end) || goes_on || is_utc).then_some((end, Some(number)))
}

fn month_at(name: &[u8], at: usize) -> Option<(usize, u64)> {
    let word = name.get(at..)?;
    let len = word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let short = word[..len].get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|month| month[..] == short[..])?;
    (len == 3 || len > 4).then_some((at + len, month as u64 + 1))
}

/// A name with a number alone.
fn numbered(name: &[u8]) -> Option<Aged> {
    if let Some(stem) = name.strip_suffix(b".old").filter(|stem| !stem.is_empty()) {
        return Some(Aged { family: stem.to_vec(), turn: Turn::Rotated(Reverse(1)) });
    }
    let aged = |stem: &[u8], rest: &[u8], number| {
        // An address (10.0.0.1), a version: what is before a number that was put there is no number.
        let last = stem.rsplit(|byte| *byte == b'.').next()?;
        let is_name = last.iter().any(|byte| !byte.is_ascii_digit());
        is_name.then(|| Aged { family: [stem, rest].concat(), turn: Turn::Rotated(Reverse(number)) })
    };
    if let Some((stem, number)) = last_number(name) {
        return aged(stem, b"", number);
    }
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    let extension = &name[dot..];
    if extension.len() < 2 || extension.len() > 6 {
        return None;
    }
    let (stem, number) = last_number(&name[..dot])?;
    aged(stem, extension, number)
}

/// `stem.N` as its stem and number. More than three digits are a number only where they are not filled up with zeros.
fn last_number(name: &[u8]) -> Option<(&[u8], u64)> {
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0)?;
    let (end, number) = number_at(name, dot + 1)?;
    let len = end - dot - 1;
    (end == name.len() && (len <= 3 || (len <= 6 && name[dot + 1] != b'0'))).then_some((&name[..dot], number))
}

/// The number that begins here, and where it ends.
fn number_at(name: &[u8], at: usize) -> Option<(usize, u64)> {
    let digits = digits(name.get(at..)?);
    let fits = !digits.is_empty() && digits.len() < 19;
    fits.then(|| (at + digits.len(), digits.iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0'))))
}

fn digits(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()]
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'_' | b'@' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asserts that these names, oldest first, come so from any order.
    fn oldest_first(names: &str) {
        let want: Vec<&str> = names.split_whitespace().collect();
        for turn in 0..want.len() {
            let mut shuffled: Vec<&str> = want.iter().rev().copied().collect();
            shuffled.rotate_left(turn);
            shuffled.sort_by(|a, b| by_age(a.as_ref(), b.as_ref()));
            assert_eq!(shuffled, want);
        }
    }

    #[test]
    fn a_number_alone_counts_down() {
        oldest_first("x.log.1001 x.log.999 x.log.11.gz x.log.10.gz x.log.2.gz x.log.1 x.log");
        oldest_first("access.10.log access.9.log access.2.log.gz access.1.log access.log");
        oldest_first("syslog.2.gz syslog.1 syslog.0 syslog");
        oldest_first("dmesg.old dmesg");
    }

    #[test]
    fn a_date_counts_up_in_every_form() {
        for set in [
            "access_log-20240107 access_log-20240114 access_log error_log-20240107 error_log",
            "catalina.out-20240101.gz catalina.out-20240108.gz catalina.out-20240115 catalina.out",
            "app.log.2023-12-31 app.log.2024-01-01 app.log",
            "app.log.2024_01_02 app.log.2024_01_10 app.log",
            "app.2024.01.02.log app.2024.01.10.log.gz app.log",
            "app-20240102.log app-20240110.log.gz app.log",
            "app-2024-1-9.log app-2024-1-10.log app.log",
            "a.log-2024010709 a.log-2024010715 a.log-2024010800 a.log",
            "a.log-20240107-090000 a.log-20240107-150000 a.log",
            "a.log.20240107T090000Z a.log.20240107T150000Z a.log",
            "a-2024-01-07T09-00-00.000.log a-2024-01-07T12-00-00.000.log.gz a.log",
            "a.log.2024-01-07_9 a.log.2024-01-07_13 a.log.2024-01-07_13-59 a.log",
            "a.log.2024-01-07-AM a.log.2024-01-07-PM a.log.2024-01-08-AM a.log",
            "a.log-1704067200 a.log-1704153600.gz a.log",
            "a.log-1704067200 a.log-20240102 a.log",
            "a.log.1704067200123 a.log.1704067200124 a.log",
            "a.log.2023-12 a.log.2024-02 a.log",
            "a.log.202312 a.log.202402 a.log",
            "a.log.2023-W52 a.log.2024-W03 a.log",
            "a-12-31-2023-1.log.gz a-01-02-2024-1.log.gz a.log",
            "a.log.31-Dec-2023 a.log.02-Jan-2024 a.log",
            "postgresql-2024-01-06_235959.log postgresql-2024-01-07_000000.log",
            "@4000000065937d0038a1b2c4.s @4000000065937d0038a1b2c5.u current",
            "20231231-a.log 20240101-a.log a.log",
        ] {
            oldest_first(set);
        }
    }

    #[test]
    fn a_number_behind_a_date_counts_up() {
        oldest_first("app.log.20240101 app.log.20240101.1 app.log.20240101.2 app.log.20240101.10 app.log.20240102.1 app.log");
        oldest_first("app-2024-01-01-1.log.gz app-2024-01-01-2.log.gz app-2024-01-01-10.log app-2024-01-02-1.log app.log");
        oldest_first("app-2024-01-01.log app-2024-01-01.log.2 app-2024-01-01.log.10 app.log");
    }

    #[test]
    fn other_names_are_in_the_order_of_their_bytes() {
        oldest_first("10.0.0.1.log 10.0.0.10.log 10.0.0.2.log");
        oldest_first("worker-1.log worker-10.log worker-2.log");
        oldest_first("mysql-bin.000001 mysql-bin.000002 mysql-bin.000010");
        oldest_first("a.log.99999999 a.log.b b");
        oldest_first(".1 .2 1 10 2");
    }

    #[test]
    fn rotated_names_are_told_from_their_base() {
        let is = |name: &str, of: &str| Aged::of(name.as_ref()).is_rotated(of.as_ref());
        assert!(is("a.log.1", "a.log") && is("a.1.log", "a.log") && is("a-20240101.log", "a.log") && is("0.log.20240107-1200", "0.log"));
        assert!(!is("a.log", "a.log") && !is("b.log.1", "a.log") && !is("a.log.2", "a.log.1"));
    }
}
