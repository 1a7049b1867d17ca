//! Only some of the records (the seeds' `grep` as a coroutine).

use std::fmt;

use super::{Flow, Stage};
use crate::{Batch, Error, Row};

/// See [`filter`].
pub struct Filter<F, S> {
    keep: F,
    target: S,
}

/// A stage that sends on the records that `keep` says yes to.
///
/// # Examples
/// ```
/// use recpipe::{Value, co_sendto, stage::filter};
///
/// let mut stream = Vec::new();
/// let lost = filter(|row| row.get("status") == Some(Value::Int(404)), co_sendto(&mut stream)?);
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn filter<F: FnMut(Row<'_>) -> bool, S: Stage>(keep: F, target: S) -> Filter<F, S> {
    Filter { keep, target }
}

impl<F, S: fmt::Debug> fmt::Debug for Filter<F, S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Filter").field("target", &self.target).finish_non_exhaustive()
    }
}

impl<F: FnMut(Row<'_>) -> bool, S: Stage> Stage for Filter<F, S> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.target.send(batch.retain(&mut self.keep))
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
