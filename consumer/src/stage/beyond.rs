//! What batches have beyond the columns that the plan knows, of a stream whose fields grow.

use std::sync::Arc;

use recpipe::{Batch, Column, Error, Schema};

/// Puts the columns that a stage makes in the place of those that the plan knows, before the late ones of the batch. A late one of a
/// name that the stage has made is gone: the stage's is what the query means.
pub(crate) struct Beyond {
    /// How many of the columns that come the plan knows.
    known: usize,
    schema: Arc<Schema>,
    last: Option<Extended>,
}

/// What was made for the schema that came last: nearly all batches of a stream have the same.
struct Extended {
    from: Arc<Schema>,
    to: Arc<Schema>,
    /// The late columns that stay.
    places: Vec<usize>,
}

impl Beyond {
    /// For a stage that takes records of `input` and gives those of `output`.
    pub(crate) fn new(input: &Schema, output: Arc<Schema>) -> Self {
        Beyond { known: input.len(), schema: output, last: None }
    }

    /// The columns that the plan knows.
    pub(crate) fn known<'b>(&self, batch: &'b Batch) -> &'b [Column] {
        &batch.columns()[..self.known]
    }

    /// The same records with these columns, which are those of the stage's output; the late ones follow where that grows.
    ///
    /// # Errors
    /// [`Error::Schema`] as for [`Batch::with_columns`], and where there are too many fields.
    pub(crate) fn with_columns(&mut self, batch: &Batch, mut columns: Vec<Column>) -> Result<Batch, Error> {
        if !self.schema.grows() || batch.columns().len() <= self.known {
            return batch.with_columns(self.schema.clone(), columns);
        }
        let extended = match self.last.take() {
            Some(last) if Arc::ptr_eq(&last.from, batch.schema()) => last,
            _ => self.extend(batch.schema())?,
        };
        columns.extend(extended.places.iter().map(|&place| batch.column(place).clone()));
        let batch = batch.with_columns(extended.to.clone(), columns);
        self.last = Some(extended);
        batch
    }

    fn extend(&self, from: &Arc<Schema>) -> Result<Extended, Error> {
        let places: Vec<usize> =
            (self.known..from.len()).filter(|&place| self.schema.index_of(&from.fields()[place].name).is_none()).collect();
        let fields = self.schema.fields().iter().chain(places.iter().map(|&place| &from.fields()[place]));
        let to = Arc::new(self.schema.with_fields(fields.cloned().collect())?);
        Ok(Extended { from: from.clone(), to, places })
    }
}

/// Puts a column at its place: that of the one that it replaces, or behind the others.
pub(super) fn put(columns: &mut Vec<Column>, place: usize, column: Column) {
    match columns.get_mut(place) {
        Some(old) => *old = column,
        None => columns.push(column),
    }
}
