//! `tsv`: tab-separated, with a header. A tab, line break, carriage return or backslash in a text is written `\t`,
//! `\n`, `\r`, `\\` (the "Linear TSV" convention), so that a record is always one line and a reader can undo it. Null
//! is empty.

use recpipe::Schema;

use super::delimited::Delimited;
use crate::writer::{
    Format,
    cell::{self, Cell},
};

/// See the module.
pub(super) fn tsv(schema: &Schema) -> impl Format + use<> {
    Delimited::new(b'\t', Tsv).with_header(schema)
}

struct Tsv;

impl Cell for Tsv {
    #[inline]
    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        if cell::has(text, |byte| cell::is_one_of(byte, *b"\t\n\r\\")) {
            escaped(text, out);
        } else {
            out.extend_from_slice(text);
        }
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
