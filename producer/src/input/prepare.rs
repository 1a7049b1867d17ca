//! What is done to the text of an input before it is cut, where its format asks for it ([`Boundary::preparation`]): lines in front of a
//! table are skipped, carriage returns alone become line ends, and what lies around the records is blanked.
//!
//! Each byte keeps its place, and each line its number: what is skipped counts as a mark does, and what is blanked becomes spaces.
//! What comes out is a function of the bytes, however they are read.
//!
//! [`Boundary::preparation`]: super::boundary::Boundary::preparation

use std::io;
use std::time::Instant;

use memchr::{memchr, memchr_iter};

use super::block::Feed;

/// What a format wants done; by default, nothing.
#[derive(Default)]
pub struct Preparation {
    /// So many lines that each input begins with are no part of what is read.
    pub(crate) skip_lines: u32,
    /// Where the first `RETURN_BYTES` have carriage returns and no newline, the former are line ends.
    pub returns: bool,
    /// What blanks the bytes around the records.
    pub mask: Option<Box<dyn Mask>>,
}

/// Blanks what lies around records: spaces take the place of those bytes, newlines stay.
pub trait Mask: Send {
    /// Takes the next bytes of the input.
    ///
    /// # Errors
    /// Why nothing more can be read of the input.
    fn mask(&mut self, bytes: &mut [u8]) -> Result<(), String>;

    /// The input has ended.
    ///
    /// # Errors
    /// What is wrong with it.
    fn end(&mut self) -> Result<(), String>;
}

/// So much of an input is looked at for a newline.
pub(crate) const RETURN_BYTES: usize = 64 << 10;

/// How much is read at a time, of what is looked at before anything is given out.
const READ_BYTES: usize = 16 << 10;

/// The text of an input, prepared.
pub(super) struct Prepared<F> {
    feed: F,
    /// What was read to find out, and how much of it was given out.
    head: Vec<u8>,
    given: usize,
    skipped_bytes: usize,
    skipped_lines: u32,
    /// Carriage returns are line ends.
    returns: bool,
    mask: Option<Box<dyn Mask>>,
    /// Why the mask gave up.
    fault: Option<String>,
}

impl<F: std::fmt::Debug> std::fmt::Debug for Prepared<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({:?})", self.feed)
    }
}

impl<F: Feed> Prepared<F> {
    /// Reads as much as it takes to prepare it; of a live input that is waited for.
    ///
    /// # Errors
    /// The feed's.
    pub(super) fn new(feed: F, preparation: Preparation) -> Result<Self, (F, io::Error)> {
        let Preparation { skip_lines, returns, mask } = preparation;
        let mut prepared =
            Prepared { feed, head: Vec::new(), given: 0, skipped_bytes: 0, skipped_lines: 0, returns: false, mask, fault: None };
        match prepared.look(returns, skip_lines) {
            Ok(()) => Ok(prepared),
            Err(e) => Err((prepared.feed, e)),
        }
    }

    fn look(&mut self, returns: bool, skip_lines: u32) -> io::Result<()> {
        if returns {
            while memchr(b'\n', &self.head).is_none() && self.head.len() < RETURN_BYTES && self.read_head()? {}
            let looked_at = &self.head[..self.head.len().min(RETURN_BYTES)];
            self.returns = memchr(b'\n', looked_at).is_none() && memchr(b'\r', looked_at).is_some();
            self.end_lines(0);
        }
        while self.skipped_lines < skip_lines {
            let rest = &self.head[self.given..];
            match memchr(b'\n', rest) {
                Some(newline) => {
                    self.skip(newline + 1);
                    self.skipped_lines += 1;
                }
                None => {
                    self.skip(rest.len());
                    (self.head, self.given) = (Vec::new(), 0);
                    if !self.read_head()? {
                        break;
                    }
                    self.end_lines(0);
                }
            }
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.given += bytes;
        self.skipped_bytes += bytes;
    }

    /// Reads more of the beginning; whether there is more.
    fn read_head(&mut self) -> io::Result<bool> {
        let len = self.head.len();
        self.head.resize(len + READ_BYTES, 0);
        let read = self.feed.read(&mut self.head[len..]);
        self.head.truncate(len + read.as_ref().map_or(0, |n| *n));
        Ok(read? > 0)
    }

    /// Makes line ends of carriage returns in the head, if they are.
    fn end_lines(&mut self, from: usize) {
        if self.returns {
            end_lines(&mut self.head[from..]);
        }
    }

    /// Where the bytes come from.
    pub(super) fn inner(&self) -> &F {
        &self.feed
    }

    /// Why the mask gave up, if that is why reading failed.
    pub(super) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    fn masked(&mut self, done: Result<(), String>) -> io::Result<()> {
        done.map_err(|what| {
            self.fault = Some(what.clone());
            io::Error::new(io::ErrorKind::InvalidData, what)
        })
    }
}

fn end_lines(bytes: &mut [u8]) {
    let returns: Vec<usize> = memchr_iter(b'\r', bytes).collect();
    returns.into_iter().for_each(|at| bytes[at] = b'\n');
}

impl<F: Feed> Feed for Prepared<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let head = &self.head[self.given..];
        let n = if head.is_empty() {
            let n = self.feed.read(buf)?;
            if self.returns {
                end_lines(&mut buf[..n]);
            }
            n
        } else {
            let n = head.len().min(buf.len());
            buf[..n].copy_from_slice(&head[..n]);
            self.given += n;
            n
        };
        if let Some(mut mask) = self.mask.take() {
            let done = if n == 0 { mask.end() } else { mask.mask(&mut buf[..n]) };
            self.masked(done)?;
            self.mask = Some(mask).filter(|_| n > 0);
        }
        Ok(n)
    }

    fn is_idle(&self) -> bool {
        self.given == self.head.len() && self.feed.is_idle()
    }

    fn is_silent(&self, until: Instant) -> bool {
        self.given == self.head.len() && self.feed.is_silent(until)
    }

    fn mark_bytes(&self) -> usize {
        self.feed.mark_bytes() + self.skipped_bytes
    }

    fn mark_lines(&self) -> Option<u32> {
        self.feed.mark_lines().map(|lines| lines + self.skipped_lines)
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::tests::Script;
    use super::*;
    use proptest::prelude::*;

    /// What comes out, and how many bytes and lines are before it; read in pieces of these sizes.
    fn read(bytes: &[u8], skip_lines: u32, returns: bool, sizes: &[usize]) -> (String, usize, u32) {
        let preparation = Preparation { skip_lines, returns, mask: None };
        let mut prepared = Prepared::new(Script::new(bytes, sizes), preparation).unwrap_or_else(|(_, e)| panic!("{e}"));
        let (mut all, mut buf) = (Vec::new(), [0; 7]);
        loop {
            match prepared.read(&mut buf).unwrap() {
                0 => return (String::from_utf8(all).unwrap(), prepared.mark_bytes(), prepared.mark_lines().unwrap()),
                n => all.extend_from_slice(&buf[..n]),
            }
        }
    }

    #[test]
    fn lines_are_skipped_and_returns_end_them_where_nothing_else_does() {
        let check = |text: &str, skip, returns, want: &str, bytes, lines| {
            for sizes in [&[1][..], &[3], &[100]] {
                assert_eq!(read(text.as_bytes(), skip, returns, sizes), (want.to_owned(), bytes, lines), "{text:?}");
            }
        };
        check("a\nb\nc", 0, true, "a\nb\nc", 0, 0);
        check("a\nb\nc", 1, true, "b\nc", 2, 1);
        check("a\nb", 3, false, "", 3, 1);
        check("", 3, true, "", 0, 0);
        check("a\rb\rc\r", 1, true, "b\nc\n", 2, 1);
        check("a\rb\nc\r", 0, true, "a\rb\nc\r", 0, 0);
        check("a\rb\r", 0, false, "a\rb\r", 0, 0);
        // What comes later is a line end as well.
        let long = "x".repeat(RETURN_BYTES);
        check(&format!("a\r{long}\nb\rc"), 0, true, &format!("a\n{long}\nb\nc"), 0, 0);
        check(&format!("{long}\rb\n"), 0, true, &format!("{long}\rb\n"), 0, 0);
    }

    proptest! {
        #[test]
        fn however_it_is_read_it_is_the_same(
            text in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'\r'), Just(b'\n')], 0..60),
            skip in 0..4_u32, returns: bool, sizes in proptest::collection::vec(1_usize..9, 1..4),
        ) {
            prop_assert_eq!(read(&text, skip, returns, &sizes), read(&text, skip, returns, &[100]));
        }
    }
}
