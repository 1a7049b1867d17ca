//! The first so many records of each key in some order, of more than fit in memory.

use std::sync::Arc;

use recpipe::{Batch, Error, Schema, Type};

use super::{ExternalSorter, Keep, RowFormat, Sorted, key::push_group_key, run::SERIAL_BYTES};
use crate::{expr::Vector, memory::Budget};

/// Gathers records with their keys and ranks. Sorted by both, the first of each key are found; sorted once more by where they came from,
/// they find their places again.
#[derive(Debug)]
pub struct BestOfKey {
    most: u64,
    kinds: Vec<Type>,
    rows: RowFormat,
    by_rank: ExternalSorter,
    key: Vec<u8>,
}

/// Bytes of the length of what a key is without its rank, at the end of what is sorted.
const LEN_BYTES: usize = 4;

impl BestOfKey {
    /// No records yet, of this schema; their keys will have values of these types. So many of each key are wanted.
    pub fn new(most: u64, kinds: Vec<Type>, schema: Arc<Schema>, budget: &Budget) -> Self {
        BestOfKey { most, kinds, rows: RowFormat::new(schema), by_rank: ExternalSorter::new(Keep::All, budget), key: Vec::new() }
    }

    /// Adds the records of a batch; `order` is the place of the batch among the others. `rank` appends the rank of a row, given its
    /// number among all records: the least comes first, of equal ones the record that came first.
    ///
    /// # Errors
    /// Those of a [`crate::memory::Spill`].
    pub fn add(&mut self, keys: &[Vector], batch: &Batch, order: u64, rank: impl Fn(usize, u64, &mut Vec<u8>)) -> Result<(), Error> {
        let mut columns = self.rows.columns(batch);
        for row in 0..batch.len() {
            self.key.clear();
            keys.iter().zip(&self.kinds).for_each(|(value, &kind)| push_group_key(kind, value.value(row), &mut self.key));
            let len = self.key.len() as u32;
            let serial = order * Batch::MAX_ROWS as u64 + row as u64;
            rank(row, serial, &mut self.key);
            self.key.extend_from_slice(&serial.to_be_bytes());
            self.key.extend_from_slice(&len.to_be_bytes());
            let rows = &self.rows;
            let len = rows.len_of(&mut columns, row);
            self.by_rank.push(&self.key, len, |out| rows.write(&columns, row, out))?;
        }
        Ok(())
    }

    /// The first records of each key, in the order in which they came.
    ///
    /// # Errors
    /// Those of a [`crate::memory::Spill`]; so do the batches.
    pub fn finish(mut self, budget: &Budget) -> Result<Sorted, Error> {
        let mut by_place = ExternalSorter::new(Keep::All, budget);
        self.by_rank.seal();
        let mut all = ExternalSorter::merge(vec![self.by_rank], budget)?;
        let (mut last, mut given) = (None::<Vec<u8>>, 0);
        while let Some((sorted, row)) = all.next()? {
            let wrong = || Error::Data("keys are not as they were written".to_owned());
            let (rest, len) = sorted.split_last_chunk::<LEN_BYTES>().ok_or_else(wrong)?;
            let (rest, serial) = rest.split_last_chunk::<SERIAL_BYTES>().ok_or_else(wrong)?;
            let key = rest.get(..u32::from_be_bytes(*len) as usize).ok_or_else(wrong)?;
            if last.as_deref() != Some(key) {
                let last = last.get_or_insert_default();
                last.clear();
                last.extend_from_slice(key);
                given = 0;
            }
            given += 1;
            if given <= self.most {
                by_place.push(serial, row.len(), |out| out.extend_from_slice(row))?;
            }
        }
        drop(all);
        by_place.seal();
        Ok(Sorted { rows: self.rows, merge: ExternalSorter::merge(vec![by_place], budget)? })
    }
}
