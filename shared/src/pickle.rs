//! Records as pickled dicts, one each, as a Python program that sends dicts writes them. Only writing is here: what a pickle holds that
//! somebody else wrote, a `producer` finds out.
//!
//! In protocol 2, which Python has read since 2.3 and every Python 3 does. Text is `str` (`unicode` in Python 2); bytes that are
//! not UTF-8 come as lone surrogates, as Python's own `surrogateescape` has it, so that `text.encode("utf-8",
//! "surrogateescape")` gives them back. Null is `None`. A time is its RFC 3339 text: a `datetime` would have to be imported by
//! whoever reads it, and these pickles are data alone. Nothing is memoized: each dict stands for itself, and has the fields that its record
//! has.
//!
//! The opcodes are those of Python's `pickletools`.

use crate::{Batch, Value};

/// Appends the records: a pickle for each, which has the fields that the record has.
///
/// # Examples
/// ```
/// # use std::sync::Arc;
/// use recpipe::{BatchBuilder, Field, Schema, Type, Value, pickle};
///
/// let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("n", Type::Int)])?));
/// builder.push(&[Value::Int(7)])?;
/// let mut out = Vec::new();
/// pickle::encode(&builder.finish()?, &mut out);
/// assert_eq!(out, b"\x80\x02}(X\x01\0\0\0nK\x07u.");
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn encode(batch: &Batch, out: &mut Vec<u8>) {
    let keys: Vec<Vec<u8>> = batch
        .schema()
        .names()
        .map(|name| {
            let mut key = Vec::new();
            text(name.as_bytes(), &mut key);
            key
        })
        .collect();
    for index in 0..batch.len() {
        let row = batch.physical(index);
        // PROTO 2, EMPTY_DICT, MARK
        out.extend_from_slice(b"\x80\x02}(");
        for (key, column) in keys.iter().zip(batch.columns()).filter(|(_, column)| !column.is_missing(row)) {
            out.extend_from_slice(key);
            write(column.value(row), out);
        }
        // SETITEMS, STOP
        out.extend_from_slice(b"u.");
    }
}

fn write(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'N'),
        Value::Bool(true) => out.push(0x88),
        Value::Bool(false) => out.push(0x89),
        Value::Int(value) => int(value, out),
        Value::Float(value) => {
            out.push(b'G');
            out.extend_from_slice(&value.to_be_bytes());
        }
        Value::Time(time) => text(time.to_string().as_bytes(), out),
        Value::Text(value) => text(value, out),
    }
}

/// In the shortest form: BININT1, BININT2, BININT, or LONG1 of eight or of sixteen bytes.
fn int(value: i128, out: &mut Vec<u8>) {
    if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[b'K', value]);
    } else if let Ok(value) = u16::try_from(value) {
        out.push(b'M');
        out.extend_from_slice(&value.to_le_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        out.push(b'J');
        out.extend_from_slice(&value.to_le_bytes());
    } else if let Ok(value) = i64::try_from(value) {
        out.extend_from_slice(&[0x8a, 8]);
        out.extend_from_slice(&value.to_le_bytes());
    } else {
        out.extend_from_slice(&[0x8a, 16]);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// BINUNICODE: the length, and UTF-8 in which halves of surrogate pairs are allowed.
fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'X');
    let length = out.len();
    out.extend_from_slice(&[0; 4]);
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        for &byte in chunk.invalid() {
            // U+DC00 and the byte, in three bytes.
            out.extend_from_slice(&[0xed, 0xb0 | byte >> 6, 0x80 | byte & 0x3f]);
        }
    }
    // A record is far smaller than four gigabytes.
    let len = (out.len() - length - 4) as u32;
    out[length..length + 4].copy_from_slice(&len.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::encode;
    use crate::{BatchBuilder, Field, Schema, Type, Value};

    fn encoded(fields: &[(&str, Type)], rows: &[&[Value<'_>]]) -> Vec<u8> {
        let schema = Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect()).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        rows.iter().for_each(|row| builder.push(row).unwrap());
        let mut out = Vec::new();
        encode(&builder.finish().unwrap(), &mut out);
        out
    }

    #[test]
    fn opcodes() {
        let fields = [("a", Type::Text), ("b \"c\"", Type::Int), ("f", Type::Float), ("ok", Type::Bool)];
        let row: &[Value<'_>] = &[Value::Text(b"\xff\x01\nq\xe9"), Value::Null, Value::Float(f64::NAN), Value::Bool(true)];
        let want = [
            &b"\x80\x02}(X\x01\0\0\0aX\x09\0\0\0\xed\xb3\xbf\x01\nq\xed\xb3\xa9"[..],
            b"X\x05\0\0\0b \"c\"NX\x01\0\0\0fG\x7f\xf8\0\0\0\0\0\0X\x02\0\0\0ok\x88u.",
        ];
        assert_eq!(encoded(&fields, &[row]).escape_ascii().to_string(), want.concat().escape_ascii().to_string());
        let ints = encoded(&[("n", Type::Int)], &[&[Value::Int(0)], &[Value::Int(255)], &[Value::Int(256)]]);
        assert_eq!(ints, b"\x80\x02}(X\x01\0\0\0nK\0u.\x80\x02}(X\x01\0\0\0nK\xffu.\x80\x02}(X\x01\0\0\0nM\0\x01u.");
    }
}
