//! Runs a plan a batch at a time: for whoever has the records, and takes the answer.
//!
//! The same parts as of any run: workers, and the part that runs once, on the calling thread. What drives them is not an input but the
//! caller, who sends batches, then [finishes](Stepwise::finish) step by step, and [takes](Stepwise::take) after each step what has come
//! out. One worker is on the calling thread, too; several have threads of their own.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use recpipe::{
    Batch, Error, Flow, Origin, Schema, Stage,
    stage::Coroutine,
    wire::{Ending, Place},
};

use super::{
    cut::{Cut, Prepared},
    deliver::Piece,
    driver::open,
    feeds::{FeedInput, FeedReader, FeedSource, Feeds, Heard},
    ready::Ready,
    sides,
    state_name::StateName,
    workers::{Job, Made, Seed, Workers},
};
use crate::{
    late::Seen,
    left_out::LeftOut,
    memory::{Budget, Memory, ReadRun},
    output::Sinks,
    plan::{
        Feed, Plan, Senders, Target,
        partial::{self, Batches, Partial},
    },
    unmet::Unmet,
    writer::{Color, Look, Notes, Printer},
};

/// Of the order of a batch, so many bits count those of its part.
const PART_BITS: u32 = 40;

/// What a plan is run with.
pub struct Conditions {
    /// How many workers there are: one is on the calling thread, several have threads of their own.
    pub threads: usize,
    /// How much its stages may hold, and where the rest goes.
    pub memory: Memory,
    /// The files that it reads besides.
    pub feeds: Feeds,
    /// Where its expressions note the values that they leave out.
    pub left_out: LeftOut,
    /// Where it notes what does not hold.
    pub(crate) unmet: Unmet,
}

/// A plan that is driven by whoever has its records.
pub struct Stepwise {
    plan: Arc<Plan>,
    /// The part of the workers; `None` when what it has gathered was taken.
    workers: Option<Workers>,
    /// The files that its chains read after the main input.
    feeds: VecDeque<FeedReader>,
    has_feeds: bool,
    /// The chain that the next of them enters.
    chain: usize,
    once: Coroutine<Target>,
    ready: Ready,
    sinks: Sinks,
    budget: Budget,
    /// What is gathered, with nothing in it, and its name; `None` where nothing is.
    empty: Option<(Box<dyn Partial>, StateName)>,
    /// What was gathered elsewhere, or before.
    earlier: Vec<Box<dyn ReadRun>>,
    /// Whether what was noted of values that are left out is kept apart, for whoever goes on.
    is_half: bool,
    /// What was gathered, on its way to the part that runs once.
    merged: Option<Batches>,
    left_out: LeftOut,
    unmet: Unmet,
    heard: Heard,
    heard_late: Heard,
    seen: Seen,
    schema: Option<Arc<Schema>>,
    /// The order of the next batch.
    order: u64,
    /// The last whose results were taken.
    taken: u64,
    records: u64,
    stopped: bool,
    /// What came after what waits to be taken.
    failed: Option<Error>,
    is_closed: bool,
    is_over: bool,
}

impl Stepwise {
    /// Opens what the plan writes and reads besides. The query itself must name no output, and each of its branches must.
    ///
    /// # Errors
    /// Those of the files.
    pub fn new(plan: Plan, conditions: Conditions) -> Result<Self, Error> {
        let Conditions { threads, memory, mut feeds, left_out, unmet } = conditions;
        let (plan, threads) = (Arc::new(plan), threads.max(1));
        let (heard, heard_late) = (Heard::default(), Heard::default());
        let prepared = Prepared::new(&plan, &memory, threads);
        let budget = prepared.budget.clone();
        let sides = sides::load(&plan, &mut feeds, None, &budget, true, &heard_late)?;
        left_out.settle_all();
        // What batches between workers and sink may take has no other use here: it makes up for the floor of this account.
        let ready = Ready::new(&budget);
        let (output, notes) = (ready.output(), Notes::new(left_out.clone()));
        let seed = Seed {
            plan: plan.clone(),
            output: output.clone(),
            budget: budget.clone(),
            sides: sides.clone(),
            workers: threads,
            notes: notes.clone(),
        };
        let cut = Cut::new(&plan, &output, Prepared { sides, ..prepared }, threads, notes.clone());
        let printer = match plan.uses().printers {
            0 => Printer::new(Box::new(std::io::sink()), false),
            _ => Printer::stdout(Look::of_stdout(Color::Auto))?,
        };
        let sinks = Sinks::new(&plan, printer, notes, Default::default(), None);
        let feed = |feed: &Feed, schema: &Arc<Schema>, heard: &Heard| {
            let Some(FeedInput { name, source: FeedSource::Records { frames, stop } }) = feeds.remove(&feed.at) else {
                return Err(Error::Protocol("a file that the query names was not opened"));
            };
            Ok((stop, FeedReader::new(name, frames, schema.clone(), true, heard.clone())))
        };
        let (opened, reads) =
            open(&cut, (&sinks, &Senders::default()), feed, (&heard, &heard_late)).inspect_err(|error| sinks.abandon(error))?;
        let (workers, empty) = (Some(Workers::new(&seed)), cut.empty().zip(cut.state_name()));
        let feeds: VecDeque<FeedReader> = reads.into_iter().map(|(_, reader)| reader).collect();
        Ok(Stepwise {
            plan,
            workers,
            has_feeds: !feeds.is_empty(),
            feeds,
            chain: 1,
            once: Coroutine::new(opened.stage),
            ready,
            sinks,
            budget,
            empty,
            earlier: Vec::new(),
            is_half: false,
            merged: None,
            left_out,
            unmet,
            heard,
            heard_late,
            seen: Seen::default(),
            schema: None,
            order: 0,
            taken: 0,
            records: 0,
            stopped: false,
            failed: None,
            is_closed: false,
            is_over: false,
        })
    }

    /// The next records. Their batch gets its place among all that were sent, wherever it had one before: a batch that was not read
    /// from a stream has none, and what depends on the order would depend on chance.
    ///
    /// # Errors
    /// Those of the stages; nothing may follow.
    pub fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let order = self.order;
        self.order += 1;
        self.records += batch.len() as u64;
        let origin = Origin { order, ..batch.origin().clone() };
        if self.stopped {
            return Err(Error::Protocol("records after the end"));
        }
        self.hand(order, Job::Batch(batch.with_origin(origin)))
    }

    /// Hands what has this place in the input to the workers, and takes what they are done with.
    fn hand(&mut self, order: u64, job: Job) -> Result<Flow, Error> {
        let after_the_end = || Error::Protocol("records after the end");
        while !self.stopped && self.workers.as_ref().is_some_and(Workers::is_full) {
            self.await_one()?;
        }
        if !self.stopped {
            self.workers.as_mut().ok_or_else(after_the_end)?.hand(order, job)?;
        }
        while !self.stopped
            && let Some(made) = self.workers.as_mut().and_then(Workers::ready)
        {
            self.worked(made)?;
        }
        Ok(if self.stopped { Flow::Stop } else { Flow::Continue })
    }

    /// Takes what came of the next batch that is being worked on, if one is: whether one was.
    ///
    /// # Errors
    /// As for [`Stepwise::send`].
    pub(crate) fn await_one(&mut self) -> Result<bool, Error> {
        let made = match &mut self.workers {
            Some(workers) if !self.stopped => workers.take()?,
            _ => None,
        };
        made.map_or(Ok(false), |made| self.worked(made).map(|()| true))
    }

    /// Whether nothing that is sent now could change the answer.
    pub fn has_enough(&self) -> bool {
        self.stopped
    }

    /// Passes on what came of a batch. Where that fails and something waits to be taken, [`Stepwise::take`] tells of it after that.
    fn worked(&mut self, made: Made) -> Result<(), Error> {
        match self.pieces(made) {
            Err(error) if !self.ready.is_empty() => {
                (self.failed, self.stopped) = (Some(error), true);
                Ok(())
            }
            done => done,
        }
    }

    /// What came of a batch.
    fn pieces(&mut self, Made { order, schema, pieces }: Made) -> Result<(), Error> {
        // Not when it was handed over: what was taken ahead of the end is not part of the answer.
        if let Some(schema) = schema.filter(|new| self.schema.as_ref().is_none_or(|last| !Arc::ptr_eq(last, new))) {
            self.seen.look(&schema, &self.plan, true);
            self.schema = Some(schema);
        }
        for piece in pieces? {
            let Piece::Batch(batch) = piece else { return Err(Error::Protocol("lines for an output that takes records")) };
            if self.once.send(batch)? == Flow::Stop {
                self.stopped = true;
                break;
            }
        }
        self.taken = order;
        match self.is_half {
            true => self.left_out.fold(),
            false => self.left_out.settle(order),
        }
        Ok(())
    }

    /// No more records come: does a part of what is left to do. Whether there is more of it.
    ///
    /// # Errors
    /// Those of the stages, of the files that the query reads besides, and of what the query says of its records; nothing may follow.
    pub fn finish(&mut self) -> Result<bool, Error> {
        if self.is_over {
            return Ok(false);
        }
        if self.workers.is_some() {
            let reader = if self.stopped { None } else { self.feeds.front_mut() };
            let Some(reader) = reader else {
                if !self.await_one()? {
                    self.merged = Some(self.gathered()?);
                }
                return Ok(true);
            };
            let Some(raw) = reader.next() else {
                self.feeds.pop_front();
                self.chain += 1;
                return Ok(true);
            };
            let order = self.order;
            self.order += 1;
            let place = Place { order, ..raw.place() };
            let _: Flow = self.hand(order, Job::Frame(self.chain, raw.with_place(place)))?;
            return Ok(true);
        }
        if let Some(batch) = self.merged.as_mut().and_then(Iterator::next) {
            if self.once.send(batch?)? == Flow::Stop {
                self.merged = None;
            }
            return Ok(true);
        }
        self.merged = None;
        if !self.is_closed {
            self.once.close()?;
            self.is_closed = true;
            // All of it is to be had before it is judged.
            return Ok(true);
        }
        self.is_over = true;
        self.sinks.wait()?;
        // What was taken ahead and not wanted any more does not count.
        self.left_out.settle(if self.stopped { self.taken } else { u64::MAX });
        self.judge().map(|()| false)
    }

    /// What the workers have gathered, which is all that they do.
    fn gathered(&mut self) -> Result<Batches, Error> {
        let workers = self.workers.take();
        // What was handed over and is not wanted any more is not taken.
        let gathered = if self.stopped { Vec::new() } else { workers.map_or(Ok(Vec::new()), Workers::gathered)? };
        if !self.stopped {
            if self.has_feeds {
                self.heard.whole()?;
            }
            self.seen.also(&self.heard.known().names);
            self.seen.all_came(&self.plan, &Ending::default(), self.records)?;
        }
        match (std::mem::take(&mut self.earlier), self.empty.take()) {
            (mut runs, Some((empty, _))) if !runs.is_empty() => {
                let mut spill = self.budget.spill()?;
                let mut run = spill.write()?;
                for batch in partial::into_run(gathered, &self.budget)? {
                    run.batch(&batch?)?;
                }
                runs.push(Box::new(run.finish()?.read()?));
                empty.merge_runs(runs, &self.budget)
            }
            _ => partial::merge(gathered, &self.budget),
        }
    }

    /// Makes it one whose state is to be moved elsewhere: its records are the `part`-th of all, from 0. The name of the state.
    ///
    /// # Errors
    /// [`Error::Usage`] where nothing is gathered, or records of files are, which would be there again in every part.
    pub(crate) fn halve(&mut self, part: u32) -> Result<StateName, Error> {
        if self.has_feeds {
            return Err(Error::Usage("the query reads the records of another file: each half of its records would have them".to_owned()));
        }
        let Some((_, name)) = &self.empty else {
            return Err(Error::Usage(
                "nothing of this query is half-way: its first stage that needs other records is no aggregate and no `sort`".to_owned(),
            ));
        };
        (self.is_half, self.order) = (true, u64::from(part) << PART_BITS);
        Ok(name.clone())
    }

    /// Goes on with what was gathered elsewhere: a run of the same name, what was left out there, the fields that came there, and how many
    /// records there were.
    pub fn join(&mut self, run: Box<dyn ReadRun>, came: &BTreeSet<String>, records: u64) {
        self.earlier.push(run);
        self.seen.also(came);
        self.records = self.records.saturating_add(records);
    }

    /// The batches that came, of the part.
    pub fn batches(&self) -> u64 {
        self.order & ((1 << PART_BITS) - 1)
    }

    /// So many batches of the part came before.
    pub(crate) fn skip_batches(&mut self, batches: u64) {
        self.order = self.order.saturating_add(batches);
    }

    /// The records that came.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The awaited fields that came.
    pub fn came(&self) -> &[String] {
        self.seen.came()
    }

    /// What may be held.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What was left out.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// What was gathered: here, as a run, and elsewhere.
    ///
    /// # Errors
    /// As for [`partial::into_run`].
    pub(crate) fn into_runs(mut self) -> Result<(Batches, Vec<Box<dyn ReadRun>>), Error> {
        let gathered = self.workers.take().map_or(Ok(Vec::new()), Workers::gathered)?;
        Ok((partial::into_run(gathered, &self.budget)?, self.earlier))
    }

    /// What is found when all has been passed on.
    fn judge(&self) -> Result<(), Error> {
        if self.heard_late.known().ending.is_some() || self.heard_late.known().broken.is_some() {
            self.heard_late.whole()?;
        }
        if !self.stopped
            && let Some(what) = crate::late::unread(&self.left_out.never_came())
        {
            return Err(Error::Usage(what));
        }
        match &self.unmet.take()[..] {
            [] => Ok(()),
            unmet => Err(Error::Unmet(unmet.join("; "))),
        }
    }

    /// What has come out, in order; `None` until there is more.
    ///
    /// # Errors
    /// [`Error::Io`] where it waits in a temporary file that cannot be read; what had failed after it.
    pub fn take(&mut self) -> Result<Option<Batch>, Error> {
        match self.ready.take()? {
            None => self.failed.take().map_or(Ok(None), Err),
            batch => Ok(batch),
        }
    }

    /// The source has nothing more for now: outputs of branches write what they hold back.
    ///
    /// # Errors
    /// Those of the outputs.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.once.flush()
    }

    /// The run has failed: what was half written is no answer.
    pub fn fail(&mut self, error: &Error) {
        self.is_over = true;
        if !self.is_closed {
            self.once.fail(error);
        }
        self.sinks.abandon(error);
    }

    /// What is to be said of values that were left out, and of fields that the query does not see.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.left_out.summaries().iter().map(ToString::to_string).collect();
        if !self.plan.input.grows() && !self.seen.unknown().is_empty() {
            warnings.push(format!("fields that come up later are not seen by this query: {}", self.seen.unknown().join(", ")));
        }
        warnings
    }
}
