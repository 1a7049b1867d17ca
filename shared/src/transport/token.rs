//! The secret that both ends share. It is kept in a file, since every user of a host can see command lines.

use std::{fs::File, io::Read, os::unix::fs::MetadataExt, path::Path};

use crate::Error;

/// The longest secret; a longer file is the wrong one.
const MAX_BYTES: u64 = 4096;

/// The secret in this file, without the line end after it.
///
/// # Errors
/// If the file cannot be read, is empty, too long, or can be written by anybody.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let name = || format!("cannot read the token {}", path.display());
    let file = File::open(path).map_err(|error| Error::io(name(), error))?;
    let mode = file.metadata().map_err(|error| Error::io(name(), error))?.mode();
    let mut token = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut token).map_err(|error| Error::io(name(), error))?;
    while token.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        token.pop();
    }
    let wrong = |what: &str| Error::Unsupported(format!("the token file {} {what}", path.display()));
    if token.is_empty() {
        return Err(wrong("is empty"));
    }
    if token.len() as u64 > MAX_BYTES {
        return Err(wrong(&format!("has more than {MAX_BYTES} bytes")));
    }
    if mode & 0o002 != 0 {
        return Err(wrong("can be written by anybody: chmod 600"));
    }
    Ok(token)
}
