//! Inputs for formats that are read from anywhere, because what tells where things are stands at their end.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use super::block::Feed;
use super::open::Opened;

/// Bytes that are copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// A file that can be read from anywhere.
pub(crate) type Seekable = File;

/// The input itself where it is a plain file, else a copy of it in a temporary file that has no name.
///
/// # Errors
/// It cannot be read, or there is no room for the copy; as it is to be said.
pub(crate) fn seekable(mut opened: Opened) -> Result<Seekable, String> {
    if let Some(path) = opened.path() {
        return File::open(path).map_err(|error| error.to_string());
    }
    let failed = |error: io::Error| format!("cannot make a temporary copy: {error}; TMPDIR says where it is made");
    let mut copy = tempfile::tempfile().map_err(failed)?;
    let mut bytes = vec![0; COPY_BYTES];
    loop {
        let len = opened.read(&mut bytes).map_err(|error| opened.explain(&error))?;
        if len == 0 {
            break;
        }
        copy.write_all(&bytes[..len]).map_err(failed)?;
    }
    copy.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(copy)
}
