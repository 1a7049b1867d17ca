//! `distinct [f, …]`: the first record of each distinct value.
//!
//! Runs:   in each worker, which leaves out what that worker has already sent on, then once.  Order: of first occurrence.
//! Memory: O(distinct values), in each worker too.  Streams: a record is passed on when it is seen first.
//! Stops:  when its target does.
//! Errors: those of the expressions.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage};

use super::{Target, relay, select::project};
use crate::{aggregate::Keys, expr::Expr};

/// The half that runs once: passes on first occurrences, with only the columns that were compared.
pub struct Distinct {
    seen: Seen,
    schema: Arc<Schema>,
    target: Target,
}

/// The half in each worker: passes on the first occurrences in what this worker sees. Batches come to a worker in the
/// order of the input, so the first occurrence of all is among them.
pub struct DistinctCandidates {
    seen: Seen,
    target: Target,
}

struct Seen {
    exprs: Vec<Expr>,
    keys: Keys,
    numbers: Vec<u32>,
}

impl Seen {
    fn new(exprs: Vec<Expr>) -> Self {
        let keys = Keys::new(exprs.iter().map(Expr::kind).collect());
        Seen { exprs, keys, numbers: Vec::new() }
    }

    /// The records of the batch that are the first of their value.
    fn first(&mut self, batch: &Batch) -> Result<Batch, Error> {
        let columns = self.exprs.iter().map(|expr| expr.eval(batch)).collect::<Result<Vec<_>, _>>()?;
        let mut next = self.keys.len();
        self.keys.number(&columns, batch.len(), &mut self.numbers)?;
        // Numbers are given in the order of first occurrence, so a new one is always the next.
        let is_first = |&number: &u32| {
            let first = number as usize == next;
            next += usize::from(first);
            first
        };
        Ok(batch.filter(&self.numbers.iter().map(is_first).collect::<Vec<_>>()))
    }
}

impl Distinct {
    /// Compares by these expressions, which are the columns of the output.
    pub fn new(exprs: Vec<Expr>, schema: Arc<Schema>, target: Target) -> Self {
        Distinct { seen: Seen::new(exprs), schema, target }
    }
}

impl Stage for Distinct {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let first = self.seen.first(&batch)?;
        if first.is_empty() { Ok(Flow::Continue) } else { self.target.send(project(&first, &self.seen.exprs, &self.schema)?) }
    }

    relay!();
}

impl DistinctCandidates {
    /// Compares by these expressions.
    pub fn new(exprs: Vec<Expr>, target: Target) -> Self {
        DistinctCandidates { seen: Seen::new(exprs), target }
    }
}

impl Stage for DistinctCandidates {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let first = self.seen.first(&batch)?;
        if first.is_empty() { Ok(Flow::Continue) } else { self.target.send(first) }
    }

    relay!();
}
