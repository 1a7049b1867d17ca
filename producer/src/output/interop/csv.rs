//! `csv`: RFC 4180, names on the first line; lines end with `\n` as Unix programs expect.
//!
//! Null is empty, and so is empty text. Bytes that are not UTF-8 pass unchanged.

use recpipe::{Batch, Schema, Value};

/// Appends the names of the fields.
pub(super) fn header(schema: &Schema, out: &mut Vec<u8>) {
    if schema.is_empty() {
        // There was no record at all: nothing is known of any field.
        return;
    }
    line(schema.names().map(|name| Value::Text(name.as_bytes())), out);
}

/// Appends the records.
pub(super) fn encode(batch: &Batch, out: &mut Vec<u8>) {
    for row in batch.rows() {
        line(row.values(), out);
    }
}

fn line<'a>(values: impl Iterator<Item = Value<'a>>, out: &mut Vec<u8>) {
    let start = out.len();
    for (place, value) in values.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        cell(value, out);
    }
    if out.len() == start {
        // A record of one empty field: most readers skip an empty line.
        out.extend_from_slice(b"\"\"");
    }
    out.push(b'\n');
}

fn cell(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Int(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
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
        Value::Text(text) => out.extend_from_slice(text),
        // As our own reader takes it for a float: with a sign in its exponent.
        Value::Float(float) => {
            let shown = format!("{float:?}");
            match shown.split_once('e') {
                Some((digits, power)) if !power.starts_with('-') => out.extend_from_slice(format!("{digits}e+{power}").as_bytes()),
                _ => out.extend_from_slice(shown.as_bytes()),
            }
        }
        value => out.extend_from_slice(value.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4180() {
        let [all, ints] = super::super::samples();
        let mut out = Vec::new();
        header(all.schema(), &mut out);
        encode(&all, &mut out);
        let want = [
            "a,\"b \"\"c\"\"\",f,t,ok\n\"x,\"\"y\"\"\tz\\é\",-9223372036854775808,1.5,1970-01-01T01:00:00+01:00,true\n".as_bytes(),
            b"\"\xff\x01\nq\xe9\",,NaN,,\n,7,,,false\n",
        ];
        assert_eq!(out.escape_ascii().to_string(), want.concat().escape_ascii().to_string());
        out.clear();
        let floats = recpipe::record::Column::float(&[1e16, 1e-7, 0.5]);
        let schema = Schema::new(vec![recpipe::Field::new("f", recpipe::Type::Float)]).unwrap();
        encode(&Batch::new(schema.into(), vec![floats], 3, recpipe::record::Origin::default()).unwrap(), &mut out);
        assert_eq!(out, b"1e+16\n1e-7\n0.5\n");
        out.clear();
        encode(&ints.skip(9), &mut out);
        assert_eq!(out, b"9223372036854775807\n\"\"\n", "no empty line");
    }
}
