//! From PATH arguments to blocks of whole records: [`find`] → `open` → [`encoding`] → [`block`], put together by [`Inputs`] and [`Blocks`];
//! compressed files [`ahead`] of their turn.
//!
//! Nothing here knows a format. What cannot be opened or read is data, not a failure: it travels among the
//! blocks as [`Event::Problem`], in reading order, and the other inputs go on.

mod age;
pub mod ahead;
mod archive;
pub mod block;
pub mod boundary;
pub mod clock;
pub mod content;
pub mod encoding;
pub mod event;
pub mod find;
#[allow(unreachable_pub, reason = "what is pub there is for the modules of it")]
pub(crate) mod follow;
pub mod given;
pub mod live;
pub(crate) mod open;
pub mod prepare;
pub mod rotated;
mod sample;
pub(crate) mod signals;
mod skipping;
pub mod window;

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use recpipe::record::Pool;

use ahead::{Decompressed, Threads};
use archive::Files;
use block::{Block, Cut, Cutter};
use boundary::Boundary;
use content::Content;
use encoding::Text;
use event::{Cost, Event};
use find::{Found, Input, Names};
use window::Window;
use live::Watch;
use open::Opened;
use prepare::Prepared;
use skipping::{Looked, Skipping};
use sample::{Learn, MOST_SAMPLED_BYTES, SAMPLED_INPUTS, Sampled};

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
    pub fn read_bytes(&self) -> u64 {
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
        Inputs { found: found.into_iter(), files: None, names: Names::default(), meter, watch, output: None, block_bytes: block::BLOCK_BYTES, encoding: None }
    }

    /// Does not read `output`, should it be among the inputs (`producer apache . > all.rec`): it would never end.
    pub fn not_reading(self, output: &std::fs::File) -> Self {
        Inputs { output: file_id(output), ..self }
    }

    /// So many bytes are read at a time, and at least one.
    pub fn in_blocks_of(self, bytes: usize) -> Self {
        Inputs { block_bytes: bytes.max(1), ..self }
    }

    /// The same with blocks that are no larger than this.
    pub fn in_blocks_of_at_most(self, bytes: usize) -> Self {
        Inputs { block_bytes: self.block_bytes.min(bytes).max(1), ..self }
    }

    /// Each input by itself, in their order.
    pub fn one_by_one(self) -> Vec<Inputs> {
        let Inputs { found, meter, watch, output, block_bytes, encoding, names, .. } = self;
        let alone = |one| Inputs {
            found: vec![one].into_iter(),
            files: None,
            names: names.clone(),
            meter: meter.clone(),
            watch: watch.clone(),
            output,
            block_bytes,
            encoding,
        };
        found.map(alone).collect()
    }

    /// Their text is written in this encoding, unless a mark says otherwise.
    pub fn written_in(self, encoding: Option<&'static encoding_rs::Encoding>) -> Self {
        Inputs { encoding, ..self }
    }

    /// Only the files of these names are read of archives.
    pub fn of_archives(self, names: &Names) -> Self {
        Inputs { names: names.clone(), ..self }
    }

    /// What ends the reading.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The next input, not opened. `None` after the last, and when the reading was ended.
    pub fn next_found(&mut self) -> Option<Result<Input, InputError>> {
        if self.watch.is_stopped() { None } else { self.found.next() }
    }

    /// The next file, opened, with its name: the path as the user gave it, `-` for the standard input, and of a file in an archive
    /// the archive's, a colon and its own.
    ///
    /// `None` after the last, and when the reading was ended.
    pub fn next_opened(&mut self) -> Option<Result<(Arc<str>, Opened), InputError>> {
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

/// All the blocks of all the inputs, one input after the other. A block never spans two inputs.
#[derive(Debug)]
pub struct Blocks<'a> {
    inputs: Inputs,
    boundary: Arc<dyn Boundary>,
    current: Option<Reading>,
    threads: Option<Threads<'a>>,
    /// Begun before their turn, in their order.
    begun: VecDeque<Result<Reading, InputError>>,
    /// What of the inputs is skipped.
    window: Option<Window>,
    /// What comes before the next block.
    pending: VecDeque<Event<Block>>,
    pool: Pool,
}

/// Cuts what an input holds: its compression is off, it is UTF-8, and its first bytes may have been looked at.
type InputCutter = Cutter<Sampled<Prepared<Text<Opened>>>>;

/// Why reading an input failed, as it is said.
fn explain(cutter: &InputCutter, error: &io::Error) -> String {
    let prepared = cutter.feed().inner();
    prepared.fault().map_or_else(|| prepared.inner().feed().explain(error), str::to_owned)
}

/// An input that is being read.
#[derive(Debug)]
struct Reading {
    name: Arc<str>,
    /// The command that takes its compression off.
    cat: Option<&'static str>,
    blocks: By,
    /// What of it is skipped, if that can be.
    skipping: Option<Skipping>,
}

/// Who reads it.
#[derive(Debug)]
enum By {
    /// Whoever asks for its next block.
    Asking(Box<InputCutter>),
    /// A thread of its own.
    Thread(Decompressed),
}

impl Reading {
    fn next_block(&mut self) -> Result<Option<Cut>, String> {
        match &mut self.blocks {
            By::Asking(cutter) => cutter.next_block().map_err(|e| explain(cutter, &e)),
            By::Thread(blocks) => blocks.next_block(),
        }
    }

    /// What a person should know when all of it was read.
    fn remark(&self) -> Option<String> {
        let remark = match &self.blocks {
            By::Asking(cutter) => cutter.feed().inner().inner().remark(),
            By::Thread(blocks) => blocks.remark(),
        };
        remark.map(|remark| format!("{}: {remark}", self.name))
    }
}

impl<'a> Blocks<'a> {
    /// Cuts the inputs where `boundary` says that records end.
    pub fn new(inputs: Inputs, boundary: Arc<dyn Boundary>) -> Self {
        Blocks { inputs, boundary, current: None, threads: None, begun: VecDeque::new(), window: None, pending: VecDeque::new(), pool: Pool::new() }
    }

    /// Has compressed files decompressed by these threads, several at once.
    #[must_use]
    pub fn ahead(self, threads: Threads<'a>) -> Self {
        Blocks { threads: Some(threads), ..self }
    }

    /// Leaves out what lies before or after this window, of files in which it can be found.
    #[must_use]
    pub fn within(self, window: Option<Window>) -> Self {
        Blocks { window, ..self }
    }

    /// So many bytes are not looked at: that is told first.
    pub fn leave_out(&mut self, bytes: u64) {
        if bytes > 0 {
            self.pending.push_back(Event::Notice { text: None, cost: Cost::Skipped(bytes) });
        }
    }

    /// Reads no more of this input, if it is the one that is being read.
    pub fn give_up(&mut self, input: &Arc<str>) {
        self.current = self.current.take().filter(|reading| !Arc::ptr_eq(&reading.name, input));
    }

    /// Shows a sample of each of the inputs to come, as far as there are samples, in their order: at most of the first
    /// `SAMPLED_INPUTS`. Regular files are opened for it and later again; of others only one that comes first is looked at, which is
    /// opened now: nothing could be sent before it has something.
    ///
    /// # Errors
    /// Those of `learn`. What cannot be read is told of when its turn comes.
    pub fn samples(&mut self, learn: Learn<'_>) -> Result<(), String> {
        while !self.inputs.is_regular_next()
            && let Some(opened) = self.inputs.next_opened()
        {
            let mut sample = None;
            let begun = opened.and_then(|opened| {
                let mut reading = self.begin(opened)?;
                if let By::Asking(cutter) = &mut reading.blocks {
                    sample = cutter.feed_mut().sample(&self.boundary, &reading.name);
                }
                Ok(reading)
            });
            let is_open = begun.is_ok();
            self.begun.push_back(begun);
            self.show(sample, learn)?;
            if is_open {
                break;
            }
        }
        let mut left = SAMPLED_INPUTS.saturating_sub(self.begun.len());
        for input in self.inputs.regular(left) {
            // Of an archive, what it takes to come to its next file.
            let meter = Arc::new(Meter::default());
            let Ok(opened) = Opened::open(&input, &meter, &self.inputs.watch) else { continue };
            for file in Files::of(&input, opened, &self.inputs.names) {
                if left == 0 || meter.read_bytes() > MOST_SAMPLED_BYTES || self.inputs.watch.is_stopped() {
                    break;
                }
                let Ok((name, opened)) = file else { continue };
                left -= 1;
                if let Ok(text) = self.text(&name, opened) {
                    let sample = Sampled::new(text).sample(&self.boundary, &name);
                    self.show(sample, learn)?;
                }
            }
        }
        Ok(())
    }

    /// Shows a sample, unless it is of something that is not read.
    fn show(&self, sample: Option<Block>, learn: Learn<'_>) -> Result<(), String> {
        let sample = sample.filter(|sample| content::unfit(&sample.bytes, self.boundary.content(), &sample.source, None).is_none());
        sample.map_or(Ok(()), |sample| learn(&sample))
    }

    /// The bytes of an input. If they are text, it is told what it is written in, and nothing else is read.
    fn text(&self, name: &str, opened: Opened) -> Result<Prepared<Text<Opened>>, InputError> {
        let cat = opened.cat();
        let mut text = Text::new(opened);
        if self.boundary.content() != Content::Bytes {
            let told = text.tell(&*self.boundary, self.inputs.encoding).map_err(|e| text.feed().explain(&e));
            let told = told.and_then(|encoding| encoding.map_or(Ok(()), |encoding| Err(content::in_encoding(encoding, name, cat))));
            told.map_err(|what| InputError::read(name, what))?;
        }
        let prepared = Prepared::new(text, self.boundary.preparation());
        prepared.map_err(|(text, e)| InputError::read(name, text.feed().explain(&e)))
    }

    /// Begins an input.
    fn begin(&self, (name, opened): (Arc<str>, Opened)) -> Result<Reading, InputError> {
        let window = self.window.as_ref().filter(|_| self.inputs.encoding.is_none());
        let skipping = match (window, opened.path()) {
            (Some(window), Some(path)) => Skipping::of(window, path, &name, &self.boundary).map_err(|e| InputError::open(path, e))?,
            _ => None,
        };
        let opened = match &skipping {
            Some(skipping) if skipping.from() > 0 => self.part(skipping, skipping.from(), None)?,
            _ => opened,
        };
        Ok(Reading { skipping, ..self.begin_whole((name, opened))? })
    }

    /// A part of a file of which something is skipped.
    fn part(&self, skipping: &Skipping, from: u64, most: Option<u64>) -> Result<Opened, InputError> {
        Opened::from(skipping.path(), from, most, &self.inputs.meter, &self.inputs.watch)
    }

    /// Begins what was opened.
    fn begin_whole(&self, (name, opened): (Arc<str>, Opened)) -> Result<Reading, InputError> {
        let cat = opened.cat();
        let text = Sampled::new(self.text(&name, opened)?);
        let cutter = Cutter::new(text, self.boundary.clone(), self.pool.clone(), self.inputs.block_bytes);
        Ok(Reading { name, cat, blocks: By::Asking(Box::new(cutter)), skipping: None })
    }

    /// Goes on to the next input, and begins those after it that can be; `None` after the last.
    fn next_input(&mut self) -> Option<Result<Reading, InputError>> {
        let next = match self.begun.pop_front() {
            Some(begun) => begun,
            // Nothing is won by a thread for the file whose turn it is: one worker decompresses while the others parse.
            None => self.inputs.next_opened()?.and_then(|opened| self.begin(opened)),
        };
        if let Some(threads) = &self.threads {
            while self.begun.len() + 1 < threads.files()
                && self.inputs.is_regular_next()
                && let Some(opened) = self.inputs.next_opened()
            {
                let begin = |opened| {
                    let reading = self.begin(opened)?;
                    let blocks = match reading.blocks {
                        By::Asking(cutter) if reading.cat.is_some() => threads.begin(cutter).map_or_else(By::Asking, By::Thread),
                        blocks => blocks,
                    };
                    Ok(Reading { blocks, ..reading })
                };
                let begun = opened.and_then(begin);
                self.begun.push_back(begun);
            }
        }
        Some(next)
    }
}

impl Blocks<'_> {
    /// Looks at a block of a file of which something is skipped.
    fn look(&mut self, mut skipping: Skipping, cut: Cut) {
        let Some(reading) = &mut self.current else { return };
        let name = reading.name.clone();
        let looked = skipping.look(&cut, &name);
        let block = Event::Block(cut.of(&name));
        match looked {
            Looked::Ordered => {
                reading.skipping = Some(skipping);
                self.pending.push_back(block);
            }
            Looked::Past { left } => {
                self.current = None;
                self.pending.push_back(block);
                self.leave_out(left + skipping.from());
            }
            Looked::Broken { what, is_first } => {
                self.pending.push_back(Event::notice(what));
                if is_first && skipping.from() > 0 {
                    // Nothing was given out yet: from the start, as if nothing had been skipped.
                    self.current = None;
                    self.begin_part(&name, &skipping, None);
                } else {
                    reading.skipping = Some(skipping).filter(|skipping| skipping.from() > 0);
                    self.pending.push_back(block);
                }
            }
        }
    }

    /// The reading of a file of which something was skipped has ended.
    fn rest(&mut self, name: &Arc<str>, skipping: &Skipping) {
        match skipping.is_broken() {
            true => self.begin_part(name, skipping, Some(skipping.from())),
            false => self.leave_out(skipping.from()),
        }
    }

    /// Reads a file from its start, up to this place.
    fn begin_part(&mut self, name: &Arc<str>, skipping: &Skipping, most: Option<u64>) {
        match self.part(skipping, 0, most).and_then(|opened| self.begin_whole((name.clone(), opened))) {
            Ok(reading) => self.current = Some(reading),
            Err(problem) => self.pending.push_back(Event::Problem(problem)),
        }
    }
}

impl Iterator for Blocks<'_> {
    type Item = Event<Block>;

    /// The next block or problem. `None` after the last input, and at once when the reading was ended.
    fn next(&mut self) -> Option<Event<Block>> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            let Some(reading) = &mut self.current else {
                match self.next_input()? {
                    Ok(reading) => self.current = Some(reading),
                    Err(_) if self.inputs.watch.is_stopped() => return None,
                    Err(problem) => return Some(Event::Problem(problem)),
                }
                continue;
            };
            match reading.next_block() {
                Ok(Some(cut)) => {
                    let unfit = |first: &[u8]| content::unfit(first, self.boundary.content(), &reading.name, reading.cat);
                    if let Some(what) = cut.beginning().and_then(unfit) {
                        let problem = InputError::read(&reading.name, what);
                        self.current = None;
                        return Some(Event::Problem(problem));
                    }
                    match reading.skipping.take() {
                        None => return Some(Event::Block(cut.of(&reading.name))),
                        Some(skipping) => self.look(skipping, cut),
                    }
                }
                Ok(None) => {
                    self.pending.extend(reading.remark().map(Event::notice));
                    match self.current.take().and_then(|reading| Some((reading.name, reading.skipping?))) {
                        Some((name, skipping)) => self.rest(&name, &skipping),
                        None => {}
                    }
                }
                Err(_) if self.inputs.watch.is_stopped() => return None,
                Err(what) => {
                    let problem = InputError::read(&reading.name, what);
                    self.current = None;
                    return Some(Event::Problem(problem));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
