//! From a frame of any of the inputs to a batch that the stages know.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use recpipe::{Batch, Column, Error, PackedInts, Schema, Text, record::PlaceField, times::Zone, wire::RawBatch};

use crate::{
    given::{Given, SENDER},
    plan::{Feed, Plan, Unite},
};

/// Decodes the frames of one input, gives the records the columns that the plan knows, and shows their times in its zone.
pub struct Form {
    unite: Unite,
    /// The places of the records in their inputs that the plan reads.
    places: Vec<PlaceField>,
    /// Whether who sent the records is read.
    gives_sender: bool,
    zone: Option<Zone>,
    /// The file that the frames are of; `None` for the main input.
    path: Option<PathBuf>,
}

impl Form {
    /// The columns of `schema`; `plan` is that of the input.
    pub fn new(schema: &Arc<Schema>, plan: &Plan, feed: Option<&Feed>) -> Self {
        let places = PlaceField::ALL.into_iter().filter(|place| schema.index_of(place.name()).is_some()).collect();
        let gives_sender = plan.gives_sender && feed.is_none();
        Form { unite: Unite::new(schema.clone()), places, gives_sender, zone: plan.zone.clone(), path: feed.map(|feed| feed.path.clone()) }
    }

    /// The records of a frame, and who sent them.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is damaged, [`Error::Schema`] when a closed field has another type than before; either names the file.
    pub fn batch(&mut self, raw: RawBatch, sender: &str) -> Result<Batch, Error> {
        let sent = |batch| if self.gives_sender { with_sender(&batch, sender) } else { Ok(batch) };
        raw.decode().and_then(sent).and_then(|batch| self.of(batch)).map_err(|error| match (&self.path, error) {
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
        let batch = self.placed(batch)?;
        self.unite.unite(batch).and_then(|batch| self.in_zone(batch))
    }

    /// The batch with the places that are read, where it has no fields of such names.
    fn placed(&self, batch: Batch) -> Result<Batch, Error> {
        let lacking: Vec<PlaceField> =
            self.places.iter().copied().filter(|place| batch.schema().index_of(place.name()).is_none()).collect();
        if lacking.is_empty() {
            return Ok(batch);
        }
        let column = |place: &PlaceField| place.column(&batch).ok_or_else(|| untold(*place, &batch));
        let columns = lacking.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let fields = batch.schema().fields().iter().cloned().chain(lacking.iter().map(|place| place.field()));
        let schema = Arc::new(batch.schema().with_fields(fields.collect())?);
        batch.with_columns(schema, batch.columns().iter().cloned().chain(columns).collect())
    }

    fn in_zone(&self, batch: Batch) -> Result<Batch, Error> {
        let Some(zone) = &self.zone else { return Ok(batch) };
        let columns = batch.columns().iter().map(|column| zone.column(column)).collect();
        batch.with_columns(batch.schema().clone(), columns)
    }
}

/// The batch with the field that says who sent it.
fn with_sender(batch: &Batch, sender: &str) -> Result<Batch, Error> {
    if batch.schema().index_of(SENDER).is_some() {
        return Err(Error::Schema(format!(
            "the records of {sender} have a field `{SENDER}` of their own, which came when `{SENDER}` was taken for who sent them; \
             name it with the producers' --fields, or leave it out"
        )));
    }
    let (rows, name) = (batch.physical_rows(), Bytes::copy_from_slice(sender.as_bytes()));
    let (starts, lens) = (PackedInts::constant(0, rows), PackedInts::constant(name.len() as i64, rows));
    let column = Text::new(name, None, starts, lens).map_or_else(|| Column::null(rows), Column::text);
    let fields = batch.schema().fields().iter().cloned().chain([Given::Sender.field()]);
    let schema = Arc::new(batch.schema().with_fields(fields.collect())?);
    batch.with_columns(schema, batch.columns().iter().cloned().chain([column]).collect())
}

/// That the stream does not say where its records stand. A producer at the other end of a pipe or a link does where it is asked; one that
/// cannot be, since a file or another program lies between, has to be told.
fn untold(place: PlaceField, batch: &Batch) -> Error {
    let name = place.name();
    Error::Usage(format!(
        "the stream does not tell `{name}` of the records of {}; a `producer` that writes into a file, or through another program, tells it with --lines, and a \
         `consumer` that sends records on with `let {name} = {name}`",
        if batch.origin().source.is_empty() { "no input" } else { &batch.origin().source }
    ))
}
