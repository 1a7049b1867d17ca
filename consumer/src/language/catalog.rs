//! What a word of the language has to offer, and the list of them that the language is given.
//!
//! The parser, the checker, help, "did you mean" and completions read a [`Catalog`] and nothing else; a new word is a
//! new row. Keywords of expressions stand in `parse_expr.rs`.

use std::ops::RangeInclusive;

use super::{
    aggregates::{CheckAggregate, percentile_share},
    ast::StageKind,
    check_call::CheckCall,
    parse::{Parsed, Parser},
};
use crate::plan::About;

/// All words of a language, in the order in which help shows them.
#[derive(Debug)]
pub struct Catalog {
    /// The stages, the outputs at their end.
    pub stages: &'static [&'static StageWord],
    /// The aggregates.
    pub aggregates: &'static [&'static AggregateWord],
    /// The functions.
    pub functions: &'static [&'static FunctionWord],
}

/// A stage.
#[derive(Debug)]
pub struct StageWord {
    /// What is said of it.
    pub about: About,
    /// Parses what stands after the word.
    pub(crate) parse: fn(&mut Parser<'_>) -> Parsed<StageKind>,
}

/// An aggregate: many records in, one value out.
#[derive(Debug)]
pub struct AggregateWord {
    /// The word.
    pub name: &'static str,
    /// How it is written.
    pub syntax: &'static str,
    /// What it computes, in one line.
    pub doc: &'static str,
    /// A use of it over a web server's log.
    pub example: &'static str,
    /// How many arguments it takes.
    pub args: RangeInclusive<usize>,
    /// Checks a use of it.
    pub(in crate::language) check: CheckAggregate,
}

/// A function: values of one record in, one value out.
#[derive(Debug)]
pub struct FunctionWord {
    /// The word.
    pub name: &'static str,
    /// How it is written.
    pub syntax: &'static str,
    /// What it computes, in one line.
    pub doc: &'static str,
    /// A use of it over a web server's log.
    pub example: &'static str,
    /// How many arguments it takes.
    pub args: RangeInclusive<usize>,
    /// Checks a call of it.
    pub(crate) check: CheckCall,
}

impl Catalog {
    /// The stage of this name or synonym.
    pub fn stage(&self, word: &str) -> Option<&'static StageWord> {
        self.stages.iter().find(|row| row.about.names().any(|name| name == word)).copied()
    }

    /// The aggregate of this name. One row stands for all percentiles.
    pub fn aggregate(&self, word: &str) -> Option<&'static AggregateWord> {
        let word = if percentile_share(word).is_some() { "p95" } else { word };
        self.aggregates.iter().find(|row| row.name == word).copied()
    }

    /// The function of this name.
    pub fn function(&self, word: &str) -> Option<&'static FunctionWord> {
        self.functions.iter().find(|row| row.name == word).copied()
    }
}

/// What to say of a word that looks like a percentile and is no aggregate.
pub(super) fn percentiles(word: &str) -> Option<&'static str> {
    let is_one = word.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    is_one.then_some("percentiles are `p1` to `p99` and `p999`; for others write `quantile(x, 0.5)`")
}
