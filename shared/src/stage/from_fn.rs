//! A stage from a closure.

use std::fmt;

use super::{Flow, Stage};
use crate::{Batch, Error};

/// See [`from_fn`].
pub struct FromFn<F>(F);

/// A stage at the end of a chain that calls `send` with every batch.
///
/// Easy, at a price: it has no target, and does not learn of `flush` and `close`, so it must not hold anything back.
///
/// # Examples
/// ```
/// use recpipe::{Flow, Stage, stage::from_fn};
///
/// let mut records = 0;
/// let mut stage = from_fn(|batch| {
///     records += batch.len();
///     Ok(Flow::Continue)
/// });
/// stage.close()?;
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn from_fn<F: FnMut(Batch) -> Result<Flow, Error>>(send: F) -> FromFn<F> {
    FromFn(send)
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FromFn").finish_non_exhaustive()
    }
}

impl<F: FnMut(Batch) -> Result<Flow, Error>> Stage for FromFn<F> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        (self.0)(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}
