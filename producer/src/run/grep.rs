//! `--grep`: keeps only the lines (or records) that match, before they are parsed.
//!
//! The seeds filter each line and then parse it; here the pattern runs over a whole block at once, jumps from match to match, and the
//! lines in between are never looked at. For that to be the same, a match must not go beyond its line: the pattern is
//! rewritten so that nothing in it matches a newline, and its anchors mean the line's ends. Where a block has carriage
//! returns, or its records are no lines, they are matched one by one instead.

use bytes::Bytes;
use memchr::{memchr, memchr_iter, memrchr};
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

use crate::input::boundary::Boundary;

/// A pattern that lines must match.
#[derive(Debug, Clone)]
pub struct Grep {
    /// For one line by itself.
    line: Regex,
    /// For many at once; `None` when that would be another pattern.
    block: Option<Regex>,
    /// Whether it may match a carriage return, or ask for the line's end before one.
    sees_returns: bool,
}

/// What is left of a block.
#[derive(Debug)]
pub(super) struct KeptLines {
    /// The records that match, with their line ends, and what lies between records.
    pub bytes: Bytes,
    /// How many do not.
    pub filtered: u64,
    /// How many lines the block has.
    pub lines: u32,
    /// Where each of them begins: in what is left, and in the block.
    places: Vec<(u32, u32)>,
}

impl Grep {
    /// Compiles a pattern. It need not be UTF-8 that it matches; a `.` matches no newline, and no byte that is not UTF-8.
    ///
    /// # Errors
    ///
    /// It is no pattern.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let line = Regex::new(pattern).map_err(|e| e.to_string())?;
        let parsed = ParserBuilder::new().utf8(false).build().parse(pattern).map_err(|e| e.to_string())?;
        let block = within_line(&parsed).and_then(|hir| RegexBuilder::new(&hir.to_string()).build().ok());
        Ok(Grep { line, block, sees_returns: sees_returns(&parsed) })
    }

    /// Keeps the records of a block that match.
    pub(super) fn filter(&self, block: &[u8], boundary: &dyn Boundary) -> KeptLines {
        let mut left = Keeping { block, bytes: Vec::new(), places: Vec::new(), filtered: 0, lines: 0 };
        match &self.block {
            Some(regex) if boundary.are_lines(block) && !(self.sees_returns && memchr(b'\r', block).is_some()) => left.by_block(regex),
            _ => left.by_record(&self.line, boundary),
        }
        KeptLines { bytes: left.bytes.into(), filtered: left.filtered, lines: left.lines as u32, places: left.places }
    }
}

impl KeptLines {
    /// Where what begins here in what is left begins in the block.
    pub(super) fn place(&self, start: usize) -> usize {
        let after = self.places.partition_point(|&(left, _)| left as usize <= start);
        let (left, block) = after.checked_sub(1).map_or((0, 0), |nth| self.places[nth]);
        block as usize + (start - left as usize)
    }
}

struct Keeping<'a> {
    block: &'a [u8],
    bytes: Vec<u8>,
    places: Vec<(u32, u32)>,
    filtered: u64,
    lines: u64,
}

impl Keeping<'_> {
    fn keep(&mut self, start: usize, end: usize) {
        self.places.push((self.bytes.len() as u32, start as u32));
        self.bytes.extend_from_slice(&self.block[start..end]);
    }

    fn by_block(&mut self, regex: &Regex) {
        let block = self.block;
        self.lines = lines(block);
        let mut at = 0;
        while at < block.len()
            && let Some(found) = regex.find_at(block, at)
        {
            let start = memrchr(b'\n', &block[at..found.start()]).map_or(at, |newline| at + newline + 1);
            // An empty match after the last newline is of no line.
            if start == block.len() {
                break;
            }
            at = memchr(b'\n', &block[found.end()..]).map_or(block.len(), |newline| found.end() + newline + 1);
            self.keep(start, at);
        }
        self.filtered = self.lines - self.places.len() as u64;
    }

    fn by_record(&mut self, regex: &Regex, boundary: &dyn Boundary) {
        self.lines = lines(self.block);
        let mut start = 0;
        while start < self.block.len() {
            let rest = &self.block[start..];
            let len = boundary.end_in_block(rest);
            let record = rest[..len].strip_suffix(b"\n").map_or(&rest[..len], |record| record.strip_suffix(b"\r").unwrap_or(record));
            // What lies between records stays: whether they fit it is seen there.
            if regex.is_match(record) || !boundary.is_record(&rest[..len]) {
                self.keep(start, start + len);
            } else {
                self.filtered += 1;
            }
            start += len;
        }
    }
}

/// How many lines there are; the last may lack its newline.
fn lines(block: &[u8]) -> u64 {
    memchr_iter(b'\n', block).count() as u64 + u64::from(block.last().is_some_and(|&last| last != b'\n'))
}

/// Whether a pattern may match a carriage return, or ask for the end of a line.
fn sees_returns(hir: &Hir) -> bool {
    let any = |parts: &[Hir]| parts.iter().any(sees_returns);
    match hir.kind() {
        HirKind::Empty => false,
        HirKind::Literal(literal) => literal.0.contains(&b'\r'),
        HirKind::Class(Class::Unicode(class)) => class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&'\r')),
        HirKind::Class(Class::Bytes(class)) => class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&b'\r')),
        HirKind::Look(look) => matches!(look, Look::End | Look::EndLF | Look::StartCRLF | Look::EndCRLF),
        HirKind::Repetition(repetition) => sees_returns(&repetition.sub),
        HirKind::Capture(capture) => sees_returns(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => any(parts),
    }
}

/// The same pattern for a line among others: no part of it matches a newline, and text anchors are line anchors.
/// `None` when it has a part that needs to know more of what surrounds the line.
fn within_line(hir: &Hir) -> Option<Hir> {
    let all = |parts: &[Hir]| parts.iter().map(within_line).collect::<Option<Vec<_>>>();
    Some(match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0.clone()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(class)) => {
            let mut class = class.clone();
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Look(Look::Start | Look::StartLF) => Hir::look(Look::StartLF),
        HirKind::Look(Look::End | Look::EndLF) => Hir::look(Look::EndLF),
        HirKind::Look(Look::StartCRLF | Look::EndCRLF) => return None,
        HirKind::Look(look) => Hir::look(*look),
        HirKind::Repetition(repetition) => {
            let mut repetition = repetition.clone();
            repetition.sub = Box::new(within_line(&repetition.sub)?);
            Hir::repetition(repetition)
        }
        // Nobody asks what a group matched.
        HirKind::Capture(capture) => within_line(&capture.sub)?,
        HirKind::Concat(parts) => Hir::concat(all(parts)?),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::boundary::Lines;
    use proptest::prelude::*;

    fn by_line(pattern: &str, text: &[u8]) -> Vec<u8> {
        let regex = Regex::new(pattern).unwrap();
        let body = |line: &[u8]| {
            let line = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
            regex.is_match(line)
        };
        text.split_inclusive(|&b| b == b'\n').filter(|line| body(line)).flatten().copied().collect()
    }

    #[test]
    fn keeps_whole_lines_and_knows_where_they_were() {
        let text = b"one\ntwo\n\nthree\ntwo";
        let left = Grep::new("t|^$").unwrap().filter(text, &Lines::default());
        assert_eq!((&left.bytes[..], left.filtered), (&b"two\n\nthree\ntwo"[..], 1));
        assert_eq!([0, 2, 4, 5, 11, 13].map(|at| left.place(at)), [4, 6, 8, 9, 15, 17]);
        assert!(Grep::new("(").is_err());
    }

    const PATTERNS: &[&str] = &[
        "a",
        "^a",
        "a$",
        "^$",
        "",
        r"\Aa",
        r"a\z",
        r"a\nb",
        r"a[^b]*c",
        r"\s",
        r"(?s)a.c",
        "(?s).",
        r"\bab\b",
        "a|^b",
        "(a)(b|c)?",
        "(?i)A",
        r"^\s*$",
        "(?-u:\\xff)",
        "(?m)^b",
        "(?R)a$",
        "[^x]$",
        "x*",
        "ab",
        r"a\B",
        "b*a",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn a_block_at_once_is_the_same_as_line_by_line(
            text in proptest::collection::vec(prop_oneof![4 => Just(b'a'), 3 => Just(b'b'), 2 => Just(b'c'), 3 => Just(b'\n'), 1 => Just(b' '), 1 => Just(0xff)], 0..60),
            returns in proptest::bool::weighted(0.2), pattern in 0..PATTERNS.len(),
        ) {
            let text = if returns { text.iter().flat_map(|&b| if b == b' ' { b"\r\n".to_vec() } else { vec![b] }).collect() } else { text };
            let left = Grep::new(PATTERNS[pattern]).unwrap().filter(&text, &Lines::default());
            prop_assert_eq!(&left.bytes[..], by_line(PATTERNS[pattern], &text), "{}", PATTERNS[pattern]);
            let records = text.split_inclusive(|&b| b == b'\n').count();
            prop_assert_eq!(left.filtered as usize, records - left.places.len());
        }
    }
}
