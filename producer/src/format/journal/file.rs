//! A journal file as it was when it was looked at: its header, its length, and what its tables of hashes find.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use recpipe::record::Schema;

use super::hash::hash;
use super::header::{Damage, HashTable, Header, LEAST_BYTES, u64_at};
use super::object::{FIELD_BYTES, Kind, data_bytes};
use super::pages::Pages;
use super::unpack::Unpacker;

/// A table of fields has no more than so many to be gone through.
const MAX_FIELDS: usize = Schema::MAX_FIELDS;

/// A file that somebody may be writing to; what was added since it was looked at does not count.
#[derive(Debug)]
pub(super) struct JournalFile {
    /// Tells this look at it from all others.
    pub id: u64,
    /// What it is called.
    pub name: Arc<str>,
    pub handle: Arc<File>,
    pub header: Header,
    /// Its bytes.
    pub len: u64,
}

impl JournalFile {
    /// Looks at a file.
    ///
    /// # Errors
    /// It is no journal, or cannot be read; as it is to be said.
    pub(super) fn look(name: &Arc<str>, handle: Arc<File>) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut head = [0; LEAST_BYTES];
        let mut read = 0;
        while read < head.len() {
            match handle.read_at(&mut head[read..], read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("it cannot be read: {error}")),
            }
        }
        let header = Header::read(&head[..read])?;
        let len = handle.metadata().map_err(|error| error.to_string())?.len();
        Ok(JournalFile { id: NEXT.fetch_add(1, Ordering::Relaxed), name: name.clone(), handle, header, len })
    }

    /// Whether the end of the file is lacking.
    pub(super) fn is_torn(&self) -> bool {
        self.header.end.is_none_or(|end| end > self.len)
    }

    /// Where the datum with this text lies, if there is one.
    ///
    /// # Errors
    /// What leads to it is damaged.
    pub(super) fn find(&self, pages: &mut Pages, unpacker: &mut Unpacker, text: &[u8]) -> Result<Option<u64>, Damage> {
        let wanted = hash(&self.header, text);
        let before = data_bytes(self.header.is_compact);
        self.chain(pages, self.header.data_hashes, wanted, |pages, at, found| {
            let head = pages.head(self, at, Kind::Data, before)?;
            if found != wanted {
                return Ok(false);
            }
            let packed = head.flags != 0;
            let len = head.size - before;
            if !packed && len != text.len() as u64 || len > usize::MAX as u64 / 2 {
                return Ok(false);
            }
            if packed && len > super::unpack::MAX_BYTES as u64 {
                return Ok(false);
            }
            let stored = pages.bytes(self, at + before, len as usize)?;
            Ok(if packed {
                unpacker.unpack(head.flags, stored).is_ok_and(|(stored, is_whole)| is_whole && stored == text)
            } else {
                stored == text
            })
        })
    }

    /// Where the field of this name lies, if there is one.
    ///
    /// # Errors
    /// What leads to it is damaged.
    pub(super) fn find_field(&self, pages: &mut Pages, name: &[u8]) -> Result<Option<u64>, Damage> {
        let wanted = hash(&self.header, name);
        self.chain(pages, self.header.field_hashes, wanted, |pages, at, found| {
            let head = pages.head(self, at, Kind::Field, FIELD_BYTES)?;
            Ok(found == wanted && head.size - FIELD_BYTES == name.len() as u64 && pages.bytes(self, at + FIELD_BYTES, name.len())? == name)
        })
    }

    /// Goes through the objects of the bucket of this hash, of which each stands behind the one before it, until one `is_it`.
    fn chain(
        &self,
        pages: &mut Pages,
        table: HashTable,
        wanted: u64,
        mut is_it: impl FnMut(&mut Pages, u64, u64) -> Result<bool, Damage>,
    ) -> Result<Option<u64>, Damage> {
        if table.buckets == 0 {
            return Ok(None);
        }
        let bucket = table.at.saturating_add(wanted % table.buckets * 16);
        let mut at = pages.u64(self, bucket)?;
        while at != 0 && !self.is_beyond(pages, at) {
            super::object::place(at, self.header.header_bytes, self.len)?;
            let fixed = pages.bytes(self, at, 32)?;
            let (found, next) = (u64_at(fixed, 16), u64_at(fixed, 24));
            if is_it(pages, at, found)? {
                return Ok(Some(at));
            }
            at = self.behind(at, next)?;
        }
        Ok(None)
    }

    /// Whether an object lies behind the tear of a file, or in it: it is not there.
    fn is_beyond(&self, pages: &mut Pages, at: u64) -> bool {
        self.is_torn() && pages.any_head(self, at).is_err()
    }

    /// The object that comes after the one at `at`: none is 0.
    fn behind(&self, at: u64, next: u64) -> Result<u64, Damage> {
        if next == 0 || next > at { Ok(next) } else { Err(Damage::new(at, "corrupt: objects that follow each other lie in a circle")) }
    }

    /// The names of all fields that its entries have, in the order in which they first came.
    ///
    /// # Errors
    /// What tells them is damaged.
    pub(super) fn fields(&self, pages: &mut Pages) -> Result<Vec<String>, Damage> {
        let HashTable { at: table, buckets } = self.header.field_hashes;
        let (mut found, mut seen): (Vec<(u64, String)>, usize) = (Vec::new(), 0);
        for bucket in 0..buckets.min(self.len / 16) {
            let mut at = pages.u64(self, table.saturating_add(bucket * 16))?;
            while at != 0 && !self.is_beyond(pages, at) {
                seen += 1;
                if seen > MAX_FIELDS {
                    return Err(Damage::new(at, format!("more than {MAX_FIELDS} fields")));
                }
                let head = pages.head(self, at, Kind::Field, FIELD_BYTES)?;
                let len = usize::try_from(head.size - FIELD_BYTES).ok().filter(|len| *len <= Schema::MAX_NAME_BYTES);
                let len = len.ok_or_else(|| Damage::new(at, "corrupt: a field with a name that is too long"))?;
                let name = pages.bytes(self, at + FIELD_BYTES, len)?;
                if let Some(name) = name_of(name) {
                    found.push((at, name.to_owned()));
                }
                let next = pages.u64(self, at + 24)?;
                at = self.behind(at, next)?;
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }
}

/// The name of a field, if it is one that a record can have.
pub(super) fn name_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|name| !name.is_empty() && name.len() <= Schema::MAX_NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{files, on_disk};
    use super::super::writer::Writer;
    use super::*;

    #[test]
    fn data_are_found_by_their_hashes() {
        let (mut pages, mut unpacker) = (Pages::default(), Unpacker::default());
        let long = format!("MESSAGE={}", "long ".repeat(400));
        for (name, writer) in files() {
            let mut writer = writer;
            for n in 0..300 {
                writer = writer.entry(n, &[&format!("N={n}"), "A=x", &long]);
            }
            let file = on_disk(&writer.finish());
            for n in 0..310 {
                let text = format!("N={n}");
                let found = file.find(&mut pages, &mut unpacker, text.as_bytes()).unwrap();
                assert_eq!(found.is_some(), n < 300, "{name} {n}");
            }
            assert!(file.find(&mut pages, &mut unpacker, long.as_bytes()).unwrap().is_some(), "{name}: packed");
            assert!(file.find(&mut pages, &mut unpacker, b"MESSAGE=short").unwrap().is_none());
            assert_eq!(file.fields(&mut pages).unwrap(), ["N", "A", "MESSAGE"], "{name}");
            assert!(file.find_field(&mut pages, b"MESSAGE").unwrap().is_some() && file.find_field(&mut pages, b"B").unwrap().is_none());
        }
    }

    #[test]
    fn a_circle_is_not_gone_round() {
        let mut bytes = Writer::regular().buckets(1).entry(1, &["A=1", "B=1", "C=1"]).finish();
        let file = on_disk(&bytes);
        let (mut pages, mut unpacker) = (Pages::default(), Unpacker::default());
        let c = file.find(&mut pages, &mut unpacker, b"C=1").unwrap().unwrap() as usize;
        let a = file.find(&mut pages, &mut unpacker, b"A=1").unwrap().unwrap();
        bytes[c + 24..c + 32].copy_from_slice(&a.to_le_bytes());
        let file = on_disk(&bytes);
        assert!(file.find(&mut pages, &mut unpacker, b"D=1").unwrap_err().what.contains("circle"));
    }
}
