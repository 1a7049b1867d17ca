//! What each worker does with what was pulled: grep, parse, shape, and encode.

use std::sync::Arc;

use recpipe::Error;
use recpipe::parallel::Worker;
use recpipe::record::{Batch, Origin};
use recpipe::wire::{self, Encoded, Report};

use super::Options;
use super::grep::{Grep, Left};
use super::shape::Spots;
use super::source::{Piece, Pulled};
use crate::format::seam::{Failure, Seam};
use crate::format::{Parsed, Parser, Plan, Wanted};
use crate::input::block::{Block, Part};
use crate::input::boundary::Lines;

/// What became of a [`Pulled`].
pub(super) enum Done {
    /// Records and rejects.
    Parsed(Box<Take>),
    /// As it was pulled.
    Long(Block, usize),
    /// As it was pulled.
    Problem(Report),
    /// As it was pulled.
    Notice { text: String, loss: bool },
    /// As it was pulled.
    Misfit(String),
}

/// A block that was parsed, and its frames.
pub(super) struct Take {
    /// What rejects lie in.
    pub block: Block,
    pub parsed: Parsed,
    pub frames: Result<Vec<Encoded>, Error>,
    /// Units that were not wanted.
    pub filtered: u64,
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
}

/// A worker: keeps its parser for as long as the plan is the same.
pub(super) struct Work<'a> {
    options: &'a Options,
    /// A clone has scratch space of its own: threads that share it wait for each other.
    grep: Option<Grep>,
    has_lines: bool,
    parser: Option<(Arc<dyn Plan>, Box<dyn Parser>)>,
}

/// What was pulled, and what the consumer reads of it.
type Job = (Pulled, Wanted);

impl Worker<Job> for Work<'_> {
    type Out = Done;
    type Last = ();

    fn work(&mut self, (item, read): Job) -> Done {
        match item {
            Pulled::Problem(report) => Done::Problem(report),
            Pulled::Notice { text, loss } => Done::Notice { text, loss },
            Pulled::Misfit(misfit) => Done::Misfit(misfit),
            Pulled::Long(block, max_bytes) => Done::Long(block, max_bytes),
            Pulled::Block(piece) => Done::Parsed(Box::new(self.parse(piece, &read))),
            Pulled::Batch(batch) => Done::Parsed(Box::new(self.shape(batch, &read))),
        }
    }

    fn finish(self) {}
}

impl<'a> Work<'a> {
    /// `has_lines`: whether places are numbered by lines.
    pub(super) fn new(options: &'a Options, has_lines: bool) -> Self {
        Work { options, grep: options.grep.clone(), has_lines, parser: None }
    }

    fn parse(&mut self, piece: Piece, read: &Wanted) -> Take {
        let Piece { mut block, plan, boundary, wanted, head_bytes, head_lines } = piece;
        let parser = match &mut self.parser {
            Some((known, parser)) if Arc::ptr_eq(known, &plan) => parser,
            slot => &mut slot.insert((plan.clone(), plan.parser())).1,
        };
        let is_first = block.start == u64::from(head_bytes);
        let bytes = block.bytes.len() as u64 + u64::from(head_bytes);
        let left = self.grep.as_ref().map(|grep| grep.filter(&block.bytes, &*boundary));
        let whole = left.as_ref().map(|left| std::mem::replace(&mut block.bytes, left.bytes.clone()));
        let mut parsed = parser.parse(&block, &wanted);
        let row_start = |row| parser.row_start(row);
        let spots = Spots { block: &block, boundary: &*boundary, row_start: Some(&row_start), has_lines: self.has_lines };
        self.options.shape.apply(&mut parsed, read, &spots);
        if let (Some(left), Some(whole)) = (&left, &whole) {
            renumber(self.has_lines, &mut parsed, left, whole);
        }
        // Where not all was parsed, not all was there to fit.
        let seam = if left.is_none() { parser.seam() } else { None };
        let place = |at| left.as_ref().map_or(at, |left| left.place(at));
        let failure = parser.failure().map(|failure| Failure { at: place(failure.at), ..failure });
        let frames = wire::encode(&parsed.batch);
        Take { block, parsed, frames, filtered: left.map_or(0, |left| left.filtered), bytes, is_first, head_lines, failure, seam }
    }

    fn shape(&self, batch: Batch, read: &Wanted) -> Take {
        let Origin { source, start, end, .. } = batch.origin().clone();
        let block = Block { bytes: bytes::Bytes::new(), source, start, end, part: Part::Whole };
        let mut parsed = Parsed { lines: batch.len() as u32, blank: 0, batch, rejects: Vec::new() };
        let spots = Spots { block: &block, boundary: &Lines::default(), row_start: None, has_lines: false };
        self.options.shape.apply(&mut parsed, read, &spots);
        let frames = wire::encode(&parsed.batch);
        let bytes = end - start;
        Take { block, parsed, frames, filtered: 0, bytes, is_first: start == 0, head_lines: 0, failure: None, seam: None }
    }
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
