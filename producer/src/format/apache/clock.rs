//! When a line was written: what stands between its first brackets, if it is no more than a date.

use crate::input::clock::Clock;

/// Reads the date of a line, whose first bracket is before it, but for those around an address or in a name.
#[derive(Debug)]
pub(super) struct LineClock;

impl Clock for LineClock {
    fn stamp<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
        let line = memchr::memchr(b'\n', record).map_or(record, |newline| &record[..newline]);
        let mut from = 0;
        while let Some(open) = memchr::memchr(b'[', &line[from..]).map(|at| from + at) {
            let rest = &line[open + 1..];
            let end = memchr::memchr3(b'[', b']', b'"', rest)?;
            // The request follows.
            if rest[end..].starts_with(b"] \"") && open > 0 && line[open - 1] == b' ' {
                return Some(&rest[..end]);
            }
            from = open + 1;
        }
        None
    }
}
