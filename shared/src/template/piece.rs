//! What a template is made of: literals, and captures between them.

use memchr::{memchr, memchr2, memmem};

use crate::record::Type;
use crate::times::TimePattern;

/// A literal or a capture.
#[derive(Clone, Debug)]
pub(super) enum Piece {
    Literal(Literal),
    Capture(Capture),
}

impl Piece {
    pub(super) fn capture(&self) -> Option<&Capture> {
        if let Piece::Capture(capture) = self { Some(capture) } else { None }
    }

    pub(super) fn capture_mut(&mut self) -> Option<&mut Capture> {
        if let Piece::Capture(capture) = self { Some(capture) } else { None }
    }

    /// Prepares the search for it.
    pub(super) fn compile(&mut self) {
        if let Piece::Literal(Literal { atoms, finder }) = self
            && let Some(Atom::Bytes(bytes)) = atoms.first()
        {
            *finder = Some(memmem::Finder::new(&**bytes).into_owned());
        }
    }
}

/// Bytes, or one or more blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    Bytes(Vec<u8>),
    Blanks,
}

/// What stands in a text as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Literal {
    pub(super) atoms: Vec<Atom>,
    /// Of the first atom, where that is bytes.
    finder: Option<memmem::Finder<'static>>,
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

impl Literal {
    /// More of it.
    pub(super) fn push(&mut self, text: &[u8]) {
        for &byte in text {
            match (self.atoms.last_mut(), is_blank(byte)) {
                (Some(Atom::Blanks), true) => {}
                (_, true) => self.atoms.push(Atom::Blanks),
                (Some(Atom::Bytes(bytes)), false) => bytes.push(byte),
                (_, false) => self.atoms.push(Atom::Bytes(vec![byte])),
            }
        }
    }

    pub(super) fn starts_with(&self, byte: u8) -> bool {
        matches!(self.atoms.first(), Some(Atom::Bytes(bytes)) if bytes.first() == Some(&byte))
    }

    pub(super) fn ends_with(&self, byte: u8) -> bool {
        matches!(self.atoms.last(), Some(Atom::Bytes(bytes)) if bytes.last() == Some(&byte))
    }

    /// Whether it has neither letters nor digits.
    pub(super) fn is_punctuation(&self) -> bool {
        self.atoms.iter().all(|atom| {
            matches!(atom, Atom::Blanks) || matches!(atom, Atom::Bytes(bytes) if !bytes.iter().any(|byte| byte.is_ascii_alphanumeric()))
        })
    }

    /// Where it ends if it begins here: a run of blanks belongs to it as a whole.
    #[inline]
    pub(super) fn at(&self, text: &[u8], at: usize) -> Option<usize> {
        let mut at = at;
        for atom in &self.atoms {
            let rest = text.get(at..)?;
            at += match atom {
                Atom::Bytes(bytes) => rest.starts_with(bytes).then_some(bytes.len())?,
                Atom::Blanks => match rest.iter().take_while(|byte| is_blank(**byte)).count() {
                    0 => return None,
                    blanks => blanks,
                },
            };
        }
        Some(at)
    }

    /// Where it could begin next: its first byte or bytes are there.
    #[inline]
    pub(super) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let rest = text.get(from..)?;
        let found = match (&self.finder, self.atoms.first()) {
            (Some(_), Some(Atom::Bytes(bytes))) if bytes.len() == 1 => memchr(bytes[0], rest),
            (Some(finder), _) => finder.find(rest),
            (None, _) => memchr2(b' ', b'\t', rest),
        };
        found.map(|at| from + at)
    }

    /// Where the next one may begin after one that began here led nowhere: within a run of blanks all end alike.
    #[inline]
    pub(super) fn after(&self, text: &[u8], at: usize) -> usize {
        match self.atoms.first() {
            Some(Atom::Blanks) => at + text[at..].iter().take_while(|byte| is_blank(**byte)).count().max(1),
            _ => at + 1,
        }
    }
}

/// What a capture takes, and what that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// An int, a float or text, by its own bytes.
    Cell,
    /// The same, where `-` is null: as servers write what there is not.
    CellOrDash,
    Text,
    /// Text, where `-` is null.
    TextOrDash,
    Skip,
    Int {
        /// `-` is 0, as it is of the bytes of a body.
        dash_is_zero: bool,
    },
    Float,
    /// Letters, digits and `_`.
    Word,
    /// One letter.
    Letter,
    /// A word that says how grave something is, all of it in capitals or none.
    Level,
    /// A time of day, `02:10:11.5`: text, since no day is known.
    Clock,
    /// In any usual notation.
    Time,
    TimeBy(TimePattern),
    /// `GET /path HTTP/1.1`.
    Request,
    /// `10.0.0.1:8080`, `[2001:db8::5]:8080`.
    Address,
}

impl Slot {
    /// The type of its values, where all have one.
    pub(super) fn kind(&self) -> Option<Type> {
        match self {
            Slot::Cell | Slot::CellOrDash | Slot::Skip => None,
            Slot::Text | Slot::TextOrDash | Slot::Word | Slot::Letter | Slot::Level | Slot::Clock | Slot::Request | Slot::Address => {
                Some(Type::Text)
            }
            Slot::Int { .. } => Some(Type::Int),
            Slot::Float => Some(Type::Float),
            Slot::Time | Slot::TimeBy(_) => Some(Type::Time),
        }
    }

    /// The fields that a capture of this name makes, in the order in which their values are found.
    pub(super) fn fields(&self, name: &str) -> Vec<(String, Option<Type>)> {
        let text = |name: &str| (name.to_owned(), Some(Type::Text));
        match self {
            Slot::Request => vec![text("method"), text(name), text("proto")],
            Slot::Address => {
                let port = if name == "host" { "port".to_owned() } else { format!("{name}_port") };
                vec![text(name), (port, Some(Type::Int))]
            }
            _ => vec![(name.to_owned(), self.kind())],
        }
    }

    /// Whether where it ends is told by the literal after it alone.
    pub(super) fn is_flexible(&self) -> bool {
        !matches!(self, Slot::Int { .. } | Slot::Float | Slot::Word | Slot::Letter | Slot::Level | Slot::Clock | Slot::TimeBy(_))
    }
}

/// A part of a text that makes a field, or several.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) slot: Slot,
    /// The place of its first field; `None` where it is thrown away.
    pub(super) first: Option<usize>,
    /// It may have line breaks in it.
    pub(super) takes_lines: bool,
    /// It stands between quotes.
    pub(super) is_quoted: bool,
    /// It has none of these bytes.
    pub(super) stops: &'static [u8],
}

impl Capture {
    pub(super) fn new(slot: Slot, first: Option<usize>) -> Self {
        Capture { slot, first, takes_lines: false, is_quoted: false, stops: b"" }
    }
}
