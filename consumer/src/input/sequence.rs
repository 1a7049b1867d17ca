//! Streams one after the other as one: those that stand in one pipe or file, as `cat a.rec b.rec` gives them, and those of several files.
//!
//! Each is proven to its own end. The first failure counts, and the streams after it are read all the same, unless it is one of the
//! bytes themselves: then nobody knows what is missing, and nothing after it is read.

use std::{collections::VecDeque, fs::File, os::fd::AsFd, sync::Arc};

use recpipe::{
    Error, Exit, Schema,
    transport::watch::{Stopper, Watched},
    wire::{Ending, Incoming, Place, Reader},
};

use super::{Arrived, Frames, unite};

/// One of the inputs.
pub struct Part {
    /// What it is called in messages.
    name: Arc<str>,
    reader: Reader<Watched<File>>,
    stopper: Stopper,
    /// What was read before its turn.
    ahead: Option<Result<Option<Incoming>, Error>>,
}

impl Part {
    /// Begins to read an input: its preamble.
    ///
    /// # Errors
    /// Those of [`Reader::of_several`], and when the system has no file descriptors left.
    pub fn open(name: String, file: File) -> Result<Self, Error> {
        let (input, stopper) = Watched::new(file, None).map_err(|error| Error::io("cannot watch the input", error))?;
        Part::of(name, input, stopper)
    }

    /// The same of an input that is watched already.
    ///
    /// # Errors
    /// Those of [`Reader::of_several`].
    pub fn of(name: String, input: Watched<File>, stopper: Stopper) -> Result<Self, Error> {
        Ok(Part { name: name.into(), reader: Reader::of_several(input)?, stopper, ahead: None })
    }

    fn read(&mut self) -> Result<Option<Incoming>, Error> {
        self.ahead.take().unwrap_or_else(|| self.reader.read())
    }

    /// Whether more may come than is there.
    fn is_live(&self) -> bool {
        let is_file = self.reader.input().as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
        !is_file.is_ok_and(|meta| meta.is_file()) && !self.reader.is_at_rest()
    }

    /// The fields of its records, if it begins with them. What else it begins with, a failure too, comes when it is its turn.
    fn schema(&mut self) -> Option<&Arc<Schema>> {
        match self.ahead.insert(self.reader.read()) {
            Ok(Some(Incoming::Schema(schema))) => Some(schema),
            _ => None,
        }
    }
}

/// The inputs, in their order.
pub struct Sequence {
    current: Part,
    rest: VecDeque<Part>,
    /// Whether messages say which of them they are about.
    are_several: bool,
    /// Of those that have ended.
    records: u64,
    batches: u64,
    ending: Ending,
}

impl Sequence {
    /// This one, and those after it.
    pub fn new(first: Part, rest: impl IntoIterator<Item = Part>) -> Self {
        let rest: VecDeque<_> = rest.into_iter().collect();
        Sequence { current: first, are_several: !rest.is_empty(), rest, records: 0, batches: 0, ending: Ending::default() }
    }

    /// What reads the input that is read now.
    pub fn input(&self) -> &Watched<File> {
        self.current.reader.input()
    }

    /// All of them.
    pub(crate) fn inputs_mut(&mut self) -> impl Iterator<Item = &mut Watched<File>> {
        std::iter::once(&mut self.current).chain(&mut self.rest).map(|part| part.reader.input_mut())
    }

    /// What ends a read that waits, of whichever.
    pub(crate) fn stoppers(&self) -> Arc<[Stopper]> {
        std::iter::once(&self.current).chain(&self.rest).map(|part| part.stopper.clone()).collect()
    }

    /// Whether more may come of one of them than is there.
    pub fn is_live(&self) -> bool {
        std::iter::once(&self.current).chain(&self.rest).any(Part::is_live)
    }

    /// The fields of all, where those of the first are these.
    ///
    /// # Errors
    /// When those of two do not fit each other.
    pub fn united(&mut self, first: Arc<Schema>) -> Result<Arc<Schema>, Error> {
        let mut united = first;
        for part in &mut self.rest {
            let name = part.name.clone();
            if let Some(schema) = part.schema() {
                united = Arc::new(unite(&united, &self.current.name, schema, &name)?);
            }
        }
        Ok(united)
    }

    /// What comes next; `None` after the end of all.
    ///
    /// # Errors
    /// Those of [`Reader::read`]; where there are several inputs, they say of which.
    pub fn advance(&mut self) -> Result<Option<Incoming>, Error> {
        loop {
            let read = self.current.read();
            let named = |error: Error| if self.are_several && !error.is_broken_pipe() { error.of_input(&self.current.name) } else { error };
            let Some(what) = read.map_err(named)? else { return Ok(None) };
            let Incoming::End(mut ending) = what else { return Ok(Some(what)) };
            if self.are_several && ending.exit != Exit::Done {
                ending.cause = format!("{}: {}", self.current.name, ending.cause);
            }
            let ending = std::mem::take(&mut self.ending).and(ending);
            let Some(next) = self.rest.pop_front() else { return Ok(Some(Incoming::End(ending))) };
            self.ending = ending;
            self.records += self.current.reader.totals().records;
            self.batches += self.current.reader.batches();
            self.current = next;
        }
    }
}

impl Frames for Sequence {
    fn read(&mut self) -> Result<Option<Arrived>, Error> {
        let what = self.advance()?;
        let name = self.current.name.clone();
        let what = what.map(|what| match what {
            Incoming::Batch(raw) => {
                let place = raw.place();
                Incoming::Batch(raw.with_place(Place { order: self.batches + place.order, ..place }))
            }
            what => what,
        });
        Ok(what.map(|what| Arrived::of(name, what)))
    }

    fn records(&self) -> u64 {
        self.records + self.current.reader.totals().records
    }
}
