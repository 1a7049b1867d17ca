//! How objects lie in an input, and where blocks of them may be cut.
//!
//! ```text
//! lines    {"a":1}                   values    [                  {                  {"a":1}{"a":2}
//!          {"a":2}                               {"a":1},           "a": 1
//!                                                {"a":2}          }
//!                                              ]                  {
//! ```
//!
//! An input is *lines* unless its first object is in an array, goes over several lines, or has another behind it on its line: then
//! it is *values*. Lines are cut without a look at what they hold, so that is the fast way.
//!
//! Values are objects with white space, commas and the brackets of arrays between them; RFC 7464's separator is white space. What
//! else stands there is no record, up to the end of its line or the next of these. The grammar is gone through once to find
//! the ends, and once more by whoever parses.
//!
//! An object that breaks the grammar goes up to the brace that would close it, or to the first line, from the one with the mistake
//! on, that begins in its own column with `{`, whichever comes first. So a torn object costs no more than itself. One that is longer
//! than [`MAX_RECORD_BYTES`] ends the reading: what lies in it looks like objects, too, so nobody knows where the next begins.

use std::sync::Arc;

use memchr::{memchr, memchr3, memrchr};

use super::at::At;
use crate::input::boundary::{Boundary, Dialect, Lines, MAX_RECORD_BYTES, Resume};
use crate::input::prepare::{Mask, Preparation};

/// An object a line.
pub(super) const LINES: Dialect = 0;

/// Objects anywhere.
pub(super) const VALUES: Dialect = 1;

/// White space beyond this is given out by itself.
const MAX_SPACE_BYTES: usize = 64 << 10;

/// What tells how an input is written; where that is not known it is lines.
#[derive(Debug)]
pub(super) struct Framing {
    /// `--at`: what is there lies in arrays.
    pub at: Option<Arc<str>>,
}

impl Boundary for Framing {
    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        Lines::default().last_end(bytes)
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        Lines::default().first_end(bytes, from)
    }

    fn resume(&self, bytes: &[u8]) -> Resume {
        Lines::default().resume(bytes)
    }

    fn preparation(&self) -> Preparation {
        let mask = self.at.as_ref().map(|path| Box::new(At::new(path)) as Box<dyn Mask>);
        Preparation { mask, ..Preparation::default() }
    }

    fn dialect(&self, bytes: &[u8], is_all: bool) -> Option<Dialect> {
        if self.at.is_some() {
            return Some(VALUES);
        }
        let unless_more = |dialect| if is_all { Some(dialect) } else { None };
        let at = skip_space(bytes, 0);
        match bytes.get(at) {
            None => unless_more(LINES),
            Some(0x1e) => Some(VALUES),
            Some(b'[') => match bytes.get(skip_space(bytes, at + 1)) {
                None => unless_more(LINES),
                Some(b'{' | b']') => Some(VALUES),
                Some(_) => Some(LINES),
            },
            Some(b'{') => {
                let skim = skim(bytes, at);
                let stop = match skim {
                    Skim::End(end) => end,
                    Skim::Mistake(place) => place,
                    Skim::More => bytes.len(),
                };
                let goes_on = memchr(b'\n', &bytes[at..stop]).map(|newline| skip_space(bytes, at + newline));
                match (goes_on, skim) {
                    (Some(next), _) if next < stop => Some(VALUES),
                    (_, Skim::More) => unless_more(LINES),
                    (_, Skim::Mistake(_)) => Some(LINES),
                    (_, Skim::End(end)) => {
                        let rest = &bytes[end..];
                        match rest.iter().find(|byte| !b" \t\r".contains(byte)) {
                            None => unless_more(LINES),
                            Some(b'{' | b'[' | b',' | 0x1e) => Some(VALUES),
                            Some(_) => Some(LINES),
                        }
                    }
                }
            }
            Some(_) => Some(LINES),
        }
    }

    fn of(&self, dialect: Dialect) -> Option<Arc<dyn Boundary>> {
        Some(if dialect == VALUES { Arc::new(Values) } else { Arc::new(Lines::default()) })
    }

    fn are_lines(&self, _: &[u8]) -> bool {
        true
    }
}

/// Objects that are cut at their braces.
#[derive(Debug)]
pub(super) struct Values;

impl Boundary for Values {
    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        let mut last = None;
        for unit in Units::new(bytes, false) {
            last = Some(unit.end);
            if unit.kind == Kind::TooLong {
                break;
            }
        }
        last
    }

    fn first_end(&self, bytes: &[u8], _: usize) -> Option<usize> {
        Units::new(bytes, false).next().map(|unit| unit.end)
    }

    fn end_in_block(&self, block: &[u8]) -> usize {
        Units::new(block, true).next().map_or(block.len(), |unit| unit.end)
    }

    /// After what is no object and longer than a block.
    fn resume(&self, bytes: &[u8]) -> Resume {
        Lines::default().resume(bytes)
    }

    fn is_record(&self, bytes: &[u8]) -> bool {
        Units::new(bytes, true).next().is_some_and(|unit| matches!(unit.kind, Kind::Object | Kind::Other))
    }

    fn begins_at_lines(&self) -> bool {
        false
    }

    /// What is before an object goes with it.
    fn max_bytes(&self) -> usize {
        2 * MAX_RECORD_BYTES
    }
}

/// What lies between two cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An object, right or wrong.
    Object,
    /// Anything that is not an object.
    Other,
    /// `[`
    Open,
    /// `]`
    Close,
    /// White space and commas.
    Space,
    /// An object that is too long; what follows it cannot be found.
    TooLong,
}

/// One of them, with the white space before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    pub kind: Kind,
    /// Where the one before it ended.
    pub from: usize,
    /// Where it begins, and where it ends.
    pub start: usize,
    pub end: usize,
}

/// Goes through bytes that begin where a unit does, up to the last that ends in them for certain; of a block, to its end.
#[derive(Debug)]
pub(super) struct Units<'a> {
    bytes: &'a [u8],
    is_block: bool,
    at: usize,
}

impl<'a> Units<'a> {
    pub(super) fn new(bytes: &'a [u8], is_block: bool) -> Self {
        Units { bytes, is_block, at: 0 }
    }

    /// Where what is no object ends that begins at `start`.
    fn other_end(&self, start: usize) -> Option<usize> {
        let bytes = self.bytes;
        let mut from = start + 1;
        if bytes[start] == b'"' {
            from = match string_end(bytes, start) {
                Skim::End(end) => end,
                Skim::More if !self.is_block => return None,
                Skim::More | Skim::Mistake(_) => from,
            };
        }
        let stops = |byte: &u8| matches!(byte, b'\n' | b',' | b'[' | b']' | b'{' | 0x1e);
        match bytes[from..].iter().position(stops) {
            Some(len) => Some(from + len),
            None => self.is_block.then_some(bytes.len()),
        }
    }

    /// What the object at `start` is, and where it ends.
    fn object(&self, start: usize) -> Option<(Kind, usize)> {
        let bytes = self.bytes;
        let seen = &bytes[..bytes.len().min(start + MAX_RECORD_BYTES + 1)];
        let end = match skim(seen, start) {
            Skim::End(end) => Some(end),
            Skim::Mistake(place) => end_of_torn(seen, self.at, start, place),
            Skim::More => None,
        };
        match end {
            Some(end) if end - start <= MAX_RECORD_BYTES => Some((Kind::Object, end)),
            None if seen.len() - start <= MAX_RECORD_BYTES => self.is_block.then_some((Kind::Object, bytes.len())),
            _ => Some((Kind::TooLong, bytes.len())),
        }
    }
}

impl Iterator for Units<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        let (bytes, from) = (self.bytes, self.at);
        let start = skip_separators(bytes, from);
        let (kind, end) = match bytes.get(start) {
            _ if start - from > MAX_SPACE_BYTES => (Kind::Space, from + MAX_SPACE_BYTES),
            None if self.is_block && from < start => (Kind::Space, start),
            None => return None,
            Some(b'[') => (Kind::Open, start + 1),
            Some(b']') => (Kind::Close, start + 1),
            Some(b'{') => self.object(start)?,
            Some(_) => (Kind::Other, self.other_end(start)?),
        };
        self.at = end;
        Some(Unit { kind, from, start: start.min(end), end })
    }
}

fn skip_space(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).map_or(bytes.len(), |len| at + len)
}

fn skip_separators(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | 0x1e)).map_or(bytes.len(), |len| at + len)
}

/// How far an object goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skim {
    /// Up to here.
    End(usize),
    /// The byte here cannot be of an object.
    Mistake(usize),
    /// It is not over.
    More,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Key,
    KeyOrEnd,
    Colon,
    Value,
    ValueOrEnd,
    CommaOrEnd,
}

/// Goes through the object that begins at `start`, by its braces, brackets, commas and colons. Numbers and words are not looked at
/// closely: what is wrong with them is wrong within an object whose end is known. No string holds a line end.
fn skim(bytes: &[u8], start: usize) -> Skim {
    // What was opened, innermost last.
    let mut open = vec![b'{'];
    let (mut at, mut expect) = (start + 1, Expect::KeyOrEnd);
    loop {
        at = skip_space(bytes, at);
        let Some(&byte) = bytes.get(at) else { return Skim::More };
        let is_object = open.last() == Some(&b'{');
        match (byte, expect) {
            (b'"', Expect::Key | Expect::KeyOrEnd | Expect::Value | Expect::ValueOrEnd) => {
                at = match string_end(bytes, at) {
                    Skim::End(end) => end,
                    other => return other,
                };
                expect = if matches!(expect, Expect::Key | Expect::KeyOrEnd) { Expect::Colon } else { Expect::CommaOrEnd };
            }
            (b':', Expect::Colon) => {
                at += 1;
                expect = Expect::Value;
            }
            (b',', Expect::CommaOrEnd) => {
                at += 1;
                expect = if is_object { Expect::Key } else { Expect::Value };
            }
            (b'{' | b'[', Expect::Value | Expect::ValueOrEnd) => {
                open.push(byte);
                at += 1;
                expect = if byte == b'{' { Expect::KeyOrEnd } else { Expect::ValueOrEnd };
            }
            (b'}', Expect::KeyOrEnd | Expect::CommaOrEnd) if is_object => {
                open.pop();
                at += 1;
                if open.is_empty() {
                    return Skim::End(at);
                }
                expect = Expect::CommaOrEnd;
            }
            (b']', Expect::ValueOrEnd | Expect::CommaOrEnd) if !is_object => {
                open.pop();
                at += 1;
                expect = Expect::CommaOrEnd;
            }
            (b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z', Expect::Value | Expect::ValueOrEnd) => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                at += bytes[at..].iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len() - at);
                expect = Expect::CommaOrEnd;
            }
            _ => return Skim::Mistake(at),
        }
    }
}

/// How far the string goes that begins at `at`: not over the end of its line.
fn string_end(bytes: &[u8], at: usize) -> Skim {
    let mut from = at + 1;
    loop {
        let Some(found) = bytes.get(from..).and_then(|rest| memchr3(b'"', b'\\', b'\n', rest)) else { return Skim::More };
        from += found;
        match bytes[from] {
            b'"' => return Skim::End(from + 1),
            b'\n' => return Skim::Mistake(from),
            // What is escaped is no line end either.
            _ => from += if bytes.get(from + 1) == Some(&b'\n') { 1 } else { 2 },
        }
    }
}

/// Where an object ends that has a mistake at `place`. It begins at `start`, and what belongs to it at `unit`.
fn end_of_torn(bytes: &[u8], unit: usize, start: usize, place: usize) -> Option<usize> {
    let line_start = |at: usize| memrchr(b'\n', &bytes[unit..at]).map(|newline| unit + newline + 1);
    // The column of what stands behind something else on its line is not known.
    let column = match line_start(start) {
        Some(line) => Some(start - line),
        None => (start == unit).then_some(0),
    };
    // Before the line of the mistake, what looks like a record is a part of this one.
    let first_line = line_start(place).filter(|&line| line > start).unwrap_or(place);
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        let found = bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'\n'))? + at;
        at = found + 1;
        match bytes[found] {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            b'"' => {
                // One that is not closed ends with its line.
                at = match string_end(bytes, found) {
                    Skim::End(end) | Skim::Mistake(end) => end,
                    Skim::More => return None,
                };
            }
            _ if at >= first_line && column.is_some_and(|column| begins_record(&bytes[at..], column)) => return Some(at),
            _ => {}
        }
    }
}

/// Whether a line begins with `{` in this column.
fn begins_record(line: &[u8], column: usize) -> bool {
    line.get(column) == Some(&b'{') && line[..column].iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

#[cfg(test)]
mod tests;
