//! `distinct [f, …]`: the first record of each distinct value.
//!
//! Runs:   in each worker, which leaves out what that worker has already sent on, then once.  Order: of first occurrence.
//! Memory: O(distinct values), in each worker too; what goes beyond the budget is in temporary files.
//! Streams: a record is passed on when it is seen first, as long as all values fit in memory; the others at the end.
//! Stops:  when its target does.
//! Errors: those of the expressions; temporary files that cannot be written.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage};

use super::{Target, relay, relay_flush, select::project};
use crate::{
    aggregate::Keys,
    expr::{Expr, Vector},
    memory::{Account, Budget},
    sort::Late,
};

/// The half that runs once: passes on first occurrences, with only the columns that were compared.
pub struct Distinct {
    seen: Seen,
    /// What came after the values did not fit any more, and is not among them.
    late: Option<Late>,
    /// Batches so far.
    batches: u64,
    budget: Budget,
    schema: Arc<Schema>,
    target: Target,
}

/// The half in each worker: passes on the first occurrences in what this worker sees, or what may be such. Batches come
/// to a worker in the order of the input, so the first occurrence of all is among them.
pub struct DistinctCandidates {
    seen: Seen,
    target: Target,
}

struct Seen {
    exprs: Vec<Expr>,
    keys: Keys,
    numbers: Vec<u32>,
    account: Account,
    /// The most that it may hold, whatever there is.
    most: usize,
    /// Whether there was no room for more: from then on no value is added.
    is_full: bool,
}

impl Seen {
    fn new(exprs: Vec<Expr>, account: Account, most: usize) -> Self {
        let keys = Keys::new(exprs.iter().map(Expr::storage).collect());
        Seen { exprs, keys, numbers: Vec::new(), account, most, is_full: false }
    }

    fn values(&self, batch: &Batch) -> Result<Vec<Vector>, Error> {
        self.exprs.iter().map(|expr| expr.eval(batch)).collect()
    }

    /// The records of the batch that are the first of their value, or, once it is full, those whose value is not known.
    fn first(&mut self, batch: &Batch) -> Result<Batch, Error> {
        let columns = self.values(batch)?;
        let wanted = self.keys.bytes_with(batch.len());
        // One batch there is always room for.
        self.is_full |= !self.keys.is_empty() && (wanted > self.most || !self.account.hold(wanted));
        if self.is_full {
            let known = self.keys.contain(&columns, batch.len())?;
            return Ok(batch.filter(&known.iter().map(|&known| !known).collect::<Vec<_>>()));
        }
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
    pub fn new(exprs: Vec<Expr>, schema: Arc<Schema>, budget: &Budget, target: Target) -> Self {
        // The other half is for sorting what comes later.
        let seen = Seen::new(exprs, budget.account(), budget.limit() / 2);
        Distinct { seen, late: None, batches: 0, budget: budget.clone(), schema, target }
    }
}

impl Stage for Distinct {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let first = self.seen.first(&batch)?;
        self.batches += 1;
        if first.is_empty() {
            return Ok(Flow::Continue);
        }
        let values = if self.seen.is_full { self.seen.values(&first)? } else { Vec::new() };
        let first = project(&first, &self.seen.exprs, &self.schema)?;
        if !self.seen.is_full {
            return self.target.send(first);
        }
        let late = self.late.get_or_insert_with(|| Late::new(self.schema.clone(), &self.budget));
        late.add(&values, &first, self.batches)?;
        Ok(Flow::Continue)
    }

    relay_flush!();

    fn close(&mut self) -> Result<(), Error> {
        if let Some(late) = self.late.take() {
            for batch in late.first(&self.budget)? {
                if self.target.send(batch?)? == Flow::Stop {
                    break;
                }
            }
        }
        self.target.close()
    }
}

impl DistinctCandidates {
    /// Compares by these expressions, with an equal part of the budget for each of so many `workers`.
    pub fn new(exprs: Vec<Expr>, budget: &Budget, workers: usize, target: Target) -> Self {
        DistinctCandidates { seen: Seen::new(exprs, budget.account(), budget.limit() / 4 / workers.max(1)), target }
    }
}

impl Stage for DistinctCandidates {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let first = self.seen.first(&batch)?;
        if first.is_empty() { Ok(Flow::Continue) } else { self.target.send(first) }
    }

    relay!();
}
