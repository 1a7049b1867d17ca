//! The thread of a sending link: it has the socket, and what is to be done when that breaks.

use std::{sync::Arc, time::Instant};

use super::{Gone, Over, Shared};
use crate::{
    Error, Exit,
    session::{Hold, Lost, Progress},
    transport::link::{
        Settings,
        connection_loop::ConnectionLoop,
        connections::{Connected, Connections},
        cut::Cut,
        notify::Notify,
        outage::{Outage, Spoken},
        parser::Frame,
        wait::Wait,
    },
    wire::Control,
};

/// Bytes that wait for the socket, besides those that wait for room in it.
const QUEUED: usize = 1 << 20;

/// The thread that has the socket.
pub(super) struct Sender {
    shared: Arc<Shared>,
    settings: Settings,
    notify: Notify,
    over: Box<dyn Fn(Over) + Send>,
    /// It has had enough or is lost, which was told.
    told: bool,
    /// Another may be there when it has left.
    waits_for_last_word: bool,
    /// Why it takes no more.
    leaves: Option<String>,
}

/// Ends the link also after a panic of its thread, so that no writer waits for ever.
impl Drop for Sender {
    fn drop(&mut self) {
        let failed = || Err(Gone { peer: None, what: "the thread of the link has failed".into(), restarted: false });
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

impl Sender {
    /// Sends what `shared` is given; `over` is called as [`SendLink::open`](super::SendLink::open) says.
    pub(super) fn new(
        shared: Arc<Shared>,
        settings: Settings,
        notify: Notify,
        over: Box<dyn Fn(Over) + Send>,
        waits_for_last_word: bool,
    ) -> Self {
        Sender { shared, settings, notify, over, told: false, waits_for_last_word, leaves: None }
    }

    /// Sends until the stream is over, or its receiver is gone for good.
    pub(super) fn run(mut self, first: Connected, connections: &mut impl Connections) {
        let mut connected = first;
        let mut spoken = None;
        let over = loop {
            if let Err(why) = self.resume(&connected) {
                let lost = self.account(Error::lost_peer(connections.peer(), why.to_string()));
                // Whoever has answered has not lost it.
                let answered = self.shared.lock().outbox.progress().finished;
                let restarted = why == Lost::Restarted && !answered && connections.restarted(connected);
                break Err(Gone { restarted, ..lost });
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
                let what = format!("has had enough, and is gone before it has said how it ended: {cut}");
                break Err(Gone { peer: Some(connections.peer()), what, restarted: false });
            }
            if let Cut::Left(_) = &cut
                && !connections.may_restart()
            {
                break Err(self.account(Error::lost_peer(connections.peer(), format!("takes no more: {cut}"))));
            }
            let is_over = || self.is_abandoned();
            let (outage, wait) = (connections.outage(&cut, Progress::default()), Wait::until(&self.notify, &is_over));
            let (next, was) = Outage::during(outage, || connections.next(Some(&cut), Progress::default(), wait));
            spoken = was;
            match next {
                Ok(next) => connected = next,
                Err(error) => break Err(self.account(error)),
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
    fn account(&self, error: Error) -> Gone {
        let (peer, why) = match error {
            Error::Lost { peer, what } => (peer, what),
            other => (None, other.to_string()),
        };
        let state = self.shared.lock();
        let (pushed, Progress { received, done, .. }) = (state.outbox.pushed(), state.outbox.progress());
        let what = match (state.greeted, state.outbox.assumed()) {
            (true, assumed @ 1..) => {
                format!("{why}; of {pushed} frames it was sent {assumed} before it said a word, and what became of those is not known")
            }
            (true, 0) => format!("{why}; of {pushed} frames it has confirmed {received}, and {done} are done with"),
            (false, _) => why,
        };
        Gone { peer, what, restarted: false }
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
        let mut connection = ConnectionLoop::new(connected, self.settings)?;
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
                while connection.queued() < QUEUED
                    && let Some((_, frame)) = state.outbox.next()
                {
                    connection.queue(frame);
                    state.outbox.sent();
                }
                if !state.greeted && (!state.outbox.has_room() || state.ended) {
                    // It has not said a word: what is written is all that there is to be known.
                    state.outbox.assume_done();
                    self.shared.notify();
                    if state.ended && state.outbox.kept() == 0 {
                        connection.end_of_output();
                    }
                }
            }
            let turned = connection.turn(&mut self.notify, true, None, &mut frames);
            for frame in frames.drain(..) {
                self.hear(&frame)?;
            }
            if self.shared.lock().ending.is_some() {
                self.say_bye(connection);
                return Ok(());
            }
            match turned {
                // Nobody confirms for it but its exit.
                Err(Cut::Closed) if self.is_all_sent_to_the_silent(&connection) => return Ok(()),
                Err(cut) => return Err(self.leaves.clone().map_or(cut, Cut::Left)),
                Ok(turned) => turned,
            }
        }
    }

    /// The receiver may leave without it too, only later: that it cannot be said is no failure.
    fn say_bye(&mut self, mut connection: ConnectionLoop) {
        connection.control(&Control::Bye);
        let until = Instant::now() + self.settings.linger;
        while connection.write().is_ok() && !connection.is_drained() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || connection.turn(&mut self.notify, false, Some(left), &mut Vec::new()).is_err() {
                break;
            }
        }
    }

    fn is_all_sent_to_the_silent(&self, connection: &ConnectionLoop) -> bool {
        let state = self.shared.lock();
        !state.greeted && state.ended && state.outbox.next().is_none() && connection.is_drained()
    }

    /// What the receiver says.
    fn hear(&mut self, frame: &Frame) -> Result<(), Cut> {
        let mut state = self.shared.lock();
        match Control::from_frame(&frame.header, &frame.payload).map_err(Cut::Protocol)? {
            Control::Hello(_) => state.greeted = true,
            Control::Beat | Control::Bye => {}
            Control::Pushdown(pushdown) => {
                state.outbox.hold(if pushdown.holds_state { Hold::Received } else { self.settings.hold });
                state.holds_state = pushdown.holds_state;
                state.pushdown = Some(pushdown);
            }
            Control::Ack(progress) => {
                state.outbox.acknowledged(self.of_one_that_stays(progress)).map_err(|lost| Cut::Protocol(lost.to_string()))?;
            }
            // Where another may take its place, its last word is waited for: how far it came.
            Control::Refusal(warning) if self.waits_for_last_word => self.leaves = Some(warning.message),
            Control::Refusal(warning) => return Err(Cut::Left(warning.message)),
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
