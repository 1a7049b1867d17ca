//! Learns which names changed, and opens at once the files that got a followed one.
//!
//! A file that is deleted before anybody has opened it is lost, and whoever follows is often busy: it reads another file, or
//! waits until its own reader takes more. So a thread of its own looks as soon as there is something to see
//! ([`Watcher::beside`]). Who asks ([`Watcher::learn`]) looks too: nothing but how soon a file is opened depends on that thread.
//!
//! fanotify could do without the race, since its events hold the file they tell of; that needs a privilege (`CAP_SYS_ADMIN`).

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use recpipe::transport::watch::{Guard, Stopper};

use super::super::FileId;
use super::SlotId;
use super::births::{Arrived, Births};
use super::system::{Change, DirId, Names, News, Place, Writes};

/// With so many files opened, or so many changes seen, that nobody has asked for, the thread looks at no more: the rest stays
/// in the kernel's queue.
const MAX_FILES: usize = 128;
const MAX_CHANGES: usize = 4096;

/// Then it looks again after this time whether somebody has asked.
const PAUSE: Duration = Duration::from_millis(20);

/// A file that was opened; `None` when it is not a regular one.
pub type Opened = io::Result<Option<File>>;

/// What was seen since it was last asked for.
#[derive(Debug)]
pub(crate) struct Learned {
    /// The names that changed, in the order in which it happened.
    pub changes: Vec<Change>,
    /// The files that got a followed name, in the order in which they did.
    pub arrived: Vec<Arrived<SlotId, Opened>>,
}

/// Looks at directories.
#[derive(Debug)]
pub(crate) struct Watcher {
    seen: Mutex<Seen>,
    /// Apart from the names, which the thread must not wait for while these are read.
    writes: Mutex<Option<Writes>>,
    told: Option<Told>,
    guard: Guard,
    stopper: Stopper,
}

/// What can be waited for.
#[derive(Debug)]
struct Told {
    names: Arc<OwnedFd>,
    writes: Arc<OwnedFd>,
    /// The thread has seen something.
    news: News,
}

#[derive(Debug)]
struct Seen {
    names: Option<Names>,
    dirs: Vec<Dir>,
    /// Whose name it is; of a symbolic link, also the names it leads to.
    slots: HashMap<Place, SlotId>,
    changes: Vec<Change>,
    births: Births<SlotId, Opened>,
}

/// A directory in which something may happen.
#[derive(Debug)]
struct Dir {
    /// As it was named.
    path: PathBuf,
    /// Whether the system tells; it is polled otherwise.
    told: bool,
    /// Which directory the system tells of.
    id: Option<FileId>,
}

impl Watcher {
    /// Looks at nothing yet.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn new() -> io::Result<Self> {
        Watcher::with(Names::new().zip(Writes::new()).zip(News::new()))
    }

    /// Is told nothing by the system.
    #[cfg(test)]
    pub(crate) fn polling() -> io::Result<Self> {
        Watcher::with(None)
    }

    fn with(system: Option<((Names, Writes), News)>) -> io::Result<Self> {
        let (system, news) = system.unzip();
        let (names, writes) = system.unzip();
        let queues = names.as_ref().map(Names::queue).zip(writes.as_ref().map(Writes::queue));
        let told = queues.zip(news).map(|((names, writes), news)| Told { names, writes, news });
        let seen = Seen { names, dirs: Vec::new(), slots: HashMap::new(), changes: Vec::new(), births: Births::new() };
        let (guard, stopper) = Guard::new(None)?;
        Ok(Watcher { seen: Mutex::new(seen), writes: Mutex::new(writes), told, guard, stopper })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writes(&self) -> MutexGuard<'_, Option<Writes>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at `dir` from now on. However often and by whatever path it is named, it has one number.
    pub fn add(&self, dir: &Path) -> DirId {
        let Seen { names, dirs, .. } = &mut *self.seen();
        let known = dirs.iter().position(|known| known.path == dir);
        if let Some(id) = known.filter(|id| dirs[*id].told) {
            return id;
        }
        let next = known.unwrap_or(dirs.len());
        let id = names.as_mut().and_then(|names| {
            let id = names.add(dir, next)?;
            let is_told = self.writes().as_mut().is_some_and(|writes| writes.add(dir, id));
            if !is_told {
                names.remove(id);
            }
            is_told.then_some(id)
        });
        match (id, known) {
            (Some(id), _) if id < dirs.len() => (dirs[id].told, dirs[id].id) = (true, dir_id(&dirs[id].path)),
            (None, Some(_)) => {}
            _ => dirs.push(Dir { path: dir.to_owned(), told: id.is_some(), id: dir_id(dir) }),
        }
        id.unwrap_or(next)
    }

    /// Whether this directory is looked at, by this path.
    pub fn knows(&self, dir: &Path) -> bool {
        self.seen().dirs.iter().any(|known| known.path == dir)
    }

    /// Looks whether the paths still lead to the directories that the system tells of: a link may have been turned.
    pub(crate) fn look_at_dirs(&self) {
        let mut seen = self.seen();
        let Seen { names, dirs, .. } = &mut *seen;
        for (id, dir) in dirs.iter_mut().enumerate().filter(|(_, dir)| dir.told && dir_id(&dir.path) != dir.id) {
            dir.told = false;
            names.iter_mut().for_each(|names| names.remove(id));
            self.writes().iter_mut().for_each(|writes| writes.remove(id));
        }
    }

    /// The directories the system does not tell of, or not any more. Adding one again may change that.
    pub fn polled(&self) -> Vec<PathBuf> {
        self.seen().dirs.iter().filter(|dir| !dir.told).map(|dir| dir.path.clone()).collect()
    }

    /// Whose name this is.
    pub(crate) fn slot_of(&self, place: &Place) -> Option<SlotId> {
        self.seen().slots.get(place).copied()
    }

    /// The name is the slot's from now on, unless it is another's. Whose it is now.
    pub fn give(&self, place: Place, slot: SlotId) -> SlotId {
        *self.seen().slots.entry(place).or_insert(slot)
    }

    /// Of its names, the slot keeps this one and gets those others, unless they are another's.
    pub(crate) fn give_anew(&self, own: &Place, others: Vec<Place>, slot: SlotId) {
        let mut seen = self.seen();
        seen.slots.retain(|place, of| *of != slot || place == own || others.contains(place));
        for place in others {
            seen.slots.entry(place).or_insert(slot);
        }
    }

    /// The names of this slot are nobody's any more.
    pub fn forget(&self, slot: SlotId) {
        self.seen().slots.retain(|_, of| *of != slot);
    }

    /// What is to be waited for, when there is nothing else to do.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.told.iter().flat_map(|told| [told.names.as_fd(), told.writes.as_fd(), told.news.as_fd()]).collect()
    }

    /// Files that were written to; those it leaves out come with the next call. `None` when too many were to remember.
    pub fn written(&self) -> Option<Vec<Place>> {
        self.writes().as_mut().map_or_else(|| Some(Vec::new()), Writes::written)
    }

    /// What was seen since the last call, up to now.
    pub fn learn(&self) -> Learned {
        if let Some(told) = &self.told {
            told.news.hear();
        }
        let mut seen = self.seen();
        seen.look();
        let changes = std::mem::take(&mut seen.changes);
        let gone = changes.iter().filter_map(|change| if let Change::DirGone(dir) = change { Some(*dir) } else { None });
        gone.for_each(|dir| {
            seen.dirs[dir].told = false;
            self.writes().iter_mut().for_each(|writes| writes.remove(dir));
        });
        let births = std::mem::replace(&mut seen.births, Births::new());
        drop(seen);
        let is_deleted = |file: &Opened| matches!(file, Ok(Some(file)) if is_deleted(file));
        Learned { changes, arrived: births.arrived(is_deleted).collect() }
    }

    /// Looks whenever there is something to see, on a thread of its own, while `run` runs.
    pub fn beside<T>(&self, run: impl FnOnce() -> T) -> T {
        let Some(told) = &self.told else { return run() };
        thread::scope(|scope| {
            // Also when `run` panics: the thread must not be waited for in vain.
            let _stop = StopAtEnd(&self.stopper);
            // Where no thread can be had, files are opened when somebody asks for them.
            let _ = thread::Builder::new().spawn_scoped(scope, || self.keep_looking(told));
            run()
        })
    }

    fn keep_looking(&self, told: &Told) {
        let mut is_full = false;
        loop {
            let waited = if is_full { self.guard.wait(&[], Some(PAUSE)) } else { self.guard.wait(&[told.names.as_fd()], None) };
            if waited.is_err() {
                return;
            }
            let mut seen = self.seen();
            is_full = seen.births.len() >= MAX_FILES || seen.changes.len() >= MAX_CHANGES;
            if !is_full && seen.look() {
                told.news.tell();
            }
        }
    }
}

struct StopAtEnd<'a>(&'a Stopper);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Seen {
    /// Looks until nothing happens any more. Whether anything did.
    fn look(&mut self) -> bool {
        let before = self.changes.len();
        while let Some(changes) = self.names.as_mut().map(Names::changes).filter(|changes| !changes.is_empty()) {
            changes.iter().for_each(|change| self.births.note(change, |place| self.slots.get(place).copied()));
            self.births.open(|(dir, name)| match open_regular(&self.dirs[*dir].path.join(name)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                opened => Some(opened),
            });
            self.changes.extend(changes);
        }
        self.births.confirm();
        self.changes.len() > before
    }
}

/// The directory that a path leads to.
fn dir_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Whether it has no name any more.
pub(crate) fn is_deleted(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|meta| meta.nlink() == 0)
}

/// Opens a regular file; `None` when it is none. A named pipe is not waited for.
///
/// # Errors
///
/// The file's.
pub(crate) fn open_regular(path: &Path) -> Opened {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::fs;

    #[test]
    fn what_is_not_a_regular_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(open_regular(&pipe).unwrap().is_none());
        assert!(open_regular(dir.path()).unwrap().is_none());
    }

    #[test]
    fn renames_are_told_in_their_order_and_writes_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let watcher = Watcher::new().unwrap();
        let id = watcher.add(dir.path());
        assert_eq!(watcher.add(&dir.path().join(".")), id, "the same directory by another path");
        assert_eq!(watcher.polled().len(), 0);
        fs::write(path("a"), "x").unwrap();
        fs::rename(path("a"), path("b")).unwrap();
        fs::write(path("a"), "y").unwrap();
        fs::remove_file(path("b")).unwrap();
        let place = |name: &str| (id, OsString::from(name));
        let changes = watcher.learn().changes;
        let [Change::Made(a), Change::From(from, one), Change::To(to, two), Change::Made(_), Change::Gone(b)] = &changes[..] else {
            panic!("{changes:?}");
        };
        assert_eq!((a, from, to, b, one), (&place("a"), &place("a"), &place("b"), &place("b"), two));
        assert_eq!(watcher.written().unwrap(), [place("a")]);
        assert_eq!((watcher.learn().changes, watcher.written()), (vec![], Some(vec![])));
    }

    #[test]
    fn a_directory_that_goes_is_polled_until_it_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("sub");
        let watcher = Watcher::new().unwrap();
        let id = watcher.add(&sub);
        assert!(watcher.polled() == [sub.as_path()]);
        fs::create_dir(&sub).unwrap();
        assert_eq!(watcher.add(&sub), id);
        assert!(watcher.polled().is_empty());
        fs::remove_dir(&sub).unwrap();
        assert!(watcher.learn().changes.contains(&Change::DirGone(id)));
        assert!(watcher.polled() == [sub.as_path()]);
        fs::create_dir(&sub).unwrap();
        assert_eq!(watcher.add(&sub), id);
        fs::write(sub.join("a"), "x").unwrap();
        assert_eq!(watcher.learn().changes, [Change::Made((id, "a".into()))]);
    }
}
