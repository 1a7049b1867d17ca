//! Who has a file open for writing, as `/proc` tells: a file that lost its name is read for as long as somebody does.
//!
//! A lease (`F_SETLEASE`) would be surer, also across containers, but a writer that opens the file meanwhile is held up, and
//! only the owner of the file may ask. What `/proc` does not show us is not taken for nobody.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::FileId;

/// It is looked at most so often, and for at most this part of the time.
const EVERY: Duration = Duration::from_secs(1);
const SHARE: u32 = 100;

/// The number of the namespace in which all processes of the machine are seen.
const ALL_PROCESSES: &str = "pid:[4026531836]";

/// What is known of the writers of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// There is one.
    There,
    /// There is none.
    Gone,
    /// None is seen, but not everybody is.
    Unseen,
    /// Not known before this time.
    NotBefore(Instant),
}

/// Looks for writers, now and then.
#[derive(Debug)]
pub(crate) struct Writers {
    /// Files that somebody can write to.
    written: HashSet<FileId>,
    sees_all: bool,
    looked: Option<Instant>,
    next: Instant,
}

impl Writers {
    /// Has not looked yet.
    pub fn new() -> Self {
        Writers { written: HashSet::new(), sees_all: false, looked: None, next: Instant::now() }
    }

    /// Whether somebody could write to `file` at this time or later.
    pub fn of(&mut self, file: FileId, since: Instant) -> Writer {
        if self.looked.is_none_or(|looked| looked < since) {
            let now = Instant::now();
            if now < self.next.max(since) {
                return Writer::NotBefore(self.next.max(since));
            }
            self.look();
            self.looked = Some(now);
            self.next = now + EVERY.max(now.elapsed() * SHARE);
        }
        match (self.written.contains(&file), self.sees_all) {
            (true, _) => Writer::There,
            (false, true) => Writer::Gone,
            (false, false) => Writer::Unseen,
        }
    }

    fn look(&mut self) {
        self.written.clear();
        self.sees_all = fs::read_link("/proc/self/ns/pid").is_ok_and(|namespace| namespace == Path::new(ALL_PROCESSES));
        let Ok(processes) = fs::read_dir("/proc") else {
            self.sees_all = false;
            return;
        };
        let is_process = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        for process in processes.flatten().filter(|process| is_process(&process.file_name())) {
            match fs::read_dir(process.path().join("fd")) {
                Ok(open) => open.flatten().for_each(|open| self.written.extend(written(&open.path()))),
                // It has ended.
                Err(e) if e.kind() == ErrorKind::NotFound || e.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {}
                Err(_) => self.sees_all = false,
            }
        }
    }
}

/// The regular file that this entry of `/proc/PID/fd` can write to.
fn written(open: &Path) -> Option<FileId> {
    const OWNER_MAY_WRITE: u32 = 0o200;
    fs::symlink_metadata(open).ok().filter(|link| link.mode() & OWNER_MAY_WRITE != 0)?;
    fs::metadata(open).ok().filter(fs::Metadata::is_file).map(|meta| (meta.dev(), meta.ino()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::super::file_id;
    use super::*;
    use std::fs::File;

    #[test]
    fn a_writer_is_seen_and_a_reader_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let writer = File::create(&path).unwrap();
        let reader = File::open(&path).unwrap();
        let id = file_id(&reader).unwrap();
        fs::remove_file(&path).unwrap();
        let mut writers = Writers::new();
        assert_eq!(writers.of(id, Instant::now()), Writer::There);
        drop(writer);
        let now = Instant::now();
        assert!(matches!(writers.of(id, now), Writer::NotBefore(then) if then > now), "it was looked just now");
        let mut writers = Writers::new();
        assert!(matches!(writers.of(id, Instant::now()), Writer::Gone | Writer::Unseen));
    }
}
