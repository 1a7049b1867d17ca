//! A record that may have several lines ends where a line begins the next one.
//!
//! A line is looked at when all of it is there, so what is answered does not depend on how much was read.

use std::sync::Arc;
use std::time::Duration;

use memchr::{memchr, memrchr};

use super::member::Members;
use crate::input::boundary::{Boundary, MAX_RECORD_BYTES, Resume};

/// A stack trace is written at once: what has been silent for so long is complete.
const SETTLES_AFTER: Duration = Duration::from_millis(500);

/// Records of these kinds.
#[derive(Debug)]
pub(super) struct Records(pub(super) Arc<Members>);

/// A line without its end.
pub(super) fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Records {
    /// Whether a record begins with the whole line that begins here; `None` where its end is not there yet.
    fn begins(&self, bytes: &[u8], at: usize) -> Option<bool> {
        let len = memchr(b'\n', &bytes[at..])?;
        Some(self.0.begins(&bytes[..at], trimmed(&bytes[at..at + len])))
    }

    /// The first line from `from` on, which is within a line or at its beginning, that begins a record; of those that are whole. Else where
    /// the line begins whose end is not there.
    fn first(&self, bytes: &[u8], from: usize) -> Result<usize, usize> {
        let mut at = from;
        while let Some(newline) = memchr(b'\n', &bytes[at..]) {
            at += newline + 1;
            match self.begins(bytes, at) {
                Some(true) => return Ok(at),
                Some(false) => {}
                None => break,
            }
        }
        Err(at)
    }
}

impl Boundary for Records {
    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        let mut end = memrchr(b'\n', bytes)?;
        while let Some(newline) = memrchr(b'\n', &bytes[..end]) {
            if self.begins(bytes, newline + 1) == Some(true) {
                return Some(newline + 1);
            }
            end = newline;
        }
        None
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        // The line that `from` is in may have begun a record, and was not whole when that was asked.
        let line = memrchr(b'\n', &bytes[..from]).unwrap_or(0);
        self.first(bytes, line).ok()
    }

    fn end_in_block(&self, block: &[u8]) -> usize {
        let mut at = 0;
        while let Some(newline) = memchr(b'\n', &block[at..]) {
            at += newline + 1;
            let rest = &block[at..];
            let line = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
            if at < block.len() && self.0.begins(&block[..at], trimmed(line)) {
                return at;
            }
        }
        block.len()
    }

    fn resume(&self, bytes: &[u8]) -> Resume {
        match self.first(bytes, 0) {
            Ok(at) => Resume::At(at),
            // The newline before the line is kept: it tells that a line begins there. A line that is too long begins no record.
            Err(at) if at > 0 && bytes.len() - at <= MAX_RECORD_BYTES => Resume::NotWithin(at - 1),
            Err(_) => Resume::NotWithin(bytes.len()),
        }
    }

    fn long_start(&self, bytes: &[u8]) -> usize {
        // The newline tells that a line begins after it.
        bytes.len() - usize::from(bytes.len() > 1 && bytes.ends_with(b"\n"))
    }

    fn settles_after(&self) -> Option<Duration> {
        Some(SETTLES_AFTER)
    }

    fn max_bytes(&self) -> usize {
        MAX_RECORD_BYTES
    }
}
