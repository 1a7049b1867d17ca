//! A stream kept in a file.

use std::{fs::File, path::Path};

use crate::Error;

/// Creates or empties the file of a stream. What is written there is known to be incomplete until its End frame is.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}

/// Opens the file of a stream.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))
}
