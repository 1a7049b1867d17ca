//! `chart`: a horizontal bar for each record, or all on one line, along the time.
//!
//! ```text
//! status  count
//!    200      5  ████████████████████████████████████████
//!    404      3  ████████████████████████
//! ```
//!
//! The labels are the other columns. Bars begin at zero: those of negative values go to the left. Null has none, and neither
//! have NaN and infinities. Where the only label is a time, records that are missing between two are said to be; and where there
//! are more of them than lines, they are a `Sparkline`. Groups by a time and other keys are a line for each of those.

use std::sync::Arc;

use recpipe::{Batch, Error, Field, Flow, Schema, Stage, Type, Value};
use unicode_width::UnicodeWidthStr;

use super::{
    header::headed_picture,
    layout::{GAP, Layout},
    shown,
    sparkline::{Sparkline, height},
    sparklines::Sparklines,
};
use crate::{
    expr::{Values, Vector},
    language::{Checked, Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast::Expr, diagnose::Diagnostic, kind_name, parsed},
    plan::{About, Runs, Sink, Target},
    span::Span,
    writer::{Canvas, Desk, Discard, Look},
};

/// `chart`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "chart",
        syntax: "chart [FIELD]",
        doc: "a bar for each record, of many times a line (each key one): of the one number there is, or FIELD",
        example: "chart bytes",
        runs: Runs::Once,
        memory: "O(rows shown)",
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    Ok(parsed(ChartSyntax(if parser.at_stage_end() { None } else { Some(parser.expr()?) })))
}

/// What is drawn, as it was written.
#[derive(Debug)]
struct ChartSyntax(Option<Expr>);

impl Syntax for ChartSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let is_grouped = upstream.aggregates.is_some();
        let made = self.value(checker, upstream, span).map(|value| Arc::new(ChartSink { value, is_grouped }) as Arc<dyn Sink>);
        checker.push_output(upstream, &WORD, span, made);
    }
}

impl ChartSyntax {
    /// The place of what `chart` draws: the column it names, or the only one that it can be.
    fn value(&self, checker: &mut Checker<'_>, upstream: &Upstream, span: Span) -> Checked<usize> {
        let is_number = |kind: Option<Type>| matches!(kind, Some(Type::Int | Type::Float));
        if let Some(value) = &self.0 {
            let expr = checker.expr(value)?;
            return match expr.as_column() {
                Some(place) if is_number(Some(expr.kind())) || expr.kind() == Type::Mixed => Ok(place),
                Some(_) => {
                    let what = format!("`{}` is {}; `chart` draws numbers", expr.text(), kind_name(expr.kind()));
                    let mend = match expr.kind() {
                        Type::Text => format!("make it one before: `let x = float({})`", checker.catalog.written(&expr)),
                        Type::Bool => format!("make it one before: `let x = int({})`", checker.catalog.written(&expr)),
                        _ => "name a column of numbers; the others are the labels".to_owned(),
                    };
                    Err(checker.fail(Diagnostic::new(value.span, what).label(mend)))
                }
                None => {
                    let mend = format!("make it one before: `let x = {}`", checker.source.slice(value.span));
                    Err(checker.fail(Diagnostic::new(value.span, "`chart` draws a column").label(mend)))
                }
            };
        }
        let columns = &checker.scope.columns;
        let is_made = |name: &str| upstream.aggregates.as_ref().is_none_or(|made| made.iter().any(|made| made == name));
        let of = |fits: &dyn Fn(Option<Type>) -> bool| -> Vec<usize> {
            (0..columns.len()).filter(|&place| fits(columns[place].1.map(|seen| seen.kind)) && is_made(&columns[place].0)).collect()
        };
        let numbers = of(&is_number);
        // Where none is nothing but numbers, those that may have some.
        let numbers = if numbers.is_empty() { of(&|kind| kind == Some(Type::Mixed)) } else { numbers };
        if let [only] = numbers[..] {
            return Ok(only);
        }
        let names: Vec<_> = numbers.iter().map(|&place| columns[place].0.clone()).collect();
        let found = Diagnostic::new(span, "`chart` does not say what is drawn");
        Err(checker.fail(match names.first() {
            Some(first) => {
                let candidates = checker.catalog.fields(names.iter().map(String::as_str));
                found.label(format!("write `chart {}`", checker.catalog.field(first))).help(format!("candidates: {candidates}"))
            }
            None => found.label("no column is a number; as in `count by host | chart`"),
        }))
    }
}

/// A bar for the value of a column in each record.
#[derive(Clone, Copy, Debug)]
struct ChartSink {
    /// The place of the column.
    value: usize,
    /// Whether the records are of groups: each key that is no time has a line of its own, along the time.
    is_grouped: bool,
}

impl Sink for ChartSink {
    fn is_picture(&self) -> bool {
        true
    }

    fn draft(&self, schema: &Arc<Schema>, canvas: &Canvas, more: u64) -> Option<Target> {
        Some(headed_picture(Chart::for_now(*self, schema, canvas.clone(), more), schema, None))
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let Some(canvas) = desk.canvas else { return Ok(Box::new(Discard)) };
        Ok(headed_picture(Chart::new(*self, schema, canvas.clone()), schema, Some(desk.notes)))
    }
}

/// Columns of a chart where there is no terminal to fit.
const COLUMNS: usize = 80;

/// Bars of times, with what is missing between them, where there is no terminal to fit; more are a sparkline.
const ROWS: usize = 24;

/// Bars have at least this many columns, and a third of the line, however long the labels are.
const LEAST_BAR: usize = 10;

/// Draws the records that it gets, at the end.
struct Chart {
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

    /// A chart of the column `value` of records of this schema.
    fn new(ChartSink { value, is_grouped }: ChartSink, schema: &Schema, canvas: Canvas) -> Self {
        let labels = || schema.fields().iter().enumerate().filter(|(i, _)| *i != value).map(|(_, field)| field);
        let of_time = |(place, field): (usize, &Field)| (place != value && field.kind == Type::Time).then_some(place);
        let times: Vec<usize> = schema.fields().iter().enumerate().filter_map(of_time).collect();
        let timeline = match (&times[..], labels().count()) {
            (&[time], 1) => Some((time, Timeline::One(Sparkline::default()))),
            (&[time], _) if is_grouped => Some((time, Timeline::Several(Sparklines::default()))),
            _ => None,
        };
        let fields: Vec<Field> = labels().chain(schema.fields().get(value)).cloned().collect();
        // The same names as before, in another order.
        let layout = Layout::new(&Schema::new(fields).unwrap_or_else(|_| schema.clone()), canvas.look());
        Chart { canvas, layout, value, timeline, bars: Vec::new(), more: 0, for_now: false }
    }

    /// A chart that is drawn, as far as the screen has room, and not written; so many records more do not come.
    fn for_now(sink: ChartSink, schema: &Schema, canvas: Canvas, more: u64) -> Self {
        Chart { for_now: true, more, ..Chart::new(sink, schema, canvas) }
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
fn drawable(values: &Vector, row: usize) -> Option<Value<'static>> {
    match values.value(row) {
        Value::Int(value) => Some(Value::Int(value)),
        Value::Float(value) => Some(Value::Float(value)).filter(|_| value.is_finite()),
        _ => None,
    }
}

/// How long bars are.
struct Scale {
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
    fn new(values: impl Iterator<Item = f64>, columns: usize, look: Look) -> Self {
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

    /// A bar, with blanks before it so that all zeros are below each other.
    fn bar(&self, value: f64) -> String {
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
