//! `tee [ STAGES ]`: a copy of every record to a branch, then on.
//!
//! Runs:   once.  Order: kept.  Memory: O(1).
//! Stops:  when the branch and its target do.
//! Errors: those of the branch.

use recpipe::stage::Broadcast;

use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast::Stage, parsed},
    plan::{About, Operator, Plan, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// `tee`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "tee",
        syntax: "tee [ STAGES ]",
        doc: "a copy of every record to the branch in brackets, then on",
        example: "tee [ where status == 404 | write \"bad.csv\" ]",
        runs: Runs::Once,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    parser.branch().map(TeeSyntax).map(parsed)
}

/// The stages of the branch.
#[derive(Debug)]
struct TeeSyntax(Vec<Stage>);

impl Syntax for TeeSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = checker.branch(&self.0, upstream, span).map(|branch| TeeOp([branch]));
        checker.push(upstream, &WORD, span, made);
    }
}

/// A copy of every record to this branch, too.
#[derive(Clone, Debug)]
struct TeeOp([Plan; 1]);

impl Operator for TeeOp {
    /// What the branch reads is added by whoever asks.
    fn reads(&self, _: &PlanStage, _: &mut Read) {}

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn branches(&self) -> &[Plan] {
        &self.0
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let mut targets = start.branches;
        targets.push(target);
        Box::new(Broadcast::new(targets))
    }
}
