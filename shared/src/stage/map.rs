//! Other records for those that come.

use std::fmt;

use super::{Flow, Stage};
use crate::{Batch, Error};

/// See [`map`].
pub struct Map<F, S> {
    change: F,
    target: S,
}

/// A stage that sends on what `change` makes of each batch; [`Batch::map`] makes one of another record by record.
///
/// # Examples
/// ```
/// use recpipe::{Stage, stage::{Collect, map}};
///
/// let (collect, got) = Collect::new();
/// let mut first_of_each = map(|batch| Ok(batch.head(1)), collect);
/// # first_of_each.close()?;
/// # assert!(got.is_closed());
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn map<F: FnMut(Batch) -> Result<Batch, Error>, S: Stage>(change: F, target: S) -> Map<F, S> {
    Map { change, target }
}

impl<F, S: fmt::Debug> fmt::Debug for Map<F, S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Map").field("target", &self.target).finish_non_exhaustive()
    }
}

impl<F: FnMut(Batch) -> Result<Batch, Error>, S: Stage> Stage for Map<F, S> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.target.send((self.change)(batch)?)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }
}
