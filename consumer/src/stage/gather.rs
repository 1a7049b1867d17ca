//! The running stage of what gathers all records before it gives one ([`Partial`]), where it runs once.

use recpipe::{Batch, Error, Flow, Origin, Stage, Time};

use crate::{
    memory::Budget,
    plan::{
        Start, Target,
        partial::{self, Partial, Show},
    },
};

/// Gathers, and sends what comes of it at the end.
pub(super) struct Gathering {
    partial: Option<Box<dyn Partial>>,
    /// Batches so far. They come in order, but what other stages made has no order of its own.
    batches: u64,
    budget: Budget,
    preview: Option<Box<dyn Show>>,
    target: Target,
}

impl Gathering {
    /// Adds to `partial`, which is empty.
    pub(super) fn stage(partial: Option<Box<dyn Partial>>, start: Start<'_>, target: Target) -> Target {
        Box::new(Gathering { partial, batches: 0, budget: start.budget.clone(), preview: start.preview, target })
    }
}

impl Stage for Gathering {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let order = self.batches;
        self.batches += 1;
        match &mut self.partial {
            Some(partial) => partial.add(&batch.with_origin(Origin { order, ..Origin::default() })).map(|()| Flow::Continue),
            None => Err(Error::Protocol("records after the end")),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let (Some(preview), Some(partial)) = (&self.preview, &self.partial) {
            let copy = partial.copy()?.map(|copy| partial.of_copies(vec![copy], &self.budget));
            preview.show(copy.transpose()?)?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        let mut partial = self.partial.take();
        partial.iter_mut().for_each(|partial| partial.seal());
        for batch in partial::merge(partial.into_iter().collect(), &self.budget)? {
            if self.target.send(batch?)? == Flow::Stop {
                break;
            }
        }
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    /// Not true of what is sent at the end.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}
