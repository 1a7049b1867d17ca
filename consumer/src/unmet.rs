//! What a query expects of its records and does not hold: said at the end, when all records have been passed on.

use std::sync::{Arc, Mutex, PoisonError};

/// What a run has found not to hold. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Unmet(Arc<Mutex<Vec<String>>>);

impl Unmet {
    /// This does not hold, in words for people.
    pub(crate) fn note(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Takes what was noted, in the order in which it was.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
