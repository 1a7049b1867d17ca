//! The opcodes of pickles, protocols 0 to 5: what follows each, and with that where a pickle ends.
//!
//! ```text
//! pickle  = opcode* STOP            opcode = one byte, then its argument
//! ```
//!
//! The names are those of Python's `pickletools`, which documents them.

use std::ops::Range;

use crate::input::boundary::{Boundary, Resume};
use crate::input::content::Content;

/// A longer pickle is not read: it ends the reading, since nothing after it can be found.
pub(super) const MAX_PICKLE_BYTES: usize = 1 << 20;

/// What follows an opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// It is none.
    Unknown,
    /// So many bytes.
    Fixed(u8),
    /// A length of so many bytes, little-endian, and as many bytes as it says.
    Counted(u8),
    /// A line.
    Line,
    /// Two lines.
    Lines,
}

const SHAPES: [Shape; 256] = {
    let mut shapes = [Shape::Unknown; 256];
    const fn set(mut shapes: [Shape; 256], opcodes: &[u8], shape: Shape) -> [Shape; 256] {
        let mut i = 0;
        while i < opcodes.len() {
            shapes[opcodes[i] as usize] = shape;
            i += 1;
        }
        shapes
    }
    shapes = set(shapes, b"(.012NRQ)]}abdelostu\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98", Shape::Fixed(0));
    shapes = set(shapes, b"Khq\x80\x82", Shape::Fixed(1));
    shapes = set(shapes, b"M\x83", Shape::Fixed(2));
    shapes = set(shapes, b"Jjr\x84", Shape::Fixed(4));
    shapes = set(shapes, b"G\x95", Shape::Fixed(8));
    shapes = set(shapes, b"UC\x8a\x8c", Shape::Counted(1));
    shapes = set(shapes, b"TXB\x8b", Shape::Counted(4));
    shapes = set(shapes, b"\x8d\x8e\x96", Shape::Counted(8));
    shapes = set(shapes, b"FILSVgpP", Shape::Line);
    shapes = set(shapes, b"ci", Shape::Lines);
    shapes
};

/// The end of a pickle.
pub(super) const STOP: u8 = b'.';

/// An opcode with its argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Op {
    /// The byte.
    pub code: u8,
    /// Where the argument lies, without a length before it or the newline after it.
    pub arg: Range<usize>,
    /// The place after it.
    pub end: usize,
}

/// The opcode at `at`; `None` when the bytes end before it does.
///
/// # Errors
/// There is none, or one of impossible length.
#[inline(always)]
pub(super) fn op(bytes: &[u8], at: usize) -> Result<Option<Op>, String> {
    match usual(bytes, at) {
        Some(op) => Ok(Some(op)),
        None => any(bytes, at),
    }
}

/// The opcodes that pickles are full of, if the one at `at` is such: none of them can be wrong.
#[inline(always)]
fn usual(bytes: &[u8], at: usize) -> Option<Op> {
    let code = *bytes.get(at)?;
    let arg = match SHAPES[usize::from(code)] {
        Shape::Fixed(len) => at + 1..at + 1 + usize::from(len),
        Shape::Counted(1) => at + 2..at + 2 + usize::from(*bytes.get(at + 1)?),
        _ => return None,
    };
    (arg.end <= bytes.len()).then_some(Op { code, end: arg.end, arg })
}

fn any(bytes: &[u8], at: usize) -> Result<Option<Op>, String> {
    let Some(&code) = bytes.get(at) else { return Ok(None) };
    let from = at + 1;
    let (arg, end) = match SHAPES[usize::from(code)] {
        Shape::Fixed(len) => (from..from + usize::from(len), from + usize::from(len)),
        Shape::Counted(width) => {
            let width = usize::from(width);
            let Some(field) = bytes.get(from..from + width) else { return Ok(None) };
            let len = field.iter().rev().fold(0_u64, |len, &byte| len << 8 | u64::from(byte));
            if len > MAX_PICKLE_BYTES as u64 {
                return Err(format!("a value of {len} bytes; the limit is {MAX_PICKLE_BYTES}"));
            }
            let start = from + width;
            (start..start + len as usize, start + len as usize)
        }
        Shape::Line => match line_end(bytes, from) {
            None => return Ok(None),
            Some(end) => (from..end, end + 1),
        },
        Shape::Lines => match line_end(bytes, from).and_then(|first| line_end(bytes, first + 1)) {
            None => return Ok(None),
            Some(end) => (from..end, end + 1),
        },
        Shape::Unknown => return Err(format!("the byte {code:#04x}, which is no opcode of a pickle")),
    };
    Ok((end <= bytes.len()).then_some(Op { code, arg, end }))
}

fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr(b'\n', bytes.get(from..)?).map(|len| from + len)
}

/// Pickles, one after the other. Bytes that are not a pickle end at once, so that their reader reports them.
#[derive(Debug)]
pub(super) struct Pickles;

impl Pickles {
    fn scan(bytes: &[u8], beyond: Option<usize>) -> Option<usize> {
        let (mut at, mut end) = (0, None);
        loop {
            match op(bytes, at) {
                Ok(Some(op)) => {
                    at = op.end;
                    if op.code == STOP {
                        end = Some(at);
                        if beyond.is_some_and(|beyond| at > beyond) {
                            return end;
                        }
                    }
                }
                Ok(None) if (end.is_none() || beyond.is_some()) && bytes.len() > MAX_PICKLE_BYTES => return Some(bytes.len()),
                Ok(None) => return end.filter(|_| beyond.is_none()),
                Err(_) => return Some(bytes.len()),
            }
        }
    }
}

impl Boundary for Pickles {
    fn content(&self) -> Content {
        Content::Bytes
    }

    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        Self::scan(bytes, None)
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        Self::scan(bytes, Some(from))
    }

    /// Not reached: a pickle that is too long is given out as it is.
    fn resume(&self, bytes: &[u8]) -> Resume {
        Resume::NotWithin(bytes.len())
    }

    fn max_bytes(&self) -> usize {
        2 * MAX_PICKLE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_have_their_arguments() {
        let check = |bytes: &[u8], arg: Range<usize>, end: usize| {
            assert_eq!(op(bytes, 0), Ok(Some(Op { code: bytes[0], arg, end })), "{bytes:?}");
            for len in 0..end {
                assert_eq!(op(&bytes[..len], 0), Ok(None), "{bytes:?}");
            }
        };
        check(b"N.", 1..1, 1);
        check(b"K\x07.", 1..2, 2);
        check(b"J\x07\0\0\0", 1..5, 5);
        check(b"\x8c\x03abcd", 2..5, 5);
        check(b"X\x03\0\0\0abcd", 5..8, 8);
        check(b"\x8d\x03\0\0\0\0\0\0\0abcd", 9..12, 12);
        check(b"I12\nx", 1..3, 4);
        check(b"cos\nsystem\nx", 1..10, 11);
        assert!(op(b"\xff", 0).is_err());
        assert!(op(b"X\xff\xff\xff\xff", 0).unwrap_err().contains("4294967295 bytes"));
    }

    #[test]
    fn pickles_end_at_their_stop() {
        let two = b"\x80\x04}.}\x8c\x01.N.";
        assert_eq!(Pickles.last_end(two), Some(10));
        assert_eq!(Pickles.last_end(&two[..9]), Some(4));
        assert_eq!(Pickles.first_end(two, 0), Some(4));
        assert_eq!(Pickles.first_end(two, 4), Some(10));
        assert_eq!(Pickles.last_end(b"\x80\x04"), None);
        assert_eq!(Pickles.last_end(b"}.\xffhello"), Some(8), "what is no pickle is given out");
        assert_eq!(Pickles.last_end(&[b'N'; MAX_PICKLE_BYTES + 1]), Some(MAX_PICKLE_BYTES + 1));
    }
}
