//! `record`: a field a line, a blank line between two records: what is too wide for a table.
//!
//! ```text
//! host     10.0.0.1
//! request  /index.html
//!
//! host     10.0.0.2
//! request  /robots.txt
//! ```

use std::sync::Arc;

use recpipe::{Error, Schema};

use super::{header::headed_picture, rows::Rows};
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Runs, Sink, Target},
    span::Span,
    writer::{Canvas, Desk, Discard},
};

/// `record`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "record",
        syntax: "record",
        doc: "a field a line, a blank line between two records",
        example: "record",
        runs: Runs::Once,
        memory: "O(rows shown)",
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(RecordSink))
}

/// What draws it.
#[derive(Clone, Copy, Debug)]
struct RecordSink;

impl Syntax for RecordSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for RecordSink {
    fn is_picture(&self) -> bool {
        true
    }

    fn draft(&self, schema: &Arc<Schema>, canvas: &Canvas, more: u64) -> Option<Target> {
        Some(headed_picture(Rows::for_now(schema, canvas, more, true), schema, None))
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let Some(canvas) = desk.canvas else { return Ok(Box::new(Discard)) };
        Ok(headed_picture(Rows::new(schema, canvas, true), schema, Some(desk.notes)))
    }
}
