//! What a template is made of, for who takes texts apart in a way of its own.

use super::Template;
use super::piece::{Atom, Piece, Slot};
use crate::times::TimePattern;

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'t> {
    /// These bytes.
    Bytes(&'t [u8]),
    /// One or more blanks or tabs.
    Blanks,
    /// What makes a field, or several, or is thrown away.
    Taken(Taken<'t>),
}

/// A part that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken<'t> {
    /// How.
    pub form: Form<'t>,
    /// The place of its first field among [`Template::fields`]; `None` where it is thrown away.
    pub first: Option<usize>,
    /// Bytes that it does not have.
    pub lacks: &'static [u8],
}

/// How a part is taken, and what its value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'t> {
    /// All up to what follows, within the line, as text.
    Text {
        /// A dash alone is null.
        dash_is_null: bool,
    },
    /// The same, as an int, a float or text by its own bytes.
    Cell {
        /// A dash alone is null.
        dash_is_null: bool,
    },
    /// The same, as the three words of a request line: method, path and protocol. Of a text that has not three, the second field is all
    /// and the others are null.
    Request,
    /// As much as is a whole number; nothing is null.
    Int {
        /// A dash is 0, not null.
        dash_is_zero: bool,
    },
    /// As much as is a number; nothing, or a dash, is null.
    Float,
    /// As much as is a time; nothing, or a dash, is null.
    Time(&'t TimePattern),
    /// In another way.
    Other,
}

impl Template {
    /// What it is made of, from left to right.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.pieces.iter().flat_map(|piece| {
            let (atoms, taken) = match piece {
                Piece::Literal(literal) => (&literal.atoms[..], None),
                Piece::Capture(capture) => {
                    let form = match &capture.slot {
                        _ if capture.takes_lines => Form::Other,
                        Slot::Text | Slot::Skip => Form::Text { dash_is_null: false },
                        Slot::TextOrDash => Form::Text { dash_is_null: true },
                        Slot::Cell => Form::Cell { dash_is_null: false },
                        Slot::CellOrDash => Form::Cell { dash_is_null: true },
                        Slot::Request => Form::Request,
                        Slot::Int { dash_is_zero } => Form::Int { dash_is_zero: *dash_is_zero },
                        Slot::Float => Form::Float,
                        Slot::TimeBy(pattern) => Form::Time(pattern),
                        Slot::Word | Slot::Letter | Slot::Level | Slot::Clock | Slot::Time | Slot::Address => Form::Other,
                    };
                    (&[][..], Some(Part::Taken(Taken { form, first: capture.first, lacks: capture.stops })))
                }
            };
            let atoms = atoms.iter().map(|atom| match atom {
                Atom::Bytes(bytes) => Part::Bytes(bytes),
                Atom::Blanks => Part::Blanks,
            });
            atoms.chain(taken)
        })
    }
}
