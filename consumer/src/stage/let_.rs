//! `let x = EXPR, …`: adds or replaces columns, one after the other. What is computed of other records too, `let x = EXPR per KEY`, is a
//! stage of its own: `super::let_per`.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: those of the expressions: an integer overflow.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage, Type};

use super::{
    beyond::{Beyond, put},
    let_per::Gathered,
    relay,
};
use crate::{
    expr::Expr,
    language::{
        Checker, Parsed, Parser, Seen, StageWord, Syntax, Upstream,
        ast::{self, Item},
        diagnose::Diagnostic,
        parsed,
    },
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
};

/// `let`.
pub(crate) static WORD: StageWord = StageWord {
    about: About {
        name: "let",
        synonyms: &["extend", "eval"],
        syntax: "let NAME = EXPR [per KEY], …",
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
        let item = Item { expr: parser.expr()?, name: Some(name) };
        let before = parser.last();
        let per = parser.per()?;
        Ok(Assigned { item, per, per_span: Span::new(before.end, parser.last().end) })
    };
    parser.list(assignment).map(LetSyntax).map(parsed)
}

/// The assignments as they were written.
#[derive(Debug)]
struct LetSyntax(Vec<Assigned>);

/// One assignment; the name is the item's `name`.
#[derive(Debug)]
struct Assigned {
    item: Item,
    /// The keys within which something is computed of other records.
    per: Option<Vec<ast::Expr>>,
    per_span: Span,
}

impl Syntax for LetSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let mut gathered = Gathered::default();
        for Assigned { item, per, per_span } in &self.0 {
            let (mut expr, mut windows, _) = checker.windowed(&item.expr, gathered.windows());
            let keys = checker.keys(per.as_deref().unwrap_or_default());
            if per.is_some() && windows.is_empty() && expr.is_ok() {
                let found = Diagnostic::new(*per_span, "nothing in this expression is computed of other records");
                checker.fail(
                    found.label("`per` stands after `prev(x)`, `number()`, `total(AGGREGATE)`, `AGGREGATE so far`, `AGGREGATE last N`"),
                );
            }
            if let Ok(keys) = &keys
                && gathered.is_read_by(&windows, keys)
            {
                std::mem::take(&mut gathered).push(checker, upstream, span);
                // Its values are behind the columns that there are now.
                (expr, windows, _) = checker.windowed(&item.expr, 0);
            }
            let base = checker.scope.columns.len();
            let column = checker.column(item.name.as_ref(), &item.expr, &expr);
            let place = checker.scope.put(column.name, column.seen);
            let schema = checker.schema(column.span);
            match (expr, keys, schema) {
                (Ok(expr), Ok(keys), Some(schema)) => gathered.add(Assignment { place, base, expr, schema }, windows, keys),
                _ => gathered.fail(),
            }
        }
        gathered.push(checker, upstream, span);
    }
}

/// `let time = time(datetime)`, for a stage that needs the time of each record, where they have that of a log and no column of times.
pub(crate) fn put_time_of_log(checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
    let has_time = checker.scope.columns.iter().any(|(_, seen)| seen.is_some_and(|seen| seen.kind == Type::Time));
    if has_time || !checker.is_time_of_log("time") || checker.scope.index_of("time").is_some() {
        return;
    }
    let Ok(expr) = checker.time_of_log(span) else { return };
    let place = checker.scope.put("time".to_owned(), Some(Seen::of_expr(&expr)));
    if let Some(schema) = checker.schema(span) {
        checker.push(upstream, &WORD, span, Ok(LetOp(vec![Assignment { place, base: place, expr, schema }])));
    }
}

/// Columns added or replaced, one after the other.
#[derive(Clone, Debug)]
pub(super) struct LetOp(pub(super) Vec<Assignment>);

/// One column that a `let` makes.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    /// The place of the column: that of the column it replaces, or the first free one.
    pub(super) place: usize,
    /// How many columns there are before it.
    pub(super) base: usize,
    /// Its values, computed from the input with the earlier assignments applied.
    pub(super) expr: Expr,
    /// The schema with this assignment applied.
    pub(super) schema: Arc<Schema>,
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
