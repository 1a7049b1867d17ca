//! `stats AGG, … by KEY, …`: aggregates.
//!
//! Runs:   in each worker, then merged.  Order: the result is sorted by key.  Memory: O(groups), in each worker too.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the expressions; an integer sum that does not fit.

use std::{cell::RefCell, rc::Rc};

use recpipe::{Batch, Error, Flow, Origin, Stage};

use super::{Target, relay_flush};
use crate::aggregate::Table;

/// The whole stage, where it runs once: fills a table and sends its content at the end.
pub struct Stats {
    table: Table,
    /// Batches so far. They come in order, but what other stages made has no order of its own.
    batches: u64,
    target: Target,
}

impl Stats {
    /// Fills `table`.
    pub fn new(table: Table, target: Target) -> Self {
        Stats { table, batches: 0, target }
    }
}

impl Stage for Stats {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let order = self.batches;
        self.batches += 1;
        self.table.add(&batch.with_origin(Origin { order, ..Origin::default() }))?;
        Ok(Flow::Continue)
    }

    relay_flush!();

    fn close(&mut self) -> Result<(), Error> {
        for batch in self.table.batches() {
            if self.target.send(batch?)? == Flow::Stop {
                break;
            }
        }
        self.target.close()
    }
}

/// The half in each worker, whose tables [`crate::run`] merges: fills a table; it is the last of a worker's chain, and leaves the table behind.
pub struct Tabulate(Rc<RefCell<Option<Table>>>);

impl Tabulate {
    /// Fills `table`.
    pub fn new(table: Rc<RefCell<Option<Table>>>) -> Self {
        Tabulate(table)
    }
}

impl Stage for Tabulate {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        match &mut *self.0.borrow_mut() {
            Some(table) => table.add(&batch).map(|()| Flow::Continue),
            None => Err(Error::Protocol("the table was taken before the end")),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
