//! Chains of arrays of entries: where entries begin, in the order in which they were written, which is that of their places.
//!
//! Each array is about twice as long as the one before it, so there are few of them.

use super::file::JournalFile;
use super::header::{Damage, u32_at, u64_at};
use super::object::{ARRAY_BYTES, Kind};
use super::pages::Pages;

/// A chain of more arrays is damaged.
const MAX_ARRAYS: usize = 1024;

/// One array.
#[derive(Debug, Clone, Copy)]
struct Array {
    /// How many entries come before it.
    first: u64,
    len: u64,
    /// Where its first item lies.
    at: u64,
}

/// A chain of arrays.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    arrays: Vec<Array>,
    width: u64,
}

impl Chain {
    /// The chain that begins at this place, of so many entries.
    ///
    /// # Errors
    /// It is damaged, or ends before.
    pub(super) fn new(pages: &mut Pages, file: &JournalFile, first: u64, entries: u64) -> Result<Self, Damage> {
        let mut chain = Chain { arrays: Vec::new(), width: if file.header.is_compact { 4 } else { 8 } };
        let (mut at, mut before) = (first, 0);
        while before < entries {
            let head = pages.head(file, at, Kind::EntryArray, ARRAY_BYTES)?;
            let len = ((head.size - ARRAY_BYTES) / chain.width).min(entries - before);
            if len == 0 || chain.arrays.len() == MAX_ARRAYS {
                return Err(Damage::new(at, "corrupt: an array of no entries, or too many of them"));
            }
            chain.arrays.push(Array { first: before, len, at: at + ARRAY_BYTES });
            before += len;
            let next = pages.u64(file, at + 16)?;
            if before < entries && next <= at {
                return Err(Damage::new(at, format!("corrupt: after {before} of {entries} entries no array of more follows")));
            }
            at = next;
        }
        Ok(chain)
    }

    /// How many entries it has.
    pub(super) fn len(&self) -> u64 {
        self.arrays.last().map_or(0, |last| last.first + last.len)
    }

    /// Where the entry of this number begins.
    ///
    /// # Errors
    /// The array cannot be read.
    pub(super) fn get(&self, pages: &mut Pages, file: &JournalFile, nth: u64) -> Result<Option<u64>, Damage> {
        let array = self.arrays.partition_point(|array| array.first <= nth).checked_sub(1).map(|place| self.arrays[place]);
        let Some(array) = array.filter(|array| nth - array.first < array.len) else { return Ok(None) };
        let at = array.at + (nth - array.first) * self.width;
        let item = pages.bytes(file, at, self.width as usize)?;
        Ok(Some(if self.width == 4 { u64::from(u32_at(item, 0)) } else { u64_at(item, 0) }))
    }

    /// The number of the first entry, from `from` on, that begins at `least` or behind it; their number if there is none. What is near is
    /// found soon.
    ///
    /// # Errors
    /// An array cannot be read.
    pub(super) fn seek(&self, pages: &mut Pages, file: &JournalFile, from: u64, least: u64) -> Result<u64, Damage> {
        let mut is_before = |nth: u64| self.get(pages, file, nth).map(|at| at.is_some_and(|at| at < least));
        let (mut low, mut step) = (from, 1);
        while is_before(low + step - 1)? {
            low += step;
            step *= 2;
        }
        let mut high = (low + step - 1).min(self.len().max(low));
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::on_disk;
    use super::super::writer::Writer;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn what_is_sought_is_found(entries in 0..200_u64, seeks in prop::collection::vec((0..200_u64, 0..30_000_u64), 20)) {
            let mut writer = Writer::regular();
            for n in 0..entries {
                writer = writer.entry(n, &[&format!("N={n}")]);
            }
            let (mut pages, file) = (Pages::default(), on_disk(&writer.finish()));
            let chain = Chain::new(&mut pages, &file, file.header.entry_array, file.header.entries).unwrap();
            let all: Vec<u64> = (0..entries).map(|nth| chain.get(&mut pages, &file, nth).unwrap().unwrap()).collect();
            prop_assert!(all.is_sorted() && chain.len() == entries && chain.get(&mut pages, &file, entries).unwrap().is_none());
            for (from, least) in seeks {
                let from = from.min(entries);
                let want = (from..entries).find(|nth| all[*nth as usize] >= least).unwrap_or(entries);
                prop_assert_eq!(chain.seek(&mut pages, &file, from, least).unwrap(), want);
            }
        }
    }
}
