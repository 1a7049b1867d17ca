//! The account of a run: every unit (a line, mostly) that came in is a record that went out, a reject, was filtered, or is
//! a record that no consumer needs.

use std::fmt;
use std::time::Duration;

use crate::input::event::Cost;

/// What came in and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Units read: lines, rows or records, as the format calls them.
    pub(crate) units_in: u64,
    /// Records sent.
    pub records_out: u64,
    /// Units that are no records.
    pub rejected: u64,
    /// Units that were not wanted.
    pub filtered: u64,
    /// Records that were not sent, because no consumer needs them.
    pub left_out: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
    /// How often records of a followed file may have been lost.
    pub losses: u64,
    /// How often records of a followed file may have come twice.
    pub repeats: u64,
    /// NULs of holes in followed files, which are no part of any unit.
    pub(crate) nuls: u64,
    /// Bytes of files, as they lie on the disk, that were not read because of `--since` and `--until`.
    pub skipped: u64,
}

impl Ledger {
    /// Something happened to a file.
    pub(crate) fn pay(&mut self, cost: Cost) {
        match cost {
            Cost::Nothing => {}
            Cost::Loss => self.losses += 1,
            Cost::Repeat => self.repeats += 1,
            Cost::Nuls(nuls) => self.nuls += nuls,
            Cost::Skipped(bytes) => self.skipped += bytes,
        }
    }

    /// So many of the records that went out are not sent, because no consumer needs them.
    pub(crate) fn leave_out(&mut self, records: u64) {
        self.records_out -= records;
        self.left_out += records;
    }

    /// Whether nothing was lost between in and out.
    pub(crate) fn adds_up(&self) -> bool {
        self.units_in == self.records_out + self.rejected + self.filtered + self.left_out
    }

    /// The account as one line.
    pub fn line(&self, unit: &str, took: Duration) -> impl fmt::Display {
        let seconds = took.as_secs_f64();
        let megabytes_per_s = self.bytes as f64 / seconds.max(1e-9) / 1e6;
        format!(
            "{} in, {} out, {} rejected, {} filtered{}; {} bytes in {seconds:.2} s ({megabytes_per_s:.0} MB/s){}{}{}{}{}",
            count(self.units_in, unit),
            count(self.records_out, "record"),
            count(self.rejected, unit),
            self.filtered,
            if self.left_out == 0 { String::new() } else { format!(", {} that no consumer needs", count(self.left_out, "record")) },
            self.bytes,
            if self.skipped == 0 { String::new() } else { format!(", {} of other times not looked at", count(self.skipped, "byte")) },
            if self.nuls == 0 { String::new() } else { format!("; {} of holes skipped", count(self.nuls, "NUL")) },
            if self.losses == 0 { String::new() } else { format!("; {unit}s may have been lost, {}", count(self.losses, "time")) },
            if self.repeats == 0 { String::new() } else { format!("; {unit}s may have come twice, {}", count(self.repeats, "time")) },
            if self.adds_up() { "" } else { "; THIS DOES NOT ADD UP, please report it" },
        )
    }
}

/// `1 line`, `2 lines`.
pub(crate) fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_adds_up_or_says_so() {
        let ledger = Ledger { units_in: 10, records_out: 7, rejected: 1, filtered: 2, left_out: 0, bytes: 2_000_000, ..Ledger::default() };
        let line = |l: Ledger| l.line("line", Duration::from_millis(500)).to_string();
        assert_eq!(line(ledger), "10 lines in, 7 records out, 1 line rejected, 2 filtered; 2000000 bytes in 0.50 s (4 MB/s)");
        let less = line(Ledger { records_out: 2, left_out: 5, ..ledger });
        assert!(less.starts_with("10 lines in, 2 records out, 1 line rejected, 2 filtered, 5 records that no consumer needs; 2000000"));
        assert!(!less.contains("DOES NOT ADD UP"));
        assert!(line(Ledger { left_out: 5, ..ledger }).contains("DOES NOT ADD UP"));
        assert!(line(Ledger { filtered: 1, ..ledger }).contains("DOES NOT ADD UP"));
        assert!(line(Ledger { nuls: 3_000_007, ..ledger }).ends_with("(4 MB/s); 3000007 NULs of holes skipped"));
        assert!(line(Ledger { losses: 2, ..ledger }).ends_with("(4 MB/s); lines may have been lost, 2 times"));
        assert!(line(Ledger { repeats: 1, ..ledger }).ends_with("(4 MB/s); lines may have come twice, 1 time"));
    }
}
