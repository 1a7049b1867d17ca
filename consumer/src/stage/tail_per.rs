//! `tail N per KEY`: the last `N` records of each key, in the order of the input.
//!
//! Runs:   in each worker, which leaves out what is not among the last of its batch, then once.  Order: kept.
//! Memory: O(keys · N); what goes beyond the budget is in temporary files.  Blocks: nothing comes out before the end.
//! Stops:  no.
//! Errors: those of the expressions; temporary files that cannot be written.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Stage};

use super::{best_per::best_per, relay, tail};
use crate::{
    aggregate::Keys,
    expr::Expr,
    language::{Checker, StageWord, Syntax, Upstream, ast, parsed},
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// What help and `--explain` say of it, beyond what they say of `tail`.
static WORD: StageWord = StageWord {
    about: About { runs: Runs::WorkersThenMerge, memory: "O(keys · N)", spills: true, ..tail::WORD.about },
    parse: tail::WORD.parse,
};

/// The stage as it was written.
pub(super) fn parsed_per(n: u64, keys: Vec<ast::Expr>) -> Arc<dyn Syntax> {
    parsed(TailPerSyntax { n, keys })
}

#[derive(Debug)]
struct TailPerSyntax {
    n: u64,
    keys: Vec<ast::Expr>,
}

impl Syntax for TailPerSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let keys = checker.keys(&self.keys);
        checker.push(upstream, &WORD, span, keys.map(|keys| TailPerOp { n: self.n, keys }));
    }
}

/// So many records of each key.
#[derive(Clone, Debug)]
struct TailPerOp {
    n: u64,
    keys: Vec<Expr>,
}

impl Operator for TailPerOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.exprs(&self.keys);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn half(&self, _: &Start<'_>, target: Target) -> Target {
        let keys = Keys::new(self.keys.iter().map(Expr::storage).collect());
        Box::new(TailCandidates { op: self.clone(), keys, numbers: Vec::new(), target })
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let whole = best_per(self.n, &self.keys, None, &start, target);
        if start.follows_half { whole } else { self.half(&start, whole) }
    }
}

/// The half in each worker.
struct TailCandidates {
    op: TailPerOp,
    /// The distinct keys of the batch.
    keys: Keys,
    numbers: Vec<u32>,
    target: Target,
}

impl Stage for TailCandidates {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let values = self.op.keys.iter().map(|key| key.eval(&batch)).collect::<Result<Vec<_>, _>>()?;
        self.keys.clear();
        self.keys.number(&values, batch.len(), &mut self.numbers)?;
        let (mut found, mut keep) = (vec![0; self.keys.len()], vec![false; batch.len()]);
        for (row, &key) in self.numbers.iter().enumerate().rev() {
            let found: &mut u64 = &mut found[key as usize];
            keep[row] = *found < self.op.n;
            *found += 1;
        }
        let batch = batch.filter(&keep);
        if batch.is_empty() { Ok(Flow::Continue) } else { self.target.send(batch) }
    }

    relay!();
}
