//! A run: blocks pulled, parsed on all workers, and written as frames in the order of the input.
//!
//! ```text
//! Source ──pull──► Work × N: parse, encode ──in order──► Sink: judge rejects, write frames, keep the ledger
//!    ▲                ▲                                   │   │
//!    │                └── has to be made anew ────────────┘   │
//!    └──────────────── read no more of this input ────────────┘
//! ```
//!
//! Reading happens where a worker pulls, so one worker reads while the others parse; compressed files have threads of their own
//! before that. Only the sink, on the calling thread, knows line numbers, limits and what has been sent: what it does is a function of
//! the order of the input, so the stream's bytes are the same for any number of workers. (Which fields and which records the frames
//! have may depend on when the consumer says what it needs; its answer does not.)

pub mod blocks;
pub(crate) mod cast;
pub mod constants;
pub(crate) mod follow;
pub mod grep;
mod hearing_time;
mod input_tracker;
mod inside;
mod job;
mod kinds;
pub mod merge;
mod merge_follow;
mod numbering;
mod outcome;
mod pull;
pub mod rejects;
pub mod shape;
mod sink;
mod widen;
mod work;

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use recpipe::parallel::{self, IN_FLIGHT_PER_WORKER, Worker};
use recpipe::wire::Ending;
use recpipe::{Batch, Error, Exit, Flow};

use crate::format::source::{Misfit, Source};
use crate::input::event::Event;
use crate::input::live::Watch;
use crate::input::window::Window;
use crate::output::{Packing, Pushdown, PushdownChannel, Target};
use crate::progress::Progress;
use grep::Grep;
use hearing_time::HearingTime;
use job::{Job, Verdict, WorkResult, Worked};
use numbering::{Numbering, Turns};
use pull::Pull;
use rejects::{Kept, Limit};
use shape::Shape;
use sink::Sink;
use work::Work;

/// How a run is to go.
#[derive(Debug)]
pub struct Options {
    /// Worker threads.
    pub threads: usize,
    /// How many rejects are too many.
    pub limit: Limit,
    /// No summary of rejects.
    pub quiet: bool,
    /// The ledger at the end.
    pub stats: bool,
    /// Whether the line of each record is told, and not only where somebody is likely to ask for it.
    pub lines: bool,
    /// Which lines are read at all.
    pub grep: Option<Grep>,
    /// What the records are written as, and how they are split among several consumers.
    pub packing: Packing,
    /// What is done with the records.
    pub shape: Shape,
}

/// Where a stream goes.
pub enum Output<'a> {
    /// It begins at once, so that its reader knows that there is somebody.
    Now(Begin<'a>),
    /// It begins when there is something to send. A mistake that is found before leaves alone what is there.
    Late(Begin<'a>),
}

impl<'a> Output<'a> {
    /// The same for records that are all there already.
    fn at_rest(self) -> Self {
        let begins = |begin: Begin<'a>| -> Begin<'a> {
            Box::new(move || {
                let mut target = begin()?;
                target.at_rest();
                Ok(target)
            })
        };
        match self {
            Output::Now(begin) => Output::Now(begins(begin)),
            Output::Late(begin) => Output::Late(begins(begin)),
        }
    }
}

/// Makes an output ready.
pub(crate) type Begin<'a> = Box<dyn FnOnce() -> Result<Box<dyn Target + 'a>, Error> + Send + 'a>;

/// The consumer was started again, and could be sent the whole anew: nothing of the run counts, and this is why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarted(pub String);

/// A run, not begun.
pub struct Run<'r> {
    source: Box<dyn Source + 'r>,
    options: Arc<Options>,
    watch: Watch,
    progress: Progress,
    kept: Option<Kept>,
    channel: PushdownChannel,
    at_rest: bool,
}

impl<'r> Run<'r> {
    /// Of all that `source` yields. Nobody says what is needed of it, rejects are not kept, and no progress is shown.
    pub fn new(source: Box<dyn Source + 'r>, options: &Arc<Options>) -> Self {
        let (watch, progress) = (Watch::nothing(), Progress::hidden());
        Run { source, options: options.clone(), watch, progress, kept: None, channel: PushdownChannel::Nobody, at_rest: false }
    }

    /// What ends it before its time.
    #[must_use]
    pub fn until(self, watch: &Watch) -> Self {
        Run { watch: watch.clone(), ..self }
    }

    /// What shows how far it is.
    #[must_use]
    pub(crate) fn showing(self, progress: Progress) -> Self {
        Run { progress, ..self }
    }

    /// Where rejects are kept.
    #[must_use]
    pub fn keeping(self, kept: Option<Kept>) -> Self {
        Run { kept, ..self }
    }

    /// Where the consumers say what they need. It has been listening since before this call.
    #[must_use]
    pub fn hearing(self, channel: PushdownChannel) -> Self {
        Run { channel, ..self }
    }

    /// Whether all records are there already: in files that are not followed.
    #[must_use]
    pub fn at_rest(self, at_rest: bool) -> Self {
        Run { at_rest, ..self }
    }

    /// Writes the records to `out`. Answers how it ended; what there was to say has been said, on stderr.
    ///
    /// The stream begins with a schema frame also when there is no input, and has its End frame unless `out` failed, or was to begin
    /// late and a mistake in what was typed was found before.
    ///
    /// # Errors
    /// The consumer was started again.
    pub fn to(self, out: Output<'_>) -> Result<Exit, Restarted> {
        match self.begin(out) {
            Ok(mut begun) => {
                begun.drive();
                begun.end()
            }
            Err(exit) => Ok(exit),
        }
    }

    /// Begins to write to `out`.
    ///
    /// # Errors
    /// A mistake in what was typed, which was said.
    pub(crate) fn begin<'o>(self, out: Output<'o>) -> Result<Begun<'r, 'o>, Exit> {
        let Run { source, options, watch, progress, kept, channel, at_rest } = self;
        let began = Instant::now();
        if let Some(Err(mistake)) = source.known_fields().map(|known| options.shape.check(&known)) {
            progress.say(&format!("producer: {mistake}"));
            // Whoever waits for the stream is told; a file is left alone.
            if let Output::Now(begin) = out {
                let ending = Ending { exit: Exit::Usage, cause: mistake, rejected: 0 };
                // A failure to tell is ignored: the mistake has been reported, and the exit code is that of the mistake.
                let _ = begin().and_then(|target| target.finish(&ending));
            }
            return Err(Exit::Usage);
        }
        let (unit, alone) = (source.unit(), progress.alone());
        // An input is given up by a result that is taken, and no more are under way: there is always room.
        let (give_up, given_up) = sync_channel(options.threads.max(1) * IN_FLIGHT_PER_WORKER);
        let turns = match (source.drains(), source.merges()) {
            (true, _) => Turns::Anywhere,
            (false, true) => Turns::Merged,
            (false, false) => Turns::OneByOne,
        };
        let (numbering, window) = (Numbering::new(unit, turns), source.window().cloned());
        let sink = Sink::new(if at_rest { out.at_rest() } else { out }, &options, numbering, kept, progress, give_up);
        let worker = Work::new(&options, unit.has_lines(), window.as_ref());
        let (taken, hearing_time) = HearingTime::new();
        let in_order = InOrder { sink, worker, watch: watch.clone(), taken };
        let pull = Pull::new(source, watch.clone(), options.clone(), channel, alone, given_up, hearing_time);
        Ok(Begun { pull, in_order, window, watch, options, began })
    }

    /// The first batch with a record in it, as it would be sent; for `--dry-run`.
    ///
    /// # Errors
    /// What was typed does not fit the input.
    pub fn first(mut self) -> Result<Option<Batch>, Misfit> {
        if let Some(known) = self.source.known_fields() {
            self.options.shape.check(&known).map_err(Misfit)?;
        }
        let window = self.source.window().cloned();
        let mut work = Work::new(&self.options, self.source.unit().has_lines(), window.as_ref());
        let everything = Pushdown::default();
        let wanted = self.options.shape.wanted(&everything.fields);
        while let Some(pulled) = self.source.next(&wanted) {
            match work.work(Job::Pulled(pulled, everything.clone()))? {
                Event::Block(Worked::Parsed(mut block)) if !block.parsed.batch.is_empty() => {
                    block.set_line(block.head_lines.map(|lines| u64::from(lines) + 1));
                    return Ok(Some(block.parsed.batch));
                }
                Event::Problem(problem) => recpipe::say!("producer: {}", problem.warning.message),
                _ => {}
            }
        }
        Ok(None)
    }
}

/// A run that was begun: [driven](Begun::drive) to its end on all threads, or [step by step](Begun::step).
pub(crate) struct Begun<'r, 'o> {
    pull: Pull<'r>,
    in_order: InOrder<'o>,
    window: Option<Window>,
    watch: Watch,
    options: Arc<Options>,
    began: Instant,
}

impl Begun<'_, '_> {
    /// Pulls all there is.
    fn drive(&mut self) {
        let Begun { pull, in_order, window, options, .. } = self;
        if !in_order.sink.is_open() {
            return;
        }
        let has_lines = pull.source().unit().has_lines();
        let work = || Work::new(options, has_lines, window.as_ref());
        if let Err(e) = parallel::ordered(&mut || pull.next(), options.threads, &work, in_order) {
            in_order.sink.fail(Exit::Failed, e.to_string());
        }
    }

    /// Pulls one item, on this thread; whether there may be more.
    pub(crate) fn step(&mut self) -> bool {
        if !self.in_order.sink.is_open() {
            return false;
        }
        let Some(job) = self.pull.next() else { return false };
        let result = self.in_order.worker.work(job);
        if parallel::Sink::take(&mut self.in_order, result) == Flow::Continue {
            return true;
        }
        parallel::Sink::stopped(&mut self.in_order);
        false
    }

    /// Ends the stream after the last block, and prints the remarks and the ledger of the run.
    ///
    /// # Errors
    /// The consumer was started again.
    pub(crate) fn end(self) -> Result<Exit, Restarted> {
        let Begun { pull, in_order: InOrder { mut sink, .. }, watch, options, began, .. } = self;
        if watch.is_stopped() {
            sink.stopped_reading();
        }
        if let Some(signal) = watch.signal() {
            sink.interrupted(signal);
        }
        sink.end(&options.shape.schema(&pull.source().schema()));
        let remarks = [options.shape.dating.remark(), pull.source().remark()];
        remarks.into_iter().flatten().for_each(|remark| sink.remark(&remark));
        sink.account_for(began.elapsed())
    }
}

/// The sink, and a worker beside it for what the sink hands back: that is done one batch at a time, so that no more than one is held.
struct InOrder<'o> {
    sink: Sink<'o>,
    worker: Work,
    watch: Watch,
    /// Where it is told what was written with each item.
    taken: SyncSender<u64>,
}

impl parallel::Sink<WorkResult> for InOrder<'_> {
    fn take(&mut self, mut result: WorkResult) -> Flow {
        loop {
            match self.sink.take(result) {
                Verdict::Taken(flow) => {
                    // Nobody listens where all has been pulled.
                    let _ = self.taken.try_send(self.sink.written());
                    return flow;
                }
                Verdict::Again(job) => result = self.worker.work(job),
            }
        }
    }

    fn stopped(&mut self) {
        self.watch.stop();
    }
}
