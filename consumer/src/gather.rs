//! What has to see all records before it gives one: `stats` and `sort`.
//!
//! Both are gathered in each worker, within the query's [`Budget`], and merged once; what does not fit goes to sorted
//! runs in temporary files. Which of the two it is makes no difference to whoever runs them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use recpipe::{Batch, Error};

use crate::{aggregate::Table, memory::Budget, sort::Sorter};

/// What has been gathered, in one worker or in the only place.
pub enum Gathered {
    /// Groups and their aggregates.
    Table(Table),
    /// Records to be sorted.
    Sorter(Sorter),
}

impl Gathered {
    /// Adds the records of a batch.
    ///
    /// # Errors
    /// [`Error::Data`] from an expression or an aggregate; [`Error::Io`] where temporary files cannot be written.
    pub fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        match self {
            Gathered::Table(table) => table.add(batch),
            Gathered::Sorter(sorter) => sorter.add(batch),
        }
    }

    /// No more records come: does what each worker can do for itself.
    pub fn seal(&mut self) {
        match self {
            // What is left to do needs all tables, or is little.
            Gathered::Table(_) => {}
            Gathered::Sorter(sorter) => sorter.seal(),
        }
    }

    /// What all have gathered together, which must be sealed and of the same stage, in batches.
    ///
    /// # Errors
    /// As for [`Gathered::add`]; so do the batches.
    pub fn merge(all: Vec<Gathered>, budget: &Budget) -> Result<Box<dyn Iterator<Item = Result<Batch, Error>>>, Error> {
        let (mut tables, mut sorters) = (Vec::new(), Vec::new());
        for one in all {
            match one {
                Gathered::Table(table) => tables.push(table),
                Gathered::Sorter(sorter) => sorters.push(sorter),
            }
        }
        match (tables.is_empty(), sorters.is_empty()) {
            (true, true) => Ok(Box::new(std::iter::empty())),
            (false, true) => Table::merged(tables, budget),
            (true, false) => Ok(Box::new(Sorter::merge(sorters, budget)?)),
            (false, false) => Err(Error::Protocol("a table and records to be sorted, of one stage")),
        }
    }
}

/// What a worker gathers. The thread that merges may look at it between two batches.
#[derive(Clone, Default)]
pub struct SharedGathered(Arc<Mutex<Option<Gathered>>>);

impl SharedGathered {
    fn lock(&self) -> MutexGuard<'_, Option<Gathered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins with this.
    pub fn put(&self, gathered: Option<Gathered>) {
        *self.lock() = gathered;
    }

    /// Takes it away.
    pub fn take(&self) -> Option<Gathered> {
        self.lock().take()
    }

    /// Adds the records of a batch.
    ///
    /// # Errors
    /// As for [`Gathered::add`].
    pub fn add(&self, batch: &Batch) -> Result<(), Error> {
        match &mut *self.lock() {
            Some(gathered) => gathered.add(batch),
            None => Err(Error::Protocol("records after the end")),
        }
    }

    /// A copy of the groups in a table, as a run; `None` for what is no table, or too large a one.
    ///
    /// # Errors
    /// Those of the aggregates.
    pub fn copy(&self) -> Result<Option<Vec<Batch>>, Error> {
        match &*self.lock() {
            Some(Gathered::Table(table)) => table.copy(),
            _ => Ok(None),
        }
    }
}
