//! Checks what is computed for each record of others: `prev`, `number`, `total`, `AGGREGATE so far`, `AGGREGATE last N`.

use super::{
    ast,
    check_expr::{Checked, Checker},
    diagnose::Diagnostic,
    scope::Seen,
};
use crate::{
    expr::Expr,
    plan::{Aggregate, Computes, Window},
    span::Span,
};

/// What an expression that is being checked needs computed of other records.
///
/// Each is a column behind those that are in scope, so that the expression around it is an expression like others.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// How many there are already, of expressions before this one.
    before: usize,
    found: Vec<Window>,
    /// Where the first of them stands.
    pub(crate) first: Option<Span>,
    /// One is being checked: what it is given is of the record alone.
    inside: bool,
}

impl Checker<'_> {
    /// An expression in which values may be computed of other records; there are so many before. The number of the stage's keys that
    /// each is told is 0.
    pub(crate) fn windowed(&mut self, ast: &ast::Expr, before: usize) -> (Checked<Expr>, Vec<Window>, Option<Span>) {
        let outer = self.windows.replace(Windows { before, ..Windows::default() });
        let expr = self.expr(ast);
        let windows = std::mem::replace(&mut self.windows, outer).unwrap_or_default();
        (expr, windows.found, windows.first)
    }

    /// The keys of `per`.
    pub(crate) fn keys(&mut self, keys: &[ast::Expr]) -> Checked<Vec<Expr>> {
        self.each(keys, Self::of_records)
    }

    /// The column of what is computed of other records, by what stands at `span`; `compute` checks what it is given.
    pub(crate) fn window(&mut self, span: Span, compute: impl FnOnce(&mut Self) -> Checked<(Computes, Seen)>) -> Checked<Expr> {
        let text = self.text(span);
        match &mut self.windows {
            None => {
                let found = Diagnostic::new(span, format!("`{text}` is computed of other records, which only `let` does"));
                return Err(
                    self.fail(found.label(format!("make it a column first: `let x = {text}`, with `per KEY` behind it if need be")))
                );
            }
            Some(windows) if windows.inside => {
                let found = Diagnostic::new(span, "what is computed of other records stands within what is");
                return Err(
                    self.fail(found.label(format!("make it a column first: `let x = {text}, …`, with `per KEY` behind it if need be")))
                );
            }
            Some(windows) => {
                windows.inside = true;
                windows.first.get_or_insert(span);
            }
        }
        let computed = compute(self);
        let columns = self.scope.columns.len();
        let windows = self.windows.get_or_insert_default();
        windows.inside = false;
        let (computes, seen) = computed?;
        let place = columns + windows.before + windows.found.len();
        windows.found.push(Window { computes, keys: 0, kind: seen.kind, open: seen.open });
        Ok(Expr::field(place, &seen.field(&text)))
    }

    /// `AGGREGATE so far`, `AGGREGATE last N`
    pub(super) fn framed(&mut self, ast: &ast::Aggregate, last: Option<u64>, span: Span) -> Checked<Expr> {
        self.window(span, |checker| {
            let aggregate = checker.aggregate(ast)?;
            let seen = Seen::of_aggregate(&aggregate);
            Ok((last.map_or(Computes::SoFar(aggregate.clone()), |n| Computes::Last(aggregate, n)), seen))
        })
    }

    /// The aggregate that stands here as an expression.
    pub(crate) fn aggregate_in(&mut self, ast: &ast::Expr, example: &str) -> Checked<Aggregate> {
        match ast::Aggregate::of_expr(ast, self.catalog) {
            Some(aggregate) => self.aggregate(&aggregate),
            None => {
                self.expr(ast).ok();
                Err(self.fail(Diagnostic::new(ast.span, "an aggregate is needed here").label(format!("as in `{example}`"))))
            }
        }
    }
}
