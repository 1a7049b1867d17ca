//! `csv`: RFC 4180, with a header; lines end with `\n`, as Unix programs expect, not with the RFC's `\r\n`. Null is empty,
//! and so is empty text. `delimiter "C"` stands between the fields instead of a comma; `bom` begins with the mark by which
//! Excel knows UTF-8.

use std::sync::Arc;

use recpipe::Schema;

use super::{delimited::Delimited, header::headed};
use crate::{
    language::{Checker, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, diagnose::Diagnostic, parsed},
    plan::{About, Runs, Sink},
    span::Span,
    writer::{
        Format, Notes,
        cell::{self, Cell},
    },
};

/// `csv`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "csv",
        syntax: "csv [delimiter \"C\"] [bom]",
        doc: "comma-separated, as RFC 4180 says; null is empty",
        example: "csv delimiter \";\" bom",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub static FILE: FileWord = FileWord { extension: "csv", is_lines: true, sink: FileSink::Bytes(|_| Arc::new(CsvSink::default())) };

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let mut sink = CsvSink::default();
    loop {
        if parser.take_word("bom") {
            sink.begins_with_mark = true;
        } else if parser.take_word("delimiter") {
            let (text, span) = parser.text("the delimiter", "csv delimiter \";\"")?;
            // One of a number, a quote or a line break would make lines that nobody reads back.
            match text.as_bytes() {
                &[byte]
                    if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\n' | b'\r' | b'-' | b'+' | b'.') =>
                {
                    sink.delimiter = byte;
                }
                _ => {
                    let found = Diagnostic::new(span, format!("{text:?} cannot stand between the fields of csv"));
                    return Err(parser.fail(found.label("write one ASCII character that is in no number, as in `delimiter \";\"`")));
                }
            }
        } else {
            return Ok(parsed(sink));
        }
    }
}

/// What writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct CsvSink {
    delimiter: u8,
    begins_with_mark: bool,
}

impl Default for CsvSink {
    fn default() -> Self {
        CsvSink { delimiter: b',', begins_with_mark: false }
    }
}

impl Syntax for CsvSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for CsvSink {
    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        let CsvSink { delimiter, begins_with_mark } = *self;
        let lines = Delimited::new(delimiter, Csv { alone: schema.len() == 1, delimiter }).with_header(schema);
        headed(if begins_with_mark { lines.after(UTF8_MARK) } else { lines }, schema, notes)
    }
}

const UTF8_MARK: &[u8] = "\u{feff}".as_bytes();

struct Csv {
    /// Whether a record is a single field: an empty one is written `""`, since readers take an empty line for no record.
    alone: bool,
    delimiter: u8,
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
        } else if cell::has(text, |byte| cell::is_one_of(byte, [self.delimiter, b'"', b'\n', b'\r'])) {
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
