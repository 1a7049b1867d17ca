//! `let x = EXPR, …`: adds or replaces columns, one after the other.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: those of the expressions: an integer overflow.

use recpipe::{Batch, Error, Flow, Schema, Stage};

use super::{
    Target,
    beyond::{Beyond, put},
    relay,
};
use crate::plan::Assignment;

/// See the module.
pub struct Assign {
    /// Each, and what it makes of a batch.
    assignments: Vec<(Assignment, Beyond)>,
    target: Target,
}

impl Assign {
    /// Applies the assignments in order, to records of `input`.
    pub fn new(assignments: Vec<Assignment>, input: &Schema, target: Target) -> Self {
        let mut input = input.clone();
        let with_beyond = |assignment: Assignment| {
            let beyond = Beyond::new(&input, assignment.schema.clone());
            input = (*assignment.schema).clone();
            (assignment, beyond)
        };
        Assign { assignments: assignments.into_iter().map(with_beyond).collect(), target }
    }
}

impl Stage for Assign {
    fn send(&mut self, mut batch: Batch) -> Result<Flow, Error> {
        for (Assignment { place, expr, .. }, beyond) in &mut self.assignments {
            let column = expr.eval_column(&batch)?;
            let mut columns = beyond.known(&batch).to_vec();
            put(&mut columns, *place, column);
            batch = beyond.with_columns(&batch, columns)?;
        }
        self.target.send(batch)
    }

    relay!();
}
