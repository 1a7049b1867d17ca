//! `head N per KEY`: the first `N` records of each key.
//!
//! Runs:   in each worker, which numbers the keys, then once.  Order: kept.  Memory: O(keys).
//! Stops:  when its target does: another key may always come.
//! Errors: those of the expressions; more keys than there is memory for.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Stage};

use super::{
    beyond::Beyond,
    head, relay,
    window::{Needed, Needs, hold},
};
use crate::{
    language::{Checker, StageWord, Syntax, Upstream, ast, parsed},
    memory::Account,
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// What help and `--explain` say of it, beyond what they say of `head`.
static WORD: StageWord =
    StageWord { about: About { runs: Runs::WorkersThenMerge, memory: "O(keys)", ..head::WORD.about }, parse: head::WORD.parse };

/// The stage as it was written.
pub(super) fn parsed_per(n: u64, keys: Vec<ast::Expr>) -> Arc<dyn Syntax> {
    parsed(HeadPerSyntax { n, keys })
}

#[derive(Debug)]
struct HeadPerSyntax {
    n: u64,
    keys: Vec<ast::Expr>,
}

impl Syntax for HeadPerSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let needs = checker.keys(&self.keys).map(|keys| Needs { keys: vec![keys], values: Vec::new() });
        checker.push(upstream, &WORD, span, needs.map(|needs| HeadPerOp { n: self.n, needs }));
    }
}

/// So many records of each key.
#[derive(Clone, Debug)]
struct HeadPerOp {
    n: u64,
    needs: Needs,
}

impl Operator for HeadPerOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        self.needs.read(wanted);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn half(&self, start: &Start<'_>, target: Target) -> Target {
        self.needs.half(start.input, target)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let needed = self.needs.needed(start.input);
        let beyond = needed.beyond(start.output.clone());
        let whole: Target = Box::new(HeadPer { n: self.n, given: Vec::new(), needed, beyond, account: start.budget.account(), target });
        if start.follows_half { whole } else { self.needs.half(start.input, whole) }
    }
}

/// The half that runs once.
struct HeadPer {
    n: u64,
    /// How many records were given of each key.
    given: Vec<u64>,
    needed: Needed,
    beyond: Beyond,
    account: Account,
    target: Target,
}

impl Stage for HeadPer {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.needed.read(&batch)?;
        let keys = self.needed.key(0);
        self.given.resize(keys.len(), 0);
        let (given, n) = (&mut self.given, self.n);
        let is_among = |&key: &u32| {
            let given = &mut given[key as usize];
            let is_among = *given < n;
            *given += u64::from(is_among);
            is_among
        };
        let keep: Vec<bool> = keys.all().iter().map(is_among).collect();
        let (keys, bytes) = self.needed.held();
        hold(&mut self.account, bytes + self.given.capacity() * size_of::<u64>(), keys, "head … per")?;
        let batch = batch.filter(&keep);
        if batch.is_empty() {
            return Ok(Flow::Continue);
        }
        let columns = self.needed.known(&batch).to_vec();
        let batch = self.beyond.with_columns(&batch, columns)?;
        self.target.send(batch)
    }

    relay!();
}
