//! What is shown when all is done, until somebody ends it.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Who lingers, and what ends that. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Lingering(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    lingers: usize,
    is_over: bool,
}

impl Lingering {
    /// Waits for [`Lingering::end`].
    pub fn wait(&self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.lingers += 1;
        while !state.is_over {
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lingers -= 1;
    }

    /// Ends the waiting: whether somebody waited.
    pub fn end(&self) -> bool {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lingers = state.lingers > 0;
        state.is_over |= lingers;
        self.0.1.notify_all();
        lingers
    }
}
