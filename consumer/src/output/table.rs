//! `table`: columns aligned for a person to read.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage};

use super::{
    header::headed_picture,
    layout::{self, Layout, Width},
};
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
        doc: "an aligned table; the default on a terminal",
        example: "table",
        runs: Runs::Once,
        memory: "O(rows shown)",
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(TableSink))
}

/// What draws it.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableSink;

impl Syntax for TableSink {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        checker.push_output(upstream, &WORD, span, Ok(Arc::new(*self)));
    }
}

impl Sink for TableSink {
    fn is_picture(&self) -> bool {
        true
    }

    fn draft(&self, schema: &Arc<Schema>, canvas: &Canvas, more: u64) -> Option<Target> {
        Some(headed_picture(Table::for_now(schema, canvas.clone(), more), schema, None))
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let Some(canvas) = desk.canvas else { return Ok(Box::new(Discard)) };
        Ok(headed_picture(Table::new(schema, canvas.clone()), schema, Some(desk.notes)))
    }
}

/// Aligned columns: names above, numbers to the right.
///
/// The widths are those of the first [`Table::SAMPLE`] records; it waits for them, or for the end, and then writes
/// records as they come. On a terminal, columns that do not fit are cut, with `…` where text was, and what there is so
/// far is drawn whenever the source pauses; records go on below once they are more than the screen can show.
struct Table {
    canvas: Canvas,
    layout: Layout,
    waiting: Vec<Vec<String>>,
    /// Records beyond those that are drawn.
    more: u64,
    widths: Option<Vec<Width>>,
    for_now: bool,
}

impl Table {
    /// Records that are seen before the widths are settled.
    const SAMPLE: usize = 1000;

    /// A table of records of this schema.
    fn new(schema: &Schema, canvas: Canvas) -> Self {
        let layout = Layout::new(schema, canvas.look());
        Table { canvas, layout, waiting: Vec::new(), more: 0, widths: None, for_now: false }
    }

    /// A table that is drawn at its end, as far as the screen has room, and not written; so many records more do not come.
    fn for_now(schema: &Schema, canvas: Canvas, more: u64) -> Self {
        Table { for_now: true, more, ..Table::new(schema, canvas) }
    }

    /// The lines that are waiting, with the names above them.
    fn lines(&self, widths: &[Width]) -> Vec<String> {
        let room = self.canvas.columns();
        let names = self.canvas.look().heading(&self.layout.line(self.layout.names(), widths, room));
        std::iter::once(names).chain(self.waiting.iter().map(|row| self.layout.line(row, widths, room))).collect()
    }

    fn settle(&mut self) -> Result<(), Error> {
        let widths = self.layout.widths(self.waiting.iter(), self.canvas.columns());
        let text: String = self.lines(&widths).iter().flat_map(|line| [line, "\n"]).collect();
        self.waiting.clear();
        self.widths = Some(widths);
        self.canvas.write(&text)
    }

    fn draw(&mut self) -> Result<(), Error> {
        let widths = self.layout.widths(self.waiting.iter(), self.canvas.columns());
        let mut lines = self.lines(&widths);
        if self.more > 0 {
            lines.push(format!("{} {} more", self.canvas.look().cut(), self.more));
        }
        self.canvas.draw(lines)
    }

    /// Records that fit on the screen with the names above them and what is missing below them.
    fn most(&self) -> usize {
        self.canvas.rows().map_or(0, |rows| rows.saturating_sub(2))
    }
}

impl Stage for Table {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        if self.for_now {
            let room = self.most().saturating_sub(self.waiting.len()).min(batch.len());
            self.waiting.extend(layout::rows(&batch.head(room)));
            self.more += (batch.len() - room) as u64;
            return Ok(Flow::Continue);
        }
        let (mut text, room) = (String::new(), self.canvas.columns());
        for row in layout::rows(&batch) {
            if let Some(widths) = &self.widths {
                text.push_str(&self.layout.line(&row, widths, room));
                text.push('\n');
            } else {
                self.waiting.push(row);
                if self.waiting.len() >= Self::SAMPLE {
                    self.settle()?;
                }
            }
        }
        if !text.is_empty() {
            self.canvas.write(&text)?;
        }
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.widths.is_none() && !self.waiting.is_empty() && self.canvas.rows().is_some() {
            if self.waiting.len() <= self.most() { self.draw()? } else { self.settle()? }
        }
        self.canvas.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.for_now {
            return self.draw();
        }
        if self.widths.is_none() {
            self.settle()?;
        }
        self.canvas.flush()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}
