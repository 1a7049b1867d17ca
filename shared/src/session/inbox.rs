//! The receiver's half.

use super::Progress;

/// What to do with a frame that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is the next one: hand it on.
    New,
    /// It came before: drop it.
    Again,
    /// Frames before it are missing: the connection is broken, or the sender is. Hang up; the next connection goes on where
    /// this one stands.
    Gap,
}

/// What a receiver knows of a stream. It outlives connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inbox {
    progress: Progress,
}

impl Inbox {
    /// Nothing has come yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole and verified frame of this number has come.
    pub fn take(&mut self, sequence: u64) -> Receipt {
        match sequence.cmp(&self.progress.received) {
            std::cmp::Ordering::Less => Receipt::Again,
            std::cmp::Ordering::Greater => Receipt::Gap,
            std::cmp::Ordering::Equal => {
                self.progress.received += 1;
                Receipt::New
            }
        }
    }

    /// All frames before this number are done with. What was done before stays done.
    pub fn done(&mut self, before: u64) {
        self.progress.done = self.progress.done.max(before.min(self.progress.received));
    }

    /// No more is wanted.
    pub fn enough(&mut self) {
        self.progress.enough = true;
    }

    /// The whole stream was received, and its answer given.
    pub fn finished(&mut self) {
        self.progress.done = self.progress.received;
        self.progress.finished = true;
    }

    /// What to tell the sender: in the Hello of a connection, and in each Ack.
    pub fn progress(&self) -> Progress {
        self.progress
    }
}
