//! The sending end: what a [`crate::wire::Writer`] writes into.

use std::{
    io::{self, IoSlice, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Instant,
};

use super::{
    Settings,
    connections::{Connected, Connections},
    outage::{Outage, Spoken},
    parser::{Frame, Parser},
    pump::{Cut, Pump},
    readiness::Readiness,
    wait::Wait,
    wake::{Bell, Waker},
};
use crate::{
    Error, Exit,
    session::{Hold, Lost, Outbox, Progress},
    wire::{Control, Ending, Kind, Plan, frame::MAX_PAYLOAD},
};

/// Bytes that wait for the socket, besides those that wait for room in it.
const QUEUED: usize = 1 << 20;

/// Why a receiver is to be sent no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// It has had enough.
    Enough,
    /// It is gone for good.
    Lost,
    /// It is gone, and has never said a word: perhaps it had enough.
    Left,
    /// It has failed, and has said so: perhaps after it had had enough.
    Failed,
}

/// Takes the bytes of one stream, and sees to it that they arrive.
///
/// Writing waits while the receiver is slower than the writer. It fails with [`io::ErrorKind::BrokenPipe`] when the
/// receiver has had enough, and with an [`Error::Lost`] inside when it is gone for good, or an [`Error::Restarted`] when the
/// stream can be begun anew. Dropped before the stream's End, it hangs up, and the receiver knows that the stream is
/// incomplete.
pub struct Outlet {
    shared: Arc<Shared>,
    waker: Waker,
    parser: Parser,
    frames: Vec<Frame>,
    thread: Option<JoinHandle<()>>,
    peer: String,
}

struct Shared {
    state: Mutex<State>,
    /// There is room, or an end of it.
    changed: Condvar,
    readiness: Readiness,
}

struct State {
    outbox: Outbox<Frame>,
    /// The stream's End frame is in the outbox.
    ended: bool,
    /// Nobody will write any more.
    abandoned: bool,
    plan: Option<Plan>,
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

/// Why the receiver is no more.
#[derive(Clone)]
struct Gone {
    what: String,
    /// Another one is there in its place, for a stream that begins anew.
    restarted: bool,
}

impl From<Gone> for Error {
    fn from(gone: Gone) -> Self {
        if gone.restarted { Error::Restarted(gone.what) } else { Error::Lost(gone.what) }
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

impl Outlet {
    /// Waits for the first connection, and sends from then on. `readiness` is told whenever more can be written than
    /// before; `over` is called, on the link's thread, when the receiver has had enough or is lost, whichever is first, and when it
    /// has failed.
    ///
    /// # Errors
    /// When there is no connection, or no thread for it.
    pub fn open(
        mut connections: impl Connections + 'static,
        settings: Settings,
        readiness: Readiness,
        over: impl Fn(Over) + Send + 'static,
    ) -> Result<Self, Error> {
        let peer = connections.peer();
        let bell = connections.bell().map_err(|error| Error::io("cannot make a pipe", error))?;
        let first = connections.next(None, Progress::default(), Wait::until(&bell, &|| false))?;
        let waker = bell.waker();
        let mut outbox = Outbox::new(settings.window);
        outbox.hold(settings.hold);
        let state = State {
            outbox,
            ended: false,
            abandoned: false,
            plan: None,
            holds_state: false,
            greeted: false,
            ending: None,
            left: false,
            over: None,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), readiness });
        let sender = Sender {
            shared: shared.clone(),
            settings,
            bell,
            over: Box::new(over),
            told: false,
            waits_for_last_word: connections.may_restart(),
            leaves: None,
        };
        let run = move || sender.run(first, &mut connections);
        let thread =
            std::thread::Builder::new().name("link".into()).spawn(run).map_err(|error| Error::io("cannot start a thread", error))?;
        Ok(Outlet { shared, waker, parser: Parser::new(MAX_PAYLOAD), frames: Vec::new(), thread: Some(thread), peer })
    }

    /// Where the receiver says what it needs.
    pub fn plans(&self) -> Plans {
        Plans(self.shared.clone())
    }

    /// Whether another frame can be written without waiting, or writing fails at once.
    pub fn is_ready(&self) -> bool {
        let state = self.shared.lock();
        state.outbox.has_room() || state.over.is_some() || state.outbox.progress().enough
    }

    /// Whether the receiver has said a word.
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

impl Write for Outlet {
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

impl Drop for Outlet {
    fn drop(&mut self) {
        self.shared.lock().abandoned = true;
        self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Where a receiver says what it needs; any number of clones.
#[derive(Clone)]
pub struct Plans(Arc<Shared>);

impl Plans {
    /// What it has said; it is given once.
    pub fn take(&self) -> Option<Plan> {
        self.0.lock().plan.take()
    }
}

/// Also when its thread panics, nobody waits for it in vain.
impl Drop for Sender {
    fn drop(&mut self) {
        let failed = || Err(Gone { what: "the thread of the link has failed".into(), restarted: false });
        self.shared.lock().over.get_or_insert_with(failed);
        let (is_lost, greeted) = {
            let state = self.shared.lock();
            (matches!(state.over, Some(Err(_))), state.greeted)
        };
        if is_lost {
            self.tell_over(if greeted { Over::Lost } else { Over::Left });
        }
        self.shared.notify();
    }
}

/// The thread that has the socket.
struct Sender {
    shared: Arc<Shared>,
    settings: Settings,
    bell: Bell,
    over: Box<dyn Fn(Over) + Send>,
    /// It has had enough or is lost, which was told.
    told: bool,
    /// Another may be there when it has left.
    waits_for_last_word: bool,
    /// Why it takes no more.
    leaves: Option<String>,
}

impl Sender {
    fn run(mut self, first: Connected, connections: &mut impl Connections) {
        let mut connected = first;
        let mut spoken = None;
        let lost = |what: String| Gone { what, restarted: false };
        let over = loop {
            if let Err(why) = self.resume(&connected) {
                let what = self.account(&Error::Lost(format!("{} {why}", connections.peer())));
                // Whoever has answered has not lost it.
                let answered = self.shared.lock().outbox.progress().finished;
                let restarted = why == Lost::Restarted && !answered && connections.restarted(connected);
                break Err(Gone { what, restarted });
            }
            if let Some(outage) = spoken.take() {
                Spoken::end(outage);
            }
            let cut = match self.converse(connected, connections) {
                Ok(()) => break Ok(()),
                Err(cut) => cut,
            };
            if self.is_abandoned() {
                break Ok(());
            }
            if self.shared.lock().outbox.progress().enough && !matches!(cut, Cut::Left(_)) {
                let what = format!("{} has had enough, and is gone before it has said how it ended: {cut}", connections.peer());
                break Err(lost(what));
            }
            if let Cut::Left(_) = &cut
                && !connections.may_restart()
            {
                break Err(lost(self.account(&Error::Lost(format!("{} takes no more: {cut}", connections.peer())))));
            }
            let is_over = || self.is_abandoned();
            let (outage, wait) = (connections.outage(&cut, Progress::default()), Wait::until(&self.bell, &is_over));
            let (next, was) = Outage::during(outage, || connections.next(Some(&cut), Progress::default(), wait));
            spoken = was;
            match next {
                Ok(next) => connected = next,
                Err(error) => break Err(lost(self.account(&error))),
            }
        };
        self.shared.lock().over = Some(over);
    }

    /// Nobody will write any more, nor has anybody written the End.
    fn is_abandoned(&self) -> bool {
        let state = self.shared.lock();
        state.abandoned && !state.ended
    }

    fn tell_over(&mut self, over: Over) {
        if over == Over::Failed || !std::mem::replace(&mut self.told, true) {
            (self.over)(over);
        }
    }

    /// What is known of a stream whose receiver is gone.
    fn account(&self, error: &Error) -> String {
        let state = self.shared.lock();
        let (pushed, Progress { received, done, .. }) = (state.outbox.pushed(), state.outbox.progress());
        match (state.greeted, state.outbox.assumed()) {
            (true, assumed @ 1..) => {
                format!("{error}; of {pushed} frames it was sent {assumed} before it said a word, and what became of those is not known")
            }
            (true, 0) => format!("{error}; of {pushed} frames it has confirmed {received}, and {done} are done with"),
            (false, _) => error.to_string(),
        }
    }

    /// Goes on where the receiver says that it is.
    fn resume(&self, connected: &Connected) -> Result<(), Lost> {
        let mut state = self.shared.lock();
        match &connected.hello {
            Some(hello) => {
                // One that is about to go may answer once more; whether it had enough, its End tells.
                let waits = self.waits_for_last_word;
                let progress =
                    Progress { enough: hello.progress.enough && !waits, finished: hello.progress.finished && !waits, ..hello.progress };
                state.outbox.connected(hello.instance, progress)?;
                state.greeted = true;
            }
            None => state.outbox.connected([0; 16], Progress::default())?,
        }
        drop(state);
        // A Hello is an acknowledgement too.
        self.shared.notify();
        Ok(())
    }

    /// Whoever leaves has not had enough, nor finished what was to come.
    fn of_one_that_stays(&self, progress: Progress) -> Progress {
        let stays = self.leaves.is_none();
        Progress { enough: progress.enough && stays, finished: progress.finished && stays, ..progress }
    }

    /// Sends over one connection until all is confirmed.
    fn converse(&mut self, connected: Connected, connections: &impl Connections) -> Result<(), Cut> {
        let mut pump = Pump::new(connected, self.settings)?;
        let mut frames = Vec::new();
        loop {
            if connections.has_returned() {
                return Err(Cut::Returned);
            }
            {
                let mut state = self.shared.lock();
                if state.abandoned && !state.ended {
                    return Ok(());
                }
                while pump.queued() < QUEUED
                    && let Some((_, frame)) = state.outbox.next()
                {
                    pump.queue(frame);
                    state.outbox.sent();
                }
                if !state.greeted && (!state.outbox.has_room() || state.ended) {
                    // It has not said a word: what is written is all that there is to be known.
                    state.outbox.assume_done();
                    self.shared.notify();
                    if state.ended && state.outbox.kept() == 0 {
                        pump.end_of_output();
                    }
                }
            }
            let turned = pump.turn(&mut self.bell, true, None, &mut frames);
            for frame in frames.drain(..) {
                self.hear(&frame)?;
            }
            if self.shared.lock().ending.is_some() {
                self.say_bye(pump);
                return Ok(());
            }
            match turned {
                // Nobody confirms for it but its exit.
                Err(Cut::Closed) if self.is_all_sent_to_the_silent(&pump) => return Ok(()),
                Err(cut) => return Err(self.leaves.clone().map_or(cut, Cut::Left)),
                Ok(turned) => turned,
            }
        }
    }

    /// The receiver may leave without it too, only later: that it cannot be said is no failure.
    fn say_bye(&mut self, mut pump: Pump) {
        pump.control(&Control::Bye);
        let until = Instant::now() + self.settings.linger;
        while pump.write().is_ok() && !pump.is_drained() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || pump.turn(&mut self.bell, false, Some(left), &mut Vec::new()).is_err() {
                break;
            }
        }
    }

    fn is_all_sent_to_the_silent(&self, pump: &Pump) -> bool {
        let state = self.shared.lock();
        !state.greeted && state.ended && state.outbox.next().is_none() && pump.is_drained()
    }

    /// What the receiver says.
    fn hear(&mut self, frame: &Frame) -> Result<(), Cut> {
        let mut state = self.shared.lock();
        match Control::from_frame(&frame.header, &frame.payload).map_err(Cut::Protocol)? {
            Control::Hello(_) => state.greeted = true,
            Control::Beat | Control::Bye => {}
            Control::Plan(plan) => {
                state.outbox.hold(if plan.holds_state { Hold::Received } else { self.settings.hold });
                state.holds_state = plan.holds_state;
                state.plan = Some(plan);
            }
            Control::Ack(progress) => {
                state.outbox.acknowledged(self.of_one_that_stays(progress)).map_err(|lost| Cut::Protocol(lost.to_string()))?;
            }
            // Where another may take its place, its last word is waited for: how far it came.
            Control::Refusal(report) if self.waits_for_last_word => self.leaves = Some(report.message),
            Control::Refusal(report) => return Err(Cut::Left(report.message)),
            // One that was told to end before it had all has left, whether or not its refusal was heard.
            Control::End(ending) if matches!(ending.exit, Exit::Signal(_)) && !state.outbox.progress().finished => {
                state.left = true;
                if self.waits_for_last_word {
                    self.leaves = Some(ending.cause.clone());
                }
                return Err(Cut::Left(ending.cause));
            }
            Control::End(ending) => state.ending = Some(ending),
        }
        let (enough, failed) = (state.outbox.progress().enough, state.failed().is_some());
        drop(state);
        self.shared.notify();
        if enough {
            self.tell_over(Over::Enough);
        }
        if failed {
            self.tell_over(Over::Failed);
        }
        Ok(())
    }
}
