//! `json`: one object a line, with the fields that its record has.
//!
//! Integers are written whole. Text that is not UTF-8 has U+FFFD in place of each invalid sequence, since JSON has no other
//! way that every reader takes. Floats that JSON lacks (NaN, infinities) are null. Times are RFC 3339 text.

use recpipe::{Batch, Value};

/// Appends the records.
pub(super) fn encode(batch: &Batch, out: &mut Vec<u8>) {
    let keys: Vec<Vec<u8>> = batch.schema().names().map(key).collect();
    for index in 0..batch.len() {
        let row = batch.physical(index);
        let start = out.len();
        for (key, column) in keys.iter().zip(batch.columns()).filter(|(_, column)| !column.is_missing(row)) {
            out.push(if out.len() == start { b'{' } else { b',' });
            out.extend_from_slice(key);
            write(column.value(row), out);
        }
        out.extend_from_slice(if out.len() == start { b"{}\n" } else { b"}\n" });
    }
}

/// `"name":`
fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    quote(name, &mut key);
    key.push(b':');
    key
}

fn write(value: Value<'_>, out: &mut Vec<u8>) {
    let written = match value {
        Value::Null => return out.extend_from_slice(b"null"),
        Value::Time(time) => return quote(&time.to_string(), out),
        Value::Text(text) => return quote(&String::from_utf8_lossy(text), out),
        Value::Bool(value) => serde_json::to_writer(out, &value),
        Value::Int(value) => serde_json::to_writer(out, &value),
        // It makes null of what JSON lacks.
        Value::Float(value) => serde_json::to_writer(out, &value),
    };
    debug_assert!(written.is_ok(), "numbers in memory");
}

fn quote(text: &str, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out, text);
    debug_assert!(written.is_ok(), "text in memory");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_a_line() {
        let mut out = Vec::new();
        encode(&super::super::samples()[0], &mut out);
        let want = "{\"a\":\"x,\\\"y\\\"\\tz\\\\é\",\"b \\\"c\\\"\":-9223372036854775808,\"f\":1.5,\"t\":\"1970-01-01T01:00:00+01:00\",\"ok\":true}\n\
                    {\"a\":\"\u{fffd}\\u0001\\nq\u{fffd}\",\"b \\\"c\\\"\":null,\"f\":null,\"t\":null,\"ok\":null}\n\
                    {\"a\":null,\"b \\\"c\\\"\":7,\"f\":null,\"t\":null,\"ok\":false}\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}
