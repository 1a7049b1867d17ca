//! A path without a scheme: a stream kept in a file.

use std::{
    fmt,
    fs::{self, File},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::OFlags;

use super::{Endpoint, Medium, Scheme};
use crate::Error;

/// The row.
pub(super) static SCHEME: Scheme = Scheme {
    prefix: "",
    syntax: "PATH",
    medium: Medium::File,
    resumes: false,
    is_plain: false,
    parse: |text| unknown_scheme(text).is_none().then(|| Ok(Arc::new(Named(text.into())) as Arc<dyn Endpoint>)),
};

/// The name before `://`: no file is meant then. `./a://b` still is one.
pub(crate) fn unknown_scheme(text: &str) -> Option<&str> {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    text.split_once("://").map(|(name, _)| name).filter(|name| is_name(name))
}

/// The file of this name.
#[derive(Debug)]
struct Named(PathBuf);

impl fmt::Display for Named {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(out)
    }
}

impl Endpoint for Named {
    fn scheme(&self) -> &'static Scheme {
        &SCHEME
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.0)
    }
}

/// Opens the file of a stream to be written, and creates it where there is none (then the second is true). What is there already
/// stays: empty it when the first byte is to be written, so that a mistake found before that costs nothing.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn create(path: &Path) -> Result<(File, bool), Error> {
    let mut options = File::options();
    let created = match options.write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Or a link to what does not exist.
            options.create_new(false).create(true).truncate(false).open(path).map(|file| (file, false))
        }
        created => created.map(|file| (file, true)),
    };
    created.map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}

/// Opens a file to write lines at its end. One that was left in the middle of a line goes on with the next.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn append(path: &Path) -> Result<File, Error> {
    let open = || {
        use std::{io::Write, os::unix::fs::FileExt};
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        let len = file.metadata()?.len();
        let mut last = [b'\n'];
        if len > 0 {
            file.read_exact_at(&mut last, len - 1)?;
        }
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
        Ok(file)
    };
    open().map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}

/// Opens the file of a stream, as [`open_unwaiting`] does.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn open(path: &Path) -> Result<File, Error> {
    open_unwaiting(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))
}

/// Opens a file to be read. For the writer of a named pipe it is not waited here, where nothing could end the waiting: the first
/// read waits for it, and is to go through [`Watched`](crate::transport::watch::Watched), since others would find no data and fail.
///
/// # Errors
/// The file's own.
pub fn open_unwaiting(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    // Of no other file, where it may mean something else (that somebody else's lease on it is not waited for).
    if fs::metadata(path)?.file_type().is_fifo() {
        options.custom_flags(OFlags::NONBLOCK.bits() as i32);
    }
    options.read(true).open(path)
}

/// A file that gets its name when it is whole: until then it is `NAME.partial`, beside it.
///
/// So whoever finds `NAME` finds all of it, and what was there before is there until then; a program that reads the old
/// while it writes the new is safe. Dropped without [`Pending::commit`], what was written stays as `NAME.partial`, unless
/// that is nothing. What is no regular file (a device, a FIFO) is written as it is.
///
/// # Examples
/// ```
/// use std::io::Write;
/// use recpipe::transport::file::Pending;
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("answer.csv");
/// let (mut file, pending) = Pending::create(&path)?;
/// file.write_all(b"count\n5\n")?;
/// assert!(!path.exists());
/// pending.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"count\n5\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pending {
    file: File,
    path: PathBuf,
    /// `None` for what is written as it is, and once it is over.
    partial: Option<PathBuf>,
}

impl Pending {
    /// Begins a file; it is to be written through the first of the two.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; also when another program is just writing it.
    pub fn create(path: &Path) -> Result<(File, Self), Error> {
        let failed = |error| Error::io(format!("cannot write {}", path.display()), error);
        let begun = Self::begin(path).map_err(failed)?;
        Ok((begun.file.try_clone().map_err(failed)?, begun))
    }

    fn begin(path: &Path) -> io::Result<Self> {
        // A link stays one: what it leads to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let old = fs::metadata(&path).ok();
        if old.as_ref().is_some_and(|old| !old.is_file()) {
            let file = File::options().write(true).open(&path)?;
            return Ok(Pending { file, path, partial: None });
        }
        let partial = partial_of(&path);
        let file = File::options().write(true).create(true).truncate(false).open(&partial)?;
        lock(&file)?;
        file.set_len(0)?;
        if let Some(old) = old {
            // Whoever may read the old may read the new; where that cannot be said, it is as any new file.
            let _ = file.set_permissions(old.permissions());
        }
        Ok(Pending { file, path, partial: Some(partial) })
    }

    /// Goes on with a file that was begun and dropped: it is to be written, at its end, through the first of the two.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file; also when another program is just writing it.
    pub fn resume(path: &Path) -> Result<(File, Self), Error> {
        let resume = || {
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            if fs::metadata(&path).is_ok_and(|old| !old.is_file()) {
                let file = File::options().append(true).open(&path)?;
                return Ok((file.try_clone()?, Pending { file, path, partial: None }));
            }
            let partial = partial_of(&path);
            let file = File::options().append(true).open(&partial)?;
            lock(&file)?;
            Ok((file.try_clone()?, Pending { file, path, partial: Some(partial) }))
        };
        resume().map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
    }

    /// What it is called while it is not whole, if it is not written as it is.
    pub fn partial(&self) -> Option<&Path> {
        self.partial.as_deref()
    }

    /// It is whole: it is brought to the disk and gets its name.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn commit(mut self) -> Result<(), Error> {
        let Some(partial) = self.partial.take() else { return Ok(()) };
        let named = self.file.sync_all().and_then(|()| fs::rename(&partial, &self.path));
        named.map_err(|error| Error::io(format!("cannot write {}", self.path.display()), error))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial
            && self.file.metadata().is_ok_and(|found| found.len() == 0)
        {
            // An empty file that stays does no harm.
            let _ = fs::remove_file(partial);
        }
    }
}

/// What a file is called while it is not whole.
fn partial_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    path.with_file_name(name)
}

/// One writer at a time; a file system that knows no locks has to do without.
fn lock(file: &File) -> io::Result<()> {
    match rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(io::Error::new(io::ErrorKind::ResourceBusy, "another program is writing it")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, path::Path};

    use super::Pending;

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let names = || {
            let mut names: Vec<_> =
                fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names.join(" ")
        };
        let path = directory.path().join("a.csv");
        let write = |text: &[u8]| {
            let (mut file, pending) = Pending::create(&path).unwrap();
            file.write_all(text).unwrap();
            pending
        };
        let pending = write(b"old");
        assert_eq!((names().as_str(), pending.partial()), ("a.csv.partial", Some(&*directory.path().join("a.csv.partial"))));
        assert!(Pending::create(&path).unwrap_err().to_string().contains("another program is writing it"));
        pending.commit().unwrap();
        assert_eq!(names(), "a.csv");

        // Dropped: the old is as it was, what there is of the new is beside it, and is begun anew by the next.
        drop(write(b"half of the new"));
        assert_eq!((names().as_str(), fs::read(&path).unwrap()), ("a.csv a.csv.partial", b"old".to_vec()));
        write(b"new").commit().unwrap();
        assert_eq!((names().as_str(), fs::read(&path).unwrap()), ("a.csv", b"new".to_vec()));
        drop(write(b""));
        assert_eq!(names(), "a.csv");

        // One that was dropped can be gone on with.
        drop(write(b"one, "));
        let (mut file, pending) = Pending::resume(&path).unwrap();
        file.write_all(b"two").unwrap();
        pending.commit().unwrap();
        assert_eq!((names().as_str(), fs::read(&path).unwrap()), ("a.csv", b"one, two".to_vec()));
        assert!(Pending::resume(&path).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_and_devices_stay_what_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("a.csv"), directory.path().join("b.csv"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let (mut file, pending) = Pending::create(&link).unwrap();
        file.write_all(b"new").unwrap();
        pending.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");

        let (mut file, pending) = Pending::create(Path::new("/dev/null")).unwrap();
        file.write_all(b"x").unwrap();
        assert_eq!(pending.partial(), None);
        pending.commit().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
