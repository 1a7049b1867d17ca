//! The generator at the head of a run: what is pulled, one item at a time, in the order of the input.
//!
//! One worker pulls at a time, so whatever can wait is left to the workers: a block is pulled with the plan to parse it, and is
//! parsed by whoever pulled it. A format whose records do not lie in blocks implements [`Source`] itself, and yields batches.

use std::sync::Arc;

use recpipe::Exit;
use recpipe::record::{Batch, Condition, Growing, Schema};
use recpipe::wire::Warning;

use super::continuity::Failure;
use super::plan::{Plan, Unit};
use super::wanted::Wanted;
use crate::input::InputError;
use crate::input::block::Block;
use crate::input::boundary::{Boundary, Resume};
use crate::input::event::Event;
use crate::input::window::Window;

/// A generator: lazy, and gone through once.
pub trait Source: Send {
    /// What its records are called.
    fn unit(&self) -> Unit;

    /// The schema to announce when there is no input at all. Pushdown for when nothing is pulled any more.
    fn schema(&self) -> Arc<Schema>;

    /// The names of all the fields that its records may ever have, when that is known before any input is read.
    fn known_fields(&self) -> Option<Vec<String>>;

    /// The rest of this input is of no use to anybody. What was pulled of it already does not count.
    fn give_up(&mut self, _input: &Arc<str>) {}

    /// The next item; `None` at the end, or when the reading was ended. Fields that are not wanted may be left out.
    fn next(&mut self, wanted: &Wanted) -> Option<Pulled>;

    /// What `--since` and `--until` leave of its records, if they were given.
    fn window(&self) -> Option<&Window> {
        None
    }

    /// Records for which not all of these hold are of no use to anybody: they may be left out, as far as that is cheap.
    fn hear(&mut self, _conditions: &Arc<[Condition]>) {}

    /// Whether the blocks of several inputs come in turns, those of each from its beginning.
    fn merges(&self) -> bool {
        false
    }

    /// Whether it ends by itself when a signal has ended the reading, because there is something left to give out. Nothing more
    /// is pulled of another.
    fn drains(&self) -> bool {
        false
    }

    /// What a person should know when all that was pulled was parsed.
    fn remark(&self) -> Option<String> {
        None
    }
}

/// What a [`Source`] yields.
pub type Pulled = Result<Event<Unparsed, Problem>, Misfit>;

/// What was typed does not fit what was read: why, as it is to be said. The run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit(pub String);

/// What a worker makes records of.
pub enum Unparsed {
    /// A block, to be parsed.
    Block(PlannedBlock),
    /// A piece of a record that is too long to be parsed.
    Long(LongPiece),
    /// Records that are parsed already. Their origin's source is what a message about them names.
    Batch(Batch),
    /// Records that a worker makes.
    Task(Box<dyn Task>),
}

/// Something that a worker makes records of, which is no block of bytes: it knows itself where they lie.
pub trait Task: Send {
    /// Makes the records. A function of the task and of what is wanted alone, as with [`Parser::parse`](super::Parser::parse).
    fn make(self: Box<Self>, wanted: &Wanted) -> Made;
}

/// What a [`Task`] made.
pub struct Made {
    /// The records, with their origin and their places.
    pub batch: Batch,
    /// The fields of the stream so far, where a batch may have others beyond those.
    pub growing: Option<Arc<Growing>>,
    /// Why nothing after these records can be read of their input, if that is so; its place counts from the start of the origin.
    pub failure: Option<Failure>,
    /// What is left, where there was more than one batch holds.
    pub rest: Option<Box<dyn Task>>,
}

/// An input, or the rest of it, that cannot be read. The run's exit code will be that of the warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The input that failed, as its blocks name it; `None` where another producer tells of an input of its own.
    pub input: Option<Arc<str>>,
    /// What the reader of the stream is told.
    pub warning: Warning,
}

impl From<InputError> for Problem {
    fn from(error: InputError) -> Self {
        Problem { input: Some(error.name().into()), warning: Warning { exit: Exit::Failed, message: error.to_string() } }
    }
}

/// A block and how to read it.
#[derive(Clone)]
pub struct PlannedBlock {
    /// Without the head of its input.
    pub block: Block,
    /// How it is read.
    pub plan: Arc<dyn Plan>,
    /// Where its records end.
    pub boundary: Arc<dyn Boundary>,
    /// What has to be parsed of it.
    pub wanted: Wanted,
    /// The newlines in the head that was cut off, and before it: `None` where nobody has counted those. Of other blocks than the first of an
    /// input, 0.
    pub head_lines: Option<u32>,
}

impl PlannedBlock {
    /// A block of whole records; the head of its input, as the plan has it, is cut off.
    pub fn new(mut block: Block, plan: Arc<dyn Plan>, boundary: Arc<dyn Boundary>, wanted: Wanted) -> Self {
        // A head may be longer than a block.
        let len = (plan.head_bytes() as u64).saturating_sub(block.start).min(block.bytes.len() as u64) as usize;
        let head = block.bytes.split_to(len);
        block.start += len as u64;
        let head_lines = block.mark_lines.map(|lines| lines + memchr::memchr_iter(b'\n', &head).count() as u32);
        PlannedBlock { block, plan, boundary, wanted, head_lines }
    }

    /// Cuts it in two at this place of the block, where a record begins; answers the second part.
    pub(crate) fn split_off(&mut self, at: usize) -> PlannedBlock {
        let mut rest = PlannedBlock { head_lines: Some(0), ..self.clone() };
        rest.block.bytes = self.block.bytes.split_off(at);
        self.block.end = self.block.start + at as u64;
        rest.block.start = self.block.end;
        (rest.block.is_first, rest.block.mark_lines) = (false, Some(0));
        rest
    }
}

/// A piece of a record that is longer than records may be.
#[derive(Debug)]
pub struct LongPiece {
    /// The piece.
    pub block: Block,
    /// The most bytes that a record may have.
    pub max_bytes: usize,
    /// If the input ended with this piece, the record would be torn.
    pub is_torn: bool,
}

impl LongPiece {
    /// A piece that was cut at this boundary.
    pub fn new(block: Block, boundary: &dyn Boundary) -> Self {
        let is_torn = boundary.must_end() && boundary.resume(&block.bytes) != Resume::At(block.bytes.len());
        LongPiece { block, max_bytes: boundary.max_bytes(), is_torn }
    }
}
