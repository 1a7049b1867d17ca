//! `tsv`: tab-separated, with a header. A tab, line break, carriage return or backslash in a text is written `\t`,
//! `\n`, `\r`, `\\` (the "Linear TSV" convention), so that a record is always one line and a reader can undo it. Null
//! is empty.

use std::sync::Arc;

use recpipe::Schema;

use super::{delimited::Delimited, header::headed};
use crate::{
    language::{Checker, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Runs, Sink},
    span::Span,
    writer::{
        Format, Notes,
        cell::{self, Cell},
    },
};

/// `tsv`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "tsv",
        syntax: "tsv",
        doc: "tab-separated; null is empty",
        example: "tsv",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub static FILE: FileWord = FileWord { extension: "tsv", is_lines: true, sink: FileSink::Bytes(|_| Arc::new(TsvSink)) };

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(TsvSink))
}

/// What writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TsvSink;

impl Syntax for TsvSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for TsvSink {
    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        headed(Delimited::new(b'\t', Tsv).with_header(schema), schema, notes)
    }
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
