//! Gives the batches of a stream whose fields grow the same schema, which only grows.

use std::sync::Arc;

use recpipe::record::Schema;

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
        let all = growing.grow(batch.schema(), |place| !batch.column(place).is_absent());
        let wanted = &take.asked.fields;
        let schema = match &self.last {
            Some((known, read, schema)) if Arc::ptr_eq(known, &all) && read.is_same(wanted) => schema.clone(),
            _ => shape.sent(&all, wanted),
        };
        if *schema != **batch.schema() {
            let widened = batch.with_fields_of(&schema);
            // The columns are of the batch, or of nulls, and the fields they are of are open.
            take.parsed.batch = widened.unwrap_or_else(|_| unreachable!("a column that fitted a field fits it still"));
            take.frames = packing.parcels(&take.parsed.batch, &take.asked.conditions);
        }
        self.last = Some((all, wanted.clone(), schema));
    }
}
