//! The words of the language: one table each of stages, aggregates and functions.
//!
//! The parser, the checker, help, "did you mean" and completions read these tables and nothing else; a new word is a
//! new row. Keywords of expressions stand in `parse_expr.rs`.

mod aggregates;
pub(in crate::query) mod foreign;
mod functions;
mod stages;

use std::ops::RangeInclusive;

pub use self::{aggregates::AGGREGATES, functions::FUNCTIONS, stages::STAGES};

use super::{
    aggregates::{CheckAggregate, percentile_share},
    ast::StageKind,
    functions::CheckCall,
    parse::{Parsed, Parser},
};

/// Where a stage runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// In each worker, on the batches that it has: needs no other batch.
    EachWorker,
    /// In each worker, whose partial results are merged.
    WorkersThenMerge,
    /// Once, on all the batches in order.
    Once,
}

/// A stage.
#[derive(Debug)]
pub struct StageWord {
    /// The canonical word.
    pub name: &'static str,
    /// Other words taken for it.
    pub synonyms: &'static [&'static str],
    /// How it is written.
    pub syntax: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// A stage as it might stand in a query over a web server's log.
    pub example: &'static str,
    /// Where it runs.
    pub runs: Runs,
    /// How much it keeps in memory.
    pub memory: &'static str,
    /// Whether nothing comes out of it before the end of the input.
    pub blocks: bool,
    /// Whether it writes the answer, so that nothing can come after it.
    pub output: bool,
    /// Parses what stands after the word.
    pub(in crate::query) parse: fn(&mut Parser<'_>) -> Parsed<StageKind>,
}

impl StageWord {
    /// The canonical word and its synonyms.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.synonyms.iter().copied())
    }
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
    pub(in crate::query) check: CheckAggregate,
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
    pub(in crate::query) check: CheckCall,
}

/// The stage of this name or synonym.
pub fn stage(word: &str) -> Option<&'static StageWord> {
    STAGES.iter().find(|row| row.names().any(|name| name == word))
}

/// The aggregate of this name. One row stands for all percentiles.
pub fn aggregate(word: &str) -> Option<&'static AggregateWord> {
    let word = if percentile_share(word).is_some() { "p95" } else { word };
    AGGREGATES.iter().find(|row| row.name == word)
}

/// What to say of a word that looks like a percentile and is no aggregate.
pub(in crate::query) fn percentiles(word: &str) -> Option<&'static str> {
    let is_one = word.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    is_one.then_some("percentiles are `p1` to `p99` and `p999`; for others write `quantile(x, 0.5)`")
}

/// The function of this name.
pub fn function(word: &str) -> Option<&'static FunctionWord> {
    FUNCTIONS.iter().find(|row| row.name == word)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{AGGREGATES, FUNCTIONS, STAGES};
    use crate::query::{Source, check, parse, tests::log_schema};

    fn check_example(query: String) {
        let source = Source::from_args(&[query]);
        let parsed = parse(&source).unwrap_or_else(|error| panic!("{error}"));
        check(&source, &parsed, &log_schema()).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn names_are_unique() {
        let check = |names: Vec<&str>| {
            let unique: HashSet<_> = names.iter().collect();
            assert_eq!(unique.len(), names.len(), "{names:?}");
        };
        check(STAGES.iter().flat_map(|row| row.names()).collect());
        check(AGGREGATES.iter().map(|row| row.name).collect());
        check(FUNCTIONS.iter().map(|row| row.name).collect());
    }

    #[test]
    fn every_example_uses_its_word_and_is_a_valid_query() {
        for row in STAGES {
            assert!(row.example.starts_with(row.name), "{}", row.name);
            check_example(row.example.to_owned());
        }
        for row in AGGREGATES {
            assert!(row.example.starts_with(row.name), "{}", row.name);
            check_example(row.example.to_owned());
        }
        for row in FUNCTIONS {
            assert!(row.example.contains(&format!("{}(", row.name)), "{}", row.name);
            check_example(format!("where {}", row.example));
        }
    }

    #[test]
    fn every_row_says_what_it_is() {
        let check = |name: &str, syntax: &str, doc: &str| {
            assert!(syntax.contains(name), "{name}");
            assert!(!doc.is_empty() && !doc.contains('\n') && doc.len() <= 100, "{name}");
        };
        STAGES.iter().for_each(|row| check(row.name, row.syntax, row.doc));
        AGGREGATES.iter().for_each(|row| check(row.name, row.syntax, row.doc));
        FUNCTIONS.iter().for_each(|row| check(row.name, row.syntax, row.doc));
    }
}
