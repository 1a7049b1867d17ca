//! Gives the batches of a stream whose fields grow the same schema, which only grows.

use std::collections::HashSet;
use std::sync::Arc;

use recpipe::record::{Batch, Schema};

use super::job::ParsedBlock;
use super::shape::Shape;
use crate::format::Wanted;
use crate::ledger::count;
use crate::output::interop::Encoding;

/// So many late fields are named.
const MOST_NAMED: usize = 8;

/// Takes the batches in the order of the input.
pub(super) struct Widen {
    encoding: Encoding,
    /// What was sent last: all fields then, those that were wanted, and what came of it.
    last: Option<(Arc<Schema>, Wanted, Arc<Schema>)>,
    /// The fields that a header has named, where the output has one.
    header: Option<Arc<Schema>>,
    /// Those that came after it, and how many records have one of them.
    late: Vec<String>,
    late_records: u64,
}

impl Widen {
    /// Of a stream that is written in this encoding.
    pub(super) fn new(encoding: Encoding) -> Self {
        Widen { encoding, last: None, header: None, late: Vec::new(), late_records: 0 }
    }

    /// Adds the fields of the batch to those of the stream, and to the batch those of the stream that it lacks. Answers whether it lacked
    /// some.
    pub(super) fn widen(&mut self, block: &mut ParsedBlock, shape: &Shape) -> bool {
        let Some(growing) = &block.growing else { return false };
        let batch = &block.parsed.batch;
        let all = match shape.constants.is_empty() {
            true => growing.grow(batch.schema(), |place| !batch.column(place).is_absent()),
            // They stand behind all others, also those that come later.
            false => {
                let is_of_format = |place: &usize| !shape.is_constant(&batch.schema().fields()[*place].name);
                let places: Vec<usize> = (0..batch.schema().len()).filter(is_of_format).collect();
                let fields = places.iter().map(|&place| batch.schema().fields()[place].clone()).collect();
                let fields = batch.schema().with_fields(fields);
                let fields = fields.unwrap_or_else(|_| unreachable!("some fields of a schema, once each"));
                growing.grow(&fields, |nth| !batch.column(places[nth]).is_absent())
            }
        };
        let wanted = &block.pushdown.fields;
        let schema = match &self.last {
            Some((known, read, schema)) if Arc::ptr_eq(known, &all) && read.is_same(wanted) => schema.clone(),
            _ => shape.sent(&all, wanted),
        };
        self.last = Some((all, wanted.clone(), schema.clone()));
        let schema = self.shown(schema, batch);
        if *schema == **batch.schema() {
            return false;
        }
        let widened = batch.with_fields_of(&schema);
        // The columns are of the batch, or of nulls, and the fields they are of are open.
        block.parsed.batch = widened.unwrap_or_else(|_| unreachable!("a column that fitted a field fits it still"));
        true
    }

    /// The fields of the header, if there is one: what has come later is noted.
    fn shown(&mut self, schema: Arc<Schema>, batch: &Batch) -> Arc<Schema> {
        if self.encoding != Encoding::Csv {
            return schema;
        }
        let header = self.header.get_or_insert(schema).clone();
        let known: HashSet<&str> = header.names().collect();
        let late: Vec<usize> =
            batch.schema().names().enumerate().filter(|(_, name)| !known.contains(name)).map(|(place, _)| place).collect();
        let has_one = |index: &usize| late.iter().any(|&place| !batch.column(place).is_null(batch.physical(*index)));
        let records = (0..batch.len()).filter(has_one).count() as u64;
        if records > 0 {
            self.late_records += records;
            let names = late.iter().map(|&place| &batch.schema().fields()[place].name);
            let new: Vec<String> = names.filter(|name| !self.late.contains(name)).take(MOST_NAMED).cloned().collect();
            self.late.extend(new);
            self.late.truncate(MOST_NAMED);
        }
        header
    }

    /// What could not be shown.
    pub(super) fn left_out(&self) -> Option<String> {
        let header = self.header.as_ref().filter(|_| self.late_records > 0)?;
        let fields: Vec<&str> = header.names().chain(self.late.iter().map(String::as_str)).collect();
        Some(format!(
            "csv names the fields once, and {} had others later, which were left out: {}; --fields {} sends them",
            count(self.late_records, "record"),
            self.late.join(", "),
            fields.join(",")
        ))
    }
}
