//! `stats AGG, … by KEY, …`: aggregates, sorted by key. `sort [-]EXPR, …`: all records, sorted.
//!
//! Runs:   in each worker, then merged.  Order: by key; that of `sort` is stable.
//! Memory: O(groups), O(records); what goes beyond the budget is in temporary files.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the expressions; an integer sum that does not fit; temporary files that cannot be written.

use recpipe::{Batch, Error, Flow, Origin, Stage};

use super::Target;
use crate::{
    gather::{Gathered, SharedGathered},
    memory::Budget,
    preview::Preview,
};

/// The whole stage, where it runs once: gathers, and sends what comes of it at the end.
pub struct Gather {
    gathered: Option<Gathered>,
    /// Batches so far. They come in order, but what other stages made has no order of its own.
    batches: u64,
    budget: Budget,
    preview: Option<Preview>,
    target: Target,
}

impl Gather {
    /// Adds to `gathered`.
    pub fn new(gathered: Gathered, budget: Budget, preview: Option<Preview>, target: Target) -> Self {
        Gather { gathered: Some(gathered), batches: 0, budget, preview, target }
    }
}

impl Stage for Gather {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let order = self.batches;
        self.batches += 1;
        match &mut self.gathered {
            Some(gathered) => gathered.add(&batch.with_origin(Origin { order, ..Origin::default() })).map(|()| Flow::Continue),
            None => Err(Error::Protocol("records after the end")),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let (Some(preview), Some(gathered)) = (&self.preview, &self.gathered) {
            let copy = gathered.copy()?.map(|copy| gathered.of_copies(vec![copy], &self.budget));
            preview.show(copy.transpose()?)?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        let mut gathered = self.gathered.take();
        gathered.iter_mut().for_each(Gathered::seal);
        for batch in Gathered::merge(gathered.into_iter().collect(), &self.budget)? {
            if self.target.send(batch?)? == Flow::Stop {
                break;
            }
        }
        self.target.close()
    }
}

/// The half in each worker, whose results [`crate::run`] merges: it is the last of a worker's chain, and leaves behind
/// what it has gathered.
pub struct GatherPart(SharedGathered);

impl GatherPart {
    /// Adds to `gathered`.
    pub fn new(gathered: SharedGathered) -> Self {
        GatherPart(gathered)
    }
}

impl Stage for GatherPart {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.0.add(&batch).map(|()| Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
