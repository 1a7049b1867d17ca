//! `journal`: the files of systemd-journald, as they lie on the disk.
//!
//! ```text
//! JournalFile   a look at a file: header, tables of hashes          file.rs header.rs hash.rs object.rs
//!      │ Term ─► Query ─► Cursor: the entries that are asked for    terms.rs select.rs chain.rs
//!      ▼
//! Lane          a file's entries, one after the other               lane.rs entry.rs
//!      │ in order over all files
//!      ▼
//! Task ─► Reader: the data of some entries, on a worker             task.rs columns.rs unpack.rs
//! ```
//!
//! Whoever pulls reads no more of an entry than when it was written; its data are looked at by the workers, and of those only the fields that
//! somebody reads are kept. Files are read by pages ([`pages`]), never mapped.
//!
//! Source: <https://systemd.io/JOURNAL_FILE_FORMAT/>.

mod boots;
mod chain;
mod columns;
mod entry;
mod file;
mod follow;
mod hash;
mod header;
mod lane;
mod object;
mod pages;
mod select;
mod task;
mod terms;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unpack;
#[cfg(test)]
mod writer;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use recpipe::Exit;
use recpipe::record::{Condition, Schema, Type};
use recpipe::wire::Warning;

use self::boots::Boots;
use self::columns::{Place, fields, shown_name};
use self::file::JournalFile;
use self::follow::Follower;
use self::lane::{Asked, Lane, Say, nanos};
use self::pages::Pages;
use self::task::{Entries, Shared};
use self::terms::Term;
use self::unpack::Unpacker;
use super::growing::Learned;
use super::names::no_fields;
use super::source::{Misfit, Problem, Pulled, Source, Unparsed};
use super::store::{Store, Stored};
use super::{Args, FormatOption, FormatSpec, Start, Unit, Wanted};
use crate::input::event::{Cost, Event};
use crate::input::seekable::seekable;
use crate::input::{self, Inputs};

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "journal",
    args: &[],
    options: &[FormatOption::Directory, FormatOption::Unit, FormatOption::Boot],
    about: "systemd's journal: the files of /var/log/journal and /run/log/journal, or others, all by time",
    start: Start::Store(Store {
        start: |args, stored| Ok(Box::new(Journal::new(args, stored)?)),
        directories: &["/var/log/journal", "/run/log/journal"],
        names: &["*.journal", "*.journal~"],
    }),
    fields: "time:time unit host pid:int priority:int (0 emergency to 7 debug) message, of _SYSTEMD_UNIT, _HOSTNAME, _PID, PRIORITY\n  \
             and MESSAGE, and all other fields by their names, as text: _UID, _COMM, SYSLOG_IDENTIFIER, … Several values of a\n  \
             field are a list, JSON as text.",
    sample: "producer journal --unit ssh.service --since 2026-03-12T02:10",
};

/// This format, where these bytes begin a file of it.
pub(crate) fn magic(head: &[u8]) -> Option<&'static FormatSpec> {
    head.starts_with(header::MAGIC).then_some(&SPEC)
}

/// Entries in a batch, if nothing else is said, and the bytes of the file over which they lie.
const BATCH_ENTRIES: usize = 4096;
const BATCH_SPAN: u64 = 8 << 20;

/// Of so many files the fields are learned before the first record is sent; those of others may come later.
const SAMPLED: usize = 64;

struct Journal {
    args: Args,
    inputs: Inputs,
    asked: Asked,
    batch_entries: usize,
    /// `None` before the files were looked at.
    shared: Option<Arc<Shared>>,
    lanes: Vec<Lane>,
    pages: Pages,
    unpacker: Unpacker,
    ready: VecDeque<Pulled>,
    follow: Option<Follower>,
}

impl Journal {
    fn new(args: &Args, stored: Stored) -> Result<Self, String> {
        let Stored { inputs, mut span, follow } = stored;
        let units: Vec<Term> = args.units.iter().map(|unit| Term::unit(unit)).collect();
        let must = if units.is_empty() { Term::everything() } else { Term::All(vec![Term::Any(units)]) };
        let follow = follow.map(|following| Follower::new(following, inputs.watch())).transpose();
        let follow = follow.map_err(|error| format!("cannot follow: {error}"))?;
        if follow.is_some() {
            // Of what comes nothing is skipped.
            span.iter_mut().for_each(|span| span.slack = None);
        }
        Ok(Journal {
            args: args.clone(),
            inputs,
            asked: Asked { must, may: Term::everything(), span },
            batch_entries: args.batch.map_or(BATCH_ENTRIES, |most| most.get().min(BATCH_ENTRIES)),
            shared: None,
            lanes: Vec::new(),
            pages: Pages::default(),
            unpacker: Unpacker::default(),
            ready: VecDeque::new(),
            follow,
        })
    }

    /// Looks at all files.
    ///
    /// # Errors
    /// What was typed does not fit them.
    fn begin(&mut self) -> Result<(), Misfit> {
        let mut files = Vec::new();
        while let Some(opened) = self.inputs.next_opened() {
            let (name, opened) = match opened {
                Ok(opened) => opened,
                Err(problem) => {
                    self.ready.push_back(Ok(Event::Problem(problem.into())));
                    continue;
                }
            };
            match seekable(opened).and_then(|handle| JournalFile::look(&name, Arc::new(handle))) {
                Ok(file) => files.push(file),
                Err(_) if self.inputs.watch().is_stopped() => return Ok(()),
                Err(what) => self.ready.push_back(problem(&name, format!("{}: {what}", input::shown_name(&name)))),
            }
        }
        let mut learned = Learned::default();
        fields().for_each(|(name, kind)| learned.declare(name, Some(kind)));
        let mut known: Vec<String> = fields().map(|(name, _)| name.to_owned()).collect();
        for file in files.iter().take(SAMPLED) {
            // Fields of a file whose table is damaged come with its records.
            for name in file.fields(&mut self.pages).unwrap_or_default() {
                let name = shown_name(&name);
                if known.len() < Schema::MAX_FIELDS / 2 && !known.iter().any(|known| known == name) {
                    learned.declare(name, Some(Type::Text));
                    known.push(name.to_owned());
                }
            }
        }
        let growing = learned.growing(&self.args).map_err(Misfit)?;
        self.shared = Some(Arc::new(Shared::new(&self.args, growing)));
        if let Some(typed) = &self.args.boot {
            let mut boots = Boots::default();
            for file in &files {
                if let Err(damage) = boots.add(file, &mut self.pages) {
                    let name = input::shown_name(&file.name);
                    self.ready.push_back(problem(
                        &file.name,
                        format!("{name}: byte {}: {}; not all its boots are known", damage.at, damage.what),
                    ));
                }
            }
            let boot = Term::boot(boots.find(typed).map_err(Misfit)?);
            let must = std::mem::replace(&mut self.asked.must, Term::everything());
            self.asked.must = Term::All(vec![must, boot]);
        }
        let at_end = self.follow.as_mut().is_some_and(|follow| follow.begin(&files));
        for file in files {
            self.add_lane(file, at_end);
        }
        Ok(())
    }

    /// Reads this file, too; from its end, if that is so.
    fn add_lane(&mut self, file: JournalFile, at_end: bool) {
        let mut lane = Lane::new(Arc::new(file), &self.asked, &mut self.pages, &mut self.unpacker);
        if at_end {
            lane.go_to_end();
        }
        lane.advance(&mut self.pages);
        hear_lane(&mut lane, &mut self.ready);
        self.lanes.push(lane);
    }

    /// The entries that come next: those of one file that follow each other.
    fn step(&mut self) -> Option<Unparsed> {
        let (next, other) = self.first_two()?;
        let shared = self.shared.as_ref()?.clone();
        let (mut places, mut end): (Vec<Place>, u64) = (Vec::new(), 0);
        while let Some(head) = self.lanes[next].head {
            if !places.is_empty() && other.is_some_and(|other| self.comes_before(other, next)) {
                break;
            }
            places.push(Place { at: head.at, nth: head.nth, nanos: nanos(head.realtime) });
            end = head.end;
            let lane = &mut self.lanes[next];
            lane.advance(&mut self.pages);
            let first = places.first().map_or(0, |first| first.at);
            if places.len() >= self.batch_entries || head.at.saturating_sub(first) >= BATCH_SPAN || !lane.said.is_empty() {
                break;
            }
        }
        let lane = &mut self.lanes[next];
        let start = lane.given.min(places.first().map_or(0, |first| first.at));
        lane.given = end;
        hear_lane(lane, &mut self.ready);
        Some(Unparsed::Task(Box::new(Entries { shared, file: lane.file.clone(), places, span: (start, end) })))
    }

    /// The file whose next entry comes first, and the one whose next comes after that.
    fn first_two(&self) -> Option<(usize, Option<usize>)> {
        let (mut next, mut other) = (None, None);
        for nth in (0..self.lanes.len()).filter(|nth| self.lanes[*nth].head.is_some()) {
            match next {
                Some(first) if !self.comes_before(nth, first) => {
                    if other.is_none_or(|other| self.comes_before(nth, other)) {
                        other = Some(nth);
                    }
                }
                _ => (next, other) = (Some(nth), next),
            }
        }
        next.map(|next| (next, other))
    }

    /// Whether the next entry of `a` comes before that of `b`; of those of one time, the one of the file that was named first.
    fn comes_before(&self, a: usize, b: usize) -> bool {
        let (one, two) = (&self.lanes[a], &self.lanes[b]);
        one.is_before(two) || a < b && !two.is_before(one)
    }

    /// Looks for what was added since. False where the reading was ended.
    fn look(&mut self) -> bool {
        let Some(follow) = &mut self.follow else { return false };
        let Some(look) = follow.look() else { return false };
        for lane in std::mem::take(&mut self.lanes) {
            let looked = JournalFile::look(&lane.file.name, lane.file.handle.clone());
            let is_over = looked.as_ref().is_ok_and(|file| file.header.is_archived) || follow::is_deleted(&lane.file.handle);
            match looked {
                Ok(file) if file.header.entries != lane.file.header.entries => {
                    let mut lane = lane.grown(Arc::new(file), &mut self.pages, &mut self.unpacker);
                    lane.advance(&mut self.pages);
                    hear_lane(&mut lane, &mut self.ready);
                    self.lanes.push(lane);
                }
                Ok(_) if is_over => {}
                Ok(_) => self.lanes.push(lane),
                Err(what) => self.ready.push_back(problem(&lane.file.name, format!("{}: {what}", lane.file.name))),
            }
        }
        self.ready.extend(look.problems.into_iter().map(|(name, what)| problem(&name, what)));
        for file in look.new {
            self.add_lane(file, false);
        }
        true
    }
}

fn problem(name: &Arc<str>, message: String) -> Pulled {
    Ok(Event::Problem(Problem { input: Some(name.clone()), warning: Warning { exit: Exit::Failed, message } }))
}

/// Passes on what is to be said of a file.
fn hear_lane(lane: &mut Lane, ready: &mut VecDeque<Pulled>) {
    let name = &lane.file.name;
    ready.extend(lane.said.drain(..).map(|say| match say {
        Say::Problem(message) => problem(name, message),
        Say::Notice(text) => Ok(Event::notice(text)),
        Say::Skipped(bytes) => Ok(Event::Notice { text: None, cost: Cost::Skipped(bytes) }),
    }));
}

impl Source for Journal {
    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn schema(&self) -> Arc<Schema> {
        self.shared.as_ref().map_or_else(no_fields, |shared| shared.growing.schema())
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn give_up(&mut self, input: &Arc<str>) {
        self.lanes.iter_mut().filter(|lane| Arc::ptr_eq(&lane.file.name, input)).for_each(Lane::end);
    }

    fn merges(&self) -> bool {
        true
    }

    fn hear(&mut self, conditions: &Arc<[Condition]>) {
        self.asked.may = Term::of_conditions(conditions);
        for lane in &mut self.lanes {
            lane.hear(&self.asked.may, &mut self.pages, &mut self.unpacker);
        }
    }

    fn next(&mut self, _: &Wanted) -> Option<Pulled> {
        if self.shared.is_none()
            && let Err(misfit) = self.begin()
        {
            return Some(Err(misfit));
        }
        loop {
            if let Some(said) = self.ready.pop_front() {
                return Some(said);
            }
            if let Some(task) = self.step() {
                return Some(Ok(Event::Block(task)));
            }
            self.shared.as_ref()?;
            if !self.look() {
                return None;
            }
            if self.ready.is_empty() && self.lanes.iter().all(|lane| lane.head.is_none()) {
                return Some(Ok(Event::Pulse));
            }
        }
    }

    fn remark(&self) -> Option<String> {
        let long = self.shared.as_ref()?.long.load(Ordering::Relaxed);
        let are = if long == 1 { "is" } else { "are" };
        (long > 0).then(|| format!("{} of more than {} bytes {are} null", crate::ledger::count(long, "value"), unpack::MAX_BYTES))
    }
}
