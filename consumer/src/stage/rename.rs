//! `rename OLD as NEW, …`: new names for columns, which keep their places. It runs as [`select`](super::select).
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); columns are shared, not copied.
//! Stops:  when its target does.
//! Errors: none of its own.

use super::select::SelectOp;
use crate::{
    expr::Expr,
    language::{Checked, Checker, Failed, Parsed, Parser, StageWord, Syntax, Upstream, ast::Ident, diagnose::Diagnostic, parsed},
    plan::About,
    span::Span,
};

/// `rename`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "rename",
        syntax: "rename OLD as NEW, …",
        doc: "new names for columns, which keep their places",
        example: "rename host as client",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let one = |parser: &mut Parser<'_>| {
        let old = parser.ident("a field")?;
        match parser.alias()? {
            Some(new) => Ok((old, new)),
            None => Err(parser.unexpected("`as` and the new name")),
        }
    };
    parser.list(one).map(RenameSyntax).map(parsed)
}

/// The old and the new names as they were written.
#[derive(Debug)]
struct RenameSyntax(Vec<(Ident, Ident)>);

impl Syntax for RenameSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.columns(checker, upstream).map(SelectOp);
        checker.push(upstream, &WORD, span, made);
    }
}

impl RenameSyntax {
    /// All columns, which are then in scope by their new names. All are renamed at once, so two may change places.
    fn columns(&self, checker: &mut Checker<'_>, upstream: &mut Upstream) -> Checked<Vec<Expr>> {
        let all: Vec<_> = (0..checker.scope.columns.len()).collect();
        let exprs = checker.each(&all, |checker, &place| checker.column_at(place));
        let places = checker.each(&self.0, |checker, (old, _)| checker.field(old)?.as_column().ok_or(Failed));
        let Ok(places) = places else {
            // The new names are no further mistakes, nor are they awaited with the old ones.
            for (_, new) in &self.0 {
                checker.scope.put(new.text.clone(), None);
            }
            return Err(Failed);
        };
        let mut names: Vec<_> = checker.scope.names().map(str::to_owned).collect();
        for ((_, new), place) in self.0.iter().zip(places) {
            for aggregate in upstream.aggregates.iter_mut().flatten().filter(|aggregate| **aggregate == checker.scope.columns[place].0) {
                new.text.clone_into(aggregate);
            }
            new.text.clone_into(&mut names[place]);
        }
        for (_, new) in &self.0 {
            if names.iter().filter(|name| **name == new.text).count() > 1 {
                let found = Diagnostic::new(new.span, format!("two columns are named `{}`", new.text));
                return Err(checker.fail(found.label("drop or rename the other")));
            }
        }
        for (column, name) in checker.scope.columns.iter_mut().zip(names) {
            column.0 = name;
        }
        exprs
    }
}
