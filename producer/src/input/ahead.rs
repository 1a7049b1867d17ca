//! Compressed files are begun before their turn has come, each by a thread of its own.
//!
//! ```text
//! a.gz ──whoever asks──► block block block ──► …     all of a, then all of b, then all of c
//! b.gz ──thread──► block block … full                (waits until a is read)
//! c.gz ──thread──► block … end
//! ```
//!
//! Decompressing takes longer than parsing, and one file cannot be decompressed by two. So while one file is read, those after
//! it are begun. Each waits when a few blocks of it are ready, so what is held is bounded, however large the files are: many
//! small files gain all that there is to gain, large ones what fits into those blocks.
//!
//! Only regular files are opened before their turn: another may wait, or give what it has only once.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};

use super::block::{BLOCK_BYTES, Cut};
use super::blocks::{InputCutter, explain};

/// What is held of all files together, decompressed and not asked for yet.
const AHEAD_BYTES: usize = 16 << 20;

/// The fewest blocks that are held of one file: one to be taken, and one to make meanwhile.
const LEAST_BLOCKS: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

/// Threads that decompress, and that are over when their scope is.
pub struct Threads<'scope> {
    spawn: Box<dyn Fn(Job) -> io::Result<()> + Send + 'scope>,
    files: usize,
}

impl<'scope> Threads<'scope> {
    /// Threads of this scope, one for each of at most `files` files at a time.
    pub fn new<'env>(scope: &'scope Scope<'scope, 'env>, files: usize) -> Self {
        let spawn = move |job| thread::Builder::new().name("decompress".to_owned()).spawn_scoped(scope, job).map(drop);
        Threads { spawn: Box::new(spawn), files: files.max(1) }
    }

    /// How many files are worked on at a time.
    pub(super) fn files(&self) -> usize {
        self.files
    }

    /// Has a file decompressed and cut. Where the system has no thread to give, it is given back.
    pub(super) fn begin(&self, cutter: Box<InputCutter>) -> Result<Decompressed, Box<InputCutter>> {
        let (blocks, taken) = sync_channel((AHEAD_BYTES / BLOCK_BYTES / self.files).max(LEAST_BLOCKS));
        // Shared, because what is moved into a thread that does not start is lost.
        let shared = Arc::new(Mutex::new(Some(cutter)));
        let take = |shared: &Mutex<Option<Box<InputCutter>>>| shared.lock().unwrap_or_else(PoisonError::into_inner).take();
        let moved = shared.clone();
        let job = move || {
            if let Some(mut cutter) = take(&moved) {
                decompress(&mut cutter, &blocks);
            }
        };
        match (self.spawn)(Box::new(job)) {
            Ok(()) => Ok(Decompressed::new(taken)),
            Err(_) => take(&shared).map_or(Ok(Decompressed::new(taken)), Err),
        }
    }
}

impl fmt::Debug for Threads<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.files)
    }
}

/// What a thread makes of a file.
enum Made {
    Block(Cut),
    /// All of it was read, and what is to be said of it. Only this is an end: a thread that is no more has said nothing.
    End(Option<String>),
    /// The rest of it cannot be read, and why.
    Failed(String),
}

/// The blocks of a file, as they become ready. Who drops it ends the work.
#[derive(Debug)]
pub(super) struct Decompressed {
    made: Receiver<Made>,
    remark: Option<String>,
}

impl Decompressed {
    fn new(made: Receiver<Made>) -> Self {
        Decompressed { made, remark: None }
    }

    /// What a person should know when all of it was read.
    pub(super) fn remark(&self) -> Option<String> {
        self.remark.clone()
    }

    /// The next block; `None` at the end of the file.
    ///
    /// # Errors
    /// Why the rest cannot be read, once; nothing is to be asked after it.
    pub(super) fn next_block(&mut self) -> Result<Option<Cut>, String> {
        match self.made.recv() {
            Ok(Made::Block(cut)) => Ok(Some(cut)),
            Ok(Made::End(remark)) => {
                self.remark = remark;
                Ok(None)
            }
            Ok(Made::Failed(what)) => Err(what),
            Err(_) => Err("the thread that decompresses it ended too early, which is a mistake in this program".to_owned()),
        }
    }
}

/// Makes blocks until all is read, or nobody wants more.
fn decompress(cutter: &mut InputCutter, blocks: &SyncSender<Made>) {
    let mut next = || match cutter.next_block() {
        Ok(Some(cut)) => Made::Block(cut),
        Ok(None) => Made::End(cutter.feed().inner().inner().remark()),
        Err(e) => Made::Failed(explain(cutter, &e)),
    };
    loop {
        let made = catch_unwind(AssertUnwindSafe(&mut next))
            .unwrap_or_else(|_| Made::Failed("decompressing it panicked, which is a mistake in this program".to_owned()));
        let is_last = !matches!(made, Made::Block(_));
        if blocks.send(made).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::boundary::Lines;
    use super::super::event::Event;
    use super::super::find::Input;
    use super::super::live::Watch;
    use super::super::{Blocks, Inputs};
    use super::*;
    use std::fs;
    use std::hash::Hasher;
    use std::io::Write;
    use std::path::{Path, PathBuf};

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        e.write_all(text).unwrap();
        e.finish().unwrap()
    }

    /// Numbered lines, `len` bytes of them.
    fn text(len: usize) -> Vec<u8> {
        let some: Vec<u8> = (0..5000).flat_map(|n| format!("{n:07}\n").into_bytes()).collect();
        let mut text = some.repeat(len / some.len() + 1);
        text.truncate(len);
        text
    }

    fn hash(bytes: &[u8]) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write(bytes);
        hasher.finish()
    }

    /// What comes of these files, with the name and the place of each block.
    fn read(paths: &[PathBuf], files: Option<usize>) -> Vec<String> {
        thread::scope(|scope| {
            let inputs = Inputs::new(paths.iter().cloned().map(|path| Ok(Input::File(path))).collect(), Arc::default(), Watch::nothing());
            let mut blocks = Blocks::new(inputs, Arc::new(Lines::default()));
            if let Some(files) = files {
                blocks = blocks.ahead(Threads::new(scope, files));
            }
            blocks
                .map(|item| match item {
                    Event::Block(block) => format!("{block:?} {:x}", hash(&block.bytes)),
                    Event::Problem(problem) => problem.to_string(),
                    other => format!("{other:?}"),
                })
                .collect()
        })
    }

    fn write(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn the_same_comes_as_without_threads() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str, bytes: &[u8]| write(dir.path(), name, bytes);
        let torn = gz(&text(3_000_000));
        let mut paths = vec![
            at("large", &gz(&text(9_000_000))),
            at("torn", &torn[..torn.len() / 2]),
            at("plain", &text(1_500_000)),
            dir.path().join("gone"),
            at("empty", &gz(b"")),
            dir.path().to_owned(),
        ];
        paths.extend((0..20).map(|n| at(&format!("small{n}"), &gz(&text(n * 50_000)))));
        paths.push(at("last", &gz(&text(2_000_000))));
        let one_by_one = read(&paths, None);
        assert!(one_by_one.iter().any(|shown| shown.contains("torn: gz data truncated or corrupt")), "{one_by_one:?}");
        for files in [1, 2, 30] {
            assert_eq!(read(&paths, Some(files)), one_by_one, "{files}");
        }
    }

    #[test]
    fn little_is_read_of_what_is_not_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        // It compresses to a thousandth: read as a whole it would be much.
        let large = gz(&vec![b'\n'; 20 << 20]);
        let paths: Vec<_> = (0..4).map(|n| write(dir.path(), &format!("{n}"), &large)).collect();
        let meter = Arc::new(super::super::Meter::default());
        thread::scope(|scope| {
            let inputs = Inputs::new(paths.into_iter().map(|path| Ok(Input::File(path))).collect(), meter.clone(), Watch::nothing());
            let mut blocks = Blocks::new(inputs, Arc::new(Lines::default())).ahead(Threads::new(scope, 2));
            assert!(matches!(blocks.next(), Some(Event::Block(_))));
            // Whoever has enough drops it, and the threads end, whatever they are at: otherwise the scope would not.
        });
        let all = 4 * large.len() as u64;
        // Reading is by 128 KiB: a file is touched as a whole, but two of the four are not touched at all.
        assert!(meter.read_bytes() <= all / 2, "{} of {all}", meter.read_bytes());
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened_before_its_turn() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR, 0)
            .unwrap();
        let first = write(dir.path(), "first", gz(b"one\n"));
        let shown = thread::scope(|scope| {
            let watch = Watch::nothing();
            let found = vec![Ok(Input::File(first)), Ok(Input::File(fifo))];
            let mut blocks =
                Blocks::new(Inputs::new(found, Arc::default(), watch.clone()), Arc::new(Lines::default())).ahead(Threads::new(scope, 4));
            let first = blocks.next();
            watch.stop();
            (first.is_some(), blocks.next().is_some())
        });
        assert_eq!(shown, (true, false));
    }

    #[test]
    fn a_thread_that_is_no_more_is_no_end() {
        let (made, taken) = sync_channel(1);
        drop(made);
        assert!(Decompressed::new(taken).next_block().is_err());
    }
}
