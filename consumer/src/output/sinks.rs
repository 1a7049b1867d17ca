//! All outputs of a run: standard output, which they share, and files; and how the run ended, which they are told.

use std::{
    cell::{Cell, RefCell},
    path::Path,
    rc::Rc,
};

use recpipe::{
    Batch, Error, Exit, Flow, Stage, say,
    transport::file::{self, Pending},
    wire::Ending,
};

use super::unopened::Unopened;
use crate::{
    plan::{Output, Place, Plan, Target},
    writer::{Calling, Canvas, Compression, Desk, Notes, Printer, Stopper, Stream},
};

/// Makes the last stage of each chain of a run.
pub struct Sinks {
    stdout: Rc<RefCell<Printer>>,
    notes: Notes,
    calling: Calling,
    /// Ends the reading where a consumer that all is sent to takes no more: else that would show at the next record.
    stopper: Option<Stopper>,
    /// Whether more than one output writes to standard output.
    is_shared: bool,
    /// Whether all records of the input were there when it began.
    at_rest: bool,
    counted: Rc<Cell<u64>>,
    ending: Rc<RefCell<Ending>>,
    read: Rc<Cell<Option<u64>>>,
    printers: RefCell<Vec<Rc<RefCell<Printer>>>>,
    streams: Rc<RefCell<Vec<Stream>>>,
}

/// An output, open.
pub struct OpenOutput {
    /// The last stage of a chain.
    pub stage: Target,
    /// Where it prints, for who has lines ready for it.
    pub(crate) printer: Rc<RefCell<Printer>>,
    /// Where it draws, if it is a picture.
    pub(crate) canvas: Option<Canvas>,
}

impl Sinks {
    /// The outputs of `plan`, which take `notes` of what they cannot write as it is; `stopper` ends the reading.
    pub fn new(plan: &Plan, stdout: Printer, notes: Notes, calling: Calling, stopper: Option<Stopper>) -> Self {
        let uses = plan.uses();
        let stdout = Rc::new(RefCell::new(stdout));
        Sinks {
            printers: RefCell::new(vec![stdout.clone()]),
            stdout,
            notes,
            calling,
            stopper: stopper.filter(|_| uses.outputs == 1),
            is_shared: uses.printers > 1,
            at_rest: !plan.live,
            counted: Rc::default(),
            ending: Rc::default(),
            read: Rc::default(),
            streams: Rc::default(),
        }
    }

    /// Opens the output of a plan, or of a branch, which is `output`. Where the fields are [settled](crate::plan::Operator::settles) by
    /// the first records, it is opened with those.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file or standard output.
    pub fn open(&self, output: &Output, plan: &Plan, is_settled: bool) -> Result<OpenOutput, Error> {
        let (schema, notes) = (plan.output(), &self.notes.at(plan.output_at()));
        let open = |desk: Desk<'_>| match is_settled && schema.grows() && output.sink.place() != Place::Link {
            true => Ok(Box::new(Unopened::new(output.sink.clone(), schema.clone(), &desk, &self.streams)) as Target),
            false => output.sink.open(schema, &desk),
        };
        if let Place::Appended(path) = output.sink.place() {
            let printer = Rc::new(RefCell::new(Printer::file(file::append(path)?, path.display().to_string(), None)?));
            self.printers.borrow_mut().push(printer.clone());
            let stage = open(self.desk(&printer, true, None, notes))?;
            return Ok(OpenOutput { stage: Box::new(Counted::new(self.counted.clone(), stage)), printer, canvas: None });
        }
        if let Place::Own(_) = output.sink.place() {
            let stage = open(self.desk(&self.stdout, true, None, notes))?;
            let stage = Box::new(Counted::new(self.counted.clone(), stage));
            return Ok(OpenOutput { stage, printer: self.stdout.clone(), canvas: None });
        }
        let Place::File(path) = output.sink.place() else {
            let canvas = output.sink.is_picture().then(|| Canvas::new(self.stdout.clone(), plan.rules()));
            let stage = open(self.desk(&self.stdout, !self.is_shared, canvas.as_ref(), notes))?;
            return Ok(OpenOutput { stage: Box::new(Counted::new(self.counted.clone(), stage)), printer: self.stdout.clone(), canvas });
        };
        let (file, pending) = Pending::create(path)?;
        let (compression, _) = Compression::of(path);
        let printer = Rc::new(RefCell::new(Printer::file(file, path.display().to_string(), compression)?));
        self.printers.borrow_mut().push(printer.clone());
        let target = open(self.desk(&printer, true, None, notes))?;
        let stage = Box::new(ToFile {
            target,
            printer: printer.clone(),
            name: path.display().to_string(),
            pending: Some(pending),
            ending: self.ending.clone(),
            failure: None,
        });
        Ok(OpenOutput { stage: Box::new(Counted::new(self.counted.clone(), stage)), printer, canvas: None })
    }

    fn desk<'d>(&'d self, printer: &'d Rc<RefCell<Printer>>, begins: bool, canvas: Option<&'d Canvas>, notes: &'d Notes) -> Desk<'d> {
        Desk {
            printer,
            begins,
            at_rest: self.at_rest,
            canvas,
            notes,
            calling: &self.calling,
            stopper: self.stopper.as_ref(),
            ending: &self.ending,
            read: &self.read,
            streams: &self.streams,
        }
    }

    /// Counts records that were printed without a [`OpenOutput`]'s stage.
    pub fn count(&self, records: u64) {
        self.counted.set(self.counted.get() + records);
    }

    /// The records that came to an output: those of a branch count like any other.
    pub fn counted(&self) -> u64 {
        self.counted.get()
    }

    /// How the run ended, to be said before the chains are closed; and how many records came, unless the query had enough before the last.
    pub(crate) fn set_ending(&self, ending: Ending, read: Option<u64>) {
        *self.ending.borrow_mut() = ending;
        self.read.set(read);
    }

    /// What `Sinks::set_ending` sets, for what is read while the chains are closed.
    pub fn ending(&self) -> Rc<RefCell<Ending>> {
        self.ending.clone()
    }

    /// Whether a picture is shown on a screen while it grows.
    pub fn is_live(&self) -> bool {
        self.stdout.borrow().is_live()
    }

    /// All chains are closed: waits for the readers of the streams that were ended with them.
    ///
    /// # Errors
    /// How the first of those that were lost or failed did.
    pub fn wait(&self) -> Result<(), Error> {
        let mut waited = Ok(());
        for stream in self.streams.borrow().iter() {
            waited = waited.and(stream.wait());
        }
        // One that has had enough has not failed.
        waited.or_else(|error| if error.is_broken_pipe() { Ok(()) } else { Err(error) })
    }

    /// The run has failed, and the chains are not closed: takes away what was drawn for the time being, which must not look like
    /// an answer, writes what is held back, so that what was printed before is not lost, and ends the streams with the cause.
    /// A second write error here is ignored; the first is already being reported.
    pub(crate) fn abandon(&self, error: &Error) {
        let ending = Ending { exit: error.exit(), cause: error.to_string(), rejected: self.ending.borrow().rejected };
        let streams = self.streams.borrow();
        streams.iter().for_each(|stream| drop(stream.end(&ending)));
        streams.iter().for_each(|stream| drop(stream.wait()));
        for printer in self.printers.borrow().iter() {
            let mut printer = printer.borrow_mut();
            printer.erase();
            let _ = printer.flush();
        }
    }
}

/// Stands before every output: counts what comes to it, and takes a reader that has gone for one that has had enough, so
/// that the others go on.
struct Counted {
    count: Rc<Cell<u64>>,
    target: Box<dyn Stage>,
    has_gone: bool,
}

impl Counted {
    fn new(count: Rc<Cell<u64>>, target: Box<dyn Stage>) -> Self {
        Counted { count, target, has_gone: false }
    }

    fn unless_gone<T>(&mut self, gone: T, step: impl FnOnce(&mut dyn Stage) -> Result<T, Error>) -> Result<T, Error> {
        if self.has_gone {
            return Ok(gone);
        }
        match step(&mut *self.target) {
            Err(error) if error.is_broken_pipe() => {
                self.has_gone = true;
                Ok(gone)
            }
            result => result,
        }
    }
}

impl Stage for Counted {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let records = batch.len() as u64;
        let flow = self.unless_gone(Flow::Stop, |target| target.send(batch))?;
        if !self.has_gone {
            self.count.set(self.count.get() + records);
        }
        Ok(flow)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.unless_gone((), |target| target.flush())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.unless_gone((), |target| target.close())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }
}

/// A stage that writes a file, which gets its name when it is whole: closed, and not cut off before.
struct ToFile {
    target: Box<dyn Stage>,
    printer: Rc<RefCell<Printer>>,
    name: String,
    pending: Option<Pending>,
    ending: Rc<RefCell<Ending>>,
    /// Why the run has failed.
    failure: Option<String>,
}

impl Stage for ToFile {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.target.send(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.target.close()?;
        self.printer.borrow_mut().end()?;
        match self.pending.take_if(|_| self.ending.borrow().exit != Exit::Incomplete) {
            Some(pending) => pending.commit(),
            None => Ok(()),
        }
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    fn fail(&mut self, error: &Error) {
        self.failure = Some(error.to_string());
        self.target.fail(error);
    }
}

impl Drop for ToFile {
    fn drop(&mut self) {
        let partial = self.pending.as_ref().and_then(Pending::partial).map(Path::to_owned);
        drop(self.pending.take());
        if let Some(partial) = partial.filter(|partial| partial.exists()) {
            let why = self.failure.as_ref().map_or(String::new(), |failure| format!(" ({failure})"));
            say!("consumer: {} is not whole{why}; what there is of it is in {}", self.name, partial.display());
        }
    }
}
