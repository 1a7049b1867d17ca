//! From a frame of any of the inputs to a batch that the stages know.

use std::{path::PathBuf, sync::Arc};

use recpipe::{Batch, Error, Schema, times::Zone, wire::RawBatch};

use crate::plan::{Feed, Plan, Unite};

/// Decodes the frames of one input, gives the records the columns that the plan knows, and shows their times in its zone.
pub struct Form {
    unite: Unite,
    zone: Option<Zone>,
    /// The file that the frames are of; `None` for the main input.
    path: Option<PathBuf>,
}

impl Form {
    /// The columns of `schema`; `plan` is that of the input.
    pub fn new(schema: &Arc<Schema>, plan: &Plan, feed: Option<&Feed>) -> Self {
        Form { unite: Unite::new(schema.clone()), zone: plan.zone.clone(), path: feed.map(|feed| feed.path.clone()) }
    }

    /// The records of a frame.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is damaged, [`Error::Schema`] when a closed field has another type than before; either names the file.
    pub fn batch(&mut self, raw: RawBatch) -> Result<Batch, Error> {
        raw.decode().and_then(|batch| self.of(batch)).map_err(|error| match (&self.path, error) {
            (Some(path), Error::Corrupt { what, frame, at }) => {
                Error::Corrupt { what: format!("in {}, {what}", path.display()), frame, at }
            }
            (Some(path), Error::Schema(what)) => Error::Schema(format!("{}: {what}", path.display())),
            (_, error) => error,
        })
    }

    /// The records of a batch that is of no frame.
    ///
    /// # Errors
    /// [`Error::Schema`] when a closed field has another type than before.
    pub fn of(&mut self, batch: Batch) -> Result<Batch, Error> {
        self.unite.unite(batch).and_then(|batch| self.in_zone(batch))
    }

    fn in_zone(&self, batch: Batch) -> Result<Batch, Error> {
        let Some(zone) = &self.zone else { return Ok(batch) };
        let columns = batch.columns().iter().map(|column| zone.column(column)).collect();
        batch.with_columns(batch.schema().clone(), columns)
    }
}
