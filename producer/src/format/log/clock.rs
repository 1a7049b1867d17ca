//! When a record of a log was written: what its time is as it is parsed.

use std::sync::Arc;

use memchr::memchr;
use recpipe::record::Time;
use recpipe::times::Times;

use super::boundary::{Records, trimmed};
use super::member::Members;
use crate::input::boundary::Boundary;
use crate::input::clock::Clock;

/// Reads the times of records of these kinds.
pub(super) struct RecordClock(pub(super) Arc<Members>);

fn first_line(record: &[u8]) -> &[u8] {
    memchr(b'\n', record).map_or(record, |newline| &record[..newline])
}

impl Clock for RecordClock {
    /// The whole record: where its time stands, only taking it apart tells.
    fn stamp<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
        let line = first_line(record);
        if !self.0.takes_lines() {
            return Some(trimmed(line));
        }
        if !self.0.begins(&[], trimmed(line)) {
            return None;
        }
        let end = Records(self.0.clone()).end_in_block(record);
        let text = &record[..end];
        Some(trimmed(text.strip_suffix(b"\n").unwrap_or(text)))
    }

    fn read(&self, stamp: &[u8], times: &Times) -> Option<Time> {
        let first = first_line(stamp);
        let is_several = first.len() < stamp.len();
        let whole = self.0.all().iter().filter(|member| !is_several || member.takes_lines()).find_map(|member| member.time(stamp, times));
        // As the parser has it: the first line may be a record of one that takes no others.
        whole.or_else(|| self.0.all().iter().filter(|_| is_several).find_map(|member| member.time(trimmed(first), times)))
    }
}
