//! The first bytes of an input, looked at before it is read: what a format learns its fields and their types from.
//!
//! A sample is the first block of [`SAMPLE_BYTES`], whatever the size of the blocks that are read later and however the bytes come: it is
//! filled from as many reads as it takes. Of a live input it ends `PATIENCE` after the first record at the latest; then it is the whole
//! records by then. What was read for it is given out again.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use recpipe::record::Pool;

use super::block::{Block, Cutter, Feed, Part};
use super::boundary::Boundary;

/// How much of an input is looked at.
pub(super) const SAMPLE_BYTES: usize = 512 << 10;

/// How many inputs are looked at before the first record is sent.
pub(super) const SAMPLED_INPUTS: usize = 64;

/// How much of an archive is read for the samples of the files in it.
pub(super) const MOST_SAMPLED_BYTES: u64 = 64 << 20;

/// How long a sample is waited for once it has a record.
const PATIENCE: Duration = Duration::from_secs(1);

/// Bytes that are read at a time.
const READ_BYTES: usize = 64 << 10;

/// Learns from the whole records that an input begins with, or says what was typed that does not fit them.
pub(super) type Learn<'a> = &'a mut dyn FnMut(&Block) -> Result<(), String>;

/// A feed whose first bytes can be looked at.
#[derive(Debug)]
pub(super) struct Sampled<F> {
    feed: F,
    /// What was read ahead, and how much of it was given out.
    ahead: Vec<u8>,
    given: usize,
    ended: bool,
    failed: Option<io::Error>,
}

impl<F: Feed> Sampled<F> {
    /// Nothing is read yet.
    pub(super) fn new(feed: F) -> Self {
        Sampled { feed, ahead: Vec::new(), given: 0, ended: false, failed: None }
    }

    /// Where the bytes come from.
    pub(super) fn inner(&self) -> &F {
        &self.feed
    }

    /// The whole records that it begins with, before anything is read of it; `None` where there are none.
    pub(super) fn sample(&mut self, boundary: &Arc<dyn Boundary>, source: &Arc<str>) -> Option<Block> {
        let (mut until, mut buf) = (None, vec![0; READ_BYTES]);
        loop {
            let has_record = || {
                let dialect = boundary.dialect(&self.ahead, false);
                dialect.is_some_and(|dialect| boundary.of(dialect).as_ref().unwrap_or(boundary).last_end(&self.ahead).is_some())
            };
            if until.is_none() && has_record() {
                until = Some(Instant::now() + PATIENCE);
            }
            let is_full = match until {
                Some(_) => self.ahead.len() >= SAMPLE_BYTES,
                None => self.ahead.len() > SAMPLE_BYTES.max(boundary.max_bytes()),
            };
            if is_full || self.ended || self.failed.is_some() || until.is_some_and(|until| self.feed.is_silent(until)) {
                break;
            }
            match self.feed.read(&mut buf) {
                Ok(0) => self.ended = true,
                Ok(n) => self.ahead.extend_from_slice(&buf[..n]),
                Err(e) => self.failed = Some(e),
            }
        }
        let looked_at = Ahead { bytes: &self.ahead, mark_bytes: self.feed.mark_bytes(), ended: self.ended };
        let cut = Cutter::new(looked_at, boundary.clone(), Pool::new(), SAMPLE_BYTES).next_block();
        // What is torn, or too long, shows nothing.
        cut.ok().flatten().map(|cut| cut.of(source)).filter(|block| block.part == Part::Whole)
    }
}

impl<F: Feed> Feed for Sampled<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let ahead = &self.ahead[self.given..];
        if !ahead.is_empty() {
            let n = ahead.len().min(buf.len());
            buf[..n].copy_from_slice(&ahead[..n]);
            self.given += n;
            if self.given == self.ahead.len() {
                (self.ahead, self.given) = (Vec::new(), 0);
            }
            return Ok(n);
        }
        match self.failed.take() {
            Some(e) => Err(e),
            None if self.ended => Ok(0),
            None => self.feed.read(buf),
        }
    }

    fn is_idle(&self) -> bool {
        self.ahead.is_empty() && self.failed.is_none() && !self.ended && self.feed.is_idle()
    }

    fn mark_bytes(&self) -> usize {
        self.feed.mark_bytes()
    }

    fn mark_lines(&self) -> Option<u32> {
        self.feed.mark_lines()
    }

    fn is_silent(&self, until: Instant) -> bool {
        self.ahead.is_empty() && self.failed.is_none() && !self.ended && self.feed.is_silent(until)
    }
}

/// What was read, which is no end unless the input has ended.
struct Ahead<'a> {
    bytes: &'a [u8],
    mark_bytes: usize,
    ended: bool,
}

impl Feed for Ahead<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (now, later) = self.bytes.split_at(buf.len().min(self.bytes.len()));
        buf[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }

    fn mark_bytes(&self) -> usize {
        self.mark_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::boundary::{Dialect, Lines, Resume};
    use super::*;
    use proptest::prelude::*;

    /// Lines after the first, with which an input is cut.
    #[derive(Debug)]
    struct Headed(Lines);

    impl Boundary for Headed {
        fn dialect(&self, bytes: &[u8], is_all: bool) -> Option<Dialect> {
            let has_two = memchr::memchr_iter(b'\n', bytes).nth(1).is_some();
            (has_two || is_all).then_some(0)
        }

        fn last_end(&self, bytes: &[u8]) -> Option<usize> {
            self.0.last_end(bytes)
        }

        fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
            self.0.first_end(bytes, from)
        }

        fn resume(&self, bytes: &[u8]) -> Resume {
            self.0.resume(bytes)
        }

        fn max_bytes(&self) -> usize {
            self.0.max_bytes
        }
    }

    /// Gives bytes in reads of these sizes, and is silent after some.
    struct Script<'a> {
        reads: Vec<&'a [u8]>,
        silent_at: Option<usize>,
        at: usize,
        fails: bool,
    }

    impl Feed for Script<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let Some(read) = self.reads.get(self.at) else {
                return if std::mem::take(&mut self.fails) { Err(io::Error::other("boom")) } else { Ok(0) };
            };
            let (now, later) = read.split_at(read.len().min(buf.len()));
            buf[..now.len()].copy_from_slice(now);
            if later.is_empty() {
                self.at += 1;
            } else {
                self.reads[self.at] = later;
            }
            Ok(now.len())
        }

        fn is_silent(&self, _: Instant) -> bool {
            self.silent_at == Some(self.at)
        }
    }

    fn sample(reads: &[&str], silent_at: Option<usize>, fails: bool) -> (Option<String>, String) {
        let reads = reads.iter().map(|read| read.as_bytes()).collect();
        let mut sampled = Sampled::new(Script { reads, silent_at, at: 0, fails });
        let block = sampled.sample(&(Arc::new(Headed(Lines { max_bytes: 400 })) as Arc<dyn Boundary>), &"f".into());
        let mut all = String::new();
        let mut buf = [0; 7];
        while let Ok(n @ 1..) = sampled.read(&mut buf) {
            all += std::str::from_utf8(&buf[..n]).unwrap();
        }
        (block.map(|block| String::from_utf8(block.bytes.to_vec()).unwrap()), all)
    }

    #[test]
    fn it_ends_with_the_input_or_with_patience_and_not_after_a_header() {
        let check = |reads: &[&str], silent_at, fails, want: Option<&str>| {
            let (block, all) = sample(reads, silent_at, fails);
            assert_eq!(block.as_deref(), want, "{reads:?}");
            assert_eq!(all, reads.concat(), "all is given out again");
        };
        check(&["he", "ad\n", "1\n2"], None, false, Some("head\n1\n2"));
        check(&["head\n", "1\n2"], Some(1), false, Some("head\n1\n2"));
        check(&["head\n1", "\n2", "2\n3\n"], Some(2), false, Some("head\n1\n"));
        check(&["head\n", "1\n", "2\n3\n"], Some(2), false, Some("head\n1\n"));
        check(&["head\n1\n2"], None, true, Some("head\n1\n"));
        check(&["head\n"], None, false, Some("head\n"));
        check(&[], None, false, None);
        let long = "x".repeat(SAMPLE_BYTES + 1);
        check(&[&long, "\n1\n"], None, false, None);
    }

    proptest! {
        #[test]
        fn reads_do_not_show(text in "([ab]{0,9}\n){0,20}[ab]{0,5}", cuts in proptest::collection::vec(1_usize..30, 1..6)) {
            let mut reads = Vec::new();
            let mut rest = &text[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                reads.push(now);
                rest = later;
            }
            let (block, all) = sample(&reads, None, false);
            prop_assert_eq!(block.unwrap_or_default(), text.clone());
            prop_assert_eq!(all, text);
        }
    }
}
