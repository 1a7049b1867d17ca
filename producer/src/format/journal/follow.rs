//! `--follow`: what is added to journals, and the journals that are added.
//!
//! journald renames a file when it is full, and begins a new one of its name. The one that was renamed is read to its end, by what it was
//! opened as; what tells a new one is its id. Journals are written through memory maps, of which the system tells nobody; journald truncates
//! a file to the length that it has, so that somebody is told. Where that is not seen, it is looked several times a second.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use recpipe::transport::watch::Guard;

use super::super::store::Following;
use super::file::JournalFile;
use super::header::Id;
use crate::input::find::{Input, find};
pub(super) use crate::input::follow::watcher::is_deleted;
use crate::input::follow::watcher::{Watcher, open_regular};
use crate::input::live::Watch;

/// It is looked so often where the system does not tell, and at all directories.
const POLL: Duration = Duration::from_millis(250);

/// And no more often than this.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks for files.
pub(super) struct Follower {
    following: Following,
    guard: Guard,
    watcher: Watcher,
    /// The files that were there, and the names of those that are none.
    known: HashSet<Id>,
    refused: HashSet<Arc<str>>,
    looked: Instant,
}

/// What was found.
#[derive(Default)]
pub(super) struct Look {
    pub new: Vec<JournalFile>,
    /// Files that cannot be read.
    pub(crate) problems: Vec<(Arc<str>, String)>,
}

impl Follower {
    /// # Errors
    /// No file descriptor is left.
    pub(super) fn new(following: Following, watch: &Watch) -> io::Result<Self> {
        let (guard, watcher) = (watch.guard()?, Watcher::new()?);
        Ok(Follower { following, guard, watcher, known: HashSet::new(), refused: HashSet::new(), looked: Instant::now() })
    }

    /// These files are there already. Whether they are read from their ends.
    pub(super) fn begin(&mut self, files: &[JournalFile]) -> bool {
        for file in files {
            self.known.insert(file.header.file_id);
            self.watch_over(Path::new(&*file.name));
        }
        !self.following.from_start
    }

    fn watch_over(&self, path: &Path) {
        if let Some(dir) = path.parent() {
            self.watcher.add(if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
        }
    }

    /// Waits until something may have been written, and looks for new files. `None` where the reading was ended.
    pub(super) fn look(&mut self) -> Option<Look> {
        self.guard.wait(&[], Some(PAUSE)).ok()?;
        self.guard.wait(&self.watcher.fds(), Some(POLL)).ok()?;
        let is_changed = !self.watcher.learn().changes.is_empty();
        // What was written to, whoever asked looks at.
        let _ = self.watcher.written();
        let mut look = Look::default();
        if !is_changed && self.looked.elapsed() < POLL {
            return Some(look);
        }
        self.looked = Instant::now();
        // What cannot be found now may be there later.
        for input in find(&self.following.paths, &self.following.names).into_iter().flatten() {
            let Input::File(path) = input else { continue };
            let Ok(Some(handle)) = open_regular(&path) else { continue };
            let name: Arc<str> = path.to_string_lossy().into();
            match JournalFile::look(&name, Arc::new(handle)) {
                // One that was made just now is empty for a moment.
                Err(what) if what.starts_with("torn") || is_empty(&path) => {}
                Err(what) => {
                    if self.refused.insert(name.clone()) {
                        look.problems.push((name.clone(), format!("{name}: {what}")));
                    }
                }
                Ok(file) => {
                    if self.known.insert(file.header.file_id) {
                        self.watch_over(&path);
                        look.new.push(file);
                    }
                }
            }
        }
        Some(look)
    }
}

fn is_empty(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.len() == 0)
}
