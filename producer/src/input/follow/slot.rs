//! A followed name: the files that bear it or bore it, oldest first.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::block::BLOCK_BYTES;
use super::super::{FileId, InputError, open, reason};
use super::Followed;
use super::print::Print;
use super::system::Place;
use super::tail::{Grown, Tail};

/// So long an unfinished last line holds up the file that came after its own: then nobody will finish it.
const GRACE: Duration = Duration::from_millis(250);

/// How long a file is read on after it lost its name and stopped growing: whoever writes to it may not have noticed yet.
const KEEP: Duration = Duration::from_secs(60);

/// The same for a deleted one, whose disk space we hold.
const KEEP_DELETED: Duration = Duration::from_secs(5);

/// The same where there are more than [`MANY`] already: the writer is long past them.
const KEEP_MANY: Duration = Duration::from_secs(1);
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
    pub tails: VecDeque<Tail>,
    /// It is in the queue of those to be read.
    pub dirty: bool,
    /// It is to be read again at the next look.
    pub recheck: bool,
    /// The newest file was not read yet, and may be a copy of another; since when.
    pub may_be_copy: Option<Instant>,
    /// What was read of a file before it was emptied.
    emptied: Option<Print>,
    read_bytes: u64,
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
    /// The newest file is compressed; it is not followed any more.
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
            may_be_copy: None,
            emptied: None,
            read_bytes: 0,
        }
    }

    /// How much was read, of all its files.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// Whether this is the file that has the name now, as far as we know.
    pub fn is_newest(&self, id: FileId) -> bool {
        self.tails.back().is_some_and(|tail| tail.id() == id && tail.orphan.is_none())
    }

    /// The newest file has lost the name.
    pub fn leave_newest(&mut self) {
        if let Some(tail) = self.tails.back_mut() {
            tail.orphan.get_or_insert_with(Instant::now);
        }
    }

    /// Whether a file is read that has lost the name.
    pub fn has_orphan(&self) -> bool {
        self.tails.iter().any(|tail| tail.orphan.is_some())
    }

    /// Whether there are records to give out.
    pub fn has_records(&self) -> bool {
        self.tails.iter().any(Tail::has_records)
    }

    /// What was read of its files.
    pub fn prints(&self) -> impl Iterator<Item = &Print> {
        self.tails.iter().map(Tail::print).chain(&self.emptied)
    }

    /// Gives out the whole records.
    pub fn give_records(&mut self, out: &mut VecDeque<Followed>) {
        self.tails.iter_mut().for_each(|tail| tail.give_records(out));
    }

    /// Gives out everything, unfinished lines too.
    pub fn give_all(&mut self, out: &mut VecDeque<Followed>) {
        self.tails.iter_mut().for_each(|tail| tail.give_all(out));
    }

    /// Reads once, from the oldest file that has more. What `closed` gets is followed no more.
    pub fn read(&mut self, scratch: &mut [u8], out: &mut VecDeque<Followed>, closed: &mut Vec<Tail>) -> Read {
        let mut at = 0;
        while at < self.tails.len() {
            let tail = &mut self.tails[at];
            let before = tail.print().pos;
            let grown = tail.read(scratch, out);
            self.read_bytes += tail.print().pos - before;
            match grown {
                Ok(Grown::Yes) => {
                    let is_packed = tail.beginning().is_some_and(open::is_compressed);
                    let unread = if is_packed { Some("compressed") } else { tail.encoding() };
                    if let Some(what) = unread {
                        let (id, print) = (tail.id(), tail.print().clone());
                        let text = format!("{}: {what}; it is not followed", tail.source());
                        out.push_back(Followed::Notice { text, loss: false });
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
                    out.push_back(Followed::Notice { text, loss: true });
                    self.emptied = Some(tail.print().clone());
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
            let is_newest = at + 1 == self.tails.len();
            let tail = &mut self.tails[at];
            if tail.over {
                tail.give_all(out);
                closed.extend(self.tails.remove(at));
            } else if is_newest {
                return Read::AtEnd;
            } else {
                let until = tail.orphan.map_or(tail.grown, |orphan| orphan.max(tail.grown)) + GRACE;
                if tail.has_part() && Instant::now() < until {
                    return Read::WaitsUntil(until);
                }
                tail.give_all(out);
                at += 1;
            }
        }
        Read::AtEnd
    }

    /// Takes out the files that lost the name and do not grow any more.
    pub fn retire(&mut self, now: Instant, out: &mut VecDeque<Followed>) -> Vec<Tail> {
        let mut retired = Vec::new();
        let mut at = 0;
        while let Some(tail) = self.tails.get_mut(at) {
            let idle = tail.orphan.map(|since| now.saturating_duration_since(since.max(tail.grown)));
            let keep = match (tail.is_deleted(), at + 1 == self.tails.len()) {
                (true, _) => KEEP_DELETED,
                (false, false) if self.tails.len() > MANY => KEEP_MANY,
                (false, _) => KEEP,
            };
            if idle.is_some_and(|idle| idle > keep) {
                let tail = &mut self.tails[at];
                tail.give_all(out);
                retired.extend(self.tails.remove(at));
            } else {
                at += 1;
            }
        }
        retired
    }
}

fn failed(tail: &Tail, error: &std::io::Error) -> Followed {
    Followed::Problem(InputError { name: tail.source().to_string(), what: reason(error) })
}
