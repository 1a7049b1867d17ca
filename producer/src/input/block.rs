//! Cuts a stream of bytes into blocks of whole records; where records end is said by a [`Boundary`].
//!
//! ```text
//! input    |line line line li|ne line line line |line ...
//!          |<- block_bytes ->|
//! blocks   |line line line |line line line line |...        what is left of a record is carried to the next block
//! ```
//!
//! Where a file is cut is a function of its bytes and of the block size alone, never of how much a read returned or of
//! timing: so a block is an identity (source, first byte, byte after the last) that a second run reproduces. Only a live
//! input is cut early, as soon as it has a whole record and is silent.
//!
//! - A record longer than a block makes a block of its own, up to [`Boundary::max_bytes`].
//! - A longer one comes in pieces ([`Part::LongStart`]), so that it is never held as a whole, and reading goes on after it.
//! - The last record may lack its end. When reading fails, the torn record before the failure is left out.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use recpipe::record::{Buffer, Origin, Pool};

use super::boundary::{Boundary, Dialect, Resume};

/// How many bytes are read and parsed at a time.
///
/// Measured on 1.3 GB of log lines, processor seconds to parse and write to a pipe: 128 KiB 1.75, 256 KiB 1.53, 512 KiB 1.47,
/// 1 MiB 1.43. Beyond half a mebibyte little is won, and the first answer comes later.
pub const BLOCK_BYTES: usize = 512 << 10;

/// Where the cutter takes its bytes from.
pub trait Feed {
    /// Reads some bytes; 0 at the end. As [`io::Read::read`], but `Interrupted` is not returned.
    ///
    /// # Errors
    /// Those of the input.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize>;

    /// Whether a read would wait just now, so that what is there had better go on its way.
    fn is_idle(&self) -> bool {
        false
    }

    /// Whether nothing comes until then, nor an end. Waits for that; never of what does not wait for others.
    fn is_silent(&self, _until: Instant) -> bool {
        false
    }

    /// How many bytes of the input are before those that are read: a mark, and what was skipped. Known before anything is read.
    fn mark_bytes(&self) -> usize {
        0
    }

    /// How many line ends are among those; `None` where nobody has counted.
    fn mark_lines(&self) -> Option<u32> {
        Some(0)
    }
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Whole records; the last one of the input may lack its end.
    Whole,
    /// The first piece of one record that is too long to be parsed.
    LongStart,
    /// Another piece of it; its end, if it has one, comes with the last piece.
    LongRest,
}

/// A block of one input.
#[derive(Clone)]
pub struct Block {
    /// The bytes, line ends included. Never empty.
    pub bytes: Bytes,
    /// The input's name: the path as the user gave it, `-` for the standard input.
    pub source: Arc<str>,
    /// The first byte's place in the (decompressed) input.
    pub start: u64,
    /// The place of the byte after the last.
    pub end: u64,
    /// What it holds.
    #[doc(hidden)]
    pub part: Part,
    /// Whether its input begins with it, but for a mark.
    pub is_first: bool,
    /// How its input is written.
    #[doc(hidden)]
    pub dialect: Dialect,
    /// The line ends before the first block of an input; `None` where nobody has counted them. Of other blocks, 0.
    #[doc(hidden)]
    pub mark_lines: Option<u32>,
}

impl Block {
    /// Its place, as the origin of the records that are parsed from it.
    pub fn origin(&self) -> Origin {
        Origin { source: self.source.clone(), start: self.start, end: self.end, line: 0, order: 0 }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} {}..{} {:?})", self.source, self.start, self.end, self.part)
    }
}

/// A [`Block`] that does not know yet of which input it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    bytes: Bytes,
    start: u64,
    part: Part,
    is_first: bool,
    dialect: Dialect,
    mark_lines: Option<u32>,
}

impl Cut {
    /// The bytes, if the input begins with them.
    pub fn beginning(&self) -> Option<&[u8]> {
        self.is_first.then_some(&self.bytes)
    }

    /// What it holds.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The place of its first byte.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Whether it is of whole records.
    pub(super) fn part(&self) -> Part {
        self.part
    }

    /// The block, of this input.
    pub fn of(self, source: &Arc<str>) -> Block {
        let end = self.start + self.bytes.len() as u64;
        Block {
            bytes: self.bytes,
            source: source.clone(),
            start: self.start,
            end,
            part: self.part,
            is_first: self.is_first,
            dialect: self.dialect,
            mark_lines: self.mark_lines,
        }
    }
}

/// Cuts what a [`Feed`] gives.
#[derive(Debug)]
pub struct Cutter<F> {
    feed: F,
    boundary: Arc<dyn Boundary>,
    /// Known from the first bytes on.
    dialect: Option<Dialect>,
    pool: Pool,
    block_bytes: usize,
    /// No block has more records than this.
    block_records: Option<NonZeroUsize>,
    /// The beginning of a record whose end was not in the last block.
    carry: Vec<u8>,
    /// The place of the first byte that was not given out yet.
    at: u64,
    /// Nothing was given out yet.
    is_first: bool,
    within_long: bool,
    ended: bool,
    failed: Option<io::Error>,
}

impl<F: Feed> Cutter<F> {
    /// Cuts `feed` at this boundary into blocks of at most `block_bytes`, in buffers of this pool. Where a live input is to
    /// be cut at records that are too long as a silent one is, a block is at most half of what is too long.
    pub fn new(feed: F, boundary: Arc<dyn Boundary>, pool: Pool, block_bytes: usize) -> Self {
        Cutter {
            at: feed.mark_bytes() as u64,
            feed,
            boundary,
            dialect: None,
            pool,
            block_bytes,
            block_records: None,
            carry: Vec::new(),
            is_first: true,
            within_long: false,
            ended: false,
            failed: None,
        }
    }

    /// No block has more records than this.
    pub(crate) fn with_records(self, most: Option<NonZeroUsize>) -> Self {
        Cutter { block_records: most, ..self }
    }

    /// Where the bytes come from.
    pub fn feed(&self) -> &F {
        &self.feed
    }

    /// Where the bytes come from, before the first block is cut.
    pub(crate) fn feed_mut(&mut self) -> &mut F {
        &mut self.feed
    }

    /// The next block; `None` at the end of the input.
    ///
    /// # Errors
    ///
    /// The feed's, once, after the blocks of all whole lines before it.
    pub fn next_block(&mut self) -> io::Result<Option<Cut>> {
        if let Some(e) = self.failed.take() {
            self.ended = true;
            self.carry.clear();
            return Err(e);
        }
        let max_bytes = self.boundary.max_bytes();
        let mut want = self.block_bytes.max(self.carry.len() + 1);
        let mut buf = self.pool.take_from(want, self.at);
        let mut len = self.carry.len();
        buf.as_mut()[..len].copy_from_slice(&self.carry);
        // No record ends in the bytes before this place.
        let mut searched = 0_usize;
        loop {
            len = self.fill(&mut buf, len);
            let full = &buf.as_ref()[..len];
            if self.within_long {
                if len == 0
                    && let Some(e) = self.failed.take()
                {
                    self.ended = true;
                    return Err(e);
                }
                let over = self.ended || self.failed.is_some();
                let cut = match self.boundary.resume(full) {
                    Resume::At(next) => {
                        self.within_long = false;
                        next
                    }
                    Resume::NotWithin(_) if over => len,
                    Resume::NotWithin(0) => {
                        want += self.block_bytes;
                        buf.resize(want);
                        continue;
                    }
                    Resume::NotWithin(cut) => cut,
                };
                return Ok(self.give(buf, cut, len, Part::LongRest));
            }
            let is_all = self.ended || self.failed.is_some() || len > max_bytes;
            if !self.settle(&buf.as_ref()[..len], is_all) {
                want = (want + self.block_bytes).min(max_bytes + 1).max(want);
                buf.resize(want);
                continue;
            }
            if self.ended && len <= max_bytes {
                let end = self.end_of_records(&buf.as_ref()[..len], len);
                return Ok(self.give(buf, end, len, Part::Whole));
            }
            let full = &buf.as_ref()[..len];
            // Beyond the usual size the *first* end counts: how much a read brought must not show.
            let end = if searched == 0 { self.boundary.last_end(full) } else { self.boundary.first_end(full, searched) };
            if let Some(end) = end {
                let end = self.end_of_records(full, end);
                return Ok(self.give(buf, end, len, Part::Whole));
            }
            if let Some(e) = self.failed.take() {
                self.ended = true;
                self.carry.clear();
                return Err(e);
            }
            if len > max_bytes {
                self.within_long = true;
                let cut = self.boundary.long_start(full);
                return Ok(self.give(buf, cut, len, Part::LongStart));
            }
            searched = len;
            want = (want + self.block_bytes).min(max_bytes + 1).max(want);
            buf.resize(want);
        }
    }

    /// Where as many records as a block may have end, of those that end with `end`.
    fn end_of_records(&self, bytes: &[u8], end: usize) -> usize {
        let Some(most) = self.block_records else { return end };
        let mut at = 0;
        for _ in 0..most.get() {
            match self.boundary.first_end(&bytes[at..end], 0) {
                Some(next) if at + next < end => at += next,
                _ => return end,
            }
        }
        at
    }

    /// Finds out how the input is written that begins with these bytes, if it is not known; whether it is known now.
    fn settle(&mut self, bytes: &[u8], is_all: bool) -> bool {
        if self.dialect.is_none() {
            self.dialect = self.boundary.dialect(bytes, is_all);
            if let Some(boundary) = self.dialect.and_then(|dialect| self.boundary.of(dialect)) {
                self.boundary = boundary;
            }
        }
        self.dialect.is_some()
    }

    /// Reads until `buf` is full, or the input ends, fails, or has a whole record and is silent.
    fn fill(&mut self, buf: &mut Buffer, mut len: usize) -> usize {
        let buf = buf.as_mut();
        while len < buf.len() && !self.ended && self.failed.is_none() {
            match self.feed.read(&mut buf[len..]) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    len += n;
                    if len < buf.len() && self.feed.is_idle() && self.has_record(&buf[..len]) {
                        break;
                    }
                }
                Err(e) => self.failed = Some(e),
            }
        }
        len
    }

    /// Whether something of these bytes can be given out.
    fn has_record(&mut self, bytes: &[u8]) -> bool {
        self.within_long || self.settle(bytes, false) && self.boundary.last_end(bytes).is_some()
    }

    /// Gives out the first `cut` bytes of `buf` and carries the others, up to `len`.
    fn give(&mut self, mut buf: Buffer, cut: usize, len: usize, part: Part) -> Option<Cut> {
        self.carry.clear();
        self.carry.extend_from_slice(&buf.as_ref()[cut..len]);
        if cut == 0 {
            return None;
        }
        let start = self.at;
        self.at += cut as u64;
        // A few live lines do not hold a whole buffer for as long as somebody looks at them.
        let bytes = if cut < self.block_bytes / 8 {
            Bytes::copy_from_slice(&buf.as_ref()[..cut])
        } else {
            buf.resize(cut);
            buf.freeze()
        };
        let is_first = std::mem::take(&mut self.is_first);
        let mark_lines = if is_first { self.feed.mark_lines() } else { Some(0) };
        Some(Cut { bytes, start, part, is_first, dialect: self.dialect.unwrap_or_default(), mark_lines })
    }
}

#[cfg(test)]
pub(super) mod tests;
