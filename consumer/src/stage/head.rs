//! `head N`: passes on the first `N` records, then stops the source.
//!
//! Runs:   once.  Order: kept.  Memory: O(1).
//! Stops:  yes, with the batch that fills the number.
//! Errors: none of its own.

use recpipe::{Batch, Error, Flow, Stage};

use super::{Target, relay};

/// See the module.
pub struct Head {
    left: u64,
    target: Target,
}

impl Head {
    /// Passes on `n` records.
    pub fn new(n: u64, target: Target) -> Self {
        Head { left: n, target }
    }
}

impl Stage for Head {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = batch.head(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= batch.len() as u64;
        let flow = if batch.is_empty() { Flow::Continue } else { self.target.send(batch)? };
        Ok(if self.left == 0 { Flow::Stop } else { flow })
    }

    relay!();
}
