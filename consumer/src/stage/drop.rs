//! `drop FIELD, …`: all columns but these, `drop attr_*`, `drop /re/`: but those whose names are like this, also of those that come
//! later. It runs as [`select`](super::select).
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); columns are shared, not copied.
//! Stops:  when its target does.
//! Errors: none of its own.

use super::select::{FittingOp, SelectOp};
use crate::{
    language::{Checked, Checker, Failed, Fields, Parsed, Parser, StageWord, Syntax, Upstream, ast::Ident, parsed},
    plan::About,
    span::Span,
};

/// `drop`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "drop",
        synonyms: &["except"],
        syntax: "drop FIELD | PATTERN, …",
        doc: "all columns but these, and but those that are like a pattern (a_*, /re/)",
        example: "drop user, referrer",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    parser.fields(|parser| parser.ident("a field")).map(DropSyntax).map(parsed)
}

/// The fields as they were written.
#[derive(Debug)]
struct DropSyntax(Vec<Fields<Ident>>);

impl Syntax for DropSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.stay(checker, upstream);
        checker.push(upstream, &WORD, span, made);
    }
}

impl DropSyntax {
    /// The columns that stay.
    fn stay(&self, checker: &mut Checker<'_>, upstream: &mut Upstream) -> Checked<FittingOp> {
        let (mut gone, mut late, mut failed) = (Vec::new(), Vec::new(), false);
        for one in &self.0 {
            match one {
                Fields::One(field) => match checker.field(field) {
                    Ok(column) => gone.extend(column.as_column()),
                    Err(Failed) => failed = true,
                },
                Fields::Fitting(pattern) => match checker.name_pattern(pattern) {
                    Ok(fits) => late.push(fits),
                    Err(Failed) => failed = true,
                },
            }
        }
        let is_gone = |(place, name): (usize, &str)| gone.contains(&place) || late.iter().any(|like| like.fits(name));
        let gone: Vec<bool> = checker.scope.names().enumerate().map(is_gone).collect();
        let stay: Vec<_> = (0..gone.len()).filter(|&place| !gone[place]).collect();
        let exprs = checker.each(&stay, |checker, &place| checker.column_at(place));
        checker.scope.columns = stay.iter().map(|&place| checker.scope.columns[place].clone()).collect();
        if let Some(aggregates) = &mut upstream.aggregates {
            aggregates.retain(|name| checker.scope.index_of(name).is_some());
        }
        if failed {
            return Err(Failed);
        }
        Ok(FittingOp { columns: SelectOp(exprs?), late, stay: false })
    }
}
