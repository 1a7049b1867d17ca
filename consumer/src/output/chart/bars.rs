//! Horizontal bars of text, or all on one line, along the time.
//!
//! ```text
//! status  count
//!    200      5  ████████████████████████████████████████
//!    404      3  ████████████████████████
//! ```
//!
//! Where the only label is a time, records that are missing between two are said to be; and where there are more of them than lines,
//! they are a `Sparkline`. Groups by a time and other keys are a line for each of those.

use recpipe::{Batch, Error, Field, Flow, Schema, Stage, Type, Value};
use unicode_width::UnicodeWidthStr;

use super::{
    super::{
        layout::{GAP, Layout},
        shown,
        sparkline::{Sparkline, height},
        sparklines::Sparklines,
    },
    Drawn, Form,
};
use crate::{
    expr::{Values, Vector},
    writer::{Canvas, Look},
};

/// Columns of a chart where there is no terminal to fit.
pub(super) const COLUMNS: usize = 80;

/// Bars of times, with what is missing between them, where there is no terminal to fit; more are a sparkline.
const ROWS: usize = 24;

/// Bars have at least this many columns, and a third of the line, however long the labels are.
const LEAST_BAR: usize = 10;

/// Draws the records that it gets, at the end.
pub(super) struct Chart {
    canvas: Canvas,
    layout: Layout,
    /// The place of the value in the records that come.
    value: usize,
    /// All records along their time, and the place of that.
    timeline: Option<(usize, Timeline)>,
    bars: Vec<Bar>,
    /// Records beyond [`Chart::MOST`], or beyond those that the screen has room for.
    more: u64,
    for_now: bool,
}

/// Records along their time.
enum Timeline {
    /// Where the labels are a time alone.
    One(Sparkline),
    /// Where there are others, a line for each.
    Several(Sparklines),
}

struct Bar {
    /// The labels and, at the end, the value.
    cells: Vec<String>,
    value: Option<f64>,
    /// Nanoseconds since 1970, where the label is a time.
    at: Option<i64>,
}

impl Chart {
    /// More records than this are counted, not drawn.
    const MOST: usize = 1000;

    /// A chart of one column of records of this schema. With `more` it is drawn, as far as the screen has room, and not written; so many
    /// records more do not come.
    pub(super) fn new(drawn: &Drawn, schema: &Schema, canvas: Canvas, more: Option<u64>) -> Self {
        let value = drawn.values.first().copied().unwrap_or(0);
        let labels = || schema.fields().iter().enumerate().filter(|(i, _)| *i != value).map(|(_, field)| field);
        let of_time = |(place, field): (usize, &Field)| (place != value && field.kind == Type::Time).then_some(place);
        let times: Vec<usize> = schema.fields().iter().enumerate().filter_map(of_time).collect();
        let timeline = match (&times[..], labels().count()) {
            _ if drawn.form == Form::Bars => None,
            (&[time], 1) => Some((time, Timeline::One(Sparkline::default()))),
            (&[time], _) if drawn.is_grouped => Some((time, Timeline::Several(Sparklines::default()))),
            _ => None,
        };
        let fields: Vec<Field> = labels().chain(schema.fields().get(value)).cloned().collect();
        // The same names as before, in another order.
        let layout = Layout::new(&Schema::new(fields).unwrap_or_else(|_| schema.clone()), canvas.look());
        Chart { canvas, layout, value, timeline, bars: Vec::new(), more: more.unwrap_or(0), for_now: more.is_some() }
    }

    fn lines(&self, bars: &[Bar]) -> Vec<String> {
        let look = self.canvas.look();
        let room = self.columns();
        let for_labels = room.saturating_sub(LEAST_BAR.max(room / 3) + GAP.len());
        let widths = self.layout.widths(bars.iter().map(|bar| &bar.cells), Some(for_labels));
        let labels = widths.iter().map(|width| width.columns).sum::<usize>() + GAP.len() * widths.len();
        let scale = Scale::new(bars.iter().filter_map(|bar| bar.value), room.saturating_sub(labels), look);
        let step = match &self.timeline {
            Some((_, Timeline::One(timeline))) => timeline.step(),
            _ => None,
        };
        let mut lines = vec![look.heading(&self.layout.line(self.layout.names(), &widths, Some(room)))];
        let mut before = None;
        for bar in bars {
            if let (Some(step), Some(before), Some(at)) = (step, before, bar.at) {
                let missing = (i128::from(at) - i128::from(before) + step / 2) / step - 1;
                if missing > 0 {
                    lines.push(format!("{} {missing} missing", look.cut()));
                }
            }
            before = bar.at;
            let line = self.layout.line(&bar.cells, &widths, Some(room));
            let bar = bar.value.map_or_else(String::new, |value| scale.bar(value));
            lines.push(if bar.trim_end().is_empty() { line } else { format!("{line}{GAP}{}", look.bar(bar.trim_end())) });
        }
        lines
    }

    fn columns(&self) -> usize {
        self.canvas.columns().unwrap_or(COLUMNS)
    }

    /// All records on one line, where they are times and their bars are more than so many lines.
    fn sparkline(&self, rows: usize) -> Option<Vec<String>> {
        let (name, columns, look) = (self.layout.names().last()?, self.columns(), self.canvas.look());
        match &self.timeline.as_ref()?.1 {
            Timeline::One(_) if self.bars.len() <= rows && self.lines(&self.bars).len() <= rows => None,
            Timeline::One(timeline) => timeline.lines(name, columns, look),
            Timeline::Several(timelines) => timelines.lines(name, columns, look),
        }
    }

    fn draw(&mut self) -> Result<(), Error> {
        let room = self.canvas.rows().unwrap_or(0);
        if let Some(mut lines) = self.sparkline(room) {
            lines.truncate(room);
            return self.canvas.draw(lines);
        }
        let mut lines = self.lines(&self.bars[..self.bars.len().min(room)]);
        let hidden = lines.len().saturating_sub(room.saturating_sub(1));
        if self.more > 0 || lines.len() > room || self.bars.len() > room {
            lines.truncate(room.saturating_sub(1));
            let bars = self.bars.len().min(room).saturating_sub(hidden);
            lines.push(format!("{} {} more", self.canvas.look().cut(), self.more + (self.bars.len() - bars) as u64));
        }
        self.canvas.draw(lines)
    }
}

impl Stage for Chart {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let values = Vector::from_column(batch.column(self.value), &batch);
        let times = self.timeline.as_ref().map(|(place, _)| Vector::from_column(batch.column(*place), &batch));
        let room = Self::MOST.saturating_sub(self.bars.len());
        // Of times, all are looked at; of all else, what has a bar.
        let seen = if times.is_some() { batch.clone() } else { batch.head(room) };
        for (row, mut cells) in shown::rows(&seen).enumerate() {
            let number = cells.remove(self.value);
            let value = drawable(&values, row);
            let at = times.as_ref().and_then(|times| match &times.values {
                Values::Time(times_of) if !times.is_null(row) => Some(times_of.get(row).nanos),
                _ => None,
            });
            match &mut self.timeline {
                Some((_, Timeline::One(timeline))) => {
                    timeline.push(at, value, cells.first().map_or("", String::as_str), &number);
                }
                Some((time, Timeline::Several(timelines))) => {
                    let mut keys = cells.clone();
                    let time = keys.remove(*time - usize::from(*time > self.value));
                    timelines.push(&keys.join(GAP), at, value, &time, &number);
                }
                None => {}
            }
            if row < room {
                cells.push(number);
                self.bars.push(Bar { cells, value: value.as_ref().and_then(height), at });
            }
        }
        self.more += batch.len().saturating_sub(room) as u64;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if !self.bars.is_empty() && self.canvas.rows().is_some() { self.draw() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.for_now {
            return self.draw();
        }
        let rows = self.canvas.rows().unwrap_or(ROWS + 1);
        let sparkline = self.sparkline(rows);
        let is_all = sparkline.is_some();
        let mut lines = sparkline.unwrap_or_else(|| self.lines(&self.bars));
        if self.more > 0 && !is_all {
            lines.push(format!("{} {} more; `top {}` before `chart` draws the largest", self.canvas.look().cut(), self.more, Self::MOST));
        }
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        self.canvas.write(&text)?;
        self.canvas.flush()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

/// A value that can be drawn; nothing where there is none, or no end to it.
pub(super) fn drawable(values: &Vector, row: usize) -> Option<Value<'static>> {
    match values.value(row) {
        Value::Int(value) => Some(Value::Int(value)),
        Value::Float(value) => Some(Value::Float(value)).filter(|_| value.is_finite()),
        _ => None,
    }
}

/// How long bars are.
pub(super) struct Scale {
    /// Columns left of zero, and right of it.
    left: usize,
    right: usize,
    /// Columns for one.
    unit: f64,
    look: Look,
}

/// A column filled from the left by so many eighths.
const EIGHTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

impl Scale {
    pub(super) fn new(values: impl Iterator<Item = f64>, columns: usize, look: Look) -> Self {
        let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        // Each by itself: the difference of two floats may be too large for one.
        let part = -low / (high / 2.0 - low / 2.0) / 2.0;
        let left = match (low < 0.0, high > 0.0) {
            (false, _) => 0,
            (true, false) => columns,
            (true, true) => ((columns as f64 * part).round() as usize).clamp(1, columns.saturating_sub(1).max(1)),
        };
        let right = columns.saturating_sub(left);
        let of_side = |columns: usize, most: f64| if most > 0.0 { columns as f64 / most } else { f64::INFINITY };
        Scale { left, right, unit: of_side(left, -low).min(of_side(right, high)), look }
    }

    /// The columns of a bar of a value that is not below zero, rounded.
    pub(super) fn columns(&self, value: f64) -> usize {
        ((value.max(0.0) * self.unit).round() as usize).min(self.right)
    }

    /// A bar, with blanks before it so that all zeros are below each other.
    pub(super) fn bar(&self, value: f64) -> String {
        let side = if value < 0.0 { self.left } else { self.right };
        // At least the thinnest of bars: zero has none.
        let eighths = if value == 0.0 { 0 } else { ((value.abs() * self.unit * 8.0).round() as usize).max(1).min(side * 8) };
        let (full, part) = (eighths / 8, eighths % 8);
        let text: String = match (self.look.ascii, value < 0.0) {
            (true, _) => "#".repeat((full + usize::from(part >= 4)).max(usize::from(eighths > 0))),
            (false, false) => std::iter::repeat_n('█', full).chain((part > 0).then(|| EIGHTHS[part])).collect(),
            // There is only a half block for the right side of a column.
            (false, true) => {
                (part > 0).then_some(if part >= 6 { '█' } else { '▐' }).into_iter().chain(std::iter::repeat_n('█', full)).collect()
            }
        };
        let blanks = if value < 0.0 { self.left.saturating_sub(text.width()) } else { self.left };
        " ".repeat(blanks) + &text
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Scale};

    fn bars(values: &[f64], columns: usize, ascii: bool) -> Vec<String> {
        let scale = Scale::new(values.iter().copied(), columns, Look { ascii, colour: false });
        values.iter().map(|&value| scale.bar(value)).collect()
    }

    #[test]
    fn bars_are_as_long_as_values_are_large() {
        assert_eq!(bars(&[4.0, 2.0, 1.0, 0.0, 0.001], 4, false), ["████", "██", "█", "", "▏"]);
        assert_eq!(bars(&[8.0, 1.0, 3.0, 7.0], 1, false), ["█", "▏", "▍", "▉"]);
        assert_eq!(bars(&[4.0, 2.0, 0.0, 0.001], 4, true), ["####", "##", "", "#"]);
    }

    #[test]
    fn negative_bars_go_to_the_left() {
        assert_eq!(bars(&[2.0, -2.0, 1.0, -1.0, 0.0], 4, false), ["  ██", "██", "  █", " █", "  "]);
        assert_eq!(bars(&[-4.0, -1.0], 4, true), ["####", "   #"]);
        assert_eq!(bars(&[3.0, -1.0], 4, false), [" ███", "█"]);
    }

    #[test]
    fn any_values_fit() {
        for values in
            [vec![f64::MAX, f64::MIN], vec![5e-324, -5e-324], vec![0.0], vec![], vec![f64::MAX], vec![1e300, -1e-300], vec![-1e300, 1e-300]]
        {
            for columns in 0..30 {
                for ascii in [false, true] {
                    assert!(bars(&values, columns, ascii).iter().all(|bar| bar.chars().count() <= columns.max(2)), "{values:?} {columns}");
                }
            }
        }
    }
}
