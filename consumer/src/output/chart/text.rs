//! Pictures as text: lines of several columns, stacks, histograms, heatmaps, and what goes by its logarithm.
//!
//! ```text
//! ms        records by ms
//! 1–2             12  ████████
//! 2–5             31  ████████████████████
//! ```

use recpipe::{Batch, Error, Field, Flow, Schema, Stage, Time, Type, Value};
use unicode_width::UnicodeWidthStr;

use super::{
    Drawing, Drawn,
    bars::{COLUMNS, Scale},
};
use crate::{
    output::{
        layout::{GAP, Layout, cut},
        sparklines::Sparklines,
    },
    picture::{Axis, Bar, Figure, Form, Heat, Lines, exact},
    writer::{Canvas, Look},
};

/// The parts of a bar, and the counts of a heatmap from the least to the greatest, where there are no colours for them.
const PARTS: [char; 8] = ['█', '░', '▓', '▒', '#', '=', '+', '-'];
const PARTS_ASCII: [char; 8] = ['#', '-', '=', '+', '%', ':', 'o', '.'];
const HEAT: [char; 5] = [' ', '░', '▒', '▓', '█'];
const HEAT_ASCII: [char; 5] = [' ', '.', ':', '*', '#'];

/// Bars have at least this many columns, and a third of the line.
const LEAST_BAR: usize = 10;

/// Draws the records that it gets, at the end.
pub(super) struct Text {
    canvas: Canvas,
    drawing: Drawing,
    /// Of what is drawn and not written: how many records do not come.
    for_now: Option<u64>,
    has_records: bool,
}

impl Text {
    pub(super) fn new(drawn: &Drawn, schema: &Schema, canvas: Canvas, for_now: Option<u64>) -> Self {
        Text { canvas, drawing: Drawing::new(drawn, schema), for_now, has_records: false }
    }

    fn lines(&self) -> Vec<String> {
        let (columns, look) = (self.canvas.columns().unwrap_or(COLUMNS), self.canvas.look());
        let Some(figure) = self.drawing.figure(false) else { return Vec::new() };
        let mut lines = match &figure.form {
            Form::Bars(names, bars) => of_bars(names, bars, &figure, columns, look),
            Form::Lines(lines) => of_lines(lines, &figure, columns, look),
            Form::Heat(heat) => of_heat(heat, &figure, columns, look),
        };
        lines.extend(figure.notes.iter().map(|note| cut(&format!("{} {note}", look.cut()), columns, look.cut())));
        lines
    }

    fn draw(&self) -> Result<(), Error> {
        let rows = self.canvas.rows().unwrap_or(0);
        let mut lines = self.lines();
        let hidden = lines.len().saturating_sub(rows) + usize::from(lines.len() > rows);
        if let Some(more) = self.for_now.filter(|more| *more > 0 || hidden > 0).or((hidden > 0).then_some(0)) {
            lines.truncate(rows.saturating_sub(1));
            lines.push(format!("{} {} more", self.canvas.look().cut(), more + hidden as u64));
        }
        self.canvas.draw(lines)
    }
}

impl Stage for Text {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.has_records |= !batch.is_empty();
        self.drawing.add(&batch);
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.has_records && self.canvas.rows().is_some() { self.draw() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.for_now.is_some() {
            return self.draw();
        }
        let text: String = self.lines().iter().flat_map(|line| [line, "\n"]).collect();
        self.canvas.write(&text)?;
        self.canvas.flush()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

/// What the numbers are.
fn heading(figure: &Figure) -> String {
    format!("{}{}", figure.value, if figure.log { ", logarithmic" } else { "" })
}

/// Bars below each other, of one part or of several.
fn of_bars(names: &[String], bars: &[Bar], figure: &Figure, columns: usize, look: Look) -> Vec<String> {
    let is_stack = names.len() > 1;
    let shown = |bar: &Bar| match &bar.parts[..] {
        [only] => only.as_ref().map_or(String::new(), |(_, shown)| shown.clone()),
        parts => exact(parts.iter().flatten().map(|(value, _)| value).sum()),
    };
    let rows: Vec<Vec<String>> = bars.iter().map(|bar| vec![bar.label.clone(), shown(bar)]).collect();
    // Labels to the left, numbers to the right, whatever they are called.
    let fields = vec![Field::new(" ", Type::Text), Field::new(heading(figure).as_str(), Type::Int)];
    let Ok(schema) = Schema::new(fields) else { return Vec::new() };
    let layout = Layout::new(&schema, look);
    let widths = layout.widths(rows.iter(), Some(columns.saturating_sub(LEAST_BAR.max(columns / 3) + GAP.len())));
    let room = columns.saturating_sub(widths.iter().map(|width| width.columns + GAP.len()).sum());
    let of_parts = |bar: &Bar| bar.parts.iter().flatten().map(|(value, _)| *value).collect::<Vec<_>>();
    let axis = Axis::new(bars.iter().map(|bar| of_parts(bar).iter().sum()), figure.log);
    let size = |value: f64| if figure.log { axis.place(value).map(|place| place.max(1e-9)) } else { Some(value) };
    let scale = match is_stack {
        // Zero is among them. What is below it is not drawn beside what is above.
        true => Scale::new(bars.iter().filter_map(|bar| size(of_parts(bar).iter().filter(|part| **part > 0.0).sum())), room, look),
        false => Scale::new(bars.iter().flat_map(of_parts).filter_map(size), room, look),
    };
    let mut lines = vec![look.heading(&layout.line(layout.names(), &widths, Some(columns)))];
    for (bar, cells) in bars.iter().zip(&rows) {
        let line = layout.line(cells, &widths, Some(columns));
        let drawn = match is_stack {
            true => stacked(bar, &scale, &size, look),
            false => of_parts(bar).first().and_then(|value| size(*value)).map_or(String::new(), |value| scale.bar(value)),
        };
        lines.push(if drawn.trim_end().is_empty() { line } else { format!("{line}{GAP}{}", look.bar(drawn.trim_end())) });
    }
    if is_stack {
        let parts = if look.ascii { PARTS_ASCII } else { PARTS };
        let mut legend = String::new();
        for (name, part) in names.iter().zip(parts.iter().cycle()) {
            let one = cut(&format!("{part} {name}"), columns, look.cut());
            if !legend.is_empty() && legend.width() + GAP.len() + one.width() > columns {
                lines.push(std::mem::take(&mut legend));
            }
            legend = if legend.is_empty() { one } else { format!("{legend}{GAP}{one}") };
        }
        lines.push(legend);
        if bars.iter().any(|bar| of_parts(bar).iter().any(|part| *part < 0.0)) {
            lines.push(format!("{} parts below zero are not drawn", look.cut()));
        }
    }
    lines
}

/// A bar of parts, each of a character of its own. What is there is seen where there is room.
fn stacked(bar: &Bar, scale: &Scale, size: &dyn Fn(f64) -> Option<f64>, look: Look) -> String {
    let parts = if look.ascii { PARTS_ASCII } else { PARTS };
    let (mut sum, mut at, mut text) = (0.0, 0, String::new());
    for (part, value) in bar.parts.iter().enumerate() {
        let Some((value, _)) = value.as_ref().filter(|(value, _)| *value > 0.0) else { continue };
        sum += value;
        let end = size(sum).map_or(0, |sum| scale.columns(sum));
        text.extend(std::iter::repeat_n(parts[part % parts.len()], end.saturating_sub(at)));
        at = end.max(at);
    }
    text
}

/// Small bars side by side, a line for each.
fn of_lines(lines: &Lines, figure: &Figure, columns: usize, look: Look) -> Vec<String> {
    let axis = Axis::new(lines.lines.iter().flat_map(|(_, values)| values.iter().flatten().copied()), figure.log);
    let mut drawn = Sparklines::default();
    // By time, as the axis needs it.
    for (place, &(nanos, offset_s)) in lines.times.iter().enumerate() {
        let time = Time { nanos, offset_s }.to_string();
        for (name, values) in &lines.lines {
            let Some(value) = values[place] else { continue };
            let height = if figure.log { axis.place(value) } else { Some(value) };
            drawn.push(name, Some(nanos), height.map(Value::Float), &time, &exact(value));
        }
    }
    let name = heading(figure);
    match lines.lines.len() {
        1 => drawn.one(&name, columns, look),
        _ => drawn.lines(&name, columns, look),
    }
    .unwrap_or_default()
}

/// Counts by time and number, the greatest numbers above.
fn of_heat(heat: &Heat, figure: &Figure, columns: usize, look: Look) -> Vec<String> {
    let label = heat.rows.iter().map(|row| row.width()).max().unwrap_or(0).min(columns / 3);
    let room = columns.saturating_sub(label + GAP.len()).max(1);
    // Several columns are one where there is not room for all.
    let each = heat.columns.len().div_ceil(room).max(1);
    let cells: Vec<Vec<u64>> = heat
        .columns
        .chunks(each)
        .map(|columns| (0..heat.rows.len()).map(|row| columns.iter().map(|column| column[row]).sum()).collect())
        .collect();
    let most = cells.iter().flatten().copied().max().unwrap_or(0).max(1) as f64;
    let shades = if look.ascii { HEAT_ASCII } else { HEAT };
    let shade = |count: u64| match count {
        0 => shades[0],
        // By the logarithm: what is there once is seen beside what is there a million times.
        count => shades[1 + ((libm::log(count as f64) / libm::log(most.max(2.0)) * 3.0).round() as usize).min(3)],
    };
    let step = heat.step.saturating_mul(each as i64);
    let about = format!("{}  1 to {most}, a column is {}", heading(figure), crate::output::sparkline::length(step.into()));
    let mut lines = vec![look.heading(&cut(&about, columns, look.cut()))];
    for (row, name) in heat.rows.iter().enumerate().rev() {
        let name = cut(name, label, look.cut());
        let drawn: String = cells.iter().map(|column| shade(column[row])).collect();
        let blanks = " ".repeat(label.saturating_sub(name.width()));
        lines.push(match drawn.trim_end() {
            "" => format!("{blanks}{name}"),
            drawn => format!("{blanks}{name}{GAP}{}", look.bar(drawn)),
        });
    }
    let time = |nanos: i64| Time { nanos, offset_s: heat.offset_s }.to_string();
    let end = heat.from.saturating_add(heat.step.saturating_mul(heat.columns.len() as i64));
    let feet = format!("{}{GAP}{} to {}", " ".repeat(label), time(heat.from), time(end));
    lines.push(cut(&feet, columns, look.cut()));
    lines
}
