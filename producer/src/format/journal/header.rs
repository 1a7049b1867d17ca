//! The header of a journal file, and the damage that is found in one.
//!
//! Source: <https://systemd.io/JOURNAL_FILE_FORMAT/> and systemd's `journal-def.h`. All numbers are little-endian.

use std::borrow::Cow;

/// How a file begins.
pub(super) const MAGIC: &[u8; 8] = b"LPKSHHRH";

/// A header has at least so many bytes: those of the oldest files.
pub(super) const LEAST_BYTES: usize = 208;

/// What a reader has to know of a file. XZ, LZ4, keyed hashes, ZSTD, compact: objects may be compressed so, or are laid out so.
const KNOWN_FLAGS: u32 = 0b1_1111;
const KEYED_HASH: u32 = 1 << 2;
const COMPACT: u32 = 1 << 4;

/// Something in a file that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    /// The byte of the file.
    pub at: u64,
    pub what: Cow<'static, str>,
}

impl Damage {
    pub(super) fn new(at: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Damage { at, what: what.into() }
    }
}

/// The number of eight bytes.
///
/// # Panics
/// There are fewer.
#[inline]
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

/// The number of four bytes.
///
/// # Panics
/// There are fewer.
#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// What tells files, boots and rows of sequence numbers apart.
pub(super) type Id = [u8; 16];

pub(super) fn id_at(bytes: &[u8], at: usize) -> Id {
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[at..at + 16]);
    id
}

/// A table of hashes: where its buckets begin, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HashTable {
    pub at: u64,
    pub buckets: u64,
}

/// What a file says of itself. Nothing in it was held against the file but where it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(crate) is_keyed: bool,
    pub(crate) is_compact: bool,
    /// Nobody writes to it any more.
    pub(crate) is_archived: bool,
    pub(crate) file_id: Id,
    /// Which writer the sequence numbers are of.
    pub(crate) seqnum_id: Id,
    /// Where the objects begin.
    pub(crate) header_bytes: u64,
    /// Where they end, and with them the file: no number, where the two are too large.
    pub end: Option<u64>,
    pub(crate) data_hashes: HashTable,
    pub(crate) field_hashes: HashTable,
    pub(crate) tail_object: u64,
    pub entries: u64,
    pub(crate) entry_array: u64,
    pub(crate) head_seqnum: u64,
    /// When the first entry was written, in microseconds since 1970.
    pub(crate) head_realtime: u64,
}

impl Header {
    /// Reads the header of a file that begins so.
    ///
    /// # Errors
    /// It is no journal, or one that nobody here can read; as it is to be said.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        if !bytes.starts_with(MAGIC) {
            return Err("it is no journal of journald: it does not begin with LPKSHHRH".to_owned());
        }
        if bytes.len() < LEAST_BYTES {
            return Err(format!("torn: the file ends within its header, at byte {}", bytes.len()));
        }
        let (flags, header_bytes) = (u32_at(bytes, 12), u64_at(bytes, 88));
        if flags & !KNOWN_FLAGS != 0 {
            return Err(format!(
                "it has features that are not known here (incompatible flags {flags:#x}); `journalctl -o json | producer json` may read it"
            ));
        }
        if header_bytes < LEAST_BYTES as u64 || !header_bytes.is_multiple_of(8) {
            return Err(format!("corrupt: it says that its header has {header_bytes} bytes"));
        }
        let table = |at| HashTable { at: u64_at(bytes, at), buckets: u64_at(bytes, at + 8) / 16 };
        Ok(Header {
            is_keyed: flags & KEYED_HASH != 0,
            is_compact: flags & COMPACT != 0,
            is_archived: bytes[16] == 2,
            file_id: id_at(bytes, 24),
            seqnum_id: id_at(bytes, 72),
            header_bytes,
            end: header_bytes.checked_add(u64_at(bytes, 96)),
            data_hashes: table(104),
            field_hashes: table(120),
            tail_object: u64_at(bytes, 136),
            entries: u64_at(bytes, 152),
            head_seqnum: u64_at(bytes, 168),
            entry_array: u64_at(bytes, 176),
            head_realtime: u64_at(bytes, 184),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::Writer;
    use super::*;

    #[test]
    fn a_header_is_read_or_refused() {
        let file = Writer::compact().entry(7, &["A=1"]).finish();
        let header = Header::read(&file).unwrap();
        assert!(header.is_compact && header.is_keyed && (header.entries, header.head_realtime) == (1, 7));
        assert_eq!(header.end, Some(file.len() as u64));
        let refused = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut file = file.clone();
            change(&mut file);
            Header::read(&file).unwrap_err()
        };
        assert!(refused(&|file| file[0] = b'X').contains("no journal"));
        assert!(refused(&|file| file.truncate(100)).contains("torn"));
        assert!(refused(&|file| file[12] = 0xff).contains("incompatible flags 0xff"));
        assert!(refused(&|file| file[88] = 1).contains("corrupt"));
    }
}
