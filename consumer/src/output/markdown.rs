//! `markdown`: a table as GitHub reads it, for issues, wikis and chats. Numbers stand at the right. What Markdown would take for
//! markup is escaped, and a line break in a text is `<br>`, so that a record is always one line and is shown as it is.
//!
//! Source: GitHub Flavored Markdown, section 4.10 (tables) and 2.4 (backslash escapes).

use std::sync::Arc;

use recpipe::{Batch, Error, Schema, Type};

use super::header::headed;
use crate::{
    language::{Checker, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Runs, Sink},
    span::Span,
    writer::{
        Format, Notes,
        cell::{self, Cell},
    },
};

/// `markdown`.
pub(crate) static WORD: StageWord = StageWord {
    about: About {
        name: "markdown",
        syntax: "markdown",
        doc: "a table of Markdown, as GitHub shows it",
        example: "markdown",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub(crate) static FILE: FileWord = FileWord { extension: "md", is_lines: false, sink: FileSink::Bytes(|_| Arc::new(MarkdownSink)) };

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(MarkdownSink))
}

/// What writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct MarkdownSink;

impl Syntax for MarkdownSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for MarkdownSink {
    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        headed(Markdown { schema: schema.clone() }, schema, notes)
    }
}

struct Markdown {
    schema: Arc<Schema>,
}

impl Format for Markdown {
    fn header(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        for name in self.schema.names() {
            out.extend_from_slice(b"| ");
            Escaped.text(name.as_bytes(), out);
            out.push(b' ');
        }
        out.extend_from_slice(b"|\n");
        for field in self.schema.fields() {
            out.extend_from_slice(if matches!(field.kind, Type::Int | Type::Float) { b"| ---: " } else { b"| --- " });
        }
        out.extend_from_slice(b"|\n");
        Ok(())
    }

    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        let columns = cell::columns(batch);
        cell::reserve(columns.iter(), 3 * columns.len(), out);
        for row in 0..batch.len() {
            for column in &columns {
                out.extend_from_slice(b"| ");
                cell::put(column, row, &Escaped, out);
                out.push(b' ');
            }
            out.extend_from_slice(b"|\n");
        }
        Ok(())
    }
}

/// Text that is shown as it is.
struct Escaped;

impl Cell for Escaped {
    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        for (at, &byte) in text.iter().enumerate() {
            let is_within_word = || {
                let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
                at > 0 && is_word(text.get(at - 1)) && is_word(text.get(at + 1))
            };
            match byte {
                b'\n' => out.extend_from_slice(b"<br>"),
                b'\r' if text.get(at + 1) == Some(&b'\n') => {}
                b'\r' => out.extend_from_slice(b"<br>"),
                // Within a word it is no emphasis.
                b'_' if is_within_word() => out.push(byte),
                b'\\' | b'|' | b'`' | b'*' | b'_' | b'[' | b']' | b'<' | b'>' | b'~' | b'&' => out.extend_from_slice(&[b'\\', byte]),
                _ => out.push(byte),
            }
        }
    }
}
