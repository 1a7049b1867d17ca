//! What happens in directories, told by the system: inotify on Linux.
//!
//! rustix is used as it is, rather than a crate that hides it (`notify`): a descriptor that can be waited for together with
//! our reasons to stop needs no thread and no queue of its own, and the order of renames, which rotation is found out by, is
//! kept. There are two of them, so that a flood of writes cannot push a rename out of the kernel's queue.
//!
//! Where this does not serve (other systems, network file systems, too many watches) a directory is *polled* instead.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use recpipe::transport::watch::Guard;

use super::super::live::Watch;

/// The number of a directory.
pub type DirId = usize;

/// A name in a directory.
pub type Place = (DirId, OsString);

/// What happened to the names in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A file, a directory or a link was made.
    Made(Place),
    /// It lost its name by the rename of this number.
    From(Place, u32),
    /// It got its name by the rename of this number.
    To(Place, u32),
    /// It was deleted.
    Gone(Place),
    /// The directory itself is gone, or elsewhere.
    DirGone(DirId),
    /// More happened than the system could remember.
    Forgotten,
}

/// A directory in which something may happen.
#[derive(Debug)]
pub struct Dir {
    /// As it was named.
    pub path: PathBuf,
    /// Whether the system tells; it is polled otherwise.
    pub told: bool,
}

/// Watches directories.
#[derive(Debug)]
pub struct Notifier {
    guard: Guard,
    dirs: Vec<Dir>,
    system: system::System,
}

impl Notifier {
    /// Watches nothing yet, but is ended by `watch`.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn new(watch: &Watch) -> io::Result<Self> {
        Ok(Notifier { guard: watch.guard()?, dirs: Vec::new(), system: system::System::new() })
    }

    /// Is told nothing by the system.
    #[cfg(test)]
    pub fn polling(self) -> Self {
        Notifier { system: system::System::none(), ..self }
    }

    /// Watches `dir` from now on. However often and by whatever path it is named, it has one number.
    pub fn add(&mut self, dir: &Path) -> DirId {
        let known = self.dirs.iter().position(|known| known.path == dir);
        if let Some(id) = known.filter(|id| self.dirs[*id].told) {
            return id;
        }
        let next = known.unwrap_or(self.dirs.len());
        let id = self.system.add(dir, next);
        match (id, known) {
            (Some(id), _) if id < self.dirs.len() => self.dirs[id].told = true,
            (None, Some(_)) => {}
            _ => self.dirs.push(Dir { path: dir.to_owned(), told: id.is_some() }),
        }
        id.unwrap_or(next)
    }

    /// The directory of this number.
    pub fn dir(&self, id: DirId) -> &Dir {
        &self.dirs[id]
    }

    /// The directories the system does not tell of, or not any more. Adding one again may change that.
    pub fn polled(&self) -> impl Iterator<Item = &Dir> {
        self.dirs.iter().filter(|dir| !dir.told)
    }

    /// Waits until something happens or the time is up.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] when the reading was ended.
    pub fn wait(&self, timeout: Duration) -> io::Result<()> {
        self.guard.wait(&self.system.fds(), Some(timeout)).map(drop)
    }

    /// Waits for so long, whatever happens.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] when the reading was ended.
    pub fn pause(&self, time: Duration) -> io::Result<()> {
        self.guard.wait(&[], Some(time)).map(drop)
    }

    /// The names that changed since the last call, in the order in which it happened.
    pub fn changes(&mut self) -> Vec<Change> {
        let changes = self.system.changes();
        for change in &changes {
            if let Change::DirGone(dir) = change {
                self.dirs[*dir].told = false;
            }
        }
        changes
    }

    /// The files that were written to since the last call; `None` when too many were to remember.
    pub fn written(&mut self) -> Option<Vec<Place>> {
        self.system.written()
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::HashMap;
    use std::ffi::OsStr;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;

    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
    use rustix::io::Errno;

    use super::*;

    /// File systems whose files are changed by other hosts, or by programs the kernel does not see: it tells of our own
    /// changes only. (NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, AFS, Coda, VirtualBox folders.)
    const REMOTE: [u32; 10] =
        [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546, 0x0102_1997, 0x00c3_6400, 0x5346_414f, 0x7375_7245, 0x786f_4256];

    #[derive(Debug)]
    pub struct System(Option<Inotify>);

    #[derive(Debug)]
    struct Inotify {
        names: OwnedFd,
        writes: OwnedFd,
        /// By watch descriptor, of the one and the other.
        named: HashMap<i32, DirId>,
        written: HashMap<i32, DirId>,
    }

    impl System {
        pub fn new() -> Self {
            let open = || init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK);
            let both = open().and_then(|names| Ok((names, open()?))).ok();
            System(both.map(|(names, writes)| Inotify { names, writes, named: HashMap::new(), written: HashMap::new() }))
        }

        #[cfg(test)]
        pub fn none() -> Self {
            System(None)
        }

        /// Watches `dir` as number `next`, or the number it has already by another path.
        pub fn add(&mut self, dir: &Path, next: DirId) -> Option<DirId> {
            let inotify = self.0.as_mut()?;
            let kind = rustix::fs::statfs(dir).ok()?.f_type as u32;
            if REMOTE.contains(&kind) {
                return None;
            }
            let names = WatchFlags::CREATE | WatchFlags::MOVE | WatchFlags::DELETE | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF;
            let name = add_watch(&inotify.names, dir, names | WatchFlags::ONLYDIR).ok()?;
            let Ok(write) = add_watch(&inotify.writes, dir, WatchFlags::MODIFY | WatchFlags::ONLYDIR) else {
                let _ = remove_watch(&inotify.names, name);
                return None;
            };
            inotify.written.entry(write).or_insert(next);
            Some(*inotify.named.entry(name).or_insert(next))
        }

        pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
            self.0.iter().flat_map(|inotify| [inotify.names.as_fd(), inotify.writes.as_fd()]).collect()
        }

        pub fn changes(&mut self) -> Vec<Change> {
            let mut changes = Vec::new();
            let Some(Inotify { names, named, written, writes }) = &mut self.0 else { return changes };
            let mut lost = Vec::new();
            events(names, |wd, flags, cookie, name| {
                if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                    changes.push(Change::Forgotten);
                    return;
                }
                let Some(dir) = named.get(&wd).copied() else { return };
                if flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
                    named.remove(&wd);
                    lost.push((wd, dir));
                    changes.push(Change::DirGone(dir));
                    return;
                }
                let place = (dir, name.to_owned());
                changes.push(if flags.contains(ReadFlags::CREATE) {
                    Change::Made(place)
                } else if flags.contains(ReadFlags::MOVED_FROM) {
                    Change::From(place, cookie)
                } else if flags.contains(ReadFlags::MOVED_TO) {
                    Change::To(place, cookie)
                } else {
                    Change::Gone(place)
                });
            });
            for (wd, dir) in lost {
                // Gone already when the directory is; a moved one would be watched under a name that is not its own.
                let _ = remove_watch(&*names, wd);
                written.retain(|wd, of| {
                    if *of == dir {
                        let _ = remove_watch(&*writes, *wd);
                    }
                    *of != dir
                });
            }
            changes
        }

        pub fn written(&mut self) -> Option<Vec<Place>> {
            let Some(inotify) = &mut self.0 else { return Some(Vec::new()) };
            let (mut places, mut forgotten): (Vec<Place>, _) = (Vec::new(), false);
            let written = &inotify.written;
            events(&inotify.writes, |wd, flags, _, name| {
                forgotten |= flags.contains(ReadFlags::QUEUE_OVERFLOW);
                if let Some(dir) = written.get(&wd).filter(|_| !name.is_empty())
                    && places.last().is_none_or(|last| last.0 != *dir || last.1 != *name)
                {
                    places.push((*dir, name.to_owned()));
                }
            });
            (!forgotten).then_some(places)
        }
    }

    /// Takes the events that are there.
    fn events(from: &OwnedFd, mut each: impl FnMut(i32, ReadFlags, u32, &OsStr)) {
        let mut buf = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(from, &mut buf);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map_or(&[][..], |name| name.to_bytes());
                    each(event.wd(), event.events(), event.cookie(), OsStr::from_bytes(name));
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;

    /// Tells nothing: all directories are polled.
    #[derive(Debug)]
    pub struct System;

    impl System {
        pub fn new() -> Self {
            System
        }

        #[cfg(test)]
        pub fn none() -> Self {
            System
        }

        pub fn add(&mut self, _: &Path, _: DirId) -> Option<DirId> {
            None
        }

        pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
            Vec::new()
        }

        pub fn changes(&mut self) -> Vec<Change> {
            Vec::new()
        }

        pub fn written(&mut self) -> Option<Vec<Place>> {
            Some(Vec::new())
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn renames_are_told_in_their_order_and_writes_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let watch = Watch::nothing();
        let mut notifier = Notifier::new(&watch).unwrap();
        let id = notifier.add(dir.path());
        assert_eq!(notifier.add(&dir.path().join(".")), id, "the same directory by another path");
        assert_eq!(notifier.polled().count(), 0);
        fs::write(path("a"), "x").unwrap();
        fs::rename(path("a"), path("b")).unwrap();
        fs::write(path("a"), "y").unwrap();
        fs::remove_file(path("b")).unwrap();
        notifier.wait(Duration::from_secs(5)).unwrap();
        let place = |name: &str| (id, OsString::from(name));
        let changes = notifier.changes();
        let [Change::Made(a), Change::From(from, one), Change::To(to, two), Change::Made(_), Change::Gone(b)] = &changes[..] else {
            panic!("{changes:?}");
        };
        assert_eq!((a, from, to, b, one), (&place("a"), &place("a"), &place("b"), &place("b"), two));
        assert_eq!(notifier.written().unwrap(), [place("a")]);
        assert_eq!((notifier.changes(), notifier.written()), (vec![], Some(vec![])));
    }

    #[test]
    fn a_directory_that_goes_is_polled_until_it_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("sub");
        let mut notifier = Notifier::new(&Watch::nothing()).unwrap();
        let id = notifier.add(&sub);
        assert!(!notifier.dir(id).told);
        fs::create_dir(&sub).unwrap();
        assert_eq!(notifier.add(&sub), id);
        assert!(notifier.dir(id).told);
        fs::remove_dir(&sub).unwrap();
        assert!(notifier.changes().contains(&Change::DirGone(id)));
        assert!(!notifier.dir(id).told);
        fs::create_dir(&sub).unwrap();
        assert_eq!(notifier.add(&sub), id);
        fs::write(sub.join("a"), "x").unwrap();
        assert_eq!(notifier.changes(), [Change::Made((id, "a".into()))]);
    }
}
