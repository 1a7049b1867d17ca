//! Takes what the workers did, in order: judges rejects, writes frames, keeps the ledger.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use recpipe::parallel::Sink;
use recpipe::record::Schema;
use recpipe::wire::{Ending, Report};
use recpipe::{Batch, Error, Exit, Flow};

use super::Options;
use super::ledger::{Ledger, count};
use super::order::Order;
use super::rejects::{self, Judge, Kept, TooMany};
use super::shape::Shape;
use super::source::Long;
use super::widen::Widen;
use super::work::{Done, Take, Work};
use crate::format::{Reject, Unit};
use crate::input::block::{Block, Part};
use crate::input::{shown_name, signals};
use crate::output::{Packing, Target};
use crate::progress::Progress;

/// Where a stream goes.
pub enum Output<'a> {
    /// It begins at once, so that its reader knows that there is somebody.
    Now(Begin<'a>),
    /// It begins when there is something to send. A mistake that is found before leaves alone what is there.
    Late(Begin<'a>),
}

/// Makes an output ready.
pub type Begin<'a> = Box<dyn FnOnce() -> Result<Box<dyn Target + 'a>, Error> + 'a>;

/// Takes what the workers did, in order.
pub(super) struct Deliver<'a, 'o> {
    writer: Option<Box<dyn Target + 'o>>,
    packing: &'a Packing,
    /// What becomes the writer when there is something to write.
    late: Option<Begin<'o>>,
    judge: Judge,
    kept: Option<Kept>,
    ledger: Ledger,
    unit: Unit,
    /// Lines of the current input before the current block.
    line_base: u64,
    /// The blocks of several inputs come in turns, from anywhere in them: their lines have no numbers.
    in_turns: bool,
    first_reject: Option<String>,
    /// The run was ended for its rejects, and that was said.
    too_many: bool,
    exit: Exit,
    /// What failed, for the End frame.
    causes: Vec<(Exit, String)>,
    /// What was typed does not fit the input.
    misfit: bool,
    /// The fields of a block without records, as far as they are known.
    schema: Option<Arc<Schema>>,
    reader_gone: bool,
    /// Why nothing of this run counts: its reader was started again.
    void: Option<String>,
    progress: Progress,
    stop_source: &'a dyn Fn(),
    order: Order,
    given_up: &'a GivenUp,
    work: Work<'a>,
    shape: &'a Shape,
    widen: Widen,
}

/// The input whose rest is not to be read, until whoever reads takes note.
pub(super) type GivenUp = Mutex<Option<Arc<str>>>;

impl Sink<Done> for Deliver<'_, '_> {
    fn take(&mut self, done: Done) -> Flow {
        let flow = match done {
            Done::Problem(report) => {
                let is_about = self.order.is_about(&report.message);
                self.end_input(is_about);
                self.fail(report.exit, report.message.clone());
                self.write(|writer| writer.report(&report))
            }
            Done::Notice { text, cost } => {
                text.iter().for_each(|text| self.progress.say(&format!("producer: {text}")));
                self.ledger.pay(cost);
                Flow::Continue
            }
            Done::Pulse => self.write(|writer| writer.look()),
            Done::Misfit(misfit) => {
                self.fail(Exit::Usage, misfit);
                self.misfit = true;
                Flow::Stop
            }
            Done::Long(long) if self.order.is_void(&long.block.source) => Flow::Continue,
            Done::Parsed(take) if self.order.is_void(&take.block.source) => Flow::Continue,
            Done::Long(long) => self.take_long(&long),
            Done::Parsed(take) => self.take_all(*take),
        };
        self.progress.update(&self.ledger);
        flow
    }

    fn stopped(&mut self) {
        (self.stop_source)();
    }
}

impl<'a, 'o> Deliver<'a, 'o> {
    /// A stream on `out`. `stop_source` is called when nothing more is to be pulled.
    pub(super) fn new(
        out: Output<'o>,
        unit: Unit,
        options: &'a Options,
        kept: Option<Kept>,
        progress: Progress,
        stop_source: &'a dyn Fn(),
        given_up: &'a GivenUp,
    ) -> Self {
        let mut deliver = Deliver {
            writer: None,
            packing: &options.packing,
            late: None,
            judge: Judge::new(options.limit),
            kept,
            ledger: Ledger::default(),
            unit,
            line_base: 0,
            in_turns: false,
            first_reject: None,
            too_many: false,
            exit: Exit::Done,
            causes: Vec::new(),
            misfit: false,
            schema: None,
            reader_gone: false,
            void: None,
            progress,
            stop_source,
            order: Order::default(),
            given_up,
            work: Work::new(options, unit.placed == "line"),
            shape: &options.shape,
            widen: Widen::default(),
        };
        match out {
            Output::Now(begin) => deliver.begin(begin),
            Output::Late(begin) => deliver.late = Some(begin),
        }
        deliver
    }

    fn begin(&mut self, begin: Begin<'o>) {
        match begin() {
            Ok(writer) => self.writer = Some(writer),
            Err(e) => self.cannot_write(&e),
        }
    }

    /// The blocks of several inputs will come in turns.
    pub(super) fn take_turns(&mut self) {
        self.in_turns = true;
    }

    /// Whether there is somebody to write to.
    pub(super) fn is_open(&self) -> bool {
        self.writer.is_some() || self.late.is_some()
    }

    /// Says what a person wants to know at the end; answers how it ended.
    ///
    /// # Errors
    /// Why nothing of it counts.
    pub(super) fn account_for(self, options: &Options, took: Duration) -> Result<Exit, String> {
        if let Some(void) = self.void {
            return Err(void);
        }
        if let Some(first) = self.first_reject.as_deref().filter(|_| !options.quiet && !self.too_many) {
            recpipe::say!("producer: {} rejected, first: {first}", count(self.ledger.rejected, self.unit.counted));
        }
        if options.stats {
            recpipe::say!("producer: {}", self.ledger.line(self.unit.counted, took));
        }
        Ok(self.exit)
    }

    /// The reading was ended from outside: that the last input has no end is no fault of it.
    pub(super) fn stopped_reading(&mut self) {
        self.end_input(true);
    }

    /// The input that blocks came of has ended, or reading it has `failed`.
    fn end_input(&mut self, failed: bool) {
        if let Some(what) = self.order.end(failed) {
            // A reader that has gone is noticed by the next write as well.
            let _: Flow = self.fail_input(Exit::Failed, what);
        }
    }

    /// Says what is wrong with an input, to people and to the reader of the stream.
    fn fail_input(&mut self, exit: Exit, message: String) -> Flow {
        let report = Report { exit, message };
        let flow = self.write(|writer| writer.report(&report));
        self.fail(exit, report.message);
        flow
    }

    /// What is more than one batch is parsed here, one batch at a time, so that no more than one is held.
    fn take_all(&mut self, mut take: Take) -> Flow {
        loop {
            let rest = take.rest.take();
            let flow = self.take_parsed(take);
            match rest {
                Some(rest) if flow == Flow::Continue => take = self.work.parse(rest.0, &rest.1),
                _ => return flow,
            }
        }
    }

    fn take_parsed(&mut self, mut take: Take) -> Flow {
        if self.order.is_other(&take.block.source) {
            self.end_input(false);
        }
        let failure = self.order.follow(&mut take, self.packing);
        if !take.parsed.batch.is_empty() {
            self.widen.widen(&mut take, self.shape, self.packing);
        }
        let (source, start) = (take.block.source.clone(), take.block.start);
        let flow = self.take_records(take);
        match failure {
            Some(failure) if flow == Flow::Continue => {
                *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(source.clone());
                let place = start + failure.at as u64;
                self.fail_input(failure.exit, format!("{}: byte {place}: {}", shown_name(&source), failure.what))
            }
            _ => flow,
        }
    }

    fn take_records(&mut self, mut take: Take) -> Flow {
        if take.is_first {
            self.line_base = 0;
        }
        self.line_base += u64::from(take.head_lines);
        if !self.in_turns {
            take.set_line(self.line_base + 1);
        }
        let (parsed, block, bytes) = (&take.parsed, &take.block, take.bytes);
        if parsed.batch.is_empty() {
            // Not announced yet: what is known without a record may be less than the first record tells.
            self.schema = Some(parsed.batch.schema().clone());
        }
        let mut judged = 0;
        for (nth, reject) in parsed.rejects.iter().enumerate() {
            if let Some((good, why)) = self.judge.good(u64::from(reject.records_before - judged)) {
                let records = u64::from(judged) + good;
                self.end_within(&parsed.batch, [records + nth as u64, records, nth as u64], bytes, why);
                return Flow::Stop;
            }
            judged = reject.records_before;
            let text = reject.text(&block.bytes);
            if let Some(kept) = &mut self.kept {
                kept.keep(if self.unit == Unit::RECORD { text } else { with_line_end(&block.bytes, reject) });
            }
            let what = || match &*reject.why {
                "" => rejects::shown(text),
                why => format!("{why}: {}", rejects::shown(text)),
            };
            // Records that were made elsewhere lie nowhere.
            let at = (!block.bytes.is_empty()).then(|| take.place(reject.start));
            if let Some(why) = self.reject(block, self.line_base + u64::from(reject.line), at, what) {
                let counts = [u64::from(reject.line) + 1, u64::from(reject.records_before), nth as u64 + 1];
                self.end_within(&parsed.batch, counts, u64::from(reject.start) + text.len() as u64, why);
                return Flow::Stop;
            }
        }
        if let Some((good, why)) = self.judge.good(parsed.batch.len() as u64 - u64::from(judged)) {
            let (records, rejected) = (u64::from(judged) + good, parsed.rejects.len() as u64);
            self.end_within(&parsed.batch, [records + rejected, records, rejected], bytes, why);
            return Flow::Stop;
        }
        let sent = match &take.frames {
            Ok(_) if parsed.batch.is_empty() => self.write(|_| Ok(())),
            Ok(frames) => self.write(|writer| frames.list.iter().try_for_each(|parcel| writer.parcel(parcel))),
            Err(e) => {
                self.cannot_write(e);
                Flow::Stop
            }
        };
        if sent == Flow::Stop {
            return Flow::Stop;
        }
        let (records, rejected, lines) = (parsed.batch.len() as u64, parsed.rejects.len() as u64, u64::from(parsed.lines));
        let filtered = take.left.as_ref().map_or(0, |left| left.filtered) + u64::from(parsed.blank);
        self.account(lines, records, rejected, filtered, bytes);
        let left_out = take.frames.as_ref().map_or(0, |frames| frames.left_out);
        self.ledger.records_out -= left_out;
        self.ledger.left_out += left_out;
        self.line_base += u64::from(parsed.lines);
        Flow::Continue
    }

    /// There are too many rejects within a block: the records before that are sent. Of its lines so many were looked at, and
    /// so many of them are records and rejects.
    fn end_within(&mut self, batch: &Batch, [lines, records, rejected]: [u64; 3], bytes: u64, why: TooMany) {
        let before = batch.head(records as usize);
        let packing = self.packing;
        let send = |writer: &mut dyn Target| match before.is_empty() {
            true => Ok(()),
            false => packing.parcels(&before, &[])?.list.iter().try_for_each(|parcel| writer.parcel(parcel)),
        };
        if self.write(send) == Flow::Continue {
            // The lines that are neither were not wanted.
            let filtered = if self.unit == Unit::LINE { lines.saturating_sub(records + rejected) } else { 0 };
            self.account(lines, records, rejected, filtered, bytes);
        }
        self.end_for_rejects(why);
    }

    /// A piece of a record that is too long: one reject, whatever the number of its pieces.
    fn take_long(&mut self, long: &Long) -> Flow {
        let Long { block, max_bytes, .. } = long;
        if self.order.is_other(&block.source) {
            self.end_input(false);
        }
        self.order.follow_long(long);
        if let Some(kept) = &mut self.kept {
            kept.keep(&block.bytes);
        }
        self.ledger.bytes += block.bytes.len() as u64;
        let is_start = block.part == Part::LongStart;
        if is_start && block.is_first {
            self.line_base = 0;
        }
        let line = self.line_base;
        // A line ends once; of a record of several lines, each piece has some.
        self.line_base += match self.unit.placed {
            "line" => memchr::memchr_iter(b'\n', &block.bytes).count() as u64,
            _ => u64::from(is_start),
        };
        if !is_start {
            return Flow::Continue;
        }
        let what = || format!("longer than {max_bytes} bytes: {}", rejects::shown(&block.bytes));
        let stop = self.reject(block, line, Some(block.start), what);
        self.account(1, 0, 1, 0, 0);
        match stop {
            None => Flow::Continue,
            Some(why) => {
                self.end_for_rejects(why);
                Flow::Stop
            }
        }
    }

    /// Where the units are lines, they were counted by themselves, and the account must add up.
    fn account(&mut self, lines: u64, records: u64, rejected: u64, filtered: u64, bytes: u64) {
        self.ledger.units_in += if self.unit == Unit::LINE { lines } else { records + rejected + filtered };
        self.ledger.records_out += records;
        self.ledger.rejected += rejected;
        self.ledger.filtered += filtered;
        self.ledger.bytes += bytes;
    }

    /// Notes a reject, the number of whose place in its input counts from 0; `at` is its first byte.
    fn reject(&mut self, block: &Block, nth: u64, at: Option<u64>, what: impl FnOnce() -> String) -> Option<TooMany> {
        if self.first_reject.is_none() {
            let source = shown_name(&block.source);
            self.first_reject = Some(match self.in_turns {
                true => format!("{source}: after byte {}: {}", block.start, what()),
                false => {
                    // A line is found by its number, what has no lines by its place.
                    let at = at.filter(|_| self.unit == Unit::RECORD).map_or_else(String::new, |at| format!(" at byte {at}"));
                    format!("{source}:{} {}{at}: {}", self.unit.placed, nth + 1, what())
                }
            });
        }
        self.judge.bad()
    }

    /// Whether there were records of the format that were not wanted.
    fn has_others(&self) -> bool {
        self.unit == Unit::RECORD && self.ledger.filtered > 0
    }

    fn end_for_rejects(&mut self, why: TooMany) {
        self.too_many = true;
        let first = self.first_reject.as_deref().unwrap_or("");
        let rejected = count(self.judge.rejected(), self.unit.counted);
        let cause = format!("{rejected} rejected, first: {first}; {}", why.of(self.unit.counted));
        match why.question() {
            None => self.fail(Exit::Rejects, cause),
            Some(question) => {
                self.progress.say(&format!("producer: {cause}; {question}"));
                self.note(Exit::Rejects, cause);
            }
        }
    }

    /// Says what failed, now and at the end of the stream. Too many rejects outweigh a file that could not be read.
    pub(super) fn fail(&mut self, exit: Exit, cause: String) {
        self.progress.say(&format!("producer: {cause}"));
        self.note(exit, cause);
    }

    fn note(&mut self, exit: Exit, cause: String) {
        self.exit = if exit == Exit::Rejects { exit } else { self.exit.or(exit) };
        self.causes.push((exit, cause));
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Target) -> Result<(), Error>) -> Flow {
        if let Some(late) = self.late.take() {
            self.begin(late);
        }
        match self.writer.as_mut().map(|writer| write(&mut **writer)) {
            Some(Ok(())) => Flow::Continue,
            Some(Err(e)) => {
                self.cannot_write(&e);
                Flow::Stop
            }
            None => Flow::Stop,
        }
    }

    /// A reader that has gone has had enough, which is success where it ended well; anything else is a failure.
    fn cannot_write(&mut self, error: &Error) {
        let writer = self.writer.take();
        if let Error::Restarted(why) = error {
            self.reader_gone = true;
            self.void = Some(why.clone());
        } else if error.is_broken_pipe() {
            self.reader_gone = true;
            let ending = self.ending();
            if let Some(Err(error)) = writer.map(|writer| writer.leave(&ending)) {
                self.fail(error.exit(), error.to_string());
            }
        } else {
            self.fail(error.exit(), error.to_string());
            let ending = self.ending();
            if let Some(Err(error)) = writer.map(|writer| writer.fail(&ending)) {
                self.fail(error.exit(), error.to_string());
            }
        }
    }

    /// A signal has ended the reading.
    pub(super) fn interrupted(&mut self, signal: u8) {
        let exit = Exit::Signal(signal);
        self.exit = exit.or(self.exit);
        self.causes.push((exit, format!("ended by {}", signals::name(signal))));
    }

    /// The end of the stream.
    pub(super) fn end(&mut self, schema: &Arc<Schema>) {
        self.progress.finish();
        let cut_short = self.too_many || self.reader_gone || self.misfit;
        if self.misfit {
            // Nothing was sent: what is there is left alone.
            self.late = None;
            self.kept = self.kept.take().filter(|_| self.ledger.rejected > 0);
        } else {
            let _ = self.write(|_| Ok(()));
        }
        self.end_input(cut_short);
        if !self.too_many
            && !self.reader_gone
            && let Some(why) = self.judge.at_end().filter(|why| *why != TooMany::AllBad || !self.has_others())
        {
            self.end_for_rejects(why);
        }
        if let Some(left_out) = self.widen.left_out() {
            self.fail(Exit::Rejects, left_out);
        }
        if let Some(Err(e)) = self.kept.take().map(Kept::finish) {
            self.fail(Exit::Failed, e);
        }
        // No records at all: the reader still learns what the fields would have been.
        if self.writer.as_ref().is_some_and(|writer| writer.records() == 0) && !self.misfit {
            let schema = self.schema.take().unwrap_or_else(|| schema.clone());
            // Whatever fails here has been said, and the writer is gone.
            let _ = self.write(|writer| writer.schema(&schema));
        }
        let ending = self.ending();
        if let Some(Err(e)) = self.writer.take().map(|writer| writer.finish(&ending)) {
            self.cannot_write(&e);
        }
        // What outweighs a signal hides it: nobody could tell why the reading has ended.
        let hidden = self.causes.iter().find(|(exit, _)| matches!(exit, Exit::Signal(_)) && *exit != self.exit);
        if let Some((_, cause)) = hidden {
            self.progress.say(&format!("producer: {cause}"));
        }
    }

    /// How it would end now.
    fn ending(&self) -> Ending {
        Ending { exit: self.exit, cause: self.cause(), rejected: self.ledger.rejected }
    }

    /// What has led to the exit, and how many others there are.
    fn cause(&self) -> String {
        let first = self.causes.iter().find(|(exit, _)| *exit == self.exit).or(self.causes.first());
        match (first, self.causes.len()) {
            (None, _) => String::new(),
            (Some((_, only)), 1) => only.clone(),
            (Some((_, first)), all) => format!("{first} (and {} more)", all - 1),
        }
    }
}

/// The bytes of a rejected line with the line end it had.
fn with_line_end<'a>(block: &'a [u8], reject: &Reject) -> &'a [u8] {
    let start = reject.start as usize;
    let end = start + reject.len as usize;
    let line_end = match &block[end..] {
        [b'\r', b'\n', ..] => 2,
        [b'\n' | b'\r'] | [b'\n', ..] => 1,
        _ => 0,
    };
    &block[start..end + line_end]
}
