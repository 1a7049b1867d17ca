//! `csv`: RFC 4180, with a header; lines end with `\n`, as Unix programs expect, not with the RFC's `\r\n`. Null is empty,
//! and so is empty text.

use std::sync::Arc;

use recpipe::Schema;

use super::{delimited::Delimited, header::headed};
use crate::{
    language::{Checker, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
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
        syntax: "csv",
        doc: "comma-separated, as RFC 4180 says; null is empty",
        example: "csv",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub static FILE: FileWord = FileWord { extension: "csv", is_lines: true, sink: |_| Arc::new(CsvSink) };

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(CsvSink))
}

/// What writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct CsvSink;

impl Syntax for CsvSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for CsvSink {
    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        headed(Delimited::new(b',', Csv { alone: schema.len() == 1 }).with_header(schema), schema, notes)
    }
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
