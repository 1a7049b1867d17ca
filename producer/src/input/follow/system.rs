//! What the system tells of directories: inotify on Linux, nothing elsewhere.
//!
//! rustix is used as it is, rather than a crate that hides it (`notify`): the order of renames, which rotation is found out
//! by, is kept, and no queue but the kernel's is needed. There are two of those, [`Names`] and [`Writes`], so that a flood of
//! writes cannot push a rename out.

use std::ffi::OsString;

#[cfg(target_os = "linux")]
pub use linux::{Names, News, Writes};
#[cfg(not(target_os = "linux"))]
pub use other::{Names, News, Writes};

/// The number of a directory.
pub(crate) type DirId = usize;

/// A name in a directory.
pub type Place = (DirId, OsString);

/// What happened to the names in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A file, a directory or a link was made.
    Made(Place),
    /// It lost its name by the rename of this number.
    From(Place, u32),
    /// It got its name by the rename of this number.
    To(Place, u32),
    /// It was deleted.
    Gone(Place),
    /// Who may read it may have changed; of the directory itself where the name is empty.
    Allowed(Place),
    /// The directory itself is gone, or elsewhere.
    DirGone(DirId),
    /// More happened than the system could remember.
    Forgotten,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::ffi::OsStr;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;
    use std::sync::Arc;

    use rustix::event::{EventfdFlags, eventfd};
    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch};
    use rustix::io::Errno;

    use super::{Change, DirId, Place};

    /// So many writes are looked at in one go: whoever writes faster than we look must not keep us from reading.
    const MAX_WRITES: usize = 4096;

    /// File systems whose files are changed by other hosts, or by programs the kernel does not see: it tells of our own
    /// changes only. (NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, AFS, Coda, VirtualBox folders.)
    const REMOTE: [u32; 10] =
        [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x6573_5546, 0x0102_1997, 0x00c3_6400, 0x5346_414f, 0x7375_7245, 0x786f_4256];

    /// Tells which names changed.
    #[derive(Debug)]
    pub struct Names {
        queue: Arc<OwnedFd>,
        watched: HashMap<i32, DirId>,
    }

    /// Tells which files were written to.
    #[derive(Debug)]
    pub struct Writes {
        queue: Arc<OwnedFd>,
        watched: HashMap<i32, DirId>,
    }

    fn queue() -> Option<OwnedFd> {
        init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()
    }

    impl Names {
        /// Watches nothing yet; `None` where the system cannot tell.
        pub fn new() -> Option<Self> {
            Some(Names { queue: Arc::new(queue()?), watched: HashMap::new() })
        }

        /// What can be waited for.
        pub fn queue(&self) -> Arc<OwnedFd> {
            self.queue.clone()
        }

        /// Watches `dir` as number `next`, or the number it has already by another path.
        pub fn add(&mut self, dir: &Path, next: DirId) -> Option<DirId> {
            let kind = rustix::fs::statfs(dir).ok()?.f_type as u32;
            if REMOTE.contains(&kind) {
                return None;
            }
            let flags = WatchFlags::CREATE
                | WatchFlags::MOVE
                | WatchFlags::DELETE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ATTRIB;
            let watch = add_watch(&*self.queue, dir, flags | WatchFlags::ONLYDIR).ok()?;
            Some(*self.watched.entry(watch).or_insert(next))
        }

        /// Watches the directory of this number no more.
        pub fn remove(&mut self, dir: DirId) {
            remove(&self.queue, &mut self.watched, dir);
        }

        /// What happened since the last call, in its order. A directory that went is not watched any more.
        pub fn changes(&mut self) -> Vec<Change> {
            let (mut changes, mut gone) = (Vec::new(), Vec::new());
            events(&self.queue, usize::MAX, |watch, flags, cookie, name| {
                if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                    changes.push(Change::Forgotten);
                    return;
                }
                let Some(dir) = self.watched.get(&watch).copied().filter(|dir| !gone.contains(dir)) else { return };
                if flags.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
                    gone.push(dir);
                    changes.push(Change::DirGone(dir));
                    return;
                }
                let place: Place = (dir, name.to_owned());
                changes.push(if flags.contains(ReadFlags::ATTRIB) {
                    Change::Allowed(place)
                } else if flags.contains(ReadFlags::CREATE) {
                    Change::Made(place)
                } else if flags.contains(ReadFlags::MOVED_FROM) {
                    Change::From(place, cookie)
                } else if flags.contains(ReadFlags::MOVED_TO) {
                    Change::To(place, cookie)
                } else {
                    Change::Gone(place)
                });
            });
            // A directory that only moved would be watched under a name that is not its own.
            gone.into_iter().for_each(|dir| self.remove(dir));
            changes
        }
    }

    impl Writes {
        /// Watches nothing yet; `None` where the system cannot tell.
        pub fn new() -> Option<Self> {
            Some(Writes { queue: Arc::new(queue()?), watched: HashMap::new() })
        }

        /// What can be waited for.
        pub fn queue(&self) -> Arc<OwnedFd> {
            self.queue.clone()
        }

        /// Watches `dir` as number `id`. Whether that can be.
        pub fn add(&mut self, dir: &Path, id: DirId) -> bool {
            let watch = add_watch(&*self.queue, dir, WatchFlags::MODIFY | WatchFlags::ONLYDIR);
            watch.map(|watch| self.watched.entry(watch).or_insert(id)).is_ok()
        }

        /// Watches the directory of this number no more.
        pub fn remove(&mut self, dir: DirId) {
            remove(&self.queue, &mut self.watched, dir);
        }

        /// Files that were written to; those it leaves out come with the next call. `None` when too many were to remember.
        pub fn written(&mut self) -> Option<Vec<Place>> {
            let (mut places, mut forgotten): (Vec<Place>, _) = (Vec::new(), false);
            events(&self.queue, MAX_WRITES, |watch, flags, _, name| {
                forgotten |= flags.contains(ReadFlags::QUEUE_OVERFLOW);
                if let Some(dir) = self.watched.get(&watch).filter(|_| !name.is_empty())
                    && places.last().is_none_or(|last| last.0 != *dir || last.1 != *name)
                {
                    places.push((*dir, name.to_owned()));
                }
            });
            (!forgotten).then_some(places)
        }
    }

    fn remove(queue: &OwnedFd, watched: &mut HashMap<i32, DirId>, dir: DirId) {
        watched.retain(|watch, of| {
            if *of == dir {
                // Gone already when the directory is.
                let _ = remove_watch(queue, *watch);
            }
            *of != dir
        });
    }

    /// Takes the events that are there; after so many, no more than were read together with them.
    fn events(from: &OwnedFd, max: usize, mut each: impl FnMut(i32, ReadFlags, u32, &OsStr)) {
        let mut buf = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(from, &mut buf);
        let mut taken = 0;
        while taken < max || !reader.is_buffer_empty() {
            match reader.next() {
                Ok(event) => {
                    taken += 1;
                    let name = event.file_name().map_or(&[][..], |name| name.to_bytes());
                    each(event.wd(), event.events(), event.cookie(), OsStr::from_bytes(name));
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Wakes who waits for it, once for any number of times it was told.
    #[derive(Debug)]
    pub struct News(OwnedFd);

    impl News {
        /// Nothing new yet; `None` when no file descriptor is left.
        pub fn new() -> Option<Self> {
            eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok().map(News)
        }

        /// There is something new.
        pub fn tell(&self) {
            // That it is told already as often as it can be is no failure.
            let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
        }

        /// It is known.
        pub fn hear(&self) {
            // Nor is that there was nothing.
            let _ = rustix::io::read(&self.0, &mut [0; 8]);
        }
    }

    impl AsFd for News {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::path::Path;
    use std::sync::Arc;

    use super::{Change, DirId, Place};

    /// There is none: all directories are polled.
    #[derive(Debug)]
    pub enum Names {}

    /// There is none.
    #[derive(Debug)]
    pub enum Writes {}

    /// There is none.
    #[derive(Debug)]
    pub enum News {}

    impl Names {
        pub fn new() -> Option<Self> {
            None
        }

        pub fn queue(&self) -> Arc<OwnedFd> {
            match *self {}
        }

        pub fn add(&mut self, _: &Path, _: DirId) -> Option<DirId> {
            match *self {}
        }

        pub fn remove(&mut self, _: DirId) {
            match *self {}
        }

        pub fn changes(&mut self) -> Vec<Change> {
            match *self {}
        }
    }

    impl Writes {
        pub fn new() -> Option<Self> {
            None
        }

        pub fn queue(&self) -> Arc<OwnedFd> {
            match *self {}
        }

        pub fn add(&mut self, _: &Path, _: DirId) -> bool {
            match *self {}
        }

        pub fn remove(&mut self, _: DirId) {
            match *self {}
        }

        pub fn written(&mut self) -> Option<Vec<Place>> {
            match *self {}
        }
    }

    impl News {
        pub fn new() -> Option<Self> {
            None
        }

        pub fn tell(&self) {
            match *self {}
        }

        pub fn hear(&self) {
            match *self {}
        }
    }

    impl AsFd for News {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match *self {}
        }
    }
}
