//! Sorted runs of pairs of a key and a row: what sorting makes, and a merge takes.

use super::{
    arena::{Arena, Place},
    key::Prefix,
};
use crate::memory::Account;

/// Bytes of the number at the end of each key.
pub(crate) const SERIAL_BYTES: usize = 8;

/// What is kept of the pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of them.
    All,
    /// The first so many.
    First(usize),
    /// The first of those whose keys differ in their serial numbers only.
    Unique,
}

/// A key and its row.
pub type Pair<'m> = (&'m [u8], &'m [u8]);

/// A pair in memory: where it lies, after something of its key while it is sorted.
pub(super) type Entry = (Prefix, Place);

/// The key without the number that only it has.
pub(crate) fn without_serial(key: &[u8]) -> &[u8] {
    &key[..key.len().saturating_sub(SERIAL_BYTES)]
}

/// A sorted run that was never written.
#[derive(Debug)]
pub struct MemoryRun {
    arena: Arena,
    entries: Vec<Entry>,
    next: usize,
    _account: Account,
}

impl MemoryRun {
    /// These pairs, which are sorted.
    pub(super) fn new(arena: Arena, entries: Vec<Entry>, account: Account) -> Self {
        MemoryRun { arena, entries, next: 0, _account: account }
    }

    /// The next pair.
    #[inline]
    pub fn head(&self) -> Option<Pair<'_>> {
        self.entries.get(self.next).map(|entry| self.arena.get(entry.1))
    }

    /// Goes on to the pair after it.
    #[inline]
    pub fn advance(&mut self) {
        self.next += 1;
    }
}
