//! The files that a query reads besides its stream: streams are opened when the query is checked and read when it runs; files of
//! values (`where host in "allowed.txt"`) are read once, when it is checked.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::Read,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use recpipe::{Error, Schema, wire::Incoming};

use crate::{
    execute::{FeedInput, FeedSource, Feeds},
    input::{self, Arrived, Begun, Came, Frames, Input, SecondOptions},
    join::Database,
    language::Inputs,
};

/// Opens files as the query names them.
#[derive(Default)]
pub(crate) struct Files {
    /// How others are started to read them.
    options: SecondOptions,
    /// No database is larger than so many bytes.
    largest: usize,
    opened: Mutex<Opened>,
    /// Whether one of them is being read: the input is over then, or nobody waits for it.
    are_read: Arc<AtomicBool>,
}

/// Files of values, by where the query names them.
pub(crate) type Texts = BTreeMap<usize, Arc<[u8]>>;

#[derive(Default)]
struct Opened {
    files: BTreeMap<usize, (String, Arc<Schema>, Second)>,
    texts: Texts,
    /// Why the first that could not be opened could not.
    failure: Option<anyhow::Error>,
}

/// One of the files.
enum Second {
    Records(Input),
    Database(Bytes),
}

impl fmt::Debug for Files {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<String> = self.opened().files.values().map(|(path, ..)| path.clone()).collect();
        out.debug_struct("Files").field("files", &files).finish_non_exhaustive()
    }
}

impl Files {
    /// None yet. A database that is read must be smaller than `largest` bytes.
    pub(crate) fn new(options: SecondOptions, largest: usize) -> Self {
        Files { options, largest, ..Files::default() }
    }

    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the first file that could not be opened could not, if there is one.
    pub(crate) fn failure(&self) -> Option<anyhow::Error> {
        self.opened().failure.take()
    }

    /// Whether one of them is being read.
    pub(crate) fn are_read(&self) -> bool {
        self.are_read.load(Ordering::Relaxed)
    }

    /// The files of values.
    pub(crate) fn texts(&self) -> Texts {
        self.opened().texts.clone()
    }

    /// The files, to be read. Where `watches_output`, reads also end when standard output has no reader any more.
    ///
    /// # Errors
    /// Those of [`Input::watch_output`].
    pub(crate) fn take(&self, watches_output: bool) -> Result<Feeds, Error> {
        let mut feeds = Feeds::new();
        for (at, (name, _, second)) in std::mem::take(&mut self.opened().files) {
            let source = match second {
                Second::Database(bytes) => FeedSource::Bytes(bytes),
                Second::Records(mut input) => {
                    if watches_output {
                        input.watch_output()?;
                    }
                    let stop = Some(input.stop());
                    FeedSource::Records { frames: Box::new(Noted { input, are_read: self.are_read.clone() }), stop }
                }
            };
            feeds.insert(at, FeedInput { name, source });
        }
        Ok(feeds)
    }
}

impl Inputs for Files {
    fn schema(&self, at: usize, word: &str, path: &str) -> Result<Arc<Schema>, String> {
        let mut opened = self.opened();
        if let Some((_, schema, _)) = opened.files.get(&at) {
            return Ok(schema.clone());
        }
        match self.begun(path).with_context(|| format!("`{word} \"{path}\"`")) {
            Ok((schema, second)) => {
                opened.files.insert(at, (path.to_owned(), schema.clone(), second));
                Ok(schema)
            }
            Err(error) => {
                let why = format!("{error:#}");
                opened.failure.get_or_insert(error);
                Err(why)
            }
        }
    }

    fn text(&self, at: usize, path: &str) -> Result<Arc<[u8]>, String> {
        let mut opened = self.opened();
        if let Some(text) = opened.texts.get(&at) {
            return Ok(text.clone());
        }
        match text(path).with_context(|| format!("`in \"{path}\"`")) {
            Ok(text) => {
                opened.texts.insert(at, text.clone());
                Ok(text)
            }
            Err(error) => {
                let why = format!("{error:#}");
                opened.failure.get_or_insert(error);
                Err(why)
            }
        }
    }
}

/// A file of values has at most so many bytes: all of them are kept in memory.
const MOST_TEXT_BYTES: u64 = 64 << 20;

fn text(path: &str) -> anyhow::Result<Arc<[u8]>> {
    let failed = |error| Error::io(format!("cannot read {path}"), error);
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_TEXT_BYTES + 1).read_to_end(&mut text)).map_err(failed)?;
    if read as u64 > MOST_TEXT_BYTES {
        return Err(anyhow!("{path} has more than {} MiB; a file of values is kept in memory", MOST_TEXT_BYTES >> 20));
    }
    if memchr::memchr(0, &text).is_some() {
        return Err(anyhow!("{path} is no text with a value in each line: it has NUL bytes"));
    }
    Ok(text.into())
}

impl Files {
    fn begun(&self, path: &str) -> anyhow::Result<(Arc<Schema>, Second)> {
        if Database::is_named(path) {
            let bytes = Database::read(Path::new(path), self.largest)?;
            return Ok((Arc::new(Database::open(bytes.clone())?.schema()?), Second::Database(bytes)));
        }
        let mut input = input::open_second(path, &self.options)?;
        match input.begin(self.options.quiet)? {
            Begun::Schema(schema) => Ok((schema, Second::Records(input))),
            Begun::Ended(ending) => {
                input.reap();
                let what = format!("its producer ended with exit {} before the first record: {}", ending.exit.code(), ending.cause);
                Err(Error::Child { exit: ending.exit, what }.into())
            }
        }
    }
}

/// Notes that it is read.
struct Noted {
    input: Input,
    are_read: Arc<AtomicBool>,
}

impl Frames for Noted {
    fn read(&mut self) -> Result<Option<Arrived>, Error> {
        self.are_read.store(true, Ordering::Relaxed);
        let arrived = self.input.read();
        if matches!(&arrived, Ok(Some(Arrived { what: Came::Frame(Incoming::End(_)), .. }))) {
            self.input.reap();
        }
        arrived
    }

    fn records(&self) -> u64 {
        self.input.records()
    }
}
