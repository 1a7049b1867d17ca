//! `select a, b, EXPR as c`: only these columns, in this order. `drop` and `rename` are the same, of all columns that the plan knows;
//! what a batch has beyond those stays.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); a plain column is shared, not copied.
//! Stops:  when its target does.
//! Errors: those of the expressions: an integer overflow.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage};

use super::{Target, beyond::Beyond, relay};
use crate::expr::Expr;

/// See the module.
pub struct Select {
    columns: Vec<Expr>,
    beyond: Beyond,
    target: Target,
}

impl Select {
    /// The columns of the output, made of records of `input`, and its schema.
    pub fn new(columns: Vec<Expr>, input: &Schema, schema: Arc<Schema>, target: Target) -> Self {
        Select { columns, beyond: Beyond::new(input, schema), target }
    }
}

impl Stage for Select {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let columns = self.columns.iter().map(|column| column.eval_column(&batch)).collect::<Result<_, _>>()?;
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
