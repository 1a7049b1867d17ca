//! The parent's side: its children, and what it hands to them.

use std::{
    collections::BTreeMap,
    fs::File,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use recpipe::{
    Batch, Column, Error, Exit, Origin, Schema, Time,
    times::Zone,
    transport::exec::{self, Child},
    wire::{Ending, RawBatch, Reader, Writer},
};

use super::protocol::{self, Message, Rx, Setup, Tx};
use crate::{
    execute::{StateName, deliver::Piece, sides::Part},
    language::Source,
    left_out::LeftOut,
    memory::{Budget, Memory, ReadRun},
    plan::{
        Output, Plan, Runs,
        partial::{Batches, Partial},
    },
    writer::Replaced,
};

/// What children are started for.
#[derive(Clone, Debug)]
pub struct Orders {
    /// How many.
    pub processes: usize,
    /// The query, which they check themselves.
    pub source: Source,
    /// The moment that `now()` was for the plan.
    pub now: Time,
    /// The zone of the plan.
    pub zone: Option<Zone>,
    /// Where it is noted what they leave out.
    pub left_out: LeftOut,
    /// The files of values that the query names, which are read once.
    pub texts: BTreeMap<usize, Arc<[u8]>>,
}

/// Child processes that are workers. Dropped before [`Pool::finish`], they are killed; none is left unwaited for.
pub struct Pool {
    links: Vec<Link>,
    next: AtomicU64,
    each: usize,
    left_out: LeftOut,
    /// What each child may hold.
    memory: Memory,
}

/// Which frame it is that a child is to work on, in the order of the input.
#[derive(Debug)]
pub struct Turn(u64);

/// The way to one child and back. It is sent frames in the order of the input, whichever threads have them, and what comes
/// of them is read in the same order.
struct Link {
    to: Mutex<Requests>,
    sends: Condvar,
    from: Mutex<Replies>,
    reads: Condvar,
}

struct Requests {
    tx: Tx<File>,
    sent: u64,
}

struct Replies {
    rx: Rx<File>,
    answered: u64,
    child: Option<Child>,
    /// How it ended before its time.
    lost: Option<(Exit, String)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// Starts children with so many threads each; `memory` is theirs together.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Child`] when one does not start.
    pub fn start(orders: &Orders, plan: &Plan, threads: usize, memory: &Memory, default_output: &Output) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(|error| Error::io("cannot find this program to start it again", error))?;
        let limit = (memory.limit / orders.processes.max(1)).max(Budget::LEAST);
        let query = orders.source.parts().iter().map(|part| orders.source.text()[part.clone()].to_owned()).collect();
        let memory = Memory { limit, directory: memory.directory.clone() };
        let (mut files, mut feeds) = (Vec::new(), Vec::new());
        plan.for_each_feed(&mut |input, feed| {
            files.push(feed.at);
            feeds.push(&input.input);
        });
        let (now, zone, default_output) = (orders.now, orders.zone.clone(), default_output.clone());
        let texts = orders.texts.iter().map(|(at, text)| (*at, text.len())).collect();
        let setup = Setup {
            query,
            now,
            zone,
            threads,
            memory: memory.clone(),
            default_output,
            files,
            texts,
            live: plan.live,
            gives_sender: plan.gives_sender,
        }
        .to_batch()?;
        let input = no_records(&plan.input)?;
        let feeds = feeds.into_iter().map(no_records).collect::<Result<Vec<_>, _>>()?;
        let mut started = Vec::new();
        // All, before the first is waited for.
        for _ in 0..orders.processes {
            started.push(exec::converse(&program, &["--worker"])?);
        }
        let link = |(child, to, from)| {
            let mut child = Some(child);
            let begin = || {
                let mut tx = Tx(Writer::new(to)?);
                tx.0.batch(&setup)?;
                tx.0.batch(&input)?;
                feeds.iter().try_for_each(|feed| tx.0.batch(feed))?;
                orders.texts.values().try_for_each(|text| tx.text(text))?;
                Ok((tx, Rx(Reader::new(from)?)))
            };
            let (tx, rx) = begin().map_err(|error| told(&lost(child.take(), error)))?;
            let from = Replies { rx, answered: 0, child, lost: None };
            let to = Mutex::new(Requests { tx, sent: 0 });
            Ok(Link { to, sends: Condvar::new(), from: Mutex::new(from), reads: Condvar::new() })
        };
        let links = started.into_iter().map(link).collect::<Result<_, Error>>()?;
        // One more than it works on, so that it never waits for us.
        Ok(Pool { links, next: AtomicU64::new(0), each: threads + 1, left_out: orders.left_out.clone(), memory })
    }

    /// What each of them may hold, and its threads.
    pub(crate) fn of_each(&self) -> (&Memory, usize) {
        (&self.memory, self.each - 1)
    }

    /// Hands all of them a part of an input that they need whole, before the first turn.
    ///
    /// # Errors
    /// [`Error::Child`] when one has ended.
    pub(in crate::execute) fn hand(&self, part: &Part<'_>) -> Result<(), Error> {
        let frames = match part {
            Part::Batch(batch) => protocol::frames(batch)?,
            Part::Bytes(_) | Part::End(_) => Vec::new(),
        };
        for link in &self.links {
            let mut to = lock(&link.to);
            let said = match part {
                Part::Batch(_) => frames.iter().try_for_each(|frame| to.tx.records(std::slice::from_ref(frame))),
                Part::Bytes(bytes) => {
                    bytes.chunks(protocol::PIECE_BYTES).try_for_each(|piece| to.tx.say(&Message::Lines(piece.to_vec(), 0)))
                }
                Part::End(runs) => to.tx.say(&Message::Done(u64::from(*runs != Runs::EachWorker))),
            };
            said.map_err(|error| lock(&link.from).lose(error))?;
        }
        Ok(())
    }

    /// How many frames may be with all of them: as many threads should call [`Pool::work`].
    pub fn in_flight(&self) -> usize {
        self.links.len() * self.each
    }

    /// The turn of the next frame of the input, which has to be worked on: others wait for it.
    pub fn turn(&self) -> Turn {
        Turn(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Has a frame of this chain of the workers worked on, by the child whose turn it is, and waits for what comes of it; adds to `replaced`.
    ///
    /// # Errors
    /// The child's, or [`Error::Child`] when it has ended.
    pub fn work(&self, Turn(turn): Turn, chain: (usize, &str), raw: &RawBatch, replaced: &Replaced) -> Result<Vec<Piece>, Error> {
        let links = self.links.len() as u64;
        let mut pieces = self.links[(turn % links) as usize].work(turn / links, chain, raw, replaced, &self.left_out)?;
        // On the way from the child they were numbered anew.
        let order = raw.place().order;
        for piece in &mut pieces {
            if let Piece::Batch(batch) = piece {
                let origin = Origin { order, ..batch.origin().clone() };
                *batch = batch.clone().with_origin(origin);
            }
        }
        Ok(pieces)
    }

    /// No more frames come. What the children have gathered for the stage that `empty` is of, and that is named so, merged; without
    /// one, they only end.
    ///
    /// # Errors
    /// As for [`Pool::work`]; so do the batches.
    pub fn finish(self, empty: Option<(Box<dyn Partial>, StateName)>, budget: &Budget) -> Result<Batches, Error> {
        let mut runs = Vec::new();
        let name = empty.as_ref().map(|(_, name)| name.text());
        for Link { to, from, .. } in self.links {
            let (to, mut from) =
                (to.into_inner().unwrap_or_else(PoisonError::into_inner), from.into_inner().unwrap_or_else(PoisonError::into_inner));
            if let Err(error) = to.tx.0.finish(&Ending::default()) {
                return Err(from.lose(error));
            }
            runs.push(ChildRun { from, name: name.clone(), frames: 0, left_out: self.left_out.clone() });
        }
        match empty {
            Some((empty, _)) => empty.merge_runs(runs.into_iter().map(|run| Box::new(run) as Box<dyn ReadRun>).collect(), budget),
            None => {
                for mut run in runs {
                    if run.read()?.is_some() {
                        return Err(protocol::misunderstood());
                    }
                }
                Ok(Box::new(std::iter::empty()))
            }
        }
    }
}

impl Link {
    /// `ticket` is the number of the frame among those of this child.
    fn work(
        &self,
        ticket: u64,
        (chain, sender): (usize, &str),
        raw: &RawBatch,
        replaced: &Replaced,
        left_out: &LeftOut,
    ) -> Result<Vec<Piece>, Error> {
        let sent = {
            let mut to = lock(&self.to);
            while to.sent != ticket {
                to = self.sends.wait(to).unwrap_or_else(PoisonError::into_inner);
            }
            to.sent += 1;
            let sent = to.tx.say(&Message::Place(raw.place(), chain as u64, sender.to_owned()));
            sent.and_then(|()| to.tx.0.raw(raw))
        };
        self.sends.notify_all();
        let mut from = lock(&self.from);
        let answer = match sent {
            Ok(()) => {
                while from.answered != ticket && from.lost.is_none() {
                    from = self.reads.wait(from).unwrap_or_else(PoisonError::into_inner);
                }
                from.answer(replaced, left_out)
            }
            Err(error) => Err(from.lose(error)),
        };
        from.answered += 1;
        self.reads.notify_all();
        answer
    }
}

impl Replies {
    /// What came of the next frame.
    fn answer(&mut self, replaced: &Replaced, left_out: &LeftOut) -> Result<Vec<Piece>, Error> {
        let mut pieces = Vec::new();
        loop {
            if let Some(lost) = &self.lost {
                return Err(told(lost));
            }
            match self.rx.message() {
                Ok(Some(Message::Done(more))) => {
                    replaced.add(more);
                    return Ok(pieces);
                }
                Ok(Some(Message::LeftOut)) => self.rx.left_out(left_out).map_err(|error| self.lose(error))?,
                Ok(Some(Message::Lines(lines, records))) => pieces.push(Piece::Lines(lines, records)),
                Ok(Some(Message::Records(frames))) => {
                    for _ in 0..frames {
                        let batch = self.rx.frame().and_then(RawBatch::decode).map_err(|error| self.lose(error))?;
                        pieces.push(Piece::Batch(batch));
                    }
                }
                Ok(Some(Message::Failed { what, corrupt })) => return Err(failed(what, corrupt)),
                Ok(Some(Message::Place(..) | Message::State(_)) | None) => return Err(self.lose(protocol::misunderstood())),
                Err(error) => return Err(self.lose(error)),
            }
        }
    }

    /// The child cannot be told or heard any more, for this reason: remembers how it ended.
    fn lose(&mut self, error: Error) -> Error {
        let child = self.child.take();
        told(self.lost.get_or_insert_with(|| lost(child, error)))
    }
}

fn told((exit, what): &(Exit, String)) -> Error {
    Error::Child { exit: *exit, what: what.clone() }
}

/// How a child ended that should not have. A pipe that breaks is one whose other end is closed: the child is about to
/// end, and can be waited for. One that says something else is killed, as it is dropped.
fn lost(child: Option<Child>, error: Error) -> (Exit, String) {
    let gone = matches!(error, Error::Truncated { .. }) || error.is_broken_pipe();
    let how = match child {
        Some(child) if gone => child.wait().err(),
        _ => None,
    };
    match how.unwrap_or(error) {
        Error::Child { exit, what } => (exit, format!("{what}, and what it had gathered is lost: there is no answer")),
        error => (Exit::Failed, format!("a worker process cannot be understood: {error}")),
    }
}

fn failed(what: String, corrupt: Option<(u64, u64)>) -> Error {
    match corrupt {
        Some((frame, at)) => Error::Corrupt { what, frame, at },
        None => Error::Data(what),
    }
}

/// What a child has gathered, read from its pipe; at the end it is waited for.
struct ChildRun {
    from: Replies,
    /// What it has to be of, until it has said that it is.
    name: Option<String>,
    /// Frames that were announced and are still to be read.
    frames: u64,
    left_out: LeftOut,
}

impl std::fmt::Debug for ChildRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChildRun").field("child", &self.from.child).finish_non_exhaustive()
    }
}

impl ReadRun for ChildRun {
    fn read(&mut self) -> Result<Option<Batch>, Error> {
        loop {
            if self.frames > 0 {
                self.frames -= 1;
                let batch = self.from.rx.frame().and_then(RawBatch::decode);
                return batch.map(Some).map_err(|error| self.from.lose(error));
            }
            if self.from.child.is_none() {
                return Ok(None);
            }
            match self.from.rx.message() {
                Ok(Some(Message::State(name))) if self.name.as_ref() == Some(&name) => self.name = None,
                Ok(Some(Message::State(name))) => {
                    let other = format!("a worker process has a partial state of another query ({name})");
                    return Err(self.from.lose(Error::Child { exit: Exit::Failed, what: other }));
                }
                Ok(Some(Message::Records(frames))) if self.name.is_none() => self.frames = frames,
                Ok(Some(Message::LeftOut)) => self.from.rx.left_out(&self.left_out).map_err(|error| self.from.lose(error))?,
                Ok(Some(Message::Failed { what, corrupt })) => return Err(failed(what, corrupt)),
                Ok(Some(_)) => return Err(self.from.lose(protocol::misunderstood())),
                Ok(None) => return self.from.child.take().map_or(Ok(()), Child::wait).map(|()| None),
                Err(error) => return Err(self.from.lose(error)),
            }
        }
    }
}

/// A batch without records: what says which fields there are.
fn no_records(schema: &std::sync::Arc<Schema>) -> Result<Batch, Error> {
    Batch::new(schema.clone(), schema.fields().iter().map(|_| Column::null(0)).collect(), 0, Origin::default())
}
