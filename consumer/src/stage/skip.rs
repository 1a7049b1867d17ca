//! `skip N`: passes on all records but the first `N`.
//!
//! Runs:   once.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: none of its own.

use recpipe::{Batch, Error, Flow, Stage};

use super::{Target, relay};

/// See the module.
pub struct Skip {
    left: u64,
    target: Target,
}

impl Skip {
    /// Leaves out the first `n` records.
    pub fn new(n: u64, target: Target) -> Self {
        Skip { left: n, target }
    }
}

impl Stage for Skip {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let rest = batch.skip(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= (batch.len() - rest.len()) as u64;
        if rest.is_empty() { Ok(Flow::Continue) } else { self.target.send(rest) }
    }

    relay!();
}
