//! When an answer is drawn before its end: on a terminal, where the answer is a picture. What is drawn is merged of copies
//! of what the workers have; they go on with the originals.

use std::time::{Duration, Instant};

/// Nothing is drawn before that: most queries are done by then.
const FIRST: Duration = Duration::from_millis(300);

/// At least so long from one drawing to the next.
const EVERY: Duration = Duration::from_millis(100);

/// Drawing takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// What is known of the answer so far, and when it is drawn next.
pub(crate) struct Refresh {
    next: Instant,
    /// Whether there is something that was not drawn.
    is_new: bool,
}

impl Refresh {
    /// Nothing so far.
    pub(crate) fn new() -> Self {
        Refresh { next: Instant::now() + FIRST, is_new: false }
    }

    /// Records have come.
    pub(crate) fn changed(&mut self) {
        self.is_new = true;
    }

    /// How long until there is something to draw; `None` as long as nothing comes.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.is_new.then(|| self.next.saturating_duration_since(Instant::now()))
    }

    /// It was drawn, which began at that moment.
    pub(crate) fn drawn(&mut self, began: Instant) {
        self.is_new = false;
        self.next = Instant::now() + EVERY.max(began.elapsed() * SHARE);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{EVERY, Refresh};

    #[test]
    fn draws_what_is_new_and_not_too_often() {
        let mut live = Refresh::new();
        assert_eq!(live.wait(), None);
        live.changed();
        assert!(live.wait().is_some_and(|wait| wait > Duration::ZERO));
        live.drawn(Instant::now());
        assert_eq!(live.wait(), None);
        live.changed();
        assert!(live.wait().is_some_and(|wait| wait <= EVERY));
        live.drawn(Instant::now().checked_sub(Duration::from_secs(1)).unwrap_or_else(Instant::now));
        live.changed();
        assert!(live.wait().is_some_and(|wait| wait > Duration::from_secs(5)), "a slow drawing is seldom");
    }
}
