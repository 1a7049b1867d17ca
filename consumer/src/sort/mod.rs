//! Sorting more records than fit in memory.
//!
//! `Sorter` turns batches into pairs of a normalized key and a row; `external` sorts and merges those, in memory or
//! not; what comes out is put together to batches again.

pub(crate) mod arena;
mod best_of_key;
pub(crate) mod cell;
pub(crate) mod external;
mod first_seen;
pub mod key;
pub mod merge;
mod row;
pub mod run;
#[cfg(test)]
mod tests;
pub(crate) mod tournament;

use std::sync::Arc;

use recpipe::{Batch, Error, Schema};

pub use self::{
    best_of_key::BestOfKey,
    external::{ExternalSorter, First},
    first_seen::FirstSeen,
    row::RowFormat,
    run::Keep,
};

use self::{key::push_sort_key, merge::Merge};
use crate::{
    expr::{Expr, Vector},
    memory::{Budget, ReadRun},
    plan::partial::{Batches, Gather, SoFar},
};

/// Records of a batch of results: as many as a block of a log has, roughly.
const BATCH_ROWS: usize = 8192;
/// Bytes of rows of a batch of results, unless a single record has more.
const BATCH_BYTES: usize = 1 << 20;

/// The number of the first record of a batch in the whole input; the others follow.
///
/// # Errors
/// [`Error::Data`] beyond what can be counted.
pub(crate) fn serial(batch: &Batch) -> Result<u64, Error> {
    let first = batch.origin().order.checked_mul(Batch::MAX_ROWS as u64).filter(|&first| first < 1 << 62);
    first.ok_or_else(|| Error::Data("more batches than can be counted".into()))
}

/// What is compared, and in which direction.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    /// The value.
    pub expr: Expr,
    /// Whether the largest comes first; NaN and null come last in both directions.
    pub(crate) descending: bool,
}

/// Gathers records; each worker has one, or the once part has the only one.
#[derive(Debug)]
pub(crate) struct Sorter {
    keys: Vec<SortKey>,
    rows: RowFormat,
    pairs: ExternalSorter,
    key: Vec<u8>,
}

impl Sorter {
    /// An empty one for records of this schema.
    pub(crate) fn new(keys: Vec<SortKey>, schema: Arc<Schema>, keep: Keep, budget: &Budget) -> Self {
        let pairs = ExternalSorter::new(keep, budget);
        Sorter { keys, rows: RowFormat::new(schema), pairs, key: Vec::new() }
    }

    /// All that it gives has the late fields of all that came.
    pub(crate) fn settled(self) -> Self {
        Sorter { rows: self.rows.settled(), ..self }
    }

    /// Adds the records of a batch. Their places in the input follow from its origin's `order`: of equal records the
    /// earlier comes first.
    ///
    /// # Errors
    /// Those of the keys' expressions, and those of a [`crate::memory::Spill`].
    pub(crate) fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        let keys = self.keys.iter().map(|key| key.expr.eval(batch)).collect::<Result<Vec<Vector>, _>>()?;
        self.rows.note(batch);
        let mut columns = self.rows.columns(batch);
        let first = serial(batch)?;
        for row in 0..batch.len() {
            self.key.clear();
            for (vector, key) in keys.iter().zip(&self.keys) {
                push_sort_key(vector.value(row), key.expr.is_open(), key.descending, &mut self.key);
            }
            self.key.extend_from_slice(&(first + row as u64).to_be_bytes());
            let rows = &self.rows;
            let len = rows.len_of(&mut columns, row);
            self.pairs.push(&self.key, len, |out| rows.write(&columns, row, out))?;
        }
        Ok(())
    }

    /// No more records come.
    pub(crate) fn seal(&mut self) {
        self.pairs.seal();
    }

    /// The records of several sorters for the same stage, which must be sealed, in order.
    ///
    /// # Errors
    /// Those of a [`crate::memory::Spill`].
    pub(crate) fn merge(sorters: Vec<Sorter>, budget: &Budget) -> Result<Sorted, Error> {
        let mut rows = None;
        let mut pairs = Vec::new();
        for sorter in sorters {
            rows.get_or_insert(sorter.rows);
            pairs.push(sorter.pairs);
        }
        let rows = rows.ok_or(Error::Protocol("a merge of nothing"))?;
        Ok(Sorted { rows, merge: ExternalSorter::merge(pairs, budget)? })
    }
}

impl Sorter {
    /// The first so many of the records so far, and how many there are; `None` where some are in files.
    pub(crate) fn first(&self, most: usize) -> Option<First> {
        self.pairs.first(most)
    }

    /// The first so many records of what [`Sorter::first`] gave of several for the same stage, and how many come after them.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 4 GiB.
    pub(crate) fn of_first(&self, all: Vec<First>, most: usize) -> Result<(Option<Batch>, u64), Error> {
        let First { pairs: first, all } = self.pairs.of_first(all, most);
        let (mut block, mut starts) = (Vec::new(), Vec::new());
        for (_, row) in &first {
            starts.push(u32::try_from(block.len()).map_err(|_| Error::Data("more than 4 GiB of records".into()))?);
            block.extend_from_slice(row);
        }
        let batch = if starts.is_empty() { None } else { Some(self.rows.read(block.into(), &starts)?) };
        Ok((batch, (all - first.len()) as u64))
    }

    /// What several sorters hold, as one run: its batches, which [`Sorter::merge_runs`] of another process takes.
    ///
    /// # Errors
    /// Those of a [`crate::memory::Spill`]; so do the batches.
    pub(crate) fn into_run(sorters: Vec<Sorter>, budget: &Budget) -> Result<impl Iterator<Item = Result<Batch, Error>> + use<>, Error> {
        let pairs = sorters.into_iter().map(|sorter| sorter.pairs).collect();
        Ok(external::packed(ExternalSorter::merge(pairs, budget)?, budget))
    }

    /// The records of runs that [`Sorter::into_run`] gave elsewhere, for the stage that this sorter, an empty one, is of.
    ///
    /// # Errors
    /// Those of the runs.
    pub(crate) fn merge_runs(self, runs: Vec<Box<dyn ReadRun>>) -> Result<Sorted, Error> {
        Ok(Sorted { rows: self.rows, merge: self.pairs.merge_runs(runs)? })
    }
}

impl Gather for Sorter {
    type Copy = First;

    fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        Sorter::add(self, batch)
    }

    fn seal(&mut self) {
        Sorter::seal(self);
    }

    fn merge(all: Vec<Self>, budget: &Budget) -> Result<Batches, Error> {
        Ok(Box::new(Sorter::merge(all, budget)?))
    }

    fn into_run(all: Vec<Self>, budget: &Budget) -> Result<Batches, Error> {
        Ok(Box::new(Sorter::into_run(all, budget)?))
    }

    fn merge_runs(self, runs: Vec<Box<dyn ReadRun>>, _: &Budget) -> Result<Batches, Error> {
        Ok(Box::new(Sorter::merge_runs(self, runs)?))
    }

    fn copy(&self) -> Result<Option<First>, Error> {
        Ok(self.first(SoFar::MOST))
    }

    fn of_copies(&self, copies: Vec<First>, _: &Budget) -> Result<SoFar, Error> {
        let (batch, more) = self.of_first(copies, SoFar::MOST)?;
        Ok(SoFar { batches: Box::new(batch.into_iter().map(Ok)), more })
    }
}

/// Sorted records, batch after batch.
#[derive(Debug)]
pub struct Sorted {
    rows: RowFormat,
    merge: Merge,
}

impl Sorted {
    fn next_batch(&mut self) -> Result<Option<Batch>, Error> {
        let (mut block, mut starts) = (Vec::new(), Vec::new());
        while starts.len() < BATCH_ROWS && block.len() < BATCH_BYTES {
            let Some((_, row)) = self.merge.next()? else { break };
            starts.push(block.len() as u32);
            block.extend_from_slice(row);
        }
        if starts.is_empty() { Ok(None) } else { self.rows.read(block.into(), &starts).map(Some) }
    }
}

impl Iterator for Sorted {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}
