//! `select a, b, EXPR as c`: only these columns, in this order. [`drop`](super::drop) and [`rename`](super::rename) run
//! as the same, of all columns that the plan knows; what a batch has beyond those stays.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); a plain column is shared, not copied.
//! Stops:  when its target does.
//! Errors: those of the expressions: an integer overflow.

use recpipe::{Batch, Error, Flow, Stage};

use super::{beyond::Beyond, relay};
use crate::{
    expr::Expr,
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast::Item, parsed},
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
};

/// `select`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "select",
        synonyms: &["project", "fields"],
        syntax: "select EXPR [as NAME], …",
        doc: "only these columns, in this order",
        example: "select host, bytes // 1KiB as kib",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a column"));
    }
    parser.list(Parser::item).map(SelectSyntax).map(parsed)
}

/// The columns as they were written.
#[derive(Debug)]
pub(crate) struct SelectSyntax(pub(crate) Vec<Item>);

impl Syntax for SelectSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let (exprs, columns) = checker.items(&self.0);
        upstream.aggregates = None;
        checker.enter(columns);
        checker.push(upstream, &WORD, span, exprs.map(SelectOp));
    }
}

/// The columns of the output, in order.
#[derive(Clone, Debug)]
pub(crate) struct SelectOp(pub(crate) Vec<Expr>);

impl Operator for SelectOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        let places = std::mem::take(&mut wanted.places);
        let is_read = |(place, column): &(usize, &Expr)| column.as_column().is_none() || places.contains(place);
        wanted.exprs(self.0.iter().enumerate().filter(is_read).map(|(_, column)| column));
    }

    fn narrows(&self, found: &mut Found<'_>) -> bool {
        found.select(&self.0)
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Select { columns: self.0.clone(), beyond: Beyond::new(start.input, start.output.clone()), target })
    }
}

/// The running stage.
struct Select {
    columns: Vec<Expr>,
    beyond: Beyond,
    target: Target,
}

impl Stage for Select {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let columns = self.columns.iter().map(|column| column.eval_column(&batch)).collect::<Result<_, _>>()?;
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
