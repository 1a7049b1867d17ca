//! One consumer of several, and what others would have to be given in its place.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use recpipe::Error;
use recpipe::transport::downstream::Downstream;
use recpipe::transport::exec::Child;
use recpipe::transport::link::SendLink;
use recpipe::wire::Encoded;

use crate::input::mark::Mark;

/// A consumer at the other end of a link.
pub(super) struct Destination {
    downstream: Downstream,
    /// What was sent and may have to be given to others.
    kept: VecDeque<Kept>,
    /// How far what was sent reaches that it is done with, where that is asked.
    confirmed: Vec<Mark>,
    /// The same of what it has, and gathers.
    gathered: Vec<Mark>,
    /// Whether anything is kept at all: not what it gathers until the end.
    keeps: bool,
    /// Another takes its place: who was told to end has answered what it had received.
    has_heir: bool,
}

/// A batch that was sent.
struct Kept {
    /// The number of its frame.
    number: u64,
    encoded: Arc<Encoded>,
    /// How far what was sent up to this reaches: one mark for each file.
    marks: Vec<Mark>,
}

/// A batch that a consumer was not done with, and how far it reaches.
pub(super) struct Undone {
    pub(super) encoded: Arc<Encoded>,
    pub(super) marks: Vec<Mark>,
}

/// Keeps the last mark of each file.
fn note(marks: &mut Vec<Mark>, mark: Mark) {
    match marks.iter_mut().find(|known| known.file == mark.file) {
        Some(known) => *known = mark,
        None => marks.push(mark),
    }
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
        Ok(Destination {
            downstream: Downstream::new(name, send_link, child)?,
            kept: VecDeque::new(),
            confirmed: Vec::new(),
            gathered: Vec::new(),
            keeps,
            has_heir: false,
        })
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
            self.kept.push_back(Kept { number, encoded: encoded.clone(), marks: Vec::new() });
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
        let is_answered = !send_link.holds_state() || send_link.has_left();
        while self.kept.front().is_some_and(|kept| kept.number < done)
            && let Some(kept) = self.kept.pop_front()
        {
            let marks = if is_answered { &mut self.confirmed } else { &mut self.gathered };
            kept.marks.into_iter().for_each(|mark| note(marks, mark));
        }
        if is_answered {
            self.gathered.drain(..).for_each(|mark| note(&mut self.confirmed, mark));
        }
    }

    /// What was sent reaches so far.
    pub(super) fn mark(&mut self, mark: Mark) {
        if !self.is_open() {
            // What is sent now is kept nowhere.
            return;
        }
        // What it gathers is confirmed in the order in which it came.
        let gathers = !self.gathered.is_empty() || self.send_link().is_some_and(SendLink::holds_state);
        match self.kept.back_mut() {
            Some(kept) => note(&mut kept.marks, mark),
            None => note(if gathers { &mut self.gathered } else { &mut self.confirmed }, mark),
        }
    }

    /// How far what was sent reaches that it is done with by now, since this was asked last.
    pub(super) fn confirmed(&mut self) -> Vec<Mark> {
        self.forget();
        std::mem::take(&mut self.confirmed)
    }

    /// The same of all that was sent: it has ended well.
    pub(super) fn finished(&mut self) -> Vec<Mark> {
        let marks = self.kept.drain(..).flat_map(|kept| kept.marks);
        let all: Vec<Mark> = self.gathered.drain(..).chain(marks).collect();
        all.into_iter().for_each(|mark| note(&mut self.confirmed, mark));
        std::mem::take(&mut self.confirmed)
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
    pub(super) fn bury(&mut self, why: Error) -> Result<(Vec<Undone>, Error), Error> {
        self.forget();
        let (send_link, why) = self.downstream.bury(why);
        let Some(send_link) = send_link else { return Ok((Vec::new(), why)) };
        let is_answered = !send_link.holds_state() || self.has_heir && send_link.has_left();
        if !self.keeps || !send_link.is_greeted() || send_link.assumed() > 0 || !is_answered {
            return Err(why);
        }
        Ok((self.kept.drain(..).map(|Kept { encoded, marks, .. }| Undone { encoded, marks }).collect(), why))
    }
}
