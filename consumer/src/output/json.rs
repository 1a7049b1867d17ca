//! `json`: one object a line.
//!
//! Integers are written whole (a reader that keeps only floats loses digits, we do not). Text that is not UTF-8 has
//! U+FFFD in place of each invalid sequence, since JSON has no other way that every reader takes; `csv`, `tsv` and
//! `print` keep the bytes. Floats that JSON lacks (NaN, infinities) are null. Times are RFC 3339 text.

use recpipe::{Batch, Schema, Value};

use super::{Format, plain};

/// See the module.
pub(super) struct Json {
    /// `{"name":` of the first field, `,"name":` of the others.
    keys: Vec<Vec<u8>>,
}

impl Json {
    pub(super) fn new(schema: &Schema) -> Self {
        let key = |(i, name): (usize, &str)| {
            let mut key = if i == 0 { b"{".to_vec() } else { b",".to_vec() };
            quote(name.as_bytes(), &mut key);
            key.push(b':');
            key
        };
        Json { keys: schema.names().enumerate().map(key).collect() }
    }
}

impl Format for Json {
    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) {
        for row in batch.rows() {
            for (key, value) in self.keys.iter().zip(row.values()) {
                out.extend_from_slice(key);
                write(value, out);
            }
            out.extend_from_slice(if self.keys.is_empty() { b"{}\n" } else { b"}\n" });
        }
    }
}

/// Appends one value.
pub(crate) fn write(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => quote(text, out),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Float(float) if !float.is_finite() => out.extend_from_slice(b"null"),
        Value::Time(time) => quote(time.to_string().as_bytes(), out),
        value => plain(value, out),
    }
}

fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid().as_bytes();
        let mut from = 0;
        for (at, &byte) in valid.iter().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            out.extend_from_slice(&valid[from..at]);
            from = at + 1;
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            }
        }
        out.extend_from_slice(&valid[from..]);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}
