//! `print`: text, one line a record. Bytes pass unchanged: what a log holds is what comes out.

use recpipe::{Batch, Schema, Type, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Format, delimited::Delimited, plain};
use crate::query::{
    plan::Piece,
    template::{self, Align},
};

/// Without a template: all fields, separated by tabs.
pub(super) fn fields() -> impl Format {
    Delimited::new(b'\t', plain)
}

/// With a template.
pub(super) struct Template {
    pieces: Vec<Piece>,
    /// Of each column of the schema: whether it stands right in its width unless told otherwise.
    right: Vec<bool>,
}

impl Template {
    pub(super) fn new(pieces: Vec<Piece>, schema: &Schema) -> Self {
        Template { pieces, right: schema.fields().iter().map(|field| matches!(field.kind, Type::Int | Type::Float)).collect() }
    }
}

impl Format for Template {
    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) {
        for row in batch.rows() {
            for piece in &self.pieces {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                    Piece::Column { place, format } => formatted(row.value(*place), *format, self.right[*place], out),
                }
            }
            out.push(b'\n');
        }
    }
}

fn formatted(value: Value<'_>, format: template::Format, right: bool, out: &mut Vec<u8>) {
    let from = out.len();
    match (value, format.precision) {
        (Value::Float(float), Some(digits)) => out.extend_from_slice(format!("{float:.digits$}").as_bytes()),
        (value, precision) => {
            plain(value, out);
            if let Some(most) = precision {
                cut(out, from, most);
            }
        }
    }
    if format.width == 0 {
        return;
    }
    let missing = format.width.saturating_sub(String::from_utf8_lossy(&out[from..]).width());
    let before = match format.align.unwrap_or(if right { Align::Right } else { Align::Left }) {
        Align::Left => 0,
        Align::Center => missing / 2,
        Align::Right => missing,
    };
    out.resize(out.len() + missing, b' ');
    out[from..].rotate_right(before.min(missing));
    // Rotating brought `before` blanks to the front; the others stay behind the text.
}

/// Cuts what stands from `from` on after `most` characters; a byte that is no UTF-8 counts as one.
fn cut(out: &mut Vec<u8>, from: usize, most: usize) {
    let (mut left, mut end) = (most, from);
    for chunk in out[from..].utf8_chunks() {
        for character in chunk.valid().chars() {
            if left == 0 {
                break;
            }
            // A combining mark belongs to the character before it.
            left -= usize::from(character.width() != Some(0) || character.is_control());
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
