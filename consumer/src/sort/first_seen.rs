//! The first record of each distinct value, in the order in which they came, of more values than fit in memory.

use std::sync::Arc;

use recpipe::{Batch, Error, Schema, Type};

use super::{ExternalSorter, Keep, RowFormat, Sorted, key::push_group_key, run::SERIAL_BYTES};
use crate::{expr::Vector, memory::Budget};

/// Gathers records and the values by which they are told apart. Sorted by value, the first of each is found; sorted
/// once more by where it came from, it finds its place again.
#[derive(Debug)]
pub struct FirstSeen {
    kinds: Vec<Type>,
    rows: RowFormat,
    by_value: ExternalSorter,
    key: Vec<u8>,
}

impl FirstSeen {
    /// Nothing yet; the records will have this schema, and their values are those of all its fields. Where it grows, they have late
    /// fields too, and behind those values is a text that tells these apart.
    pub fn new(schema: Arc<Schema>, budget: &Budget) -> Self {
        let kinds = schema.fields().iter().map(|field| if field.open { Type::Mixed } else { field.kind });
        let kinds = kinds.chain(schema.grows().then_some(Type::Text)).collect();
        FirstSeen { kinds, rows: RowFormat::new(schema), by_value: ExternalSorter::new(Keep::Unique, budget), key: Vec::new() }
    }

    /// All that it gives has the late fields of all that came.
    pub fn settled(self) -> Self {
        FirstSeen { rows: self.rows.settled(), ..self }
    }

    /// Adds the records of a batch and their values; `order` is the place of the batch among the others.
    ///
    /// # Errors
    /// Those of a [`crate::memory::Spill`].
    pub fn add(&mut self, values: &[Vector], batch: &Batch, order: u64) -> Result<(), Error> {
        self.rows.note(batch);
        let mut columns = self.rows.columns(batch);
        for row in 0..batch.len() {
            self.key.clear();
            values.iter().zip(&self.kinds).for_each(|(value, &kind)| push_group_key(kind, value.value(row), &mut self.key));
            let serial = order * Batch::MAX_ROWS as u64 + row as u64;
            self.key.extend_from_slice(&serial.to_be_bytes());
            let rows = &self.rows;
            let len = rows.len_of(&mut columns, row);
            self.by_value.push(&self.key, len, |out| rows.write(&columns, row, out))?;
        }
        Ok(())
    }

    /// The first record of each value.
    ///
    /// # Errors
    /// Those of a [`crate::memory::Spill`]; so do the batches.
    pub fn first(mut self, budget: &Budget) -> Result<Sorted, Error> {
        let mut by_place = ExternalSorter::new(Keep::All, budget);
        self.by_value.seal();
        let mut firsts = ExternalSorter::merge(vec![self.by_value], budget)?;
        while let Some((key, row)) = firsts.next()? {
            by_place.push(&key[key.len().saturating_sub(SERIAL_BYTES)..], row.len(), |out| out.extend_from_slice(row))?;
        }
        drop(firsts);
        by_place.seal();
        Ok(Sorted { rows: self.rows, merge: ExternalSorter::merge(vec![by_place], budget)? })
    }
}
