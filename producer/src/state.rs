//! `--state FILE`: how far each followed file is confirmed, so that a producer that is started again goes on there.
//!
//! The file is JSON, written anew beside itself and renamed, so that it is always whole. Whoever has it locks another beside it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use recpipe::say;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::input::FileId;
use crate::input::mark::Mark;
use crate::input::print::Print;

/// How often it is written at most.
const EVERY: Duration = Duration::from_millis(100);

/// So many files are remembered; those that were confirmed longest ago are forgotten.
const MOST: usize = 4096;

/// The version of the file.
const VERSION: u32 = 1;

/// How far each file is confirmed.
#[derive(Debug)]
pub(crate) struct State {
    path: PathBuf,
    /// With the turn of each confirmation.
    files: BTreeMap<FileId, (u64, Mark)>,
    turn: u64,
    is_changed: bool,
    written: Option<Instant>,
    /// Why it could not be written, if that was said.
    failed: bool,
    /// Whether files were followed before.
    existed: bool,
    /// Whether the run before this one has ended, so that all that it had sent was confirmed.
    was_over: bool,
    #[expect(dead_code, reason = "held, not used")]
    lock: File,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// Whether all that was sent was confirmed.
    over: bool,
    files: Vec<StoredFile>,
}

#[derive(Serialize, Deserialize)]
struct StoredFile {
    path: String,
    device: u64,
    inode: u64,
    offset: u64,
    /// The first bytes, and the last before the offset, in hexadecimal digits.
    head: String,
    last: String,
}

impl State {
    /// Takes the file, and reads it if it is there.
    ///
    /// # Errors
    /// Another has it, it cannot be read or written, or is none.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let named = |what: &dyn std::fmt::Display| format!("--state {}: {what}", path.display());
        let lock = File::options().create(true).truncate(false).write(true).open(beside(path, ".lock")).map_err(|e| named(&e))?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(named(&"another producer has it"));
        }
        let stored = match fs::read(path) {
            Ok(bytes) => Some(
                read(&bytes).map_err(|why| named(&format!("{why}; if it is to be forgotten how far the files were read, remove it")))?,
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(named(&error)),
        };
        let was_over = stored.as_ref().is_none_or(|(over, _)| *over);
        let marks = stored.map(|(_, marks)| marks).unwrap_or_default();
        let existed = !marks.is_empty();
        let turn = marks.len() as u64;
        let files = marks.into_iter().zip(0..).map(|(mark, turn)| (mark.file, (turn, mark))).collect();
        let mut state =
            State { path: path.to_owned(), files, turn, is_changed: true, written: None, failed: false, existed, was_over, lock };
        // That it cannot be written is known before anything is read.
        state.write(false).map_err(|error| named(&error))?;
        Ok(state)
    }

    /// How far files were read before, oldest first; `None` where nothing was.
    pub(crate) fn before(&self) -> Option<Vec<Mark>> {
        self.existed.then(|| self.by_turn())
    }

    /// Whether what was sent after that may come twice.
    pub(crate) fn may_repeat(&self) -> bool {
        !self.was_over
    }

    fn by_turn(&self) -> Vec<Mark> {
        let mut files: Vec<_> = self.files.values().collect();
        files.sort_by_key(|(turn, _)| *turn);
        files.into_iter().map(|(_, mark)| mark.clone()).collect()
    }

    /// Everything of this file up to there is confirmed.
    pub(crate) fn confirm(&mut self, mark: Mark) {
        self.turn += 1;
        self.is_changed = true;
        self.files.insert(mark.file, (self.turn, mark));
        if self.files.len() > MOST
            && let Some(oldest) = self.files.iter().min_by_key(|(_, (turn, _))| *turn).map(|(file, _)| *file)
        {
            self.files.remove(&oldest);
        }
    }

    /// Writes it, where it is time to. A failure is said once, and tried again.
    pub(crate) fn save(&mut self) {
        if self.is_changed && self.written.is_none_or(|written| written.elapsed() >= EVERY) {
            self.try_to_write(false);
        }
    }

    /// Writes it for the last time; `over` where all that was sent is confirmed.
    pub(crate) fn close(&mut self, over: bool) {
        self.try_to_write(over);
    }

    /// Whether it could not be written the last time.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    fn try_to_write(&mut self, over: bool) {
        match self.write(over) {
            Ok(()) => self.failed = false,
            Err(error) => {
                if !std::mem::replace(&mut self.failed, true) {
                    say!(
                        "producer: --state {}: {error}; it is tried again, and what is confirmed meanwhile may come twice",
                        self.path.display()
                    );
                }
            }
        }
    }

    fn write(&mut self, over: bool) -> io::Result<()> {
        self.written = Some(Instant::now());
        let files = self.by_turn().iter().map(StoredFile::of).collect();
        let text = serde_json::to_vec_pretty(&Stored { version: VERSION, over, files })?;
        let new = beside(&self.path, ".new");
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&new, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()?;
        self.is_changed = false;
        Ok(())
    }
}

impl StoredFile {
    fn of(mark: &Mark) -> Self {
        let (device, inode) = mark.file;
        let (head, last) = (hex(mark.print.head()), hex(mark.print.last()));
        StoredFile { path: mark.source.to_string(), device, inode, offset: mark.print.pos, head, last }
    }

    fn mark(self) -> Option<Mark> {
        let print = Print::told(unhex(&self.head)?, self.offset, unhex(&self.last)?)?;
        Some(Mark { file: (self.device, self.inode), source: Arc::from(self.path), print })
    }
}

fn read(bytes: &[u8]) -> Result<(bool, Vec<Mark>), String> {
    let stored: Stored = serde_json::from_slice(bytes).map_err(|error| format!("this is no state of a producer: {error}"))?;
    if stored.version != VERSION {
        return Err(format!("it is of version {}, and this is {VERSION}", stored.version));
    }
    let marks = stored.files.into_iter().map(StoredFile::mark).collect::<Option<Vec<_>>>();
    Ok((stored.over, marks.ok_or("what it says of a file does not fit together")?))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(file: FileId, text: &[u8]) -> Mark {
        let mut print = Print::default();
        print.extend(text);
        Mark { file, source: "a b/ü".into(), print }
    }

    #[test]
    fn what_was_confirmed_is_there_again_in_its_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let long = mark((1, u64::MAX), &[b'x'; 1000]);
        {
            let mut state = State::open(&path).unwrap();
            assert_eq!((state.before(), state.may_repeat()), (None, false));
            assert!(State::open(&path).unwrap_err().contains("another producer has it"));
            state.confirm(long.clone());
            state.confirm(mark((2, 7), b""));
            state.confirm(mark((1, 3), b"a\n"));
            state.confirm(mark((2, 7), b"b\n"));
            state.close(true);
        }
        let state = State::open(&path).unwrap();
        assert_eq!(state.before(), Some(vec![long, mark((1, 3), b"a\n"), mark((2, 7), b"b\n")]));
        assert!(!state.may_repeat());
        drop(state);
        // It was not ended.
        assert!(State::open(&path).unwrap().may_repeat());
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        let whole = serde_json::json!({"version": 1, "over": true, "files": [
            {"path": "log", "device": 1, "inode": 2, "offset": 3, "head": "61620a", "last": "61620a"}]});
        let with = |field: &str, value: serde_json::Value| {
            let mut changed = whole.clone();
            changed["files"][0][field] = value;
            changed.to_string()
        };
        fs::write(&path, whole.to_string()).unwrap();
        assert!(State::open(&path).is_ok());
        for (text, why) in [
            (String::new(), "no state"),
            ("{}".to_owned(), "no state"),
            (whole.to_string().replace("\"version\":1", "\"version\":9"), "version 9"),
            (with("head", "6".into()), "does not fit"),
            (with("head", "zz".into()), "does not fit"),
            (with("offset", 2.into()), "does not fit"),
            (with("last", "".into()), "does not fit"),
            (with("offset", (-1).into()), "no state"),
        ] {
            fs::write(&path, &text).unwrap();
            let error = State::open(&path).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let mut state = State::open(&directory.path().join("state")).unwrap();
        (0..MOST as u64 + 10).for_each(|number| state.confirm(mark((1, number), b"x")));
        assert_eq!(state.files.len(), MOST);
        assert!(!state.files.contains_key(&(1, 9)) && state.files.contains_key(&(1, 10)));
    }
}
