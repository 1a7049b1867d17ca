//! What a word of the language has to offer, and the list of them that the language is given.
//!
//! The parser, the checker, help, "did you mean" and completions read a [`Catalog`] and nothing else; a new word is a
//! new row. Keywords of expressions stand in `parse_expr.rs`.

use std::{any::Any, fmt::Debug, ops::RangeInclusive, sync::Arc};

use super::{
    aggregates::{CheckAggregate, percentile_share},
    check::Upstream,
    check_expr::Checker,
    functions::CheckCall,
    parse::{Parsed, Parser},
};
use crate::{
    plan::{About, Sink},
    span::Span,
};

/// All words of a language, in the order in which help shows them.
#[derive(Debug)]
pub struct Catalog {
    /// The stages, the outputs at their end.
    pub stages: &'static [&'static StageWord],
    /// The stage that a query may name by its first aggregate alone.
    pub of_aggregate: &'static StageWord,
    /// Parses that stage after the name of the aggregate.
    pub parse_of_aggregate: fn(&mut Parser<'_>, &str, Span) -> Parsed,
    /// What is written into files, by their extensions.
    pub files: &'static [&'static FileWord],
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
    pub parse: fn(&mut Parser<'_>) -> Parsed,
}

/// A stage as it was written.
pub trait Syntax: Any + Debug + Send + Sync {
    /// Fits it to the records that the stages before it give, and adds it to them, or reports what is wrong with it.
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span);
}

impl dyn Syntax {
    /// The syntax itself, for the tests of what it was made of.
    #[cfg(test)]
    pub(crate) fn is<T: Syntax>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// What a stage's parser gives.
pub fn parsed(syntax: impl Syntax) -> Arc<dyn Syntax> {
    Arc::new(syntax)
}

/// What is written into files of one extension.
#[derive(Debug)]
pub struct FileWord {
    /// The extension, without its dot.
    pub extension: &'static str,
    /// What writes the columns that are in scope.
    pub sink: fn(&Checker<'_>) -> Arc<dyn Sink>,
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
    pub(in crate::language) check: CheckCall,
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
pub(crate) fn percentiles(word: &str) -> Option<&'static str> {
    let is_one = word.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    is_one.then_some("percentiles are `p1` to `p99` and `p999`; for others write `quantile(x, 0.5)`")
}
