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
const PRINT_BYTES: usize = 256;

/// What tells whether a file still is what was read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Print {
    head: Vec<u8>,
    /// The place of the reading.
    pub pos: u64,
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

    /// Whether `file` may be a copy of what was read, or of the beginning of it: the place up to which it is known then.
    ///
    /// # Errors
    ///
    /// The file's.
    pub fn known_of_copy(&self, file: &File) -> io::Result<Option<u64>> {
        let len = file.metadata()?.len();
        if len >= self.pos {
            return Ok(self.fits(file)?.then_some(self.pos));
        }
        let mut found = [0; PRINT_BYTES];
        let head = &self.head[..self.head.len().min(usize::try_from(len).unwrap_or(usize::MAX))];
        let got = read_at(file, &mut found[..head.len()], 0)?;
        Ok((!head.is_empty() && found[..got] == *head).then_some(len))
    }
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
        assert_eq!(print.known_of_copy(&file(&text)).unwrap(), Some(1000));
        assert_eq!(print.known_of_copy(&file(&text[..500])).unwrap(), Some(500));
        assert_eq!(print.known_of_copy(&file(&text[1..])).unwrap(), None);
        assert_eq!(print.known_of_copy(&file("")).unwrap(), None);
    }
}
