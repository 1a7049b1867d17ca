//! Reads files by pages, of which some are kept: what entries have in common lies anywhere in a file, and is asked for again and again.
//!
//! Pages are read, not mapped: a file that is cut while it is mapped would end the program.

use std::collections::HashMap;
use std::os::unix::fs::FileExt;

use super::file::JournalFile;
use super::header::{Damage, u64_at};
use super::object::{HEAD_BYTES, Head, Kind};

/// Bytes of a page.
const PAGE_BYTES: usize = 64 << 10;

/// So many pages are kept: 16 MiB.
const MAX_PAGES: usize = 256;

struct Page {
    key: (u64, u64),
    bytes: Vec<u8>,
    /// It was asked for since the hand passed by.
    is_used: bool,
}

/// The pages of any files that were asked for last, about ("clock" replacement).
#[derive(Default)]
pub(super) struct Pages {
    pages: Vec<Page>,
    places: HashMap<(u64, u64), usize>,
    hand: usize,
    /// The page that was asked for last.
    last: usize,
    /// What lies on more than one page.
    joined: Vec<u8>,
}

impl Pages {
    /// So many bytes of the file, from `at` on.
    ///
    /// # Errors
    /// The file ends before, or cannot be read.
    #[inline]
    pub(super) fn bytes(&mut self, file: &JournalFile, at: u64, len: usize) -> Result<&[u8], Damage> {
        let (page, within) = (at / PAGE_BYTES as u64, (at % PAGE_BYTES as u64) as usize);
        if within + len > PAGE_BYTES {
            return self.join(file, at, len);
        }
        let place = self.page(file, page)?;
        self.pages[place].bytes.get(within..within + len).ok_or_else(|| torn(file, at))
    }

    /// The number at `at`.
    ///
    /// # Errors
    /// As for [`Pages::bytes`].
    pub(super) fn u64(&mut self, file: &JournalFile, at: u64) -> Result<u64, Damage> {
        self.bytes(file, at, 8).map(|bytes| u64_at(bytes, 0))
    }

    /// The head of the object at `at`, which is of this kind and has at least so many bytes.
    ///
    /// # Errors
    /// There is no such object.
    #[inline]
    pub(super) fn head(&mut self, file: &JournalFile, at: u64, kind: Kind, least: u64) -> Result<Head, Damage> {
        self.any_head(file, at)?.as_kind(kind, least, at)
    }

    /// The same of any object.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    pub(super) fn any_head(&mut self, file: &JournalFile, at: u64) -> Result<Head, Damage> {
        let at = super::object::place(at, file.header.header_bytes, file.len)?;
        Head::read(self.bytes(file, at, HEAD_BYTES as usize)?, at, file.len)
    }

    fn join(&mut self, file: &JournalFile, at: u64, len: usize) -> Result<&[u8], Damage> {
        if at.checked_add(len as u64).is_none_or(|end| end > file.len) {
            return Err(torn(file, at));
        }
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        while joined.len() < len {
            let from = at + joined.len() as u64;
            let within = (from % PAGE_BYTES as u64) as usize;
            let place = self.page(file, from / PAGE_BYTES as u64)?;
            let rest = self.pages[place].bytes.get(within..).unwrap_or_default();
            let part = &rest[..rest.len().min(len - joined.len())];
            if part.is_empty() {
                return Err(torn(file, at));
            }
            joined.extend_from_slice(part);
        }
        self.joined = joined;
        Ok(&self.joined)
    }

    /// Where this page of the file is kept.
    #[inline]
    fn page(&mut self, file: &JournalFile, page: u64) -> Result<usize, Damage> {
        let key = (file.id, page);
        if self.pages.get(self.last).is_some_and(|last| last.key == key) {
            return Ok(self.last);
        }
        self.last = match self.places.get(&key) {
            Some(place) => *place,
            None => self.read(file, key)?,
        };
        self.pages[self.last].is_used = true;
        Ok(self.last)
    }

    #[cold]
    fn read(&mut self, file: &JournalFile, key: (u64, u64)) -> Result<usize, Damage> {
        let at = key.1 * PAGE_BYTES as u64;
        let len = file.len.saturating_sub(at).min(PAGE_BYTES as u64) as usize;
        let place = self.free();
        let page = &mut self.pages[place];
        self.places.remove(&page.key);
        // Until it is read, it is of no file.
        page.key = (u64::MAX, u64::MAX);
        page.bytes.resize(len, 0);
        file.handle.read_exact_at(&mut page.bytes, at).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Damage::new(at, "torn: the file was cut while it was read"),
            _ => Damage::new(at, format!("it cannot be read: {error}")),
        })?;
        page.key = key;
        self.places.insert(key, place);
        Ok(place)
    }

    /// A place for a page.
    fn free(&mut self) -> usize {
        if self.pages.len() < MAX_PAGES {
            self.pages.push(Page { key: (u64::MAX, u64::MAX), bytes: Vec::new(), is_used: false });
            return self.pages.len() - 1;
        }
        loop {
            self.hand = (self.hand + 1) % self.pages.len();
            if !std::mem::take(&mut self.pages[self.hand].is_used) {
                return self.hand;
            }
        }
    }
}

fn torn(file: &JournalFile, at: u64) -> Damage {
    Damage::new(at, format!("torn: the file ends at byte {}", file.len))
}

#[cfg(test)]
mod tests {
    use super::super::testing::on_disk;
    use super::super::writer::Writer;
    use super::*;

    #[test]
    fn any_bytes_of_a_file_whatever_is_kept() {
        let mut bytes = Writer::regular().entry(1, &["A=1"]).finish();
        bytes.extend((0..40 * PAGE_BYTES / 4).flat_map(|n| (n as u32).to_le_bytes()));
        let file = on_disk(&bytes);
        let mut pages = Pages::default();
        for _ in 0..2 {
            for at in (0..bytes.len()).step_by(PAGE_BYTES / 3 + 7) {
                for len in [0, 1, 8, 5000, 2 * PAGE_BYTES + 3] {
                    let want = bytes.get(at..at + len);
                    assert_eq!(pages.bytes(&file, at as u64, len).ok(), want, "{at} {len}");
                }
            }
        }
        assert!(pages.bytes(&file, u64::MAX - 3, 8).is_err() && pages.bytes(&file, bytes.len() as u64, 1).is_err());
    }
}
