//! The objects of a journal file: each begins with its type, how it is compressed, and its size, and is filled up to eight bytes.

use super::header::{Damage, u64_at};

/// Bytes of the head that every object has.
pub(super) const HEAD_BYTES: u64 = 16;

/// Bytes of an entry before its items, and of an array of entries before its.
pub(super) const ENTRY_BYTES: u64 = 64;
pub(super) const ARRAY_BYTES: u64 = 24;

/// Bytes of a field before its name.
pub(super) const FIELD_BYTES: u64 = 40;

/// Bytes of a datum before its text.
pub(super) fn data_bytes(is_compact: bool) -> u64 {
    if is_compact { 72 } else { 64 }
}

/// Bytes of an item of an entry.
pub(super) fn item_bytes(is_compact: bool) -> u64 {
    if is_compact { 4 } else { 16 }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Field,
    Entry,
    HashTable,
    EntryArray,
    Tag,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Kind::Data,
            2 => Kind::Field,
            3 => Kind::Entry,
            4 | 5 => Kind::HashTable,
            6 => Kind::EntryArray,
            7 => Kind::Tag,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Data => "datum",
            Kind::Field => "field",
            Kind::Entry => "entry",
            Kind::HashTable => "table of hashes",
            Kind::EntryArray => "array of entries",
            Kind::Tag => "tag",
        }
    }
}

/// The head of an object that lies within its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub kind: Kind,
    /// How its text is compressed.
    pub flags: u8,
    /// Its bytes, with this head.
    pub size: u64,
}

impl Head {
    /// Reads the head of the object at `at` in a file of so many bytes.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    pub(super) fn read(bytes: &[u8], at: u64, file_bytes: u64) -> Result<Self, Damage> {
        let size = u64_at(bytes, 8);
        let Some(kind) = Kind::of(bytes[0]) else {
            return Err(Damage::new(at, format!("corrupt: an object of the unknown type {}", bytes[0])));
        };
        if size < HEAD_BYTES || at.checked_add(size).is_none_or(|end| end > file_bytes) {
            return Err(Damage::new(at, format!("torn or corrupt: an object of {size} bytes, where the file ends at byte {file_bytes}")));
        }
        Ok(Head { kind, flags: bytes[1], size })
    }

    /// Of this kind, and at least so large.
    ///
    /// # Errors
    /// It is not.
    #[inline]
    pub(super) fn as_kind(self, kind: Kind, least: u64, at: u64) -> Result<Self, Damage> {
        if self.kind == kind && self.size >= least {
            return Ok(self);
        }
        Err(Damage::new(at, format!("corrupt: a {} of {} bytes, where a {} has to be", self.kind.name(), self.size, kind.name())))
    }
}

/// Where an object can begin: after the header, at eight bytes.
///
/// # Errors
/// It cannot begin there.
#[inline]
pub(super) fn place(at: u64, header_bytes: u64, file_bytes: u64) -> Result<u64, Damage> {
    if at < header_bytes || !at.is_multiple_of(8) || at >= file_bytes || file_bytes - at < HEAD_BYTES {
        return Err(Damage::new(at, format!("torn or corrupt: an object has to begin here, where the file ends at byte {file_bytes}")));
    }
    Ok(at)
}
