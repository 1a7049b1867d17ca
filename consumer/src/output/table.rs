//! `table`: columns aligned for a person to read; where most of them would be cut, a field a line, as `record` has it.

use std::sync::Arc;

use recpipe::{Error, Schema};

use super::{header::headed_picture, rows::Rows};
use crate::{
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Runs, Sink, Target},
    span::Span,
    writer::{Canvas, Desk, Discard},
};

/// `table`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "table",
        syntax: "table",
        doc: "an aligned table; the default on a terminal, where records that do not fit are as `record` has them",
        example: "table",
        runs: Runs::Once,
        memory: "O(rows shown)",
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(TableSink::TABLE))
}

/// What draws records in rows, or each as lines of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableSink {
    /// The word that stands for it.
    pub(super) word: &'static StageWord,
    /// Whether each is lines of its own, also where rows would fit.
    pub(super) as_records: bool,
}

impl TableSink {
    /// `table`.
    pub(super) const TABLE: TableSink = TableSink { word: &WORD, as_records: false };
}

impl Syntax for TableSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, self.word, span, Ok(Arc::new(*self)));
    }
}

impl Sink for TableSink {
    fn is_picture(&self) -> bool {
        true
    }

    fn draft(&self, schema: &Arc<Schema>, canvas: &Canvas, more: u64) -> Option<Target> {
        Some(headed_picture(Rows::for_now(schema, canvas, more, self.as_records), schema, None))
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let Some(canvas) = desk.canvas else { return Ok(Box::new(Discard)) };
        Ok(headed_picture(Rows::new(schema, canvas, self.as_records), schema, Some(desk.notes)))
    }
}
