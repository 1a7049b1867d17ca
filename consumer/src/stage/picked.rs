//! Records of several batches, put together anew.

use std::sync::Arc;

use recpipe::{Batch, Column, ColumnBuilder, Error, Origin};

/// Records of several batches as one: each is the number of a batch and of one of its records. Fields that only some of the batches
/// have are missing in the records of the others.
pub(super) fn gather(batches: &[Batch], rows: &[(usize, usize)]) -> Result<Batch, Error> {
    let mut schema = batches[0].schema().clone();
    for batch in &batches[1..] {
        if !Arc::ptr_eq(batch.schema(), &schema) && *batch.schema() != schema {
            let new = batch.schema().fields().iter().filter(|field| schema.index_of(&field.name).is_none());
            let fields: Vec<_> = schema.fields().iter().chain(new).cloned().collect();
            schema = Arc::new(schema.with_fields(fields)?);
        }
    }
    let mut columns = Vec::with_capacity(schema.len());
    for field in schema.fields() {
        let mut builder = ColumnBuilder::of(field);
        let sources: Vec<Option<&Column>> =
            batches.iter().map(|batch| batch.schema().index_of(&field.name).map(|place| batch.column(place))).collect();
        for &(i, row) in rows {
            let row = batches[i].physical(row);
            match sources[i] {
                Some(column) if !column.is_missing(row) => builder.push(column.value(row))?,
                _ => builder.push_missing()?,
            }
        }
        columns.push(builder.finish());
    }
    Batch::new(schema, columns, rows.len(), Origin::default())
}
