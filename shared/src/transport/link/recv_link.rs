//! The receiving end: what a [`crate::wire::Reader`] reads from.

use std::{
    collections::VecDeque,
    io::{self, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};

use super::{
    Settings,
    connection_loop::ConnectionLoop,
    connections::{Connected, Connections},
    cut::Cut,
    notify::{Notify, Waker},
    outage::Outage,
    parser::Frame,
    wait::Wait,
};
use crate::{
    Error, Exit,
    session::{Inbox, Progress, Receipt},
    wire::{Control, Ending, Hello, Kind, Pushdown, Warning, frame},
};

/// An Ack waits for so much to tell.
const ACK_BYTES: usize = 1 << 20;
/// One that does not read what it is told, since it knows nothing of links, is told no more when so much waits for it.
const UNREAD: usize = 64 << 10;
/// And no longer than this.
const ACK_AFTER: Duration = Duration::from_millis(50);

/// The receiving end of a link: reads the bytes of one stream, over however many connections they come.
///
/// Reading fails with an [`Error::Lost`] inside when the sender is gone for good before the End, and with
/// [`io::ErrorKind::BrokenPipe`] once [`Steering::stop`] or [`Steering::hurry`] was called.
pub struct RecvLink {
    shared: Arc<Shared>,
    waker: Waker,
    /// What is being read: the preamble, then each frame's header and payload.
    now: Bytes,
    after: Bytes,
    ended: bool,
    thread: Option<JoinHandle<()>>,
    peer: String,
}

/// Tells the link what becomes of the stream; any number of clones, on any thread.
#[derive(Clone)]
pub struct Steering {
    shared: Arc<Shared>,
    waker: Waker,
}

struct Shared {
    state: Mutex<State>,
    /// Told when a frame has come, when no more will, and when frames are done with.
    came: Condvar,
}

struct State {
    inbox: Inbox,
    queue: VecDeque<Frame>,
    queued: usize,
    pushdown: Option<Pushdown>,
    /// How the consumer ended: to be said to the sender.
    ending: Option<Ending>,
    stopped: bool,
    /// Nobody is to wait, for what is not done with nor for what has not come.
    hurried: bool,
    /// Why no more is taken, of which the sender is told at once; what has come is still read.
    leaves: Option<Warning>,
    /// How the link ended.
    over: Option<Result<(), String>>,
    abandoned: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecvLink {
    /// Waits for the first connection, and receives from then on.
    ///
    /// # Errors
    /// If there is no connection, or no thread for it.
    pub fn open(mut connections: impl Connections + 'static, settings: Settings) -> Result<Self, Error> {
        let peer = connections.peer();
        let notify = connections.notify().map_err(|error| Error::io("cannot make a pipe", error))?;
        let first = connections.next(None, Progress::default(), Wait::until(&notify, &|| false))?;
        let waker = notify.waker();
        let state = State {
            inbox: Inbox::new(),
            queue: VecDeque::new(),
            queued: 0,
            pushdown: None,
            ending: None,
            stopped: false,
            hurried: false,
            leaves: None,
            over: None,
            abandoned: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), came: Condvar::new() });
        let receiver = Receiver { shared: shared.clone(), settings, notify, told: Progress::default(), whole: false };
        let run = move || receiver.run(first, &mut connections);
        let thread =
            std::thread::Builder::new().name("link".into()).spawn(run).map_err(|error| Error::io("cannot start a thread", error))?;
        let now = Bytes::copy_from_slice(&frame::preamble());
        Ok(RecvLink { shared, waker, now, after: Bytes::new(), ended: false, thread: Some(thread), peer })
    }

    /// The name of the sender.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Tells the link what becomes of the stream.
    pub fn steering(&self) -> Steering {
        Steering { shared: self.shared.clone(), waker: self.waker.clone() }
    }

    /// Whether a read finds something at once: data, the end, or an error.
    pub fn is_ready(&self) -> bool {
        let state = self.shared.lock();
        !self.now.is_empty() || !self.after.is_empty() || !state.queue.is_empty() || state.over.is_some() || state.stopped || state.hurried
    }

    /// Waits until the frames before this one are done with, as far as that is said before the end of all; `false` when
    /// there is no more to be waited for: no more is taken, or the sender is gone.
    pub fn settle(&self, before: u64) -> bool {
        let mut state = self.shared.lock();
        loop {
            if state.stopped || state.hurried || state.leaves.is_some() || state.over.is_some() {
                return false;
            }
            let says_nothing = state.pushdown.as_ref().is_some_and(|pushdown| pushdown.holds_state);
            if says_nothing || state.inbox.progress().done >= before {
                return true;
            }
            state = self.shared.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells the sender how its receiver ended, and waits until it knows, within the linger of the settings.
    ///
    /// # Errors
    /// [`Error::Lost`] when the sender was gone before it could be told.
    pub fn close(mut self, ending: Ending) -> Result<(), Error> {
        {
            let mut state = self.shared.lock();
            if self.ended {
                state.inbox.finished();
            } else {
                state.inbox.enough();
            }
            state.ending = Some(ending);
            state.abandoned = true;
        }
        self.waker.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            return Err(Error::Panicked(format!("the link to {}", self.peer)));
        }
        match self.shared.lock().over.take() {
            Some(Err(why)) => Err(Error::lost(why)),
            _ => Ok(()),
        }
    }

    /// The next frame, when it is there.
    fn next(&mut self) -> io::Result<()> {
        let mut state = self.shared.lock();
        let frame = loop {
            if state.stopped || state.hurried {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if let Some(frame) = state.queue.pop_front() {
                break frame;
            }
            if state.leaves.is_some() {
                return Ok(());
            }
            match &state.over {
                Some(Ok(())) => return Ok(()),
                Some(Err(why)) => return Err(io::Error::other(Error::lost(why))),
                None => state = self.shared.came.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        };
        state.queued -= frame.bytes();
        drop(state);
        self.waker.wake();
        self.ended = frame.header.kind == Kind::End;
        self.now = Bytes::copy_from_slice(&frame.header.to_bytes());
        self.after = frame.payload;
        Ok(())
    }
}

impl Read for RecvLink {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() {
            self.now = std::mem::take(&mut self.after);
            if self.now.is_empty() {
                if self.ended {
                    return Ok(0);
                }
                self.next()?;
                if self.now.is_empty() {
                    return Ok(0);
                }
            }
        }
        let part = into.len().min(self.now.len());
        into[..part].copy_from_slice(&self.now[..part]);
        self.now.advance(part);
        Ok(part)
    }
}

impl Drop for RecvLink {
    fn drop(&mut self) {
        self.shared.lock().abandoned = true;
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Steering {
    /// Tells the sender what is needed of the records.
    pub fn pushdown(&self, pushdown: Pushdown) {
        self.shared.lock().pushdown = Some(pushdown);
        self.shared.came.notify_all();
        self.waker.wake();
    }

    /// All results of the frames before this one have been written and flushed.
    pub fn done(&self, before: u64) {
        self.shared.lock().inbox.done(before);
        self.shared.came.notify_all();
        self.waker.wake();
    }

    /// Nobody is to wait any longer: [`RecvLink::settle`] does not, and reads end as after [`Steering::stop`]. The sender is not
    /// told: [`RecvLink::close`] is about to tell it how all has ended.
    pub fn hurry(&self) {
        self.shared.lock().hurried = true;
        self.shared.came.notify_all();
    }

    /// Takes no more and tells the sender why. What has come is still read; then the stream ends without an End.
    pub fn leave(&self, why: Warning) {
        let mut state = self.shared.lock();
        // That it was lost before is not our doing, and stays to be read.
        if !matches!(state.over, Some(Err(_))) {
            state.leaves.get_or_insert(why);
        }
        state.inbox.enough();
        drop(state);
        self.shared.came.notify_all();
        self.waker.wake();
    }

    /// Takes no more. A read that waits ends.
    pub fn stop(&self) {
        let mut state = self.shared.lock();
        state.stopped = true;
        state.inbox.enough();
        drop(state);
        self.shared.came.notify_all();
        self.waker.wake();
    }
}

/// Ends the link also after a panic of its thread, so that no reader waits for ever.
impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.lock().over.get_or_insert_with(|| Err("the thread of the link has failed".into()));
        self.shared.came.notify_all();
    }
}

/// The thread that has the socket.
struct Receiver {
    shared: Arc<Shared>,
    settings: Settings,
    notify: Notify,
    /// What the sender was told last.
    told: Progress,
    /// The End of the stream has come.
    whole: bool,
}

impl Receiver {
    fn run(mut self, first: Connected, connections: &mut impl Connections) {
        let mut connected = first;
        let over = loop {
            let cut = match self.converse(connected, connections) {
                Ok(()) => break Ok(()),
                Err(cut) => cut,
            };
            let (progress, abandoned) = {
                let state = self.shared.lock();
                (state.inbox.progress(), state.abandoned && state.ending.is_none())
            };
            // Whoever has had enough misses nothing.
            if abandoned || progress.enough {
                break Ok(());
            }
            // Whoever leaves, or wants no more, cannot tell one that is away, and does not stay for it.
            let is_over = || {
                let state = self.shared.lock();
                state.leaves.is_some() || state.stopped || state.abandoned && state.ending.is_none()
            };
            let (outage, wait) = (connections.outage(&cut, progress), Wait::until(&self.notify, &is_over));
            let (next, spoken) = Outage::during(outage, || connections.next(Some(&cut), progress, wait));
            match next {
                Ok(next) => {
                    connected = next;
                    if let Some(outage) = spoken {
                        outage.end();
                    }
                }
                // It was told, and its Bye was lost; or it has died since. All that was to come has come.
                Err(_) if self.whole || self.shared.lock().inbox.progress().finished => break Ok(()),
                Err(_) if self.shared.lock().stopped => break Ok(()),
                Err(error) => break Err(error.to_string()),
            }
        };
        let mut state = self.shared.lock();
        connections.concluded(state.inbox.progress(), state.ending.clone());
        state.over = Some(over);
    }

    /// Receives over one connection, until there is nothing more to say either.
    fn converse(&mut self, connected: Connected, connections: &impl Connections) -> Result<(), Cut> {
        // A parent says no Hello: it is of one release with the child that it talks to.
        let acts_on_conditions = connected.hello.as_ref().is_none_or(|hello| hello.can & Hello::CONDITIONS != 0);
        let mut connection = ConnectionLoop::new(connected, self.settings)?;
        connection.read_on();
        let (mut frames, mut unsaid, mut said_at) = (Vec::new(), 0, Instant::now());
        let mut ended_at = None;
        let (mut planned, mut left, mut half_closed) = (false, false, false);
        loop {
            if connections.has_returned() {
                return Err(Cut::Returned);
            }
            let (read, ack_soon) = {
                let state = self.shared.lock();
                if state.abandoned && state.ending.is_none() {
                    return Ok(());
                }
                if !planned && let Some(pushdown) = &state.pushdown {
                    let pushdown = pushdown.clone();
                    connection.control(&Control::Pushdown(if acts_on_conditions { pushdown } else { pushdown.without_conditions() }));
                    planned = true;
                }
                // Who was told that all is well need not hear of what came later.
                let is_well = state.ending.as_ref().is_some_and(|ending| ending.exit == Exit::Done);
                if !left
                    && !is_well
                    && let Some(why) = &state.leaves
                {
                    connection.control(&Control::Refusal(why.clone()));
                    left = true;
                }
                let progress = state.inbox.progress();
                let is_last = state.ending.is_some() && ended_at.is_none();
                let urgent = is_last || progress.enough != self.told.enough || progress.finished != self.told.finished;
                let due = unsaid >= ACK_BYTES.min(self.settings.window / 4) || said_at.elapsed() >= ACK_AFTER;
                if progress != self.told && (urgent || due && connection.queued() < UNREAD) {
                    connection.control(&Control::Ack(progress));
                    (self.told, unsaid, said_at) = (progress, 0, Instant::now());
                }
                if ended_at.is_none()
                    && let Some(ending) = &state.ending
                {
                    connection.control(&Control::End(ending.clone()));
                    ended_at = Some(Instant::now());
                }
                // Whoever has had enough reads on what is under way, and drops it: an unread byte would turn our close
                // into a reset, which may overtake what we said last.
                let read = !half_closed && (state.queued < self.settings.window || progress.enough);
                (read, progress != self.told)
            };
            if half_closed && ended_at.is_some() {
                // Nothing more is heard: what is left is to write, and not to wait.
                connection.write()?;
                if connection.is_drained() {
                    return Ok(());
                }
            }
            let linger = ended_at.map(|at| self.settings.linger.saturating_sub(at.elapsed()));
            if linger == Some(Duration::ZERO) {
                return Ok(());
            }
            let ack = ack_soon.then(|| ACK_AFTER.saturating_sub(said_at.elapsed()));
            let timeout = [linger, ack].into_iter().flatten().min();
            let turned = connection.turn(&mut self.notify, read, timeout, &mut frames);
            for frame in frames.drain(..) {
                unsaid += frame.bytes();
                if self.hear(frame)? {
                    return Ok(());
                }
            }
            match turned {
                // A parent that had sent all before we said Hello took us for a program that wants to see the end of its
                // input; it still listens.
                Err(Cut::Closed) if self.whole && self.settings.beat.is_none() => half_closed = true,
                turned => turned?,
            }
        }
    }

    /// What the sender says; whether it was its last word.
    fn hear(&mut self, frame: Frame) -> Result<bool, Cut> {
        if frame.header.kind.is_control() {
            let control = Control::from_frame(&frame.header, &frame.payload).map_err(Cut::Protocol)?;
            return Ok(control == Control::Bye);
        }
        let mut state = self.shared.lock();
        if state.inbox.progress().enough {
            return Ok(false);
        }
        match state.inbox.take(frame.header.sequence) {
            Receipt::New => {
                state.queued += frame.bytes();
                self.whole |= frame.header.kind == Kind::End;
                state.queue.push_back(frame);
                drop(state);
                self.shared.came.notify_all();
                Ok(false)
            }
            Receipt::Again => Ok(false),
            Receipt::Gap => Err(Cut::Protocol(format!("frame {} came out of turn", frame.header.sequence))),
        }
    }
}
