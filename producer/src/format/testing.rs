//! What the tests of several formats share.

use recpipe::{Batch, Value};

use crate::input::block::{Block, Part};

/// A block of these bytes, at the beginning of an input.
pub(crate) fn block(text: &[u8]) -> Block {
    Block {
        bytes: text.to_owned().into(),
        source: "f".into(),
        start: 0,
        end: text.len() as u64,
        part: Part::Whole,
        is_first: true,
        dialect: 0,
        mark_lines: Some(0),
    }
}

/// The texts of a field that is never null.
pub(crate) fn texts<'a>(batch: &'a Batch, field: &str) -> Vec<&'a [u8]> {
    let text = |value| if let Some(Value::Text(text)) = value { text } else { panic!("{value:?} is no text") };
    batch.rows().map(|row| text(row.get(field))).collect()
}
