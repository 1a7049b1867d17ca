//! `top N by EXPR per KEY`: the records of each key with the largest values, in the order of the input; of equal ones those that came
//! first. `bottom N by EXPR per KEY`: those with the smallest. What is no number comes after numbers, as with [`super::top`].
//!
//! Runs:   in each worker, which leaves out what is not among the best that it has seen of a key, then once.  Order: kept.
//! Memory: O(keys · N); what goes beyond the budget is in temporary files.  Blocks: nothing comes out before the end.
//! Stops:  no.
//! Errors: those of the expressions; temporary files that cannot be written.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Stage};

use super::{
    best_per::{best_per, push_rank},
    relay,
    top::{BOTTOM, Direction, TOP},
};
use crate::{
    aggregate::Keys,
    expr::{Expr, Vector},
    language::{Checker, StageWord, Syntax, Upstream, ast, parsed},
    memory::{Account, Budget},
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
};

/// What help and `--explain` say of it, beyond what they say of `top`.
static TOP_PER: StageWord = StageWord { about: About { memory: "O(keys · N)", spills: true, ..TOP.about }, parse: TOP.parse };
/// The same of `bottom`.
static BOTTOM_PER: StageWord = StageWord { about: About { memory: "O(keys · N)", spills: true, ..BOTTOM.about }, parse: BOTTOM.parse };

/// The stage as it was written.
pub(super) fn parsed_per(direction: Direction, n: u64, by: ast::Expr, keys: Vec<ast::Expr>) -> Arc<dyn Syntax> {
    parsed(TopPerSyntax { direction, n, by, keys })
}

#[derive(Debug)]
struct TopPerSyntax {
    direction: Direction,
    n: u64,
    by: ast::Expr,
    keys: Vec<ast::Expr>,
}

impl Syntax for TopPerSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let by = checker.of_records(&self.by).map(|expr| checker.beside_numbers(expr, self.by.span));
        let keys = checker.keys(&self.keys);
        let made = by.and_then(|by| Ok(TopPerOp { direction: self.direction, n: self.n, by, keys: keys? }));
        let word = match self.direction {
            Direction::Largest => &TOP_PER,
            Direction::Smallest => &BOTTOM_PER,
        };
        checker.push(upstream, word, span, made);
    }
}

/// So many records of each key.
#[derive(Clone, Debug)]
struct TopPerOp {
    direction: Direction,
    n: u64,
    /// What is compared.
    by: Expr,
    keys: Vec<Expr>,
}

impl TopPerOp {
    fn kinds(&self) -> Vec<recpipe::Type> {
        self.keys.iter().map(Expr::storage).collect()
    }

    fn keys(&self, batch: &Batch) -> Result<Vec<Vector>, Error> {
        self.keys.iter().map(|key| key.eval(batch)).collect()
    }
}

impl Operator for TopPerOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.exprs(self.keys.iter().chain([&self.by]));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn half(&self, start: &Start<'_>, target: Target) -> Target {
        Box::new(Candidates { best: Best::new(self.clone(), start.budget, start.workers), target })
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let whole = best_per(self.n, &self.keys, Some((self.direction, self.by.clone())), &start, target);
        if start.follows_half { whole } else { self.half(&start, whole) }
    }
}

/// Where more records of each key are wanted, none is left out in the workers.
const MOST_RANKED: usize = 4096;

/// The best values of each key so far, as far as there is room: then it begins anew, and passes on more than it would have to.
struct Best {
    op: TopPerOp,
    keys: Keys,
    numbers: Vec<u32>,
    /// Of each key, the ranks of the best, sorted.
    ranks: Vec<Vec<Box<[u8]>>>,
    bytes: usize,
    account: Account,
    /// The most that it may hold, whatever there is.
    most: usize,
}

impl Best {
    fn new(op: TopPerOp, budget: &Budget, workers: usize) -> Self {
        let keys = Keys::new(op.kinds());
        // As much is for the records that are sorted.
        let most = budget.limit() / 4 / workers.max(1);
        Best { op, keys, numbers: Vec::new(), ranks: Vec::new(), bytes: 0, account: budget.account(), most }
    }

    /// The records that may be among the best.
    fn admit(&mut self, batch: &Batch) -> Result<Batch, Error> {
        let values = self.op.by.eval(batch)?;
        let n = usize::try_from(self.op.n).unwrap_or(usize::MAX);
        if n > MOST_RANKED {
            return Ok(batch.clone());
        }
        let held = self.keys.bytes_with(batch.len()) + self.ranks.capacity() * size_of::<Vec<Box<[u8]>>>() + self.bytes;
        if held > self.most || !self.account.hold(held) {
            self.keys.clear();
            self.ranks.clear();
            self.bytes = 0;
        }
        let keys = self.op.keys(batch)?;
        self.keys.number(&keys, batch.len(), &mut self.numbers)?;
        self.ranks.resize_with(self.keys.len(), Vec::new);
        let (mut rank, mut keep) = (Vec::new(), vec![false; batch.len()]);
        for (row, &key) in self.numbers.iter().enumerate() {
            rank.clear();
            push_rank(self.op.direction, values.value(row), &mut rank);
            let best = &mut self.ranks[key as usize];
            // One that is equal to the last came later.
            if best.len() >= n && best.last().is_none_or(|last| **last <= *rank) {
                continue;
            }
            keep[row] = true;
            if best.len() == n {
                self.bytes -= best.pop().map_or(0, |last| weight(&last));
            }
            self.bytes += weight(&rank);
            best.insert(best.partition_point(|known| **known <= *rank), rank.as_slice().into());
        }
        Ok(batch.filter(&keep))
    }
}

/// Bytes that a rank takes in memory.
fn weight(rank: &[u8]) -> usize {
    size_of::<Box<[u8]>>() + 16 + rank.len()
}

/// The half in each worker.
struct Candidates {
    best: Best,
    target: Target,
}

impl Stage for Candidates {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = self.best.admit(&batch)?;
        if batch.is_empty() { Ok(Flow::Continue) } else { self.target.send(batch) }
    }

    relay!();
}
