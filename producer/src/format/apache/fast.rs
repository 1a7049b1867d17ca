//! Takes the usual line apart without a regular expression, and hands every other to [`regex`](super::regex).
//!
//! A strip of the block is first turned into a list of marks, the positions of its spaces, quotes, brackets, backslashes and
//! newlines ([`crate::simd`]); then the lines are read off the marks. A usual line has its marks in one order:
//!
//! ```text
//! host referrer user [date zone] "GET /path HTTP/1.1" 200 1234⏎      or  200 1234 "referer" "user agent"⏎
//!     0        1    23    4    567   8     9        111  12   13
//! ```
//!
//! Two ways read them: [`usual_head`] looks at the marks of such a line all at once; [`other_head`] goes from mark to mark and
//! takes escapes, any request line and a virtual host, at some times the cost. What both decline (a user of several words, an
//! odd status, what is no record) goes to the pattern at a microsecond or two a line, and there is one place that says what such
//! a line means. The law, tested on generated lines: the fast ways decline, or they say exactly what the pattern says.

use super::super::Reject;
use super::super::usual::{self, number};
use super::FIELDS;
use super::columns::{Columns, Line, Spot};
use super::usual::Usual;
use crate::simd::{self, ByteSet};

const MARKED: ByteSet = ByteSet::new(b" \"\\\n[]");

/// How much is marked at a time: the marks of a strip stay in the first-level cache until they are read.
const STRIP_BYTES: usize = 8 << 10;

/// How the usual lines of a log may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Many at a time, by their pattern.
    Pattern,
    /// Mark by mark.
    Marks,
}

impl Way {
    /// The faster one on this processor.
    pub(super) fn here() -> Way {
        if simd::has_masks() { Way::Pattern } else { Way::Marks }
    }
}

/// Room to work in, kept so that it is not allocated for every block.
#[derive(Debug, Default)]
pub(super) struct Room {
    marks: Vec<u32>,
    usual: usual::Room,
}

/// Takes a block of whole lines apart, for whom reads these of [`FIELDS`]; answers how many there are, and which are no records.
pub(super) fn parse(
    block: &[u8],
    columns: &mut Columns,
    room: &mut Room,
    (fields, usual): (&[bool; FIELDS.len()], Option<&[Usual; 2]>),
) -> (u32, Vec<Reject>) {
    columns.reset(fields);
    let mut walk = Walk { block, columns, marks: &mut room.marks, lines: 0, start: 0, rejects: Vec::new() };
    match usual {
        // There is always room.
        Some(kinds) => drop(usual::read(block, kinds, &mut room.usual, &mut walk)),
        None => walk.read_by_marks(block.len()),
    }
    // The last line, when it has no newline.
    if (walk.start as usize) < block.len() {
        walk.take_slowly(block.len());
    }
    (walk.lines, walk.rejects)
}

/// Goes through a block, line by line.
struct Walk<'a> {
    block: &'a [u8],
    columns: &'a mut Columns,
    marks: &'a mut Vec<u32>,
    lines: u32,
    /// Where the line begins that is read next.
    start: u32,
    rejects: Vec<Reject>,
}

impl usual::Walk<Usual> for Walk<'_> {
    fn start(&self) -> usize {
        self.start as usize
    }

    fn read_usual(&mut self, usual: &Usual, places: &[u32]) -> usize {
        let rows = self.columns.extend(self.block, usual, places);
        self.lines += rows as u32;
        self.start = places[rows * usual.pattern.wanted()].wrapping_add(1);
        rows
    }

    fn read_slowly(&mut self, end: usize) -> bool {
        self.read_by_marks(end);
        true
    }
}

impl Walk<'_> {
    /// Reads lines by their marks up to `end`, where one ends, or the block.
    fn read_by_marks(&mut self, end: usize) {
        let mut at = self.start as usize;
        // The first `kept` marks are of a line whose end is not marked yet.
        let mut kept = 0;
        let mut marks = std::mem::take(self.marks);
        for strip in self.block[at..end].chunks(STRIP_BYTES) {
            let room = kept + strip.len() + simd::SLACK;
            if marks.len() < room {
                marks.resize(room, 0);
            }
            let n = kept + simd::marks(&MARKED, strip, at as u32, &mut marks[kept..]);
            let read = self.read_lines(&marks[..n]);
            marks.copy_within(read..n, 0);
            kept = n - read;
            at += strip.len();
        }
        *self.marks = marks;
    }

    /// Reads all lines whose end is among the marks; answers how many marks they had.
    fn read_lines(&mut self, marks: &[u32]) -> usize {
        let mut rest = marks;
        loop {
            if let Some((line, used)) = take_fast(self.block, self.start, rest) {
                self.columns.push(self.start, &line);
                self.lines += 1;
                self.start = rest[used - 1] + 1;
                rest = &rest[used..];
                continue;
            }
            let Some(newline) = rest.iter().position(|&at| self.block[at as usize] == b'\n') else { break };
            self.take_slowly(rest[newline] as usize);
            rest = &rest[newline + 1..];
        }
        marks.len() - rest.len()
    }

    /// Reads the line that ends before `end` by the pattern.
    #[cold]
    fn take_slowly(&mut self, end: usize) {
        let start = self.start as usize;
        let line = &self.block[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Blank lines come by the million, and the pattern is a microsecond each.
        let parts = if line.is_empty() { None } else { super::regex::parse(line) };
        match parts {
            Some(parts) => self.columns.push(self.start, &parts),
            None => self.rejects.push(Reject {
                line: self.lines,
                records_before: self.columns.rows() as u32,
                start: self.start,
                len: line.len() as u32,
                why: "".into(),
            }),
        }
        self.lines += 1;
        self.start = (end + 1) as u32;
    }
}

/// The line that begins at `start`, and how many marks it has with its newline. `None` when it is one for the pattern, or
/// its end is not among the marks.
#[inline(always)]
fn take_fast(block: &[u8], start: u32, marks: &[u32]) -> Option<(Line, usize)> {
    match usual_head(block, start, marks) {
        Some(head) => finish(block, start, marks, &head),
        None => take_other(block, start, marks),
    }
}

#[cold]
fn take_other(block: &[u8], start: u32, marks: &[u32]) -> Option<(Line, usize)> {
    finish(block, start, marks, &other_head(block, start, marks)?)
}

/// A line up to the quote that ends its request.
struct Head {
    /// The first seven texts.
    texts: [Spot; 7],
    whole_request: bool,
    vhost: Spot,
    /// The place among the marks of that quote.
    closing: usize,
}

#[inline(always)]
fn byte(block: &[u8], at: u32) -> u8 {
    block.get(at as usize).copied().unwrap_or(0)
}

/// Four bytes from this place on, the first of them lowest; `None` where the block has fewer.
#[inline(always)]
fn four(block: &[u8], at: u32) -> Option<u32> {
    Some(u32::from_le_bytes(*block.get(at as usize..)?.first_chunk()?))
}

/// The head of a usual line: each mark in its place.
#[inline(always)]
fn usual_head(block: &[u8], start: u32, marks: &[u32]) -> Option<Head> {
    let m: &[u32; 11] = marks.first_chunk()?;
    // Differences gathered and looked at once: a dozen branches that always go the same way still cost a dozen. Where a mark
    // has to follow another at once, its byte says that it does.
    let mut wrong = (four(block, m[2])? ^ u32::from_le_bytes(*b" [\0\0")) & 0xffff;
    wrong |= (four(block, m[5])? ^ u32::from_le_bytes(*b"] \"\0")) & 0x00ff_ffff;
    for i in [0, 1, 4, 8, 9] {
        wrong |= u32::from(byte(block, m[i]) ^ b' ');
    }
    wrong |= u32::from(byte(block, m[10]) ^ b'"');
    let gaps = [m[0] > start, m[1] - m[0] > 1, m[2] - m[1] > 1, m[8] - m[7] > 1, m[9] - m[8] > 1, m[10] - m[9] > 1];
    if wrong != 0 || gaps.contains(&false) || has_comma(block, start, m[0]) {
        return None;
    }
    let spot = |from: u32, to: u32| Spot { start: from - start, len: to - from };
    let texts = [
        spot(start, m[0]),
        spot(m[0] + 1, m[1]),
        spot(m[1] + 1, m[2]),
        spot(m[3] + 1, m[5]),
        spot(m[7] + 1, m[8]),
        spot(m[8] + 1, m[9]),
        spot(m[9] + 1, m[10]),
    ];
    Some(Head { texts, whole_request: false, vhost: Spot::default(), closing: 10 })
}

/// Whether there is a comma in `block[from..to]`. Most hosts are short, and few lines have a comma so early.
#[inline(always)]
fn has_comma(block: &[u8], from: u32, to: u32) -> bool {
    let is_early = |eight: &[u8; 8]| {
        // The highest bit of each byte that is zero, and of some after it.
        let bytes = u64::from_le_bytes(*eight) ^ u64::from_le_bytes([b','; 8]);
        bytes.wrapping_sub(u64::from_le_bytes([1; 8])) & !bytes & u64::from_le_bytes([0x80; 8])
    };
    match block.get(from as usize..from as usize + 16).map(<[u8]>::as_chunks) {
        Some(([low, high], _)) if to - from <= 16 && is_early(low) | is_early(high) == 0 => false,
        _ => block[from as usize..to as usize].contains(&b','),
    }
}

/// The head of a line whose request is of any kind, and that may have a virtual host.
fn other_head(block: &[u8], start: u32, marks: &[u32]) -> Option<Head> {
    let &first = marks.first()?;
    let with_vhost = || {
        let vhost = Spot { start: 0, len: first - start };
        (byte(block, first) == b' ' && is_vhost(block.get(start as usize..first as usize)?)).then_some(())?;
        head_after(block, start, first + 1, marks, 1).map(|head| Head { vhost, ..head })
    };
    with_vhost().or_else(|| head_after(block, start, start, marks, 0))
}

/// Whether a word is a name and a port. An address in brackets is left to the pattern.
fn is_vhost(word: &[u8]) -> bool {
    let Some(colon) = memchr::memrchr(b':', word) else { return false };
    let (name, port) = (&word[..colon], &word[colon + 1..]);
    let is_name = !name.is_empty() && !name.iter().any(|b| b":,\"".contains(b));
    is_name && (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
}

/// The head of a line whose host begins at `from`, after its first `skipped` marks.
fn head_after(block: &[u8], start: u32, from: u32, marks: &[u32], skipped: usize) -> Option<Head> {
    let &[host, referrer, user, ..] = marks.get(skipped..)? else { return None };
    let parted = [host, referrer, user].iter().all(|&at| byte(block, at) == b' ');
    if !parted || host <= from || referrer - host < 2 || user - referrer < 2 || byte(block, user + 1) != b'[' {
        return None;
    }
    let name = block.get(from as usize..host as usize)?;
    if name.contains(&b',') || (skipped > 0 && name == b"-") {
        return None;
    }
    // The date goes up to the first bracket.
    let opening_bracket = skipped + 3;
    let closing_bracket = marks.iter().skip(opening_bracket + 1).position(|&at| byte(block, at) != b' ')? + opening_bracket + 1;
    let opening = closing_bracket + 2;
    let &[date_end, space, quote] = marks.get(closing_bracket..=opening)?.first_chunk()?;
    let is_right = byte(block, date_end) == b']' && byte(block, space) == b' ' && byte(block, quote) == b'"';
    if !is_right || space - date_end != 1 || quote - space != 1 {
        return None;
    }
    let closing = closing_quote(block, marks, opening)?;
    let (request, to) = (marks[opening] + 1, marks[closing]);
    let spot = |from: u32, to: u32| Spot { start: from - start, len: to - from };
    let (method, path, proto) = match three_words(block, marks.get(opening + 1..closing)?, request, to) {
        Some((first, second)) => (spot(request, first), spot(first + 1, second), spot(second + 1, to)),
        None => (Spot::default(), spot(request, to), Spot::default()),
    };
    let whole_request = proto == Spot::default();
    let texts = [spot(from, host), spot(host + 1, referrer), spot(referrer + 1, user), spot(user + 2, date_end), method, path, proto];
    Some(Head { texts, whole_request, vhost: Spot::default(), closing })
}

/// The two spaces of a request line of three words, between `from` and `to`; these are its marks. Only the path may have
/// escapes, and none of a space.
fn three_words(block: &[u8], marks: &[u32], from: u32, to: u32) -> Option<(u32, u32)> {
    let mut spaces = marks.iter().copied().filter(|&at| byte(block, at) == b' ');
    let (first, second) = (spaces.next()?, spaces.next()?);
    let is_escape = |at: u32| matches!(byte(block, at), b'\\' | b'"');
    let escapes_in_path = marks.iter().all(|&at| !is_escape(at) || (at > first && at < second));
    let words = spaces.next().is_none() && first > from && second > first + 1 && to > second + 1;
    // A backslash before the space is either an escaped one, or escapes the space: an even number of them in a row, or an odd one.
    let backslashes = block[from as usize..second as usize].iter().rev().take_while(|&&b| b == b'\\').count();
    (words && escapes_in_path && backslashes % 2 == 0).then_some((first, second))
}

/// The place among the marks of the quote that ends what the `opening`th mark begins, past any escapes.
#[inline]
fn closing_quote(block: &[u8], marks: &[u32], opening: usize) -> Option<usize> {
    let mut i = opening + 1;
    loop {
        let mark = *marks.get(i)?;
        match byte(block, mark) {
            b'"' => return Some(i),
            b'\\' if byte(block, mark + 1) != b'\n' => i += 1 + usize::from(marks.get(i + 1) == Some(&(mark + 1))),
            b'\\' | b'\n' => return None,
            _ => i += 1,
        }
    }
}

/// What follows the request: status, bytes, and the two quoted strings or something else.
#[inline(always)]
fn finish(block: &[u8], start: u32, marks: &[u32], head: &Head) -> Option<(Line, usize)> {
    let &[quote, before_status, before_bytes, after_bytes] = marks.get(head.closing..)?.first_chunk()?;
    let is_space = |at| byte(block, at) == b' ';
    if !is_space(before_status) || !is_space(before_bytes) || before_status - quote != 1 || before_bytes - before_status != 4 {
        return None;
    }
    let digit = |i: u32| u32::from(byte(block, before_status + i).wrapping_sub(b'0'));
    let digits = [digit(1), digit(2), digit(3)];
    if digits.iter().any(|&d| d > 9) {
        return None;
    }
    let after = head.closing + 3;
    let (mut bytes_end, mut used) = (after_bytes, after + 1);
    let mut quoted = [Spot::default(); 2];
    let mut combined = false;
    let mut extra = Spot::default();
    match byte(block, after_bytes) {
        b'\n' => bytes_end -= u32::from(byte(block, after_bytes - 1) == b'\r'),
        b' ' => {
            let mut before_extra = after_bytes;
            if let Some((quotes, last)) = quoted_pair(block, marks, after) {
                quoted = [[quotes[0], quotes[1]], [quotes[2], quotes[3]]].map(|[a, b]| Spot { start: a + 1 - start, len: b - a - 1 });
                combined = true;
                before_extra = quotes[3] + 1;
                used = last;
            }
            used += marks.iter().skip(used).position(|&mark| byte(block, mark) == b'\n')? + 1;
            let newline = marks[used - 1];
            let end = newline - u32::from(byte(block, newline - 1) == b'\r');
            // After the agent there is a space, or the end.
            if end > before_extra + 1 {
                extra = Spot { start: before_extra + 1 - start, len: end - before_extra - 1 };
                // It may be a second line.
                memchr::memchr(b'[', block.get(before_extra as usize..end as usize)?).is_none().then_some(())?;
            }
        }
        _ => return None,
    }
    let bytes = number(block, before_bytes as usize + 1, bytes_end as usize)?;
    let [host, referrer, user, datetime, method, request, proto] = head.texts;
    Some((
        Line {
            texts: [host, referrer, user, datetime, method, request, proto, quoted[0], quoted[1]],
            status: Some(digits[0] * 100 + digits[1] * 10 + digits[2]),
            bytes,
            whole_request: head.whole_request,
            combined,
            asides: [head.vhost, Spot::default(), extra],
        },
        used,
    ))
}

/// The four quotes of `"referer" "user agent"` after the `space`th mark, and how many marks there are up to the last of them.
#[inline]
fn quoted_pair(block: &[u8], marks: &[u32], space: usize) -> Option<([u32; 4], usize)> {
    // The marks right after one another: a space, then a quote.
    let opening = |space: usize| {
        let (&space_at, &quote_at) = (marks.get(space)?, marks.get(space + 1)?);
        (byte(block, space_at) == b' ' && byte(block, quote_at) == b'"' && quote_at - space_at == 1).then_some(space + 1)
    };
    let q0 = opening(space)?;
    let q1 = closing_quote(block, marks, q0)?;
    let q2 = opening(q1 + 1).filter(|_| marks[q1 + 1] - marks[q1] == 1)?;
    let q3 = closing_quote(block, marks, q2)?;
    let after = marks[q3] + 1;
    let ends = match byte(block, after) {
        b' ' | b'\n' => true,
        b'\r' => byte(block, after + 1) == b'\n',
        _ => false,
    };
    ends.then_some(([marks[q0], marks[q1], marks[q2], marks[q3]], q3 + 1))
}

#[cfg(test)]
mod tests;
