//! An output that is opened when the first records tell what fields there are.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use recpipe::{Batch, Error, Flow, Schema, Stage, wire::Ending};

use crate::{
    plan::{Sink, Target, Unite},
    writer::{Calling, Canvas, Desk, Notes, Printer, Stopper, Stream},
};

/// An output that waits for its first records, whose fields are those of all.
pub(super) struct Unopened {
    sink: Arc<dyn Sink>,
    /// Its fields where no record comes.
    schema: Arc<Schema>,
    printer: Rc<RefCell<Printer>>,
    begins: bool,
    at_rest: bool,
    canvas: Option<Canvas>,
    notes: Notes,
    calling: Calling,
    stopper: Option<Stopper>,
    ending: Rc<RefCell<Ending>>,
    read: Rc<Cell<Option<u64>>>,
    streams: Rc<RefCell<Vec<Stream>>>,
    /// The output, once it is open, and what puts the fields of others in their places.
    opened: Option<(Unite, Target)>,
}

impl Unopened {
    /// To be opened as this desk has it.
    pub(super) fn new(sink: Arc<dyn Sink>, schema: Arc<Schema>, desk: &Desk<'_>, streams: &Rc<RefCell<Vec<Stream>>>) -> Self {
        Unopened {
            sink,
            schema,
            printer: desk.printer.clone(),
            begins: desk.begins,
            at_rest: desk.at_rest,
            canvas: desk.canvas.cloned(),
            notes: desk.notes.clone(),
            calling: desk.calling.clone(),
            stopper: desk.stopper.cloned(),
            ending: desk.ending.clone(),
            read: desk.read.clone(),
            streams: streams.clone(),
            opened: None,
        }
    }

    /// The output, opened with these fields where it is not yet.
    fn open(&mut self, schema: &Arc<Schema>) -> Result<&mut (Unite, Target), Error> {
        let opened = match self.opened.take() {
            Some(opened) => opened,
            None => {
                let desk = Desk {
                    printer: &self.printer,
                    begins: self.begins,
                    at_rest: self.at_rest,
                    canvas: self.canvas.as_ref(),
                    notes: &self.notes,
                    calling: &self.calling,
                    stopper: self.stopper.as_ref(),
                    ending: &self.ending,
                    read: &self.read,
                    streams: &self.streams,
                };
                (Unite::new(schema.clone()), self.sink.open(schema, &desk)?)
            }
        };
        Ok(self.opened.insert(opened))
    }
}

impl Stage for Unopened {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let (unite, target) = self.open(batch.schema())?;
        let batch = unite.unite(batch)?;
        target.send(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.opened.as_mut().map_or(Ok(()), |(_, target)| target.flush())
    }

    fn close(&mut self) -> Result<(), Error> {
        let schema = self.schema.clone();
        self.open(&schema)?.1.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        self.opened.as_mut().map(|(_, target)| &mut **target as &mut dyn Stage)
    }
}
