//! Partial results: what has to see all records before it gives one is gathered in each worker, within the query's [`Budget`],
//! and merged once; what does not fit goes to sorted runs in temporary files.
//!
//! A stage implements [`Gather`], which is typed; whoever runs stages holds [`Partial`]s and does not know of which stage they are.

use std::{
    any::Any,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use recpipe::{Batch, Error};

use crate::memory::{Budget, ReadRun};

/// What comes of partial results, batch after batch.
pub type Batches = Box<dyn Iterator<Item = Result<Batch, Error>>>;

/// What would be given if the records so far were all, as far as it is wanted.
pub struct SoFar {
    /// The first of it.
    pub batches: Batches,
    /// Records after those.
    pub more: u64,
}

impl SoFar {
    /// No more records than this are looked at of what is sorted; no picture shows more.
    pub const MOST: usize = 1000;
}

/// Shows what would come of a stage that waits for the end, for the time being.
pub trait Show {
    /// Shows what there is so far; `None` where it is too much to be looked at again and again.
    ///
    /// # Errors
    /// Those of the output, and of temporary files.
    fn show(&self, so_far: Option<SoFar>) -> Result<(), Error>;
}

/// What one stage gathers, in one worker or in the only place.
pub trait Gather: Send + Sized + 'static {
    /// A copy of what was gathered so far.
    type Copy: Send + 'static;

    /// Adds the records of a batch.
    ///
    /// # Errors
    /// [`Error::Data`] from an expression or an aggregate; [`Error::Io`] where temporary files cannot be written.
    fn add(&mut self, batch: &Batch) -> Result<(), Error>;

    /// No more records come: does what each worker can do for itself.
    fn seal(&mut self);

    /// What all have gathered together, which must be sealed and of the same stage; at least one.
    ///
    /// # Errors
    /// As for [`Gather::add`]; so do the batches.
    fn merge(all: Vec<Self>, budget: &Budget) -> Result<Batches, Error>;

    /// What all have gathered together, as a sorted run of batches for another process, which gives it to
    /// [`Gather::merge_runs`]; at least one.
    ///
    /// # Errors
    /// As for [`Gather::merge`].
    fn into_run(all: Vec<Self>, budget: &Budget) -> Result<Batches, Error>;

    /// The result of runs that other processes have made, for the stage that this one, which is empty, is of. The runs are
    /// read as they are merged: nothing of them is kept.
    ///
    /// # Errors
    /// Those of the runs and of [`Gather::merge`].
    fn merge_runs(self, runs: Vec<Box<dyn ReadRun>>, budget: &Budget) -> Result<Batches, Error>;

    /// A copy of what there is so far; `None` where that would take long, or some of it is in files.
    ///
    /// # Errors
    /// Those of the aggregates.
    fn copy(&self) -> Result<Option<Self::Copy>, Error>;

    /// What was copied of what is gathered for the same stage as this, together: the result if the records so far were all.
    ///
    /// # Errors
    /// Those of the merge; so do the batches.
    fn of_copies(&self, copies: Vec<Self::Copy>, budget: &Budget) -> Result<SoFar, Error>;
}

/// A copy of what was gathered so far, of whatever stage.
pub type Copied = Box<dyn Any + Send>;

/// What is gathered for a stage, whichever it is: a [`Gather`] without its type. Those that are merged are of the same stage.
///
/// # Errors
/// As for the methods of [`Gather`], and [`Error::Protocol`] where they are of different stages.
pub trait Partial: Send {
    /// See [`Gather::add`].
    ///
    /// # Errors
    /// As for [`Gather::add`].
    fn add(&mut self, batch: &Batch) -> Result<(), Error>;
    /// See [`Gather::seal`].
    fn seal(&mut self);
    /// See [`Gather::merge`]; this one and `others` together.
    ///
    /// # Errors
    /// As for [`Gather::merge`].
    fn merge(self: Box<Self>, others: Vec<Box<dyn Partial>>, budget: &Budget) -> Result<Batches, Error>;
    /// See [`Gather::into_run`]; this one and `others` together.
    ///
    /// # Errors
    /// As for [`Gather::into_run`].
    fn into_run(self: Box<Self>, others: Vec<Box<dyn Partial>>, budget: &Budget) -> Result<Batches, Error>;
    /// See [`Gather::merge_runs`].
    ///
    /// # Errors
    /// As for [`Gather::merge_runs`].
    fn merge_runs(self: Box<Self>, runs: Vec<Box<dyn ReadRun>>, budget: &Budget) -> Result<Batches, Error>;
    /// See [`Gather::copy`].
    ///
    /// # Errors
    /// As for [`Gather::copy`].
    fn copy(&self) -> Result<Option<Copied>, Error>;
    /// See [`Gather::of_copies`].
    ///
    /// # Errors
    /// As for [`Gather::of_copies`].
    fn of_copies(&self, copies: Vec<Copied>, budget: &Budget) -> Result<SoFar, Error>;
    /// Itself, for one that it is merged with.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<G: Gather> Partial for G {
    fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        Gather::add(self, batch)
    }

    fn seal(&mut self) {
        Gather::seal(self);
    }

    fn merge(self: Box<Self>, others: Vec<Box<dyn Partial>>, budget: &Budget) -> Result<Batches, Error> {
        G::merge(together(*self, others)?, budget)
    }

    fn into_run(self: Box<Self>, others: Vec<Box<dyn Partial>>, budget: &Budget) -> Result<Batches, Error> {
        G::into_run(together(*self, others)?, budget)
    }

    fn merge_runs(self: Box<Self>, runs: Vec<Box<dyn ReadRun>>, budget: &Budget) -> Result<Batches, Error> {
        Gather::merge_runs(*self, runs, budget)
    }

    fn copy(&self) -> Result<Option<Copied>, Error> {
        Ok(Gather::copy(self)?.map(|copy| Box::new(copy) as Copied))
    }

    fn of_copies(&self, copies: Vec<Copied>, budget: &Budget) -> Result<SoFar, Error> {
        let copies = copies.into_iter().map(|copy| copy.downcast().map(|copy| *copy).map_err(|_| MIXED));
        Gather::of_copies(self, copies.collect::<Result<_, _>>()?, budget)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

const MIXED: Error = Error::Protocol("partial results of different stages");

/// All of them, which are of one type.
fn together<G: Gather>(first: G, others: Vec<Box<dyn Partial>>) -> Result<Vec<G>, Error> {
    let others = others.into_iter().map(|other| other.into_any().downcast().map(|other| *other).map_err(|_| MIXED));
    std::iter::once(Ok(first)).chain(others).collect()
}

/// What all have gathered together, in batches: see [`Gather::merge`]. Of none it is nothing.
///
/// # Errors
/// As for [`Gather::merge`].
pub fn merge(all: Vec<Box<dyn Partial>>, budget: &Budget) -> Result<Batches, Error> {
    let mut all = all.into_iter();
    all.next().map_or_else(|| Ok(Box::new(std::iter::empty()) as Batches), |first| first.merge(all.collect(), budget))
}

/// What all have gathered together, as a run: see [`Gather::into_run`]. Of none it is nothing.
///
/// # Errors
/// As for [`Gather::into_run`].
pub(crate) fn into_run(all: Vec<Box<dyn Partial>>, budget: &Budget) -> Result<Batches, Error> {
    let mut all = all.into_iter();
    all.next().map_or_else(|| Ok(Box::new(std::iter::empty()) as Batches), |first| first.into_run(all.collect(), budget))
}

/// What a worker gathers. The thread that merges may look at it between two batches.
#[derive(Clone, Default)]
pub struct SharedPartial(Arc<Mutex<Option<Box<dyn Partial>>>>);

impl SharedPartial {
    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Partial>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins with this.
    pub fn put(&self, partial: Option<Box<dyn Partial>>) {
        *self.lock() = partial;
    }

    /// Takes it away.
    pub fn take(&self) -> Option<Box<dyn Partial>> {
        self.lock().take()
    }

    /// Adds the records of a batch.
    ///
    /// # Errors
    /// As for [`Gather::add`].
    pub fn add(&self, batch: &Batch) -> Result<(), Error> {
        match &mut *self.lock() {
            Some(partial) => partial.add(batch),
            None => Err(Error::Protocol("records after the end")),
        }
    }

    /// A copy, as of [`Gather::copy`]; `None`, too, for what has been taken away.
    ///
    /// # Errors
    /// Those of the aggregates.
    pub fn copy(&self) -> Result<Option<Copied>, Error> {
        self.lock().as_ref().map_or(Ok(None), |partial| partial.copy())
    }
}
