//! Fields separated by one byte: what `csv`, `tsv` and a bare `print` have in common.

use recpipe::{Batch, Schema, Value};

use super::Format;

/// One line a record. How a value is written, and escaped, is what the formats differ in.
pub(super) struct Delimited<C> {
    separator: u8,
    cell: C,
    header: Vec<u8>,
}

impl<C: Fn(Value<'_>, &mut Vec<u8>)> Delimited<C> {
    /// Without a header.
    pub(super) fn new(separator: u8, cell: C) -> Self {
        Delimited { separator, cell, header: Vec::new() }
    }

    /// With the names of the fields on the first line.
    pub(super) fn with_header(mut self, schema: &Schema) -> Self {
        let mut header = Vec::new();
        self.line(schema.names().map(|name| Value::Text(name.as_bytes())), &mut header);
        self.header = header;
        self
    }

    #[inline(always)]
    fn line<'a>(&self, values: impl Iterator<Item = Value<'a>>, out: &mut Vec<u8>) {
        for (i, value) in values.enumerate() {
            if i > 0 {
                out.push(self.separator);
            }
            (self.cell)(value, out);
        }
        out.push(b'\n');
    }
}

impl<C: Fn(Value<'_>, &mut Vec<u8>) + Send + Sync> Format for Delimited<C> {
    fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header);
    }

    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) {
        for row in batch.rows() {
            self.line(row.values(), out);
        }
    }
}
