//! A followed name: the files that bear it or bore it, oldest first.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::block::BLOCK_BYTES;
use super::super::print::Print;
use super::super::{FileId, InputError, reason};
use super::former::Formers;
use super::system::Place;
use super::tail::{Grown, Tail};
use super::writers::{Writer, Writers};
use super::{Cost, Followed};

/// So long an unfinished last line holds up the file that came after its own: then nobody will finish it.
const GRACE: Duration = Duration::from_millis(250);

/// How long a file that lost its name must have been still before it is asked who writes to it.
const STILL: Duration = Duration::from_secs(1);

/// How long it is read on where that cannot be seen: a deleted one, whose disk space we hold, and one of more than [`MANY`],
/// whose writer is long past it. Others are read on for good.
const KEEP_DELETED: Duration = Duration::from_secs(10);
const KEEP_MANY: Duration = Duration::from_secs(60);
const MANY: usize = 8;

/// A followed name.
#[derive(Debug)]
pub struct Slot {
    /// As it was named.
    pub path: PathBuf,
    /// Where it is.
    pub place: Place,
    /// What its records say they come from.
    pub source: Arc<str>,
    /// The files, oldest first.
    pub(crate) tails: VecDeque<Tail>,
    /// It is in the queue of those to be read.
    pub(crate) dirty: bool,
    /// It is to be read again at the next look.
    pub(crate) recheck: bool,
    /// The file may not be read.
    pub denied: Option<Denied>,
    /// How long the file was that could not be read when the following began: so much is old.
    pub old: Option<(FileId, u64)>,
    /// So many files were renamed to it and replaced before they could be opened, since the last one that could be.
    pub missed: u32,
    /// What was read of its files before they were emptied.
    pub(crate) formers: Formers,
    read_bytes: u64,
}

/// Whether it was said that a file may not be read: just after it was made, that is about to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Not yet.
    Unsaid,
    /// Yes.
    Said,
}

/// What [`Slot::read`] found.
#[derive(Debug)]
pub enum Read {
    /// There may be more.
    More,
    /// Not now.
    AtEnd,
    /// Not before this time: a line may still be finished.
    WaitsUntil(Instant),
    /// It comes to the file at this place, which may be known; those before it were read.
    Doubtful(usize),
    /// This file is compressed; it is not followed any more.
    Packed(FileId, Print),
}

impl Slot {
    /// A name without a file.
    pub fn new(path: PathBuf, place: Place) -> Self {
        Slot {
            source: path.to_string_lossy().into(),
            path,
            place,
            tails: VecDeque::new(),
            dirty: false,
            recheck: false,
            denied: None,
            old: None,
            missed: 0,
            formers: Formers::default(),
            read_bytes: 0,
        }
    }

    /// How much was read, of all its files.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// Whether this is the file that has the name now, as far as we know.
    pub(crate) fn is_newest(&self, id: FileId) -> bool {
        self.tails.back().is_some_and(|tail| tail.id() == id && tail.orphan.is_none())
    }

    /// The newest file has lost the name, to another that was `renamed` to it or otherwise.
    pub(crate) fn leave_newest(&mut self, renamed: bool) {
        if let Some(tail) = self.tails.back_mut().filter(|tail| tail.orphan.is_none()) {
            (tail.orphan, tail.replaced) = (Some(Instant::now()), renamed);
        }
    }

    /// Whether something that is due was not read yet.
    pub fn is_behind(&self) -> bool {
        self.tails.iter().any(Tail::is_behind)
    }

    /// Whether a file is read that has lost the name, and was not still for long.
    pub(crate) fn has_fresh_orphan(&self, now: Instant) -> bool {
        let is_fresh = |tail: &Tail| tail.orphan.is_some_and(|since| now.saturating_duration_since(since.max(tail.grown)) < KEEP_MANY);
        self.tails.iter().any(is_fresh)
    }

    /// Whether a file is read that has lost the name.
    pub(crate) fn has_orphan(&self) -> bool {
        self.tails.iter().any(|tail| tail.orphan.is_some())
    }

    /// Whether there are records to give out.
    pub fn has_records(&self) -> bool {
        self.tails.iter().any(Tail::has_records)
    }

    /// Gives out the whole records.
    pub(crate) fn give_records(&mut self, out: &mut VecDeque<Followed>) {
        self.tails.iter_mut().for_each(|tail| tail.give_records(out));
    }

    /// Gives out everything, unfinished lines too.
    pub(crate) fn give_all(&mut self, out: &mut VecDeque<Followed>) {
        self.tails.iter_mut().for_each(|tail| tail.give_all(out));
    }

    /// Reads once, from the oldest file that has more. What `closed` gets is followed no more.
    pub fn read(&mut self, scratch: &mut [u8], out: &mut VecDeque<Followed>, closed: &mut Vec<Tail>, writers: &mut Writers) -> Read {
        let mut at = 0;
        while at < self.tails.len() {
            let is_newest = at + 1 == self.tails.len();
            let tail = &mut self.tails[at];
            if tail.doubt.is_some() {
                if tail.len() > 0 {
                    return Read::Doubtful(at);
                }
                at += 1;
                continue;
            }
            let before = tail.print().pos;
            let grown = tail.read(scratch, out);
            self.read_bytes += tail.print().pos - before;
            match grown {
                Ok(Grown::Yes) => {
                    if let Some(what) = tail.not_to_follow() {
                        let (id, print) = (tail.id(), tail.print().clone());
                        out.push_back(Followed::notice(format!("{}: {what}; it is not followed", tail.source())));
                        self.tails.remove(at);
                        return Read::Packed(id, print);
                    }
                    if tail.held_bytes() >= BLOCK_BYTES {
                        tail.give_records(out);
                    }
                    return Read::More;
                }
                Ok(Grown::No) => {}
                Ok(Grown::Truncated) => {
                    let (pos, part) = (tail.print().pos, tail.drop_part());
                    let what = "was truncated; it is read from its start, but lines written to it after byte";
                    let mut text = format!("{}: {what} {} of what it was may be lost", tail.source(), pos - part as u64);
                    if part > 0 {
                        text += &format!(", among them one that was not finished ({part} bytes)");
                    }
                    out.push_back(Followed::Notice { text: Some(text), cost: Cost::Loss });
                    self.formers.push(tail.print().clone(), tail.record_start());
                    match tail.anew() {
                        Ok(new) => self.tails.insert(at + 1, new),
                        Err(e) => out.push_back(failed(tail, &e)),
                    }
                }
                Err(e) => {
                    tail.give_records(out);
                    out.push_back(failed(tail, &e));
                    closed.extend(self.tails.remove(at));
                    continue;
                }
            }
            let tail = &mut self.tails[at];
            if tail.over {
                tail.give_all(out);
                closed.extend(self.tails.remove(at));
            } else if is_newest {
                match tail.settles_at() {
                    Some(until) if Instant::now() < until => return Read::WaitsUntil(until),
                    Some(_) => tail.settle_record(),
                    None => {}
                }
                return Read::AtEnd;
            } else {
                let (is_replaced, next) = (tail.replaced, at + 1);
                if is_replaced && self.tails[next].doubt.is_some() && self.tails[next].len() > 0 {
                    // A longer version of it has the rest of the record too.
                    return Read::Doubtful(next);
                }
                let tail = &mut self.tails[at];
                if tail.has_part() {
                    let until = tail.orphan.map_or(tail.grown, |orphan| orphan.max(tail.grown)) + GRACE;
                    match if Instant::now() < until { Writer::NotBefore(until) } else { writers.of(tail.id(), until) } {
                        Writer::NotBefore(until) => return Read::WaitsUntil(until),
                        Writer::There => tail.had_writer = true,
                        Writer::Gone | Writer::Unseen => tail.give_all(out),
                    }
                }
                tail.give_records(out);
                at += 1;
            }
        }
        Read::AtEnd
    }

    /// Takes out the files that lost the name and that nobody writes to any more, as far as can be seen.
    pub(crate) fn retire(&mut self, now: Instant, out: &mut VecDeque<Followed>, writers: &mut Writers) -> Vec<Tail> {
        let mut retired = Vec::new();
        let mut at = 0;
        while let Some(tail) = self.tails.get(at) {
            let still = tail.orphan.map(|since| since.max(tail.grown)).filter(|since| now.saturating_duration_since(*since) > STILL);
            let letting_go = still.and_then(|since| self.let_go(at, now, since, writers));
            // Asked after it is known that nobody adds to it.
            let Some(letting_go) = letting_go.filter(|_| self.tails[at].is_at_end()) else {
                at += 1;
                continue;
            };
            let tail = &mut self.tails[at];
            if letting_go == LettingGo::Unsure {
                let text = format!(
                    "{}: a file that had this name is let go, after {} s without a line; whether its writer, whom the system does not show us, still has it is not known, and what comes yet is lost",
                    tail.source(),
                    now.saturating_duration_since(tail.grown).as_secs()
                );
                out.push_back(Followed::Notice { text: Some(text), cost: Cost::Loss });
            }
            tail.give_all(out);
            retired.extend(self.tails.remove(at));
        }
        retired
    }

    /// Whether the file at this place, which has been still since then, is of no use any more.
    fn let_go(&mut self, at: usize, now: Instant, since: Instant, writers: &mut Writers) -> Option<LettingGo> {
        let has_many = at + 1 < self.tails.len() && self.tails.len() > MANY;
        let tail = &mut self.tails[at];
        match writers.of(tail.id(), since + STILL) {
            Writer::There => tail.had_writer = true,
            Writer::Gone => return Some(LettingGo::Sure),
            Writer::Unseen if tail.had_writer => return Some(LettingGo::Sure),
            Writer::Unseen => {
                let keep = if tail.is_deleted() { Some(KEEP_DELETED) } else { has_many.then_some(KEEP_MANY) };
                return keep.filter(|keep| now.saturating_duration_since(since) > *keep).map(|_| LettingGo::Unsure);
            }
            Writer::NotBefore(_) => {}
        }
        None
    }
}

/// Whether a file that is let go has no writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LettingGo {
    Sure,
    Unsure,
}

fn failed(tail: &Tail, error: &std::io::Error) -> Followed {
    Followed::Problem(InputError { name: tail.source().to_string(), what: reason(error) })
}
