//! `--follow`: what is appended to files, as it comes, through every kind of rotation.
//!
//! ```text
//! inotify, or polling ──► which files grew ──► Tail: read, whole records ──► blocks, when full, idle or old enough
//!                    └──► which names changed ──► Lookout: opens the files that got a followed name ──► new tails
//! ```
//!
//! A *slot* is a followed name. It has the files that bear it or bore it, oldest first: the one that was renamed away, or
//! deleted, is read to its end before the one that took its place, and as long as somebody has it open for writing
//! (`writers`). A file that is emptied is as good as two: the old one is over, the new one begins. What was written to it
//! between our last read and the emptying is lost (`copytruncate` cannot do without); that this may be so is said and counted.
//! A file that comes is in `Doubt` until it is known to be no copy of another (`copies`).
//!
//! Blocks are of one file and hold whole records, so the lines of several files interleave by whole lines and each file keeps
//! its order. Unlike those of a file that is read once, where they are cut depends on timing.

mod births;
mod copies;
mod hole;
pub mod lookout;
mod names;
mod places;
mod print;
mod slot;
mod system;
mod tail;
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
use super::{FileId, Meter};
use lookout::Lookout;
use places::Places;
use print::Print;
use recpipe::transport::watch::Guard;
use slot::{Read, Slot};
use system::Place;
use writers::Writers;

/// After a read, so long is waited for more before what there is goes out: a few large batches cost less than many small ones.
const LULL: Duration = Duration::from_millis(2);

/// No record waits longer than this for others to go out with.
const MAX_WAIT: Duration = Duration::from_millis(30);

/// How often it is looked where the system does not tell, and at files that lost their names.
const POLL: Duration = Duration::from_millis(250);

/// How often it is looked at everything, should something have been missed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// More files than this, and than half of what the system allows, are not held open; those that did not grow for longest are
/// closed, and opened again when they do.
const MAX_OPEN: usize = 512;

/// After a signal, so long is read what comes yet. What was there when it came is read in any case.
const FINISH: Duration = Duration::from_secs(1);

/// What is to be followed, and how.
#[derive(Debug)]
pub struct Setup {
    /// Files, directories, globs.
    pub paths: Vec<PathBuf>,
    /// Which files in directories.
    pub names: Names,
    /// Begin with what is there already, not at the end.
    pub from_start: bool,
    /// How much was read.
    pub meter: Arc<Meter>,
    /// What ends it.
    pub watch: Watch,
    /// Where the records go: not to be read.
    pub output: Option<FileId>,
    /// While nothing comes, that is yielded as often as this.
    pub pulse: Option<Duration>,
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
pub struct Follow {
    lookout: Arc<Lookout>,
    guard: Guard,
    places: Places,
    boundary: Arc<dyn Boundary>,
    watch: Watch,
    meter: Arc<Meter>,
    output: Option<FileId>,
    pulse: Option<Duration>,
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
        Follow::with(Lookout::new()?, setup, boundary, max_open())
    }

    fn with(lookout: Lookout, setup: Setup, boundary: Arc<dyn Boundary>, max_open: usize) -> io::Result<Self> {
        let now = Instant::now();
        let mut follow = Follow {
            lookout: Arc::new(lookout),
            guard: setup.watch.guard()?,
            places: Places::new(setup.paths, setup.names),
            boundary,
            watch: setup.watch,
            meter: setup.meter,
            output: setup.output,
            pulse: setup.pulse,
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
        let mut packed = Vec::new();
        for path in scan.files {
            if let Some(id) = follow.add_slot(path) {
                packed.extend(follow.begin(id, setup.from_start));
            }
        }
        if let [first, more @ ..] = &packed[..] {
            let and_more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            follow.ready.push_back(Followed::notice(format!(
                "{first}{and_more}: compressed; not followed. Read without --follow what is in there"
            )));
        }
        Ok(follow)
    }

    /// What opens new files at once, also while nothing is asked of this, as long as it is [let to](Lookout::beside).
    pub fn lookout(&self) -> Arc<Lookout> {
        self.lookout.clone()
    }

    /// The beginning of the file that is followed under this name, to learn of it how its records are to be read.
    pub fn head(&self, source: &str) -> Option<Block> {
        let tails = self.slots.values().filter(|slot| &*slot.source == source).flat_map(|slot| slot.tails.iter());
        tails.last().and_then(|tail| tail.head(BLOCK_BYTES))
    }

    fn mark(&mut self, id: SlotId) {
        if let Some(slot) = self.slots.get_mut(&id)
            && !std::mem::replace(&mut slot.dirty, true)
        {
            self.dirty.push_back(id);
        }
    }

    fn mark_all(&mut self) {
        for id in self.slots.keys().copied().collect::<Vec<_>>() {
            self.mark(id);
        }
    }

    /// One round: learns what happened, reads, gives out, or waits.
    fn step(&mut self) -> io::Result<()> {
        if self.watch.is_stopped() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.learn();
        if self.read_first() {
            return Ok(());
        }
        let now = Instant::now();
        if now >= self.next_look {
            self.look(now);
        }
        let grew = self.read_dirty();
        if !self.ready.is_empty() {
            return Ok(());
        }
        match self.waiting {
            Some(since) if !grew || since.elapsed() >= MAX_WAIT => {
                self.give_waiting();
                Ok(())
            }
            Some(_) => self.guard.wait(&[], Some(LULL)).map(drop),
            None if grew => Ok(()),
            None => {
                let pulse = self.pulse.map(|pulse| self.yielded + pulse);
                let until = pulse.map_or(self.next_look, |pulse| pulse.min(self.next_look));
                self.guard.wait(&self.lookout.fds(), Some(until.saturating_duration_since(Instant::now())))?;
                if pulse.is_some_and(|pulse| Instant::now() >= pulse) {
                    self.ready.push_back(Followed::Pulse);
                }
                Ok(())
            }
        }
    }

    /// A signal has come: what is there by now is to be read.
    fn begin_to_end(&mut self) {
        self.slots.values_mut().flat_map(|slot| &mut slot.tails).for_each(tail::Tail::is_due);
        self.ending = Ending::Until(Instant::now() + FINISH);
    }

    /// A round after a signal: what is there already is read, and all of it given out. Whether that was the last.
    fn finish(&mut self, until: Instant) -> bool {
        self.learn();
        if self.read_first() {
            return false;
        }
        let grew = self.read_dirty();
        let is_last = !grew || (Instant::now() >= until && !self.slots.values().any(Slot::is_behind));
        if is_last {
            let ready = &mut self.ready;
            self.slots.values_mut().for_each(|slot| slot.give_all(ready));
            self.tell_denied();
        }
        is_last
    }

    /// Reads of the file whose turn it is of those that are read first. Whether there is one.
    fn read_first(&mut self) -> bool {
        let Some(id) = self.first.front().copied() else { return false };
        let has_more = self.read_slot(id);
        match self.slots.get_mut(&id) {
            Some(slot) if has_more && slot.is_behind() => {}
            slot => {
                slot.into_iter().for_each(|slot| slot.give_records(&mut self.ready));
                self.first.pop_front();
            }
        }
        true
    }

    /// Reads once from every slot that may have more. Whether there was any.
    fn read_dirty(&mut self) -> bool {
        let mut grew = false;
        for _ in 0..self.dirty.len() {
            let Some(id) = self.dirty.pop_front() else { break };
            grew |= self.read_slot(id);
        }
        grew
    }

    fn read_slot(&mut self, id: SlotId) -> bool {
        let Some(slot) = self.slots.get_mut(&id) else { return false };
        slot.dirty = false;
        if slot.tails.is_empty() {
            // What is opened is read before it can be closed again to make room for another.
            self.look_at_name(id);
        }
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| !slot.tails.is_empty()) else { return false };
        let (before, mut closed) = (slot.read_bytes(), Vec::new());
        let read = slot.read(&mut self.scratch, &mut self.ready, &mut closed, &mut self.writers);
        self.meter.add((slot.read_bytes() - before) as usize);
        if slot.has_records() && self.waiting.is_none() {
            self.waiting = Some(Instant::now());
        }
        closed.iter().for_each(|tail| self.close(tail));
        match read {
            Read::More => self.mark(id),
            Read::AtEnd => {}
            Read::WaitsUntil(until) => self.read_again(id, until),
            Read::Doubtful(at) => self.settle(id, at),
            Read::Packed(file, print) => {
                self.owners.remove(&file);
                self.known.insert(file, Known { print, grows: false });
            }
        }
        self.slots.get(&id).is_some_and(|slot| slot.dirty)
    }

    /// Has the slot read again at this time.
    fn read_again(&mut self, id: SlotId, at: Instant) {
        self.next_look = self.next_look.min(at);
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.recheck = true;
        }
    }

    /// Gives out the records that wait.
    fn give_waiting(&mut self) {
        self.waiting = None;
        for slot in self.slots.values_mut() {
            slot.give_records(&mut self.ready);
        }
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
mod tests {
    use super::super::boundary::Lines;
    use super::*;
    use std::fs;
    use std::path::Path;

    fn append(path: &Path, text: &str) {
        use std::io::Write;
        fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// The next thing that `follow` yields, as text.
    fn next(follow: &mut Follow) -> String {
        match follow.next() {
            Some(Followed::Block(block)) => String::from_utf8(block.bytes.to_vec()).unwrap(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn polling_sees_what_nobody_tells() {
        let dir = tempfile::tempdir().unwrap();
        let (log, late) = (dir.path().join("f.log"), dir.path().join("sub/late.log"));
        append(&log, "old\n");
        let watch = Watch::nothing();
        let setup = Setup {
            paths: vec![log.clone(), late.clone(), dir.path().to_owned()],
            names: Names::default(),
            from_start: false,
            meter: Arc::default(),
            watch: watch.clone(),
            output: None,
            pulse: None,
        };
        let mut follow = Follow::with(Lookout::polling().unwrap(), setup, Arc::new(Lines::default()), MAX_OPEN).unwrap();
        assert!(next(&mut follow).contains("late.log: not there yet"));
        append(&log, "one\n");
        assert_eq!(next(&mut follow), "one\n");
        fs::rename(&log, dir.path().join("f.log.1")).unwrap();
        append(&log, "two\n");
        assert_eq!(next(&mut follow), "two\n");
        fs::write(&log, "3\n").unwrap();
        assert!(next(&mut follow).contains("was truncated"));
        assert_eq!(next(&mut follow), "3\n");
        fs::create_dir(dir.path().join("sub")).unwrap();
        append(&late, "four\n");
        assert_eq!(next(&mut follow), "four\n");
        append(&log, "five");
        watch.stop_by(15);
        assert_eq!((next(&mut follow), follow.next().is_none()), ("five".to_owned(), true));
    }

    #[test]
    fn files_beyond_those_held_open_are_read_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = |n: usize| dir.path().join(format!("{n}.log"));
        let count = 20;
        (0..count).for_each(|n| append(&path(n), "old\n"));
        let watch = Watch::nothing();
        let (paths, names) = (vec![dir.path().to_owned()], Names::default());
        let setup = Setup { paths, names, from_start: false, meter: Arc::default(), watch: watch.clone(), output: None, pulse: None };
        let mut follow = Follow::with(Lookout::new().unwrap(), setup, Arc::new(Lines::default()), 5).unwrap();
        for round in 0..2 {
            (0..count).for_each(|n| append(&path(n), &format!("{n} {round}\n")));
            let until = Instant::now() + Duration::from_secs(20);
            let mut came = Vec::new();
            while came.len() < count {
                assert!(Instant::now() < until, "{came:?}");
                came.push(next(&mut follow));
            }
            let mut want: Vec<String> = (0..count).map(|n| format!("{n} {round}\n")).collect();
            came.sort();
            want.sort();
            assert_eq!(came, want);
            assert!(follow.owners.len() <= 5);
        }
    }
}
