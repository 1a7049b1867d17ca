//! `json`: one object a line, of the fields that the record has; see [`crate::writer::json`].

use std::sync::Arc;

use recpipe::Schema;

use crate::{
    language::{Checker, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Runs, Sink},
    span::Span,
    writer::{Format, Notes, json::Json},
};

/// `json`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "json",
        syntax: "json",
        doc: "one JSON object a line; the default elsewhere",
        example: "json",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub static FILE: FileWord = FileWord { extension: "json", is_lines: true, sink: FileSink::Bytes(|_| Arc::new(JsonSink)) };

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(JsonSink))
}

/// What writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonSink;

impl Syntax for JsonSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for JsonSink {
    fn format(&self, _: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        Some(Box::new(Json::new(&notes.replaced)))
    }
}
