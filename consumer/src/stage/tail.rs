//! `tail N`: the last `N` records.
//!
//! Runs:   once.  Order: kept.  Memory: O(N), and a batch.  Blocks: nothing comes out before the end.
//! Stops:  no.
//! Errors: none of its own.

use std::collections::VecDeque;

use recpipe::{Batch, Error, Flow, Stage};

use super::Target;
use crate::preview::{Preview, SoFar};

/// See the module.
pub struct Tail {
    n: usize,
    /// The last records and perhaps some before them, which are of the first batch.
    batches: VecDeque<Batch>,
    rows: usize,
    preview: Option<Preview>,
    target: Target,
}

impl Tail {
    /// Passes on the last `n` records.
    pub fn new(n: u64, preview: Option<Preview>, target: Target) -> Self {
        Tail { n: usize::try_from(n).unwrap_or(usize::MAX), batches: VecDeque::new(), rows: 0, preview, target }
    }

    /// The last records, no others among them.
    fn last(&self) -> impl Iterator<Item = Batch> + use<> {
        let mut early = self.rows.saturating_sub(self.n);
        self.batches.clone().into_iter().map(move |batch| batch.skip(std::mem::take(&mut early)))
    }
}

impl Stage for Tail {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = batch.skip(batch.len().saturating_sub(self.n));
        if batch.is_empty() {
            return Ok(Flow::Continue);
        }
        self.rows += batch.len();
        // Without what was not selected: a view would hold on to the whole block.
        self.batches.push_back(batch.compact());
        while let Some(first) = self.batches.front().map(Batch::len).filter(|first| self.rows - first >= self.n) {
            self.rows -= first;
            self.batches.pop_front();
        }
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let Some(preview) = &self.preview {
            preview.show(Some(SoFar { batches: Box::new(self.last().map(Ok)), more: 0 }))?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        for batch in self.last() {
            if self.target.send(batch)? == Flow::Stop {
                break;
            }
        }
        self.target.close()
    }
}
