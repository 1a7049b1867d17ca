//! `json`: one object a line, of the fields that the record has: one that is missing is left out, one that came later is written.
//!
//! Integers are written whole (a reader that keeps only floats loses digits, we do not), floats as the shortest text that
//! reads back as the same; NaN and infinities, which JSON lacks, are null. Times are RFC 3339 text.
//!
//! Text that is not UTF-8 has U+FFFD in place of each invalid sequence, and the values are counted ([`Replaced`]).
//! Rejected: lone surrogates (`\udcff`, Python's `surrogateescape`). They would keep the bytes, but only Python reads them:
//! serde_json, DuckDB and RFC 7493 refuse the whole line, and whoever sends a bad byte could so hide a record.

use recpipe::{Batch, Error, Time, Value};

use super::{
    Format, Replaced,
    cell::{self, Cell},
};
use crate::expr::Vector;

/// See the module.
pub(crate) struct Json {
    texts: Texts,
}

impl Json {
    pub(crate) fn new(replaced: &Replaced) -> Self {
        Json { texts: Texts { replaced: replaced.clone() } }
    }

    /// `,"name":`
    fn key(&self, name: &str) -> Vec<u8> {
        let mut key = b",".to_vec();
        self.texts.text(name.as_bytes(), &mut key);
        key.push(b':');
        key
    }
}

impl Format for Json {
    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        // What no record has needs no look at each of them.
        let fields = batch.schema().names().zip(batch.columns()).filter(|(_, column)| !column.is_absent());
        let fields: Vec<_> =
            fields.map(|(name, column)| (self.key(name), Vector::from_column(column, batch), column.missing().map(|_| column))).collect();
        let around = fields.iter().map(|(key, ..)| key.len() + 2).sum::<usize>() + 2;
        cell::reserve(fields.iter().map(|(_, column, _)| column), around, out);
        for row in 0..batch.len() {
            let start = out.len();
            for (key, column, missing) in &fields {
                if missing.is_some_and(|column| column.is_missing(batch.physical(row))) {
                    continue;
                }
                out.extend_from_slice(key);
                cell::put(column, row, &self.texts, out);
            }
            // Each key begins with a comma, whichever is the first of its record.
            match out.get_mut(start) {
                Some(comma) => *comma = b'{',
                None => out.push(b'{'),
            }
            out.extend_from_slice(b"}\n");
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
