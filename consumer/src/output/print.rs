//! `print`: text, one line a record. Bytes pass unchanged: what a log holds is what comes out.

use std::io::Write;

use recpipe::{Batch, Error, Schema, Type, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::delimited::Delimited;
use crate::{
    expr::{Values, Vector},
    plan::Piece,
    time::format_spec::{Align, FormatSpec, Kind},
    writer::{
        Format,
        cell::{self, Plain},
    },
};

/// Without a template: all fields, separated by tabs.
pub(super) fn fields() -> impl Format {
    Delimited::new(b'\t', Plain)
}

/// With a template.
pub(super) struct Template {
    pieces: Vec<Piece>,
    /// Of each column of the schema: whether it stands right in its width unless told otherwise; `None` where each value tells.
    right: Vec<Option<bool>>,
}

impl Template {
    pub(super) fn new(pieces: Vec<Piece>, schema: &Schema) -> Self {
        let right = |kind| if kind == Type::Mixed { None } else { Some(matches!(kind, Type::Int | Type::Float)) };
        Template { pieces, right: schema.fields().iter().map(|field| right(field.kind)).collect() }
    }
}

impl Format for Template {
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

fn formatted(column: &Vector, row: usize, format: &FormatSpec, right: Option<bool>, out: &mut Vec<u8>) {
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
