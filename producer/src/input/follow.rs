//! `--follow`: what is appended to files, as it comes, through every kind of rotation.
//!
//! ```text
//! inotify, or polling ──► which files grew ──► Tail: read, whole records ──► blocks, when full, idle or old enough
//!                    └──► which names changed ──► Watcher: opens the files that got a followed name ──► new tails
//! ```
//!
//! A *slot* is a followed name. It has the files that bear it or bore it, oldest first: the one that was renamed away, or
//! deleted, is read to its end before the one that took its place, and as long as somebody has it open for writing
//! (`writers`). A file that is emptied is as good as two: the old one is over, the new one begins. What was written to it
//! between our last read and the emptying is lost (`copytruncate` cannot do without); that this may be so is said and counted.
//! A file that comes is in `Doubt` until it is known to be no copy of another, as it is or as it was before it was emptied
//! (`copies`, `former`).
//!
//! Blocks are of one file and hold whole records, so the lines of several files interleave by whole lines and each file keeps
//! its order. Unlike those of a file that is read once, where they are cut depends on timing.

mod births;
mod copies;
mod doubt;
mod former;
mod hole;
mod last_record;
mod look;
mod names;
mod places;
mod resume;
mod rounds;
mod slot;
mod system;
mod tail;
pub(crate) mod watcher;
mod writers;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::block::{BLOCK_BYTES, Block};
use super::boundary::Boundary;
pub use super::event::Cost;
use super::event::Event;
use super::find::Names;
use super::live::Watch;
use super::mark::Mark;
use super::print::Print;
use super::{FileId, Meter};
use places::Places;
use recpipe::transport::watch::Guard;
use slot::Slot;
use system::Place;
use watcher::Watcher;
use writers::Writers;

/// How often it is looked where the system does not tell, and at files that lost their names.
const POLL: Duration = Duration::from_millis(250);

/// How often it is looked at everything, should something have been missed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// More files than this, and than half of what the system allows, are not held open; those that did not grow for longest are
/// closed, and opened again when they do.
const MAX_OPEN: usize = 512;

/// What is to be followed, and how.
#[derive(Debug)]
pub struct Setup {
    /// Files, directories, globs.
    pub paths: Vec<PathBuf>,
    /// Which files in directories.
    pub names: Names,
    /// Begin with what is there already, not at the end.
    pub(crate) from_start: bool,
    /// How much was read.
    pub(crate) meter: Arc<Meter>,
    /// What ends it.
    pub watch: Watch,
    /// Where the records go: not to be read.
    pub output: Option<FileId>,
    /// While nothing comes, that is yielded as often as this.
    pub(crate) pulse: Option<Duration>,
    /// How far files were read before, where that is remembered: then it is told how far they are read.
    pub before: Option<Vec<Mark>>,
}

/// What [`Follow`] yields: records of one file, and what happened to the files.
pub type Followed = Event<Block>;

/// What is known of a file that is not open.
#[derive(Debug)]
struct Known {
    print: Print,
    /// Whether it may grow by lines: it is neither compressed nor our own output.
    grows: bool,
}

type SlotId = u32;

/// Follows files; an endless source of blocks.
#[derive(Debug)]
pub(crate) struct Follow {
    watcher: Arc<Watcher>,
    guard: Guard,
    places: Places,
    boundary: Arc<dyn Boundary>,
    watch: Watch,
    meter: Arc<Meter>,
    output: Option<FileId>,
    pulse: Option<Duration>,
    /// Whether it is told how much was given out.
    marks: bool,
    /// How far files were read when this was followed before.
    before: Vec<Mark>,
    /// When a pulse is yielded at the latest.
    wake: Option<Instant>,
    /// When something was yielded last.
    yielded: Instant,
    slots: BTreeMap<SlotId, Slot>,
    next_slot: SlotId,
    /// The names that files of a slot were renamed to.
    moved: HashMap<Place, SlotId>,
    /// Renames that are not finished.
    moving: HashMap<u32, SlotId>,
    /// The files that are open.
    owners: HashMap<FileId, SlotId>,
    /// Files that are not open, and are not new either.
    known: HashMap<FileId, Known>,
    /// Slots to be read.
    dirty: VecDeque<SlotId>,
    /// Slots that are read before those, one after the other: what is there when the following begins.
    first: VecDeque<SlotId>,
    writers: Writers,
    /// Since when the oldest record waits for others.
    waiting: Option<Instant>,
    ready: VecDeque<Followed>,
    scratch: Vec<u8>,
    max_open: usize,
    next_look: Instant,
    next_look_at_all: Instant,
    /// Something happened to names that are not followed.
    rescan_due: bool,
    rescanned: Instant,
    ending: Ending,
}

/// How far the end is.
#[derive(Debug, Clone, Copy)]
enum Ending {
    No,
    /// What is there already is read until then.
    Until(Instant),
    Over,
}

impl Follow {
    /// Begins to follow; what is written from now on is seen.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn new(setup: Setup, boundary: Arc<dyn Boundary>) -> io::Result<Self> {
        Follow::with(Watcher::new()?, setup, boundary, max_open())
    }

    fn with(watcher: Watcher, setup: Setup, boundary: Arc<dyn Boundary>, max_open: usize) -> io::Result<Self> {
        let now = Instant::now();
        let mut follow = Follow {
            watcher: Arc::new(watcher),
            guard: setup.watch.guard()?,
            places: Places::new(setup.paths, setup.names),
            boundary,
            watch: setup.watch,
            meter: setup.meter,
            output: setup.output,
            pulse: setup.pulse,
            marks: setup.before.is_some(),
            before: setup.before.unwrap_or_default(),
            wake: None,
            yielded: now,
            slots: BTreeMap::new(),
            next_slot: 0,
            moved: HashMap::new(),
            moving: HashMap::new(),
            owners: HashMap::new(),
            known: HashMap::new(),
            dirty: VecDeque::new(),
            first: VecDeque::new(),
            writers: Writers::new(),
            waiting: None,
            ready: VecDeque::new(),
            scratch: vec![0; BLOCK_BYTES],
            max_open,
            next_look: now,
            next_look_at_all: now + LOOK_AGAIN,
            rescan_due: false,
            rescanned: now,
            ending: Ending::No,
        };
        let scan = follow.look_through();
        follow.ready.extend(scan.problems.into_iter().map(Followed::Problem));
        for (path, error) in scan.missing {
            if let Some(id) = follow.add_slot(path) {
                follow.is_missing(id, &error);
            }
        }
        let slots: Vec<SlotId> = scan.files.into_iter().filter_map(|path| follow.add_slot(path)).collect();
        let packed: Vec<String> = slots.into_iter().filter_map(|id| follow.begin(id, setup.from_start)).collect();
        follow.go_on();
        if let [first, more @ ..] = &packed[..] {
            let and_more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            follow.ready.push_back(Followed::notice(format!(
                "{first}{and_more}: compressed; not followed. Read without --follow what is in there"
            )));
        }
        Ok(follow)
    }

    /// What opens new files at once, also while nothing is asked of this, as long as it is [let to](Watcher::beside).
    pub(crate) fn watcher(&self) -> Arc<Watcher> {
        self.watcher.clone()
    }

    /// Yields a pulse at this moment, if nothing comes before.
    pub(crate) fn wake_at(&mut self, wake: Option<Instant>) {
        self.wake = wake;
    }

    /// Whether what is there when the following begins is still read.
    pub(crate) fn begins(&self) -> bool {
        !self.first.is_empty()
    }

    /// The inputs that there are, each by a number and its name: those that were named first have the least.
    pub(crate) fn sources(&self) -> impl Iterator<Item = (u32, &Arc<str>)> {
        self.slots.iter().map(|(id, slot)| (*id, &slot.source))
    }

    /// The beginning of the file that is followed under this name, to learn of it how its records are to be read.
    pub fn head(&self, source: &str) -> Option<Block> {
        let tails = self.slots.values().filter(|slot| &*slot.source == source).flat_map(|slot| slot.tails.iter());
        tails.last().and_then(|tail| tail.head(BLOCK_BYTES))
    }
}

fn max_open() -> usize {
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    allowed.and_then(|allowed| usize::try_from(allowed / 2).ok()).map_or(MAX_OPEN, |allowed| allowed.min(MAX_OPEN))
}

impl Iterator for Follow {
    type Item = Followed;

    /// The next block, problem or notice; waits for it. `None` when the reading was ended, and after a signal when what was
    /// there has been given out.
    fn next(&mut self) -> Option<Followed> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                self.yielded = Instant::now();
                return Some(item);
            }
            match self.ending {
                Ending::Over => return None,
                Ending::Until(until) => {
                    if self.finish(until) {
                        self.ending = Ending::Over;
                    }
                }
                Ending::No => {
                    if self.step().is_err() {
                        match self.watch.signal() {
                            Some(_) => self.begin_to_end(),
                            None => self.ending = Ending::Over,
                        }
                        self.mark_all();
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
