//! `print`: text, one line a record. Bytes pass unchanged: what a log holds is what comes out.

use std::{io::Write, sync::Arc};

use recpipe::{Batch, Error, Schema, Type, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{delimited::Delimited, header::headed};
use crate::{
    expr::{Values, Vector},
    language::{
        Checked, Checker, Failed, FileSink, FileWord, Parsed, Parser, StageWord, Syntax, Upstream, ast,
        diagnose::Diagnostic,
        parsed,
        template::{Part, Template},
    },
    plan::{About, Read, Runs, Sink},
    span::Span,
    time::format_spec::{Align, FormatSpec, Kind},
    writer::{
        Format, Notes,
        cell::{self, Plain},
    },
};

/// `print`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "print",
        syntax: "print [\"TEMPLATE\"]",
        doc: "text, one line a record: {host} {bytes:>10} {time:%H:%M}; alone all fields, tab-separated",
        example: "print \"{host} {bytes:>10}\"",
        runs: Runs::Once,
        output: true,
        ..About::PLAIN
    },
    parse,
};

/// A file of this kind.
pub static FILE: FileWord = FileWord { extension: "txt", is_lines: true, sink: FileSink::Bytes(|_| Arc::new(FieldsSink)) };

fn parse(parser: &mut Parser<'_>) -> Parsed {
    if parser.at_stage_end() {
        return Ok(parsed(PrintSyntax(None)));
    }
    let (text, span) = parser.text("a template", "print \"{host} {bytes:>10}\"")?;
    match Template::parse(&text, parser.source().slice(span), span.start) {
        Ok(template) => Ok(parsed(PrintSyntax(Some(template)))),
        Err(found) => Err(parser.fail(found)),
    }
}

/// The template; without one, all fields are printed, separated by tabs.
#[derive(Debug)]
struct PrintSyntax(Option<Template>);

impl Syntax for PrintSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made: Checked<Arc<dyn Sink>> = match &self.0 {
            None => Ok(Arc::new(FieldsSink)),
            Some(template) => pieces(checker, template).map(|pieces| Arc::new(TemplateSink(pieces)) as Arc<dyn Sink>),
        };
        checker.push_output(upstream, &WORD, span, made);
    }
}

/// The pieces of a template, among the columns in scope.
pub(super) fn pieces(checker: &mut Checker<'_>, template: &Template) -> Checked<Vec<Piece>> {
    checker.each(&template.parts, |checker, part| match part {
        Part::Text(text) => Ok(Piece::Text(text.clone())),
        Part::Field { name, span, format, format_span } => {
            let column = match checker.scope.index_of_written(name) {
                Some(place) => checker.column_at(place),
                None => checker.field(&ast::Ident { text: name.clone(), span: *span, may_come: false }),
            }?;
            if let Err(wrong) = format.fits(column.kind(), column.text(), &checker.catalog.field(column.text())) {
                return Err(checker.fail(Diagnostic::new(*format_span, wrong.what).label(wrong.mend)));
            }
            Ok(Piece::Column { place: column.as_column().ok_or(Failed)?, format: format.clone() })
        }
    })
}

/// All fields, separated by tabs.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldsSink;

impl Sink for FieldsSink {
    fn format(&self, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
        headed(Delimited::new(b'\t', Plain), schema, notes)
    }
}

/// One line a record, of these pieces.
#[derive(Clone, Debug)]
pub(super) struct TemplateSink(pub(super) Vec<Piece>);

impl Sink for TemplateSink {
    fn reads(&self, _: &Schema) -> Read {
        let place = |piece: &Piece| if let Piece::Column { place, .. } = piece { Some(*place) } else { None };
        Read { places: self.0.iter().filter_map(place).collect(), late: false }
    }

    fn format(&self, schema: &Arc<Schema>, _: &Notes) -> Option<Box<dyn Format>> {
        let right = |kind| if kind == Type::Mixed { None } else { Some(matches!(kind, Type::Int | Type::Float)) };
        let right = schema.fields().iter().map(|field| right(field.kind)).collect();
        Some(Box::new(Lines { pieces: self.0.clone(), right }))
    }
}

/// A piece of a line that `print` writes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Text as it is.
    Text(String),
    /// The value of a column.
    Column {
        /// Its place.
        place: usize,
        /// How it is shown.
        format: FormatSpec,
    },
}

/// The template's lines.
struct Lines {
    pieces: Vec<Piece>,
    /// Of each column of the schema: whether it stands right in its width unless told otherwise; `None` where each value tells.
    right: Vec<Option<bool>>,
}

impl Format for Lines {
    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        let column = |piece: &Piece| match piece {
            Piece::Text(_) => None,
            Piece::Column { place, .. } => Some(Vector::from_column(batch.column(*place), batch)),
        };
        let pieces: Vec<_> = self.pieces.iter().map(|piece| (piece, column(piece))).collect();
        for row in 0..batch.len() {
            for (piece, column) in &pieces {
                match (piece, column) {
                    (Piece::Column { place, format }, Some(column)) => formatted(column, row, format, self.right[*place], out),
                    (Piece::Text(text), _) => out.extend_from_slice(text.as_bytes()),
                    _ => {}
                }
            }
            out.push(b'\n');
        }
        Ok(())
    }
}

/// A value in its format, within its width; `right` tells the side that it stands on there.
pub(super) fn formatted(column: &Vector, row: usize, format: &FormatSpec, right: Option<bool>, out: &mut Vec<u8>) {
    let from = out.len();
    match &column.values {
        _ if column.is_null(row) => {}
        _ if format.is_plain() => cell::put(column, row, &Plain, out),
        Values::Mixed(parts) => {
            if let Some(part) = parts.iter().find(|part| !part.is_null(row)) {
                shown(part, row, format, out);
            }
        }
        _ => shown(column, row, format, out),
    }
    if format.width > 0 {
        let right = right.unwrap_or_else(|| matches!(column.value(row), Value::Int(_) | Value::Float(_)));
        pad(out, from, format, right && !column.is_null(row));
    }
}

/// A value in its format; as it is without one, where the format cannot show it.
fn shown(column: &Vector, row: usize, format: &FormatSpec, out: &mut Vec<u8>) {
    let from = out.len();
    match (&column.values, &format.kind) {
        (Values::Int(values), None | Some(Kind::Whole | Kind::Fixed | Kind::Percent | Kind::Hex)) => {
            number(i128::from(values.get(row)), format, out);
        }
        (Values::Wide(values), None | Some(Kind::Whole | Kind::Fixed | Kind::Percent | Kind::Hex)) => number(values.get(row), format, out),
        (Values::Float(values), None | Some(Kind::Fixed | Kind::Percent)) => float(values.get(row), format, out),
        (Values::Time(values), Some(Kind::Time(format))) => format.write(values.get(row), out),
        (values, kind) => {
            cell::put(column, row, &Plain, out);
            if let (Values::Text(_), None | Some(Kind::Text), Some(most)) = (values, kind, format.precision) {
                cut(out, from, most);
            }
        }
    }
}

/// A whole number: `value` without a point, or with zeros after it.
fn number(value: i128, format: &FormatSpec, out: &mut Vec<u8>) {
    let digits = format.precision.unwrap_or(6);
    let zeros = |out: &mut Vec<u8>| {
        if digits > 0 {
            out.push(b'.');
            out.resize(out.len() + digits, b'0');
        }
    };
    signed(value < 0, format, out, |out| {
        let positive = value.unsigned_abs();
        match &format.kind {
            Some(Kind::Hex) => drop(write!(out, "{positive:x}")),
            Some(Kind::Fixed) => {
                drop(write!(out, "{positive}"));
                zeros(out);
            }
            Some(Kind::Percent) => {
                // Not multiplied: the largest of numbers has a hundredfold, too.
                drop(write!(out, "{positive}{}", if positive == 0 { "" } else { "00" }));
                zeros(out);
                out.push(b'%');
            }
            _ => drop(write!(out, "{positive}")),
        }
    });
}

fn float(value: f64, format: &FormatSpec, out: &mut Vec<u8>) {
    let is_negative = value.is_sign_negative() && !value.is_nan();
    signed(is_negative, format, out, |out| {
        let positive = if is_negative { -value } else { value };
        let percent = format.kind == Some(Kind::Percent);
        let positive = if percent { positive * 100.0 } else { positive };
        match format.precision.or(format.kind.as_ref().map(|_| 6)) {
            // Writing to a vector does not fail.
            Some(digits) => drop(write!(out, "{positive:.digits$}")),
            None => cell::float(positive, out),
        }
        if percent {
            out.push(b'%');
        }
    });
}

/// A number without its sign, written by `digits`: with the sign, with commas, and filled with zeros, as is asked.
fn signed(is_negative: bool, format: &FormatSpec, out: &mut Vec<u8>, digits: impl FnOnce(&mut Vec<u8>)) {
    if is_negative || format.plus {
        out.push(if is_negative { b'-' } else { b'+' });
    }
    let (signs, from) = (usize::from(is_negative || format.plus), out.len());
    digits(out);
    if format.commas {
        let whole = out[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        for at in (1..whole).filter(|at| (whole - at) % 3 == 0).rev() {
            out.insert(from + at, b',');
        }
    }
    // `NaN` and `inf` are no digits to put zeros before.
    if format.zeros && out[from].is_ascii_hexdigit() {
        let missing = format.width.saturating_sub(signs + out.len() - from);
        out.splice(from..from, std::iter::repeat_n(b'0', missing));
    }
}

/// Fills what stands from `from` on to its width.
fn pad(out: &mut Vec<u8>, from: usize, format: &FormatSpec, right: bool) {
    let missing = format.width.saturating_sub(columns(&out[from..]));
    let (fill, align) = format.align.unwrap_or((' ', if right { Align::Right } else { Align::Left }));
    let before = match align {
        Align::Left => 0,
        Align::Center => missing / 2,
        Align::Right => missing,
    };
    let mut bytes = [0; 4];
    let fill = fill.encode_utf8(&mut bytes).as_bytes();
    (0..missing).for_each(|_| out.extend_from_slice(fill));
    // Brings as many to the front; the others stay behind the text.
    out[from..].rotate_right(before * fill.len());
}

/// The columns that it takes on a screen.
fn columns(text: &[u8]) -> usize {
    if text.is_ascii() { text.len() } else { String::from_utf8_lossy(text).width() }
}

/// Cuts what stands from `from` on after `most` characters; a byte that is no UTF-8 counts as one.
fn cut(out: &mut Vec<u8>, from: usize, most: usize) {
    let (mut left, mut end) = (most, from);
    for chunk in out[from..].utf8_chunks() {
        for character in chunk.valid().chars() {
            // A combining mark belongs to the character before it.
            let counts = character.width() != Some(0) || character.is_control();
            if left == 0 && counts {
                break;
            }
            left -= usize::from(counts);
            end += character.len_utf8();
        }
        let invalid = chunk.invalid().len().min(left);
        left -= invalid;
        end += invalid;
        if left == 0 {
            break;
        }
    }
    out.truncate(end);
}
