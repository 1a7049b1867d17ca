//! Runs a plan over a stream: workers, merge, and what is left to do once.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use recpipe::{
    Error, Exit, Flow, Schema, Stage,
    parallel::{self, Sink, Worker},
    stage::{Coroutine, State},
    wire::Ending,
};

use super::{
    children::{Orders, Pool, RemoteWorker},
    cut::{Cut, Prepared},
    deliver::Piece,
    feeds::{FeedBatches, FeedInput, FeedReader, FeedSource, Feeds, Heard},
    form::Form,
    preview::Preview,
    refresh::Refresh,
    sides,
    source::{Source, Stream},
    worker::{Arrival, Item, Load, QueryWorker, Worked},
};
use crate::{
    input::{Frames, Stop},
    late::Seen,
    left_out::LeftOut,
    memory::{Budget, Memory},
    output::{OpenOutput, Sinks},
    plan::{
        Effect, Feed, News, Output, Plan, PlanStage, Runs, Senders, Target,
        partial::{self, Batches, Show},
    },
    writer::{Calling, Notes, Printer, Stopper},
};

/// What a run needs to know besides the plan.
pub struct Options {
    /// Worker threads; of each process, where there are others.
    pub threads: usize,
    /// The child processes that the workers are in, instead of this one.
    pub processes: Option<Orders>,
    /// Whether results are taken as they come, in whatever order.
    pub unordered: bool,
    /// How much the stages may hold, and where the rest goes.
    pub memory: Memory,
    /// The output of a query that names none.
    pub default_output: Output,
    /// Wakes the reader when no more is wanted of it.
    pub stopper: Option<Stop>,
    /// How consumers that records are sent on to are called.
    pub calling: Calling,
    /// Where the plan's expressions note the values that they leave out.
    pub left_out: LeftOut,
    /// Whether failures that the producer tells of, and fields that the query does not see, go without a word.
    pub quiet: bool,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the producer said at the end; `None` when the end was not reached.
    pub ending: Option<Ending>,
    /// Why the end was not reached, or the answer not given.
    pub error: Option<Error>,
    /// Whether the query had enough before the end.
    pub stopped: bool,
    /// Records that came.
    pub records_in: u64,
    /// Records of the answer: those that came to an output, of a branch or of the query itself.
    pub records_out: u64,
    /// Values that the output could not write as they are: text that is not UTF-8.
    pub replaced: u64,
}

/// Runs `plan` over the batches of `input`, and of the files that it names besides, which are `feeds`. What a broken stream gave before it broke is still answered, and
/// [`Outcome::error`] says that it is not all.
pub fn run(input: &mut impl Frames, mut feeds: Feeds, plan: &Plan, options: &Options, printer: Printer) -> Outcome {
    let pool = match options.processes.as_ref().map(|orders| pool(orders, plan, options)).transpose() {
        Ok(pool) => pool,
        Err(error) => return Outcome { error: Some(error), ..Outcome::default() },
    };
    let threads = pool.as_ref().map_or(options.threads, Pool::in_flight);
    let memory = pool.as_ref().map_or(options.memory.clone(), |_| halved(&options.memory));
    let notes = Notes::new(options.left_out.clone());
    let (heard, heard_late) = (Heard::default(), Heard::default());
    let prepared = Prepared::new(plan, &memory, threads);
    let sides = match &pool {
        // What is held in each child is decided by what a child may hold.
        Some(pool) => {
            let (memory, threads) = pool.of_each();
            let budget = Prepared::new(plan, memory, threads).budget;
            sides::load(plan, &mut feeds, Some(&|part| pool.hand(part)), &budget, options.quiet, &heard_late)
        }
        None => sides::load(plan, &mut feeds, None, &prepared.budget, options.quiet, &heard_late),
    };
    let prepared = match sides {
        Ok(sides) => Prepared { sides, ..prepared },
        Err(error) => return Outcome { error: Some(error), ..Outcome::default() },
    };
    // What was noted of inputs that are whole counts, however much is wanted of the main one.
    options.left_out.settle_all();
    let cut = Cut::new(plan, &options.default_output, prepared, threads, notes.clone());
    let stopper = options.stopper.clone().map(|stop| Arc::new(move || stop.stop()) as Stopper);
    let sinks = Sinks::new(plan, printer, notes.clone(), options.calling.clone(), stopper);
    let feed = |feed: &Feed, schema: &Arc<Schema>, heard: &Heard| {
        let Some(FeedInput { name, source: FeedSource::Records { frames, stop } }) = feeds.remove(&feed.at) else {
            return Err(Error::Protocol("a file that the query names was not opened"));
        };
        Ok((stop, FeedReader::new(name, frames, schema.clone(), options.quiet, heard.clone())))
    };
    let senders = Senders::default();
    let (opened, reads) = match open(&cut, (&sinks, &senders), feed, (&heard, &heard_late)) {
        Ok(opened) => opened,
        Err(error) => {
            sinks.abandon(&error);
            return Outcome { error: Some(error), ..Outcome::default() };
        }
    };
    let OpenOutput { stage, printer, canvas } = opened;
    let stream = Mutex::new(Stream::default());
    let stops = reads.iter().filter_map(|(stop, _)| stop.clone()).chain(options.stopper.clone()).collect();
    let mut source = Source { main: Some(&mut *input), feeds: reads.into_iter().map(|(_, reader)| reader).collect(), chain: 0, next: 0 };
    let mut pull = || source.pull(plan, options.quiet, &stream);
    // What other processes have gathered cannot be looked at before the end.
    let is_at_hand = pool.is_none() || cut.empty().is_none();
    let preview = canvas.filter(|_| is_at_hand).and_then(|canvas| cut.preview(&canvas));
    let mut once = Once {
        cut: &cut,
        chain: Coroutine::new(stage),
        printer,
        sinks: &sinks,
        stops,
        error: None,
        stopped: false,
        refresh: sinks.is_live().then(Refresh::new),
        preview,
        holds_state: holds_state(plan, options),
        left_out: &options.left_out,
        taken: 0,
        senders: plan.live.then_some(senders),
    };
    let unordered = options.unordered && !needs_order(plan);
    let lasts = match &pool {
        Some(pool) => {
            let turn = |item: &Item| matches!(item.what, Load::Frame(..)).then(|| pool.turn());
            let mut pull = || pull().map(|item| (turn(&item), item));
            let make = || RemoteWorker { pool, replaced: &notes.replaced };
            drive(&mut pull, threads, &make, &mut once, unordered).map(|_| Vec::new())
        }
        None => drive(&mut pull, threads, &|| QueryWorker::new(&cut), &mut once, unordered),
    };
    let Stream { ending, broken, mut seen } = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (ending, broken) = with_feeds(ending, broken, &heard, once.stopped);
    seen.also(&heard.known().names);
    let (gathered, panicked) = lasts.map_or_else(|error| (Vec::new(), Some(error)), |gathered| (gathered, None));
    let failed = once.error.take().or(panicked);
    // What could not be done is a failure of the whole, unless it is the stream that was broken: a worker finds that.
    let has_failed = once.chain.state() == State::Closed;
    let error = match failed {
        Some(error) if has_failed || error.exit() != Exit::Incomplete || matches!(error, Error::Child { .. }) => Err(error),
        None if !once.stopped
            && let Some(error) = never_came(&seen, plan, ending.as_ref(), broken.as_ref(), input.records()) =>
        {
            Err(error)
        }
        broken_batch => {
            let broken = broken_batch.or(broken);
            let read = (!once.stopped).then(|| input.records() + heard.known().records);
            sinks.set_ending(ending_of(once.stopped, ending.as_ref(), broken.as_ref()), read);
            let merged = match pool {
                // They may have read more than was wanted, and are not waited for.
                Some(_) if once.stopped => Ok(Box::new(std::iter::empty()) as Batches),
                Some(pool) => pool.finish(cut.empty().zip(cut.state_name()), cut.budget()),
                None => partial::merge(gathered.into_iter().flatten().collect(), cut.budget()),
            };
            merged.and_then(|merged| once.end(merged)).and_then(|()| sinks.wait()).map(|()| broken)
        }
    };
    // What was read ahead and not wanted any more does not count.
    match once.stopped {
        true => options.left_out.settle(once.taken),
        false => options.left_out.settle_all(),
    }
    let error = error.unwrap_or_else(|error| {
        once.chain.fail(&error);
        sinks.abandon(&error);
        Some(error)
    });
    let records_in = input.records() + heard.known().records + heard_late.known().records;
    let mut late = std::mem::take(&mut *heard_late.known());
    // What stages have read by themselves was wanted, whoever before them has had enough.
    let stopped = once.stopped && late.broken.is_none() && late.ending.as_ref().is_none_or(|ending| ending.exit == Exit::Done);
    let of_input = |known: Error| Some(known).filter(|known| !(once.stopped && is_cut_off(known)));
    let error = if stopped { error } else { error.and_then(of_input).or(late.broken.take()) };
    let ending = if once.stopped && !stopped { Some(Ending::default()) } else { ending };
    Outcome {
        ending: late.ending.map_or(ending.clone(), |late| ending.map(|ending| ending.and(late))),
        error,
        stopped,
        records_in,
        records_out: sinks.counted(),
        replaced: notes.replaced.count(),
    }
}

/// Starts the children, with half of the memory; the other half is for what runs once.
fn pool(orders: &Orders, plan: &Plan, options: &Options) -> Result<Pool, Error> {
    Pool::start(orders, plan, options.threads, &halved(&options.memory), &options.default_output)
}

fn halved(memory: &Memory) -> Memory {
    Memory { limit: (memory.limit / 2).max(Budget::LEAST), directory: memory.directory.clone() }
}

/// How a stream ends that we send on ourselves. Whoever has enough is done, however the stream would have ended.
fn ending_of(stopped: bool, ending: Option<&Ending>, broken: Option<&Error>) -> Ending {
    match (ending, broken) {
        _ if stopped || broken.is_some_and(Error::is_broken_pipe) => Ending::default(),
        (_, Some(error)) => Ending { exit: error.exit(), cause: error.to_string(), rejected: 0 },
        (Some(ending), None) => ending.clone(),
        (None, None) => Ending::default(),
    }
}

/// Has the workers work, and takes the results in order or as they come.
fn drive<T: Send, W: Worker<T, Out = Worked>>(
    pull: &mut (impl FnMut() -> Option<T> + Send),
    threads: usize,
    make: &(impl Fn() -> W + Sync),
    once: &mut Once<'_>,
    unordered: bool,
) -> Result<Vec<W::Last>, Error> {
    if unordered { parallel::unordered(pull, threads, make, once) } else { parallel::ordered(pull, threads, make, once) }
}

/// Whether what a stage does with a record depends on those before it, so that the order of the batches is kept, whoever does without.
fn needs_order(plan: &Plan) -> bool {
    let of_stage = |stage: &PlanStage| stage.operator.mixes() || stage.operator.branches().iter().any(needs_order);
    plan.stages.iter().any(of_stage)
}

/// Whether no frame is done with before the end: something of what it led to is kept so long, or it is not known of which
/// frames that is true, since they are not taken in order.
pub fn holds_state(plan: &Plan, options: &Options) -> bool {
    plan.sink().unwrap_or(&options.default_output).sink.is_picture()
        || options.unordered
        || plan.stages.iter().any(|stage| stage.about.runs != Runs::EachWorker || stage.about.spills)
}

/// Whether something is written before the end, to standard output or about a branch: not where a stage waits for the end, and
/// what it has until then is not drawn on a `terminal`.
pub fn shows_early(plan: &Plan, options: &Options, terminal: bool) -> bool {
    let is_drawn = terminal && plan.sink().unwrap_or(&options.default_output).sink.is_picture();
    let speaks = |stage: &PlanStage| stage.operator.effect() == Effect::Speaks || !stage.operator.branches().is_empty();
    is_drawn || plan.stages.iter().any(speaks) || !plan.stages.iter().any(|stage| stage.about.blocks)
}

/// That a field which the query names was not in a stream that was read to its end.
fn never_came(seen: &Seen, plan: &Plan, ending: Option<&Ending>, broken: Option<&Error>, records: u64) -> Option<Error> {
    let ending = ending.filter(|_| broken.is_none())?;
    seen.all_came(plan, ending, records).err()
}

/// Whether the reading of an input ended before its end: where not all of it is wanted, that is chance, or our own doing.
fn is_cut_off(error: &Error) -> bool {
    matches!(error, Error::Truncated { .. } | Error::Corrupt { .. }) || error.is_broken_pipe()
}

/// How the inputs that the workers take have ended, the files with them; `stopped` where not all of them was wanted.
fn with_feeds(ending: Option<Ending>, broken: Option<Error>, heard: &Heard, stopped: bool) -> (Option<Ending>, Option<Error>) {
    let mut known = heard.known();
    let of_feeds = known.ending.take();
    let ending = match (ending, of_feeds) {
        (Some(ending), Some(of_feeds)) => Some(ending.and(of_feeds)),
        (ending, _) => ending,
    };
    (ending, broken.or(known.broken.take().filter(|_| !stopped)))
}

/// A file that a worker's chain reads, and what stops that.
pub(super) type FeedRead = (Option<Stop>, FeedReader);

/// Opens the part that runs once, and the files that the workers take, in their order. Of those that stages read by themselves,
/// what is known is heard late.
pub(super) fn open(
    cut: &Cut<'_>,
    (sinks, senders): (&Sinks, &Senders),
    mut feed: impl FnMut(&Feed, &Arc<Schema>, &Heard) -> Result<FeedRead, Error>,
    (heard, heard_late): (&Heard, &Heard),
) -> Result<(OpenOutput, Vec<FeedRead>), Error> {
    let reads = cut.feeds().map(|(place, _, path)| feed(path, cut.output(place), heard)).collect::<Result<_, _>>()?;
    let mut batches = |input: &Plan, path: &Feed, stage: &PlanStage| match feed(path, &stage.output, heard_late) {
        Ok((_, reader)) => Box::new(FeedBatches::new(reader, Form::new(&stage.output, input, Some(path)), sinks.ending())) as Batches,
        Err(error) => Box::new(std::iter::once(Err(error))),
    };
    Ok((cut.once(sinks, senders, &mut batches)?, reads))
}

/// The part that runs once, on the calling thread.
struct Once<'a> {
    cut: &'a Cut<'a>,
    chain: Coroutine<Target>,
    /// Where lines go that workers have formatted.
    printer: Rc<RefCell<Printer>>,
    sinks: &'a Sinks,
    /// What ends the reading of all that the workers take.
    stops: Vec<Stop>,
    error: Option<Error>,
    stopped: bool,
    holds_state: bool,
    /// When the answer is shown while it grows, if it is.
    refresh: Option<Refresh>,
    /// What shows what the workers gather.
    preview: Option<Preview>,
    left_out: &'a LeftOut,
    /// The last batch of the stream whose results were taken.
    taken: u64,
    /// Who sends, where somebody wants to know.
    senders: Option<Senders>,
}

impl Once<'_> {
    fn piece(&mut self, piece: Piece) -> Result<Flow, Error> {
        match piece {
            Piece::Batch(batch) => self.chain.send(batch),
            Piece::Lines(lines, records) => {
                self.sinks.count(records);
                self.printer.borrow_mut().write(&lines).map(|()| Flow::Continue)
            }
        }
    }

    /// Tells of whom what is taken now came, and what became of senders.
    fn hear(&mut self, Arrival { sender, at }: Arrival, news: Option<News>) -> Result<(), Error> {
        let Some(senders) = &self.senders else { return Ok(()) };
        match news {
            // Whoever waited for one that has ended looks again.
            Some(news) => {
                senders.tell(news, at);
                self.chain.flush()
            }
            None => {
                senders.arrived(sender, at);
                Ok(())
            }
        }
    }

    /// Remembers why it stops, if it does.
    fn flow(&mut self, flow: Result<Flow, Error>) -> Flow {
        match flow {
            Ok(Flow::Continue) => return Flow::Continue,
            Ok(Flow::Stop) => self.stopped = true,
            Err(error) => self.error = Some(error),
        }
        Flow::Stop
    }

    /// The workers are done: takes what they have gathered together, and closes the chain.
    fn end(&mut self, merged: Batches) -> Result<(), Error> {
        self.refresh = None;
        for batch in merged {
            if self.chain.send(batch?)? == Flow::Stop {
                break;
            }
        }
        self.chain.close()
    }
}

impl Once<'_> {
    /// Shows what there is, where the answer is refresh and it is time.
    fn show(&mut self) -> Result<(), Error> {
        let Some(refresh) = &mut self.refresh else { return Ok(()) };
        if refresh.wait() != Some(Duration::ZERO) {
            return Ok(());
        }
        let began = Instant::now();
        if let Some(preview) = &self.preview {
            preview.show(self.cut.so_far()?)?;
        }
        self.chain.flush()?;
        refresh.drawn(began);
        Ok(())
    }
}

impl Sink<Worked> for Once<'_> {
    fn take(&mut self, Worked { pieces, receipt, order, arrival, news }: Worked) -> Flow {
        let is_news = news.is_some();
        let heard = self.hear(arrival, news);
        let flow = heard.and(pieces).and_then(|pieces| {
            for piece in pieces {
                if self.piece(piece)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
            if let Some(receipt) = receipt.filter(|_| !self.holds_state) {
                self.chain.flush()?;
                self.printer.borrow_mut().flush()?;
                receipt.done();
            }
            Ok(Flow::Continue)
        });
        if !is_news {
            self.left_out.settle(order);
            self.taken = self.taken.max(order);
        }
        if let Some(refresh) = &mut self.refresh {
            refresh.changed();
        }
        let flow = flow.and_then(|flow| self.show().map(|()| flow));
        self.flow(flow)
    }

    fn idle(&mut self) -> Flow {
        let is_silent = self.senders.as_ref().is_some_and(|senders| senders.nothing_until(Instant::now()));
        let shown = match &self.refresh {
            Some(_) if !is_silent => self.show(),
            _ => self.chain.flush(),
        };
        self.flow(shown.map(|()| Flow::Continue))
    }

    fn is_timed(&self) -> bool {
        self.refresh.is_some() || self.senders.as_ref().is_some_and(Senders::is_timed)
    }

    fn wait(&self) -> Option<Duration> {
        let silence = self.senders.as_ref().and_then(|senders| senders.wait(Instant::now()));
        self.refresh.as_ref().and_then(Refresh::wait).into_iter().chain(silence).min()
    }

    fn stopped(&mut self) {
        self.stops.iter().for_each(Stop::stop);
    }
}
