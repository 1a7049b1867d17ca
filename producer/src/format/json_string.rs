//! Text as a string of JSON.

use std::io::Write;

/// Appends the text between quotes. Bytes that are not UTF-8 pass through, as they do in `json`.
pub(super) fn push(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            // Writing to a vector does not fail.
            0..b' ' => drop(write!(out, "\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_would_end_a_string_is_escaped() {
        let mut out = Vec::new();
        super::push(b"a\"\\\n\x01\xff", &mut out);
        assert_eq!(out, b"\"a\\\"\\\\\\n\\u0001\xff\"");
    }
}
