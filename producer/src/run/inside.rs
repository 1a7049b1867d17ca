//! Which records of a block are in the window of `--since` and `--until`.

use std::sync::Arc;

use recpipe::record::Batch;

use crate::input::clock::Hand;
use crate::input::window::Window;

/// The records of a block that are in the window.
#[derive(Debug, Default)]
pub(super) struct Inside {
    /// How many records the block has.
    pub total: usize,
    /// Which of them are in it, in order.
    kept: Vec<u32>,
    /// How many have no time that can be read: those are not.
    pub timeless: u64,
}

impl Inside {
    /// How many of the first `n` records are in the window.
    pub(super) fn of_first(&self, n: usize) -> usize {
        self.kept.partition_point(|&record| (record as usize) < n)
    }

    /// How many are not.
    pub(super) fn outside(&self) -> u64 {
        (self.total - self.kept.len()) as u64
    }
}

/// Looks at the records of one worker's blocks.
pub(super) struct Watchman {
    window: Window,
    /// Reads the times of the input that the last block was of.
    hand: Option<(Arc<str>, Hand)>,
}

impl Watchman {
    pub(super) fn new(window: &Window) -> Self {
        Watchman { window: window.clone(), hand: None }
    }

    /// The records of the batch that are in the window, and which they were. `record` are the bytes from where a physical row begins.
    pub(super) fn look<'b>(&mut self, batch: &Batch, record: impl Fn(usize) -> &'b [u8]) -> (Batch, Inside) {
        let source = &batch.origin().source;
        let hand = match &mut self.hand {
            Some((known, hand)) if known == source => hand,
            slot => &mut slot.insert((source.clone(), self.window.hand(source))).1,
        };
        let mut inside = Inside { total: batch.len(), ..Inside::default() };
        let mut keep = Vec::with_capacity(batch.len());
        for index in 0..batch.len() {
            let nanos = hand.when(record(batch.physical(index)));
            let is_in = nanos.is_some_and(|nanos| self.window.has(nanos));
            inside.timeless += u64::from(nanos.is_none());
            if is_in {
                inside.kept.push(index as u32);
            }
            keep.push(is_in);
        }
        (batch.filter(&keep), inside)
    }
}
