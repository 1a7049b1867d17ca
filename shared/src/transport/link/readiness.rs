//! Waiting for any of several links.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

/// Counts the moments at which one of several links may have become ready; any number of clones.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<(Mutex<u64>, Condvar)>);

impl Readiness {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What has happened so far: to be asked for before the links are looked at.
    pub fn seen(&self) -> u64 {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something has happened since `seen`, for no longer than this.
    pub fn wait(&self, seen: u64, patience: Duration) {
        let count = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_timeout_while(count, patience, |count| *count == seen));
    }

    pub(super) fn changed(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.1.notify_all();
    }
}
