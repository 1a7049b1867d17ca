//! What the bytes of an input mean. One format is one file here, and one row of [`FORMATS`], which the command line,
//! its help and its did-you-mean are made of.
//!
//! Most formats take blocks of whole records apart, on all workers at once:
//!
//! ```text
//! Format   one for a stream      says where records end, sees samples of all inputs, then the first block of each, and makes of it
//! Plan     one for an input      what all its blocks need (csv: the header), shared by the workers
//! Parser   one for a worker      takes blocks apart, one at a time, in any order
//! ```
//!
//! A format whose records do not lie in bytes that can be cut (`find`, `records`) is a [`Source`] of its own instead.

pub mod apache;
mod args;
pub mod csv;
mod find;
mod growing;
pub mod json;
mod kinds;
pub mod lines;
mod names;
mod near;
mod pickle;
mod records;
pub mod regex;
pub mod seam;
mod struct_;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
mod untyped;
mod wanted;
mod xml;

use std::borrow::Cow;
use std::sync::Arc;

use recpipe::record::{Batch, Growing, Schema};

use seam::{Failure, Seam};

pub use args::{Args, FormatOption, check_fields};
pub use near::near;
pub use untyped::Nulls;
pub use wanted::Wanted;

use crate::input::Inputs;
use crate::input::block::Block;
use crate::input::boundary::{self, Boundary};
use crate::run::source::Source;

/// A row of the table of formats.
#[derive(Debug)]
pub struct FormatSpec {
    /// What is typed.
    pub name: &'static str,
    /// The arguments that follow it, as the help names them: `PATTERN`. All of them must be given.
    pub args: &'static [&'static str],
    /// The options that this format has beyond those of all formats.
    pub options: &'static [FormatOption],
    /// One line of help.
    pub about: &'static str,
    /// Makes a format for one stream.
    pub start: Start,
}

impl FormatSpec {
    /// How it is typed: the name, what must follow it, and what may.
    pub fn usage(&self) -> String {
        let options = self.options.iter().map(|option| option.usage());
        let words: Vec<&str> = std::iter::once(self.name).chain(self.args.iter().copied()).chain(options).chain(["[PATH…]"]).collect();
        words.join(" ")
    }
}

/// Makes a source of what the PATHs mean.
pub type StartSource = fn(&Args, Inputs) -> Result<Box<dyn Source>, String>;

/// How a format begins. Both make something of the arguments, or say what is wrong with them.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    /// Its records lie in blocks.
    Blocks(fn(&Args) -> Result<Box<dyn Format>, String>),
    /// It makes batches in its own way of what the PATHs mean.
    Source(StartSource),
}

/// All formats, in the order of the help.
pub const FORMATS: &[FormatSpec] = &[
    apache::SPEC,
    lines::SPEC,
    regex::SPEC,
    csv::CSV,
    csv::TSV,
    json::SPEC,
    struct_::SPEC,
    xml::SPEC,
    pickle::SPEC,
    records::SPEC,
    find::SPEC,
];

/// What the records of a format are called where they are counted, and how the place of one is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// What is counted: `line`, `row`, `record`.
    pub counted: &'static str,
    /// What numbers the place in the input: `line` or `record`.
    pub placed: &'static str,
}

impl Unit {
    /// A record is a line.
    pub const LINE: Unit = Unit { counted: "line", placed: "line" };
    /// A record may be of several lines.
    pub const ROW: Unit = Unit { counted: "row", placed: "line" };
    /// A record may be of several lines, or of a part of one.
    pub const OBJECT: Unit = Unit { counted: "object", placed: "line" };
    /// There are no lines.
    pub const RECORD: Unit = Unit { counted: "record", placed: "record" };
}

/// A format reading one stream.
pub trait Format: Send {
    /// Where its records end. The same for the whole stream.
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(boundary::Lines::default())
    }

    /// What its records are called.
    fn unit(&self) -> Unit {
        Unit::LINE
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
pub trait Parser {
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
    fn failure(&mut self) -> Option<Failure> {
        None
    }

    /// What of the block that was parsed last has to fit its neighbours, if the format has such things.
    fn seam(&mut self) -> Option<Seam> {
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
    pub fn text<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        &block[self.start as usize..][..self.len as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_described() {
        for (i, spec) in FORMATS.iter().enumerate() {
            assert!(!spec.about.is_empty());
            assert!(spec.name.chars().all(|c| c.is_ascii_lowercase()));
            assert!(FORMATS[..i].iter().all(|other| other.name != spec.name));
        }
    }
}
