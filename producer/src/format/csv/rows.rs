//! Takes rows apart: which bytes are which field. RFC 4180, and what people write besides.
//!
//! - Fields are parted by the delimiter, rows by `\n` or `\r\n`; the last may lack its end. A carriage return elsewhere is text.
//! - A field that begins with a quote goes on to the next quote that is not doubled, whatever stands in between; a doubled one is a
//!   quote. What follows the closing quote up to the delimiter is added as it is. A quote within a field that does not begin
//!   with one is text.
//!
//! That is what the `csv-core` crate reads, which is the oracle in the tests. [`Delimited`] says where rows end by the same rules.
//!
//! As in the apache format, a strip of the block is first turned into a list of marks (delimiters, quotes, newlines), and the
//! rows are read off the marks.

use memchr::{memchr, memchr2, memrchr};

use crate::input::boundary::{Boundary, Resume};
use crate::input::content::Content;
use crate::simd::{self, ByteSet};

/// How much is marked at a time.
const STRIP_BYTES: usize = 16 << 10;

const QUOTE: u8 = b'"';

/// Rows of fields that are parted by one byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delimited {
    delimiter: u8,
    marked: ByteSet,
}

/// A comma.
pub(super) const COMMA: Delimited = Delimited { delimiter: b',', marked: ByteSet::new(b",\"\n") };

/// A tabulator.
pub(super) const TAB: Delimited = Delimited { delimiter: b'\t', marked: ByteSet::new(b"\t\"\n") };

/// Where a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub start: u32,
    pub len: u32,
    /// It is not the bytes as they stand there, which begin with a quote: see [`unescape`].
    pub escaped: bool,
}

/// One row.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub start: usize,
    /// Without the line end.
    pub end: usize,
    pub fields: &'a [Spot],
    /// A quote is not closed.
    pub is_torn: bool,
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
    fields: Vec<Spot>,
}

impl Rows {
    /// Shows each row of a block of whole rows.
    pub(super) fn read(&mut self, kind: Delimited, block: &[u8], mut each: impl FnMut(Row<'_>)) {
        let mut marks = std::mem::take(&mut self.marks);
        let mut walk = Walk { block, delimiter: kind.delimiter, fields: &mut self.fields, start: 0 };
        // The first `kept` marks are of a row whose end is not marked yet.
        let mut kept = 0;
        for (i, strip) in block.chunks(STRIP_BYTES).enumerate() {
            let room = kept + strip.len() + simd::SLACK;
            if marks.len() < room {
                marks.resize(room, 0);
            }
            let n = kept + simd::marks(&kind.marked, strip, (i * STRIP_BYTES) as u32, &mut marks[kept..]);
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

struct Walk<'a> {
    block: &'a [u8],
    delimiter: u8,
    fields: &'a mut Vec<Spot>,
    /// Where the row begins that is read next.
    start: usize,
}

impl Walk<'_> {
    /// Shows all rows whose end is among the marks; answers how many marks they had.
    fn rows(&mut self, marks: &[u32], each: &mut impl FnMut(Row<'_>)) -> usize {
        let mut used = 0;
        while let Some((len, end, is_torn)) = self.row(&marks[used..]) {
            used += len;
            each(Row { start: self.start, end, fields: self.fields, is_torn });
            self.start = marks[used - 1] as usize + 1;
        }
        used
    }

    /// Finds the fields of the next row: how many marks it has with its newline, where it ends without it, and whether it is torn.
    fn row(&mut self, marks: &[u32]) -> Option<(usize, usize, bool)> {
        self.fields.clear();
        let (mut i, mut from) = (0, self.start);
        loop {
            let at = *marks.get(i)? as usize;
            i += 1;
            match self.block.get(at).copied().unwrap_or(b'\n') {
                QUOTE if at == from => {
                    let Some((close, escaped, next)) = self.close(marks, i)? else {
                        return Some((marks.len(), self.block.len(), true));
                    };
                    i = next;
                    let (end, newline) = self.field_end(marks, &mut i)?;
                    let spot = match end - close {
                        1 if !escaped => Spot { start: from as u32 + 1, len: (close - from - 1) as u32, escaped },
                        _ => Spot { start: from as u32, len: (end - from) as u32, escaped: true },
                    };
                    self.fields.push(spot);
                    if newline {
                        return Some((i, end, false));
                    }
                    from = marks[i - 1] as usize + 1;
                }
                QUOTE => {}
                byte if byte == self.delimiter => {
                    self.fields.push(Spot { start: from as u32, len: (at - from) as u32, escaped: false });
                    from = at + 1;
                }
                _ => {
                    let end = self.without_return(from, at);
                    self.fields.push(Spot { start: from as u32, len: (end - from) as u32, escaped: false });
                    return Some((i, end, false));
                }
            }
        }
    }

    /// The closing quote of a field whose opening one is before the `i`th mark, whether there are doubled ones before it, and which
    /// mark follows it. `Some(None)` when the block ends first, `None` when the marks do.
    #[allow(clippy::option_option)]
    fn close(&self, marks: &[u32], mut i: usize) -> Option<Option<(usize, bool, usize)>> {
        let mut escaped = false;
        loop {
            let at = *marks.get(i)? as usize;
            i += 1;
            match self.block.get(at) {
                None => return Some(None),
                Some(&QUOTE) if self.block.get(at + 1) == Some(&QUOTE) => {
                    marks.get(i)?;
                    escaped = true;
                    i += 1;
                }
                Some(&QUOTE) => return Some(Some((at, escaped, i))),
                Some(_) => {}
            }
        }
    }

    /// Where a field ends whose quote is closed, and whether that ends the row.
    fn field_end(&self, marks: &[u32], i: &mut usize) -> Option<(usize, bool)> {
        loop {
            let at = *marks.get(*i)? as usize;
            *i += 1;
            match self.block.get(at) {
                Some(&QUOTE) => {}
                Some(&byte) if byte == self.delimiter => return Some((at, false)),
                // Not before the closing quote: that is no carriage return.
                _ => return Some((self.without_return(0, at), true)),
            }
        }
    }

    /// The end of a line that the newline at `at` ends.
    fn without_return(&self, from: usize, at: usize) -> usize {
        at - usize::from(at > from && self.block[at - 1] == b'\r')
    }
}

/// Writes what an escaped field means.
pub(super) fn unescape(raw: &[u8], to: &mut Vec<u8>) {
    let mut rest = raw.get(1..).unwrap_or_default();
    while let Some(quote) = memchr(QUOTE, rest) {
        to.extend_from_slice(&rest[..quote]);
        rest = &rest[quote + 1..];
        if rest.first() != Some(&QUOTE) {
            break;
        }
        to.push(QUOTE);
        rest = &rest[1..];
    }
    to.extend_from_slice(rest);
}

impl Delimited {
    /// Whether the quote at `at` begins a field. `bytes` begin with a row.
    fn opens(self, bytes: &[u8], at: usize) -> bool {
        match at.checked_sub(1).map(|before| bytes[before]) {
            None | Some(b'\n') => true,
            Some(byte) => byte == self.delimiter,
        }
    }
}

/// The place after the quote that closes a field whose text begins at `at`.
fn closing(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr(QUOTE, &bytes[at..])? + 1;
        if bytes.get(at) != Some(&QUOTE) {
            return Some(at);
        }
        at += 1;
    }
}

impl Boundary for Delimited {
    fn content(&self) -> Content {
        Content::Lines
    }

    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        // The pieces of the bytes that are in no quoted field, each searched from behind.
        let (mut last, mut from, mut at) = (None, 0, 0);
        let newline = |from: usize, to: usize| memrchr(b'\n', &bytes[from..to]).map(|p| from + p + 1);
        while let Some(quote) = memchr(QUOTE, &bytes[at..]).map(|p| p + at) {
            at = quote + 1;
            if self.opens(bytes, quote) {
                last = newline(from, quote).or(last);
                match closing(bytes, at) {
                    Some(after) => (from, at) = (after, after),
                    None => return last,
                }
            }
        }
        newline(from, bytes.len()).or(last)
    }

    fn first_end(&self, bytes: &[u8], _: usize) -> Option<usize> {
        // From the row's start in any case: whether a newline ends it depends on the quotes before.
        let mut at = 0;
        loop {
            let found = memchr2(b'\n', QUOTE, &bytes[at..])? + at;
            at = found + 1;
            if bytes[found] == b'\n' {
                return Some(at);
            }
            if self.opens(bytes, found) {
                at = closing(bytes, at)?;
            }
        }
    }

    /// At the next line, as a guess: a row of such a length is most often a quote that was never closed.
    fn resume(&self, bytes: &[u8]) -> Resume {
        memchr(b'\n', bytes).map_or(Resume::NotWithin(bytes.len()), |newline| Resume::At(newline + 1))
    }

    fn are_lines(&self, bytes: &[u8]) -> bool {
        memchr(QUOTE, bytes).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rows that are not blank, in our way.
    fn ours(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut rows = Vec::new();
        Rows::default().read(COMMA, text, |row| {
            let field = |spot: &Spot| {
                let raw = &text[spot.start as usize..][..spot.len as usize];
                let mut own = Vec::new();
                if spot.escaped {
                    unescape(raw, &mut own)
                } else {
                    own.extend_from_slice(raw)
                }
                own
            };
            if !row.is_blank() {
                rows.push(if row.is_torn { vec![b"torn".to_vec()] } else { row.fields.iter().map(field).collect() });
            }
        });
        rows
    }

    /// The rows, as the oracle reads them.
    fn theirs(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
        use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};
        let mut reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        let (mut rows, mut rest, mut out, mut ends) = (Vec::new(), text, vec![0; text.len() + 1], vec![0; text.len() + 2]);
        loop {
            let (mut outlen, mut endlen) = (0, 0);
            loop {
                let (result, read, wrote, ended) = reader.read_record(rest, &mut out[outlen..], &mut ends[endlen..]);
                rest = &rest[read..];
                outlen += wrote;
                endlen += ended;
                match result {
                    ReadRecordResult::End => return rows,
                    ReadRecordResult::Record => break,
                    _ => {}
                }
            }
            let mut start = 0;
            rows.push(ends[..endlen].iter().map(|&end| out[std::mem::replace(&mut start, end)..end].to_vec()).collect());
        }
    }

    #[test]
    fn rows() {
        let check = |text: &str, want: &[&[&str]]| {
            let rows: Vec<Vec<String>> =
                ours(text.as_bytes()).iter().map(|r| r.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect()).collect();
            assert_eq!(rows, want, "{text:?}");
        };
        check("", &[]);
        check("a,b\n1,2", &[&["a", "b"], &["1", "2"]]);
        check("a,b\r\n\r\n\n,\r\n", &[&["a", "b"], &["", ""]]);
        check("1,\"x, \"\"y\"\"\nz\"\n2,\"\"\n", &[&["1", "x, \"y\"\nz"], &["2", ""]]);
        check("\"a\",\"b\"\r\n\"c\"\r", &[&["a", "b"], &["c"]]);
        check("\"a\r\",b\r\n", &[&["a\r", "b"]]);
        check("5\" pipe,a\"b\"\n\"x\"y\"z,1\n", &[&["5\" pipe", "a\"b\""], &["xy\"z", "1"]]);
        check("\"\"\n\"\"\"\"\n", &[&[""], &["\""]]);
        check("a\rb,c\n", &[&["a\rb", "c"]]);
        check("a,\"b\nc,d\n", &[&["torn"]]);
        check("a,\"\"\"\n", &[&["torn"]]);
    }

    #[test]
    fn rows_end_outside_of_quotes() {
        let check = |text: &str, last: Option<usize>, first: Option<usize>| {
            assert_eq!((COMMA.last_end(text.as_bytes()), COMMA.first_end(text.as_bytes(), 0)), (last, first), "{text:?}");
        };
        check("a\nb\nc", Some(4), Some(2));
        check("\"a\n\"\nb\nc", Some(7), Some(5));
        check("a,\"b\nc\nd", None, None);
        check("x\na,\"b\nc\nd", Some(2), Some(2));
        check("a\"b\nc\"\n", Some(7), Some(4));
        check("\"a\"\"\n\"\n", Some(7), Some(7));
        // A mark is one at the beginning of an input, and text elsewhere.
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![4 => Just(b'a'), 3 => Just(b','), 4 => Just(b'"'), 3 => Just(b'\n'), 1 => Just(0), 1 => Just(0xff)];
        proptest::collection::vec(byte, 0..80)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        #[test]
        fn they_are_what_the_oracle_reads(text in text(), pad in 0..3_usize) {
            // Rows over the end of a strip.
            let text = [&b"x,y\n".repeat(pad * (STRIP_BYTES / 8 - 1))[..], &text, b"\n\"x\",y"].concat();
            let (ours, theirs) = (ours(&text), theirs(&text));
            if ours.last() == Some(&vec![b"torn".to_vec()]) {
                prop_assert_eq!(&ours[..ours.len() - 1], &theirs[..ours.len() - 1]);
            } else {
                prop_assert_eq!(ours, theirs);
            }
        }

        #[test]
        fn a_boundary_is_between_rows(text in text()) {
            let mut ends = Vec::new();
            let mut at = 0;
            while let Some(end) = COMMA.first_end(&text[at..], 0) {
                at += end;
                ends.push(at);
            }
            prop_assert_eq!(COMMA.last_end(&text), ends.last().copied());
            let (mut whole, mut from) = (Vec::new(), 0);
            for end in ends.into_iter().chain([text.len()]) {
                whole.extend(ours(&text[from..end]));
                from = end;
            }
            prop_assert_eq!(whole, ours(&text));
        }
    }
}
