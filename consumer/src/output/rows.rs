//! Records as rows for a person to read, below each other: what `table` and `record` have in common.

use std::{collections::VecDeque, sync::Arc};

use recpipe::{Batch, Error, Flow, Schema, Stage, Type, Value};
use unicode_width::UnicodeWidthStr;

use super::{
    layout::{GAP, Layout, Width, cut},
    shown::{self, Days},
};
use crate::writer::{Canvas, Rule, Tint};

/// A record as it is shown.
#[derive(Clone)]
struct Row {
    cells: Vec<String>,
    /// By the rules of the query.
    tint: Option<Tint>,
}

/// How rows are written.
enum Form {
    /// Below the names, in columns of these widths.
    Columns(Vec<Width>),
    /// A field a line, behind its name.
    Lines,
}

/// Rows: columns with the names above them, numbers to the right; or a field a line.
///
/// The form, and the widths of the columns, are those of the first [`Rows::SAMPLE`] records; it waits for them, or for the end, and
/// then writes records as they come. On a terminal, columns that do not fit are cut, with `…` where text was; where that is true of
/// more than half of them, a field is a line. What there is so far is drawn whenever the source pauses; records go on below once they
/// are more than the screen can show.
pub(super) struct Rows {
    canvas: Canvas,
    schema: Arc<Schema>,
    layout: Layout,
    /// Whether a field is a line, whatever would fit.
    lines_only: bool,
    waiting: Vec<Row>,
    /// Once the first records were seen.
    settled: Option<(Form, Days)>,
    /// Whether a record was written, from which the next is divided.
    has_written: bool,
    /// What is drawn for now, and not written.
    draft: Option<Draft>,
}

/// Records that are drawn for now.
struct Draft {
    /// The first of them, as many as the screen can show; and the last, as long as they may be those that are shown.
    first: Vec<Row>,
    last: VecDeque<Row>,
    /// How many there are.
    count: u64,
    /// How many more do not come.
    more: u64,
    /// The column of times along which they come, and the last of those, while they are in that order: then the newest are shown,
    /// not the first.
    along: Option<(usize, i64)>,
}

impl Rows {
    /// Records that are seen before the form is settled.
    const SAMPLE: usize = 1000;

    /// Rows of records of this schema.
    pub(super) fn new(schema: &Arc<Schema>, canvas: &Canvas, lines_only: bool) -> Self {
        let layout = Layout::new(schema, canvas.look());
        Rows {
            canvas: canvas.clone(),
            schema: schema.clone(),
            layout,
            lines_only,
            waiting: Vec::new(),
            settled: None,
            has_written: false,
            draft: None,
        }
    }

    /// Rows that are drawn at their end, as far as the screen has room, and not written; so many records more do not come.
    pub(super) fn for_now(schema: &Arc<Schema>, canvas: &Canvas, more: u64, lines_only: bool) -> Self {
        let time = schema.fields().iter().position(|field| field.kind == Type::Time);
        // Of those that do not come, nothing is known: what comes are the first.
        let along = time.filter(|_| more == 0).map(|place| (place, i64::MIN));
        Rows {
            draft: Some(Draft { first: Vec::new(), last: VecDeque::new(), count: 0, more, along }),
            ..Rows::new(schema, canvas, lines_only)
        }
    }

    /// How the rows that wait are written.
    fn form(&self) -> (Form, Days) {
        let cells = self.waiting.iter().map(|row| &row.cells);
        let days = Days::of(&self.schema, cells.clone());
        let mut cells: Vec<Vec<String>> = cells.cloned().collect();
        cells.iter_mut().for_each(|cells| days.shorten(cells));
        let room = self.canvas.columns();
        let is_too_wide = |room| !cells.is_empty() && self.layout.cuts_most(cells.iter(), room);
        match self.lines_only || room.is_some_and(is_too_wide) {
            true => (Form::Lines, days),
            false => (Form::Columns(self.layout.widths(cells.iter(), room)), days),
        }
    }

    /// The line of the names, where there is one.
    fn heading(&self, form: &Form) -> Option<String> {
        match form {
            Form::Columns(widths) => {
                Some(self.canvas.look().heading(&self.layout.line(self.layout.names(), widths, self.canvas.columns())))
            }
            Form::Lines => None,
        }
    }

    /// The lines of a row, none wider than `room`; `is_first` where none stands before it.
    fn lines(&self, row: &Row, (form, days): (&Form, &Days), is_first: bool, room: Option<usize>) -> Vec<String> {
        let mut cells = row.cells.clone();
        days.shorten(&mut cells);
        let (names, look) = (self.layout.names(), self.canvas.look());
        if let Form::Columns(widths) = form {
            return vec![self.layout.row(&cells, row.tint, widths, self.canvas.columns())];
        }
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let mut lines: Vec<String> = if is_first { Vec::new() } else { vec![String::new()] };
        for (place, (name, cell)) in names.iter().zip(&cells).enumerate() {
            let gap = if cell.is_empty() { String::new() } else { format!("{}{GAP}", " ".repeat(width.saturating_sub(name.width()))) };
            let left = room.map(|room| room.saturating_sub(name.width() + gap.len()));
            let cell = left.map_or(cell.clone(), |left| cut(cell, left, look.cut()));
            let name = room.map_or(name.clone(), |room| cut(name, room, look.cut()));
            lines.push(format!("{}{gap}{}", look.heading(&name), look.tinted(&cell, row.tint.or_else(|| self.layout.tint(place, &cell)))));
        }
        lines
    }

    /// Writes rows for good.
    fn write(&mut self, rows: impl IntoIterator<Item = Row>) -> Result<(), Error> {
        let mut text = String::new();
        let Some((form, days)) = &self.settled else { return Ok(()) };
        let mut has_written = self.has_written;
        for row in rows {
            for line in self.lines(&row, (form, days), !has_written, None) {
                text.push_str(&line);
                text.push('\n');
            }
            has_written = true;
        }
        self.has_written = has_written;
        self.canvas.write(&text)
    }

    fn settle(&mut self) -> Result<(), Error> {
        let settled = self.form();
        if let Some(heading) = self.heading(&settled.0) {
            self.canvas.write(&format!("{heading}\n"))?;
        }
        self.settled = Some(settled);
        let waiting = std::mem::take(&mut self.waiting);
        self.write(waiting)
    }

    /// The names, if they stand above, and the lines of what waits; `None` where the screen has no room for all of it.
    fn picture(&self) -> Option<(Option<String>, Vec<String>)> {
        let (form, days) = self.form();
        let heading = self.heading(&form);
        let room = self.room().saturating_sub(usize::from(heading.is_some()));
        let mut lines = Vec::new();
        for (at, row) in self.waiting.iter().enumerate() {
            lines.extend(self.lines(row, (&form, &days), at == 0, self.canvas.columns()));
            if lines.len() > room {
                return None;
            }
        }
        Some((heading, lines))
    }

    /// Lines of a picture, with one left for what it does not show.
    fn room(&self) -> usize {
        self.canvas.rows().map_or(0, |rows| rows.saturating_sub(1))
    }

    /// Draws a draft as far as there is room, and says how much more there is.
    fn draw(&mut self, Draft { first, last, count, more, along }: Draft) -> Result<(), Error> {
        let shows_newest = along.is_some();
        self.waiting = if shows_newest { last.into() } else { first };
        let (heading, lines) = loop {
            if let Some(picture) = self.picture() {
                break picture;
            }
            match shows_newest {
                true => drop(self.waiting.remove(0)),
                false => drop(self.waiting.pop()),
            }
        };
        let hidden = count - self.waiting.len() as u64 + more;
        let hidden = |is_here: bool, what: &str| (is_here && hidden > 0).then(|| format!("{} {hidden} {what}", self.canvas.look().cut()));
        let (before, behind) = (hidden(shows_newest, "before"), hidden(!shows_newest, "more"));
        self.canvas.draw(heading.into_iter().chain(before).chain(lines).chain(behind).collect())
    }

    /// The records of a batch as rows.
    fn rows(&self, batch: &Batch) -> Result<impl Iterator<Item = Row> + use<>, Error> {
        let tints = Rule::tints(self.canvas.rules(), batch)?;
        Ok(shown::rows(batch).zip(tints).map(|(cells, tint)| Row { cells, tint }))
    }

    /// Takes the records of a batch for a draft: no more than the screen can show.
    fn sketch(&self, batch: &Batch, draft: &mut Draft) -> Result<(), Error> {
        let most = self.room();
        draft.first.extend(self.rows(&batch.head(most.saturating_sub(draft.first.len())))?);
        draft.count += batch.len() as u64;
        let Some((place, last)) = draft.along else { return Ok(()) };
        let mut moments = (0..batch.len()).map(|row| match batch.column(place).value(batch.physical(row)) {
            Value::Time(time) => Some(time.nanos),
            _ => None,
        });
        draft.along = moments.try_fold(last, |last, at| at.filter(|at| *at >= last)).map(|last| (place, last));
        let newest = (batch.len().saturating_sub(most)..batch.len()).map(|row| batch.physical(row) as u32).collect();
        draft.last.extend(self.rows(&batch.select(newest))?);
        draft.last.drain(..draft.last.len().saturating_sub(most));
        Ok(())
    }
}

impl Stage for Rows {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        if let Some(mut draft) = self.draft.take() {
            self.sketch(&batch, &mut draft)?;
            self.draft = Some(draft);
            return Ok(Flow::Continue);
        }
        let mut rows = self.rows(&batch)?;
        if self.settled.is_none() {
            self.waiting.extend(rows.by_ref().take(Self::SAMPLE - self.waiting.len()));
            if self.waiting.len() < Self::SAMPLE {
                return Ok(Flow::Continue);
            }
            self.settle()?;
        }
        self.write(rows)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.settled.is_none() && !self.waiting.is_empty() && self.canvas.rows().is_some() {
            match self.picture() {
                Some((heading, lines)) => self.canvas.draw(heading.into_iter().chain(lines).collect())?,
                None => self.settle()?,
            }
        }
        self.canvas.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        if let Some(draft) = self.draft.take() {
            return self.draw(draft);
        }
        if self.settled.is_none() {
            self.settle()?;
        }
        self.canvas.flush()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}
