//! `csv`: RFC 4180, with a header; lines end with `\n` as Unix programs expect. Null is empty, and so is empty text.

use recpipe::{Batch, Schema, Value};

use super::{Format, plain};

/// See the module.
pub(super) struct Csv {
    header: Vec<u8>,
}

impl Csv {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut header = Vec::new();
        for (i, name) in schema.names().enumerate() {
            if i > 0 {
                header.push(b',');
            }
            cell(Value::Text(name.as_bytes()), &mut header);
        }
        header.push(b'\n');
        Csv { header }
    }
}

impl Format for Csv {
    fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header);
    }

    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) {
        for row in batch.rows() {
            for (i, value) in row.values().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                cell(value, out);
            }
            out.push(b'\n');
        }
    }
}

fn cell(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) if text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) => {
            out.push(b'"');
            for part in text.split_inclusive(|&byte| byte == b'"') {
                out.extend_from_slice(part);
                if part.ends_with(b"\"") {
                    out.push(b'"');
                }
            }
            out.push(b'"');
        }
        value => plain(value, out),
    }
}
