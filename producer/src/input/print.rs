//! How a file is known again.
//!
//! A file is the same as long as its device and inode are, it is no shorter than what was read, and it still begins with the
//! same bytes, and has the same bytes before the place where the reading stands: the first 256 of the one and the last 256 of
//! the other, kept as they are, which is surer than a hash of them. Each of these alone has failed somewhere: inodes are used
//! again, files that were emptied grow beyond where they were, and logs begin with the same banner.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How many bytes of its beginning, and before the place of the reading, tell a file from another.
pub(crate) const PRINT_BYTES: usize = 256;

/// What tells whether a file still is what was read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Print {
    head: Vec<u8>,
    /// The place of the reading.
    pub(crate) pos: u64,
    /// The bytes before it.
    last: Vec<u8>,
}

impl Print {
    /// The print of `file` up to `pos`.
    ///
    /// # Errors
    ///
    /// The file's.
    pub fn of(file: &File, pos: u64) -> io::Result<Self> {
        let len = usize::try_from(pos).unwrap_or(usize::MAX).min(PRINT_BYTES);
        let (mut head, mut last) = (vec![0; len], vec![0; len]);
        file.read_exact_at(&mut head, 0)?;
        file.read_exact_at(&mut last, pos - len as u64)?;
        Ok(Print { head, pos, last })
    }

    /// The print that was kept elsewhere; `None` where what is told of it does not fit together.
    pub fn told(head: Vec<u8>, pos: u64, last: Vec<u8>) -> Option<Self> {
        let len = usize::try_from(pos).unwrap_or(usize::MAX).min(PRINT_BYTES);
        (head.len() == len && last.len() == len).then_some(Print { head, pos, last })
    }

    /// The first bytes: up to `PRINT_BYTES` of them.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The reading went on by these bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        let missing = PRINT_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        self.pos += bytes.len() as u64;
        if bytes.len() >= PRINT_BYTES {
            self.last.clear();
        }
        self.last.extend_from_slice(&bytes[bytes.len().saturating_sub(PRINT_BYTES)..]);
        self.last.drain(..self.last.len().saturating_sub(PRINT_BYTES));
    }

    /// The reading went on by so many NULs.
    pub(crate) fn extend_nuls(&mut self, nuls: u64) {
        const NULS: [u8; PRINT_BYTES] = [0; PRINT_BYTES];
        let shown = usize::try_from(nuls).unwrap_or(PRINT_BYTES).min(PRINT_BYTES);
        self.extend(&NULS[..shown]);
        self.pos += nuls - shown as u64;
    }

    /// Whether what was read begins as these bytes do, as far as both go. Nothing begins as nothing.
    pub(crate) fn begins_as(&self, bytes: &[u8]) -> bool {
        let len = self.head.len().min(bytes.len());
        len > 0 && self.head[..len] == bytes[..len]
    }

    /// The bytes before the place of the reading: up to `PRINT_BYTES` of them.
    pub fn last(&self) -> &[u8] {
        &self.last
    }

    /// How many bytes it takes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.head.len() + self.last.len()
    }

    /// Whether it is UTF-16, in which every other byte of a text may be a NUL.
    pub(crate) fn is_utf16(&self) -> bool {
        matches!(self.head[..], [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
    }

    /// Whether `file` begins as it did and goes on from here.
    ///
    /// # Errors
    ///
    /// The file's.
    pub fn fits(&self, file: &File) -> io::Result<bool> {
        let mut found = [0; PRINT_BYTES];
        let mut is = |bytes: &[u8], at: u64| -> io::Result<bool> {
            let found = &mut found[..bytes.len()];
            Ok(read_at(file, found, at)? == bytes.len() && found == bytes)
        };
        Ok(is(&self.head, 0)? && is(&self.last, self.pos - self.last.len() as u64)?)
    }
}

/// Whether two files are the same up to `len`, as far as is looked: half a mebibyte at either end of that.
///
/// # Errors
///
/// Those of the files.
pub(crate) fn are_same(one: &File, other: &File, len: u64) -> io::Result<bool> {
    const LOOK: u64 = 512 << 10;
    let (mut ours, mut theirs) = (vec![0; len.min(LOOK) as usize], vec![0; len.min(LOOK) as usize]);
    for at in [0, len - len.min(LOOK)] {
        let both = (read_at(one, &mut ours, at)?, read_at(other, &mut theirs, at)?);
        if both != (ours.len(), ours.len()) || ours != theirs {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Fills `buf` from `at` on as far as the file goes.
///
/// # Errors
///
/// The file's.
pub fn read_at(file: &File, buf: &mut [u8], at: u64) -> io::Result<usize> {
    let mut len = 0;
    while len < buf.len() {
        match file.read_at(&mut buf[len..], at + len as u64) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_print_fits_its_file_only() {
        let file = |text: &str| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        };
        let text: String = (0..200).map(|n| format!("line {n}\n")).collect();
        let print = Print::of(&file(&text), 1000).unwrap();
        let mut grown = Print::default();
        text.as_bytes()[..1000].chunks(7).for_each(|bytes| grown.extend(bytes));
        assert_eq!(grown, print);
        assert!(print.fits(&file(&text)).unwrap() && print.fits(&file(&text[..1000])).unwrap());
        assert!(!print.fits(&file(&text[..999])).unwrap() && !print.fits(&file(&text[1..])).unwrap());
        assert!(print.begins_as(b"line 0\n") && !print.begins_as(b"line 1\n") && !print.begins_as(b""));
        assert!(are_same(&file(&text), &file(&text[..1000]), 1000).unwrap() && are_same(&file("a"), &file("b"), 0).unwrap());
        assert!(!are_same(&file(&text), &file(&text[..999]), 1000).unwrap() && !are_same(&file("abc"), &file("abd"), 3).unwrap());
    }

    #[test]
    fn nuls_that_are_skipped_are_as_those_that_are_read() {
        for nuls in [0, 3, 255, 256, 257, 9999] {
            let (mut read, mut skipped) = (Print::default(), Print::default());
            for print in [&mut read, &mut skipped] {
                print.extend(b"abc\n");
            }
            read.extend(&vec![0; nuls]);
            skipped.extend_nuls(nuls as u64);
            assert_eq!(read, skipped, "{nuls}");
        }
    }
}
