//! What the bytes of an input mean. One format is one file here, and one row of [`FORMATS`], which the command line,
//! its help and its did-you-mean are made of.
//!
//! ```text
//! Format   one for a stream      sees the first block of every input, in order, and makes of it
//! Plan     one for an input      what all its blocks need (csv: the header), shared by the workers
//! Parser   one for a worker      takes blocks apart, one at a time, in any order
//! ```

pub mod apache;
mod wanted;

use std::sync::Arc;

use recpipe::record::{Batch, Schema};

pub use wanted::Wanted;

use crate::input::block::Block;

/// A row of the table of formats.
#[derive(Debug)]
pub struct FormatSpec {
    /// What is typed.
    pub name: &'static str,
    /// One line of help.
    pub about: &'static str,
    /// Makes a format for one stream.
    pub start: fn() -> Box<dyn Format>,
}

/// All formats, in the order of the help.
pub const FORMATS: &[FormatSpec] = &[apache::SPEC];

/// A format reading one stream.
pub trait Format: Send {
    /// The schema to announce when there is no input at all.
    fn schema(&self) -> Arc<Schema>;

    /// Looks at the first block of an input and says how all its blocks are to be read.
    ///
    /// Called for the inputs in their order, so that what is decided depends on them alone.
    fn plan(&mut self, first: &Block) -> Arc<dyn Plan>;
}

/// How the blocks of one input are read.
pub trait Plan: Send + Sync {
    /// A parser for one worker.
    fn parser(&self) -> Box<dyn Parser>;
}

/// Takes blocks apart.
pub trait Parser {
    /// The records and the rejects of one block of whole lines.
    ///
    /// A function of the block, the plan and what is wanted alone: not of the blocks before it, nor of the worker. What is
    /// wanted may leave out fields, never records or rejects.
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed;
}

/// What a block turned out to hold.
#[derive(Debug)]
pub struct Parsed {
    /// The records, with the block's place as their origin.
    pub batch: Batch,
    /// How many lines the block has.
    pub lines: u32,
    /// The lines that are no records, in order.
    pub rejects: Vec<Reject>,
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Its number in the block, from 0.
    pub line: u32,
    /// How many of the block's records come before it.
    pub records_before: u32,
    /// Where it lies in the block, without its line end.
    pub start: u32,
    /// Its length in bytes.
    pub len: u32,
}

impl Reject {
    /// The line itself.
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
