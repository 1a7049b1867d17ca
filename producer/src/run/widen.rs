//! Gives the batches of a stream whose fields grow the same schema, which only grows.

use std::collections::HashMap;
use std::sync::Arc;

use recpipe::record::{Batch, Column, Schema};

use super::shape::Shape;
use super::work::Take;
use crate::format::Wanted;
use crate::output::Packing;

/// Takes the batches in the order of the input.
#[derive(Default)]
pub(super) struct Widen {
    /// What was sent last: all fields then, those that were wanted, and what came of it.
    last: Option<(Arc<Schema>, Wanted, Arc<Schema>)>,
}

impl Widen {
    /// The fields that the batch brings are of the stream from now on, and it has those of the stream: what it was sent as is made
    /// anew where it lacks some.
    pub(super) fn widen(&mut self, take: &mut Take, shape: &Shape, packing: &Packing) {
        let Some(growing) = &take.growing else { return };
        let batch = &take.parsed.batch;
        let all = growing.grow(batch.schema(), |place| !is_absent(batch.column(place)));
        let wanted = &take.asked.fields;
        let schema = match &self.last {
            Some((known, read, schema)) if Arc::ptr_eq(known, &all) && read.is_same(wanted) => schema.clone(),
            _ => shape.sent(&all, wanted),
        };
        if *schema != **batch.schema() {
            let places: HashMap<&str, usize> = batch.schema().names().enumerate().map(|(place, name)| (name, place)).collect();
            let column = |name| match places.get(name) {
                Some(&place) => batch.column(place).clone(),
                None => Column::absent(batch.physical_rows()),
            };
            let columns = schema.names().map(column).collect();
            let widened: Result<Batch, _> = batch.with_columns(schema.clone(), columns);
            // The columns are of the batch, or of nulls, and the fields they are of are open.
            take.parsed.batch = widened.unwrap_or_else(|_| unreachable!("a column that fitted a field fits it still"));
            take.frames = packing.parcels(&take.parsed.batch, &take.asked.conditions);
        }
        self.last = Some((all, wanted.clone(), schema));
    }
}

/// Whether no record has it.
fn is_absent(column: &Column) -> bool {
    (0..column.len()).all(|row| column.is_missing(row))
}
