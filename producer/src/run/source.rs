//! The generator at the head of a run: what is pulled, one item at a time, in the order of the input.
//!
//! Pulling is done by one worker at a time, so what can be done later, by all of them at once, had better be: a block is pulled
//! with the plan to parse it, and parsed where there is time. [`BlockSource`] does that for every format whose records lie in
//! blocks; the others make batches in their own way.

use std::sync::Arc;

use recpipe::Exit;
use recpipe::record::{Batch, Schema};
use recpipe::wire::Report;

use crate::format::{Format, Plan, Unit, Wanted};
use crate::input::ahead::Threads;
use crate::input::block::{Block, Part};
use crate::input::boundary::{Boundary, Resume};
use crate::input::follow::Cost;
use crate::input::{Blocks, InputError, Inputs, Item};

impl Piece {
    /// A block of whole records; the head of its input, as the plan has it, is cut off.
    pub(super) fn new(mut block: Block, plan: Arc<dyn Plan>, boundary: Arc<dyn Boundary>, wanted: Wanted) -> Self {
        // A head may be longer than a block.
        let len = (plan.head_bytes() as u64).saturating_sub(block.start).min(block.bytes.len() as u64) as usize;
        let head = block.bytes.split_to(len);
        block.start += len as u64;
        let head_lines = memchr::memchr_iter(b'\n', &head).count() as u32;
        Piece { block, plan, boundary, wanted, head_lines }
    }

    /// Cuts it in two at this place of the block, where a record begins; answers the second part.
    pub(super) fn split_off(&mut self, at: usize) -> Piece {
        let mut rest = Piece { head_lines: 0, ..self.clone() };
        rest.block.bytes = self.block.bytes.split_off(at);
        self.block.end = self.block.start + at as u64;
        rest.block.start = self.block.end;
        rest.block.is_first = false;
        rest
    }
}

/// A generator: lazy, and gone through once.
pub trait Source: Send {
    /// What its records are called.
    fn unit(&self) -> Unit;

    /// The schema to announce when there is no input at all. Asked for when nothing is pulled any more.
    fn schema(&self) -> Arc<Schema>;

    /// The names of all the fields that its records may ever have, when that is known before any input is read.
    fn known_fields(&self) -> Option<Vec<String>>;

    /// The rest of this input is of no use to anybody. What was pulled of it already does not count.
    fn give_up(&mut self, _input: &Arc<str>) {}

    /// The next item; `None` at the end, or when the reading was ended. Fields that are not wanted may be left out.
    fn next(&mut self, wanted: &Wanted) -> Option<Pulled>;

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
pub enum Pulled {
    /// A block, to be parsed.
    Block(Piece),
    /// A piece of a record that is too long to be parsed.
    Long(Long),
    /// Records. Their origin's source is what a message about them names.
    Batch(Batch),
    /// Something that the reader of the stream is told, after which the reading goes on. The run's exit code will be this.
    Problem(Report),
    /// What a person should know, after which the reading goes on.
    Notice {
        /// What happened, and where; `None` where that was said before.
        text: Option<String>,
        /// What it cost.
        cost: Cost,
    },
    /// What was typed does not fit what was read. The run ends.
    Misfit(String),
    /// Nothing has come for a while: it is looked whether somebody still wants it.
    Pulse,
}

/// A piece of a record that is longer than records may be.
#[derive(Debug)]
pub struct Long {
    /// The piece.
    pub block: Block,
    /// The most bytes that it may have.
    pub max_bytes: usize,
    /// If the input ended with this piece, the record would be torn.
    pub is_torn: bool,
}

impl Long {
    /// A piece that was cut at this boundary.
    pub fn new(block: Block, boundary: &dyn Boundary) -> Self {
        let is_torn = boundary.must_end() && boundary.resume(&block.bytes) != Resume::At(block.bytes.len());
        Long { block, max_bytes: boundary.max_bytes(), is_torn }
    }
}

/// A block and how to read it.
#[derive(Clone)]
pub struct Piece {
    /// Without the head of its input.
    pub block: Block,
    /// How it is read.
    pub plan: Arc<dyn Plan>,
    /// Where its records end.
    pub boundary: Arc<dyn Boundary>,
    /// What has to be parsed of it.
    pub wanted: Wanted,
    /// The newlines in the head that was cut off; none in all blocks but the first of an input.
    pub head_lines: u32,
}

impl From<Result<Piece, String>> for Pulled {
    fn from(piece: Result<Piece, String>) -> Self {
        piece.map_or_else(Pulled::Misfit, Pulled::Block)
    }
}

impl From<InputError> for Pulled {
    fn from(problem: InputError) -> Self {
        Pulled::Problem(Report { exit: Exit::Failed, message: problem.to_string() })
    }
}

/// The blocks of a format that has blocks.
pub struct BlockSource<'a> {
    blocks: Blocks<'a>,
    format: Box<dyn Format>,
    boundary: Arc<dyn Boundary>,
    plan: Option<Arc<dyn Plan>>,
    /// Samples are to be shown to the format first.
    learns: bool,
}

impl<'a> BlockSource<'a> {
    /// Reads the inputs as this format; with `threads`, compressed ones are decompressed there.
    pub fn new(inputs: Inputs, format: Box<dyn Format>, threads: Option<Threads<'a>>) -> Self {
        let boundary = format.boundary();
        let mut blocks = Blocks::new(inputs, boundary.clone());
        if let Some(threads) = threads {
            blocks = blocks.ahead(threads);
        }
        BlockSource { blocks, learns: format.learns(), format, boundary, plan: None }
    }

    /// The first block of whole records of every input is shown to the format.
    fn piece(&mut self, block: Block, wanted: &Wanted) -> Result<Piece, String> {
        let plan = match &self.plan {
            Some(plan) => plan.clone(),
            None => self.plan.insert(self.format.plan(&block)?).clone(),
        };
        let boundary = self.boundary.of(block.dialect).unwrap_or_else(|| self.boundary.clone());
        Ok(Piece::new(block, plan, boundary, wanted.clone()))
    }
}

impl Source for BlockSource<'_> {
    fn unit(&self) -> Unit {
        self.format.unit()
    }

    fn schema(&self) -> Arc<Schema> {
        self.format.schema()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        self.format.known_fields()
    }

    fn give_up(&mut self, input: &Arc<str>) {
        self.blocks.give_up(input);
    }

    fn remark(&self) -> Option<String> {
        self.format.remark()
    }

    fn next(&mut self, wanted: &Wanted) -> Option<Pulled> {
        if std::mem::take(&mut self.learns)
            && let Err(misfit) = self.blocks.samples(&mut |sample| self.format.sample(sample))
        {
            return Some(Pulled::Misfit(misfit));
        }
        Some(match self.blocks.next()? {
            Item::Problem(problem) => problem.into(),
            Item::Notice(text) => Pulled::Notice { text: Some(text), cost: Cost::Nothing },
            Item::Block(block) => {
                if block.is_first {
                    self.plan = None;
                }
                match block.part {
                    Part::Whole => self.piece(block, wanted).into(),
                    Part::LongStart | Part::LongRest => Pulled::Long(Long::new(block, &*self.boundary)),
                }
            }
        })
    }
}
