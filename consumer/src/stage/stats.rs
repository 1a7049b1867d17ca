//! `stats AGG, … by KEY, …`: aggregates.
//!
//! Runs:   in each worker, then merged.  Order: the result is sorted by key.  Memory: O(groups), in each worker too.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the expressions; an integer sum that does not fit.

use std::sync::{Arc, Mutex, PoisonError};

use recpipe::{Batch, Error, Flow, Stage};

use super::{Target, relay_flush};
use crate::aggregate::Table;

/// The whole stage, where it runs once: fills a table and sends its content at the end.
pub struct Stats {
    table: Table,
    target: Target,
}

impl Stats {
    /// Fills `table`.
    pub fn new(table: Table, target: Target) -> Self {
        Stats { table, target }
    }
}

impl Stage for Stats {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.table.add(&batch)?;
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

/// The table of a worker. The thread that merges may take it at any time between two batches, and leave an empty one: merging
/// parts early gives what merging them at the end gives.
#[derive(Clone, Default)]
pub struct SharedTable(Arc<Mutex<Option<Table>>>);

impl SharedTable {
    /// Puts `next` in its place, and gives what was there.
    pub fn replace(&self, next: Option<Table>) -> Option<Table> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), next)
    }
}

/// The half in each worker, whose tables [`crate::run`] merges: fills a table; it is the last of a worker's chain, and leaves the table behind.
pub struct Tabulate(SharedTable);

impl Tabulate {
    /// Fills `table`.
    pub fn new(table: SharedTable) -> Self {
        Tabulate(table)
    }
}

impl Stage for Tabulate {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        match &mut *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) {
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
