//! `--replay`: a run that is begun anew for a consumer that was started again.
//!
//! A run is a function of its inputs, so what a consumer has forgotten can be made good by another run, from the first byte
//! of the first input. That is as true as the inputs are the same: each has to be the file that it was, and to hold at
//! least what it held; that a longer one was only added to is told by its ends.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::input::FileId;
use crate::input::find::{Found, Input};

/// So often a run is begun anew. What makes a consumer fail again and again is not mended by sending it again.
pub const MOST: u32 = 10;

/// What the inputs were when the run began.
#[derive(Debug)]
pub struct Snapshot(Vec<(PathBuf, Result<File, io::ErrorKind>)>);

/// So many bytes at the beginning of a file and before its end tell whether one that is longer by now was only added to.
const ENDS: usize = 4096;

/// A file at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    id: FileId,
    bytes: u64,
    modified: (i64, i64),
    /// The checksum of its ends.
    ends: u32,
}

impl File {
    /// A regular file as it is; its ends are those of its first `bytes` bytes, where it has as many.
    fn look(path: &Path, bytes: u64) -> io::Result<Self> {
        let file = fs::File::open(path)?;
        let meta = file.metadata()?;
        let bytes = bytes.min(meta.len());
        let mut ends = [0; 2 * ENDS];
        let (first, last) = ends.split_at_mut(bytes.min(ENDS as u64) as usize);
        let last = &mut last[..first.len()];
        file.read_exact_at(first, 0)?;
        file.read_exact_at(last, bytes - last.len() as u64)?;
        let ends = crc32c::crc32c_append(crc32c::crc32c(first), last);
        Ok(File { id: (meta.dev(), meta.ino()), bytes: meta.len(), modified: (meta.mtime(), meta.mtime_nsec()), ends })
    }
}

impl Snapshot {
    /// Of these inputs. Those that are not there, or cannot be read, are not missed later either.
    ///
    /// # Errors
    /// One that cannot be read twice, as it is to be said.
    pub fn of(found: &Found) -> Result<Self, String> {
        let look = |input: &Input| match input {
            Input::Stdin => Err("--replay: standard input cannot be read again; name the files".to_owned()),
            Input::Given(given) => Err(format!("--replay: {} is no file, and cannot be read again", given.name())),
            Input::File(path) => match fs::metadata(path) {
                Ok(meta) if !meta.is_file() => Err(format!("--replay: {} is no regular file, and cannot be read again", path.display())),
                meta => Ok((path.clone(), meta.and_then(|meta| File::look(path, meta.len())).map_err(|error| error.kind()))),
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
            let path_shown = path.display();
            // What is no regular file by now is not opened: that may wait for ever.
            let now = fs::metadata(path).and_then(|meta| match before {
                Ok(before) if meta.is_file() => File::look(path, before.bytes),
                _ if meta.is_file() => File::look(path, meta.len()),
                _ => Err(io::Error::other("it is no regular file by now")),
            });
            match (before, now) {
                (Ok(before), Ok(now)) if *before == now => {}
                (Err(before), Err(now)) if *before == now.kind() => {}
                (Ok(before), Ok(now)) if before.id != now.id => return Err(format!("{path_shown} is another file by now")),
                (Ok(before), Ok(now)) if before.bytes < now.bytes && before.ends == now.ends => grown.push(path_shown.to_string()),
                (_, Ok(_)) => return Err(format!("{path_shown} was changed")),
                (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => return Err(format!("{path_shown} is gone")),
                (_, Err(error)) => return Err(format!("{path_shown}: {error}")),
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
        check(&|| fs::write(path("a"), "other lines, and more of them\n").unwrap(), "a was changed");
        check(&|| fs::write(path("a"), "on\n\nand more\n").unwrap(), "a was changed");
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
    fn a_long_one_that_has_grown_is_known_by_both_ends_of_what_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let text: String = (0..5000).map(|line| format!("line {line}\n")).collect();
        fs::write(&path, &text).unwrap();
        let before = Snapshot::of(&find(std::slice::from_ref(&path), &Names::default())).unwrap();
        let compare = |text: String| {
            fs::write(&path, text).unwrap();
            before.compare()
        };
        let grown = text.clone() + "more\n";
        assert!(compare(grown.clone()).unwrap().unwrap().contains("log since then is sent too"));
        for changed in
            [grown.replacen("line 0", "line_0", 1), grown.replacen("line 4999", "line_4999", 1), grown.replacen("line 2500\n", "", 1)]
        {
            let said = compare(changed).unwrap_err();
            assert!(said.contains("log was changed"), "{said}");
        }
        assert!(compare(grown).is_ok());
    }

    #[test]
    fn what_cannot_be_looked_at_before_is_not_missed_later() {
        let dir = tempfile::tempdir().unwrap();
        let [sub, file] = ["sub", "sub/file"].map(|name| dir.path().join(name));
        fs::create_dir(&sub).unwrap();
        fs::write(&file, "one\n").unwrap();
        let found = find(std::slice::from_ref(&file), &Names::default());
        assert!(found.iter().all(Result::is_ok));
        fs::remove_dir_all(&sub).unwrap();
        fs::write(&sub, "").unwrap();
        // It fails, and in another way than by not being there.
        let before = Snapshot::of(&found).unwrap();
        assert_eq!(before.compare(), Ok(None));
        fs::remove_file(&sub).unwrap();
        assert!(before.compare().unwrap_err().contains("is gone"));
    }

    #[test]
    fn what_cannot_be_read_twice_is_named() {
        let refused = |path: &str| Snapshot::of(&find(&[path.into()], &Names::default())).unwrap_err();
        assert!(refused("-").contains("standard input"));
        assert!(refused("/dev/null").contains("/dev/null is no regular file"));
    }
}
