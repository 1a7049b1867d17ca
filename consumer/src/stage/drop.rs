//! `drop FIELD, …`: all columns but these. It runs as [`select`](super::select).
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); columns are shared, not copied.
//! Stops:  when its target does.
//! Errors: none of its own.

use super::select::SelectOp;
use crate::{
    expr::Expr,
    language::{Checked, Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast::Ident, parsed},
    plan::About,
    span::Span,
};

/// `drop`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "drop",
        synonyms: &["except"],
        syntax: "drop FIELD, …",
        doc: "all columns but these",
        example: "drop user, referrer",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    parser.list(|parser| parser.ident("a field")).map(DropSyntax).map(parsed)
}

/// The fields as they were written.
#[derive(Debug)]
struct DropSyntax(Vec<Ident>);

impl Syntax for DropSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.stay(checker, upstream).map(SelectOp);
        checker.push(upstream, &WORD, span, made);
    }
}

impl DropSyntax {
    /// The columns that stay.
    fn stay(&self, checker: &mut Checker<'_>, upstream: &mut Upstream) -> Checked<Vec<Expr>> {
        let dropped = checker.each(&self.0, |checker, field| checker.field(field));
        let gone: Vec<_> = dropped.as_deref().unwrap_or_default().iter().filter_map(Expr::as_column).collect();
        let stay: Vec<_> = (0..checker.scope.columns.len()).filter(|place| !gone.contains(place)).collect();
        let exprs = checker.each(&stay, |checker, &place| checker.column_at(place));
        if let Some(aggregates) = &mut upstream.aggregates {
            aggregates.retain(|name| self.0.iter().all(|field| field.text != *name));
        }
        checker.scope.columns = stay.iter().map(|&place| checker.scope.columns[place].clone()).collect();
        dropped?;
        exprs
    }
}
