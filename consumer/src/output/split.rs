//! `write "out-{status}.csv"`: a file for each key, each whole when it has its name.
//!
//! At most [`OPEN`] files are open; of the others the names are kept, at most [`MOST`], and what is still to be written to one opens it
//! again, at its end. What is compressed is then several members one after the other, as gzip and Zstandard allow.

use std::{
    cell::RefCell,
    collections::HashMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

use recpipe::{Batch, Error, Exit, Flow, Schema, Stage, say, transport::file::Pending, wire::Ending};

use super::{
    file_name,
    print::{Piece, formatted},
};
use crate::{
    expr::Vector,
    plan::{Place, Read, Sink, Target},
    writer::{Compression, Desk, Discard, Format, Printer},
};

/// Files that are open at a time.
const OPEN: usize = 64;

/// Files in all: a key that has more values than this is a mistake more often than not.
const MOST: usize = 100_000;

/// Another output, into a file for each key.
#[derive(Clone, Debug)]
pub(super) struct SplitSink {
    /// The names of the files, as they were written.
    pub(super) name: String,
    /// The same, with the columns that are in them.
    pub(super) pieces: Vec<Piece>,
    /// What is written there.
    pub(super) sink: Arc<dyn Sink>,
}

impl Sink for SplitSink {
    fn place(&self) -> Place<'_> {
        Place::Own(&self.name)
    }

    fn reads(&self, schema: &Schema) -> Read {
        let mut read = self.sink.reads(schema);
        read.places
            .extend(self.pieces.iter().filter_map(|piece| if let Piece::Column { place, .. } = piece { Some(*place) } else { None }));
        read
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let Some(format) = self.sink.format(schema, desk.notes) else { return Ok(Box::new(Discard)) };
        Ok(Box::new(Split {
            name: self.name.clone(),
            pieces: self.pieces.clone(),
            format,
            ending: desk.ending.clone(),
            files: HashMap::new(),
            order: Vec::new(),
            open: 0,
            turn: 0,
            failure: None,
        }))
    }
}

/// A file that is being written.
struct Part {
    path: PathBuf,
    /// What of it is open, and when it was written last.
    open: Option<(Printer, Pending, u64)>,
}

/// Writes each record into the file of its key.
struct Split {
    name: String,
    pieces: Vec<Piece>,
    format: Box<dyn Format>,
    ending: Rc<RefCell<Ending>>,
    /// By name: where each stands.
    files: HashMap<Vec<u8>, usize>,
    /// In the order in which they came.
    order: Vec<Part>,
    /// How many are open.
    open: usize,
    /// How many pieces were written.
    turn: u64,
    /// Why the run has failed.
    failure: Option<String>,
}

impl Split {
    /// The names of the files of all records of a batch.
    fn names(&self, batch: &Batch) -> Vec<Vec<u8>> {
        let mut names = vec![Vec::new(); batch.len()];
        let mut value = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => names.iter_mut().for_each(|name| name.extend_from_slice(text.as_bytes())),
                Piece::Column { place, format } => {
                    let column = Vector::from_column(batch.column(*place), batch);
                    for (row, name) in names.iter_mut().enumerate() {
                        value.clear();
                        formatted(&column, row, format, None, &mut value);
                        file_name::put(&value, name);
                    }
                }
            }
        }
        names
    }

    /// Where the file of this name stands, which is begun where there was none.
    fn place(&mut self, name: &[u8]) -> Result<(usize, bool), Error> {
        if let Some(&place) = self.files.get(name) {
            return Ok((place, false));
        }
        if self.order.len() == MOST {
            return Err(Error::Usage(format!(
                "write \"{}\": more than {MOST} files; the next would be {}",
                self.name,
                String::from_utf8_lossy(name)
            )));
        }
        let place = self.order.len();
        self.order.push(Part { path: PathBuf::from(OsStr::from_bytes(name)), open: None });
        self.files.insert(name.to_owned(), place);
        Ok((place, true))
    }

    /// The printer of a file, opened at its end where it is not open.
    fn printer(&mut self, place: usize, is_new: bool) -> Result<&mut Printer, Error> {
        self.turn += 1;
        if self.order[place].open.is_none() {
            if self.open == OPEN {
                self.rest()?;
            }
            let path = &self.order[place].path;
            let (file, pending) = if is_new { Pending::create(path)? } else { Pending::resume(path)? };
            let printer = Printer::file(file, path.display().to_string(), Compression::of(path).0)?;
            self.order[place].open = Some((printer, pending, self.turn));
            self.open += 1;
        }
        match &mut self.order[place].open {
            Some((printer, _, turn)) => {
                *turn = self.turn;
                Ok(printer)
            }
            None => Err(Error::Protocol("a file that was opened is not open")),
        }
    }

    /// Closes the file that was written longest ago, to be opened again.
    fn rest(&mut self) -> Result<(), Error> {
        let last = |part: &&mut Part| part.open.as_ref().map_or(u64::MAX, |(.., turn)| *turn);
        let Some(part) = self.order.iter_mut().filter(|part| part.open.is_some()).min_by_key(last) else { return Ok(()) };
        if let Some((mut printer, ..)) = part.open.take() {
            printer.end()?;
            self.open -= 1;
        }
        Ok(())
    }
}

impl Stage for Split {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let mut rows: HashMap<Vec<u8>, Vec<u32>> = HashMap::new();
        let mut order = Vec::new();
        for (row, name) in self.names(&batch).into_iter().enumerate() {
            let of_key = rows.entry(name).or_insert_with_key(|name| {
                order.push(name.clone());
                Vec::new()
            });
            of_key.push(batch.physical(row) as u32);
        }
        let mut bytes = Vec::new();
        for name in order {
            let Some(rows) = rows.remove(&name) else { continue };
            let (place, is_new) = self.place(&name)?;
            bytes.clear();
            if is_new {
                self.format.header(&mut bytes)?;
            }
            self.format.batch(&batch.select(rows), &mut bytes)?;
            self.printer(place, is_new)?.write(&bytes)?;
        }
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.order.iter_mut().filter_map(|part| part.open.as_mut()).try_for_each(|(printer, ..)| printer.flush())
    }

    fn close(&mut self) -> Result<(), Error> {
        let mut footer = Vec::new();
        self.format.footer(&mut footer);
        let is_whole = self.ending.borrow().exit != Exit::Incomplete;
        for place in 0..self.order.len() {
            self.printer(place, false)?.write(&footer)?;
            if let Some((mut printer, pending, _)) = self.order[place].open.take() {
                self.open -= 1;
                printer.end()?;
                if is_whole {
                    pending.commit()?;
                }
            }
        }
        if is_whole {
            self.order.clear();
        }
        Ok(())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }

    fn fail(&mut self, error: &Error) {
        self.failure = Some(error.to_string());
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        let partial = |part: Part| {
            let path = part.open.as_ref().and_then(|(_, pending, _)| pending.partial().map(Path::to_owned));
            // Dropped: nothing is left of one that has nothing in it.
            drop(part.open);
            path.or_else(|| Pending::resume(&part.path).ok()?.1.partial().map(Path::to_owned)).filter(|path| path.exists())
        };
        let left: Vec<PathBuf> = std::mem::take(&mut self.order).into_iter().filter_map(partial).collect();
        if let Some(first) = left.first() {
            let why = self.failure.as_ref().map_or(String::new(), |failure| format!(" ({failure})"));
            let files = if left.len() == 1 { "a file".to_owned() } else { format!("{} files", left.len()) };
            say!("consumer: {files} of {} not whole{why}; what there is of the first is in {}", self.name, first.display());
        }
    }
}
