//! `json`: one object a line.
//!
//! Integers are written whole (a reader that keeps only floats loses digits, we do not), floats as the shortest text that
//! reads back as the same; NaN and infinities, which JSON lacks, are null. Times are RFC 3339 text.
//!
//! Text that is not UTF-8 has U+FFFD in place of each invalid sequence, and the values are counted ([`Replaced`]).
//! Rejected: lone surrogates (`\udcff`, Python's `surrogateescape`). They would keep the bytes, but only Python reads them:
//! serde_json, DuckDB and RFC 7493 refuse the whole line, and whoever sends a bad byte could so hide a record.

use recpipe::{Batch, Error, Schema, Time, Value};

use super::{
    Format, Replaced,
    cell::{self, Cell},
};

/// See the module.
pub(super) struct Json {
    /// `{"name":` of the first field, `,"name":` of the others.
    keys: Vec<Vec<u8>>,
    texts: Texts,
}

impl Json {
    pub(super) fn new(schema: &Schema, replaced: &Replaced) -> Self {
        let texts = Texts { replaced: replaced.clone() };
        let key = |(i, name): (usize, &str)| {
            let mut key = if i == 0 { b"{".to_vec() } else { b",".to_vec() };
            texts.text(name.as_bytes(), &mut key);
            key.push(b':');
            key
        };
        Json { keys: schema.names().enumerate().map(key).collect(), texts }
    }
}

impl Format for Json {
    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        let columns = cell::columns(batch);
        let around = self.keys.iter().map(|key| key.len() + 2).sum::<usize>() + 2;
        cell::reserve(&columns, around, out);
        for row in 0..batch.len() {
            for (key, column) in self.keys.iter().zip(&columns) {
                out.extend_from_slice(key);
                cell::put(column, row, &self.texts, out);
            }
            out.extend_from_slice(if self.keys.is_empty() { b"{}\n" } else { b"}\n" });
        }
        Ok(())
    }
}

/// Appends one value.
pub(crate) fn write(value: Value<'_>, out: &mut Vec<u8>) {
    let texts = Texts { replaced: Replaced::default() };
    match value {
        Value::Null => texts.null(out),
        Value::Bool(value) => cell::bool(value, out),
        Value::Int(value) => cell::wide(value, out),
        Value::Float(value) => texts.float(value, out),
        Value::Time(value) => texts.time(value, out),
        Value::Text(text) => texts.text(text, out),
    }
}

/// How values look in JSON.
struct Texts {
    replaced: Replaced,
}

impl Cell for Texts {
    fn null(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"null");
    }

    #[inline]
    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        out.push(b'"');
        if cell::has(text, |byte| !(0x20..0x80).contains(&byte) || byte == b'"' || byte == b'\\') {
            self.escaped(text, out);
        } else {
            out.extend_from_slice(text);
        }
        out.push(b'"');
    }

    fn float(&self, value: f64, out: &mut Vec<u8>) {
        if value.is_finite() { cell::float(value, out) } else { self.null(out) }
    }

    fn time(&self, time: Time, out: &mut Vec<u8>) {
        out.push(b'"');
        cell::rfc3339(time, out);
        out.push(b'"');
    }
}

impl Texts {
    #[cold]
    fn escaped(&self, text: &[u8], out: &mut Vec<u8>) {
        let mut is_replaced = false;
        for chunk in text.utf8_chunks() {
            escape(chunk.valid().as_bytes(), out);
            if !chunk.invalid().is_empty() {
                out.extend_from_slice("\u{fffd}".as_bytes());
                is_replaced = true;
            }
        }
        if is_replaced {
            self.replaced.add(1);
        }
    }
}

fn escape(valid: &[u8], out: &mut Vec<u8>) {
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
}
