//! What a word of the language has to offer, and the list of them that the language is given.
//!
//! The parser, the checker, help, "did you mean" and completions read a [`Catalog`] and nothing else; a new word is a
//! new row. Keywords of expressions stand in `parse_expr.rs`.

use std::{any::Any, fmt::Debug, ops::RangeInclusive, sync::Arc};

use super::{
    check::Upstream,
    check_call::CheckCall,
    check_expr::Checker,
    parse::{Parsed, Parser},
    signature::{CheckedAggregate, Mistake},
};
use crate::{
    expr::Expr,
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
    /// Whether it is lines, to which others may be added.
    pub is_lines: bool,
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
    /// The words that this row stands for besides its name, if there are any.
    pub family: Option<Family>,
    /// Checks a use of it: the word as it was written, and its arguments, whose number is already known to fit.
    pub(crate) check: fn(&Catalog, &str, Vec<Expr>) -> Result<CheckedAggregate, Mistake>,
}

/// Words that one row stands for, as that of `p95` for all percentiles.
#[derive(Debug)]
pub struct Family {
    /// Whether a word is one of them.
    pub has: fn(&str) -> bool,
    /// What to say of a word that looks like one of them and is none.
    pub hint: fn(&str) -> Option<&'static str>,
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

    /// The aggregate of this name, or the one that stands for it.
    pub fn aggregate(&self, word: &str) -> Option<&'static AggregateWord> {
        let stands_for = |row: &AggregateWord| row.name == word || row.family.as_ref().is_some_and(|family| (family.has)(word));
        self.aggregates.iter().find(|row| stands_for(row)).copied()
    }

    /// What to say of a word that looks like one that a row stands for, and is none.
    pub(crate) fn aggregate_hint(&self, word: &str) -> Option<&'static str> {
        self.aggregates.iter().filter_map(|row| row.family.as_ref()).find_map(|family| (family.hint)(word))
    }

    /// The function of this name.
    pub fn function(&self, word: &str) -> Option<&'static FunctionWord> {
        self.functions.iter().find(|row| row.name == word).copied()
    }
}
