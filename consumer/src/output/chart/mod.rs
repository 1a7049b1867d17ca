//! `chart`: what numbers look like. Bars, lines along the time, stacks, histograms and heatmaps: as text, or as a picture in a file of
//! `write` ([`super::picture`]).
//!
//! The labels are the other columns. Bars begin at zero: those of negative values go to the left. Null has none, and neither have NaN
//! and infinities.

mod bars;
mod buckets;
mod drawing;
mod heat;
mod histogram;
mod series;
mod text;

use std::sync::Arc;

use recpipe::{Error, Schema, Type};

pub(super) use self::drawing::{Drawing, Table};
use super::header::headed_picture;
use crate::{
    language::{
        Checked, Checker, Parsed, Parser, Seen, StageWord, Syntax, Upstream,
        ast::Expr,
        diagnose::{Diagnostic, did_you_mean},
        kind_name, parsed,
    },
    plan::{About, Read, Runs, Sink, Target},
    span::Span,
    stage::let_::put_time_of_log,
    writer::{Canvas, Desk, Discard},
};

/// `chart`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "chart",
        syntax: "chart [FIELD, …] [as lines | bars | stack | histogram | heatmap] [log]",
        doc: "numbers as bars, or lines along the time; `as histogram`, `as heatmap` of records; `| write \"x.svg\"`",
        example: "chart bytes as histogram log",
        runs: Runs::Once,
        memory: "O(what is drawn)",
        output: true,
        is_drawn: true,
        ..About::PLAIN
    },
    parse,
};

/// What numbers look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Lines where there are more times than bars would have room, bars else.
    Fitting,
    /// A bar for each record.
    Bars,
    /// Lines along the time.
    Lines,
    /// A bar of parts for each label.
    Stack,
    /// How many records have which numbers.
    Histogram,
    /// The same, along the time.
    Heatmap,
}

/// The words for forms.
const FORMS: [(&str, Form); 5] =
    [("lines", Form::Lines), ("bars", Form::Bars), ("stack", Form::Stack), ("histogram", Form::Histogram), ("heatmap", Form::Heatmap)];

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let mut values = Vec::new();
    if !parser.at_stage_end() && !parser.at_word("as") {
        values = parser.list(Parser::expr)?;
    }
    let mut form = Form::Fitting;
    if parser.take_word("as") {
        let word = parser.ident("a form: lines, bars, stack, histogram or heatmap")?;
        let known = FORMS.iter().find(|(name, _)| *name == word.text);
        form = match known {
            Some((_, form)) => *form,
            None => {
                let label = did_you_mean(&word.text, FORMS.iter().map(|(name, _)| *name));
                let found = Diagnostic::new(word.span, format!("`{}` is no form of a chart", word.text)).label(label);
                return Err(parser.fail(found.help("forms: lines, bars, stack, histogram, heatmap")));
            }
        };
    }
    let log = (form != Form::Fitting || !values.is_empty()) && parser.take_word("log");
    Ok(parsed(ChartSyntax { values, form, log }))
}

/// What is drawn, as it was written.
#[derive(Debug)]
struct ChartSyntax {
    values: Vec<Expr>,
    form: Form,
    log: bool,
}

impl Syntax for ChartSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        if matches!(self.form, Form::Lines | Form::Heatmap) {
            put_time_of_log(checker, upstream, span);
        }
        let made = self.drawn(checker, upstream, span).map(|drawn| Arc::new(ChartSink(drawn)) as Arc<dyn Sink>);
        checker.push_output(upstream, &WORD, span, made);
    }
}

impl ChartSyntax {
    fn drawn(&self, checker: &mut Checker<'_>, upstream: &Upstream, span: Span) -> Checked<Drawn> {
        let is_grouped = upstream.aggregates.is_some();
        let mut values = Vec::new();
        for value in &self.values {
            values.push(column(checker, value)?);
        }
        if values.is_empty() {
            values.push(only(checker, upstream, span)?);
        }
        let time = times(checker).find(|place| !values.contains(place));
        let is_one = !matches!(self.form, Form::Lines | Form::Stack | Form::Fitting);
        let second = self.values.get(1).map_or(span, |value| value.span);
        let what = match self.form {
            Form::Lines | Form::Heatmap if time.is_none() => {
                let label = "no column is a time; `let t = time(…)` makes one, and `… every 1h` counts along one";
                return Err(checker.fail(Diagnostic::new(span, "this form goes along the time").label(label)));
            }
            _ if values.len() == 1 => return Ok(Drawn { values, time, form: self.form, log: self.log, is_grouped }),
            _ if is_one => "this form is of one column",
            Form::Fitting if time.is_none() => "several columns are lines along a time, and no column is one",
            _ => return Ok(Drawn { values, time, form: self.form, log: self.log, is_grouped }),
        };
        Err(checker.fail(Diagnostic::new(second, what).label("parts of a bar are `as stack`")))
    }
}

fn is_number(kind: Option<Type>) -> bool {
    matches!(kind, Some(Type::Int | Type::Float))
}

/// The columns that are times.
fn times(checker: &Checker<'_>) -> impl Iterator<Item = usize> {
    let of_time = |(place, (_, seen)): (usize, &(String, Option<Seen>))| seen.is_some_and(|seen| seen.kind == Type::Time).then_some(place);
    checker.scope.columns.iter().enumerate().filter_map(of_time).collect::<Vec<_>>().into_iter()
}

/// The place of a column that is named.
fn column(checker: &mut Checker<'_>, value: &Expr) -> Checked<usize> {
    let expr = checker.expr(value)?;
    match expr.as_column() {
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
    }
}

/// The columns that `chart` may draw where none is named.
fn candidates(checker: &Checker<'_>, upstream: &Upstream) -> Vec<usize> {
    let columns = &checker.scope.columns;
    let is_made = |name: &str| upstream.aggregates.as_ref().is_none_or(|made| made.iter().any(|made| made == name));
    let of = |fits: &dyn Fn(Option<Type>) -> bool| -> Vec<usize> {
        (0..columns.len()).filter(|&place| fits(columns[place].1.map(|seen| seen.kind)) && is_made(&columns[place].0)).collect()
    };
    let numbers = of(&is_number);
    // Where none is nothing but numbers, those that may have some.
    if numbers.is_empty() { of(&|kind| kind == Some(Type::Mixed)) } else { numbers }
}

/// The only column that can be drawn.
fn only(checker: &mut Checker<'_>, upstream: &Upstream, span: Span) -> Checked<usize> {
    let numbers = candidates(checker, upstream);
    if let [only] = numbers[..] {
        return Ok(only);
    }
    let names: Vec<_> = numbers.iter().map(|&place| checker.scope.columns[place].0.clone()).collect();
    let found = Diagnostic::new(span, "`chart` does not say what is drawn");
    Err(checker.fail(match names.first() {
        Some(first) => {
            let candidates = checker.catalog.fields(names.iter().map(String::as_str));
            found.label(format!("write `chart {}`", checker.catalog.field(first))).help(format!("candidates: {candidates}"))
        }
        None => found.label("no column is a number; as in `count by host | chart`"),
    }))
}

/// What `chart` would draw of what is in scope, if it would know without being told.
pub(super) fn of_itself(checker: &Checker<'_>, upstream: &Upstream) -> Option<Drawn> {
    let [only] = candidates(checker, upstream)[..] else { return None };
    let time = times(checker).find(|place| *place != only);
    Some(Drawn { values: vec![only], time, form: Form::Fitting, log: false, is_grouped: upstream.aggregates.is_some() })
}

/// What is drawn.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    /// The places of the columns.
    pub(super) values: Vec<usize>,
    /// The place of the time, if there is one.
    pub(super) time: Option<usize>,
    pub(super) form: Form,
    /// Whether numbers go by their logarithm.
    pub(super) log: bool,
    /// Whether the records are of groups: each key that is no time has a line of its own, along the time.
    pub(super) is_grouped: bool,
}

impl Drawn {
    /// What is read of records of this schema.
    pub(super) fn reads(&self, schema: &Schema) -> Read {
        match self.form {
            Form::Histogram => Read { places: self.values.iter().copied().collect(), late: false },
            Form::Heatmap => Read { places: self.values.iter().copied().chain(self.time).collect(), late: false },
            _ => Read::all_of(schema),
        }
    }

    /// Whether it is the bars, or the one line, that are made of text alone.
    fn is_text(&self) -> bool {
        !self.log && self.values.len() == 1 && matches!(self.form, Form::Fitting | Form::Bars)
    }

    /// What draws it as text.
    fn text(&self, schema: &Schema, canvas: &Canvas, more: Option<u64>) -> Target {
        match self.is_text() {
            true => Box::new(bars::Chart::new(self, schema, canvas.clone(), more)),
            false => Box::new(text::Text::new(self, schema, canvas.clone(), more)),
        }
    }
}

/// Draws as text.
#[derive(Clone, Debug)]
pub(super) struct ChartSink(pub(super) Drawn);

impl Sink for ChartSink {
    fn is_picture(&self) -> bool {
        true
    }

    fn reads(&self, schema: &Schema) -> Read {
        self.0.reads(schema)
    }

    fn draft(&self, schema: &Arc<Schema>, canvas: &Canvas, more: u64) -> Option<Target> {
        Some(headed_picture(self.0.text(schema, canvas, Some(more)), schema, None))
    }

    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        let Some(canvas) = desk.canvas else { return Ok(Box::new(Discard)) };
        Ok(headed_picture(self.0.text(schema, canvas, None), schema, Some(desk.notes)))
    }
}
