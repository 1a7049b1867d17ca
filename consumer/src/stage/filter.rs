//! `where EXPR`: passes on the records for which the condition is true.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: those of the expression: an integer overflow.

use recpipe::{Batch, Error, Flow, Stage};

use super::{Target, relay};
use crate::expr::Predicate;

/// See the module.
pub struct Filter {
    predicate: Predicate,
    target: Target,
}

impl Filter {
    /// Passes on what `predicate` is true for.
    pub fn new(predicate: Predicate, target: Target) -> Self {
        Filter { predicate, target }
    }
}

impl Stage for Filter {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let left = self.predicate.filter(&batch)?;
        if left.is_empty() { Ok(Flow::Continue) } else { self.target.send(left) }
    }

    relay!();
}
