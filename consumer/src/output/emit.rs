//! `emit`: the records as a stream of frames, which the next consumer reads as if a producer had sent it.
//!
//! The stream's end says how ours did: its End frame has the exit code and the cause, so an answer to records that were
//! cut off is known to be one however many consumers it went through.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use recpipe::{
    Batch, Error, Exit, Flow, Schema, Stage,
    transport::{
        Security, Url,
        dial::{Dialer, Patience},
        exec::{self, Child, Feed},
        greet::Identity,
        link::{Outlet, Readiness, Settings},
    },
    wire::{Ending, Role, Writer},
};

use super::printer::{Pen, Printer};
use crate::input::Stop;

/// A stream that is still open; whoever ends it takes it out.
pub(super) type Stream = Rc<RefCell<Option<Box<dyn Open>>>>;

/// A stream that is open, wherever it goes.
pub(super) trait Open {
    fn batch(&mut self, batch: &Batch) -> Result<Flow, Error>;
    fn flush(&mut self) -> Result<(), Error>;
    fn finish(self: Box<Self>, ending: &Ending) -> Result<(), Error>;
}

impl Open for Writer<Pen> {
    fn batch(&mut self, batch: &Batch) -> Result<Flow, Error> {
        Writer::batch(self, batch).map(|()| Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Writer::flush(self)
    }

    fn finish(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        Writer::finish(*self, ending).map(drop)
    }
}

/// A stream to a consumer at the other end of a link.
struct Linked {
    writer: Writer<Outlet>,
    child: Option<Child>,
    /// It has ended well before the end: all that a child which is none of ours can do when it has enough.
    has_left: bool,
}

impl Linked {
    /// It is gone: well, or why not.
    fn left(&mut self, why: Error) -> Result<(), Error> {
        let speaks = self.writer.output().is_greeted();
        match self.child.take().map(Child::wait) {
            Some(Ok(())) if !speaks => {
                self.has_left = true;
                Ok(())
            }
            Some(Err(died)) => Err(died),
            _ => Err(missed(why)),
        }
    }
}

/// A next consumer that is lost, which is another failure than a lost stream that is read.
fn missed(error: Error) -> Error {
    match error {
        Error::Lost(what) => Error::Child { exit: Exit::Incomplete, what },
        other => other,
    }
}

impl Open for Linked {
    fn batch(&mut self, batch: &Batch) -> Result<Flow, Error> {
        match self.writer.batch(batch) {
            // One that has enough has still to say how it ended.
            Err(error) if error.is_broken_pipe() => Ok(Flow::Stop),
            Err(error) => self.left(error).map(|()| Flow::Stop),
            Ok(()) => Ok(Flow::Continue),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush()
    }

    fn finish(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        let Linked { mut writer, child, has_left } = *self;
        let speaks = writer.output().is_greeted();
        let ended = writer.end(ending).or_else(|error| if error.is_broken_pipe() { Ok(()) } else { Err(error) });
        let outlet = writer.into_output();
        // How these ended, their exits tell.
        let may_leave = has_left || child.is_some() && (!speaks || outlet.has_enough());
        // In any case it is dropped before the child is waited for.
        let closed = outlet.close();
        child.map_or(Ok(()), |child| child.wait_told(ending.exit))?;
        match ended.and(closed) {
            Err(_) if may_leave => Ok(()),
            Err(error) => Err(missed(error)),
            Ok(Some(end)) if end.exit != Exit::Done && end.exit != ending.exit => Err(Error::Child {
                exit: Exit::Failed,
                what: format!("the next consumer ended with exit {}: {}", end.exit.code(), end.cause),
            }),
            _ => Ok(()),
        }
    }
}

/// See the module.
pub struct Emit {
    stream: Stream,
    ending: Rc<RefCell<Ending>>,
}

impl Emit {
    /// Begins a stream and says at once what its fields are: the next consumer waits for that. At the close it ends as
    /// `ending` then says.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(schema: &Arc<Schema>, printer: Rc<RefCell<Printer>>, ending: Rc<RefCell<Ending>>) -> Result<Self, Error> {
        let mut writer = Writer::new(Pen(printer))?;
        writer.schema(schema)?;
        writer.flush()?;
        Ok(Emit { stream: Rc::new(RefCell::new(Some(Box::new(writer)))), ending })
    }

    /// As [`Emit::new`], to a consumer at the other end of a link; once that one takes no more, `stopper` ends the reading.
    ///
    /// # Errors
    /// When it cannot be reached or started.
    pub fn to(
        url: &Url,
        security: &Security,
        schema: &Arc<Schema>,
        ending: Rc<RefCell<Ending>>,
        stopper: Option<Stop>,
    ) -> Result<Self, Error> {
        let over = move |_| {
            if let Some(stopper) = &stopper {
                stopper.stop();
            }
        };
        let (outlet, child) = match url {
            Url::Exec(argv) => {
                let (child, feed) = exec::spawn(argv, true)?;
                let Feed::Link(socket) = feed else { return Err(Error::Unsupported(format!("emit {url}: the child has no socket"))) };
                let connection = exec::connection(socket, &child);
                (Outlet::open(connection, Settings::kin(), Readiness::new(), over)?, Some(child))
            }
            url => {
                let identity = Identity::new(Role::Sender, security.token().into(), concat!("consumer ", env!("CARGO_PKG_VERSION")));
                let dialer = Dialer::new(url, security, identity, Patience::default())?;
                (Outlet::open(dialer, Settings::default(), Readiness::new(), over)?, None)
            }
        };
        let mut writer = Writer::new(outlet)?;
        writer.schema(schema)?;
        Ok(Emit { stream: Rc::new(RefCell::new(Some(Box::new(Linked { writer, child, has_left: false })))), ending })
    }

    /// The stream, for whoever has to end it when the chain is dropped.
    pub(super) fn stream(&self) -> Stream {
        self.stream.clone()
    }
}

impl Stage for Emit {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        match &mut *self.stream.borrow_mut() {
            Some(writer) => writer.batch(&batch),
            None => Err(Error::Protocol("the stream was ended before")),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.stream.borrow_mut().as_mut().map_or(Ok(()), |stream| stream.flush())
    }

    fn close(&mut self) -> Result<(), Error> {
        let writer = self.stream.borrow_mut().take();
        writer.map_or(Ok(()), |writer| writer.finish(&self.ending.borrow()))
    }
}
