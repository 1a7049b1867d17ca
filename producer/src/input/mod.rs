//! From PATH arguments to blocks of whole records: [`find`] → `open` → [`encoding`] → [`block`], put together by [`Inputs`] and [`Blocks`];
//! compressed files [`ahead`] of their turn.
//!
//! Nothing here knows a format. What cannot be opened or read is data, not a failure: it travels among the
//! blocks as [`Event::Problem`], in reading order, and the other inputs go on.

mod age;
pub mod ahead;
pub mod block;
pub mod boundary;
pub mod content;
pub mod encoding;
pub mod event;
pub mod find;
mod first_lines;
#[allow(unreachable_pub, reason = "what is pub there is for the modules of it")]
pub(crate) mod follow;
pub mod given;
pub mod live;
pub(crate) mod open;
mod sample;
pub(crate) mod signals;

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use recpipe::record::Pool;

use ahead::{Decompressed, Threads};
use block::{Block, Cut, Cutter};
use boundary::Boundary;
use content::Content;
use encoding::Text;
use event::Event;
use find::{Found, Input};
pub(crate) use first_lines::first_lines;
use live::Watch;
use open::Opened;
use sample::{Learn, SAMPLED_INPUTS, Sampled};

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
    meter: Arc<Meter>,
    watch: Watch,
    output: Option<FileId>,
    block_bytes: usize,
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
        Inputs { found: found.into_iter(), meter, watch, output: None, block_bytes: block::BLOCK_BYTES, block_records: None }
    }

    /// Does not read `output`, should it be among the inputs (`producer apache . > all.rec`): it would never end.
    pub fn not_reading(self, output: &std::fs::File) -> Self {
        Inputs { output: file_id(output), ..self }
    }

    /// So many bytes are read at a time, and at least one.
    pub fn in_blocks_of(self, bytes: usize) -> Self {
        Inputs { block_bytes: bytes.max(1), ..self }
    }

    /// No block has more records than this.
    pub fn with_records(self, most: Option<NonZeroUsize>) -> Self {
        Inputs { block_records: most, ..self }
    }

    /// What ends the reading.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The next input, not opened. `None` after the last, and when the reading was ended.
    pub fn next_found(&mut self) -> Option<Result<Input, InputError>> {
        if self.watch.is_stopped() { None } else { self.found.next() }
    }

    /// The next input, opened, with its name: the path as the user gave it, `-` for the standard input.
    ///
    /// `None` after the last, and when the reading was ended.
    pub fn next_opened(&mut self) -> Option<Result<(Arc<str>, Opened), InputError>> {
        let opened = match self.next_found()? {
            Ok(input) => self.open(&input),
            Err(problem) => Err(problem),
        };
        // What was opened in vain because somebody ended the reading is no problem.
        if opened.is_err() && self.watch.is_stopped() { None } else { Some(opened) }
    }

    /// Whether the next input is a regular file, which can be opened before its turn without waiting or taking from anybody.
    fn is_regular_next(&self) -> bool {
        matches!(self.found.as_slice().first(), Some(Ok(input)) if is_regular(input))
    }

    /// The inputs to come that can be opened twice, of the next so many.
    fn regular(&self, most: usize) -> impl Iterator<Item = Input> {
        let next = &self.found.as_slice()[..most.min(self.found.len())];
        next.iter().flatten().filter(|input| is_regular(input)).cloned().collect::<Vec<_>>().into_iter()
    }

    fn open(&self, input: &Input) -> Result<(Arc<str>, Opened), InputError> {
        let feed = Opened::open(input, &self.meter, &self.watch)?;
        if self.output.is_some() && feed.id() == self.output {
            return Err(InputError { name: input.to_string(), what: "is where the records go; it is not read".to_owned() });
        }
        Ok((name_of(input), feed))
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
    pool: Pool,
}

/// Cuts what an input holds: its compression is off, it is UTF-8, and its first bytes may have been looked at.
type InputCutter = Cutter<Sampled<Text<Opened>>>;

/// An input that is being read.
#[derive(Debug)]
struct Reading {
    name: Arc<str>,
    /// The command that takes its compression off.
    cat: Option<&'static str>,
    blocks: By,
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
            By::Asking(cutter) => cutter.next_block().map_err(|e| cutter.feed().inner().feed().explain(&e)),
            By::Thread(blocks) => blocks.next_block(),
        }
    }

    /// What a person should know when all of it was read.
    fn remark(&self) -> Option<String> {
        let remark = match &self.blocks {
            By::Asking(cutter) => cutter.feed().inner().remark(),
            By::Thread(blocks) => blocks.remark(),
        };
        remark.map(|remark| format!("{}: {remark}", self.name))
    }
}

impl<'a> Blocks<'a> {
    /// Cuts the inputs where `boundary` says that records end.
    pub fn new(inputs: Inputs, boundary: Arc<dyn Boundary>) -> Self {
        Blocks { inputs, boundary, current: None, threads: None, begun: VecDeque::new(), pool: Pool::new() }
    }

    /// Has compressed files decompressed by these threads, several at once.
    #[must_use]
    pub fn ahead(self, threads: Threads<'a>) -> Self {
        Blocks { threads: Some(threads), ..self }
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
        for input in self.inputs.regular(SAMPLED_INPUTS.saturating_sub(self.begun.len())) {
            if self.inputs.watch.is_stopped() {
                break;
            }
            let name = name_of(&input);
            let text = Opened::open(&input, &Arc::default(), &self.inputs.watch).and_then(|opened| self.text(&name, opened));
            if let Ok(text) = text {
                let sample = Sampled::new(text).sample(&self.boundary, &name);
                self.show(sample, learn)?;
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
    fn text(&self, name: &str, opened: Opened) -> Result<Text<Opened>, InputError> {
        let cat = opened.cat();
        let mut text = Text::new(opened);
        if self.boundary.content() != Content::Bytes {
            let told = text.tell(&*self.boundary).map_err(|e| text.feed().explain(&e));
            let told = told.and_then(|encoding| encoding.map_or(Ok(()), |encoding| Err(content::in_encoding(encoding, name, cat))));
            told.map_err(|what| InputError::read(name, what))?;
        }
        Ok(text)
    }

    /// Begins an input.
    fn begin(&self, (name, opened): (Arc<str>, Opened)) -> Result<Reading, InputError> {
        let cat = opened.cat();
        let text = Sampled::new(self.text(&name, opened)?);
        let cutter =
            Cutter::new(text, self.boundary.clone(), self.pool.clone(), self.inputs.block_bytes).with_records(self.inputs.block_records);
        Ok(Reading { name, cat, blocks: By::Asking(Box::new(cutter)) })
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

impl Iterator for Blocks<'_> {
    type Item = Event<Block>;

    /// The next block or problem. `None` after the last input, and at once when the reading was ended.
    fn next(&mut self) -> Option<Event<Block>> {
        loop {
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
                    return Some(Event::Block(cut.of(&reading.name)));
                }
                Ok(None) => {
                    let remark = reading.remark();
                    self.current = None;
                    if let Some(remark) = remark {
                        return Some(Event::notice(remark));
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
mod tests {
    use super::*;
    use find::Names;
    use std::fs;

    #[test]
    fn blocks_never_span_two_files_and_problems_stand_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = |n: &str| dir.path().join(n);
        fs::write(path("a"), "one\ntwo").unwrap();
        fs::write(path("empty"), "").unwrap();
        fs::write(path("b"), "three\n").unwrap();
        let found = find::find(&[path("a"), path("gone"), path("empty"), path("b")], &Names::default());
        let meter = Arc::new(Meter::default());
        let shown: Vec<String> = Blocks::new(Inputs::new(found, meter.clone(), Watch::nothing()), Arc::new(boundary::Lines::default()))
            .map(|item| match item {
                Event::Block(b) => format!("{}..{} {:?}", b.start, b.end, String::from_utf8_lossy(&b.bytes)),
                Event::Problem(p) => p.to_string().replace(&format!("{}/", dir.path().display()), ""),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(shown, ["0..7 \"one\\ntwo\"", "gone: No such file or directory", "0..6 \"three\\n\""]);
        assert_eq!(meter.read_bytes(), 13);
    }

    #[test]
    fn blocks_are_as_large_as_they_are_asked_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "1\n2\n3\n4\n").unwrap();
        let ends = |bytes: usize| -> Vec<u64> {
            let found = vec![Ok(Input::File(path.clone()))];
            let inputs = Inputs::new(found, Arc::default(), Watch::nothing()).in_blocks_of(bytes);
            Blocks::new(inputs, Arc::new(boundary::Lines::default()))
                .map(|item| if let Event::Block(block) = item { block.end } else { panic!("{item:?}") })
                .collect()
        };
        assert_eq!((ends(1), ends(2), ends(5), ends(8)), (vec![2, 4, 6, 8], vec![2, 4, 6, 8], vec![4, 8], vec![8]));
    }

    #[test]
    fn a_directory_that_cannot_be_read_as_a_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let input = Input::File(dir.path().to_owned());
        let items: Vec<_> =
            Blocks::new(Inputs::new(vec![Ok(input)], Arc::default(), Watch::nothing()), Arc::new(boundary::Lines::default())).collect();
        assert!(matches!(&items[..], [Event::Problem(p)] if p.to_string().ends_with("Is a directory")), "{items:?}");
    }

    #[test]
    fn the_total_is_known_for_regular_files_only() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "12345").unwrap();
        fs::write(dir.path().join("b"), "678").unwrap();
        let all = find::find(&[dir.path().to_owned()], &Names::default());
        assert_eq!(total_bytes(&all), Some(8));
        assert_eq!(total_bytes(&vec![Ok(Input::File("/dev/null".into()))]), None);
    }
}
