//! `stats AGG, … by KEY, …`: aggregates, sorted by key.
//!
//! Runs:   in each worker, then merged.  Order: by key.
//! Memory: O(groups); what goes beyond the budget is in temporary files.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the expressions; an integer sum that does not fit; temporary files that cannot be written.

use super::gather::Gathering;
use crate::{
    aggregate::Table,
    expr::Expr,
    language::{
        Checked, Checker, Parsed, Parser, StageWord, Syntax, Upstream,
        ast::{self, Item},
        diagnose::Diagnostic,
        parsed,
        signature::{CheckedAggregate, Mistake},
    },
    plan::{About, Aggregate, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found, partial::Partial},
    span::Span,
};

/// `stats`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "stats",
        synonyms: &["summarize"],
        syntax: "[stats] AGGREGATE [as NAME], … [by EXPR [as NAME], …]",
        doc: "aggregates all records, or those of each key; sorted by key",
        example: "stats count, sum(bytes) as total by host",
        runs: Runs::WorkersThenMerge,
        memory: "O(keys)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let aggregates = parser.list(Parser::aggregate)?;
    keys_after(parser, aggregates)
}

/// `stats` without the word, after the name of its first aggregate.
pub fn parse_from(parser: &mut Parser<'_>, name: &str, span: Span) -> Parsed {
    let mut aggregates = vec![parser.aggregate_from(name, span)?];
    if parser.take_sign(",") {
        aggregates.extend(parser.list(Parser::aggregate)?);
    }
    keys_after(parser, aggregates)
}

fn keys_after(parser: &mut Parser<'_>, aggregates: Vec<ast::Aggregate>) -> Parsed {
    let keys = if parser.take_word("by") { parser.list(Parser::item)? } else { Vec::new() };
    Ok(parsed(StatsSyntax { aggregates, keys }))
}

/// The aggregates, at least one, and the keys, as they were written.
#[derive(Debug)]
struct StatsSyntax {
    aggregates: Vec<ast::Aggregate>,
    keys: Vec<Item>,
}

impl Syntax for StatsSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        check(checker, &self.aggregates, &self.keys, upstream, span);
    }
}

fn check(checker: &mut Checker<'_>, aggregates: &[ast::Aggregate], keys: &[Item], upstream: &mut Upstream, span: Span) {
    let (keys, mut columns) = checker.items(keys);
    let checked: Vec<_> = aggregates.iter().map(|aggregate| checker.aggregate(aggregate)).collect();
    let made: Vec<_> = aggregates.iter().zip(&checked).map(|(ast, checked)| checker.aggregate_column(ast, checked)).collect();
    // The keys and the aggregates are the only columns from now on.
    upstream.aggregates = Some(made.iter().map(|column| column.name.clone()).collect());
    columns.extend(made);
    checker.enter(columns);
    let aggregates: Checked<Vec<_>> = checked.into_iter().collect();
    let made = keys.and_then(|keys| Ok(StatsOp { keys, aggregates: aggregates? }));
    checker.push(upstream, &WORD, span, made);
}

/// The `count by KEY, …` that `top N KEY, …` begins with.
pub(super) fn count_by(checker: &mut Checker<'_>, keys: &[Item], upstream: &mut Upstream, span: Span) {
    let Some(word) = checker.catalog.aggregate("count") else {
        checker.fail(Diagnostic::new(span, "there is no aggregate `count` to rank by"));
        return;
    };
    let count = ast::Aggregate { word, written: word.name.to_owned(), args: Vec::new(), name: None, span };
    check(checker, &[count], keys, upstream, span);
}

/// The aggregate of this name over values that are at hand, for a stage that is made of some.
pub(super) fn aggregate(checker: &mut Checker<'_>, word: &str, args: Vec<Expr>, name: &str, span: Span) -> Checked<Aggregate> {
    let made = checker.catalog.aggregate(word).map(|row| (row.check)(checker.catalog, word, args));
    match made {
        Some(Ok(CheckedAggregate { function, args, kind })) => Ok(Aggregate { function, args, kind, name: name.to_owned() }),
        Some(Err(Mistake { what, label, .. })) => Err(checker.fail(Diagnostic::new(span, what).label(label))),
        None => Err(checker.fail(Diagnostic::new(span, format!("there is no aggregate `{word}`")))),
    }
}

/// Aggregates by keys; the columns of the output are the keys, then the aggregates.
#[derive(Clone, Debug)]
pub(crate) struct StatsOp {
    /// The keys; none for a single record of everything.
    pub(crate) keys: Vec<Expr>,
    /// The aggregates.
    pub(crate) aggregates: Vec<Aggregate>,
}

impl Operator for StatsOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.places.clear();
        wanted.exprs(self.keys.iter().chain(self.aggregates.iter().flat_map(|aggregate| &aggregate.args)));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let exactness = self.aggregates.iter().find_map(|aggregate| aggregate.function.exactness());
        exactness.map(|exactness| ("exact", exactness)).into_iter().collect()
    }

    fn partial(&self, start: &Start<'_>) -> Option<Box<dyn Partial>> {
        Some(Box::new(Table::new(&self.keys, &self.aggregates, start.output.clone(), start.budget)))
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Gathering::stage(self.partial(&start), start, target)
    }
}
