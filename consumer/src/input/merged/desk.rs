//! What the threads that read the streams share with the one that takes what they read, and how they are stopped.

use std::{
    collections::BTreeMap,
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Instant,
};

use crossbeam_channel::{Sender, bounded};
use recpipe::{
    Exit, signals,
    transport::{link::Steering, listen::Listener, watch::Stopper},
    wire::{Pushdown, Reader, Warning},
};

use super::feeder::Stream;
use crate::{input::hosts::GRACE, senders::SenderId};

/// What the threads of the streams share.
pub(super) struct Shared {
    pub(super) desk: Mutex<Desk>,
    pub(super) interrupt: Sender<()>,
    /// The one sender is the process that started us.
    pub(super) has_parent: bool,
    /// Nobody knows how many senders there will be, so none waits for the answer.
    pub(super) is_endless: bool,
}

/// A stream that is read.
pub(super) struct Fed {
    /// `None` for one that knows nothing of links.
    pub(super) steering: Option<Steering>,
    pub(super) feeder: JoinHandle<Option<Reader<Stream>>>,
}

/// How the reading stands.
pub(super) struct Desk {
    /// Those that are read, by their numbers.
    pub(super) streams: BTreeMap<usize, Fed>,
    pub(super) plan: Option<Pushdown>,
    pub(super) stoppers: Vec<Stopper>,
    /// Opened when the fields of all are known.
    pub(super) gates: Vec<Sender<()>>,
    pub(super) is_open: bool,
    pub(super) stopped: bool,
    /// All is over: whoever comes now comes too late.
    pub(super) closing: bool,
    /// What has ended the reading before its time.
    pub(super) signal: Option<u8>,
    /// From when on those are hung up on that have not heard of it.
    pub(super) hang_up_at: Option<Instant>,
    /// Streams that were begun.
    pub(super) begun: usize,
    pub(super) porter: Option<JoinHandle<()>>,
    /// The sockets of those that were called over what may be deaf: a program on a host may write a stream and hear nothing.
    pub(super) hosts: Vec<UnixStream>,
    /// Those that call hosts.
    pub(super) callers: Vec<JoinHandle<()>>,
    pub(super) listener: Option<Arc<Listener>>,
}

impl Desk {
    /// One more has begun; its number.
    pub(super) fn begin(&mut self) -> SenderId {
        self.begun += 1;
        self.begun
    }

    /// The senders were told that no more is taken.
    pub(super) fn leaves(&self) -> bool {
        self.stopped || self.signal.is_some()
    }

    /// Hangs up on whoever has not heard in time that no more is taken.
    pub(super) fn hang_up(&mut self) {
        if self.hang_up_at.is_none_or(|at| Instant::now() < at) {
            return;
        }
        self.hang_up_at = None;
        for socket in self.hosts.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn steerings(&self) -> impl Iterator<Item = &Steering> {
        self.streams.values().filter_map(|fed| fed.steering.as_ref())
    }
}

impl Shared {
    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hangs up on these after a while, unless what comes of this is dropped before.
pub(super) fn hang_up_later(hosts: Vec<UnixStream>) -> Option<Sender<()>> {
    if hosts.is_empty() {
        return None;
    }
    let (cancel, cancelled) = bounded::<()>(1);
    let wait = move || {
        if cancelled.recv_timeout(GRACE).is_err_and(|why| why.is_timeout()) {
            hosts.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
        }
    };
    // Without a thread, nobody is waited for longer than a link lingers.
    std::thread::Builder::new().name("hang up".into()).spawn(wait).is_ok().then_some(cancel)
}

/// See [`Stop`](super::super::Stop).
#[derive(Clone)]
pub struct StopLinks(pub(super) Arc<Shared>);

impl StopLinks {
    pub(in crate::input) fn stop(&self) {
        let mut desk = self.0.desk();
        if desk.closing {
            // How all has ended is about to be told.
            return;
        }
        desk.stopped = true;
        desk.steerings().for_each(Steering::stop);
        desk.stoppers.iter().for_each(Stopper::stop);
        drop(desk);
        let _ = self.0.interrupt.try_send(());
    }

    /// The senders are told that no more is taken; what has come is still given, and then the end. A parent hears the same
    /// signals, and ends its stream.
    pub(in crate::input) fn interrupt(&self, signal: u8) {
        if self.0.has_parent {
            return;
        }
        let mut desk = self.0.desk();
        desk.signal = Some(signal);
        desk.hang_up_at = (!desk.hosts.is_empty()).then(|| Instant::now() + GRACE);
        let why = Warning { exit: Exit::Signal(signal), message: format!("ended by {}", signals::name(signal)) };
        desk.steerings().for_each(|steering| steering.leave(why.clone()));
        desk.stoppers.iter().for_each(Stopper::stop);
        drop(desk);
        // One that is there already says as much.
        let _ = self.0.interrupt.try_send(());
    }
}
