//! A stage that keeps what it is sent: for tests.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Flow, Stage};
use crate::{Batch, Error};

/// Keeps every batch; see [`Collected`] for the other end.
///
/// # Examples
/// ```
/// use recpipe::{Stage, stage::Collect};
///
/// let (mut stage, got) = Collect::new();
/// assert!(!got.is_closed());
/// stage.close()?;
/// assert!(got.is_closed() && got.batches().is_empty());
/// # Ok::<(), recpipe::Error>(())
/// ```
pub struct Collect(Collected);

/// What a [`Collect`] has been sent.
#[derive(Clone, Default)]
pub struct Collected(Arc<Mutex<(Vec<Batch>, bool)>>);

impl Collect {
    /// A stage, and a handle to what it gets.
    pub fn new() -> (Self, Collected) {
        let collected = Collected::default();
        (Collect(collected.clone()), collected)
    }
}

impl Collected {
    /// The batches so far.
    pub fn batches(&self) -> Vec<Batch> {
        self.lock().0.clone()
    }

    /// The number of records so far.
    pub fn records(&self) -> usize {
        self.lock().0.iter().map(Batch::len).sum()
    }

    /// Whether the stage was closed.
    pub fn is_closed(&self) -> bool {
        self.lock().1
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Batch>, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Collect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Collect").field("got", &self.0).finish_non_exhaustive()
    }
}

impl fmt::Debug for Collected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Collected").field("records", &self.records()).field("is_closed", &self.is_closed()).finish()
    }
}

impl Stage for Collect {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.0.lock().0.push(batch);
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.0.lock().1 = true;
        Ok(())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{ops::Range, sync::Arc};

    use crate::{Batch, BatchBuilder, Field, Schema, Type, Value};

    /// A batch of these numbers in a field `n`.
    pub(crate) fn batch(numbers: Range<i64>) -> Batch {
        let schema = Schema::new(vec![Field::new("n", Type::Int)]).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        for n in numbers {
            builder.push(&[Value::Int(n.into())]).unwrap();
        }
        builder.finish().unwrap()
    }
}
