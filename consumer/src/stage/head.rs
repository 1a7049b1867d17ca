//! `head N`: passes on the first `N` records, then stops the source. `head N per KEY` is a stage of its own: `super::head_per`.
//!
//! Runs:   once.  Order: kept.  Memory: O(1).
//! Stops:  yes, with the batch that fills the number.
//! Errors: none of its own.

use recpipe::{Batch, Error, Flow, Stage};

use super::{head_per, relay};
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// `head`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "head",
        synonyms: &["limit", "take"],
        syntax: "head N [per KEY]",
        doc: "the first N records, then stops the source; or those of each key",
        example: "head 10",
        runs: Runs::Once,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let n = parser.count("head")?;
    Ok(match parser.per_at_end()? {
        Some(keys) => head_per::parsed_per(n, keys),
        None => parsed(HeadOp(n)),
    })
}

/// So many records.
#[derive(Clone, Copy, Debug)]
struct HeadOp(u64);

impl Syntax for HeadOp {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push(upstream, &WORD, span, Ok(*self));
    }
}

impl Operator for HeadOp {
    fn reads(&self, _: &PlanStage, _: &mut Read) {}

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records.min(self.0))
    }

    fn takes(&self) -> Option<u64> {
        Some(self.0)
    }

    fn start(&self, _: Start<'_>, target: Target) -> Target {
        Box::new(Head { left: self.0, target })
    }
}

/// The running stage.
struct Head {
    left: u64,
    target: Target,
}

impl Stage for Head {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = batch.head(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= batch.len() as u64;
        let flow = if batch.is_empty() { Flow::Continue } else { self.target.send(batch)? };
        Ok(if self.left == 0 { Flow::Stop } else { flow })
    }

    relay!();
}
