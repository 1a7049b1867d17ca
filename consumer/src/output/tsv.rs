//! `tsv`: tab-separated, with a header. A tab, line break, carriage return or backslash in a text is written `\t`,
//! `\n`, `\r`, `\\` (the "Linear TSV" convention), so that a record is always one line and a reader can undo it. Null
//! is empty.

use recpipe::{Schema, Value};

use super::{Format, delimited::Delimited, plain};

/// See the module.
pub(super) fn tsv(schema: &Schema) -> impl Format + use<> {
    Delimited::new(b'\t', cell).with_header(schema)
}

#[inline]
fn cell(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) if text.iter().any(|&byte| escape(byte).is_some()) => escaped(text, out),
        value => plain(value, out),
    }
}

#[inline]
fn escape(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'\t' => Some(b"\\t"),
        b'\n' => Some(b"\\n"),
        b'\r' => Some(b"\\r"),
        b'\\' => Some(b"\\\\"),
        _ => None,
    }
}

#[cold]
fn escaped(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match escape(byte) {
            Some(escape) => out.extend_from_slice(escape),
            None => out.push(byte),
        }
    }
}
