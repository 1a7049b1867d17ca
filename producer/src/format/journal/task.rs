//! Entries that a worker makes records of.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use recpipe::record::{Growing, Schema};

use super::super::source::{Made, Task};
use super::super::{Args, Wanted};
use super::columns::{Place, Reader};
use super::file::JournalFile;

/// What all workers have in common.
pub(super) struct Shared {
    args: Args,
    /// The fields of the stream.
    pub growing: Arc<Growing>,
    /// Those that it has to begin with.
    known: Arc<Schema>,
    /// Readers that nobody uses: with the pages that they keep, they are as many as there were workers at once.
    readers: Mutex<Vec<Reader>>,
    /// How many values were too long.
    pub long: AtomicU64,
}

impl Shared {
    pub(super) fn new(args: &Args, growing: Arc<Growing>) -> Self {
        Shared { args: args.clone(), known: growing.schema(), growing, readers: Mutex::default(), long: AtomicU64::new(0) }
    }
}

/// Entries of one file, in their order.
pub(super) struct Entries {
    pub shared: Arc<Shared>,
    pub file: Arc<JournalFile>,
    pub places: Vec<Place>,
    /// The bytes of the file that they are of: from the end of the entry before the first, to the end of the last.
    pub span: (u64, u64),
}

impl Task for Entries {
    fn make(mut self: Box<Self>, wanted: &Wanted) -> Made {
        let readers = || self.shared.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let free = readers().pop();
        let mut reader = free.unwrap_or_else(|| Reader::new(&self.shared.args, &self.shared.growing, &self.shared.known));
        let read = reader.read(&self.file, &self.places, self.span, wanted, &self.shared.long);
        readers().push(reader);
        let growing = Some(self.shared.growing.clone());
        let places = self.places.split_off(read.entries);
        let is_over = read.failure.is_some() || places.is_empty();
        let span = (read.batch.origin().end, self.span.1);
        let rest = (!is_over).then(|| Box::new(Entries { places, span, ..*self }) as Box<dyn Task>);
        Made { batch: read.batch, growing, failure: read.failure, rest }
    }
}
