//! A run: blocks pulled, parsed on all workers, and written as frames in the order of the input.
//!
//! ```text
//! Source ──pull──► Work × N: parse, encode ──in order──► Deliver: judge rejects, write frames, keep the ledger
//! ```
//!
//! Reading happens where a worker pulls, so one worker reads while the others parse; compressed files have threads of their own
//! before that. Only `Deliver`, on the calling thread, knows line numbers, limits and what has been sent: what it does is a function of the
//! order of the input, so the stream's bytes are the same for any number of workers. (Which fields and which records the frames
//! have may depend on when the consumer says what it needs; its answer does not.)

pub mod cast;
pub mod dating;
mod deliver;
pub mod follow;
pub mod grep;
pub mod ledger;
mod order;
pub mod rejects;
pub mod shape;
pub mod source;
mod widen;
mod work;

use std::sync::PoisonError;
use std::time::Instant;

use recpipe::parallel::{self, Worker};
use recpipe::wire::Ending;
use recpipe::{Batch, Exit};

use crate::format::Wanted;
use crate::input::live::Watch;
use crate::output::{Advice, Asked, Packing};
use crate::progress::Progress;
pub use deliver::{Begin, Output};
use deliver::{Deliver, GivenUp};
use grep::Grep;
use rejects::{Kept, Limit};
use shape::Shape;
use source::{Pulled, Source};
use work::{Done, Work};

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
    /// Which lines are read at all.
    pub grep: Option<Grep>,
    /// What the records are written as, and how they are split among several consumers.
    pub packing: Packing,
    /// What is done with the records.
    pub shape: Shape,
}

/// Pulls all of `source` and writes the records to `out`. Answers how it ended; what there was to say has been said, on stderr.
///
/// # Errors
/// The consumer was started again, and could be sent the whole anew: then nothing of this run counts, and this is why.
///
/// The stream begins with a schema frame also when there is no input, and has its End frame unless `out` failed, or was to begin
/// late and a mistake in what was typed was found before.
///
/// `kept` is where rejects go; `advice` is where the consumer may say what it needs; it has been listening since before this call.
pub fn run(
    mut source: Box<dyn Source + '_>,
    watch: &Watch,
    out: Output<'_>,
    mut advice: Advice,
    kept: Option<Kept>,
    options: &Options,
    progress: Progress,
) -> Result<Exit, String> {
    let began = Instant::now();
    if let Some(Err(mistake)) = source.known_fields().map(|known| options.shape.check(&known)) {
        recpipe::say!("producer: {mistake}");
        // Whoever waits for the stream is told; a file is left alone.
        if let Output::Now(begin) = out {
            let ending = Ending { exit: Exit::Usage, cause: mistake, rejected: 0 };
            // That it cannot be told changes nothing.
            let _ = begin().and_then(|target| target.finish(&ending));
        }
        return Ok(Exit::Usage);
    }
    let (stop, unit, given_up) = (|| watch.stop(), source.unit(), GivenUp::default());
    let alone = progress.alone();
    let mut deliver = Deliver::new(out, unit, options, kept, progress, &stop, &given_up);
    if source.drains() {
        deliver.take_turns();
    }
    if deliver.is_open() {
        let mut asked = Asked::default();
        let mut wanted = options.shape.wanted(&asked.fields);
        let mut hear = |asked: &mut Asked, wanted: &mut Wanted| match advice.hear() {
            None => false,
            Some(heard) => {
                *wanted = options.shape.wanted(&heard.fields);
                alone.heard(heard.shows);
                *asked = heard;
                true
            }
        };
        let mut pull = || {
            hear(&mut asked, &mut wanted);
            if watch.is_stopped() && !source.drains() {
                return None;
            }
            if let Some(input) = given_up.lock().unwrap_or_else(PoisonError::into_inner).take() {
                source.give_up(&input);
            }
            let mut pulled = source.next(&wanted)?;
            // The read may have waited long: what was said meanwhile counts.
            if hear(&mut asked, &mut wanted)
                && let Pulled::Block(piece) = &mut pulled
            {
                piece.wanted = wanted.clone();
            }
            Some((pulled, asked.clone()))
        };
        let work = || Work::new(options, unit.placed == "line");
        if let Err(e) = parallel::ordered(&mut pull, options.threads, &work, &mut deliver) {
            deliver.fail(Exit::Failed, e.to_string());
        }
    }
    if watch.is_stopped() {
        deliver.stopped_reading();
    }
    if let Some(signal) = watch.signal() {
        deliver.interrupted(signal);
    }
    deliver.end(&options.shape.schema(&source.schema()));
    for remark in [options.shape.dating.remark(), source.remark()].into_iter().flatten().filter(|_| !options.quiet) {
        recpipe::say!("producer: {remark}");
    }
    deliver.account_for(options, began.elapsed())
}

/// The first batch with a record in it, as it would be sent; for `--dry-run`.
///
/// # Errors
///
/// What was typed does not fit the input.
pub fn first(mut source: Box<dyn Source>, options: &Options) -> Result<Option<Batch>, String> {
    if let Some(known) = source.known_fields() {
        options.shape.check(&known)?;
    }
    let mut work = Work::new(options, source.unit().placed == "line");
    let everything = Asked::default();
    let wanted = options.shape.wanted(&everything.fields);
    while let Some(item) = source.next(&wanted) {
        match work.work((item, everything.clone())) {
            Done::Parsed(take) if !take.parsed.batch.is_empty() => return Ok(Some(take.parsed.batch)),
            Done::Misfit(misfit) => return Err(misfit),
            Done::Problem(report) => recpipe::say!("producer: {}", report.message),
            _ => {}
        }
    }
    Ok(None)
}
