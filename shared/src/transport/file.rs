//! A stream kept in a file.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

use crate::Error;

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

/// Opens the file of a stream, as [`open_unwaiting`] does.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn open(path: &Path) -> Result<File, Error> {
    open_unwaiting(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))
}

/// Opens a file to be read. For the writer of a named pipe it is not waited here, where nothing could end the waiting: the first
/// read waits for it, and is to go through [`Watched`](super::watch::Watched), since others would find no data and fail.
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
