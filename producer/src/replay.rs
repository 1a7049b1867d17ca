//! `--replay`: a run that is begun anew for a consumer that was started again.
//!
//! A run is a function of its inputs, so what a consumer has forgotten can be made good by another run, from the first byte
//! of the first input. That is as true as the inputs are the same: each has to be the file that it was, and to hold at
//! least what it held.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::input::FileId;
use crate::input::find::{Found, Input};

/// So often a run is begun anew. What makes a consumer fail again and again is not mended by sending it again.
pub const MOST: u32 = 10;

/// What the inputs were when the run began.
#[derive(Debug)]
pub struct Snapshot(Vec<(PathBuf, Option<File>)>);

/// A file at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    id: FileId,
    bytes: u64,
    modified: (i64, i64),
}

impl File {
    fn new(meta: &fs::Metadata) -> Self {
        File { id: (meta.dev(), meta.ino()), bytes: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()) }
    }
}

impl Snapshot {
    /// Of these inputs. Those that are not there are not missed later either.
    ///
    /// # Errors
    /// One that cannot be read twice, as it is to be said.
    pub fn of(found: &Found) -> Result<Self, String> {
        let look = |input: &Input| match input {
            Input::Stdin => Err("--replay: standard input cannot be read again; name the files".to_owned()),
            Input::File(path) => match fs::metadata(path) {
                Ok(meta) if !meta.is_file() => Err(format!("--replay: {} is no regular file, and cannot be read again", path.display())),
                meta => Ok((path.clone(), meta.ok().as_ref().map(File::new))),
            },
        };
        Ok(Snapshot(found.iter().flatten().map(look).collect::<Result<_, _>>()?))
    }

    /// Whether the inputs hold what they held; what is to be said of those that hold more by now.
    ///
    /// # Errors
    /// One that does not, as it is to be said.
    pub fn compare(&self) -> Result<Option<String>, String> {
        let mut grown = Vec::new();
        for (path, before) in &self.0 {
            let now = match fs::metadata(path) {
                Ok(meta) => Some(File::new(&meta)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(format!("{}: {error}", path.display())),
            };
            match (before, now) {
                _ if *before == now => {}
                (Some(before), Some(now)) if before.id == now.id && before.bytes < now.bytes => grown.push(path.display().to_string()),
                (Some(_), None) => return Err(format!("{} is gone", path.display())),
                (Some(before), Some(now)) if before.id != now.id => return Err(format!("{} is another file by now", path.display())),
                _ => return Err(format!("{} was changed", path.display())),
            }
        }
        Ok((!grown.is_empty()).then(|| format!("what was added to {} since then is sent too", grown.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::input::find::{Names, find};

    #[test]
    fn what_is_not_as_it_was_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let begin = || {
            fs::write(path("a"), "one\n").unwrap();
            fs::write(path("b"), "two\n").unwrap();
            Snapshot::of(&find(&[path("a"), path("b"), path("never")], &Names::default())).unwrap()
        };
        let append = |name: &str| fs::OpenOptions::new().append(true).open(path(name)).unwrap().write_all(b"more\n").unwrap();
        assert_eq!(begin().compare(), Ok(None));
        let check = |change: &dyn Fn(), part: &str| {
            let before = begin();
            change();
            let said = before.compare().unwrap_err();
            assert!(said.contains(part), "{said}");
        };
        check(&|| fs::remove_file(path("b")).unwrap(), "b is gone");
        check(&|| fs::write(path("a"), "").unwrap(), "a was changed");
        check(
            &|| {
                let file = fs::File::options().write(true).open(path("a")).unwrap();
                file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            },
            "a was changed",
        );
        check(
            &|| {
                fs::write(path("new"), "longer than it was\n").unwrap();
                fs::rename(path("new"), path("a")).unwrap();
            },
            "a is another file by now",
        );
        let before = begin();
        append("b");
        let said = before.compare().unwrap().unwrap();
        assert!(said.contains("/b since then is sent too") && !said.contains("/a"), "{said}");
    }

    #[test]
    fn what_cannot_be_read_twice_is_named() {
        let refused = |path: &str| Snapshot::of(&find(&[path.into()], &Names::default())).unwrap_err();
        assert!(refused("-").contains("standard input"));
        assert!(refused("/dev/null").contains("/dev/null is no regular file"));
    }
}
