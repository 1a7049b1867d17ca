//! `--since` and `--until`: what of the inputs need not be read, because its records were written before or after.
//!
//! ```text
//! app.log.3.gz  app.log.2.gz  app.log.1  app.log        a rotated set, oldest first
//!  left out      left out      ├──────┤   left out       by their first stamps, and those of the next
//!                             ▲      ▲
//!                          halving   the first stamp beyond --until
//! ```
//!
//! Records are taken to be in order but for `slack`: so much older than one before it may a stamp be. That is looked at in all that is read.
//! Where it does not hold, nothing more is skipped of the file: it is read to its end, and then what lies before the place where its reading
//! began. What was skipped has not been looked at; how much it is, is counted.
//!
//! Whether a record is in the window is decided record by record, by whoever parses them: nothing here drops one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use super::block::{Cut, Part};
use super::boundary::Boundary;
use super::clock::{Clock, Hand, TimesOf};

/// When records have to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment, in nanoseconds since 1970.
    pub since: Option<i64>,
    /// The first moment after the last.
    pub until: Option<i64>,
    /// How much older than one before it a time may be while a file is in order, in nanoseconds; `None` for `--full`.
    pub slack: Option<i64>,
}

impl Span {
    /// Whether a moment is in it.
    #[inline]
    pub fn has(&self, nanos: i64) -> bool {
        self.since.is_none_or(|since| nanos >= since) && self.until.is_none_or(|until| nanos < until)
    }
}

/// When records have to be written, and what is known of their order.
#[derive(Clone)]
pub struct Window {
    /// Reads their times.
    pub clock: Arc<dyn Clock>,
    /// What the times of an input do not say.
    pub times: TimesOf,
    /// The first moment, in nanoseconds since 1970.
    pub since: Option<i64>,
    /// The first moment after the last.
    pub until: Option<i64>,
    /// How much older than one before it a stamp may be, in nanoseconds, while files are taken to be in order; `None` for `--full`:
    /// nothing is skipped.
    pub slack: Option<i64>,
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Window({:?}..{:?})", self.since, self.until)
    }
}

/// Halving ends where so much is left, which is read.
const NEAR_BYTES: u64 = 64 << 10;

/// A place whose records have no time is passed by, up to so many bytes.
const PROBE_BYTES: usize = 256 << 10;

impl Window {
    /// Whether a moment is in it.
    #[inline]
    pub fn has(&self, nanos: i64) -> bool {
        Span { since: self.since, until: self.until, slack: self.slack }.has(nanos)
    }

    /// Reads the times of the input of this name.
    pub fn hand(&self, source: &Arc<str>) -> Hand {
        Hand::new(self.clock.clone(), (self.times)(source))
    }

    /// The moment before which records are skipped, and the one after which they are.
    fn limits(&self) -> Option<(Option<i64>, Option<i64>)> {
        let slack = self.slack?;
        Some((self.since.map(|since| since.saturating_sub(slack)), self.until.map(|until| until.saturating_add(slack))))
    }

    /// Whether a file that begins with a record of `first` holds none of the window, where another one of its set goes on with `next`.
    pub(super) fn leaves_out(&self, first: i64, next: Option<i64>) -> bool {
        let Some((since, until)) = self.limits() else { return false };
        until.is_some_and(|until| first >= until) || since.zip(next).is_some_and(|(since, next)| next < since)
    }

    /// Where the reading of a plain file may begin: at a record, before the first of the window.
    ///
    /// # Errors
    /// The file's.
    pub(super) fn beginning(&self, path: &Path, source: &Arc<str>, boundary: &dyn Boundary) -> io::Result<u64> {
        let Some((Some(since), _)) = self.limits().filter(|_| boundary.begins_at_lines() && self.clock.begins_anywhere()) else {
            return Ok(0);
        };
        let file = File::open(path)?;
        let mut hand = self.hand(source);
        let (mut low, mut high) = (0, file.metadata()?.len());
        while high - low > NEAR_BYTES {
            let middle = low + (high - low) / 2;
            match probe(&file, middle, high, boundary, &mut hand)? {
                // All of its records are after it, or it has none: the first of the window lies before.
                Some((at, nanos)) if nanos < since => low = at,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

/// The first record with a time that begins after `from`, where a line begins, and before `to`: where it begins, and its time.
fn probe(file: &File, from: u64, to: u64, boundary: &dyn Boundary, hand: &mut Hand) -> io::Result<Option<(u64, i64)>> {
    let mut bytes = vec![0; NEAR_BYTES as usize];
    let mut len = 0;
    loop {
        let n = file.read_at(&mut bytes[len..], from + len as u64)?;
        len += n;
        let seen = &bytes[..len];
        let mut at = memchr::memchr(b'\n', seen).map_or(len, |newline| newline + 1);
        // The record that the end cuts is looked at with more of it.
        while at < len && from + (at as u64) < to {
            let Some(end) = boundary.first_end(&seen[at..], 0) else { break };
            if let Some(nanos) = hand.when(&seen[at..at + end]) {
                return Ok(Some((from + at as u64, nanos)));
            }
            at += end.max(1);
        }
        if n == 0 || from + at as u64 >= to || len >= PROBE_BYTES {
            return Ok(None);
        }
        if len == bytes.len() {
            bytes.resize(len + NEAR_BYTES as usize, 0);
        }
    }
}

/// Looks at all that is read of a file of which something is skipped.
pub(super) struct OrderCheck {
    window: Window,
    hand: Hand,
    boundary: Arc<dyn Boundary>,
    /// Where the reading began.
    pub from: u64,
    newest: Option<i64>,
}

impl std::fmt::Debug for OrderCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OrderCheck({})", self.from)
    }
}

/// What a block tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The file is in order so far.
    Kept,
    /// It is, and what comes after the block was written after the window.
    Past,
    /// A stamp is older than one before it, by so many nanoseconds; it stands at this byte.
    Broken { by: i64, at: u64 },
}

impl OrderCheck {
    /// Of a file that is read from this byte on.
    pub(super) fn new(window: &Window, source: &Arc<str>, boundary: Arc<dyn Boundary>, from: u64) -> Self {
        OrderCheck { hand: window.hand(source), window: window.clone(), boundary, from, newest: None }
    }

    /// Looks at a block.
    pub(super) fn look(&mut self, cut: &Cut) -> Order {
        let Some(slack) = self.window.slack.filter(|_| cut.part() == Part::Whole) else { return Order::Kept };
        let (bytes, mut at) = (cut.bytes(), 0);
        let mut newest = self.newest.unwrap_or(i64::MIN);
        while at < bytes.len() {
            let record = &bytes[at..];
            if let Some(nanos) = self.hand.when(record) {
                if nanos < newest.saturating_sub(slack) {
                    return Order::Broken { by: newest.saturating_sub(nanos), at: cut.start() + at as u64 };
                }
                newest = newest.max(nanos);
            }
            at += self.boundary.end_in_block(record).max(1);
        }
        self.newest = Some(newest);
        let is_past = self.window.limits().and_then(|(_, until)| until).is_some_and(|until| newest >= until);
        if is_past { Order::Past } else { Order::Kept }
    }
}

#[cfg(test)]
mod tests {
    use super::super::boundary::Lines;
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    /// Lines that begin with seconds.
    struct Seconds;

    impl Clock for Seconds {
        fn stamp<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
            let len = record.iter().take_while(|byte| byte.is_ascii_digit()).count();
            (len > 0).then(|| &record[..len])
        }
    }

    const SECOND: i64 = 1_000_000_000;

    fn window(since: Option<i64>, until: Option<i64>, slack: i64) -> Window {
        let times: TimesOf = Arc::new(|_| recpipe::times::Times::default());
        let of = |second: i64| second * SECOND;
        Window { clock: Arc::new(Seconds), times, since: since.map(of), until: until.map(of), slack: Some(of(slack)) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn halving_skips_nothing_of_the_window(
            steps in proptest::collection::vec((0..3_i64, 1..400_usize, any::<bool>()), 1..3000), since in 0..4000_i64, slack in 0..3_i64,
        ) {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            let (mut text, mut second, mut first) = (Vec::new(), 1000, None);
            for (step, len, has_time) in steps {
                second += step;
                if has_time && second >= since && first.is_none() {
                    first = Some(text.len() as u64);
                }
                let stamp = if has_time { second.to_string() } else { "x".to_owned() };
                writeln!(text, "{stamp} {}", "y".repeat(len)).unwrap();
            }
            file.write_all(&text).unwrap();
            let begins = window(Some(since), None, slack).beginning(file.path(), &"f".into(), &Lines::default()).unwrap();
            prop_assert!(begins == 0 || text[begins as usize - 1] == b'\n', "at a line");
            prop_assert!(first.is_none_or(|first| begins <= first));
            prop_assert!(first.is_none_or(|first| slack > 0 || first - begins <= 2 * NEAR_BYTES), "{first:?} {begins}");
        }
    }

    #[test]
    fn files_of_a_set_are_left_out_by_their_first_stamps() {
        let window = window(Some(100), Some(200), 10);
        let leaves_out = |first: i64, next: Option<i64>| window.leaves_out(first * SECOND, next.map(|next| next * SECOND));
        assert!(leaves_out(0, Some(89)) && !leaves_out(0, Some(90)) && !leaves_out(0, None));
        assert!(leaves_out(210, None) && !leaves_out(209, Some(300)));
        assert!(!Window { slack: None, ..window.clone() }.leaves_out(210 * SECOND, None), "--full");
    }
}
