//! The sender's half.

use std::{collections::VecDeque, fmt};

use super::{Instance, Progress};

/// Until when a frame is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hold {
    /// Until the receiver has it: enough for a receiver that lives on.
    #[default]
    Received,
    /// Until the receiver is done with it: if it dies before, another one can be given the frame.
    Done,
}

/// Why a stream cannot go on over a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lost {
    /// Another one answers than before: the receiver was started again, and knows nothing of what it was sent.
    Restarted,
    /// It asks for a frame that it confirmed before, and that is no longer kept.
    Forgotten,
    /// It speaks of frames that it was never sent, or takes back what it has said.
    Nonsense,
}

impl fmt::Display for Lost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Lost::Restarted => "was started again, and what it was sent before is gone",
            Lost::Forgotten => "asks again for what it has confirmed",
            Lost::Nonsense => "speaks of what it was never sent, or takes back what it has said",
        })
    }
}

/// What a sender keeps of a stream, and what of it the receiver has. It outlives connections.
///
/// The owner calls [`Outbox::push`] while there is [`Outbox::has_room`], and on each connection [`Outbox::connected`] and
/// then [`Outbox::next`] and [`Outbox::sent`] in turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outbox<F> {
    kept: VecDeque<Kept<F>>,
    /// The number of the first frame that is kept.
    base: u64,
    /// The number of the next frame to be sent on this connection.
    next: u64,
    /// Frames that were sent on some connection.
    sent: u64,
    bytes: usize,
    limit: usize,
    hold: Hold,
    peer: Option<Instance>,
    progress: Progress,
    /// Frames before this one were taken for done without a word.
    assumed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kept<F> {
    frame: F,
    bytes: usize,
}

impl<F> Outbox<F> {
    /// Keeps frames of up to `limit` bytes in all, or one.
    pub fn new(limit: usize) -> Self {
        Outbox {
            kept: VecDeque::new(),
            base: 0,
            next: 0,
            sent: 0,
            bytes: 0,
            limit,
            hold: Hold::default(),
            peer: None,
            progress: Progress::default(),
            assumed: 0,
        }
    }

    /// From now on frames are kept until then. Frames that are gone already stay gone.
    pub fn hold(&mut self, until: Hold) {
        self.hold = until;
        self.release();
    }

    /// Whether another frame may be pushed; else its writer waits.
    pub fn has_room(&self) -> bool {
        self.bytes < self.limit
    }

    /// The next frame of the stream.
    pub fn push(&mut self, frame: F, bytes: usize) {
        self.bytes += bytes;
        self.kept.push_back(Kept { frame, bytes });
    }

    /// A connection is there, and this is what its other end says in its Hello: what it lacks will be sent (again).
    ///
    /// # Errors
    /// When it cannot go on from there; nothing is changed then.
    pub fn connected(&mut self, peer: Instance, progress: Progress) -> Result<(), Lost> {
        if self.peer.is_some_and(|known| known != peer) {
            return Err(Lost::Restarted);
        }
        if progress.received < self.base {
            return Err(Lost::Forgotten);
        }
        self.check(progress)?;
        self.peer = Some(peer);
        self.progress = progress;
        self.next = progress.received;
        self.release();
        Ok(())
    }

    /// The frame to be sent now, with its number, if there is one.
    pub fn next(&self) -> Option<(u64, &F)> {
        if self.progress.enough {
            return None;
        }
        let kept = self.kept.get(usize::try_from(self.next - self.base).ok()?)?;
        Some((self.next, &kept.frame))
    }

    /// The frame that [`Outbox::next`] gave was written to the connection.
    pub fn sent(&mut self) {
        self.next += 1;
        self.sent = self.sent.max(self.next);
    }

    /// What the receiver says.
    ///
    /// # Errors
    /// [`Lost::Nonsense`]; nothing is changed then.
    pub(crate) fn acknowledged(&mut self, mut progress: Progress) -> Result<(), Lost> {
        let confirms_all = progress.done >= self.assumed;
        progress.received = progress.received.max(self.assumed);
        progress.done = progress.done.max(self.assumed);
        self.check(progress)?;
        if confirms_all {
            self.assumed = 0;
        }
        self.progress = progress;
        self.release();
        Ok(())
    }

    /// The receiver does not speak: what was sent to it is taken for done. What it should say later counts from there on.
    pub(crate) fn assume_done(&mut self) {
        self.assumed = self.next;
        let said = self.progress;
        self.progress = Progress { received: self.next, done: self.next, ..said };
        self.release();
    }

    /// The number of frames that were taken for done without a word, and are not confirmed to be; 0 where all that is known
    /// was said.
    pub fn assumed(&self) -> u64 {
        self.assumed
    }

    /// What the receiver has said last.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The number of frames that were pushed.
    pub fn pushed(&self) -> u64 {
        self.base + self.kept.len() as u64
    }

    /// The number of frames that are kept.
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// The frames that the receiver is not done with, oldest first: what another one can be given when this one has died.
    /// All of them are there only where [`Hold::Done`] was asked for from the start.
    pub fn unfinished(self) -> impl Iterator<Item = F> {
        let done = usize::try_from(self.progress.done.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.kept.into_iter().skip(done).map(|kept| kept.frame)
    }

    fn check(&self, progress: Progress) -> Result<(), Lost> {
        let before = self.progress;
        let takes_back = progress.done < before.done
            || progress.received < before.received
            || (before.enough && !progress.enough)
            || (before.finished && !progress.finished);
        if takes_back || progress.done > progress.received || progress.received > self.sent {
            return Err(Lost::Nonsense);
        }
        Ok(())
    }

    fn release(&mut self) {
        let until = match self.hold {
            Hold::Received => self.progress.received,
            Hold::Done => self.progress.done,
        };
        while self.base < until.min(self.next)
            && let Some(kept) = self.kept.pop_front()
        {
            self.base += 1;
            self.bytes -= kept.bytes;
        }
    }
}
