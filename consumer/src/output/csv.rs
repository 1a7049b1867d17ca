//! `csv`: RFC 4180, with a header; lines end with `\n` as Unix programs expect. Null is empty, and so is empty text.

use recpipe::{Schema, Value};

use super::{Format, delimited::Delimited, plain};

/// See the module.
pub(super) fn csv(schema: &Schema) -> impl Format + use<> {
    Delimited::new(b',', cell).with_header(schema)
}

#[inline]
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
