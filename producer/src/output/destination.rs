//! One consumer, and the stream to it.

use std::collections::VecDeque;
use std::sync::Arc;

use recpipe::transport::exec::Child;
use recpipe::transport::link::{Outlet, Plans};
use recpipe::wire::{Encoded, Ending, Writer};
use recpipe::{Error, Exit};

/// A consumer at the other end of a link.
pub(super) struct Destination {
    pub(super) name: String,
    writer: Option<Writer<Outlet>>,
    /// Its stream was ended; what is left to be heard.
    outlet: Option<Result<Outlet, Error>>,
    child: Option<Child>,
    /// What was sent and may have to be given to others, with the number of its frame.
    kept: VecDeque<(u64, Arc<Encoded>)>,
    /// Whether anything is kept at all: not what it gathers until the end.
    keeps: bool,
    /// It wants no more.
    enough: bool,
    /// It had said Hello when its stream was ended.
    speaks: bool,
}

impl Destination {
    /// Begins a stream to it. What it is not done with is kept if others could be given it.
    pub(super) fn new(name: String, outlet: Outlet, child: Option<Child>, keeps: bool) -> Result<Self, Error> {
        let writer = Some(Writer::new(outlet)?);
        Ok(Destination { name, writer, outlet: None, child, kept: VecDeque::new(), keeps, enough: false, speaks: false })
    }

    /// Where it says what it needs.
    pub(super) fn plans(&self) -> Option<Plans> {
        self.writer.as_ref().map(|writer| writer.output().plans())
    }

    /// Whether it takes more.
    pub(super) fn is_open(&self) -> bool {
        self.writer.is_some() && !self.enough
    }

    /// Whether it has had enough.
    pub(super) fn has_enough(&self) -> bool {
        self.enough || self.writer.as_ref().is_some_and(|writer| writer.output().has_enough())
    }

    /// Whether it takes a frame without waiting.
    pub(super) fn is_ready(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.output().is_ready())
    }

    /// Writes; one that has had enough is noted, and is no failure.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Writer<Outlet>) -> Result<(), Error>) -> Result<(), Error> {
        match self.writer.as_mut().map(write) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) if error.is_broken_pipe() => {
                self.enough = true;
                Ok(())
            }
            Some(Err(error)) => self.left(error),
        }
    }

    /// It is gone. A child that is none of ours has no other way to say that it has enough than to end well, as in a
    /// shell's pipe.
    pub(super) fn left(&mut self, why: Error) -> Result<(), Error> {
        if self.writer.as_ref().is_some_and(|writer| writer.output().is_greeted()) {
            return Err(why);
        }
        match self.child.take().map(Child::wait) {
            Some(Ok(())) => {
                (self.enough, self.writer) = (true, None);
                Ok(())
            }
            Some(Err(died)) => Err(died),
            None => Err(why),
        }
    }

    /// Sends a batch, and keeps it as long as others might have to be given it.
    pub(super) fn send(&mut self, encoded: &Arc<Encoded>) -> Result<(), Error> {
        let mut number = 0;
        self.write(|writer| {
            writer.encoded(encoded)?;
            number = writer.totals().frames - 1;
            Ok(())
        })?;
        if self.keeps && !self.enough {
            self.kept.push_back((number, encoded.clone()));
            self.forget();
        }
        Ok(())
    }

    /// Drops what it is done with, and all of it when it gathers until the end: what it knows would die with it.
    fn forget(&mut self) {
        let Some(writer) = &self.writer else { return };
        if writer.output().holds_state() {
            (self.keeps, self.kept) = (false, VecDeque::new());
        }
        let done = writer.output().done();
        while self.kept.front().is_some_and(|(number, _)| *number < done) {
            self.kept.pop_front();
        }
    }

    /// Whether it is done with all that it was sent, or will not say before the end.
    pub(super) fn is_settled(&mut self) -> bool {
        self.forget();
        let says_nothing = |writer: &Writer<Outlet>| writer.output().holds_state() || !writer.output().is_greeted();
        self.kept.is_empty() || self.has_enough() || self.writer.as_ref().is_none_or(says_nothing)
    }

    /// Why it is no more, if it is: one that has enough may go.
    pub(super) fn lost(&self) -> Option<Error> {
        if self.has_enough() {
            return None;
        }
        self.writer.as_ref().and_then(|writer| writer.output().lost())
    }

    /// Where it has failed by itself and said so, it is waited for.
    ///
    /// # Errors
    /// How it has failed.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        let Some(end) = self.writer.as_ref().and_then(|writer| writer.output().failed()) else { return Ok(()) };
        self.writer = None;
        // A child has said why on the stderr that is ours too.
        self.child.take().map_or(Ok(()), Child::wait)?;
        Err(self.failure(&end))
    }

    fn failure(&self, end: &Ending) -> Error {
        let cause = if end.cause.is_empty() { String::new() } else { format!(": {}", end.cause) };
        Error::Child { exit: Exit::Failed, what: format!("{} ended with exit {}{cause}", self.name, end.exit.code()) }
    }

    /// It is lost: what it was not done with, if others can do that in its place, and why.
    ///
    /// # Errors
    /// `why`, where what it knew is lost with it, or what it was sent before it spoke is kept nowhere.
    pub(super) fn bury(&mut self, why: Error) -> Result<(Vec<Arc<Encoded>>, Error), Error> {
        self.forget();
        let Some(writer) = self.writer.take() else { return Ok((Vec::new(), why)) };
        let why = match self.child.take().map(Child::wait) {
            // How it died says more than that it is gone.
            Some(Err(Error::Child { exit, what })) => {
                let why = why.to_string();
                let why = why.strip_prefix(&*self.name).map_or_else(|| why.clone(), |rest| format!("it{rest}"));
                Error::Child { exit, what: format!("{what}; {why}") }
            }
            _ => why,
        };
        let outlet = writer.output();
        if !self.keeps || !outlet.is_greeted() || outlet.assumed() > 0 {
            return Err(why);
        }
        Ok((self.kept.drain(..).map(|(_, encoded)| encoded).collect(), why))
    }

    /// Ends its stream. All are ended before the first is waited for: what one of them waits for may be another's end.
    pub(super) fn end(&mut self, ending: &Ending) {
        self.speaks = self.writer.as_ref().is_some_and(|writer| writer.output().is_greeted());
        self.outlet = self.writer.take().map(|mut writer| match writer.end(ending) {
            Err(error) if !error.is_broken_pipe() => Err(error),
            // Also one that has enough says how it ended.
            ended => {
                self.enough |= ended.is_err();
                Ok(writer.into_output())
            }
        });
    }

    /// Hears how it ended, after it was told that its stream has.
    pub(super) fn close(&mut self, ending: &Ending) -> Result<(), Error> {
        let Some(outlet) = self.outlet.take() else { return Ok(()) };
        let closed = outlet.and_then(Outlet::close);
        // How these ended, their exits tell.
        let may_leave = self.child.is_some() && (!self.speaks || self.enough);
        let waited = self.child.take().map_or(Ok(()), |child| child.wait_told(ending.exit));
        match (closed, waited) {
            (_, Err(error)) => Err(error),
            (Err(_), Ok(())) if may_leave => Ok(()),
            (Err(error), Ok(())) => Err(error),
            (Ok(Some(end)), Ok(())) if end.exit != Exit::Done && end.exit != ending.exit => Err(self.failure(&end)),
            (Ok(_), Ok(())) => Ok(()),
        }
    }
}
