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

/// A connection after its handshake.
pub struct Connected {
    pub(crate) socket: Socket,
    /// Parses what the other end sends; it may hold the beginning already.
    pub(crate) parser: Parser,
    /// The Hello of the other end; `None` where there is no handshake, as at a child's standard input.
    pub(crate) hello: Option<Hello>,
    /// Bytes to be sent before all others.
    pub(crate) say: Bytes,
}

/// Gives a link its first connection, and another whenever one breaks.
pub trait Connections: Send {
    /// A connection; `after` says why the one before it is no more. It may take its time, and retry, for as long as `wait`
    /// lets it, which is woken by [`notify`](Connections::notify). `progress` is how far a receiver is, to be said in its Hello; one
    /// that has finished need not wait for long.
    ///
    /// # Errors
    /// Why there will be no connection; [`Error::Lost`] after a break.
    fn next(&mut self, after: Option<&Cut>, progress: Progress, wait: Wait<'_>) -> Result<Connected, Error>;

    /// The name of the other end, for messages.
    fn peer(&self) -> String;

    /// What is logged if [`next`](Connections::next), called with the same arguments, takes longer than a second; `None` if it does
    /// not wait, or the wait does not matter.
    fn outage(&self, after: &Cut, progress: Progress) -> Option<Outage> {
        let _ = (after, progress);
        None
    }

    /// Wakes the thread that owns the connections.
    ///
    /// # Errors
    /// When the system has no file descriptors left.
    fn notify(&mut self) -> io::Result<Notify> {
        Notify::new()
    }

    /// Whether the receiver may be started again and the stream sent again. If so, the link does not end when a receiver ends
    /// without an answer.
    fn may_restart(&self) -> bool {
        false
    }

    /// The receiver was started again, and `connected` leads to the new one; whether the connection is kept, for a link that sends
    /// the stream again.
    fn restarted(&mut self, connected: Connected) -> bool {
        drop(connected);
        false
    }

    /// The link of a receiver is over: how far it came, and how it ended, if that is known. A sender that comes back later is told.
    fn concluded(&mut self, progress: Progress, ending: Option<Ending>) {
        let _ = (progress, ending);
    }

    /// Whether the other end has called again. Its old connection is dead then, though this end has not noticed.
    /// It is looked at whenever something happens on the connection, and when [`notify`](Connections::notify) wakes.
    fn has_returned(&self) -> bool {
        false
    }
}

/// Connections that outlive their link. When the receiver is started again, the link ends with [`Error::Restarted`]; the next link,
/// opened with a clone of this, begins on the connection to the new receiver.
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
    /// Keeps these connections.
    pub fn new(connections: impl Connections + 'static) -> Self {
        let kept = Kept { connections: Box::new(connections), connected: None };
        Replay { kept: Arc::new(Mutex::new(kept)), patience: Arc::default() }
    }

    /// Ends the waiting for a lost receiver, now and later.
    pub fn wait_no_more(&self) {
        let mut patience = self.patience();
        patience.is_over = true;
        if let Some(waker) = &patience.waker {
            waker.wake();
        }
    }

    /// Whether a receiver was given up because of [`Replay::wait_no_more`].
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
    /// Wakes the thread that waits.
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

/// A single connection, which is not replaced when it breaks: between a parent and its child.
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
            Error::lost_peer(&self.peer, format!("has gone{why}"))
        })
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }
}
