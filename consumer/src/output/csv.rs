//! `csv`: RFC 4180, with a header; lines end with `\n`, as Unix programs expect, not with the RFC's `\r\n`. Null is empty,
//! and so is empty text.

use recpipe::Schema;

use super::delimited::Delimited;
use crate::writer::{
    Format,
    cell::{self, Cell},
};

/// See the module.
pub(super) fn csv(schema: &Schema) -> impl Format + use<> {
    Delimited::new(b',', Csv { alone: schema.len() == 1 }).with_header(schema)
}

struct Csv {
    /// Whether a record is a single field: an empty one is written `""`, since readers take an empty line for no record.
    alone: bool,
}

impl Cell for Csv {
    fn null(&self, out: &mut Vec<u8>) {
        if self.alone {
            out.extend_from_slice(b"\"\"");
        }
    }

    #[inline]
    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        if text.is_empty() {
            self.null(out);
        } else if cell::has(text, |byte| cell::is_one_of(byte, *b",\"\n\r")) {
            quoted(text, out);
        } else {
            out.extend_from_slice(text);
        }
    }
}

#[cold]
fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for part in text.split_inclusive(|&byte| byte == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}
