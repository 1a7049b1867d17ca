//! A run: blocks pulled, parsed on all workers, and written as frames in the order of the input.
//!
//! ```text
//! Blocks ──pull──► Work × N: parse, encode ──in order──► Deliver: judge rejects, write frames, keep the ledger
//! ```
//!
//! Decompression and reading happen where a worker pulls, so one worker reads while the others parse. Only
//! `Deliver`, on the calling thread, knows line numbers, limits and what has been sent: what it does is a function of the
//! order of the input, so the stream's bytes are the same for any number of workers. (Which fields the frames have may
//! depend on when the consumer at the end of the pipe says what it reads; its answer does not.)

pub mod ledger;
pub mod rejects;

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use recpipe::parallel::{self, Sink, Worker};
use recpipe::transport::back::Listener;
use recpipe::wire::{self, Encoded, Ending, Report, Writer};
use recpipe::{Error, Exit, Flow};

use crate::format::{Format, Parsed, Parser, Plan, Reject, Wanted};
use crate::input::block::{Block, MAX_LINE_BYTES, Part};
use crate::input::{Blocks, InputError, Item};
use crate::progress::Progress;
use ledger::{Ledger, count};
use rejects::{Judge, Kept, Limit, TooMany};

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
}

/// Parses all blocks and writes the records to `out`. Answers how it ended; what there was to say has been said, on stderr.
///
/// The stream begins with a schema frame also when there is no input, and has its End frame unless `out` failed.
///
/// `kept` is where rejects go; `advice` is where the consumer may say which fields it reads; it has been listening since before this call.
pub fn run<W: Write>(
    mut blocks: Blocks,
    mut format: Box<dyn Format>,
    out: W,
    mut advice: Listener,
    kept: Option<Kept>,
    options: &Options,
    progress: Progress,
) -> Exit {
    let began = Instant::now();
    let watch = blocks.watch().clone();
    let mut deliver = Deliver {
        writer: None,
        judge: Judge::new(options.limit),
        kept,
        ledger: Ledger::default(),
        line_base: 0,
        first_reject: None,
        too_many: false,
        exit: Exit::Done,
        causes: Vec::new(),
        reader_gone: false,
        progress,
        stop_source: &|| watch.stop(),
    };
    match Writer::new(out) {
        Ok(writer) => deliver.writer = Some(writer),
        Err(e) => deliver.cannot_write(&e),
    }
    if deliver.writer.is_some() {
        let (mut plan, mut wanted) = (None, Wanted::all());
        let mut pull = || {
            let item = blocks.next()?;
            // After a read that may have waited long, so that what was said meanwhile counts.
            if let Some(columns) = advice.hear().and_then(|plan| plan.columns) {
                wanted = Wanted::only(columns);
            }
            Some(with_plan(item, &mut *format, &mut plan, &wanted))
        };
        if let Err(e) = parallel::ordered(&mut pull, options.threads, &Work::default, &mut deliver) {
            deliver.fail(Exit::Failed, e.to_string());
        }
    }
    deliver.end(&*format);
    if let Some(first) = deliver.first_reject.as_deref().filter(|_| !options.quiet && !deliver.too_many) {
        recpipe::say!("producer: {} rejected, first: {first}", count(deliver.ledger.rejected, "line"));
    }
    if options.stats {
        recpipe::say!("producer: {}", deliver.ledger.line(began.elapsed()));
    }
    deliver.exit
}

/// A block with the way to read it, or what else the input had.
enum Pulled {
    Lines(Block, Arc<dyn Plan>, Wanted),
    Long(Block),
    Problem(InputError),
}

/// An item with the way to read it; the first block of whole lines of every input is shown to the format.
fn with_plan(item: Item, format: &mut dyn Format, plan: &mut Option<Arc<dyn Plan>>, wanted: &Wanted) -> Pulled {
    match item {
        Item::Problem(problem) => Pulled::Problem(problem),
        Item::Block(block) => {
            if block.start == 0 {
                *plan = None;
            }
            if block.part == Part::Lines {
                let plan = plan.get_or_insert_with(|| format.plan(&block)).clone();
                Pulled::Lines(block, plan, wanted.clone())
            } else {
                Pulled::Long(block)
            }
        }
    }
}

/// A worker: keeps its parser for as long as the plan is the same.
#[derive(Default)]
struct Work {
    parser: Option<(Arc<dyn Plan>, Box<dyn Parser>)>,
}

/// What became of a [`Pulled`].
enum Done {
    Lines { block: Block, parsed: Parsed, frames: Result<Vec<Encoded>, Error> },
    Long(Block),
    Problem(InputError),
}

impl Worker<Pulled> for Work {
    type Out = Done;
    type Last = ();

    fn work(&mut self, item: Pulled) -> Done {
        match item {
            Pulled::Problem(problem) => Done::Problem(problem),
            Pulled::Long(block) => Done::Long(block),
            Pulled::Lines(block, plan, wanted) => {
                let parser = match &mut self.parser {
                    Some((known, parser)) if Arc::ptr_eq(known, &plan) => parser,
                    slot => &mut slot.insert((plan.clone(), plan.parser())).1,
                };
                let parsed = parser.parse(&block, &wanted);
                let frames = wire::encode(&parsed.batch);
                Done::Lines { block, parsed, frames }
            }
        }
    }

    fn finish(self) {}
}

/// Takes what the workers did, in order.
struct Deliver<'a, W: Write> {
    writer: Option<Writer<W>>,
    judge: Judge,
    kept: Option<Kept>,
    ledger: Ledger,
    /// Lines of the current input before the current block.
    line_base: u64,
    first_reject: Option<String>,
    /// The run was ended for its rejects, and that was said.
    too_many: bool,
    exit: Exit,
    /// What failed, for the End frame.
    causes: Vec<String>,
    reader_gone: bool,
    progress: Progress,
    stop_source: &'a dyn Fn(),
}

impl<W: Write> Sink<Done> for Deliver<'_, W> {
    fn take(&mut self, done: Done) -> Flow {
        let flow = match done {
            Done::Problem(problem) => {
                self.fail(Exit::Failed, problem.to_string());
                let report = Report { exit: Exit::Failed, message: problem.to_string() };
                self.write(|writer| writer.report(&report))
            }
            Done::Long(block) => self.take_long(&block),
            Done::Lines { block, parsed, frames } => self.take_lines(&block, &parsed, frames),
        };
        self.progress.update(&self.ledger);
        flow
    }

    fn stopped(&mut self) {
        (self.stop_source)();
    }
}

impl<W: Write> Deliver<'_, W> {
    fn take_lines(&mut self, block: &Block, parsed: &Parsed, frames: Result<Vec<Encoded>, Error>) -> Flow {
        if block.start == 0 {
            self.line_base = 0;
        }
        let mut judged = 0;
        for reject in &parsed.rejects {
            self.judge.good(u64::from(reject.line - judged));
            judged = reject.line + 1;
            let text = reject.text(&block.bytes);
            if let Some(kept) = &mut self.kept {
                kept.keep(with_line_end(&block.bytes, reject));
            }
            if let Some(why) = self.reject(block, reject.line, || rejects::shown(text)) {
                // The records before the line that was too much are sent.
                let before = parsed.batch.head(reject.records_before as usize);
                let bytes = u64::from(reject.start) + text.len() as u64;
                let flow = self.write(|writer| if before.is_empty() { Ok(()) } else { writer.batch(&before) });
                if flow == Flow::Continue {
                    let rejected = u64::from(reject.line) + 1 - before.len() as u64;
                    self.account(u64::from(reject.line) + 1, before.len() as u64, rejected, bytes);
                }
                self.end_for_rejects(why);
                return Flow::Stop;
            }
        }
        self.judge.good(u64::from(parsed.lines - judged));
        let sent = match frames {
            Ok(frames) => {
                self.write(|writer| if parsed.batch.is_empty() { Ok(()) } else { frames.iter().try_for_each(|f| writer.encoded(f)) })
            }
            Err(e) => {
                self.cannot_write(&e);
                Flow::Stop
            }
        };
        if sent == Flow::Stop {
            return Flow::Stop;
        }
        self.account(u64::from(parsed.lines), parsed.batch.len() as u64, parsed.rejects.len() as u64, block.bytes.len() as u64);
        self.line_base += u64::from(parsed.lines);
        match self.judge.so_far() {
            None => Flow::Continue,
            Some(why) => {
                self.end_for_rejects(why);
                Flow::Stop
            }
        }
    }

    /// A piece of a line that is too long: one reject, whatever the number of its pieces.
    fn take_long(&mut self, block: &Block) -> Flow {
        if let Some(kept) = &mut self.kept {
            kept.keep(&block.bytes);
        }
        self.ledger.bytes += block.bytes.len() as u64;
        if block.part != Part::LongStart {
            return Flow::Continue;
        }
        if block.start == 0 {
            self.line_base = 0;
        }
        let stop = self.reject(block, 0, || format!("longer than {MAX_LINE_BYTES} bytes: {}", rejects::shown(&block.bytes)));
        self.account(1, 0, 1, 0);
        self.line_base += 1;
        match stop {
            None => Flow::Continue,
            Some(why) => {
                self.end_for_rejects(why);
                Flow::Stop
            }
        }
    }

    fn account(&mut self, lines: u64, records: u64, rejected: u64, bytes: u64) {
        self.ledger.lines_in += lines;
        self.ledger.records_out += records;
        self.ledger.rejected += rejected;
        self.ledger.bytes += bytes;
    }

    /// Notes a reject; `line` counts from 0 in its block.
    fn reject(&mut self, block: &Block, line: u32, what: impl FnOnce() -> String) -> Option<TooMany> {
        if self.first_reject.is_none() {
            let source = if &*block.source == "-" { "(stdin)" } else { &block.source };
            self.first_reject = Some(format!("{source}:line {}: {}", self.line_base + u64::from(line) + 1, what()));
        }
        self.judge.bad()
    }

    fn end_for_rejects(&mut self, why: TooMany) {
        self.too_many = true;
        let first = self.first_reject.as_deref().unwrap_or("");
        self.fail(Exit::Rejects, format!("{} rejected, first: {first}; {why}", count(self.judge.rejected(), "line")));
    }

    /// Says what failed, now and at the end of the stream. Too many rejects outweigh a file that could not be read.
    fn fail(&mut self, exit: Exit, cause: String) {
        self.progress.say(&format!("producer: {cause}"));
        self.exit = if exit == Exit::Rejects { exit } else { self.exit.or(exit) };
        self.causes.push(cause);
    }

    fn write(&mut self, write: impl FnOnce(&mut Writer<W>) -> Result<(), Error>) -> Flow {
        match self.writer.as_mut().map(write) {
            Some(Ok(())) => Flow::Continue,
            Some(Err(e)) => {
                self.cannot_write(&e);
                Flow::Stop
            }
            None => Flow::Stop,
        }
    }

    /// A reader that has gone has had enough, which is success; anything else is a failure.
    fn cannot_write(&mut self, error: &Error) {
        self.writer = None;
        if error.is_broken_pipe() {
            self.reader_gone = true;
        } else {
            self.fail(Exit::Failed, error.to_string());
        }
    }

    /// The end of the stream.
    fn end(&mut self, format: &dyn Format) {
        self.progress.finish();
        if !self.too_many
            && !self.reader_gone
            && let Some(why) = self.judge.at_end()
        {
            self.end_for_rejects(why);
        }
        if let Some(Err(e)) = self.kept.take().map(Kept::finish) {
            self.fail(Exit::Failed, e);
        }
        // No records at all: the reader still learns what the fields would have been.
        if self.writer.as_ref().is_some_and(|writer| writer.totals().records == 0) {
            let schema = format.schema();
            // Whatever fails here has been said, and the writer is gone.
            let _ = self.write(|writer| writer.schema(&schema).map(drop));
        }
        let ending = Ending { exit: self.exit, cause: self.cause(), rejected: self.ledger.rejected };
        if let Some(Err(e)) = self.writer.take().map(|writer| writer.finish(&ending)) {
            self.cannot_write(&e);
        }
    }

    fn cause(&self) -> String {
        match &self.causes[..] {
            [] => String::new(),
            [one] => one.clone(),
            [first, others @ ..] => format!("{first} (and {} more)", others.len()),
        }
    }
}

/// The bytes of a rejected line with the line end it had.
fn with_line_end<'a>(block: &'a [u8], reject: &Reject) -> &'a [u8] {
    let start = reject.start as usize;
    let end = memchr::memchr(b'\n', &block[start..]).map_or(block.len(), |p| start + p + 1);
    &block[start..end]
}
