//! `let x = EXPR, …`: adds or replaces columns, one after the other.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: those of the expressions: an integer overflow.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage};

use super::{
    beyond::{Beyond, put},
    relay,
};
use crate::{
    expr::Expr,
    language::{Checker, Failed, Parsed, Parser, StageWord, Syntax, Upstream, ast::Item, parsed},
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
};

/// `let`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "let",
        synonyms: &["extend", "eval"],
        syntax: "let NAME = EXPR, …",
        doc: "adds or replaces columns; each may use those before it",
        example: "let kib = bytes // 1KiB, large = kib > 100",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let assignment = |parser: &mut Parser<'_>| {
        let name = parser.ident("a name")?;
        if !parser.take_sign("=") {
            return Err(parser.unexpected("`=`"));
        }
        Ok(Item { expr: parser.expr()?, name: Some(name) })
    };
    parser.list(assignment).map(LetSyntax).map(parsed)
}

/// The assignments as they were written; the name is each item's `name`.
#[derive(Debug)]
struct LetSyntax(Vec<Item>);

impl Syntax for LetSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let assignments = checker.each(&self.0, |checker, item| {
            let expr = checker.expr(&item.expr);
            let column = checker.column(item.name.as_ref(), &item.expr, &expr);
            let place = checker.scope.put(column.name, column.seen);
            let schema = checker.schema(column.span).ok_or(Failed)?;
            Ok(Assignment { place, expr: expr?, schema })
        });
        checker.push(upstream, &WORD, span, assignments.map(LetOp));
    }
}

/// Columns added or replaced, one after the other.
#[derive(Clone, Debug)]
struct LetOp(Vec<Assignment>);

/// One column that a `let` makes.
#[derive(Clone, Debug)]
struct Assignment {
    /// The place of the column: that of the column it replaces, or the first free one.
    place: usize,
    /// Its values, computed from the input with the earlier assignments applied.
    expr: Expr,
    /// The schema with this assignment applied.
    schema: Arc<Schema>,
}

impl Operator for LetOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        for assignment in self.0.iter().rev() {
            wanted.places.remove(&assignment.place);
            wanted.exprs([&assignment.expr]);
        }
    }

    fn narrows(&self, found: &mut Found<'_>) -> bool {
        self.0.iter().all(|assignment| found.assign(assignment.place, &assignment.expr))
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let mut input = start.input.clone();
        let with_beyond = |assignment: &Assignment| {
            let beyond = Beyond::new(&input, assignment.schema.clone());
            input = assignment.schema.clone();
            (assignment.clone(), beyond)
        };
        Box::new(Let { assignments: self.0.iter().map(with_beyond).collect(), target })
    }
}

/// The running stage.
struct Let {
    /// Each, and what it makes of a batch.
    assignments: Vec<(Assignment, Beyond)>,
    target: Target,
}

impl Stage for Let {
    fn send(&mut self, mut batch: Batch) -> Result<Flow, Error> {
        for (Assignment { place, expr, .. }, beyond) in &mut self.assignments {
            let column = expr.eval_column(&batch)?;
            let mut columns = beyond.known(&batch).to_vec();
            put(&mut columns, *place, column);
            batch = beyond.with_columns(&batch, columns)?;
        }
        self.target.send(batch)
    }

    relay!();
}
