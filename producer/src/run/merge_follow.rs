//! `--merge` with `--follow`: what comes of several files that grow, by the times of its records.
//!
//! What comes is held until it is known what comes next: every other input has a record that is held, too, or nothing older has come within
//! `--wait`. What comes later than that comes too late, and follows. Of records of one time, those of the input that was named first come
//! first; within one input the order is that of the file.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::merge::{HELD_BYTES, Held};
use crate::format::Wanted;
use crate::format::source::{LongPiece, PlannedBlock, Unparsed};
use crate::input::boundary::Boundary;
use crate::input::window::Window;

/// How far the following is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Now {
    /// What was there already is read, one input after the other: nobody waits for it.
    Beginning,
    /// What comes is read as it comes.
    Following,
    /// Nothing comes any more.
    Over,
}

/// What is held of the inputs, each by its rank.
pub(super) struct Merging {
    window: Window,
    wait: Duration,
    lanes: BTreeMap<u32, Lane>,
    bytes: usize,
    /// What has to be said, once: that more came than is held.
    overflown: bool,
}

/// What is held of one input.
#[derive(Default)]
struct Lane {
    items: VecDeque<Item>,
    /// The time of what came last: what has none goes with it.
    last: Option<i64>,
}

struct Item {
    what: What,
    nanos: i64,
    until: Instant,
}

enum What {
    Block { held: Held, planned: PlannedBlock },
    Long(LongPiece),
}

impl Merging {
    /// By the clock of this window; a record is held no longer than `wait`.
    pub(super) fn new(window: Window, wait: Duration) -> Self {
        Merging { window, wait, lanes: BTreeMap::new(), bytes: 0, overflown: false }
    }

    /// There is an input of this rank: what others have waits for it.
    pub(super) fn wait_for(&mut self, rank: u32) {
        self.lanes.entry(rank).or_default();
    }

    /// Holds what came of the input of this rank.
    pub(super) fn hold(&mut self, rank: u32, unparsed: Unparsed, boundary: &dyn Boundary) -> Option<Unparsed> {
        let lane = self.lanes.entry(rank).or_default();
        let last = lane.last.unwrap_or(i64::MIN);
        let (what, len) = match unparsed {
            Unparsed::Block(planned) => {
                let len = planned.block.bytes.len();
                let held = Held::new(planned.block.clone(), self.window.hand(&planned.block.source), last, boundary);
                (What::Block { held, planned }, len)
            }
            Unparsed::Long(long) => {
                let len = long.block.bytes.len();
                (What::Long(long), len)
            }
            Unparsed::Batch(_) | Unparsed::Task(_) => return Some(unparsed),
        };
        let (nanos, newest) = match &what {
            What::Block { held, .. } => (held.nanos(), held.newest(boundary)),
            What::Long(_) => (last, last),
        };
        lane.last = Some(newest);
        lane.items.push_back(Item { what, nanos, until: Instant::now() + self.wait });
        self.bytes += len;
        None
    }

    /// Says once that more came than is held, if it did.
    pub(super) fn overflow(&mut self) -> Option<String> {
        let is_new = self.bytes > HELD_BYTES && !std::mem::replace(&mut self.overflown, true);
        is_new.then(|| {
            format!("--merge holds {} MiB of what comes; what lies beyond comes in the order in which it is read", HELD_BYTES >> 20)
        })
    }

    /// When something has waited long enough, if something waits.
    pub(super) fn until(&self) -> Option<Instant> {
        self.lanes.values().filter_map(|lane| lane.items.front()).map(|item| item.until).min()
    }

    /// What comes next, if that is known by now: `Over` where nothing comes any more.
    pub(super) fn take(&mut self, now: Now, wanted: &Wanted, boundary: &dyn Boundary) -> Option<Unparsed> {
        let is_full = self.bytes > HELD_BYTES;
        let fronts = || self.lanes.iter().filter_map(|(rank, lane)| lane.items.front().map(|item| (item.nanos, *rank)));
        let next = fronts().min()?;
        let other = fronts().filter(|front| front.1 != next.1).min();
        let has_all = self.lanes.values().all(|lane| !lane.items.is_empty());
        // What has waited long enough goes, and what is older goes before it.
        let is_due = now == Now::Over || now == Now::Following && self.until().is_some_and(|until| Instant::now() >= until);
        if !(is_full || has_all || is_due) {
            return None;
        }
        let lane = self.lanes.get_mut(&next.1)?;
        let item = lane.items.front_mut()?;
        let (unparsed, has_more) = match &mut item.what {
            What::Long(_) => (None, false),
            What::Block { held, planned } => {
                let (block, has_more) = held.take(next.1 as usize, other.map(|(nanos, rank)| (nanos, rank as usize)), boundary);
                item.nanos = held.nanos();
                let head_lines = if block.is_first { planned.head_lines } else { Some(0) };
                (Some(PlannedBlock { block, wanted: wanted.clone(), head_lines, ..planned.clone() }), has_more)
            }
        };
        let over = if has_more { None } else { lane.items.pop_front() };
        let unparsed = match (unparsed, over.map(|item| item.what)) {
            (Some(planned), _) => Unparsed::Block(planned),
            (None, Some(What::Long(long))) => Unparsed::Long(long),
            (None, _) => return None,
        };
        self.bytes -= match &unparsed {
            Unparsed::Block(planned) => planned.block.bytes.len(),
            Unparsed::Long(long) => long.block.bytes.len(),
            Unparsed::Batch(_) | Unparsed::Task(_) => 0,
        };
        Some(unparsed)
    }

    /// Forgets an input that is over, where nothing is held of it.
    pub(super) fn keep(&mut self, ranks: &[u32]) {
        self.lanes.retain(|rank, lane| !lane.items.is_empty() || ranks.contains(rank));
    }
}

/// The name of an input, which says what its rank is.
pub(super) fn source_of(unparsed: &Unparsed) -> Option<&Arc<str>> {
    match unparsed {
        Unparsed::Block(planned) => Some(&planned.block.source),
        Unparsed::Long(long) => Some(&long.block.source),
        Unparsed::Batch(_) | Unparsed::Task(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use recpipe::times::Times;

    use super::*;
    use crate::format::testing::block;
    use crate::format::{Args, FORMATS, Start};
    use crate::input::block::Block;
    use crate::input::boundary::Lines;
    use crate::input::clock::Clock;

    /// Lines that begin with a digit, which is their time.
    struct Digit;

    impl Clock for Digit {
        fn stamp<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
            record.first().filter(|byte| byte.is_ascii_digit()).map(|_| &record[..1])
        }
    }

    fn merging(wait: Duration) -> Merging {
        let window = Window { clock: Arc::new(Digit), times: Arc::new(|_| Times::default()), since: None, until: None, slack: None };
        let mut merging = Merging::new(window, wait);
        (0..2).for_each(|rank| merging.wait_for(rank));
        merging
    }

    fn hold(merging: &mut Merging, rank: u32, text: &[u8]) {
        let Start::Blocks(start) = FORMATS.iter().find(|spec| spec.name == "lines").unwrap().start else { panic!() };
        let block = Block { source: rank.to_string().into(), ..block(text) };
        let plan = start(&Args::default()).unwrap().plan(&block).unwrap();
        let planned = PlannedBlock::new(block, plan, Arc::new(Lines::default()), Wanted::all());
        assert!(merging.hold(rank, Unparsed::Block(planned), &Lines::default()).is_none());
    }

    /// What is given out now, with the inputs' names.
    fn taken(merging: &mut Merging, now: Now) -> String {
        let mut all = String::new();
        while let Some(next) = merging.take(now, &Wanted::all(), &Lines::default()) {
            let Unparsed::Block(planned) = next else { panic!() };
            all += &format!("{}:{} ", planned.block.source, String::from_utf8_lossy(&planned.block.bytes).replace('\n', ","));
        }
        all
    }

    #[test]
    fn what_comes_waits_until_nothing_older_can_come() {
        let mut merging = merging(Duration::from_secs(3600));
        hold(&mut merging, 1, b"2\n4\n");
        assert_eq!(taken(&mut merging, Now::Following), "", "the other may bring something older");
        hold(&mut merging, 0, b"1\nx\n2\n5\n");
        assert_eq!(taken(&mut merging, Now::Following), "0:1,x,2, 1:2,4, ", "the first goes before the second at one time");
        hold(&mut merging, 0, b"6\n");
        assert_eq!(taken(&mut merging, Now::Following), "");
        assert_eq!(taken(&mut merging, Now::Over), "0:5, 0:6, ");
        assert_eq!(merging.bytes, 0);
    }

    #[test]
    fn what_has_waited_goes_with_what_is_older() {
        let mut merging = merging(Duration::ZERO);
        hold(&mut merging, 0, b"5\n");
        assert_eq!(taken(&mut merging, Now::Beginning), "", "the other is read next");
        hold(&mut merging, 0, b"4\n");
        assert_eq!(taken(&mut merging, Now::Following), "0:5, 0:4, ", "an input is not sorted");
        hold(&mut merging, 1, b"7\n");
        hold(&mut merging, 0, b"6\n");
        assert_eq!(taken(&mut merging, Now::Following), "0:6, 1:7, ");
        assert!(merging.until().is_none());
    }
}
