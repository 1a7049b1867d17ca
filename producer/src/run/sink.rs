//! Takes what the workers made, in the order of the input: judges rejects, writes what is sent, keeps the ledger.
//!
//! Nothing is parsed or encoded here. What has to be made anew because of what came before it is handed back ([`Verdict::Again`]).

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use recpipe::record::Schema;
use recpipe::wire::{Ending, Warning};
use recpipe::{Error, Exit, Flow};

use super::input_tracker::{Failed, InputTracker};
use super::inside::Inside;
use super::job::{CutShort, Job, ParsedBlock, Stage, Verdict, WorkResult, Worked};
use super::kinds::Kinds;
use super::numbering::Numbering;
use super::outcome::Outcome;
use super::rejects::{self, Judge, Kept, Place, TooMany};
use super::widen::Widen;
use super::{Begin, Options, Output, Restarted};
use crate::format::Unit;
use crate::format::continuity::Failure;
use crate::format::source::{LongPiece, Misfit, Problem};
use crate::input::{block::Part, event::Event};
use crate::ledger::{Ledger, count};
use crate::output::Target;
use crate::progress::Progress;

/// Takes what the workers made, in the order of the input.
pub(super) struct Sink<'o> {
    target: Option<Box<dyn Target + 'o>>,
    /// What becomes the target when there is something to write.
    late: Option<Begin<'o>>,
    judge: Judge,
    kept: Option<Kept>,
    ledger: Ledger,
    unit: Unit,
    numbering: Numbering,
    /// The kinds of rejects.
    kinds: Kinds,
    /// How many records were left out because their time cannot be read, where a window asks for it.
    timeless: u64,
    /// The run was ended for its rejects, and that was said.
    too_many: bool,
    outcome: Outcome,
    /// What was typed does not fit the input.
    misfit: bool,
    /// The fields of a block without records, as far as they are known.
    schema: Option<Arc<Schema>>,
    reader_gone: bool,
    /// Why nothing of this run counts: its reader was started again.
    void: Option<String>,
    progress: Progress,
    tracker: InputTracker,
    /// Where inputs are told of whose rest is not to be read.
    given_up: SyncSender<Arc<str>>,
    options: Arc<Options>,
    widen: Widen,
    /// How many bytes of records were written.
    written: u64,
}

impl<'o> Sink<'o> {
    /// A stream on `out`. Inputs whose rest is not to be read are sent to `given_up`.
    pub(super) fn new(
        out: Output<'o>,
        options: &Arc<Options>,
        numbering: Numbering,
        kept: Option<Kept>,
        progress: Progress,
        given_up: SyncSender<Arc<str>>,
    ) -> Self {
        let mut sink = Sink {
            target: None,
            late: None,
            judge: Judge::new(options.limit),
            kept,
            ledger: Ledger::default(),
            unit: numbering.unit(),
            tracker: InputTracker::new(numbering.are_merged()),
            numbering,
            kinds: Kinds::default(),
            timeless: 0,
            too_many: false,
            outcome: Outcome::default(),
            misfit: false,
            schema: None,
            reader_gone: false,
            void: None,
            progress,
            given_up,
            options: options.clone(),
            widen: Widen::new(options.packing.encoding),
            written: 0,
        };
        match out {
            Output::Now(begin) => sink.begin(begin),
            Output::Late(begin) => sink.late = Some(begin),
        }
        sink
    }

    fn begin(&mut self, begin: Begin<'o>) {
        match begin() {
            Ok(target) => self.target = Some(target),
            Err(e) => self.cannot_write(&e),
        }
    }

    /// Whether there is somebody to write to.
    pub(super) fn is_open(&self) -> bool {
        self.target.is_some() || self.late.is_some()
    }

    /// How many bytes of records were written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Takes the next result.
    pub(super) fn take(&mut self, result: WorkResult) -> Verdict {
        let verdict = match result {
            Ok(Event::Block(Worked::Parsed(block))) => self.take_parsed(block),
            Ok(Event::Block(Worked::Long(long))) => Verdict::Taken(self.take_long(&long)),
            Ok(Event::Problem(problem)) => Verdict::Taken(self.take_problem(problem)),
            Ok(Event::Notice { text, cost }) => {
                text.iter().for_each(|text| self.progress.say(&format!("producer: {text}")));
                self.ledger.pay(cost);
                Verdict::Taken(Flow::Continue)
            }
            Ok(Event::Mark(mark)) => Verdict::Taken(self.write(|target| target.mark(mark))),
            Ok(Event::Pulse) => Verdict::Taken(self.write(|target| target.look())),
            Err(Misfit(misfit)) => {
                self.fail(Exit::Usage, misfit);
                self.misfit = true;
                Verdict::Taken(Flow::Stop)
            }
        };
        self.progress.update(&self.ledger);
        verdict
    }

    /// Says what a person wants to know at the end; answers how it ended.
    ///
    /// # Errors
    /// Why nothing of it counts.
    pub(super) fn account_for(self, took: Duration) -> Result<Exit, Restarted> {
        if let Some(void) = &self.void {
            return Err(Restarted(void.clone()));
        }
        let (say, quiet) = (|what: &str| self.progress.say(&format!("producer: {what}")), self.options.quiet);
        if let Some(first) = self.kinds.first().filter(|_| !quiet && !self.too_many) {
            say(&format!("{} rejected, first: {first}", count(self.ledger.rejected, self.unit.name())));
        }
        self.kinds.others(self.unit.name()).filter(|_| !quiet).for_each(|other| say(&other));
        if self.timeless > 0 && !quiet {
            say(&format!("{} without a time that can be read left out by --since or --until", count(self.timeless, "record")));
        }
        if self.options.stats {
            say(&self.ledger.line(self.unit.name(), took).to_string());
        }
        Ok(self.outcome.exit())
    }

    /// The reading was ended from outside: that the last input has no end is no fault of it.
    pub(super) fn stopped_reading(&mut self) {
        self.end_input(true);
    }

    /// A signal has ended the reading.
    pub(super) fn interrupted(&mut self, signal: u8) {
        self.outcome.interrupted(signal);
    }

    /// Says something that a person should know.
    pub(super) fn remark(&self, what: &str) {
        if !self.options.quiet {
            self.progress.say(&format!("producer: {what}"));
        }
    }

    /// The input that blocks came of has ended, or reading it has `failed`.
    fn end_input(&mut self, failed: bool) {
        if let Some(failed) = self.tracker.end(failed) {
            // A reader that has gone is noticed by the next write as well.
            let _: Flow = self.report_failed(Exit::Failed, &failed);
        }
    }

    fn take_problem(&mut self, problem: Problem) -> Flow {
        let is_current = self.tracker.is_with(&problem);
        self.end_input(is_current);
        self.fail(problem.warning.exit, problem.warning.message.clone());
        self.write(|target| target.warn(&problem.warning))
    }

    /// Says what is wrong with an input, to the reader of the stream and to people.
    fn warn(&mut self, warning: Warning) -> Flow {
        let flow = self.write(|target| target.warn(&warning));
        self.fail(warning.exit, warning.message);
        flow
    }

    fn take_parsed(&mut self, mut block: Box<ParsedBlock>) -> Verdict {
        match std::mem::take(&mut block.stage) {
            Stage::Parsed if self.tracker.is_void(&block.block.source) => Verdict::Taken(Flow::Continue),
            Stage::Parsed => {
                if self.tracker.is_other(&block.block.source) {
                    self.end_input(false);
                }
                block.stage = Stage::Placed;
                let is_cut = self.tracker.follow(&mut block);
                let is_widened = !block.parsed.batch.is_empty() && self.widen.widen(&mut block, &self.options.shape);
                self.numbering.turn_to(&block.block);
                if block.is_first {
                    self.numbering.begin_input(block.head_lines);
                }
                block.set_line(self.numbering.line());
                match is_cut || is_widened || self.options.shape.has_line() {
                    true => Verdict::Again(Job::Encode(block)),
                    false => self.take_parsed(block),
                }
            }
            Stage::Placed => self.take_placed(block),
            Stage::CutShort(CutShort { lines, rejected, bytes, why }) => {
                if self.send(&block) == Flow::Continue {
                    let records = block.parsed.batch.len() as u64;
                    // The lines that are neither were not wanted.
                    let filtered = if self.unit == Unit::Line { lines.saturating_sub(records + rejected) } else { 0 };
                    self.account(lines, records, rejected, filtered, bytes);
                    self.ledger.leave_out(block.left_out());
                }
                self.end_for_rejects(why);
                Verdict::Taken(Flow::Stop)
            }
        }
    }

    fn take_placed(&mut self, mut block: Box<ParsedBlock>) -> Verdict {
        if block.parsed.batch.is_empty() {
            // Not announced yet: what is known without a record may be less than the first record tells.
            self.schema = Some(block.parsed.batch.schema().clone());
        }
        if let Some((records, cut)) = self.cut_short(&block) {
            block.parsed.batch = block.parsed.batch.head(block.of_first(records));
            block.stage = Stage::CutShort(cut);
            return Verdict::Again(Job::Encode(block));
        }
        if self.send(&block) == Flow::Stop {
            return Verdict::Taken(Flow::Stop);
        }
        let parsed = &block.parsed;
        let (records, rejected, lines) = (parsed.batch.len() as u64, parsed.rejects.len() as u64, u64::from(parsed.lines));
        let outside = block.inside.as_ref().map_or(0, Inside::outside);
        let filtered = block.kept.as_ref().map_or(0, |kept| kept.filtered) + u64::from(parsed.blank) + outside;
        self.timeless += block.inside.as_ref().map_or(0, |inside| inside.timeless);
        self.account(lines, records, rejected, filtered, block.bytes);
        self.ledger.leave_out(block.left_out());
        self.numbering.advance(lines);
        if let Some(failure) = block.failure.take() {
            return Verdict::Taken(self.give_up(&block, failure));
        }
        match block.rest.take() {
            Some(rest) => Verdict::Again(Job::Rest(rest, block.pushdown)),
            None => Verdict::Taken(Flow::Continue),
        }
    }

    /// Judges the records and rejects of a block. If there are too many rejects: how many records are before the last of them, and what
    /// becomes of those.
    fn cut_short(&mut self, block: &ParsedBlock) -> Option<(usize, CutShort)> {
        let (parsed, bytes) = (&block.parsed, block.bytes);
        let mut judged = 0;
        for (nth, reject) in parsed.rejects.iter().enumerate() {
            let nth = nth as u64;
            if let Some((good, why)) = self.judge.good(u64::from(reject.records_before - judged)) {
                let records = u64::from(judged) + good;
                return Some((records as usize, CutShort { lines: records + nth, rejected: nth, bytes, why }));
            }
            judged = reject.records_before;
            let text = reject.text(&block.block.bytes);
            // Records that were made elsewhere lie nowhere.
            let at = (!block.block.bytes.is_empty()).then(|| block.place(reject.start));
            let (numbering, line) = (&self.numbering, u64::from(reject.line));
            if let Some(kept) = &mut self.kept {
                let whole = if self.unit == Unit::Record { text } else { rejects::with_line_end(&block.block.bytes, reject) };
                let place = Place { file: &block.block.source, number: numbering.number(line), byte: at, why: &reject.why };
                kept.keep(whole, text.len(), &place);
            }
            let first = || match &*reject.why {
                "" => format!("{}: {}", numbering.place(&block.block, line, at), rejects::shown(text)),
                why => format!("{}: {why}: {}", numbering.place(&block.block, line, at), rejects::shown(text)),
            };
            self.kinds.note(&reject.why, first);
            if let Some(why) = self.judge.bad() {
                let bytes = u64::from(reject.start) + text.len() as u64;
                return Some((reject.records_before as usize, CutShort { lines: line + 1, rejected: nth + 1, bytes, why }));
            }
        }
        let (good, why) = self.judge.good(block.all_records() as u64 - u64::from(judged))?;
        let (records, rejected) = (u64::from(judged) + good, parsed.rejects.len() as u64);
        Some((records as usize, CutShort { lines: records + rejected, rejected, bytes, why }))
    }

    /// Nothing more can be read of the input of this block.
    fn give_up(&mut self, block: &ParsedBlock, failure: Failure) -> Flow {
        let (input, at) = (block.block.source.clone(), block.block.start + failure.at as u64);
        // The channel has room for every result under way. If it were full, the rest would be read and then ignored.
        let _ = self.given_up.try_send(input.clone());
        self.report_failed(failure.exit, &Failed { input, at, what: failure.what })
    }

    /// Says why nothing more can be read of an input. What is no record at its end is one that is too many with `--strict`.
    fn report_failed(&mut self, exit: Exit, failed: &Failed) -> Flow {
        let is_too_many = exit == Exit::Failed && self.judge.is_strict();
        let flow = self.warn(Warning { exit: if is_too_many { Exit::Rejects } else { exit }, message: failed.to_string() });
        if is_too_many { Flow::Stop } else { flow }
    }

    /// Writes what is sent of a block.
    fn send(&mut self, block: &ParsedBlock) -> Flow {
        match &block.outgoing {
            Ok(_) if block.parsed.batch.is_empty() => self.write(|_| Ok(())),
            Ok(outgoing) => {
                self.written += outgoing.bytes();
                self.write(|target| outgoing.list.iter().try_for_each(|outgoing| target.send(outgoing)))
            }
            Err(e) => {
                self.cannot_write(e);
                Flow::Stop
            }
        }
    }

    /// A piece of a record that is too long: one reject, whatever the number of its pieces.
    fn take_long(&mut self, long: &LongPiece) -> Flow {
        let LongPiece { block, max_bytes, .. } = long;
        if self.tracker.is_void(&block.source) {
            return Flow::Continue;
        }
        if self.tracker.is_other(&block.source) {
            self.end_input(false);
        }
        self.tracker.follow_long(long);
        self.ledger.bytes += block.bytes.len() as u64;
        let is_start = block.part == Part::LongStart;
        self.numbering.turn_to(block);
        if is_start && block.is_first {
            self.numbering.begin_input(block.mark_lines);
        }
        let why = format!("longer than {max_bytes} bytes");
        match &mut self.kept {
            Some(kept) if is_start => {
                let place = Place { file: &block.source, number: self.numbering.number(0), byte: Some(block.start), why: &why };
                kept.keep(&block.bytes, block.bytes.len(), &place);
            }
            Some(kept) => kept.go_on(&block.bytes),
            None => {}
        }
        let numbering = &self.numbering;
        let first = || {
            let place = numbering.place(block, 0, Some(block.start));
            format!("{place}: {why}: {}", rejects::shown(&block.bytes))
        };
        if is_start {
            self.kinds.note(&why, first);
        }
        // A line ends once; of a record of several lines, each piece has some.
        self.numbering.advance(match self.unit.has_lines() {
            true => memchr::memchr_iter(b'\n', &block.bytes).count() as u64,
            false => u64::from(is_start),
        });
        if !is_start {
            return Flow::Continue;
        }
        let stop = self.judge.bad();
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
        self.ledger.units_in += if self.unit == Unit::Line { lines } else { records + rejected + filtered };
        self.ledger.records_out += records;
        self.ledger.rejected += rejected;
        self.ledger.filtered += filtered;
        self.ledger.bytes += bytes;
    }

    /// Whether there were records of the format that were not wanted.
    fn has_others(&self) -> bool {
        self.unit == Unit::Record && self.ledger.filtered > 0
    }

    fn end_for_rejects(&mut self, why: TooMany) {
        self.too_many = true;
        let first = self.kinds.first().unwrap_or("");
        let rejected = count(self.judge.rejected(), self.unit.name());
        let cause = format!("{rejected} rejected, first: {first}; {}", why.of(self.unit.name()));
        match why.question() {
            None => self.fail(Exit::Rejects, cause),
            Some(question) => {
                self.progress.say(&format!("producer: {cause}; {question}"));
                self.outcome.note(Exit::Rejects, cause);
            }
        }
    }

    /// Says what failed, now and at the end of the stream.
    pub(super) fn fail(&mut self, exit: Exit, cause: String) {
        self.progress.say(&format!("producer: {cause}"));
        self.outcome.note(exit, cause);
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Target) -> Result<(), Error>) -> Flow {
        if let Some(late) = self.late.take() {
            self.begin(late);
        }
        match self.target.as_mut().map(|target| write(&mut **target)) {
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
        let target = self.target.take();
        if let Error::Restarted(why) = error {
            self.reader_gone = true;
            self.void = Some(why.clone());
        } else if error.is_broken_pipe() {
            self.reader_gone = true;
            let ending = self.ending();
            if let Some(Err(error)) = target.map(|target| target.leave(&ending)) {
                self.fail(error.exit(), error.to_string());
            }
        } else {
            self.fail(error.exit(), error.to_string());
            let ending = self.ending();
            if let Some(Err(error)) = target.map(|target| target.fail(&ending)) {
                self.fail(error.exit(), error.to_string());
            }
        }
    }

    /// The end of the stream. `schema` is that of a stream without records.
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
        if self.target.as_ref().is_some_and(|target| target.records() == 0) && !self.misfit {
            let schema = self.schema.take().unwrap_or_else(|| schema.clone());
            // Whatever fails here has been said, and the target is gone.
            let _ = self.write(|target| target.schema(&schema));
        }
        let ending = self.ending();
        if let Some(Err(e)) = self.target.take().map(|target| target.finish(&ending)) {
            self.cannot_write(&e);
        }
        if let Some(signal) = self.outcome.hidden_signal() {
            self.progress.say(&format!("producer: {signal}"));
        }
    }

    /// How it would end now.
    fn ending(&self) -> Ending {
        Ending { exit: self.outcome.exit(), cause: self.outcome.cause(), rejected: self.ledger.rejected }
    }
}
