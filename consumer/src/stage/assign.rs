//! `let x = EXPR, …`: adds or replaces columns, one after the other.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: those of the expressions: an integer overflow.

use recpipe::{Batch, Error, Flow, Stage};

use super::{Target, relay};
use crate::query::plan::Assignment;

/// See the module.
pub struct Assign {
    assignments: Vec<Assignment>,
    target: Target,
}

impl Assign {
    /// Applies the assignments in order.
    pub fn new(assignments: Vec<Assignment>, target: Target) -> Self {
        Assign { assignments, target }
    }
}

impl Stage for Assign {
    fn send(&mut self, mut batch: Batch) -> Result<Flow, Error> {
        for Assignment { place, expr, schema } in &self.assignments {
            let column = expr.eval_column(&batch)?;
            let mut columns = batch.columns().to_vec();
            match columns.get_mut(*place) {
                Some(old) => *old = column,
                None => columns.push(column),
            }
            batch = batch.with_columns(schema.clone(), columns)?;
        }
        self.target.send(batch)
    }

    relay!();
}
