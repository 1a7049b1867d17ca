//! Fields separated by one byte: what `csv`, `tsv` and a bare `print` have in common.

use recpipe::{Batch, Error, Schema};

use crate::writer::{
    Format,
    cell::{self, Cell},
};

/// One line a record. How a cell is written, and escaped, is what the formats differ in.
pub(super) struct Delimited<C> {
    separator: u8,
    cell: C,
    header: Vec<u8>,
}

impl<C: Cell> Delimited<C> {
    /// Without a header.
    pub(super) fn new(separator: u8, cell: C) -> Self {
        Delimited { separator, cell, header: Vec::new() }
    }

    /// With the names of the fields on the first line.
    pub(super) fn with_header(mut self, schema: &Schema) -> Self {
        let mut header = Vec::new();
        for (i, name) in schema.names().enumerate() {
            if i > 0 {
                header.push(self.separator);
            }
            self.cell.text(name.as_bytes(), &mut header);
        }
        header.push(b'\n');
        self.header = header;
        self
    }

    /// These bytes before all else.
    pub(super) fn after(mut self, bytes: &[u8]) -> Self {
        self.header.splice(0..0, bytes.iter().copied());
        self
    }
}

impl<C: Cell> Format for Delimited<C> {
    fn header(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&self.header);
        Ok(())
    }

    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        let columns = cell::columns(batch);
        cell::reserve(columns.iter(), columns.len(), out);
        for row in 0..batch.len() {
            for column in &columns {
                cell::put(column, row, &self.cell, out);
                out.push(self.separator);
            }
            match out.last_mut() {
                // The separator after the last cell; a record without fields has none.
                Some(last) if !columns.is_empty() => *last = b'\n',
                _ => out.push(b'\n'),
            }
        }
        Ok(())
    }
}
