//! `sort [-]EXPR, …`: all records, in order; of equal ones those that came first.
//!
//! Runs:   in each worker, then merged.  Order: by value; stable.
//! Memory: O(records); what goes beyond the budget is in temporary files. Before `head N` no more than N records are kept.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the expressions; temporary files that cannot be written.

use super::gather::Gathering;
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast::Expr, diagnose::Diagnostic, parsed},
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found, partial::Partial},
    sort::{Keep, SortKey, Sorter},
    span::Span,
};

/// `sort`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "sort",
        syntax: "sort [-]EXPR, …",
        doc: "all records in order; `-`: the largest first; null last",
        example: "sort -bytes, host",
        runs: Runs::WorkersThenMerge,
        memory: "O(records)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Err(parser.unexpected("what to sort by"));
    }
    if parser.at_word("by") {
        let span = parser.peek().span;
        let found = Diagnostic::new(span, "expected what to sort by, found `by`");
        return Err(parser.fail(found.label("write `sort x`, or `sort -x` for the largest first")));
    }
    let item = |parser: &mut Parser<'_>| Ok(Item { descending: parser.take_sign("-"), expr: parser.expr()? });
    parser.list(item).map(SortSyntax).map(parsed)
}

/// What is compared, as it was written.
#[derive(Debug)]
struct SortSyntax(Vec<Item>);

/// One of the values by which `sort` sorts.
#[derive(Debug)]
struct Item {
    expr: Expr,
    /// Whether a `-` stands before it: the largest first.
    descending: bool,
}

impl Syntax for SortSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let key =
            |checker: &mut Checker<'_>, item: &Item| Ok(SortKey { expr: checker.of_records(&item.expr)?, descending: item.descending });
        let keys = checker.each(&self.0, key);
        checker.push(upstream, &WORD, span, keys.map(SortOp));
    }
}

/// All records in the order of these.
#[derive(Clone, Debug)]
pub(super) struct SortOp(pub(super) Vec<SortKey>);

impl Operator for SortOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.exprs(self.0.iter().map(|key| &key.expr));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn partial(&self, start: &Start<'_>) -> Option<Box<dyn Partial>> {
        let keep = start.taken.map_or(Keep::All, |n| Keep::First(usize::try_from(n).unwrap_or(usize::MAX)));
        let sorter = Sorter::new(self.0.clone(), start.output.clone(), keep, start.budget);
        Some(Box::new(if start.is_settled { sorter.settled() } else { sorter }))
    }

    fn copies_all(&self) -> bool {
        false
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Gathering::stage(self.partial(&start), start, target)
    }
}
