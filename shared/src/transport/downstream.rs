//! Somebody that a stream is sent to, and how both end: at the other end of a link, or a child.

use super::{
    exec::Child,
    link::{Pushdowns, SendLink},
};
use crate::{
    Error, Exit,
    wire::{Ending, Writer},
};

/// A stream to a receiver.
///
/// One that has had enough is no failure, and takes nothing more. A child that says nothing has no other way to say so than to
/// end well, as in a shell's pipe.
pub struct Downstream {
    name: String,
    writer: Option<Writer<SendLink>>,
    /// The stream was ended; what is left to be heard.
    send_link: Option<Result<SendLink, Error>>,
    child: Option<Child>,
    /// It wants no more.
    enough: bool,
    /// It had said Hello when its stream was ended.
    speaks: bool,
}

impl Downstream {
    /// Begins a stream to it; `name` is what it is called where it fails.
    ///
    /// # Errors
    /// Those of [`Writer::new`].
    pub fn new(name: String, send_link: SendLink, child: Option<Child>) -> Result<Self, Error> {
        let writer = Some(Writer::new(send_link)?);
        Ok(Downstream { name, writer, send_link: None, child, enough: false, speaks: false })
    }

    /// What it is called where it fails.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The link to it, as long as its stream goes on.
    pub fn send_link(&self) -> Option<&SendLink> {
        self.writer.as_ref().map(Writer::output)
    }

    /// Where it says what it needs.
    pub fn pushdowns(&self) -> Option<Pushdowns> {
        self.send_link().map(SendLink::pushdowns)
    }

    /// Whether it takes more.
    pub fn is_open(&self) -> bool {
        self.writer.is_some() && !self.enough
    }

    /// Whether it has had enough.
    pub fn has_enough(&self) -> bool {
        self.enough || self.send_link().is_some_and(SendLink::has_enough)
    }

    /// Writes; one that has had enough is noted, and is no failure.
    ///
    /// # Errors
    /// It is lost, or has died: why.
    pub fn write(&mut self, write: impl FnOnce(&mut Writer<SendLink>) -> Result<(), Error>) -> Result<(), Error> {
        match self.writer.as_mut().map(write) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) if error.is_broken_pipe() => {
                self.enough = true;
                Ok(())
            }
            Some(Err(error)) => self.left(error),
        }
    }

    /// It is gone: one that may have had enough is noted, and is no failure.
    ///
    /// # Errors
    /// `why`, or how the child died.
    pub fn left(&mut self, why: Error) -> Result<(), Error> {
        if self.send_link().is_some_and(SendLink::is_greeted) {
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

    /// Where it has failed by itself and said so, its stream is over, and a child is waited for.
    ///
    /// # Errors
    /// How it has failed.
    pub fn check(&mut self) -> Result<(), Error> {
        let Some(end) = self.send_link().and_then(SendLink::failed) else { return Ok(()) };
        self.writer = None;
        // A child has said why on the stderr that is ours too.
        self.child.take().map_or(Ok(()), Child::wait)?;
        Err(self.failure(&end))
    }

    fn failure(&self, end: &Ending) -> Error {
        let cause = if end.cause.is_empty() { String::new() } else { format!(": {}", end.cause) };
        Error::Child { exit: Exit::Failed, what: format!("{} ended with exit {}{cause}", self.name, end.exit.code()) }
    }

    /// It is lost: the link to it, if its stream went on until now, and why.
    pub fn bury(&mut self, why: Error) -> (Option<SendLink>, Error) {
        let Some(writer) = self.writer.take() else { return (None, why) };
        let why = match self.child.take().map(Child::wait) {
            // How it died says more than that it is gone.
            Some(Err(Error::Child { exit, what })) => {
                let why = why.to_string();
                let why = why.strip_prefix(&*self.name).map_or_else(|| why.clone(), |rest| format!("it{rest}"));
                Error::Child { exit, what: format!("{what}; {why}") }
            }
            _ => why,
        };
        (Some(writer.into_output()), why)
    }

    /// Ends its stream. Where there are several, all are ended before the first is waited for: what one of them waits for may
    /// be another's end.
    pub fn end(&mut self, ending: &Ending) {
        self.speaks = self.send_link().is_some_and(SendLink::is_greeted);
        self.send_link = self.writer.take().map(|mut writer| match writer.end(ending) {
            Err(error) if !error.is_broken_pipe() => Err(error),
            // Also one that has enough says how it ended.
            ended => {
                self.enough |= ended.is_err();
                Ok(writer.into_output())
            }
        });
    }

    /// Hears how it ended, after it was told that its stream has.
    ///
    /// # Errors
    /// It was lost before it said so, or did not end well.
    pub fn close(&mut self, ending: &Ending) -> Result<(), Error> {
        let Some(send_link) = self.send_link.take() else { return Ok(()) };
        let closed = send_link.and_then(SendLink::close);
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
