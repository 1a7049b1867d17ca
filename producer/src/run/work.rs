//! What each worker does with what was pulled: grep, parse, shape, and encode.

use std::sync::Arc;

use recpipe::parallel::Worker;
use recpipe::record::{Batch, Origin, PackedInts, Places, Type};

use super::Options;
use super::grep::{Grep, KeptLines};
use super::inside::Watchman;
use super::job::{Job, ParsedBlock, Stage, WorkResult, Worked};
use super::shape::RecordSpans;
use crate::format::continuity::Failure;
use crate::format::source::{Made, Misfit, PlannedBlock, Task, Unparsed};
use crate::format::{Parsed, Parser, Plan};
use crate::input::block::{Block, Part};
use crate::input::boundary::Lines;
use crate::input::event::Event;
use crate::input::window::Window;
use crate::output::{AdaptiveFilter, Outgoings, Pushdown};

/// A worker: keeps its parser for as long as the plan is the same.
pub(super) struct Work {
    options: Arc<Options>,
    /// A clone has scratch space of its own: threads that share it wait for each other.
    grep: Option<Grep>,
    has_lines: bool,
    parser: Option<(Arc<dyn Plan>, Box<dyn Parser>)>,
    filter: AdaptiveFilter,
    watchman: Option<Watchman>,
}

impl Worker<Job> for Work {
    type Out = WorkResult;
    type Last = ();

    fn work(&mut self, job: Job) -> WorkResult {
        let parsed = match job {
            Job::Pulled(pulled, pushdown) => return pulled?.try_map(|unparsed| self.worked(unparsed, pushdown)),
            Job::Rest(rest, pushdown) => return Ok(Event::Block(self.worked(*rest, pushdown)?)),
            Job::Encode(mut block) => {
                block.outgoing = self.options.packing.pack(&block.parsed.batch, &block.pushdown.conditions);
                block
            }
        };
        Ok(Event::Block(Worked::Parsed(parsed)))
    }

    fn finish(self) {}
}

/// What is parsed of a block, up to where the parser stops, and the rest.
///
/// What was parsed before it stopped is parsed once more, so that what is made is that of a block that ends there: this is rare. It may
/// stop earlier then: the stream has more fields by now, which leave less room for those of the block.
fn first_batch<T, E>(
    block: &PlannedBlock,
    mut parse: impl FnMut(PlannedBlock) -> Result<(T, Option<usize>), E>,
) -> Result<(T, Option<PlannedBlock>), E> {
    let (mut parsed, mut stopped_at) = parse(block.clone())?;
    let mut rest = None;
    while let Some(at) = stopped_at {
        let mut part = block.clone();
        rest = Some(part.split_off(at));
        (parsed, stopped_at) = parse(part)?;
    }
    Ok((parsed, rest))
}

impl Work {
    /// `has_lines`: whether places are numbered by lines.
    pub(super) fn new(options: &Arc<Options>, has_lines: bool, window: Option<&Window>) -> Self {
        let (grep, watchman) = (options.grep.clone(), window.map(Watchman::new));
        Work { options: options.clone(), grep, has_lines, parser: None, filter: AdaptiveFilter::default(), watchman }
    }

    fn worked(&mut self, unparsed: Unparsed, pushdown: Pushdown) -> Result<Worked, Misfit> {
        Ok(Worked::Parsed(Box::new(match unparsed {
            Unparsed::Block(block) => self.parse(block, pushdown)?,
            Unparsed::Batch(batch) => self.shape(batch, pushdown)?,
            Unparsed::Task(task) => self.make(task, pushdown)?,
            Unparsed::Long(long) => return Ok(Worked::Long(long)),
        })))
    }

    /// Makes records of a task, or as many as make a batch.
    fn make(&mut self, task: Box<dyn Task>, pushdown: Pushdown) -> Result<ParsedBlock, Misfit> {
        let Made { batch, growing, failure, rest } = task.make(&self.options.shape.wanted(&pushdown.fields));
        // Where they lie, they say themselves.
        let shaped = ParsedBlock { is_first: true, head_lines: None, ..self.shape(batch, pushdown)? };
        Ok(ParsedBlock { growing, failure, rest: rest.map(|rest| Box::new(Unparsed::Task(rest))), ..shaped })
    }

    /// Parses a block, or as much of it as makes a batch.
    fn parse(&mut self, block: PlannedBlock, pushdown: Pushdown) -> Result<ParsedBlock, Misfit> {
        let (mut parsed, rest) = first_batch(&block, |part| self.parse_once(part, &pushdown))?;
        parsed.rest = rest.map(|rest| Box::new(Unparsed::Block(rest)));
        Ok(parsed)
    }

    /// What becomes of a block, and where the parser stopped, if it did.
    fn parse_once(&mut self, planned: PlannedBlock, pushdown: &Pushdown) -> Result<(ParsedBlock, Option<usize>), Misfit> {
        let PlannedBlock { mut block, plan, boundary, wanted, head_lines } = planned;
        let parser = match &mut self.parser {
            Some((known, parser)) if Arc::ptr_eq(known, &plan) => parser,
            slot => &mut slot.insert((plan.clone(), plan.parser())).1,
        };
        let is_first = block.is_first;
        // What was skipped before it was not read.
        let bytes = if is_first && head_lines.is_some() { block.end } else { block.bytes.len() as u64 };
        let kept = self.grep.as_ref().map(|grep| grep.filter(&block.bytes, &*boundary));
        let whole = kept.as_ref().map(|kept| std::mem::replace(&mut block.bytes, kept.bytes.clone()));
        let mut parsed = parser.parse(&block, &wanted);
        let are_placed = self.options.lines || pushdown.places || self.options.shape.places();
        let is_shown = self.options.lines || is_odd(&parsed.batch);
        if are_placed || is_shown {
            let start = |row| {
                let start = parser.row_start(row);
                kept.as_ref().map_or(start, |kept| kept.place(start))
            };
            let lines = match self.has_lines {
                true => lines_of(&parsed.batch, whole.as_ref().unwrap_or(&block.bytes), start),
                false => records_of(&parsed),
            };
            let lines = PackedInts::pack(&lines);
            let starts = || PackedInts::pack(&(0..parsed.batch.physical_rows()).map(|row| start(row) as i64).collect::<Vec<_>>());
            let places = if are_placed { Places::Whole { lines, starts: starts(), shown: is_shown } } else { Places::Lines(lines) };
            parsed.batch = self.options.shape.placed(parsed.batch.with_places(places));
        }
        parsed.batch = self.options.shape.with_constants(parsed.batch, &pushdown.fields).map_err(Misfit)?;
        let row_start = |row| parser.row_start(row);
        let spans = RecordSpans { block: &block, boundary: &*boundary, row_start: Some(&row_start), has_lines: self.has_lines };
        self.options.shape.apply(&mut parsed, &pushdown.fields, &spans);
        if let (Some(kept), Some(whole)) = (&kept, &whole) {
            renumber(self.has_lines, &mut parsed, kept, whole);
        }
        let inside = self.watchman.as_mut().map(|watchman| {
            let (inside, which) = watchman.look(&parsed.batch, |row| block.bytes.get(parser.row_start(row)..).unwrap_or_default());
            parsed.batch = inside;
            which
        });
        let place = |at| kept.as_ref().map_or(at, |kept| kept.place(at));
        let continuity = parser.continuity().map(|continuity| continuity.placed(place));
        let failure = parser.failure().map(|failure| Failure { at: place(failure.at), ..failure });
        let growing = plan.growing().cloned();
        let stopped_at = parser.stopped_at().map(place);
        let outgoing = match stopped_at {
            // Nobody here knows the number of a line.
            None if !self.options.shape.has_line() => self.filter.pack(&self.options.packing, &parsed.batch, &pushdown.conditions),
            _ => Ok(Outgoings::default()),
        };
        let (pushdown, rest, stage) = (pushdown.clone(), None, Stage::default());
        let parsed = ParsedBlock {
            block,
            parsed,
            outgoing,
            kept,
            bytes,
            is_first,
            head_lines,
            inside,
            failure,
            continuity,
            growing,
            pushdown,
            rest,
            stage,
        };
        Ok((parsed, stopped_at))
    }

    fn shape(&mut self, batch: Batch, pushdown: Pushdown) -> Result<ParsedBlock, Misfit> {
        let Origin { source, start, end, .. } = batch.origin().clone();
        let block = Block {
            bytes: bytes::Bytes::new(),
            source,
            start,
            end,
            part: Part::Whole,
            is_first: start == 0,
            dialect: 0,
            mark_lines: Some(0),
        };
        let batch = self.options.shape.with_constants(self.options.shape.placed(batch), &pushdown.fields).map_err(Misfit)?;
        let are_read = self.options.lines || pushdown.places;
        let batch = match batch.places() {
            // They were told in case that somebody asks.
            Places::Whole { shown: false, .. } if !are_read => batch.with_places(Places::Unknown),
            _ => batch,
        };
        let mut parsed = Parsed { lines: batch.len() as u32, blank: 0, batch, rejects: Vec::new() };
        let spans = RecordSpans { block: &block, boundary: &Lines::default(), row_start: None, has_lines: false };
        self.options.shape.apply(&mut parsed, &pushdown.fields, &spans);
        let outgoing = self.filter.pack(&self.options.packing, &parsed.batch, &pushdown.conditions);
        let bytes = end - start;
        Ok(ParsedBlock {
            block,
            parsed,
            outgoing,
            kept: None,
            bytes,
            is_first: start == 0,
            head_lines: Some(0),
            inside: None,
            failure: None,
            continuity: None,
            growing: None,
            pushdown,
            rest: None,
            stage: Stage::default(),
        })
    }
}

/// Whether a column has values of a type that its field does not lead to expect, numbers among numbers aside: of these somebody may ask
/// where they stand.
fn is_odd(batch: &Batch) -> bool {
    let is_number = |kind: Type| matches!(kind, Type::Int | Type::Float);
    batch.schema().fields().iter().zip(batch.columns()).any(|(field, column)| {
        field.open
            && column.parts().iter().any(|part| {
                let kind = part.kind();
                kind != Type::Null && kind != field.kind && !(is_number(kind) && (is_number(field.kind) || field.kind == Type::Mixed))
            })
    })
}

/// The lines of the block that the rows begin at, from 0; `place` is where a row begins in the block.
fn lines_of(batch: &Batch, block: &[u8], place: impl Fn(usize) -> usize) -> Vec<i64> {
    let starts: Vec<usize> = (0..batch.physical_rows()).map(place).collect();
    if each_is_a_line(&starts, block) { (0..starts.len() as i64).collect() } else { counted_lines(&starts, block) }
}

/// Whether the records that begin here are the first lines of the block, one after the other, which nearly all are. Each that begins
/// behind a line break has one more before it than the record before, so when there are no more of them in all, there is one each:
/// counted at once, which costs less than to count record by record ([`counted_lines`]).
fn each_is_a_line(starts: &[usize], block: &[u8]) -> bool {
    let (Some(&first), Some(&last)) = (starts.first(), starts.last()) else { return true };
    let follows = |two: &[usize]| two[0] < two[1] && block.get(two[1] - 1) == Some(&b'\n');
    first == 0 && starts.windows(2).all(follows) && memchr::memchr_iter(b'\n', &block[..last]).count() == starts.len() - 1
}

/// The same of any records.
fn counted_lines(starts: &[usize], block: &[u8]) -> Vec<i64> {
    let (mut at, mut line) = (0, 0);
    starts
        .iter()
        .map(|&start| {
            // Parts of records may lie among those of others.
            if start < at {
                (at, line) = (0, 0);
            }
            line += memchr::memchr_iter(b'\n', &block[at..start]).count() as i64;
            at = start;
            line
        })
        .collect()
}

/// The numbers of the records in the block, from 0, with the rejects among them.
fn records_of(parsed: &Parsed) -> Vec<i64> {
    let mut rejects = parsed.rejects.iter().peekable();
    let mut before = 0;
    (0..parsed.batch.physical_rows())
        .map(|row| {
            while rejects.next_if(|reject| reject.records_before as usize <= row).is_some() {
                before += 1;
            }
            row as i64 + before
        })
        .collect()
}

/// Lines are told by their numbers in the whole block, of which only some were left to be parsed.
fn renumber(has_lines: bool, parsed: &mut Parsed, kept: &KeptLines, whole: &[u8]) {
    let newlines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count() as u32;
    if !has_lines {
        parsed.lines += kept.filtered as u32;
        return;
    }
    let (mut at, mut line) = (0, 0);
    for reject in &mut parsed.rejects {
        let place = kept.place(reject.start as usize);
        line += newlines(&whole[at..place]);
        at = place;
        reject.line = line;
    }
    parsed.lines = kept.lines;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::testing::block;
    use crate::format::{Args, FORMATS, Start, Wanted};

    #[test]
    fn a_parser_that_stops_earlier_the_second_time_loses_nothing() {
        let Start::Blocks(start) = FORMATS.iter().find(|spec| spec.name == "lines").unwrap().start else { panic!() };
        let block = block(b"0123456789");
        let plan = start(&Args::default()).unwrap().plan(&block).unwrap();
        let piece = PlannedBlock::new(block, plan, Arc::new(Lines::default()), Wanted::all());
        let mut stops = [Some(7), Some(4), None].into_iter();
        let mut seen = Vec::new();
        let (last, rest) = first_batch(&piece, |part| {
            seen.push((part.block.bytes.clone(), part.block.end));
            Ok::<_, ()>((part.block.bytes, stops.next().flatten()))
        })
        .unwrap();
        assert_eq!(seen, [(b"0123456789"[..].into(), 10), (b"0123456"[..].into(), 7), (b"0123"[..].into(), 4)]);
        let rest = rest.unwrap().block;
        assert_eq!((&last[..], &rest.bytes[..], rest.start, rest.end), (&b"0123"[..], &b"456789"[..], 4, 10));
        assert!(first_batch(&piece, |part| Ok::<_, ()>((part, None))).unwrap().1.is_none());
    }

    proptest! {
        #[test]
        fn lines_that_are_counted_at_once_are_those_that_are_counted_one_by_one(
            block in prop::collection::vec(prop::sample::select(b"a\n".to_vec()), 0..40),
            cuts in prop::collection::vec(0..41_usize, 0..12),
            is_by_lines in any::<bool>(),
        ) {
            let newlines = memchr::memchr_iter(b'\n', &block).map(|at| at + 1);
            let mut starts: Vec<usize> = match is_by_lines {
                true => std::iter::once(0).chain(newlines).filter(|&start| start < block.len()).collect(),
                false => cuts.iter().copied().filter(|&start| start <= block.len()).collect(),
            };
            // Some of the lines are none of records.
            if let Some(&cut) = cuts.first().filter(|&&cut| cut < starts.len()) {
                starts.remove(cut);
            }
            if each_is_a_line(&starts, &block) {
                prop_assert_eq!((0..starts.len() as i64).collect::<Vec<_>>(), counted_lines(&starts, &block));
            }
        }
    }

    #[test]
    fn records_that_are_lines_are_seen_to_be() {
        assert!(each_is_a_line(&[0, 2, 3, 6], b"a\n\nbb\nc"));
        for (starts, why) in
            [(&[0, 3, 6][..], "a blank line"), (&[2, 3, 6], "a line before"), (&[0, 1], "a part of a line"), (&[0, 2, 2], "twice")]
        {
            assert!(!each_is_a_line(starts, b"a\n\nbb\nc"), "{why}");
        }
    }
}
