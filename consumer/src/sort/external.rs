//! External merge sort of keys and rows: sorted runs, in memory and in temporary files, merged at the end.
//!
//! Each key ends in a number of its own ([`super::run::SERIAL_BYTES`]), so no two are equal, and any way of sorting is stable.

use std::{cmp::Ordering, collections::VecDeque, sync::Arc};

use bytes::Bytes;
use recpipe::{Batch, Column, Error, Field, Origin, PackedInts, Schema, Text, Type, record::column};

use super::{
    arena::Arena,
    key::{prefix, sort_by_key},
    merge::{Merge, Pairs},
    run::{Entry, Keep, MemoryRun, without_serial},
};
use crate::memory::{Account, Budget, ReadRun, Run, Spill};

/// Gathers pairs of a key and a row, within its budget; then is one of those that [`Merge`] gives them back from.
#[derive(Debug)]
pub struct ExternalSorter {
    keep: Keep,
    arena: Arena,
    entries: Vec<Entry>,
    /// With [`Keep::First`]: what does not come before this is not kept.
    bound: Option<Vec<u8>>,
    account: Account,
    spill: Option<Spill>,
    runs: Vec<Run>,
}

/// The first pairs of some, in order, and how many there are.
#[derive(Debug)]
pub struct First {
    pub(super) pairs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) all: usize,
}

/// [`Keep::First`] is enforced when this many have come beyond it, or as many again if that is more.
const PRUNE_AT: usize = 4096;

/// No more is copied to be looked at before the end.
const MOST_COPIED_BYTES: usize = 4 << 20;

impl ExternalSorter {
    /// An empty one, with an account of its own.
    pub fn new(keep: Keep, budget: &Budget) -> Self {
        let arena = Arena::new(budget.piece());
        ExternalSorter { keep, arena, entries: Vec::new(), bound: None, account: budget.account(), spill: None, runs: Vec::new() }
    }

    /// Adds a pair, whose row has `row_len` bytes and is appended by `write`.
    ///
    /// # Errors
    /// Those of a [`Spill`].
    pub fn push(&mut self, key: &[u8], row_len: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
        if self.bound.as_ref().is_some_and(|bound| key >= &bound[..]) {
            return Ok(());
        }
        self.make_room(key.len() + row_len)?;
        let place = self.arena.push(key, row_len, write);
        self.entries.push((prefix(key), place));
        match self.keep {
            Keep::First(n) if self.entries.len() >= n.saturating_add(n.max(PRUNE_AT)) => self.prune(n),
            _ => Ok(()),
        }
    }

    /// Makes sure that a pair of so many bytes fits, if need be by spilling all that there is.
    fn make_room(&mut self, pair: usize) -> Result<(), Error> {
        let grows = self.entries.len() == self.entries.capacity();
        let growth = self.arena.growth(pair);
        if !grows && growth == 0 {
            return Ok(());
        }
        let more = if grows { (self.entries.capacity() / 2).max(64) } else { 0 };
        let wanted = self.arena.bytes() + growth + (self.entries.capacity() + more) * size_of::<Entry>();
        if !self.account.hold(wanted) && !self.entries.is_empty() {
            self.spill()?;
            let grown = self.arena.bytes() + self.arena.growth(pair) + self.entries.capacity() * size_of::<Entry>();
            // With nothing in it there is always room for one pair.
            let _ = self.account.hold(grown);
        } else if grows {
            self.entries.reserve_exact(more);
        }
        Ok(())
    }

    /// Leaves only the first `n`.
    fn prune(&mut self, n: usize) -> Result<(), Error> {
        if n == 0 {
            self.entries.clear();
            self.arena.clear();
            self.bound = Some(Vec::new());
            return Ok(());
        }
        let (arena, entries) = (&self.arena, &mut self.entries);
        let (_, last, _) = entries.select_nth_unstable_by(n - 1, |a, b| compare(arena, a, b));
        self.bound = Some(arena.get(last.1).0.to_vec());
        entries.truncate(n);
        let mut left = Arena::new(self.account.budget().piece());
        for entry in entries {
            let (key, row) = arena.get(entry.1);
            entry.1 = left.push(key, row.len(), |out| out.extend_from_slice(row));
        }
        self.arena = left;
        Ok(())
    }

    /// Sorts what is in memory, and leaves out what is not to be kept of it.
    fn sort(&mut self) {
        let (arena, entries) = (&self.arena, &mut self.entries);
        sort_by_key(entries, &|place| arena.get(place).0);
        match self.keep {
            Keep::All => {}
            Keep::First(n) => entries.truncate(n),
            Keep::Unique => entries.dedup_by(|later, first| without_serial(arena.get(later.1).0) == without_serial(arena.get(first.1).0)),
        }
    }

    /// The first so many of the pairs; `None` where some are in files, or that would be much to copy.
    pub(super) fn first(&self, most: usize) -> Option<First> {
        if !self.runs.is_empty() {
            return None;
        }
        let arena = &self.arena;
        let by_key = |a: &Entry, b: &Entry| compare(arena, a, b);
        let (mut best, mut bound): (Vec<Entry>, Option<Entry>) = (Vec::new(), None);
        for entry in &self.entries {
            if bound.as_ref().is_some_and(|bound| by_key(entry, bound).is_ge()) {
                continue;
            }
            best.push(*entry);
            if best.len() >= most.saturating_mul(2).max(2) {
                best.select_nth_unstable_by(most.saturating_sub(1), by_key);
                best.truncate(most.max(1));
                bound = best.last().copied();
            }
        }
        best.sort_unstable_by(by_key);
        best.truncate(most);
        let pair_bytes = |entry: &Entry| arena.get(entry.1).0.len() + arena.get(entry.1).1.len();
        if best.iter().map(pair_bytes).sum::<usize>() > MOST_COPIED_BYTES {
            return None;
        }
        let pair = |entry: Entry| {
            let (key, row) = arena.get(entry.1);
            (key.to_vec(), row.to_vec())
        };
        Some(First { pairs: best.into_iter().map(pair).collect(), all: self.entries.len() })
    }

    /// The first so many pairs of all, and how many are kept of all: what is dropped later than it comes is not counted.
    pub(super) fn of_first(&self, all: Vec<First>, most: usize) -> First {
        let mut count: usize = all.iter().map(|first| first.all).sum();
        let mut pairs: Vec<_> = all.into_iter().flat_map(|first| first.pairs).collect();
        pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        pairs.truncate(most);
        if let Keep::First(n) = self.keep {
            count = count.min(n);
            pairs.truncate(n);
        }
        First { pairs, all: count }
    }

    fn spill(&mut self) -> Result<(), Error> {
        self.sort();
        let budget = self.account.budget();
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(budget.spill()?),
        };
        let mut run = spill.write()?;
        let mut pairs = PairBlock::new(budget.piece());
        for entry in &self.entries {
            let (key, row) = self.arena.get(entry.1);
            if let Some(full) = pairs.push(key, row)? {
                run.batch(&full)?;
            }
        }
        if let Some(last) = pairs.finish()? {
            run.batch(&last)?;
        }
        self.runs.push(run.finish()?);
        self.entries.clear();
        self.arena.clear();
        Ok(())
    }

    /// No more pairs come: writes what is in memory to a temporary file, and gives the memory back.
    ///
    /// # Errors
    /// Those of a [`Spill`].
    pub(crate) fn park(&mut self) -> Result<(), Error> {
        if !self.entries.is_empty() {
            self.spill()?;
        }
        self.entries = Vec::new();
        self.arena = Arena::new(self.account.budget().piece());
        let _ = self.account.hold(0);
        Ok(())
    }

    /// No more pairs come: sorts what is still to be sorted. Whoever owns a thread does it there.
    pub(crate) fn seal(&mut self) {
        self.sort();
    }

    /// Merges runs of [`packed`] batches, in the way of this one, which is empty.
    pub(super) fn merge_runs(self, runs: Vec<Box<dyn ReadRun>>) -> Result<Merge, Error> {
        Ok(Merge::new(runs.into_iter().map(Pairs::read).collect::<Result<_, _>>()?, self.keep))
    }

    /// The runs that were spilled.
    #[cfg(test)]
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Merges what several have gathered, which must be sealed; keys and rows come in order.
    ///
    /// # Errors
    /// Those of a [`Spill`].
    pub fn merge(sorters: Vec<ExternalSorter>, budget: &Budget) -> Result<Merge, Error> {
        let keep = sorters.first().map_or(Keep::All, |sorter| sorter.keep);
        let (mut runs, mut in_memory) = (VecDeque::new(), Vec::new());
        for sorter in sorters {
            runs.extend(sorter.runs);
            if !sorter.entries.is_empty() {
                in_memory.push(MemoryRun::new(sorter.arena, sorter.entries, sorter.account));
            }
        }
        let fan_in = budget.fan_in();
        while runs.len() > fan_in {
            // As few as leave a full merge for every later pass.
            let some = if runs.len() < 2 * fan_in { runs.len() - fan_in + 1 } else { fan_in };
            let pairs = runs.drain(..some).map(|run| Pairs::spilled(&run)).collect::<Result<_, _>>()?;
            let mut spill = budget.spill()?;
            let mut run = spill.write()?;
            for batch in packed(Merge::new(pairs, keep), budget) {
                run.batch(&batch?)?;
            }
            runs.push_back(run.finish()?);
        }
        let spilled = runs.iter().map(Pairs::spilled);
        let pairs = spilled.chain(in_memory.into_iter().map(|run| Ok(Pairs::Memory(run)))).collect::<Result<_, _>>()?;
        Ok(Merge::new(pairs, keep))
    }
}

/// What a merge gives, as the batches of a run.
pub(super) fn packed(mut merge: Merge, budget: &Budget) -> impl Iterator<Item = Result<Batch, Error>> + use<> {
    let mut block = PairBlock::new(budget.piece());
    let mut next = move || {
        while let Some((key, row)) = merge.next()? {
            if let Some(full) = block.push(key, row)? {
                return Ok(Some(full));
            }
        }
        block.finish()
    };
    std::iter::from_fn(move || next().transpose())
}

/// Compares two pairs of an arena by their keys.
#[inline]
fn compare(arena: &Arena, a: &Entry, b: &Entry) -> Ordering {
    a.0.cmp(&b.0).then_with(|| arena.get(a.1).0.cmp(arena.get(b.1).0))
}

/// Pairs on their way into a run, as batches of two columns of text.
struct PairBlock {
    schema: Arc<Schema>,
    piece: usize,
    bytes: Vec<u8>,
    starts: Vec<u32>,
    key_lens: Vec<u32>,
    row_lens: Vec<u32>,
}

impl PairBlock {
    fn new(piece: usize) -> Self {
        // Two names that differ are always a schema.
        let schema = Schema::new(vec![Field::new("key", Type::Text), Field::new("row", Type::Text)]).map(Arc::new);
        let schema = schema.unwrap_or_else(|_| unreachable!("the names of the two fields differ"));
        PairBlock { schema, piece, bytes: Vec::new(), starts: Vec::new(), key_lens: Vec::new(), row_lens: Vec::new() }
    }

    /// Adds a pair; gives what was there before where that has grown large enough.
    fn push(&mut self, key: &[u8], row: &[u8]) -> Result<Option<Batch>, Error> {
        let is_full = !self.bytes.is_empty() && self.bytes.len() + key.len() + row.len() > self.piece;
        let full = if is_full || self.starts.len() >= Batch::MAX_ROWS { self.finish()? } else { None };
        self.starts.push(self.bytes.len() as u32);
        self.key_lens.push(key.len() as u32);
        self.row_lens.push(row.len() as u32);
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(row);
        Ok(full)
    }

    fn finish(&mut self) -> Result<Option<Batch>, Error> {
        let rows = self.starts.len();
        if rows == 0 {
            return Ok(None);
        }
        let capacity = self.bytes.len();
        let bytes: Bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(capacity)).into();
        let (anchors, key_lens) = (PackedInts::pack(&self.starts), PackedInts::pack(&self.key_lens));
        let column = |starts: PackedInts, lens: PackedInts| {
            let text = Text::new(bytes.clone(), Some(anchors.clone()), starts, lens);
            text.map(|text| Column::new(column::Values::Text(text))).ok_or(Error::Protocol("pairs outside of their block"))
        };
        let columns = vec![column(PackedInts::constant(0, rows), key_lens.clone())?, column(key_lens, PackedInts::pack(&self.row_lens))?];
        for list in [&mut self.starts, &mut self.key_lens, &mut self.row_lens] {
            list.clear();
        }
        Batch::new(self.schema.clone(), columns, rows, Origin::default()).map(Some)
    }
}
