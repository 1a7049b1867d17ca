//! Several values as one: a record has no lists, so `list` and `set` give the text of a JSON array, as the output `json`
//! would write each value.

use recpipe::Value;

use crate::writer::json;

/// The array of these values.
pub(super) fn array<'a>(values: impl IntoIterator<Item = Value<'a>>) -> Vec<u8> {
    let mut out = vec![b'['];
    for (i, value) in values.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::write(value, &mut out);
    }
    out.push(b']');
    out
}
