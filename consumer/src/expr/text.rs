//! Looking for text in text, and joining texts.

use std::io::Write;

use memchr::memmem;
use recpipe::{Error, Value};
use regex::bytes::Regex;

use super::{
    FindOp, Rows,
    vector::{Operand, Values, Vector},
};

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

/// The texts of both, row by row, one after the other; what is no text is written as `str` does. Null where either is.
pub(super) fn join(left: &Vector, right: &Vector) -> Result<Vector, Error> {
    if matches!((&left.values, &right.values), (Values::Null, _) | (_, Values::Null)) {
        return Ok(Vector::null(left.len));
    }
    // Writing to a vector does not fail.
    let write = |of: &Vector, row: usize, out: &mut Vec<u8>| match &of.values {
        Values::Text(texts) => out.extend_from_slice(texts.get(row)),
        _ => match of.value(row) {
            Value::Text(text) => out.extend_from_slice(text),
            Value::Null => {}
            value => write!(out, "{value}").unwrap_or_default(),
        },
    };
    Rows::of(&[left, right]).texts(|row, out| {
        write(left, row, out);
        write(right, row, out);
        !left.is_null(row) && !right.is_null(row)
    })
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
