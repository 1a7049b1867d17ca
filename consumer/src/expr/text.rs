//! Looking for text in text, and making new text.

use memchr::memmem;
use recpipe::Error;
use regex::bytes::{NoExpand, Regex};

use super::{
    FindOp,
    rows::Rows,
    vector::{Operand, Texts, Values, Vector},
};

/// New texts, one after the other in one buffer: no allocation a row.
#[derive(Debug, Default)]
pub(crate) struct TextBuilder {
    bytes: Vec<u8>,
    views: Vec<(u32, u32)>,
    start: usize,
}

impl TextBuilder {
    /// An empty one, with room for so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        TextBuilder { bytes: Vec::new(), views: Vec::with_capacity(rows), start: 0 }
    }

    /// Where the text of the row is written; [`TextBuilder::end_row`] ends it.
    pub(crate) fn row(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the row: what was written since the last is its text.
    ///
    /// # Errors
    /// [`Error::Data`] when the buffer has passed 4 GiB.
    pub(crate) fn end_row(&mut self) -> Result<(), Error> {
        let (Ok(start), Ok(len)) = (u32::try_from(self.start), u32::try_from(self.bytes.len() - self.start)) else {
            return Err(Error::Data("more than 4 GiB of text in one column of a batch".into()));
        };
        self.views.push((start, len));
        self.start = self.bytes.len();
        Ok(())
    }

    /// Ends a row that has the text of the one before; an empty one if there is none.
    pub(super) fn same_row(&mut self) {
        let same = self.views.last().copied().unwrap_or_default();
        self.views.push(same);
    }

    /// The texts.
    pub(crate) fn finish(self) -> Texts {
        Texts { bytes: self.bytes.into(), views: Operand::Each(self.views) }
    }
}

/// The texts of a vector: the part of a mixed one that has them, else the vector itself.
pub(crate) fn only(vector: &Vector) -> &Vector {
    vector.parts().iter().find(|part| matches!(part.values, Values::Text(_))).unwrap_or(vector)
}

/// Whether the regex matches somewhere in each text; false for a null.
pub(super) fn matches(regex: &Regex, vector: &Vector) -> Vector {
    let vector = only(vector);
    let found = match &vector.values {
        Values::Text(texts) => texts.views.map(|view| regex.is_match(texts.slice(view))),
        _ => Operand::One(false),
    };
    known(found, [vector])
}

/// Whether each text has the other at the place that `op` says; false where either is null.
pub(super) fn find(op: FindOp, vector: &Vector, needles: &Vector) -> Vector {
    let (vector, needles) = (only(vector), only(needles));
    let (Values::Text(a), Values::Text(b)) = (&vector.values, &needles.values) else {
        return Vector::bools(vector.len, Operand::One(false));
    };
    let found = match (op, &b.views) {
        (FindOp::StartsWith, _) => a.views.zip(&b.views, |x, y| a.slice(x).starts_with(b.slice(y))),
        (FindOp::EndsWith, _) => a.views.zip(&b.views, |x, y| a.slice(x).ends_with(b.slice(y))),
        (FindOp::Contains, Operand::One(needle)) => {
            let finder = memmem::Finder::new(b.slice(*needle));
            a.views.map(|view| finder.find(a.slice(view)).is_some())
        }
        (FindOp::Contains, Operand::Each(_)) => a.views.zip(&b.views, |x, y| memmem::find(a.slice(x), b.slice(y)).is_some()),
    };
    known(found, [vector, needles])
}

/// Each text with every match of the regex replaced; `expand` says whether `$1` in `with` is a group of the match.
pub(super) fn replace_matches(regex: &Regex, vector: &Vector, with: &Vector, expand: bool) -> Result<Vector, Error> {
    let (Values::Text(texts), Values::Text(new)) = (&vector.values, &with.values) else { return Ok(Vector::null(vector.len)) };
    Rows::of(&[vector, with]).texts(|row, out| {
        let (text, new) = (texts.get(row), new.get(row));
        let replaced = if expand { regex.replace_all(text, new) } else { regex.replace_all(text, NoExpand(new)) };
        out.extend_from_slice(&replaced);
        true
    })
}

/// Appends `text` with every `old` in it, which is not empty, replaced.
pub(super) fn replace(text: &[u8], old: &[u8], new: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for at in memmem::find_iter(text, old) {
        out.extend_from_slice(&text[from..at]);
        out.extend_from_slice(new);
        from = at + old.len();
    }
    out.extend_from_slice(&text[from..]);
}

/// `found`, and false wherever one of these is null.
fn known<const N: usize>(found: Operand<bool>, of: [&Vector; N]) -> Vector {
    let len = of.first().map_or(0, |vector| vector.len);
    let known = of
        .iter()
        .filter_map(|vector| vector.nulls.as_ref())
        .fold(found, |found, nulls| found.zip(&Operand::Each(nulls.clone()), |found, null| found & !null));
    Vector::bools(len, known)
}

/// Appends `text` with its letters changed by `ascii` or `unicode`, which sees whole words (a sigma at the end of one is another);
/// bytes that are no UTF-8 stay as they are.
pub(super) fn change_case(text: &[u8], out: &mut Vec<u8>, ascii: fn(&mut [u8]), unicode: fn(&str) -> String) {
    if text.is_ascii() {
        let start = out.len();
        out.extend_from_slice(text);
        return ascii(&mut out[start..]);
    }
    for chunk in text.utf8_chunks() {
        out.extend_from_slice(unicode(chunk.valid()).as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
}
