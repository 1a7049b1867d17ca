//! `emit`: the records as a stream of frames, which the next consumer reads as if a producer had sent it.
//!
//! Everything is sent on: values of several types, which fields a record has, and fields that come later, which the stream's schema
//! then has as well.
//!
//! The stream's end says how ours did: its End frame has the exit code and the cause, so an answer to records that were
//! cut off is known to be one however many consumers it went through.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use recpipe::{
    Batch, Error, Exit, Flow, Schema, Stage,
    record::Growing,
    transport::{
        Security, Url,
        dial::{Dialer, Patience},
        downstream::Downstream,
        exec::{self, Feed},
        handshake::Identity,
        link::{Readiness, SendLink, Settings},
    },
    wire::{Ending, Role, Writer},
};

use crate::{
    input::Stop,
    writer::{Pen, Printer},
};

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

impl Open for Downstream {
    fn batch(&mut self, batch: &Batch) -> Result<Flow, Error> {
        self.write(|writer| writer.batch(batch).map(drop)).map_err(gone)?;
        // One that has enough has still to say how it ended.
        Ok(if self.is_open() { Flow::Continue } else { Flow::Stop })
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.write(Writer::flush).map_err(gone)
    }

    fn finish(mut self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        self.end(ending);
        self.close(ending).map_err(gone)
    }
}

/// The next consumer is lost: that is no fault of what we read.
fn gone(error: Error) -> Error {
    match error {
        Error::Lost(what) => Error::Child { exit: Exit::Incomplete, what: format!("emit: {what}") },
        error => error,
    }
}

/// How a next consumer is called.
#[derive(Clone, Debug, Default)]
pub struct Calling {
    /// How it is made sure of.
    pub security: Security,
    /// How long it is tried for.
    pub patience: Patience,
    /// Nothing is said of outages.
    pub quiet: bool,
}

/// See the module.
pub struct Emit {
    stream: Stream,
    /// The fields of the stream so far, where further ones come: each batch has all of them, so that there are few schemas.
    growing: Option<Growing>,
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
        Ok(Emit::over(Box::new(writer), schema, ending))
    }

    /// As [`Emit::new`], to a consumer at the other end of a link; once that one takes no more, `stopper` ends the reading.
    ///
    /// # Errors
    /// When it cannot be reached or started.
    pub fn to(
        url: &Url,
        calling: &Calling,
        schema: &Arc<Schema>,
        ending: Rc<RefCell<Ending>>,
        stopper: Option<Stop>,
    ) -> Result<Self, Error> {
        let over = move |_| {
            if let Some(stopper) = &stopper {
                stopper.stop();
            }
        };
        let (send_link, child) = match url.command() {
            Some(argv) => {
                let (child, feed) = exec::spawn(argv, true)?;
                let Feed::Link(socket) = feed else { return Err(Error::Unsupported(format!("emit {url}: the child has no socket"))) };
                let connection = exec::connection(socket, &child);
                (SendLink::open(connection, Settings::kin(), Readiness::new(), over)?, Some(child))
            }
            None => {
                let identity =
                    Identity::new(Role::Sender, calling.security.token().into(), concat!("consumer ", env!("CARGO_PKG_VERSION")));
                let dialer = Dialer::new(url, &calling.security, identity, calling.patience, calling.quiet)?;
                (SendLink::open(dialer, Settings::default(), Readiness::new(), over)?, None)
            }
        };
        let mut downstream = Downstream::new("the next consumer".into(), send_link, child)?;
        downstream.write(|writer| writer.schema(schema).map(drop)).map_err(gone)?;
        Ok(Emit::over(Box::new(downstream), schema, ending))
    }

    fn over(stream: Box<dyn Open>, schema: &Arc<Schema>, ending: Rc<RefCell<Ending>>) -> Self {
        let growing = schema.grows().then(|| Growing::new(schema.clone()));
        Emit { stream: Rc::new(RefCell::new(Some(stream))), growing, ending }
    }

    /// The batch with all fields that the stream has by now.
    fn widened(&self, batch: Batch) -> Result<Batch, Error> {
        let Some(growing) = &self.growing else { return Ok(batch) };
        let fields = growing.grow(batch.schema(), |place| !batch.column(place).is_absent());
        if fields == *batch.schema() { Ok(batch) } else { batch.with_fields_of(&fields) }
    }

    /// The stream, for whoever has to end it when the chain is dropped.
    pub(super) fn stream(&self) -> Stream {
        self.stream.clone()
    }
}

impl Stage for Emit {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = self.widened(batch)?;
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
