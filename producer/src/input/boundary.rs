//! Where records end in a stream of bytes, so that a block can be cut there: no record spans two blocks.
//!
//! Each format chooses its boundary; where inputs of one format are written in several ways ([`Dialect`]), it is chosen for each by
//! what it begins with. What a boundary answers is a function of the bytes it is shown alone, and it is always
//! shown them from the beginning of a record on: so where an input is cut depends on nothing but the input.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use memchr::{memchr, memrchr};

use super::content::Content;
use super::encoding::Told;
use super::prepare::Preparation;

/// The longest record that is parsed where a boundary does not say otherwise, in bytes.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// In which of a format's ways an input is written; what the number means is the format's affair. 0 where there is one way.
pub type Dialect = u8;

/// Finds the ends of records.
///
/// An *end* is the place of the byte after a record, its terminator included.
pub trait Boundary: fmt::Debug + Send + Sync {
    /// The end of the last whole record in `bytes`, which begin where a record begins. `None` when none ends in them.
    fn last_end(&self, bytes: &[u8]) -> Option<usize>;

    /// The end of the first record that ends after `from`. `bytes` begin where a record begins, and it is known that none
    /// ends in the first `from` of them.
    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize>;

    /// The end of the first record of a block of whole records, which are not empty: where they end is an end.
    fn end_in_block(&self, block: &[u8]) -> usize {
        self.first_end(block, 0).unwrap_or(block.len())
    }

    /// What an input without a mark is written in that begins with these bytes, where it says so itself. Where there are no more
    /// (`is_all`) it is known.
    #[doc(hidden)]
    fn declared(&self, head: &[u8], is_all: bool) -> Told {
        let _ = (head, is_all);
        Told::AsItIs
    }

    /// What is done to the text of each input before it is cut.
    #[doc(hidden)]
    fn preparation(&self) -> Preparation {
        Preparation::default()
    }

    /// The way in which an input is written that begins with these bytes, after its mark; `None` when more of it has to be seen.
    /// Where there is no more (`is_all`) there is an answer.
    #[doc(hidden)]
    fn dialect(&self, bytes: &[u8], is_all: bool) -> Option<Dialect> {
        let _ = (bytes, is_all);
        Some(0)
    }

    /// What inputs are cut by that are written in this way; `None` where there is one way.
    #[doc(hidden)]
    fn of(&self, dialect: Dialect) -> Option<Arc<dyn Boundary>> {
        let _ = dialect;
        None
    }

    /// Whether a record can be found from the middle of an input on, where a line begins.
    fn begins_at_lines(&self) -> bool {
        true
    }

    /// Where the reading goes on after a record that was too long: `bytes` are from the middle of it.
    fn resume(&self, bytes: &[u8]) -> Resume;

    /// How much of a record that is too long is given out at first, of these bytes of it.
    fn long_start(&self, bytes: &[u8]) -> usize {
        bytes.len()
    }

    /// What kind of bytes the records are of.
    #[doc(hidden)]
    fn content(&self) -> Content {
        Content::Text
    }

    /// Whether each record in `bytes`, which are whole records, is one line.
    fn are_lines(&self, bytes: &[u8]) -> bool {
        let _ = bytes;
        false
    }

    /// Whether these bytes, up to the first end, are a whole record. Bytes that are not a record lie between records, and belong to all of
    /// them.
    fn is_record(&self, bytes: &[u8]) -> bool {
        let _ = bytes;
        true
    }

    /// Whether a record that has no end when the input ends is torn. (Of lines, the last may lack its end.)
    fn must_end(&self) -> bool {
        false
    }

    /// Of a file that grows: a record whose end only the next one shows is complete when nothing was added for so long after a line.
    fn settles_after(&self) -> Option<Duration> {
        None
    }

    /// A longer record is not parsed but rejected, and it is never held as a whole.
    fn max_bytes(&self) -> usize {
        MAX_RECORD_BYTES
    }
}

/// What [`Boundary::resume`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// The next record begins here.
    At(usize),
    /// It does not begin in the first this many bytes; those after them are shown again, together with more.
    NotWithin(usize),
}

/// Lines: they end with a newline.
#[derive(Debug, Clone, Copy)]
pub struct Lines {
    /// The longest line, in bytes, without its newline.
    pub max_bytes: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Lines { max_bytes: MAX_RECORD_BYTES }
    }
}

impl Boundary for Lines {
    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        memrchr(b'\n', bytes).map(|newline| newline + 1)
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        memchr(b'\n', &bytes[from..]).map(|newline| from + newline + 1)
    }

    fn resume(&self, bytes: &[u8]) -> Resume {
        self.first_end(bytes, 0).map_or(Resume::NotWithin(bytes.len()), Resume::At)
    }

    fn content(&self) -> Content {
        Content::Lines
    }

    fn are_lines(&self, _: &[u8]) -> bool {
        true
    }

    fn max_bytes(&self) -> usize {
        self.max_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_a_newline() {
        let lines = Lines::default();
        assert_eq!(lines.last_end(b"a\nb\nc"), Some(4));
        assert_eq!(lines.last_end(b"abc"), None);
        assert_eq!(lines.first_end(b"abc\nd\n", 2), Some(4));
        assert_eq!(lines.first_end(b"abc\n", 4), None);
        assert_eq!(lines.resume(b"xx\ny"), Resume::At(3));
        assert_eq!(lines.resume(b"xx"), Resume::NotWithin(2));
    }
}
