//! Takes rows apart: which bytes are which field.
//!
//! Of `csv`, as RFC 4180 has it, and what people write besides:
//!
//! - Fields are parted by the delimiter, rows by `\n` or `\r\n`; the last may lack its end. A carriage return elsewhere is text.
//! - A field that begins with a quote goes on to the next quote that is not doubled; a doubled one is a quote. Blanks before the
//!   opening quote are dropped. What does not end well is torn: `delimited.rs` says when, and where the row ends then.
//! - A quote within a field that does not begin with one is text (`5" pipe`).
//!
//! Where every quoted field ends well that is what the `csv-core` crate reads, which is the oracle in the tests.
//!
//! Of `tsv`, as IANA's text/tab-separated-values has it: there are no quotes. A tab, line end or backslash in a field is `\t`, `\n`,
//! `\r`, `\\`, as `consumer tsv` writes them; a backslash before anything else is one.
//!
//! As in the apache format, a strip of the block is first turned into a list of marks (delimiters, quotes or backslashes,
//! newlines), and the rows are read off the marks.

use memchr::{memchr, memchr3_iter};

use super::delimited::{Delimited, MAX_LINES, QUOTE};
use crate::input::boundary::MAX_RECORD_BYTES;
use crate::simd;

/// How much is marked at a time.
const STRIP_BYTES: usize = 16 << 10;

/// Where a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FieldSpan {
    pub start: u32,
    pub len: u32,
    /// What it says is not the bytes as they stand there: see [`unescape`].
    pub escaped: bool,
}

/// One row.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub start: usize,
    /// Without the line end.
    pub end: usize,
    pub fields: &'a [FieldSpan],
    /// What is wrong with the quotes of the field after these.
    pub torn: Option<Torn>,
}

/// What is wrong with a quoted field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Torn {
    /// Text follows the quote that closes it.
    TextAfter,
    /// No quote closes it; or one on a later line, which text follows.
    Open,
}

impl Row<'_> {
    /// Whether there is nothing in it.
    pub(super) fn is_blank(&self) -> bool {
        self.start == self.end
    }
}

/// Room to work in, kept from block to block.
#[derive(Debug, Default)]
pub(super) struct Rows {
    marks: Vec<u32>,
    fields: Vec<FieldSpan>,
}

impl Rows {
    /// Shows each row of a block of whole rows.
    pub(super) fn read(&mut self, kind: Delimited, block: &[u8], mut each: impl FnMut(Row<'_>)) {
        let mut marks = std::mem::take(&mut self.marks);
        let mut walk = Walk { block, kind, fields: &mut self.fields, start: 0 };
        // The first `kept` marks are of a row whose end is not marked yet.
        let mut kept = 0;
        for (i, strip) in block.chunks(STRIP_BYTES).enumerate() {
            let room = kept + strip.len() + simd::SLACK;
            if marks.len() < room {
                marks.resize(room, 0);
            }
            let base = (i * STRIP_BYTES) as u32;
            let n = kept + mark(kind, strip, base, &mut marks[kept..]);
            let read = walk.rows(&marks[..n], &mut each);
            marks.copy_within(read..n, 0);
            kept = n - read;
        }
        if walk.start < block.len() {
            // The end of the block ends the row, too.
            marks.truncate(kept);
            marks.push(block.len() as u32);
            walk.rows(&marks, &mut each);
        }
        self.marks = marks;
    }
}

/// Writes where the structure of a strip is; answers how many places there are.
fn mark(kind: Delimited, strip: &[u8], base: u32, out: &mut [u32]) -> usize {
    if let Some(set) = &kind.marked {
        return simd::marks(set, strip, base, out);
    }
    let places = memchr3_iter(kind.delimiter, kind.special, b'\n', strip);
    places.zip(out).map(|(place, out)| *out = base + place as u32).count()
}

struct Walk<'a> {
    block: &'a [u8],
    kind: Delimited,
    fields: &'a mut Vec<FieldSpan>,
    /// Where the row begins that is read next.
    start: usize,
}

/// A row that was found.
struct Found {
    /// How many marks it has, with its newline.
    marks: usize,
    end: usize,
    torn: Option<Torn>,
}

/// How a quoted field ends.
enum Close {
    /// With the quote at `at`; `next` is the mark of what comes after it.
    Well {
        at: usize,
        is_doubled: bool,
        next: usize,
    },
    Torn(Torn),
}

impl Walk<'_> {
    /// Shows all rows whose end is among the marks; answers how many marks they had.
    fn rows(&mut self, marks: &[u32], each: &mut impl FnMut(Row<'_>)) -> usize {
        let mut used = 0;
        while self.start < self.block.len()
            && let Some(found) = self.row(&marks[used..])
        {
            used += found.marks;
            each(Row { start: self.start, end: found.end, fields: self.fields, torn: found.torn });
            self.start = marks[used - 1] as usize + 1;
        }
        used
    }

    /// Finds the fields of the next row; `None` when more has to be marked.
    fn row(&mut self, marks: &[u32]) -> Option<Found> {
        self.fields.clear();
        let (mut i, mut from, mut escaped) = (0, self.start, false);
        loop {
            let at = *marks.get(i)? as usize;
            i += 1;
            let byte = self.block.get(at).copied().unwrap_or(b'\n');
            if byte == self.kind.delimiter {
                self.push(from, at, escaped);
                (from, escaped) = (at + 1, false);
            } else if byte == b'\n' {
                let end = self.without_return(from, at);
                self.push(from, end, escaped);
                return Some(Found { marks: i, end, torn: None });
            } else if byte != QUOTE {
                escaped = true;
            } else if self.kind.opens(self.block, from, at) {
                match self.close(marks, at, i)? {
                    Close::Well { at: close, is_doubled, next } => {
                        match is_doubled {
                            false => self.push(at + 1, close, false),
                            true => self.push(at, close + 1, true),
                        }
                        let after = *marks.get(next)? as usize;
                        i = next + 1;
                        if self.block.get(after) != Some(&self.kind.delimiter) {
                            return Some(Found { marks: i, end: self.without_return(close + 1, after), torn: None });
                        }
                        from = after + 1;
                    }
                    Close::Torn(torn) => {
                        let newline =
                            marks[i..].iter().position(|&mark| self.block.get(mark as usize).is_none_or(|&byte| byte == b'\n'))?;
                        let end = self.without_return(at, marks[i + newline] as usize);
                        return Some(Found { marks: i + newline + 1, end, torn: Some(torn) });
                    }
                }
            }
        }
    }

    #[inline]
    fn push(&mut self, from: usize, to: usize, escaped: bool) {
        self.fields.push(FieldSpan { start: from as u32, len: (to - from) as u32, escaped });
    }

    /// The end of the quoted field that `open` begins, which is before the `i`th mark; `None` when more has to be marked.
    fn close(&self, marks: &[u32], open: usize, mut i: usize) -> Option<Close> {
        let (mut is_doubled, mut lines) = (false, 0);
        let longest = self.start + MAX_RECORD_BYTES;
        loop {
            let at = *marks.get(i)? as usize;
            i += 1;
            debug_assert!(at > open);
            match self.block.get(at) {
                None => return Some(Close::Torn(Torn::Open)),
                Some(b'\n') => {
                    lines += 1;
                    if lines > MAX_LINES {
                        return Some(Close::Torn(Torn::Open));
                    }
                }
                Some(&QUOTE) if at + 1 < longest && self.block.get(at + 1) == Some(&QUOTE) => {
                    marks.get(i)?;
                    is_doubled = true;
                    i += 1;
                }
                Some(&QUOTE) => {
                    let seen = &self.block[..self.block.len().min(longest)];
                    let is_end = at < longest && self.kind.ends_field(seen, at + 1).unwrap_or(seen.len() == self.block.len());
                    let torn = if lines == 0 && at < longest { Torn::TextAfter } else { Torn::Open };
                    return Some(if is_end { Close::Well { at, is_doubled, next: i } } else { Close::Torn(torn) });
                }
                Some(_) => {}
            }
        }
    }

    /// The end of a line that the newline at `at` ends.
    fn without_return(&self, from: usize, at: usize) -> usize {
        at - usize::from(at > from && self.block[at - 1] == b'\r')
    }
}

/// Writes what an escaped field means.
pub(super) fn unescape(kind: Delimited, raw: &[u8], to: &mut Vec<u8>) {
    if kind.has_quotes() { unquote(raw, to) } else { unescape_backslashes(raw, to) }
}

/// What a field says; `text` is what its place counts in.
pub(super) fn field_text(kind: Delimited, text: &[u8], field: FieldSpan) -> Vec<u8> {
    let raw = &text[field.start as usize..][..field.len as usize];
    if !field.escaped {
        return raw.to_vec();
    }
    let mut own = Vec::new();
    unescape(kind, raw, &mut own);
    own
}

fn unquote(raw: &[u8], to: &mut Vec<u8>) {
    let inner = raw.strip_prefix(b"\"").and_then(|raw| raw.strip_suffix(b"\"")).unwrap_or_default();
    let mut rest = inner;
    while let Some(quote) = memchr(QUOTE, rest) {
        to.extend_from_slice(&rest[..=quote]);
        rest = rest.get(quote + 2..).unwrap_or_default();
    }
    to.extend_from_slice(rest);
}

fn unescape_backslashes(raw: &[u8], to: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(backslash) = memchr(b'\\', rest) {
        to.extend_from_slice(&rest[..backslash]);
        let meant = match rest.get(backslash + 1) {
            Some(b't') => b'\t',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b'\\') => b'\\',
            _ => {
                to.push(b'\\');
                rest = &rest[backslash + 1..];
                continue;
            }
        };
        to.push(meant);
        rest = &rest[backslash + 2..];
    }
    to.extend_from_slice(rest);
}

#[cfg(test)]
mod tests;
