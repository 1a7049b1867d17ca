//! What each worker does with what was pulled: grep, parse, shape, and encode.

use std::sync::Arc;

use recpipe::Error;
use recpipe::parallel::Worker;
use recpipe::record::{Batch, Growing, Origin, PackedInts, Type};
use recpipe::wire::Report;

use super::Options;
use super::grep::{Grep, Left};
use super::shape::Spots;
use super::source::{Long, Piece, Pulled};
use crate::format::seam::{Failure, Seam};
use crate::format::{Parsed, Parser, Plan};
use crate::input::block::{Block, Part};
use crate::input::boundary::Lines;
use crate::input::follow::Cost;
use crate::output::{Asked, Parcels, Sieve};

/// What became of a [`Pulled`].
pub(super) enum Done {
    /// Records and rejects.
    Parsed(Box<Take>),
    /// As it was pulled.
    Long(Long),
    /// As it was pulled.
    Problem(Report),
    /// As it was pulled.
    Notice { text: Option<String>, cost: Cost },
    /// As it was pulled.
    Misfit(String),
    /// As it was pulled.
    Pulse,
}

/// A block that was parsed, and its frames.
pub(super) struct Take {
    /// What rejects lie in.
    pub block: Block,
    pub parsed: Parsed,
    pub frames: Result<Parcels, Error>,
    /// What of the block was wanted, when not all of it was. The bytes of `block` are this then.
    pub left: Option<Left>,
    /// Bytes that were read for it.
    pub bytes: u64,
    /// Whether it is the first of its input.
    pub is_first: bool,
    /// Lines before it that are no units.
    pub head_lines: u32,
    /// Why nothing after its records can be read of the input.
    pub failure: Option<Failure>,
    /// What has to fit the blocks around it.
    pub seam: Option<Seam>,
    /// The fields of the stream, where they may grow.
    pub growing: Option<Arc<Growing>>,
    /// What the consumer needs of it.
    pub asked: Asked,
    /// The rest of the block, of which there is more than one batch holds.
    pub rest: Option<Box<(Piece, Asked)>>,
}

impl Take {
    /// The place in the input of what begins here in the block's bytes.
    pub fn place(&self, start: u32) -> u64 {
        let start = start as usize;
        self.block.start + self.left.as_ref().map_or(start, |left| left.place(start)) as u64
    }

    /// Sets the number of the line that the block begins with, for those who may ask where a record stands.
    pub fn set_line(&mut self, line: u64) {
        if self.parsed.batch.lines().is_none() {
            return;
        }
        let origin = Origin { line, ..self.parsed.batch.origin().clone() };
        self.parsed.batch = self.parsed.batch.clone().with_origin(origin);
        for parcel in self.frames.iter_mut().flat_map(|frames| &mut frames.list) {
            parcel.set_line(line);
        }
    }
}

/// A worker: keeps its parser for as long as the plan is the same.
pub(super) struct Work<'a> {
    options: &'a Options,
    /// A clone has scratch space of its own: threads that share it wait for each other.
    grep: Option<Grep>,
    has_lines: bool,
    parser: Option<(Arc<dyn Plan>, Box<dyn Parser>)>,
    sieve: Sieve,
}

/// What was pulled, and what the consumer needs of it.
type Job = (Pulled, Asked);

impl Worker<Job> for Work<'_> {
    type Out = Done;
    type Last = ();

    fn work(&mut self, (item, asked): Job) -> Done {
        match item {
            Pulled::Problem(report) => Done::Problem(report),
            Pulled::Notice { text, cost } => Done::Notice { text, cost },
            Pulled::Misfit(misfit) => Done::Misfit(misfit),
            Pulled::Pulse => Done::Pulse,
            Pulled::Long(long) => Done::Long(long),
            Pulled::Block(piece) => Done::Parsed(Box::new(self.parse(piece, &asked))),
            Pulled::Batch(batch) => Done::Parsed(Box::new(self.shape(batch, &asked))),
        }
    }

    fn finish(self) {}
}

/// What is parsed of a piece, up to where the parser stops, and the rest.
///
/// What was parsed before it stopped is parsed once more, so that what is made is that of a block that ends there: this is rare. It may
/// stop earlier then: the stream has more fields by now, which leave less room for those of the block.
fn first_batch<T>(piece: &Piece, mut parse: impl FnMut(Piece) -> (T, Option<usize>)) -> (T, Option<Piece>) {
    let (mut parsed, mut stopped_at) = parse(piece.clone());
    let mut rest = None;
    while let Some(at) = stopped_at {
        let mut part = piece.clone();
        rest = Some(part.split_off(at));
        (parsed, stopped_at) = parse(part);
    }
    (parsed, rest)
}

impl<'a> Work<'a> {
    /// `has_lines`: whether places are numbered by lines.
    pub(super) fn new(options: &'a Options, has_lines: bool) -> Self {
        Work { options, grep: options.grep.clone(), has_lines, parser: None, sieve: Sieve::default() }
    }

    /// Parses a block, or as much of it as makes a batch.
    pub(super) fn parse(&mut self, piece: Piece, asked: &Asked) -> Take {
        let (mut take, rest) = first_batch(&piece, |part| self.parse_once(part, asked));
        take.rest = rest.map(|rest| Box::new((rest, asked.clone())));
        take
    }

    /// What becomes of a block, and where the parser stopped, if it did.
    fn parse_once(&mut self, piece: Piece, asked: &Asked) -> (Take, Option<usize>) {
        let Piece { mut block, plan, boundary, wanted, head_lines } = piece;
        let parser = match &mut self.parser {
            Some((known, parser)) if Arc::ptr_eq(known, &plan) => parser,
            slot => &mut slot.insert((plan.clone(), plan.parser())).1,
        };
        let is_first = block.is_first;
        let bytes = if is_first { block.end } else { block.bytes.len() as u64 };
        let left = self.grep.as_ref().map(|grep| grep.filter(&block.bytes, &*boundary));
        let whole = left.as_ref().map(|left| std::mem::replace(&mut block.bytes, left.bytes.clone()));
        let mut parsed = parser.parse(&block, &wanted);
        if is_odd(&parsed.batch) {
            let lines = match self.has_lines {
                true => lines_of(&parsed.batch, whole.as_ref().unwrap_or(&block.bytes), |row| {
                    let start = parser.row_start(row);
                    left.as_ref().map_or(start, |left| left.place(start))
                }),
                false => records_of(&parsed),
            };
            parsed.batch = parsed.batch.with_lines(Some(PackedInts::pack(&lines)));
        }
        let row_start = |row| parser.row_start(row);
        let spots = Spots { block: &block, boundary: &*boundary, row_start: Some(&row_start), has_lines: self.has_lines };
        self.options.shape.apply(&mut parsed, &asked.fields, &spots);
        if let (Some(left), Some(whole)) = (&left, &whole) {
            renumber(self.has_lines, &mut parsed, left, whole);
        }
        let place = |at| left.as_ref().map_or(at, |left| left.place(at));
        let seam = parser.seam().map(|seam| seam.placed(place));
        let failure = parser.failure().map(|failure| Failure { at: place(failure.at), ..failure });
        let growing = plan.growing().cloned();
        let stopped_at = parser.stopped_at().map(place);
        let frames = match stopped_at {
            None => self.sieve.parcels(&self.options.packing, &parsed.batch, &asked.conditions),
            Some(_) => Ok(Parcels::default()),
        };
        let asked = asked.clone();
        (Take { block, parsed, frames, left, bytes, is_first, head_lines, failure, seam, growing, asked, rest: None }, stopped_at)
    }

    fn shape(&mut self, batch: Batch, asked: &Asked) -> Take {
        let Origin { source, start, end, .. } = batch.origin().clone();
        let block = Block { bytes: bytes::Bytes::new(), source, start, end, part: Part::Whole, is_first: start == 0, dialect: 0 };
        let mut parsed = Parsed { lines: batch.len() as u32, blank: 0, batch, rejects: Vec::new() };
        let spots = Spots { block: &block, boundary: &Lines::default(), row_start: None, has_lines: false };
        self.options.shape.apply(&mut parsed, &asked.fields, &spots);
        let frames = self.sieve.parcels(&self.options.packing, &parsed.batch, &asked.conditions);
        let bytes = end - start;
        let asked = asked.clone();
        Take {
            block,
            parsed,
            frames,
            left: None,
            bytes,
            is_first: start == 0,
            head_lines: 0,
            failure: None,
            seam: None,
            growing: None,
            asked,
            rest: None,
        }
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
    let (mut at, mut line) = (0, 0);
    (0..batch.physical_rows())
        .map(|row| {
            let start = place(row);
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
fn renumber(has_lines: bool, parsed: &mut Parsed, left: &Left, whole: &[u8]) {
    let newlines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count() as u32;
    if !has_lines {
        parsed.lines += left.filtered as u32;
        return;
    }
    let (mut at, mut line) = (0, 0);
    for reject in &mut parsed.rejects {
        let place = left.place(reject.start as usize);
        line += newlines(&whole[at..place]);
        at = place;
        reject.line = line;
    }
    parsed.lines = left.lines;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::block;
    use crate::format::{Args, FORMATS, Start, Wanted};

    #[test]
    fn a_parser_that_stops_earlier_the_second_time_loses_nothing() {
        let Start::Blocks(start) = FORMATS.iter().find(|spec| spec.name == "lines").unwrap().start else { panic!() };
        let block = block(b"0123456789");
        let plan = start(&Args::default()).unwrap().plan(&block).unwrap();
        let piece = Piece::new(block, plan, Arc::new(Lines::default()), Wanted::all());
        let mut stops = [Some(7), Some(4), None].into_iter();
        let mut seen = Vec::new();
        let (last, rest) = first_batch(&piece, |part| {
            seen.push((part.block.bytes.clone(), part.block.end));
            (part.block.bytes, stops.next().flatten())
        });
        assert_eq!(seen, [(b"0123456789"[..].into(), 10), (b"0123456"[..].into(), 7), (b"0123"[..].into(), 4)]);
        let rest = rest.unwrap().block;
        assert_eq!((&last[..], &rest.bytes[..], rest.start, rest.end), (&b"0123"[..], &b"456789"[..], 4, 10));
        assert!(first_batch(&piece, |part| (part, None)).1.is_none());
    }
}
