//! Batches of an answer that wait to be taken: in memory, and what is more than that in temporary files.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use recpipe::{Batch, Error, Flow, Schema, Stage};

use crate::{
    memory::{Account, Budget, ReadRun, Run, Spill},
    plan::{About, Output, Place, Sink, Target},
    writer::Desk,
};

static ABOUT: About = About { name: "records", doc: "gives the records to the program", output: true, ..About::PLAIN };

/// What has come out of a plan and was not taken yet, in order. Clones are the same.
///
/// A stage may give all that it has kept in one call, so a bound on the number of batches would have to stop it half-way: what the
/// budget has no room for waits in a temporary file instead.
#[derive(Clone)]
pub(super) struct Ready(Arc<Mutex<Waiting>>);

struct Waiting {
    batches: VecDeque<Slot>,
    account: Account,
    /// The file of those that the account has no room for, as long as there are any.
    spill: Option<Spill>,
}

enum Slot {
    /// And the bytes of it that are on the account.
    Held(Batch, usize),
    Spilled(Run),
}

impl Ready {
    pub(super) fn new(budget: &Budget) -> Self {
        Ready(Arc::new(Mutex::new(Waiting { batches: VecDeque::new(), account: budget.account(), spill: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The output that puts records here.
    pub(super) fn output(&self) -> Output {
        Output { about: &ABOUT, sink: Arc::new(self.clone()) }
    }

    /// The next batch, if one waits.
    ///
    /// # Errors
    /// [`Error::Io`] where it waits in a temporary file that cannot be read.
    pub(super) fn take(&self) -> Result<Option<Batch>, Error> {
        let mut waiting = self.lock();
        match waiting.batches.pop_front() {
            None => {
                waiting.spill = None;
                Ok(None)
            }
            Some(Slot::Spilled(run)) => run.read()?.read(),
            Some(Slot::Held(batch, bytes)) => {
                let left = waiting.account.held().saturating_sub(bytes);
                // Less is never refused.
                let _ = waiting.account.hold(left);
                Ok(Some(batch))
            }
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().batches.is_empty()
    }

    fn put(&self, batch: Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut waiting = self.lock();
        let bytes = batch.bytes();
        let more = waiting.account.held().saturating_add(bytes);
        if waiting.account.hold(more) {
            waiting.batches.push_back(Slot::Held(batch, bytes));
            return Ok(());
        }
        // One is always held: whoever takes each as it comes needs no file.
        if waiting.batches.is_empty() {
            waiting.batches.push_back(Slot::Held(batch, 0));
            return Ok(());
        }
        let Waiting { batches, account, spill } = &mut *waiting;
        let spill = match spill {
            Some(spill) => spill,
            none => none.insert(account.budget().spill()?),
        };
        let mut run = spill.write()?;
        run.batch(&batch)?;
        batches.push_back(Slot::Spilled(run.finish()?));
        Ok(())
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ready").field("batches", &self.lock().batches.len()).finish()
    }
}

impl Sink for Ready {
    fn place(&self) -> Place<'_> {
        Place::Nowhere
    }

    fn open(&self, _: &Arc<Schema>, _: &Desk<'_>) -> Result<Target, Error> {
        Ok(Box::new(Put(self.clone())))
    }
}

/// The end of the chain.
struct Put(Ready);

impl Stage for Put {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.0.put(batch).map(|()| Flow::Continue)
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

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use recpipe::{Batch, BatchBuilder, Field, Schema, Type, Value};

    use super::{Ready, Slot};
    use crate::memory::Budget;

    fn batch(from: i64) -> Batch {
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap()));
        (from..from + 1000).for_each(|n| builder.push(&[Value::Int((n * 77_777).into())]).unwrap());
        builder.finish().unwrap()
    }

    #[test]
    fn what_has_no_room_waits_in_a_file_and_comes_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let ready = Ready::new(&Budget::new(16 << 10, 1, 0, directory.path()));
        (0..40).for_each(|n| ready.put(batch(n)).unwrap());
        let spilled = |ready: &Ready| ready.lock().batches.iter().filter(|slot| matches!(slot, Slot::Spilled(_))).count();
        assert!((20..39).contains(&spilled(&ready)), "{}", spilled(&ready));
        for n in 0..40 {
            assert_eq!(ready.take().unwrap(), Some(batch(n)));
        }
        assert_eq!(ready.take().unwrap(), None);
        assert_eq!(ready.lock().account.held(), 0);
        assert!(ready.lock().spill.is_none());
    }

    #[test]
    fn one_is_held_however_large_it_is() {
        let ready = Ready::new(&Budget::new(64, 1, 0, Path::new("not/there")));
        for n in 0..3 {
            ready.put(batch(n)).unwrap();
            assert_eq!(ready.take().unwrap(), Some(batch(n)));
        }
        ready.put(batch(0)).unwrap();
        assert!(ready.put(batch(1)).unwrap_err().to_string().contains("not/there"));
    }
}
