//! What files held before they were emptied, remembered to know copies of it, which may be found later than the emptying.
//!
//! How many that may be is not known: a log may be emptied any number of times while a copy is looked at. They are kept as long
//! as a copy may be found, within so many bytes; what had to go before its time is known to have gone.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use super::super::print::Print;
use super::doubt::Doubt;

/// So many bytes the former contents of one name take at most: some hundreds of them.
const MAX_BYTES: usize = 256 << 10;

/// The moment at which an emptying was noticed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noticed {
    /// By the clock that we wait by.
    pub at: Instant,
    /// By the clock that files are dated with.
    pub on: SystemTime,
}

impl Noticed {
    fn now() -> Self {
        Noticed { at: Instant::now(), on: SystemTime::now() }
    }

    /// Whether a file in doubt may be a copy that was made before the emptying: as its date tells, however late it was found; or
    /// it was found no later than `after`, where it has no date, or another one, as what is moved from another file system has.
    pub(crate) fn may_be_after_copying(&self, doubt: &Doubt, after: Duration) -> bool {
        doubt.made.is_some_and(|made| made <= self.on) || doubt.since < self.at + after
    }
}

/// What was read of a file before it was emptied.
#[derive(Debug)]
pub(crate) struct Former {
    /// Up to its end.
    pub print: Print,
    /// Where the record begins of which a part was held.
    pub(crate) record_start: u64,
    /// When it was noticed that it is emptied.
    pub noticed: Noticed,
}

/// The former contents of the files of one name, the last of them last.
#[derive(Debug, Default)]
pub(crate) struct Formers {
    kept: VecDeque<Former>,
    bytes: usize,
    /// The last of those that had to go before their time.
    dropped: Option<Noticed>,
}

impl Formers {
    /// A file was found to be emptied of what was read up to this print, the last record of which begins there.
    pub fn push(&mut self, print: Print, record_start: u64) {
        self.bytes += print.size();
        self.kept.push_back(Former { print, record_start, noticed: Noticed::now() });
        while self.bytes > MAX_BYTES {
            self.dropped = self.pop();
        }
    }

    fn pop(&mut self) -> Option<Noticed> {
        let oldest = self.kept.pop_front()?;
        self.bytes -= oldest.print.size();
        Some(oldest.noticed)
    }

    /// Keeps those of which a copy may still be found: when they were noticed tells whether that is so.
    pub fn retain(&mut self, may_be_found: impl Fn(&Noticed) -> bool) {
        while self.kept.front().is_some_and(|oldest| !may_be_found(&oldest.noticed)) {
            self.pop();
        }
        self.dropped = self.dropped.filter(may_be_found);
    }

    /// Those that are remembered.
    pub fn kept(&self) -> impl Iterator<Item = &Former> {
        self.kept.iter()
    }

    /// When the last one was noticed of those that had to go before their time.
    pub fn dropped(&self) -> Option<Noticed> {
        self.dropped
    }

    /// Whether there is nothing to know copies of.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.dropped.is_none()
    }

    /// As if so much time had gone by since they were noticed.
    #[cfg(test)]
    pub fn age(&mut self, by: Duration) {
        let ages = self.kept.iter_mut().map(|former| &mut former.noticed).chain(&mut self.dropped);
        ages.for_each(|noticed| noticed.at = noticed.at.checked_sub(by).unwrap());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(text: &str) -> Print {
        let mut print = Print::default();
        print.extend(text.as_bytes());
        print
    }

    #[test]
    fn they_are_kept_within_so_many_bytes_and_what_had_to_go_is_known() {
        let mut formers = Formers::default();
        let mut pushed = 0;
        while formers.dropped().is_none() {
            assert_eq!(formers.kept().count(), pushed);
            formers.push(print(&format!("{pushed} {}", "x".repeat(600))), 0);
            pushed += 1;
        }
        assert!(pushed > 300 && formers.bytes <= MAX_BYTES, "{pushed}");
        assert_eq!(formers.kept().count(), pushed - 1);
        assert!(!formers.kept().any(|former| former.print.begins_as(b"0 ")));
        let first = formers.kept().next().unwrap().noticed.at;
        formers.retain(|noticed| noticed.at >= first);
        assert!(formers.dropped().is_none() && formers.kept().count() == pushed - 1, "what is noticed since then is kept");
        formers.retain(|_| false);
        assert_eq!((formers.kept().count(), formers.bytes, formers.is_empty()), (0, 0, true));
    }

    #[test]
    fn a_copy_is_made_before_the_emptying_or_found_soon_after() {
        let noticed = Noticed::now();
        let doubt =
            |found: u64, made: Option<SystemTime>| Doubt { since: noticed.at + Duration::from_secs(found), made, ..Doubt::of_emptied() };
        let (before, later) = (Some(noticed.on - Duration::from_secs(1)), Some(noticed.on + Duration::from_secs(1)));
        let may_be = |doubt| noticed.may_be_after_copying(&doubt, Duration::from_secs(10));
        assert!(may_be(doubt(0, None)) && may_be(doubt(9, later)) && may_be(doubt(3600, before)));
        assert!(!may_be(doubt(10, None)) && !may_be(doubt(10, later)));
    }
}
