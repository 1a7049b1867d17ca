//! The sending end: what a [`crate::wire::Writer`] writes into.

mod sender;

use std::{
    io::{self, IoSlice, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use self::sender::Sender;
use super::{
    Settings,
    connections::Connections,
    notify::Waker,
    parser::{Frame, Parser},
    readiness::Readiness,
    wait::Wait,
};
use crate::{
    Error, Exit,
    session::{Outbox, Progress},
    wire::{Ending, Kind, Pushdown, frame::MAX_PAYLOAD},
};

/// Why nothing more is sent to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It has had enough.
    Enough,
    /// It is gone for good.
    Lost,
    /// It is gone without ever having spoken: it may have had enough.
    Left,
    /// It has failed and said so, perhaps after it had had enough.
    Failed,
}

/// The sending end of a link: takes the bytes of one stream, and sends them until they have arrived.
///
/// Writing waits while the receiver is slower than the writer. It fails with [`io::ErrorKind::BrokenPipe`] when the
/// receiver has had enough, and with an [`Error::Lost`] inside when it is gone for good, or an [`Error::Restarted`] when the
/// stream can be begun anew. Dropped before the stream's End, it hangs up, and the receiver knows that the stream is
/// incomplete.
pub struct SendLink {
    shared: Arc<Shared>,
    waker: Waker,
    parser: Parser,
    frames: Vec<Frame>,
    thread: Option<JoinHandle<()>>,
    peer: String,
}

struct Shared {
    state: Mutex<State>,
    /// Told when there is room, and when the link is over.
    changed: Condvar,
    readiness: Readiness,
}

struct State {
    outbox: Outbox<Frame>,
    /// The stream's End frame is in the outbox.
    ended: bool,
    /// The writer is gone.
    abandoned: bool,
    pushdown: Option<Pushdown>,
    /// The receiver keeps what it is given until the end.
    holds_state: bool,
    /// The receiver speaks.
    greeted: bool,
    /// How the receiver ended.
    ending: Option<Ending>,
    /// The receiver was told to end before it had all, and has answered what it had.
    left: bool,
    /// How the link ended.
    over: Option<Result<(), Gone>>,
}

/// Why the receiver is gone.
#[derive(Clone)]
struct Gone {
    /// Who is gone, where the error is of one peer.
    peer: Option<String>,
    what: String,
    /// Another receiver is there in its place, to which the stream can be sent again.
    restarted: bool,
}

impl From<Gone> for Error {
    fn from(gone: Gone) -> Self {
        let lost = Error::Lost { peer: gone.peer, what: gone.what };
        if gone.restarted { Error::Restarted(lost.to_string()) } else { lost }
    }
}

impl State {
    fn failed(&self) -> Option<&Ending> {
        self.ending.as_ref().filter(|ending| !self.ended && ending.exit != Exit::Done)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has changed that a writer may wait for.
    fn notify(&self) {
        self.changed.notify_all();
        self.readiness.changed();
    }
}

impl SendLink {
    /// Waits for the first connection, and sends from then on. `readiness` is told whenever more can be written than
    /// before; `over` is called, on the link's thread, when the receiver has had enough or is lost, whichever is first, and when it
    /// has failed.
    ///
    /// # Errors
    /// If there is no connection, or no thread for it.
    pub fn open(
        mut connections: impl Connections + 'static,
        settings: Settings,
        readiness: Readiness,
        over: impl Fn(Over) + Send + 'static,
    ) -> Result<Self, Error> {
        let peer = connections.peer();
        let notify = connections.notify().map_err(|error| Error::io("cannot make a pipe", error))?;
        let first = connections.next(None, Progress::default(), Wait::until(&notify, &|| false))?;
        let waker = notify.waker();
        let mut outbox = Outbox::new(settings.window);
        outbox.hold(settings.hold);
        let state = State {
            outbox,
            ended: false,
            abandoned: false,
            pushdown: None,
            holds_state: false,
            greeted: false,
            ending: None,
            left: false,
            over: None,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), readiness });
        let waits_for_last_word = connections.may_restart();
        let sender = Sender::new(shared.clone(), settings, notify, Box::new(over), waits_for_last_word);
        let run = move || sender.run(first, &mut connections);
        let thread =
            std::thread::Builder::new().name("link".into()).spawn(run).map_err(|error| Error::io("cannot start a thread", error))?;
        Ok(SendLink { shared, waker, parser: Parser::new(MAX_PAYLOAD), frames: Vec::new(), thread: Some(thread), peer })
    }

    /// Where the receiver says which fields and records it needs.
    pub fn pushdowns(&self) -> Pushdowns {
        Pushdowns(self.shared.clone())
    }

    /// Whether another frame can be written without waiting, or writing fails at once.
    pub fn is_ready(&self) -> bool {
        let state = self.shared.lock();
        state.outbox.has_room() || state.over.is_some() || state.outbox.progress().enough
    }

    /// Whether the receiver has spoken.
    pub fn is_greeted(&self) -> bool {
        self.shared.lock().greeted
    }

    /// The number of frames that the receiver was sent before it said a word, and has not confirmed since: they are no more
    /// kept, and what became of them is not known.
    pub fn assumed(&self) -> u64 {
        self.shared.lock().outbox.assumed()
    }

    /// Whether the receiver has said that it wants no more.
    pub fn has_enough(&self) -> bool {
        self.shared.lock().outbox.progress().enough
    }

    /// Whether the receiver keeps what it is given until the end, and says so.
    pub fn holds_state(&self) -> bool {
        self.shared.lock().holds_state
    }

    /// The number of frames that the receiver is done with.
    pub fn done(&self) -> u64 {
        self.shared.lock().outbox.progress().done
    }

    /// The number of frames that the receiver has: they are in its answer, should it end now.
    pub fn received(&self) -> u64 {
        self.shared.lock().outbox.progress().received
    }

    /// Whether the receiver was told to end, and has answered what it has received.
    pub fn has_left(&self) -> bool {
        self.shared.lock().left
    }

    /// How the receiver has ended by itself, if it has failed. One that was sent the End may only repeat what it was told.
    pub fn failed(&self) -> Option<Ending> {
        self.shared.lock().failed().cloned()
    }

    /// Why the receiver is gone for good, if it is.
    pub fn lost(&self) -> Option<Error> {
        match &self.shared.lock().over {
            Some(Err(gone)) => Some(gone.clone().into()),
            _ => None,
        }
    }

    /// After the End was written, or the receiver has had enough: waits until it says how it ended; `None` for a receiver
    /// that does not speak.
    ///
    /// # Errors
    /// [`Error::Lost`] or [`Error::Restarted`] when it was gone before.
    pub fn close(mut self) -> Result<Option<Ending>, Error> {
        {
            let mut state = self.shared.lock();
            state.abandoned = !state.outbox.progress().enough;
        }
        self.waker.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            return Err(Error::Panicked(format!("the link to {}", self.peer)));
        }
        let mut state = self.shared.lock();
        match state.over.take() {
            Some(Err(gone)) => Err(gone.into()),
            _ => Ok(state.ending.take()),
        }
    }

    /// Puts a frame into the outbox when there is room.
    fn push(&self, frame: Frame) -> io::Result<()> {
        let mut state = self.shared.lock();
        loop {
            if state.outbox.progress().enough || matches!(state.over, Some(Ok(()))) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if let Some(Err(gone)) = &state.over {
                return Err(io::Error::other(Error::from(gone.clone())));
            }
            if state.outbox.has_room() {
                break;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.ended |= frame.header.kind == Kind::End;
        let bytes = frame.bytes();
        state.outbox.push(frame, bytes);
        drop(state);
        self.waker.wake();
        Ok(())
    }
}

impl Write for SendLink {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len();
        self.parser.read(&mut bytes, usize::MAX, &mut self.frames)?;
        for frame in std::mem::take(&mut self.frames) {
            self.push(frame)?;
        }
        Ok(len)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        parts.iter().try_fold(0, |written, part| Ok(written + self.write(part)?))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SendLink {
    fn drop(&mut self) {
        self.shared.lock().abandoned = true;
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a receiver has said that it needs; any number of clones.
#[derive(Clone)]
pub struct Pushdowns(Arc<Shared>);

impl Pushdowns {
    /// Takes what it has said; `None` until it speaks, and once it was taken.
    pub fn take(&self) -> Option<Pushdown> {
        self.0.lock().pushdown.take()
    }
}
