//! Holes: NULs that a writer leaves that does not append, where its file was emptied; and that a file ends with whose space
//! was taken beforehand.
//!
//! The former come before a record and are no part of it. The latter are where records will be, so NULs that nothing comes
//! after are left unread.

use std::fs::File;
use std::io;

use super::super::block::BLOCK_BYTES;
use super::super::print::read_at;

/// How many bytes come before the next hole: NULs behind a line's end, or up to the end.
pub(crate) fn before_hole(bytes: &[u8]) -> usize {
    let behind_line = memchr::memmem::find(bytes, b"\n\0").map(|newline| newline + 1);
    behind_line.unwrap_or_else(|| bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1))
}

/// How many NULs the bytes begin with.
pub(crate) fn nuls(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len())
}

/// The place of the first byte from `at` on that is no NUL, if there is one yet.
///
/// # Errors
///
/// The file's.
pub fn end(file: &File, mut at: u64) -> io::Result<Option<u64>> {
    let mut chunk = vec![0; BLOCK_BYTES];
    while let Some(data) = data(file, at)? {
        let len = read_at(file, &mut chunk, data)?;
        let nuls = nuls(&chunk[..len]);
        if nuls < len {
            return Ok(Some(data + nuls as u64));
        }
        if len == 0 {
            return Ok(None);
        }
        at = data + len as u64;
    }
    Ok(None)
}

/// Where the file system has something from `at` on: what it has not is not read.
#[cfg(target_os = "linux")]
fn data(file: &File, at: u64) -> io::Result<Option<u64>> {
    match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(at)) {
        Ok(data) => Ok(Some(data)),
        Err(rustix::io::Errno::NXIO) => Ok(None),
        // It cannot tell.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::OPNOTSUPP) => Ok(Some(at)),
        Err(e) => Err(e.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn data(_: &File, at: u64) -> io::Result<Option<u64>> {
    Ok(Some(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn the_end_of_a_hole_is_found_and_nothing_behind_it_is_no_end() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10_000_000).unwrap();
        assert_eq!(end(&file, 5).unwrap(), None);
        file.write_all_at(&[0; 5000], 9_000_000).unwrap();
        assert_eq!(end(&file, 5).unwrap(), None);
        file.write_all_at(b"x", 9_004_999).unwrap();
        assert_eq!((end(&file, 5).unwrap(), end(&file, 9_004_999).unwrap()), (Some(9_004_999), Some(9_004_999)));
        assert_eq!(end(&file, 9_005_000).unwrap(), None);
        assert_eq!(end(&file, 20_000_000).unwrap(), None);
    }

    #[test]
    fn holes_are_behind_a_line_or_at_the_end() {
        assert_eq!(before_hole(b"a\n\0\0b\n\0"), 2);
        assert_eq!(before_hole(b"a\0b\nc\0\0"), 5);
        assert_eq!((before_hole(b"abc"), before_hole(b"\0\0"), before_hole(b"")), (3, 0, 0));
        assert_eq!((nuls(b"\0\0a\0"), nuls(b"\0"), nuls(b"a")), (2, 1, 0));
    }
}
