//! One consumer of several, and what others would have to be given in its place.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use recpipe::Error;
use recpipe::transport::downstream::Downstream;
use recpipe::transport::exec::Child;
use recpipe::transport::link::SendLink;
use recpipe::wire::Encoded;

/// A consumer at the other end of a link.
pub(super) struct Destination {
    downstream: Downstream,
    /// What was sent and may have to be given to others, with the number of its frame.
    kept: VecDeque<(u64, Arc<Encoded>)>,
    /// Whether anything is kept at all: not what it gathers until the end.
    keeps: bool,
    /// Another takes its place: who was told to end has answered what it had received.
    has_heir: bool,
}

impl Deref for Destination {
    type Target = Downstream;

    fn deref(&self) -> &Downstream {
        &self.downstream
    }
}

impl DerefMut for Destination {
    fn deref_mut(&mut self) -> &mut Downstream {
        &mut self.downstream
    }
}

impl Destination {
    /// Begins a stream to it. What it is not done with is kept if others could be given it.
    pub(super) fn new(name: String, send_link: SendLink, child: Option<Child>, keeps: bool) -> Result<Self, Error> {
        Ok(Destination { downstream: Downstream::new(name, send_link, child)?, kept: VecDeque::new(), keeps, has_heir: false })
    }

    /// What it is not done with is for one that takes its place.
    #[must_use]
    pub(super) fn with_heir(self) -> Self {
        Destination { has_heir: true, ..self }
    }

    /// Whether it takes a frame without waiting.
    pub(super) fn is_ready(&self) -> bool {
        self.send_link().is_some_and(SendLink::is_ready)
    }

    /// Sends a batch, and keeps it as long as others might have to be given it.
    pub(super) fn send(&mut self, encoded: &Arc<Encoded>) -> Result<(), Error> {
        let mut number = 0;
        self.write(|writer| {
            writer.encoded(encoded)?;
            number = writer.totals().frames - 1;
            Ok(())
        })?;
        if self.keeps && self.is_open() {
            self.kept.push_back((number, encoded.clone()));
            self.forget();
        }
        Ok(())
    }

    /// Drops what it is done with, and all of it when it gathers until the end: what it knows would die with it.
    fn forget(&mut self) {
        let Some(send_link) = self.downstream.send_link() else { return };
        let mut done = send_link.done();
        match (send_link.holds_state(), self.has_heir) {
            (false, true) if !send_link.has_left() => {}
            (_, true) => done = send_link.received(),
            (true, false) => (self.keeps, self.kept) = (false, VecDeque::new()),
            (false, false) => {}
        }
        while self.kept.front().is_some_and(|(number, _)| *number < done) {
            self.kept.pop_front();
        }
    }

    /// Whether it is done with all that it was sent, or will not say before the end.
    pub(super) fn is_settled(&mut self) -> bool {
        self.forget();
        let says_nothing = |send_link: &SendLink| send_link.holds_state() || !send_link.is_greeted();
        self.kept.is_empty() || self.has_enough() || self.send_link().is_none_or(says_nothing)
    }

    /// Why it is no more, if it is: one that has enough may go.
    pub(super) fn lost(&self) -> Option<Error> {
        if self.has_enough() {
            return None;
        }
        self.send_link().and_then(SendLink::lost)
    }

    /// It is lost: what it was not done with, if others can do that in its place, and why.
    ///
    /// # Errors
    /// `why`, where what it knew is lost with it, or what it was sent before it spoke is kept nowhere.
    pub(super) fn bury(&mut self, why: Error) -> Result<(Vec<Arc<Encoded>>, Error), Error> {
        self.forget();
        let (send_link, why) = self.downstream.bury(why);
        let Some(send_link) = send_link else { return Ok((Vec::new(), why)) };
        let is_answered = !send_link.holds_state() || self.has_heir && send_link.has_left();
        if !self.keeps || !send_link.is_greeted() || send_link.assumed() > 0 || !is_answered {
            return Err(why);
        }
        Ok((self.kept.drain(..).map(|(_, encoded)| encoded).collect(), why))
    }
}
