//! What a format implements: a [`Format`] for a stream makes a [`Plan`] for each input, whose [`Parser`]s take the blocks apart.

use std::borrow::Cow;
use std::sync::Arc;

use recpipe::record::{Batch, Growing, Schema};

use super::continuity::{Continuity, Failure};
use super::wanted::Wanted;
use crate::input::block::Block;
use crate::input::boundary::{self, Boundary};
use crate::input::clock::Clock;

/// What the records of a format are called where they are counted, and how the place of one is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A record is a line.
    Line,
    /// A record may have several lines.
    Row,
    /// A record may have several lines, or share one with others.
    Object,
    /// There are no lines: a record is found by its number, and by the place of its first byte.
    Record,
    /// A record is a file, which has no place in an input.
    File,
}

impl Unit {
    /// What is counted.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Unit::Line => "line",
            Unit::Row => "row",
            Unit::Object => "object",
            Unit::Record => "record",
            Unit::File => "file",
        }
    }

    /// Whether the place of a record is the number of its line; otherwise it is the number of the record.
    #[doc(hidden)]
    pub fn has_lines(self) -> bool {
        matches!(self, Unit::Line | Unit::Row | Unit::Object)
    }

    /// What numbers the place of a record in its input.
    pub(crate) fn numbered(self) -> &'static str {
        if self.has_lines() { "line" } else { "record" }
    }
}

/// A format reading one stream.
pub trait Format: Send {
    /// Where its records end. The same for the whole stream.
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(boundary::Lines::default())
    }

    /// What its records are called.
    fn unit(&self) -> Unit {
        Unit::Line
    }

    /// The schema to announce when there is no input at all.
    fn schema(&self) -> Arc<Schema>;

    /// The names of all the fields that its records may ever have, when that is known before any input is read.
    fn known_fields(&self) -> Option<Vec<String>> {
        Some(self.schema().names().map(str::to_owned).collect())
    }

    /// Whether the fields or their types are learned from the inputs: then samples are shown before the first plan is made.
    fn learns(&self) -> bool {
        false
    }

    /// Learns from a sample: the whole records that an input begins with. A sample without records decides no types.
    ///
    /// Called for the inputs in their order, before the first plan is made. Of inputs that are found later, such as files that are
    /// followed, it is called before theirs: then only what is new counts.
    ///
    /// # Errors
    ///
    /// As [`Format::plan`].
    fn sample(&mut self, _first: &Block) -> Result<(), String> {
        Ok(())
    }

    /// Looks at the first block of an input and says how all its blocks are to be read.
    ///
    /// Called for the inputs in their order, so that what is decided depends on them alone.
    ///
    /// # Errors
    ///
    /// What was typed does not fit the input (a column that is not there): that ends the run as a usage error.
    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String>;

    /// Looks at a later block of an input, in their order: a header in one says how those after it are read. `None` where they are read as
    /// those before.
    ///
    /// # Errors
    ///
    /// As [`Format::plan`].
    fn replan(&mut self, _block: &Block) -> Result<Option<Arc<dyn Plan>>, String> {
        Ok(None)
    }

    /// What tells when a record was written, where its bytes do.
    #[doc(hidden)]
    fn clock(&self) -> Option<Arc<dyn Clock>> {
        None
    }

    /// What a person should know when all blocks were parsed.
    fn remark(&self) -> Option<String> {
        None
    }
}

/// How the blocks of one input are read.
pub trait Plan: Send + Sync {
    /// The place in the input before which there are no records but a header. Parsers are not shown what is before it.
    fn head_bytes(&self) -> usize {
        0
    }

    /// The fields of the stream so far, where a block may have others beyond those.
    fn growing(&self) -> Option<&Arc<Growing>> {
        None
    }

    /// A parser for one worker.
    fn parser(&self) -> Box<dyn Parser>;
}

/// Takes blocks apart.
pub trait Parser: Send {
    /// The records and the rejects of one block of whole records.
    ///
    /// A function of the block, the plan and what is wanted alone: not of the blocks before it, nor of the worker (but for fields
    /// without values, where the plan is [growing](Plan::growing)). What is wanted may leave out fields, never records or rejects.
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed;

    /// Where a record of the block that was parsed last begins in it; `row` is one of the batch's.
    fn row_start(&self, row: usize) -> usize;

    /// Where in the block that was parsed last a record begins with which, and with those before it, there would be more than one
    /// batch may hold; what was parsed is what is before it, at least one record. The rest is shown again as a block of its own.
    fn stopped_at(&self) -> Option<usize> {
        None
    }

    /// Why nothing after the records of the block that was parsed last can be read of its input, if that is so.
    #[doc(hidden)]
    fn failure(&mut self) -> Option<Failure> {
        None
    }

    /// What of the block that was parsed last has to fit its neighbours, if the format has such things.
    #[doc(hidden)]
    fn continuity(&mut self) -> Option<Continuity> {
        None
    }
}

/// What a block turned out to hold.
#[derive(Debug)]
pub struct Parsed {
    /// The records, with the block's place as their origin.
    pub batch: Batch,
    /// By how much the block moves the number of a place: how many lines it has, or records where there are no lines.
    pub lines: u32,
    /// Lines with nothing in them that were passed over, where the format allows that.
    pub blank: u32,
    /// The units that are no records, in order.
    pub rejects: Vec<Reject>,
}

/// Something that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The number of its place in the block, from 0.
    pub line: u32,
    /// How many of the block's records come before it.
    pub records_before: u32,
    /// Where it lies in the block, without its line end.
    pub start: u32,
    /// Its length in bytes.
    pub len: u32,
    /// What is wrong with it; empty when there is no more to say than that it is no record.
    pub why: Cow<'static, str>,
}

impl Reject {
    /// The bytes themselves.
    #[doc(hidden)]
    pub fn text<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        &block[self.start as usize..][..self.len as usize]
    }
}
