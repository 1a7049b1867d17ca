//! What is logged while a link waits for a connection.

use std::{
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::RecvTimeoutError;

use crate::say;

/// A wait that is over within this time is not spoken of.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What is to be said of a wait for another connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Who waits, and for whom.
    pub who: String,
    /// Why, and until when.
    pub what: String,
}

/// An outage that was spoken of, and since when it lasts.
pub(super) struct Spoken {
    who: String,
    since: Instant,
}

impl Outage {
    /// Waits; when that takes longer than a moment, it is spoken of, once.
    pub(super) fn during<T>(outage: Option<Outage>, wait: impl FnOnce() -> T) -> (T, Option<Spoken>) {
        let Some(Outage { who, what }) = outage else { return (wait(), None) };
        let since = Instant::now();
        let (over, is_over) = crossbeam_channel::bounded::<()>(0);
        let (waited, was_long) = thread::scope(|scope| {
            let speak = || {
                let is_long = is_over.recv_timeout(AT_ONCE) == Err(RecvTimeoutError::Timeout);
                if is_long {
                    say!("{who}: {what}");
                }
                is_long
            };
            // Where there is no thread for it, nothing is said.
            let speaker = thread::Builder::new().name("outage".into()).spawn_scoped(scope, speak);
            let waited = wait();
            drop(over);
            (waited, speaker.is_ok_and(|speaker| speaker.join().unwrap_or(false)))
        });
        (waited, was_long.then_some(Spoken { who, since }))
    }
}

impl Spoken {
    /// The stream goes on where it was.
    pub(super) fn end(self) {
        say!("{} is connected again, after {:.1} s; nothing was lost", self.who, self.since.elapsed().as_secs_f64());
    }
}
