//! What has to see all records before it gives one: `stats` and `sort`.
//!
//! Both are gathered in each worker, within the query's [`Budget`], and merged once; what does not fit goes to sorted
//! runs in temporary files. Which of the two it is makes no difference to whoever runs them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use recpipe::{Batch, Error};

use crate::{
    aggregate::Table,
    memory::{Budget, ReadRun},
    preview::{Preview, SoFar},
    sort::{self, Sorter},
};

/// What comes of it, batch after batch.
pub type Batches = Box<dyn Iterator<Item = Result<Batch, Error>>>;

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
    pub fn merge(all: Vec<Gathered>, budget: &Budget) -> Result<Batches, Error> {
        let (tables, sorters) = Gathered::apart(all);
        match (tables.is_empty(), sorters.is_empty()) {
            (true, true) => Ok(Box::new(std::iter::empty())),
            (false, true) => Table::merged(tables, budget),
            (true, false) => Ok(Box::new(Sorter::merge(sorters, budget)?)),
            (false, false) => Err(MIXED),
        }
    }

    /// What all have gathered together, as for [`Gathered::merge`], but as a sorted run of batches for another process,
    /// which gives it to [`Gathered::merge_runs`].
    ///
    /// # Errors
    /// As for [`Gathered::merge`].
    pub fn into_run(all: Vec<Gathered>, budget: &Budget) -> Result<Batches, Error> {
        let (tables, sorters) = Gathered::apart(all);
        match (tables.is_empty(), sorters.is_empty()) {
            (_, true) => Table::into_run(tables, budget),
            (true, false) => Ok(Box::new(Sorter::into_run(sorters, budget)?)),
            (false, false) => Err(MIXED),
        }
    }

    /// The result of runs that other processes have made, for the stage that this one, which is empty, is of. The runs are
    /// read as they are merged: nothing of them is kept.
    ///
    /// # Errors
    /// Those of the runs and of [`Gathered::merge`].
    pub fn merge_runs(self, runs: Vec<Box<dyn ReadRun>>, budget: &Budget) -> Result<Batches, Error> {
        match self {
            Gathered::Table(table) => table.merged_runs(runs, budget),
            Gathered::Sorter(sorter) => Ok(Box::new(sorter.merge_runs(runs)?)),
        }
    }

    /// A copy of what there is so far; `None` where that would take long, or some of it is in files.
    ///
    /// # Errors
    /// Those of the aggregates.
    pub fn copy(&self) -> Result<Option<Copied>, Error> {
        match self {
            Gathered::Table(table) => Ok(table.copy()?.map(Copied::Groups)),
            Gathered::Sorter(sorter) => Ok(sorter.first(Preview::MOST).map(Copied::Pairs)),
        }
    }

    /// What was copied of what is gathered for the same stage as this, together: the result if the records so far were all.
    ///
    /// # Errors
    /// Those of the merge; so do the batches.
    pub fn of_copies(&self, copies: Vec<Copied>, budget: &Budget) -> Result<SoFar, Error> {
        let (mut groups, mut pairs) = (Vec::new(), Vec::new());
        for copy in copies {
            match copy {
                Copied::Groups(batches) => groups.push(batches),
                Copied::Pairs(first) => pairs.push(first),
            }
        }
        match self {
            Gathered::Table(table) => Ok(SoFar { batches: Box::new(table.of_copies(groups, budget)?), more: 0 }),
            Gathered::Sorter(sorter) => {
                let (batch, more) = sorter.of_first(pairs, Preview::MOST)?;
                Ok(SoFar { batches: Box::new(batch.into_iter().map(Ok)), more })
            }
        }
    }

    fn apart(all: Vec<Gathered>) -> (Vec<Table>, Vec<Sorter>) {
        let (mut tables, mut sorters) = (Vec::new(), Vec::new());
        for one in all {
            match one {
                Gathered::Table(table) => tables.push(table),
                Gathered::Sorter(sorter) => sorters.push(sorter),
            }
        }
        (tables, sorters)
    }
}

/// A copy of what was gathered so far.
pub enum Copied {
    /// Groups, as a run.
    Groups(Vec<Batch>),
    /// The first of the records that are sorted.
    Pairs(sort::First),
}

const MIXED: Error = Error::Protocol("a table and records to be sorted, of one stage");

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

    /// A copy, as of [`Gathered::copy`]; `None`, too, for what has been taken away.
    ///
    /// # Errors
    /// Those of the aggregates.
    pub fn copy(&self) -> Result<Option<Copied>, Error> {
        self.lock().as_ref().map_or(Ok(None), Gathered::copy)
    }
}
