//! `skip N`: passes on all records but the first `N`.
//!
//! Runs:   once.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: none of its own.

use recpipe::{Batch, Error, Flow, Stage};

use super::relay;
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// `skip`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "skip",
        syntax: "skip N",
        doc: "all records but the first N",
        example: "skip 10",
        runs: Runs::Once,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    parser.count("skip").map(SkipOp).map(parsed)
}

/// So many records.
#[derive(Clone, Copy, Debug)]
struct SkipOp(u64);

impl Syntax for SkipOp {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push(upstream, &WORD, span, Ok(*self));
    }
}

impl Operator for SkipOp {
    fn reads(&self, _: &PlanStage, _: &mut Read) {}

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn start(&self, _: Start<'_>, target: Target) -> Target {
        Box::new(Skip { left: self.0, target })
    }
}

/// The running stage.
struct Skip {
    left: u64,
    target: Target,
}

impl Stage for Skip {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let rest = batch.skip(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= (batch.len() - rest.len()) as u64;
        if rest.is_empty() { Ok(Flow::Continue) } else { self.target.send(rest) }
    }

    relay!();
}
