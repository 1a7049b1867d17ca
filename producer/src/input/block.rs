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
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize>;

    /// Whether a read would wait just now, so that what is there had better go on its way.
    fn is_idle(&self) -> bool {
        false
    }

    /// Whether nothing comes until then, nor an end. Waits for that; never of what does not wait for others.
    fn is_silent(&self, _until: Instant) -> bool {
        false
    }

    /// How many bytes of the input are before those that are read: a mark. Known before anything is read.
    fn mark_bytes(&self) -> usize {
        0
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
    pub part: Part,
    /// Whether its input begins with it, but for a mark.
    pub is_first: bool,
    /// How its input is written.
    pub dialect: Dialect,
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
}

impl Cut {
    /// The bytes, if the input begins with them.
    pub fn beginning(&self) -> Option<&[u8]> {
        self.is_first.then_some(&self.bytes)
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
            carry: Vec::new(),
            is_first: true,
            within_long: false,
            ended: false,
            failed: None,
        }
    }

    /// Where the bytes come from.
    pub fn feed(&self) -> &F {
        &self.feed
    }

    /// Where the bytes come from, before the first block is cut.
    pub fn feed_mut(&mut self) -> &mut F {
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
        let mut buf = self.pool.take(want);
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
                return Ok(self.give(buf, len, len, Part::Whole));
            }
            let full = &buf.as_ref()[..len];
            // Beyond the usual size the *first* end counts: how much a read brought must not show.
            let end = if searched == 0 { self.boundary.last_end(full) } else { self.boundary.first_end(full, searched) };
            if let Some(end) = end {
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
        Some(Cut { bytes, start, part, is_first, dialect: self.dialect.unwrap_or_default() })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::boundary::Lines;
    use super::*;
    use proptest::prelude::*;

    /// Gives `text` in reads of these sizes (cycled), silent after each read if `live`, failing at the end if `fails`.
    pub(in super::super) struct Script<'a> {
        text: &'a [u8],
        sizes: &'a [usize],
        turn: usize,
        live: bool,
        fails: bool,
    }

    impl<'a> Script<'a> {
        pub(in super::super) fn new(text: &'a [u8], sizes: &'a [usize]) -> Self {
            Script { text, sizes, turn: 0, live: false, fails: false }
        }
    }

    impl Feed for Script<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if self.text.is_empty() && std::mem::take(&mut self.fails) {
                return Err(io::Error::other("boom"));
            }
            let n = self.sizes[self.turn % self.sizes.len()].min(buf.len()).min(self.text.len());
            self.turn += 1;
            buf[..n].copy_from_slice(&self.text[..n]);
            self.text = &self.text[n..];
            Ok(n)
        }

        fn is_idle(&self) -> bool {
            self.live
        }
    }

    fn cutter<F: Feed>(feed: F, block_bytes: usize, max_bytes: usize) -> Cutter<F> {
        Cutter::new(feed, Arc::new(Lines { max_bytes }), Pool::new(), block_bytes)
    }

    /// The blocks as text, pieces of a long line marked with `~`; an error as `!`.
    fn cuts(feed: Script<'_>, block_bytes: usize, max_bytes: usize) -> Vec<String> {
        let mut cutter = cutter(feed, block_bytes, max_bytes);
        let (mut shown, mut at) = (Vec::new(), 0);
        loop {
            match cutter.next_block() {
                Ok(None) => return shown,
                Err(_) => shown.push("!".to_owned()),
                Ok(Some(cut)) => {
                    assert_eq!(cut.start, at);
                    at += cut.bytes.len() as u64;
                    let text = String::from_utf8_lossy(&cut.bytes).into_owned();
                    shown.push(match cut.part {
                        Part::Whole => text,
                        Part::LongStart => format!("{text}~"),
                        Part::LongRest => format!("~{text}"),
                    });
                }
            }
        }
    }

    #[test]
    fn cuts_at_the_last_newline_and_carries_the_rest() {
        for sizes in [&[1][..], &[3], &[2, 5], &[100]] {
            let check =
                |text: &str, want: &[&str]| assert_eq!(cuts(Script::new(text.as_bytes(), sizes), 8, 20), want, "{text:?} by {sizes:?}");
            check("", &[]);
            check("a\nb\nc\nd\nefg\n", &["a\nb\nc\nd\n", "efg\n"]);
            check("aa\nbbb\ncc", &["aa\nbbb\n", "cc"]);
            check("no newline", &["no newline"]);
            check("\n\n\n", &["\n\n\n"]);
            check("longer than a block\nb\n", &["longer than a block\n", "b\n"]);
            check("a\nlonger than a block\nb\nc", &["a\n", "longer than a block\n", "b\nc"]);
            check("exactly 20 bytes, 20\nb", &["exactly 20 bytes, 20\n", "b"]);
            check("exactly 21 bytes, 21.\nb\nc\n", &["exactly 21 bytes, 21.~", "~\n", "b\nc\n"]);
            check("exactly 20 bytes, 20", &["exactly 20 bytes, 20"]);
            check("exactly 21 bytes, 21.", &["exactly 21 bytes, 21.~"]);
            check(
                "a\n0123456789012345678901234567890123456789\nb\n",
                &["a\n", "012345678901234567890~", "~12345678", "~90123456", "~789\n", "b\n"],
            );
            check("0123456789012345678901234567890123456789", &["012345678901234567890~", "~12345678", "~90123456", "~789"]);
        }
    }

    #[test]
    fn a_silent_live_input_gives_its_whole_lines_at_once() {
        let live = |text, sizes| cuts(Script { live: true, ..Script::new(text, sizes) }, 64, 64);
        assert_eq!(live(b"one\ntwo\nthree\n", &[4]), ["one\n", "two\n", "three\n"]);
        assert_eq!(live(b"half done\nrest", &[5]), ["half done\n", "rest"]);
        assert_eq!(live(b"a\nb\nc", &[3]), ["a\n", "b\n", "c"]);
    }

    #[test]
    fn after_a_failure_the_torn_line_is_left_out() {
        let fails = |text, block| cuts(Script { fails: true, ..Script::new(text, &[4]) }, block, 40);
        assert_eq!(fails(b"one\ntwo\nthr", 64), ["one\ntwo\n", "!"]);
        assert_eq!(fails(b"one\ntwo\nthr", 4), ["one\n", "two\n", "!"]);
        assert_eq!(fails(b"torn", 4), ["!"]);
        assert_eq!(fails(b"", 4), ["!"]);
    }

    proptest! {
        #[test]
        fn blocks_put_together_are_the_input_and_reads_do_not_show(
            text in proptest::collection::vec(prop_oneof![5 => Just(b'x'), 1 => Just(b'\n')], 0..300),
            sizes in proptest::collection::vec(1_usize..40, 1..5),
            (block, max) in (1_usize..30).prop_flat_map(|b| (Just(b), b..60)),
        ) {
            let by_sizes = cuts(Script::new(&text, &sizes), block, max);
            prop_assert_eq!(&by_sizes, &cuts(Script::new(&text, &[1000]), block, max));
            prop_assert_eq!(by_sizes.concat().replace('~', "").into_bytes(), &text[..]);
            for cut in &by_sizes {
                let whole_lines = !cut.contains('~');
                prop_assert!(!whole_lines || cut.lines().all(|line| line.len() <= max));
            }
        }
    }

    #[test]
    fn places_count_the_mark_that_no_block_has() {
        struct Marked<'a>(Script<'a>);

        impl Feed for Marked<'_> {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.read(buf)
            }

            fn mark_bytes(&self) -> usize {
                3
            }
        }

        let mut cutter = cutter(Marked(Script::new(b"a\nb\nc", &[9])), 2, 9);
        let cuts = std::iter::from_fn(|| cutter.next_block().unwrap()).map(|cut| cut.of(&"f".into()));
        let places: Vec<_> = cuts.map(|block| (block.start, block.end, block.is_first)).collect();
        assert_eq!(places, [(3, 5, true), (5, 7, false), (7, 8, false)]);
    }

    /// Records that end with `;;`, which two reads may part.
    #[derive(Debug)]
    struct Pairs(usize);

    impl Boundary for Pairs {
        fn last_end(&self, bytes: &[u8]) -> Option<usize> {
            let (mut last, mut at) = (None, 0);
            while let Some(end) = self.first_end(&bytes[at..], 0) {
                at += end;
                last = Some(at);
            }
            last
        }

        fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
            let from = from.saturating_sub(1);
            bytes[from..].windows(2).position(|pair| pair == b";;").map(|at| from + at + 2)
        }

        fn resume(&self, bytes: &[u8]) -> Resume {
            self.first_end(bytes, 0).map_or(Resume::NotWithin(bytes.len().saturating_sub(1)), Resume::At)
        }

        fn max_bytes(&self) -> usize {
            self.0
        }
    }

    proptest! {
        #[test]
        fn any_boundary_cuts_after_records_only(
            text in proptest::collection::vec(prop_oneof![3 => Just(b'x'), 2 => Just(b';')], 0..300),
            sizes in proptest::collection::vec(1_usize..40, 1..5), live: bool,
            (block, max) in (1_usize..30).prop_flat_map(|b| (Just(b), b..60)),
        ) {
            let cuts = |sizes: &[usize], live: bool| {
                let feed = Script { live, ..Script::new(&text, sizes) };
                let mut cutter = Cutter::new(feed, Arc::new(Pairs(max)), Pool::new(), block);
                std::iter::from_fn(|| cutter.next_block().unwrap()).map(|cut| (cut.bytes.to_vec(), cut.part)).collect::<Vec<_>>()
            };
            let by_sizes = cuts(&sizes, live);
            prop_assert_eq!(by_sizes.iter().flat_map(|(bytes, _)| bytes).copied().collect::<Vec<_>>(), &text[..]);
            let last = by_sizes.len().saturating_sub(1);
            for (nth, (bytes, part)) in by_sizes.iter().enumerate() {
                prop_assert!(*part != Part::Whole || nth == last || bytes.ends_with(b";;"), "{by_sizes:?}");
            }
            if !live {
                prop_assert_eq!(by_sizes, cuts(&[1000], false));
            }
        }
    }
}
