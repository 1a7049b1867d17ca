//! An entry: what stands at its beginning, and the data that it has.

use super::file::JournalFile;
use super::header::{Damage, Id, id_at, u32_at, u64_at};
use super::object::{ENTRY_BYTES, Kind, item_bytes};
use super::pages::Pages;

/// An entry of more data is damaged.
const MAX_ITEMS: u64 = 1 << 16;

/// Where an entry lies, and when it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its first byte, and the one after its last.
    pub at: u64,
    pub end: u64,
    /// Its number in the file, from 0.
    pub nth: u64,
    /// Its number among all that its writer wrote, to whatever file.
    pub(crate) seqnum: u64,
    /// In microseconds since 1970.
    pub(crate) realtime: u64,
    pub boot: Id,
}

impl Entry {
    /// The entry that begins at this place; its number is to be set.
    ///
    /// # Errors
    /// None does.
    pub(super) fn at(pages: &mut Pages, file: &JournalFile, at: u64) -> Result<Self, Damage> {
        let head = pages.head(file, at, Kind::Entry, ENTRY_BYTES)?;
        let fixed = pages.bytes(file, at, ENTRY_BYTES as usize)?;
        let (seqnum, realtime, boot) = (u64_at(fixed, 16), u64_at(fixed, 24), id_at(fixed, 40));
        Ok(Entry { at, end: at + head.size, nth: 0, seqnum, realtime, boot })
    }
}

/// Where the data of the entry at this place begin.
///
/// # Errors
/// No entry begins there, or it has too many.
pub(super) fn items(pages: &mut Pages, file: &JournalFile, at: u64, items: &mut Vec<u64>) -> Result<(), Damage> {
    let head = pages.head(file, at, Kind::Entry, ENTRY_BYTES)?;
    let width = item_bytes(file.header.is_compact);
    let count = (head.size - ENTRY_BYTES) / width;
    if count > MAX_ITEMS {
        return Err(Damage::new(at, format!("corrupt: an entry of {count} data, more than {MAX_ITEMS}")));
    }
    let bytes = pages.bytes(file, at + ENTRY_BYTES, (count * width) as usize)?;
    let place = |item: &[u8]| if width == 4 { u64::from(u32_at(item, 0)) } else { u64_at(item, 0) };
    items.clear();
    items.extend(bytes.chunks_exact(width as usize).map(place));
    Ok(())
}
