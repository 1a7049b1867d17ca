//! From PATH arguments to blocks of whole records: [`find`] → `open` → [`encoding`] → [`block`], put together by [`Inputs`] and [`Blocks`];
//! compressed files [`ahead`] of their turn.
//!
//! Nothing here knows a format. What cannot be opened or read is data, not a failure: it travels among the
//! blocks as `Event::Problem`, in reading order, and the other inputs go on.

mod age;
pub mod ahead;
mod archive;
pub mod block;
mod blocks;
pub mod boundary;
pub mod clock;
pub mod content;
pub mod encoding;
pub mod event;
pub mod find;
mod first_lines;
#[allow(unreachable_pub, reason = "what is pub there is for the modules of it")]
pub(crate) mod follow;
pub mod given;
pub mod live;
pub mod mark;
pub(crate) mod open;
pub mod prepare;
pub mod print;
pub mod rotated;
mod sample;
pub(crate) mod seekable;
pub(crate) mod signals;
mod skipping;
pub mod window;

use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use archive::Files;
pub use blocks::Blocks;
use find::{Found, Input, Names};
pub(crate) use first_lines::first_lines;
use live::Watch;
use open::Opened;

/// Why an input, or the rest of it, could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    name: String,
    what: String,
}

impl InputError {
    /// `path` cannot be opened, or not even looked at.
    pub fn open(path: &Path, error: io::Error) -> Self {
        InputError { name: path.display().to_string(), what: reason(&error) }
    }

    /// The glob `arg` means no file: it matches none, or is no pattern.
    pub fn pattern(arg: &Path, what: String) -> Self {
        InputError { name: arg.display().to_string(), what }
    }

    /// Reading `name` failed; the whole records before that count.
    pub fn read(name: &str, what: String) -> Self {
        InputError { name: name.to_owned(), what }
    }

    /// The file, directory or pattern.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name, self.what)
    }
}

impl std::error::Error for InputError {}

/// An I/O error as a person says it: `No such file or directory`, without the number of the error.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// How far the reading is, in bytes as they lie on the disk (compressed ones, where they are compressed).
///
/// Shared between the thread that reads and the one that shows progress.
#[derive(Debug, Default)]
pub struct Meter {
    read_bytes: AtomicU64,
}

impl Meter {
    fn add(&self, n: usize) {
        self.read_bytes.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Bytes taken from the inputs so far.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

/// How many bytes the inputs have together, if all of them are regular files.
pub fn total_bytes(found: &Found) -> Option<u64> {
    let mut total = 0;
    for input in found.iter().flatten() {
        let meta = match input {
            Input::File(path) => std::fs::metadata(path).ok()?,
            Input::Stdin => std::fs::metadata("/dev/stdin").ok()?,
            Input::Given(_) => return None,
        };
        if !meta.is_file() {
            return None;
        }
        total += meta.len();
    }
    Some(total)
}

/// The inputs, one after the other, opened when their turn comes.
#[derive(Debug)]
pub struct Inputs {
    found: std::vec::IntoIter<Result<Input, InputError>>,
    /// The files of the input whose turn it is.
    files: Option<Files>,
    /// Which files in archives are read.
    names: Names,
    meter: Arc<Meter>,
    watch: Watch,
    output: Option<FileId>,
    block_bytes: usize,
    /// What their text is written in, where that was said.
    encoding: Option<&'static encoding_rs::Encoding>,
    block_records: Option<NonZeroUsize>,
}

/// What tells one file from another, whatever their names: device and inode.
pub(crate) type FileId = (u64, u64);

/// The identity of a regular file.
pub(crate) fn file_id(file: &std::fs::File) -> Option<FileId> {
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((meta.dev(), meta.ino()))
}

impl Inputs {
    /// What was found, until `watch` ends the reading.
    pub fn new(found: Found, meter: Arc<Meter>, watch: Watch) -> Self {
        Inputs {
            found: found.into_iter(),
            files: None,
            names: Names::default(),
            meter,
            watch,
            output: None,
            block_bytes: block::BLOCK_BYTES,
            block_records: None,
            encoding: None,
        }
    }

    /// Does not read `output`, should it be among the inputs (`producer apache . > all.rec`): it would never end.
    pub(crate) fn not_reading(self, output: &std::fs::File) -> Self {
        Inputs { output: file_id(output), ..self }
    }

    /// So many bytes are read at a time, and at least one.
    pub fn in_blocks_of(self, bytes: usize) -> Self {
        Inputs { block_bytes: bytes.max(1), ..self }
    }

    /// The same with blocks that are no larger than this.
    pub(crate) fn in_blocks_of_at_most(self, bytes: usize) -> Self {
        Inputs { block_bytes: self.block_bytes.min(bytes).max(1), ..self }
    }

    /// Each input by itself, in their order.
    pub(crate) fn one_by_one(self) -> Vec<Inputs> {
        let Inputs { found, meter, watch, output, block_bytes, block_records, encoding, names, .. } = self;
        let alone = |one| Inputs {
            found: vec![one].into_iter(),
            files: None,
            names: names.clone(),
            meter: meter.clone(),
            watch: watch.clone(),
            output,
            block_bytes,
            block_records,
            encoding,
        };
        found.map(alone).collect()
    }

    /// Their text is written in this encoding, unless a mark says otherwise.
    pub(crate) fn written_in(self, encoding: Option<&'static encoding_rs::Encoding>) -> Self {
        Inputs { encoding, ..self }
    }

    /// Only the files of these names are read of archives.
    pub(crate) fn of_archives(self, names: &Names) -> Self {
        Inputs { names: names.clone(), ..self }
    }

    /// No block has more records than this.
    pub(crate) fn with_records(self, most: Option<NonZeroUsize>) -> Self {
        Inputs { block_records: most, ..self }
    }

    /// What ends the reading.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The next input, not opened. `None` after the last, and when the reading was ended.
    pub(crate) fn next_found(&mut self) -> Option<Result<Input, InputError>> {
        if self.watch.is_stopped() { None } else { self.found.next() }
    }

    /// The next file, opened, with its name: the path as the user gave it, `-` for the standard input, and of a file in an archive
    /// the archive's, a colon and its own.
    ///
    /// `None` after the last, and when the reading was ended.
    pub(crate) fn next_opened(&mut self) -> Option<Result<(Arc<str>, Opened), InputError>> {
        loop {
            let next = self.files.as_mut().and_then(Files::next);
            self.files = self.files.take().filter(Files::has_more);
            if let Some(next) = next {
                // What was opened in vain because somebody ended the reading is no problem.
                return if next.is_err() && self.watch.is_stopped() { None } else { Some(next) };
            }
            match self.next_found()?.and_then(|input| self.open(&input)) {
                Ok(files) => self.files = Some(files),
                Err(_) if self.watch.is_stopped() => return None,
                Err(problem) => return Some(Err(problem)),
            }
        }
    }

    /// Whether the next input is a regular file, which can be opened before its turn without waiting or taking from anybody.
    fn is_regular_next(&self) -> bool {
        self.files.is_none() && matches!(self.found.as_slice().first(), Some(Ok(input)) if is_regular(input))
    }

    /// The inputs to come that can be opened twice, of the next so many.
    fn regular(&self, most: usize) -> impl Iterator<Item = Input> {
        let next = &self.found.as_slice()[..most.min(self.found.len())];
        next.iter().flatten().filter(|input| is_regular(input)).cloned().collect::<Vec<_>>().into_iter()
    }

    fn open(&self, input: &Input) -> Result<Files, InputError> {
        let feed = Opened::open(input, &self.meter, &self.watch)?;
        if self.output.is_some() && feed.id() == self.output {
            return Err(InputError { name: input.to_string(), what: "is where the records go; it is not read".to_owned() });
        }
        Ok(Files::of(input, feed, &self.names))
    }
}

/// What an input of this name is called in a message.
pub(crate) fn shown_name(name: &str) -> &str {
    if name == "-" { "(stdin)" } else { name }
}

/// Whether an input can be opened twice.
fn is_regular(input: &Input) -> bool {
    match input {
        Input::Stdin => false,
        Input::File(path) => std::fs::metadata(path).is_ok_and(|meta| meta.is_file()),
        Input::Given(given) => !given.is_live(),
    }
}

fn name_of(input: &Input) -> Arc<str> {
    match input {
        Input::Stdin => "-".into(),
        Input::File(path) => path.to_string_lossy().into(),
        Input::Given(given) => given.name().into(),
    }
}

#[cfg(test)]
mod tests;
