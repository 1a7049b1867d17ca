//! `where EXPR`: passes on the records for which the condition is true.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: those of the expression: an integer overflow.

use recpipe::{Batch, Error, Flow, Stage};

use super::relay;
use crate::{
    expr::{Expr, Predicate},
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast, parsed},
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
};

/// `where`.
pub(crate) static WORD: StageWord = StageWord {
    about: About {
        name: "where",
        synonyms: &["filter"],
        syntax: "where EXPR",
        doc: "keeps the records for which EXPR is true",
        example: "where status == 404 and bytes > 1KB",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Err(parser.unexpected("a condition"));
    }
    parser.equals_compares = true;
    parser.expr().map(WhereSyntax).map(parsed)
}

/// The condition as it was written.
#[derive(Debug)]
pub(crate) struct WhereSyntax(pub(crate) ast::Expr);

impl Syntax for WhereSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = checker.condition(&self.0).map(WhereOp::new);
        checker.push(upstream, &WORD, span, made);
    }
}

/// Keeps what the predicate is true for.
#[derive(Clone, Debug)]
pub(crate) struct WhereOp(pub(crate) Predicate);

impl WhereOp {
    /// Keeps what this, a boolean, is true for.
    pub(super) fn new(condition: Expr) -> Self {
        WhereOp(Predicate::new(condition))
    }
}

impl Operator for WhereOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        let conjuncts = self.0.conjuncts();
        wanted.late |= stage.input.grows() && conjuncts.iter().any(Expr::reads_all);
        wanted.exprs(conjuncts);
    }

    fn narrows(&self, found: &mut Found<'_>) -> bool {
        found.all(self.0.conjuncts())
    }

    fn start(&self, _: Start<'_>, target: Target) -> Target {
        Box::new(Where { predicate: self.0.clone(), target })
    }
}

/// The running stage.
struct Where {
    predicate: Predicate,
    target: Target,
}

impl Stage for Where {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let left = self.predicate.filter(&batch)?;
        if left.is_empty() { Ok(Flow::Continue) } else { self.target.send(left) }
    }

    relay!();
}
