//! `tsv`: tab-separated, with a header. A tab, line break, carriage return or backslash in a text is written `\t`,
//! `\n`, `\r`, `\\` (the "Linear TSV" convention), so that a record is always one line and a reader can undo it. Null
//! is empty.

use recpipe::{Schema, Value};

use super::{Format, delimited::Delimited, plain};

/// See the module.
pub(super) fn tsv(schema: &Schema) -> impl Format + use<> {
    Delimited::new(b'\t', cell).with_header(schema)
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
