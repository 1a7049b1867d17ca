//! The files that a query reads besides the main input: those of the workers' stages are pulled after it, those of later stages are
//! read by the stage itself when all before it has ended.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use recpipe::{
    Batch, Error, Exit, Origin, Schema, say,
    wire::{Ending, Incoming, RawBatch},
};

use super::form::Form;
use crate::input::{Came, Frames, Stop};

/// The files by the places at which the query names them; their first schemas have been read.
pub type Feeds = BTreeMap<usize, FeedInput>;

/// One of the files.
pub struct FeedInput {
    /// What it is called in messages.
    pub name: String,
    /// What is in it.
    pub source: FeedSource,
}

/// What is in a file.
pub enum FeedSource {
    /// A stream of records.
    Records {
        /// What reads it.
        frames: Box<dyn Frames>,
        /// Ends a read that waits, where one can.
        stop: Option<Stop>,
    },
    /// Something else, which a stage takes whole.
    Bytes(Bytes),
}

/// What is known of files besides their records. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Known>>);

#[derive(Default)]
pub(super) struct Known {
    /// How they ended; of several, the first that did not end well.
    pub(super) ending: Option<Ending>,
    /// Why the first of those that did not end did not.
    pub(super) broken: Option<Error>,
    /// Records that came.
    pub(super) records: u64,
    /// The fields of schemas that came later.
    pub(super) names: BTreeSet<String>,
}

impl Heard {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a file that was read came whole.
    ///
    /// # Errors
    /// Why it did not. That records of it were rejected is none: its producer has said so, and its exit is that of the run.
    pub(super) fn whole(&self) -> Result<(), Error> {
        let mut known = self.known();
        match (known.broken.take(), &known.ending) {
            (Some(error), _) => Err(error),
            (None, Some(Ending { exit: Exit::Done | Exit::Rejects, .. })) => Ok(()),
            (None, Some(ending)) => Err(Error::Child { exit: ending.exit, what: ending.cause.clone() }),
            (None, None) => Err(Error::lost("a file that the query names has no end")),
        }
    }

    /// What is known of these, too.
    pub(super) fn also(&self, others: &Heard) {
        let mut others = std::mem::take(&mut *others.known());
        let mut known = self.known();
        known.records += others.records;
        known.names.append(&mut others.names);
        if let Some(ending) = others.ending {
            let before = known.ending.take().unwrap_or_default();
            known.ending = Some(before.and(ending));
        }
    }
}

/// Reads one of the files.
pub(super) struct FeedReader {
    name: String,
    frames: Box<dyn Frames>,
    /// The columns that the plan knows.
    schema: Arc<Schema>,
    /// Fields that have been said not to be seen.
    unseen: BTreeSet<String>,
    quiet: bool,
    heard: Heard,
}

impl FeedReader {
    /// For a stage that gives records of `schema`.
    pub(super) fn new(name: String, frames: Box<dyn Frames>, schema: Arc<Schema>, quiet: bool, heard: Heard) -> Self {
        FeedReader { name, frames, schema, unseen: BTreeSet::new(), quiet, heard }
    }

    /// The next frame of records; after `None` it must not be asked again. How it ended is noted.
    pub(super) fn next(&mut self) -> Option<RawBatch> {
        loop {
            let what = match self.frames.read() {
                Ok(arrived) => match arrived?.what {
                    Came::Frame(what) => what,
                    Came::News(_) => continue,
                },
                Err(error) => {
                    self.heard.known().broken.get_or_insert(self.named(error));
                    return None;
                }
            };
            match what {
                Incoming::Batch(raw) => {
                    self.heard.known().records += u64::from(raw.records());
                    return Some(raw);
                }
                Incoming::Schema(schema) => self.look(&schema),
                Incoming::Warning(warning) if self.quiet => drop(warning),
                Incoming::Warning(warning) => say!("consumer: the producer of {} says: {}", self.name, warning.message),
                Incoming::End(ending) => {
                    let cause = if ending.exit == Exit::Done { String::new() } else { format!("{}: {}", self.name, ending.cause) };
                    let mut known = self.heard.known();
                    let before = known.ending.take().unwrap_or_default();
                    known.ending = Some(before.and(Ending { cause, ..ending }));
                    return None;
                }
            }
        }
    }

    fn named(&self, error: Error) -> Error {
        match error {
            error if error.is_broken_pipe() => error,
            error if error.exit() == Exit::Incomplete => Error::lost(format!("{}: {error}", self.name)),
            error => Error::Data(format!("{}: {error}", self.name)),
        }
    }

    fn look(&mut self, schema: &Schema) {
        self.heard.known().names.extend(schema.names().map(str::to_owned));
        let unseen = schema.names().filter(|name| !self.schema.grows() && self.schema.index_of(name).is_none());
        let new: Vec<&str> = unseen.filter(|name| self.unseen.insert((*name).to_owned())).collect();
        if !new.is_empty() && !self.quiet {
            say!("consumer: fields that come up later in {} are not seen by this query: {}", self.name, new.join(", "));
        }
    }
}

/// What a stage that runs once sends on of a file, read when it is asked for.
pub(super) struct FeedBatches {
    /// `None` at the end.
    reader: Option<FeedReader>,
    form: Form,
    /// How the run ends, as far as the outputs are told.
    ending: Rc<RefCell<Ending>>,
}

impl FeedBatches {
    pub(super) fn new(reader: FeedReader, form: Form, ending: Rc<RefCell<Ending>>) -> Self {
        FeedBatches { reader: Some(reader), form, ending }
    }

    /// Nothing more comes: the outputs, which are closed after this, are told how it ended.
    fn end(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        let known = reader.heard.known();
        let broken = known.broken.as_ref().map(|error| Ending { exit: error.exit(), cause: error.to_string(), rejected: 0 });
        if let Some(ending) = broken.or_else(|| known.ending.clone()) {
            let mut told = self.ending.borrow_mut();
            *told = std::mem::take(&mut *told).and(ending);
        }
    }
}

impl Iterator for FeedBatches {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(raw) = self.reader.as_mut().and_then(FeedReader::next) else {
            self.end();
            return None;
        };
        match self.form.batch(raw, "") {
            // Among the batches of the stages before it, it has no order of its own.
            Ok(batch) => {
                let origin = Origin { order: 0, ..batch.origin().clone() };
                Some(Ok(batch.with_origin(origin)))
            }
            // As of the main input: what came before is answered.
            Err(error) if error.exit() == Exit::Incomplete => {
                if let Some(reader) = &self.reader {
                    reader.heard.known().broken.get_or_insert(error);
                }
                self.end();
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}
