//! Where rows end, and what in them is marked: commas and quotes (`csv`), or tabs and backslashes (`tsv`).
//!
//! # Quotes
//!
//! A row of csv ends at its newline, and a quoted field may hold newlines. So that a quote which nobody closes cannot swallow what
//! follows, a quoted field has to end well: its closing quote stands before a delimiter, a line end or the end of the input, at
//! most [`MAX_LINES`] lines after the opening one, and within the longest record ([`MAX_RECORD_BYTES`] from the row's start). One
//! that does not is *torn*: the row ends with the line in which that field begins, and reading goes on at the next line. That
//! depends on the bytes from the row's start on and on nothing else, so it is the same however blocks are cut: a block whose
//! last field is not closed ends there because it is torn, or because the input ends.
//!
//! A torn row costs no second look at more than what lies up to the quote that made it one, and every line on the way that opens
//! a quote would close the one before: all is looked at twice at most.

use memchr::{memchr, memchr_iter, memchr2, memrchr};

use crate::input::boundary::{Boundary, Dialect, MAX_RECORD_BYTES, Resume};
use crate::input::content::Content;
use crate::simd::ByteSet;

pub(super) const QUOTE: u8 = b'"';

/// A quoted field goes over no more line ends than this.
pub(super) const MAX_LINES: usize = 1000;

/// Rows of fields that are parted by one byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delimited {
    pub delimiter: u8,
    /// What makes a field other than its bytes: a quote around it, or a backslash in it.
    pub special: u8,
    /// The delimiter, the special byte and the newline, where they can be told apart fast.
    pub marked: Option<ByteSet>,
    /// Another delimiter is taken where the first row has none of this.
    pub(crate) detects: bool,
}

/// `csv`: commas, unless the first row has none but semicolons or tabs.
pub(super) const CSV: Delimited = Delimited { detects: true, ..Delimited::quoting(b',') };

/// `tsv`: tabs, and no quotes.
pub(super) const TSV: Delimited = Delimited { delimiter: b'\t', special: b'\\', marked: ByteSet::try_new(b"\t\\\n"), detects: false };

/// How a quoted field ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoted {
    /// Before this place, after its closing quote.
    Closed(usize),
    Torn,
    /// More has to be seen. Where there is no more, it is torn.
    Unknown,
    /// The same, but where there is no more it is closed with the last byte.
    Last,
}

impl Delimited {
    /// Quoted fields between these, whatever stands in the first row.
    pub(super) const fn quoting(delimiter: u8) -> Self {
        Delimited { delimiter, special: QUOTE, marked: ByteSet::try_new(&[delimiter, QUOTE, b'\n']), detects: false }
    }

    /// Whether fields may be quoted.
    pub(super) fn has_quotes(self) -> bool {
        self.special == QUOTE
    }

    /// What rows of this dialect are read by.
    pub(super) fn as_of(self, dialect: Dialect) -> Self {
        match (self.detects, dialect) {
            (false, _) => self,
            (true, 0) => Delimited::quoting(self.delimiter),
            (true, other) => Delimited::quoting(other),
        }
    }

    /// Whether nothing but blanks is between the beginning of a field and the quote at `at`. `row` is where the row begins.
    pub(super) fn opens(self, bytes: &[u8], row: usize, at: usize) -> bool {
        let blanks = bytes[row..at].iter().rev().take_while(|&&byte| byte == b' ' && byte != self.delimiter).count();
        let field = at - blanks;
        field == row || bytes[field - 1] == self.delimiter
    }

    /// Whether a field may end before `at`: as far as can be seen, if these bytes are not all.
    pub(super) fn ends_field(self, bytes: &[u8], at: usize) -> Option<bool> {
        let byte = *bytes.get(at)?;
        match byte {
            b'\n' => Some(true),
            _ if byte == self.delimiter => Some(true),
            b'\r' => bytes.get(at + 1).map(|&next| next == b'\n'),
            _ => Some(false),
        }
    }

    /// How the field ends that the quote at `open` begins, in the row that begins at `row`.
    fn quoted(self, bytes: &[u8], row: usize, open: usize) -> Quoted {
        let seen = &bytes[..bytes.len().min(row + MAX_RECORD_BYTES)];
        let otherwise = if seen.len() < bytes.len() { Quoted::Torn } else { Quoted::Unknown };
        let (mut at, mut lines) = (open + 1, 0);
        loop {
            let Some(quote) = memchr(QUOTE, &seen[at..]).map(|found| at + found) else {
                lines += memchr_iter(b'\n', &seen[at..]).take(MAX_LINES + 1).count();
                return if lines > MAX_LINES { Quoted::Torn } else { otherwise };
            };
            lines += memchr_iter(b'\n', &seen[at..quote]).take(MAX_LINES + 1).count();
            if lines > MAX_LINES {
                return Quoted::Torn;
            }
            if seen.get(quote + 1) == Some(&QUOTE) {
                at = quote + 2;
                continue;
            }
            return match self.ends_field(seen, quote + 1) {
                Some(true) => Quoted::Closed(quote + 1),
                Some(false) => Quoted::Torn,
                None if otherwise == Quoted::Unknown => Quoted::Last,
                None => otherwise,
            };
        }
    }

    /// The end of the first row; `None` when it does not end in these bytes, which may be all that there is of the block.
    pub(super) fn row_end(self, bytes: &[u8], is_block: bool) -> Option<usize> {
        if !self.has_quotes() {
            return memchr(b'\n', bytes).map(|newline| newline + 1);
        }
        let mut at = 0;
        loop {
            let found = memchr2(b'\n', QUOTE, &bytes[at..])? + at;
            at = found + 1;
            if bytes[found] == b'\n' {
                return Some(at);
            }
            if self.opens(bytes, 0, found) {
                match self.quoted(bytes, 0, found) {
                    Quoted::Closed(after) => at = after,
                    Quoted::Unknown if !is_block => return None,
                    Quoted::Last => return None,
                    Quoted::Torn | Quoted::Unknown => return memchr(b'\n', &bytes[at..]).map(|newline| at + newline + 1),
                }
            }
        }
    }
}

impl Boundary for Delimited {
    fn content(&self) -> Content {
        Content::Lines
    }

    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        if !self.has_quotes() {
            return memrchr(b'\n', bytes).map(|newline| newline + 1);
        }
        // Between quotes the last newline is found from behind.
        let (mut row, mut from) = (0, 0);
        loop {
            let quote = memchr(QUOTE, &bytes[from..]).map(|found| from + found);
            if let Some(newline) = memrchr(b'\n', &bytes[from..quote.unwrap_or(bytes.len())]) {
                row = from + newline + 1;
            }
            let Some(quote) = quote else { break };
            from = quote + 1;
            if self.opens(bytes, row, quote) {
                match self.quoted(bytes, row, quote) {
                    Quoted::Closed(after) => from = after,
                    Quoted::Unknown | Quoted::Last => break,
                    Quoted::Torn => match memchr(b'\n', &bytes[from..]) {
                        Some(newline) => {
                            row = from + newline + 1;
                            from = row;
                        }
                        None => break,
                    },
                }
            }
        }
        (row > 0).then_some(row)
    }

    fn first_end(&self, bytes: &[u8], _: usize) -> Option<usize> {
        // From the row's start in any case: whether a newline ends it depends on the quotes before.
        self.row_end(bytes, false)
    }

    fn end_in_block(&self, block: &[u8]) -> usize {
        self.row_end(block, true).unwrap_or(block.len())
    }

    /// At the next line, as a guess.
    fn resume(&self, bytes: &[u8]) -> Resume {
        memchr(b'\n', bytes).map_or(Resume::NotWithin(bytes.len()), |newline| Resume::At(newline + 1))
    }

    fn are_lines(&self, bytes: &[u8]) -> bool {
        !self.has_quotes() || memchr(QUOTE, bytes).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_outside_of_quotes() {
        let check = |text: &str, last: Option<usize>, first: Option<usize>| {
            assert_eq!((CSV.last_end(text.as_bytes()), CSV.first_end(text.as_bytes(), 0)), (last, first), "{text:?}");
        };
        check("a\nb\nc", Some(4), Some(2));
        check("\"a\n\"\nb\nc", Some(7), Some(5));
        check("a,\"b\nc\nd", None, None);
        check("x\na,\"b\nc\nd", Some(2), Some(2));
        check("a\"b\nc\"\n", Some(7), Some(4));
        check("\"a\"\"\n\"\n", Some(7), Some(7));
        // Not to be told yet: the quote may be half of a doubled one, and a line may end.
        check("\"a\n\"", None, None);
        check("\"a\n\"\r", None, None);
        check("a,  \"b\nc\"\n", Some(10), Some(10));
        // Text behind a closing quote.
        check("1,\"a\n2\n3,\"c\n", Some(7), Some(5));
        check("1,\"a\"x\n2\n", Some(9), Some(7));
    }

    #[test]
    fn a_quote_that_is_not_closed_soon_ends_with_its_line() {
        let lines = |count: usize| format!("1,\"a\n{}z\"\n2\n", "x\n".repeat(count));
        let (near, far) = (lines(MAX_LINES - 1), lines(MAX_LINES));
        assert_eq!(CSV.first_end(near.as_bytes(), 0), Some(near.len() - 2));
        assert_eq!(CSV.first_end(far.as_bytes(), 0), Some(5));
        assert_eq!(CSV.last_end(far.as_bytes()), Some(far.len()));
        // Before that many lines were seen, nothing is known; within a block, there is no more.
        assert_eq!(CSV.first_end(&far.as_bytes()[..100], 0), None);
        assert_eq!(CSV.end_in_block(&far.as_bytes()[..100]), 5);
        let long = format!("1,\"a\n{}\"\n", "x".repeat(MAX_RECORD_BYTES));
        assert_eq!(CSV.first_end(long.as_bytes(), 0), Some(5));
        let just = format!("1,\"a\n{}\"\n2\n", "x".repeat(MAX_RECORD_BYTES - 7));
        assert_eq!(CSV.first_end(just.as_bytes(), 0), Some(just.len() - 2));
    }
}
