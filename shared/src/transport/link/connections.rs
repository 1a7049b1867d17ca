//! Where a link gets its connections from.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::{Cut, Notify, Outage, Wait, Waker, parser::Parser};
use crate::{
    Error,
    session::Progress,
    transport::socket::Socket,
    wire::{Ending, Hello},
};

/// A connection on which both ends know who they are.
pub struct Connected {
    pub(crate) socket: Socket,
    /// What has come of the other's direction goes on here.
    pub(crate) parser: Parser,
    /// What the other end said of itself; `None` where nobody greets: a child's standard input.
    pub(crate) hello: Option<Hello>,
    /// What we still have to say before all else.
    pub(crate) say: Bytes,
}

/// Gives a link its first connection, and others when one breaks.
pub trait Connections: Send {
    /// A connection; `after` says why the one before it is no more. It may take its time, and retry, for as long as `wait`
    /// lets it, which is woken by [`notify`](Connections::notify). `progress` is how far a receiver is, to be said in its Hello; one
    /// that has finished need not wait for long.
    ///
    /// # Errors
    /// [`Error::Lost`] or another error that says why there will be none.
    fn next(&mut self, after: Option<&Cut>, progress: Progress, wait: Wait<'_>) -> Result<Connected, Error>;

    /// Who is at the other end, for messages.
    fn peer(&self) -> String;

    /// What people are told when [`next`](Connections::next), called with the same, takes its time; `None` where it does not
    /// wait, or for what nobody misses.
    fn outage(&self, after: &Cut, progress: Progress) -> Option<Outage> {
        let _ = (after, progress);
        None
    }

    /// What wakes the thread that will have the connections.
    ///
    /// # Errors
    /// When the system has no file descriptors left.
    fn notify(&mut self) -> io::Result<Notify> {
        Notify::new()
    }

    /// The receiver at the other end may be started again, and the stream be begun anew: that it ends without an answer is
    /// no end then.
    fn may_restart(&self) -> bool {
        false
    }

    /// The receiver was started again, and `connected` leads to the new one. Whether it is kept, for a link that begins the
    /// stream anew.
    fn restarted(&mut self, connected: Connected) -> bool {
        drop(connected);
        false
    }

    /// The link of a receiver is over, and this is the last that it has to say: how far it is, and how it ended, where that
    /// is known. For a sender that comes back later.
    fn concluded(&mut self, progress: Progress, ending: Option<Ending>) {
        let _ = (progress, ending);
    }

    /// Whether the other end has called again: then the connection that it had is no more, though nothing says so here.
    /// It is looked at whenever something happens on the connection, and when [`notify`](Connections::notify) wakes.
    fn has_returned(&self) -> bool {
        false
    }
}

/// Connections that outlive their link. When the receiver was started again, that link ends with [`Error::Restarted`], and
/// the next one, opened with a clone of this, begins on the connection to the new receiver.
#[derive(Clone)]
pub struct Replay {
    kept: Arc<Mutex<Kept>>,
    patience: Arc<Mutex<Patience>>,
}

struct Kept {
    connections: Box<dyn Connections>,
    /// To the receiver that was started again.
    connected: Option<Connected>,
}

impl Replay {
    /// Of these connections.
    pub fn new(connections: impl Connections + 'static) -> Self {
        let kept = Kept { connections: Box::new(connections), connected: None };
        Replay { kept: Arc::new(Mutex::new(kept)), patience: Arc::default() }
    }

    /// From now on a receiver that is lost is not waited for; nor is one that is waited for already.
    pub fn wait_no_more(&self) {
        let mut patience = self.patience();
        patience.is_over = true;
        if let Some(waker) = &patience.waker {
            waker.wake();
        }
    }

    /// Whether a receiver was lost that would else have been waited for.
    pub fn has_given_up(&self) -> bool {
        self.patience().has_given_up
    }

    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a [`Replay`] waits.
#[derive(Default)]
struct Patience {
    is_over: bool,
    has_given_up: bool,
    /// Wakes whoever waits.
    waker: Option<Waker>,
}

impl Connections for Replay {
    fn next(&mut self, after: Option<&Cut>, progress: Progress, wait: Wait<'_>) -> Result<Connected, Error> {
        let mut kept = self.kept();
        if let Some(connected) = kept.connected.take().filter(|_| after.is_none()) {
            return Ok(connected);
        }
        let is_over = || self.patience().is_over || wait.is_over();
        let next = kept.connections.next(after, progress, wait.looking_at(&is_over));
        let mut patience = self.patience();
        patience.has_given_up |= patience.is_over && next.is_err();
        next
    }

    fn peer(&self) -> String {
        self.kept().connections.peer()
    }

    fn outage(&self, after: &Cut, progress: Progress) -> Option<Outage> {
        self.kept().connections.outage(after, progress)
    }

    fn notify(&mut self) -> io::Result<Notify> {
        let notify = self.kept().connections.notify()?;
        self.patience().waker = Some(notify.waker());
        Ok(notify)
    }

    fn may_restart(&self) -> bool {
        true
    }

    fn restarted(&mut self, connected: Connected) -> bool {
        self.kept().connected = Some(connected);
        true
    }

    fn has_returned(&self) -> bool {
        self.kept().connections.has_returned()
    }
}

/// One connection and no other: to a child, over a Unix socket.
pub struct Once {
    /// The connection, until it is given.
    pub connected: Option<Connected>,
    /// Who is at the other end.
    pub peer: String,
}

impl Connections for Once {
    fn next(&mut self, after: Option<&Cut>, _: Progress, _: Wait<'_>) -> Result<Connected, Error> {
        self.connected.take().ok_or_else(|| {
            let why = after.map_or_else(String::new, |cut| format!(": {cut}"));
            Error::Lost(format!("{} has gone{why}", self.peer))
        })
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }
}
