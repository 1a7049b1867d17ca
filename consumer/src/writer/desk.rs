//! What an output is opened with, and what it opens: the last stage of a chain.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use recpipe::{
    Batch, Error, Flow, Stage,
    transport::{Security, dial::Patience},
    wire::Ending,
};

use super::{Canvas, Format, Lingering, Notes, Printer};

/// How a next consumer is called.
#[derive(Clone, Debug, Default)]
pub struct Calling {
    /// How it is made sure of.
    pub security: Security,
    /// How long it is tried for.
    pub patience: Patience,
    /// Nothing is said of outages.
    pub quiet: bool,
    /// What ends who shows something when all is done.
    pub(crate) lingering: Lingering,
}

/// Ends the reading of the input, from any thread.
pub type Stopper = Arc<dyn Fn() + Send + Sync>;

/// A stream of records that goes somewhere: the stage at the end of a chain writes it, and whoever drops the chain ends it. Clones are
/// the same.
#[derive(Clone)]
pub struct Stream(Rc<RefCell<State>>);

enum State {
    Open(Box<dyn OpenStream>),
    /// Its reader has still to say how it ended.
    Ended(AwaitReader),
    Over,
}

/// Waits until the reader of a stream that was ended has said how it ended itself.
pub type AwaitReader = Box<dyn FnOnce() -> Result<(), Error>>;

/// A stream of records that is open, wherever it goes.
pub trait OpenStream {
    /// Sends the records of a batch.
    ///
    /// # Errors
    /// When it cannot be written.
    fn batch(&mut self, batch: &Batch) -> Result<Flow, Error>;

    /// Sends what is held back.
    ///
    /// # Errors
    /// When it cannot be written.
    fn flush(&mut self) -> Result<(), Error>;

    /// Ends it: its reader is told how the run ended. What comes back waits for that one, where it can be waited for.
    ///
    /// # Errors
    /// When it cannot be written.
    fn end(self: Box<Self>, ending: &Ending) -> Result<Option<AwaitReader>, Error>;
}

impl Stream {
    /// This one, which is open.
    pub fn new(stream: Box<dyn OpenStream>) -> Self {
        Stream(Rc::new(RefCell::new(State::Open(stream))))
    }

    /// See [`OpenStream::batch`].
    ///
    /// # Errors
    /// When it cannot be written, or was ended before.
    pub fn batch(&self, batch: &Batch) -> Result<Flow, Error> {
        match &mut *self.0.borrow_mut() {
            State::Open(stream) => stream.batch(batch),
            _ => Err(Error::Protocol("the stream was ended before")),
        }
    }

    /// See [`OpenStream::flush`].
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&self) -> Result<(), Error> {
        match &mut *self.0.borrow_mut() {
            State::Open(stream) => stream.flush(),
            _ => Ok(()),
        }
    }

    /// Ends it, if it is open. Of several, end all before the first is waited for: one reader may need the end of all of them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&self, ending: &Ending) -> Result<(), Error> {
        let State::Open(stream) = self.0.replace(State::Over) else { return Ok(()) };
        if let Some(reader) = stream.end(ending)? {
            *self.0.borrow_mut() = State::Ended(reader);
        }
        Ok(())
    }

    /// Waits for its reader, if it was ended.
    ///
    /// # Errors
    /// The reader was lost, or failed.
    pub fn wait(&self) -> Result<(), Error> {
        match self.0.replace(State::Over) {
            State::Ended(reader) => reader(),
            _ => Ok(()),
        }
    }
}

/// What an output is opened with.
pub struct Desk<'a> {
    /// Where it prints.
    pub(crate) printer: &'a Rc<RefCell<Printer>>,
    /// Whether a header is written at once: nobody else writes there.
    pub begins: bool,
    /// Where it draws, if it is a picture.
    pub(crate) canvas: Option<&'a Canvas>,
    /// What cannot be written as it is.
    pub notes: &'a Notes,
    /// How consumers that records are sent on to are called.
    pub calling: &'a Calling,
    /// Ends the reading where a consumer that all is sent to takes no more.
    pub stopper: Option<&'a Stopper>,
    /// How the run ended, once that is known.
    pub ending: &'a Rc<RefCell<Ending>>,
    /// How many records came, once that is known; `None` where the query had enough before the last.
    pub read: &'a Rc<Cell<Option<u64>>>,
    /// The streams that are ended with the cause when the run fails.
    pub streams: &'a RefCell<Vec<Stream>>,
    /// Whether all records of the input were there when it began.
    pub at_rest: bool,
}

impl Desk<'_> {
    /// The same behind what was written before, with a header of its own.
    pub(crate) fn write_on(&self, format: Box<dyn Format>) -> Box<dyn Stage> {
        Box::new(Written { is_begun: true, ..Written::new(format, self.printer.clone()) })
    }

    /// The last stage of a chain, which prints in this format.
    ///
    /// # Errors
    /// [`Error::Io`] when the output cannot be written, and those of [`Format::header`].
    pub fn write(&self, format: Box<dyn Format>) -> Result<Box<dyn Stage>, Error> {
        let mut written = Written::new(format, self.printer.clone());
        if self.begins {
            written.begin()?;
        }
        Ok(Box::new(written))
    }
}

/// The last stage of a chain: formats what it gets and prints it.
pub(super) struct Written {
    format: Box<dyn Format>,
    printer: Rc<RefCell<Printer>>,
    is_begun: bool,
    buffer: Vec<u8>,
}

impl Written {
    /// The header is written with the first records, or at the end: those of several outputs in one place are then where
    /// their records are. [`Written::begin`] writes it at once.
    pub(super) fn new(format: Box<dyn Format>, printer: Rc<RefCell<Printer>>) -> Self {
        Written { format, printer, is_begun: false, buffer: Vec::new() }
    }

    /// Writes the header, if that is still to be done.
    ///
    /// # Errors
    /// [`Error::Io`] when the output cannot be written, and those of [`Format::header`].
    pub(super) fn begin(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.is_begun, true) {
            return Ok(());
        }
        let mut header = Vec::new();
        self.format.header(&mut header)?;
        self.printer.borrow_mut().write(&header)
    }
}

impl Stage for Written {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.begin()?;
        self.buffer.clear();
        self.format.batch(&batch, &mut self.buffer)?;
        self.printer.borrow_mut().write(&self.buffer)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.printer.borrow_mut().flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.begin()?;
        self.buffer.clear();
        self.format.footer(&mut self.buffer);
        self.printer.borrow_mut().write(&self.buffer)?;
        self.flush()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

/// Counts and discards.
pub struct Discard;

impl Stage for Discard {
    fn send(&mut self, _: Batch) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}
