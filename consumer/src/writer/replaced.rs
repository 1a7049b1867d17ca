//! Values that an output could not write as they are.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// How many values were not UTF-8 and are shown with U+FFFD, by a format that has no other way. Clones count together: each
/// worker formats for itself.
#[derive(Clone, Debug, Default)]
pub struct Replaced(Arc<AtomicU64>);

impl Replaced {
    /// So many more.
    pub fn add(&self, values: u64) {
        self.0.fetch_add(values, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
