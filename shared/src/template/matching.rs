//! Takes a text apart, from left to right.
//!
//! A flexible capture ends at the first place where the literal after it stands and all up to the next flexible capture fits; else at
//! the next such place. A capture that was passed is never looked at again: the further left the next one begins, the more places
//! it has to end at, so what fits with a later end fits with the first one, too. So a text is gone through once for each capture at most,
//! however the template looks.

use memchr::{memchr, memchr2};

use super::piece::{Capture, Literal, Piece, Slot};
use crate::record::Time;
use crate::times::Times;

/// So far is a time looked for that any notation may have: none is longer.
const MOST_TIME_BYTES: usize = 64;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// Nothing, where the field has a type; or `-`.
    Null,
    /// A time whose moment is not known, as the name of its zone is not: null.
    UnknownZone,
    /// A part of the text.
    Span {
        /// Where it begins, in bytes.
        start: usize,
        /// Its length in bytes.
        len: usize,
    },
    /// A whole number.
    Int(i64),
    /// A float.
    Float(f64),
    /// A moment, and whether its text had no offset.
    Time(Time, bool),
}

impl Found {
    /// From here to there.
    fn span(start: usize, end: usize) -> Self {
        Found::Span { start, len: end - start }
    }
}

/// A flexible capture that is open: it begins here, and may end from there on.
struct Open<'p> {
    capture: &'p Capture,
    literal: &'p Literal,
    /// The piece after the literal.
    after: usize,
    start: usize,
    from: usize,
    /// It ends before this place.
    limit: usize,
}

/// Whether the text fits.
pub(super) fn read(pieces: &[Piece], text: &[u8], times: &Times, found: &mut [Found]) -> bool {
    let line_end = memchr(b'\n', text).unwrap_or(text.len());
    let mut walk = Walk { pieces, text, times, found, line_end };
    walk.run(0, 0)
}

/// Whether a line begins like a text: up to and with the first literal that has letters or digits, or field whose type tells it from others.
pub(super) fn begins(pieces: &[Piece], line: &[u8], times: &Times) -> bool {
    let mut found = [Found::Null];
    let mut walk = Walk { pieces, text: line, times, found: &mut found, line_end: line.len() };
    let is_fixed = |place: usize| {
        let capture = pieces.get(place).and_then(Piece::capture);
        capture.is_some_and(|capture| !capture.slot.is_flexible() || capture.slot == Slot::Time)
    };
    let mut at = 0;
    for (place, piece) in pieces.iter().enumerate() {
        let capture = match piece {
            Piece::Literal(literal) => match literal.at(line, at) {
                Some(end) if literal.is_punctuation() && is_fixed(place + 1) => {
                    at = end;
                    continue;
                }
                end => return end.is_some(),
            },
            Piece::Capture(capture) => Capture { first: Some(0), ..capture.clone() },
        };
        let end = match &capture.slot {
            Slot::Time => walk.usual_time(&capture, place, at),
            slot if !slot.is_flexible() => walk.fixed(&capture, at),
            _ => return is_followed(pieces.get(place + 1), line, at),
        };
        let Some(end) = end.filter(|end| *end > at && walk.found[0] != Found::Null) else { return false };
        if !matches!(capture.slot, Slot::Letter | Slot::Word) {
            return true;
        }
        at = end;
    }
    true
}

/// Whether the literal that follows a flexible capture stands somewhere from here on.
fn is_followed(next: Option<&Piece>, line: &[u8], mut from: usize) -> bool {
    let Some(Piece::Literal(literal)) = next else { return true };
    while let Some(at) = literal.next(line, from) {
        if literal.at(line, at).is_some() {
            return true;
        }
        from = literal.after(line, at);
    }
    false
}

struct Walk<'p, 'f> {
    pieces: &'p [Piece],
    text: &'p [u8],
    times: &'p Times,
    found: &'f mut [Found],
    /// Where the first line ends.
    line_end: usize,
}

impl<'p> Walk<'p, '_> {
    fn run(&mut self, mut at: usize, mut place: usize) -> bool {
        let mut open: Option<Open<'p>> = None;
        loop {
            if let Some(capture) = self.fixed_run(&mut at, &mut place) {
                let Some(capture) = capture else { return true };
                let limit = if capture.takes_lines { self.text.len() } else { self.line_end };
                let limit = match capture.stops {
                    [] => limit,
                    stops => (at..limit).find(|at| stops.contains(&self.text[*at])).unwrap_or(limit),
                };
                match self.pieces.get(place + 1) {
                    Some(Piece::Literal(literal)) => {
                        open = Some(Open { capture, literal, after: place + 2, start: at, from: at, limit });
                    }
                    _ if limit == self.text.len() && at <= limit => {
                        self.flexible(capture, at, limit);
                        return true;
                    }
                    _ => {}
                }
            }
            // Whatever has not fitted: the open capture is longer.
            let Some(open) = &mut open else { return false };
            let Some((end, next)) = end_of(open, self.text) else { return false };
            open.from = open.literal.after(self.text, end);
            let (capture, start) = (open.capture, open.start);
            (at, place) = (next, open.after);
            self.flexible(capture, start, end);
        }
    }

    /// Goes on as long as there is one way to: up to a flexible capture (`Some(Some)`), to the end of both (`Some(None)`), or to what does
    /// not fit (`None`).
    #[inline]
    fn fixed_run(&mut self, at: &mut usize, place: &mut usize) -> Option<Option<&'p Capture>> {
        loop {
            match self.pieces.get(*place) {
                None => return (*at == self.text.len()).then_some(None),
                Some(Piece::Literal(literal)) => *at = literal.at(self.text, *at)?,
                Some(Piece::Capture(capture)) if capture.slot == Slot::Time => *at = self.usual_time(capture, *place, *at)?,
                Some(Piece::Capture(capture)) if capture.slot.is_flexible() => return Some(Some(capture)),
                Some(Piece::Capture(capture)) => *at = self.fixed(capture, *at)?,
            }
            *place += 1;
        }
    }

    fn put(&mut self, capture: &Capture, found: Found) {
        if let Some(first) = capture.first {
            self.found[first] = found;
        }
    }

    /// As much as is of the type; nothing, or a dash, is null. Where it ends.
    fn fixed(&mut self, capture: &Capture, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        let (len, found) = match &capture.slot {
            Slot::Int { .. } => match int(rest) {
                (0, _) => (0, Found::Null),
                (len, value) => (len, Found::Int(value?)),
            },
            Slot::Float => match float_len(rest) {
                0 => (0, Found::Null),
                len => (len, Found::Float(std::str::from_utf8(&rest[..len]).ok()?.parse().ok()?)),
            },
            Slot::Word => match rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count() {
                0 => (0, Found::Null),
                len => (len, Found::Span { start: at, len }),
            },
            Slot::Level => match rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count() {
                len if is_level(&rest[..len]) => (len, Found::Span { start: at, len }),
                _ => return None,
            },
            Slot::Clock => match clock_len(rest) {
                0 => (0, Found::Null),
                len => (len, Found::Span { start: at, len }),
            },
            Slot::Letter if rest.first().is_some_and(u8::is_ascii_alphabetic) => (1, Found::Span { start: at, len: 1 }),
            Slot::TimeBy(pattern) => match pattern.read_prefix(rest, self.times) {
                Some((len, read)) => (len, read.map_or(Found::UnknownZone, |read| Found::Time(read.time, read.is_local))),
                None => (0, Found::Null),
            },
            _ => (0, Found::Null),
        };
        let (len, found) = match (len, rest.first(), &capture.slot) {
            (0, Some(b'-'), Slot::Int { dash_is_zero: true }) => (1, Found::Int(0)),
            (0, Some(b'-'), _) => (1, Found::Null),
            _ => (len, found),
        };
        self.put(capture, found);
        Some(at + len)
    }

    /// The longest time before the literal that follows, or the end of the line. Where it ends.
    fn usual_time(&mut self, capture: &Capture, place: usize, at: usize) -> Option<usize> {
        let text = &self.text[..self.line_end.max(at)];
        let window = &text[..text.len().min(at + MOST_TIME_BYTES)];
        let mut best = None;
        match self.pieces.get(place + 1) {
            Some(Piece::Literal(literal)) => {
                let mut from = at;
                while let Some(end) = literal.next(window, from) {
                    from = end + 1;
                    if literal.at(text, end).is_some() {
                        best = self.time_of(&text[at..end]).map(|found| (end, found)).or(best);
                    }
                }
            }
            _ => best = self.time_of(&text[at..]).map(|found| (text.len(), found)),
        }
        let (end, found) = best?;
        self.put(capture, found);
        Some(end)
    }

    fn time_of(&self, text: &[u8]) -> Option<Found> {
        match text {
            b"" | b"-" => Some(Found::Null),
            _ => self.times.read(text).ok().map(|read| Found::Time(read.time, read.is_local)),
        }
    }

    /// What a flexible capture has taken.
    fn flexible(&mut self, capture: &Capture, start: usize, end: usize) {
        let Some(first) = capture.first else { return };
        let text = &self.text[start..end];
        match capture.slot {
            Slot::CellOrDash | Slot::TextOrDash if text == b"-" => self.found[first] = Found::Null,
            Slot::Request => {
                let [method, path, proto] = request(text).map_or([Found::Null, Found::span(start, end), Found::Null], |(one, two)| {
                    [Found::span(start, start + one), Found::span(start + one + 1, start + two), Found::span(start + two + 1, end)]
                });
                (self.found[first], self.found[first + 1], self.found[first + 2]) = (method, path, proto);
            }
            Slot::Address => {
                let (host, port) = address(text);
                self.found[first] = if text == b"-" { Found::Null } else { Found::span(start + host.start, start + host.end) };
                self.found[first + 1] = port.map_or(Found::Null, Found::Int);
            }
            _ => self.found[first] = Found::span(start, end),
        }
    }
}

/// Where the open capture may end next, and where the literal after it ends.
#[inline]
fn end_of(open: &mut Open<'_>, text: &[u8]) -> Option<(usize, usize)> {
    loop {
        let at = if open.capture.is_quoted { closing_quote(text, open) } else { open.literal.next(text, open.from) };
        let at = at.filter(|at| *at <= open.limit)?;
        if let Some(next) = open.literal.at(text, at) {
            return Some((at, next));
        }
        open.from = open.literal.after(text, at);
    }
}

/// The next quote that no backslash stands before. What was looked at ends with a quote that was one, or not at all: no escape reaches over
/// `from`.
fn closing_quote(text: &[u8], open: &mut Open<'_>) -> Option<usize> {
    loop {
        let at = open.from + memchr2(b'"', b'\\', text.get(open.from..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        open.from = at + 2;
    }
}

/// Whether a word says how grave something is.
fn is_level(word: &[u8]) -> bool {
    const LEVELS: [&str; 31] = [
        "INFO",
        "ERROR",
        "WARN",
        "WARNING",
        "DEBUG",
        "TRACE",
        "NOTICE",
        "FATAL",
        "CRITICAL",
        "LOG",
        "DETAIL",
        "STATEMENT",
        "HINT",
        "CONTEXT",
        "PANIC",
        "QUERY",
        "LOCATION",
        "DEBUG1",
        "DEBUG2",
        "DEBUG3",
        "DEBUG4",
        "DEBUG5",
        "CRIT",
        "ALERT",
        "EMERG",
        "SEVERE",
        "FINE",
        "FINER",
        "FINEST",
        "CONFIG",
        "VERBOSE",
    ];
    let is_one_case = !word.iter().any(u8::is_ascii_lowercase) || !word.iter().any(u8::is_ascii_uppercase);
    is_one_case && LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level.as_bytes()))
}

/// The spaces of a request line of three words. Only the path may have escapes, and none of a space.
fn request(text: &[u8]) -> Option<(usize, usize)> {
    let mut spaces = memchr::memchr_iter(b' ', text);
    let (one, two) = (spaces.next()?, spaces.next()?);
    let odd = |word: &[u8]| word.is_empty() || memchr2(b'"', b'\\', word).is_some();
    let is_three = spaces.next().is_none() && two > one + 1 && !odd(&text[..one]) && !odd(&text[two + 1..]);
    (is_three && text[two - 1] != b'\\').then_some((one, two))
}

/// The host of an address, without the brackets of an IPv6 one, and its port.
fn address(text: &[u8]) -> (std::ops::Range<usize>, Option<i64>) {
    let colon = memchr::memrchr(b':', text).filter(|at| {
        let port = &text[at + 1..];
        (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit) && *at > 0
    });
    let (host, port) = match colon {
        Some(at) => (0..at, int(&text[at + 1..]).1),
        None => (0..text.len(), None),
    };
    match &text[host.clone()] {
        [b'[', .., b']'] => (1..host.end - 1, port),
        _ => (host, port),
    }
}

/// How long the whole number is that a text begins with, and the number; `None` where 64 bits do not hold it.
fn int(text: &[u8]) -> (usize, Option<i64>) {
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return (0, None);
    }
    let value = text[sign..sign + digits].iter().try_fold(0_i64, |n, digit| {
        let digit = i64::from(digit - b'0');
        n.checked_mul(10)?.checked_add(if sign == 1 { -digit } else { digit })
    });
    (sign + digits, value)
}

/// How long the time of day is that a text begins with: `02:10:11`, with a fraction or without.
fn clock_len(text: &[u8]) -> usize {
    let two =
        |at: usize, most: u8| matches!(text.get(at..at + 2), Some(&[tens, ones]) if (b'0'..=most).contains(&tens) && ones.is_ascii_digit());
    if !(two(0, b'2') && two(3, b'5') && two(6, b'6') && text[2] == b':' && text[5] == b':') {
        return 0;
    }
    let digits = |from: usize| text.get(from..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    match (text.get(8), digits(9)) {
        (Some(b'.' | b','), fraction @ 1..) => 9 + fraction,
        (Some(byte), _) if byte.is_ascii_digit() => 0,
        _ => 8,
    }
}

/// How long the number is that a text begins with.
fn float_len(text: &[u8]) -> usize {
    let digits = |from: usize| text.get(from..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if text.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        if fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}
