//! What goes to the workers, and what comes of it.

use std::sync::Arc;

use recpipe::record::{Growing, Origin, PlaceField};
use recpipe::{Error, Flow};

use super::grep::KeptLines;
use super::inside::Inside;
use super::rejects::TooMany;
use crate::format::Parsed;
use crate::format::continuity::{Continuity, Failure};
use crate::format::source::{LongPiece, Misfit, Problem, Pulled, Unparsed};
use crate::input::block::Block;
use crate::input::event::Event;
use crate::output::{Outgoings, Pushdown};

/// What a worker is given.
pub(super) enum Job {
    /// What was pulled, and what the consumers need of it.
    Pulled(Pulled, Pushdown),
    /// The rest of a block, of which there is more than one batch holds.
    Rest(Box<Unparsed>, Pushdown),
    /// A block whose records are not those that were encoded any more.
    Encode(Box<ParsedBlock>),
}

/// What a worker made of a block.
pub(super) enum Worked {
    /// Records and rejects.
    Parsed(Box<ParsedBlock>),
    /// As it was pulled.
    Long(LongPiece),
}

/// What a worker made of what was pulled; what is not parsed is as it was pulled.
pub(super) type WorkResult = Result<Event<Worked, Problem>, Misfit>;

/// What comes of a result.
pub(super) enum Verdict {
    /// It was taken.
    Taken(Flow),
    /// This has to be done first; what comes of it is to be taken before all others.
    Again(Job),
}

/// A block that was parsed, and what is sent of it.
pub(super) struct ParsedBlock {
    /// What rejects lie in.
    pub block: Block,
    pub parsed: Parsed,
    pub(crate) outgoing: Result<Outgoings, Error>,
    /// What of the block was wanted, when not all of it was. The bytes of `block` are this then.
    pub kept: Option<KeptLines>,
    /// Bytes that were read for it.
    pub bytes: u64,
    /// Whether it is the first of its input.
    pub is_first: bool,
    /// Lines before it that are no units, where they were counted.
    pub head_lines: Option<u32>,
    /// Which of its records are in the window, if there is one; the batch has no others.
    pub inside: Option<Inside>,
    /// Why nothing after its records can be read of the input.
    pub failure: Option<Failure>,
    /// What has to fit the blocks around it.
    pub continuity: Option<Continuity>,
    /// The fields of the stream, where they may grow.
    pub growing: Option<Arc<Growing>>,
    /// What the consumers need of it.
    pub pushdown: Pushdown,
    /// The rest of the block, of which there is more than one batch holds.
    pub rest: Option<Box<Unparsed>>,
    /// How far the sink is with it.
    pub stage: Stage,
}

impl ParsedBlock {
    /// The place in the input of what begins here in the block's bytes.
    pub(super) fn place(&self, start: u32) -> u64 {
        let start = start as usize;
        self.block.start + self.kept.as_ref().map_or(start, |kept| kept.place(start)) as u64
    }

    /// Records that are not sent, because no consumer needs them.
    pub(super) fn left_out(&self) -> u64 {
        self.outgoing.as_ref().map_or(0, |outgoing| outgoing.left_out)
    }

    /// How many records it has, those outside of the window too.
    pub(super) fn all_records(&self) -> usize {
        self.inside.as_ref().map_or(self.parsed.batch.len(), |inside| inside.total)
    }

    /// How many of its first `n` records are in the window.
    pub(super) fn of_first(&self, n: usize) -> usize {
        self.inside.as_ref().map_or(n, |inside| inside.of_first(n))
    }

    /// Sets the number of the line that the block begins with, for those who may ask where a record stands. Records that were made
    /// elsewhere keep theirs.
    pub(super) fn set_line(&mut self, line: Option<u64>) {
        let Some(line) = line.filter(|_| self.parsed.batch.places().lines().is_some() && !self.block.bytes.is_empty()) else { return };
        let origin = Origin { line, ..self.parsed.batch.origin().clone() };
        self.parsed.batch = self.parsed.batch.clone().with_origin(origin);
        let batch = &self.parsed.batch;
        if let Some((place, column)) = batch.schema().index_of(PlaceField::Line.name()).zip(PlaceField::Line.column(batch)) {
            let mut columns = batch.columns().to_vec();
            columns[place] = column;
            let numbered = batch.with_columns(batch.schema().clone(), columns);
            self.parsed.batch = numbered.unwrap_or_else(|_| unreachable!("its lines fitted it without their numbers"));
        }
        for outgoing in self.outgoing.iter_mut().flat_map(|outgoing| &mut outgoing.list) {
            outgoing.set_line(line);
        }
    }
}

/// How far the sink is with a block.
#[derive(Default)]
pub(super) enum Stage {
    /// It comes from a worker.
    #[default]
    Parsed,
    /// It fits the blocks before it, and has the fields of the stream.
    Placed,
    /// It has too many rejects, and was cut down to the records before the last of them.
    CutShort(CutShort),
}

/// What the ledger is told of a block that ends the run.
pub(super) struct CutShort {
    pub lines: u64,
    pub rejected: u64,
    pub bytes: u64,
    pub why: TooMany,
}
