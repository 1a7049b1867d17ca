//! A receiver that a stream is sent to, over a link or as a child, and how the stream and the receiver end.

use super::{
    exec::Child,
    link::{Pushdowns, SendLink},
};
use crate::{
    Error, Exit,
    wire::{Ending, Writer},
};

/// A stream to one receiver.
///
/// A receiver that has had enough takes nothing more, which is no failure. A child that does not speak the protocol can say so only
/// by ending with exit 0, as in a shell's pipe.
pub struct Downstream {
    name: String,
    writer: Option<Writer<SendLink>>,
    /// The link after the stream was ended, until the receiver has said how it ended.
    send_link: Option<Result<SendLink, Error>>,
    child: Option<Child>,
    /// The receiver wants no more.
    enough: bool,
    /// The receiver had said Hello when its stream was ended.
    speaks: bool,
}

impl Downstream {
    /// Begins a stream. Messages call the receiver `name`.
    ///
    /// # Errors
    /// Those of [`Writer::new`].
    pub fn new(name: String, send_link: SendLink, child: Option<Child>) -> Result<Self, Error> {
        let writer = Some(Writer::new(send_link)?);
        Ok(Downstream { name, writer, send_link: None, child, enough: false, speaks: false })
    }

    /// What messages call the receiver.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The link to the receiver, until the stream ends.
    pub fn send_link(&self) -> Option<&SendLink> {
        self.writer.as_ref().map(Writer::output)
    }

    /// Where the receiver says which fields and records it needs.
    pub fn pushdowns(&self) -> Option<Pushdowns> {
        self.send_link().map(SendLink::pushdowns)
    }

    /// Whether the receiver takes more.
    pub fn is_open(&self) -> bool {
        self.writer.is_some() && !self.enough
    }

    /// Whether the receiver has had enough.
    pub fn has_enough(&self) -> bool {
        self.enough || self.send_link().is_some_and(SendLink::has_enough)
    }

    /// Writes to the stream. That the receiver has had enough is noted, and is no failure.
    ///
    /// # Errors
    /// Why the receiver is lost, or how it died.
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

    /// The receiver is gone. That it may have had enough is noted, and is no failure.
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

    /// Looks whether the receiver has reported a failure of its own. If so, ends its stream and waits for a child.
    ///
    /// # Errors
    /// How the receiver failed.
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

    /// Gives up a lost receiver: the link to it, if its stream went on until now, and why it is lost.
    pub fn bury(&mut self, why: Error) -> (Option<SendLink>, Error) {
        let Some(writer) = self.writer.take() else { return (None, why) };
        let why = match self.child.take().map(Child::wait) {
            // How it died says more than that it is gone.
            Some(Err(Error::Child { exit, what })) => {
                let why = match why {
                    Error::Lost { peer: Some(peer), what } if peer == self.name => format!("it {what}"),
                    other => other.to_string(),
                };
                Error::Child { exit, what: format!("{what}; {why}") }
            }
            _ => why,
        };
        (Some(writer.into_output()), why)
    }

    /// Ends the stream. Of several, end all before closing the first: one receiver may wait for the end of another's stream.
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

    /// Waits until the receiver has said how it ended, after [`Downstream::end`].
    ///
    /// # Errors
    /// The receiver was lost before it said so, or failed.
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
