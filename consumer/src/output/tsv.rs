//! `tsv`: tab-separated, with a header. A tab, line break, carriage return or backslash in a text is written `\t`,
//! `\n`, `\r`, `\\` (the "Linear TSV" convention), so that a record is always one line and a reader can undo it. Null
//! is empty.

use recpipe::{Batch, Schema, Value};

use super::{Format, plain};

/// See the module.
pub(super) struct Tsv {
    header: Vec<u8>,
}

impl Tsv {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut header = Vec::new();
        for (i, name) in schema.names().enumerate() {
            if i > 0 {
                header.push(b'\t');
            }
            cell(Value::Text(name.as_bytes()), &mut header);
        }
        header.push(b'\n');
        Tsv { header }
    }
}

impl Format for Tsv {
    fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header);
    }

    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) {
        for row in batch.rows() {
            for (i, value) in row.values().enumerate() {
                if i > 0 {
                    out.push(b'\t');
                }
                cell(value, out);
            }
            out.push(b'\n');
        }
    }
}

fn cell(value: Value<'_>, out: &mut Vec<u8>) {
    let Value::Text(text) = value else { return plain(value, out) };
    let mut from = 0;
    for (at, byte) in text.iter().enumerate() {
        let escape = match byte {
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\\' => b"\\\\",
            _ => continue,
        };
        out.extend_from_slice(&text[from..at]);
        out.extend_from_slice(escape);
        from = at + 1;
    }
    out.extend_from_slice(&text[from..]);
}
