//! `emit`: the records as a stream of frames, which the next consumer reads as if a producer had sent it.
//!
//! The stream's end says how ours did: its End frame has the exit code and the cause, so an answer to records that were
//! cut off is known to be one however many consumers it went through.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use recpipe::{
    Batch, Error, Flow, Schema, Stage,
    wire::{Ending, Writer},
};

use super::printer::{Pen, Printer};

/// A stream that is still open; whoever ends it takes it out.
pub(super) type Stream = Rc<RefCell<Option<Writer<Pen>>>>;

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
        Ok(Emit { stream: Rc::new(RefCell::new(Some(writer))), ending })
    }

    /// The stream, for whoever has to end it when the chain is dropped.
    pub(super) fn stream(&self) -> Stream {
        self.stream.clone()
    }
}

impl Stage for Emit {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        match &mut *self.stream.borrow_mut() {
            Some(writer) => writer.batch(&batch).map(|()| Flow::Continue),
            None => Err(Error::Protocol("the stream was ended before")),
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.stream.borrow_mut().as_mut().map_or(Ok(()), Writer::flush)
    }

    fn close(&mut self) -> Result<(), Error> {
        let writer = self.stream.borrow_mut().take();
        writer.map_or(Ok(()), |writer| writer.finish(&self.ending.borrow()).map(drop))
    }
}
