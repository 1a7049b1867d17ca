//! Where the marks of a usual line are, and what stands between them: a template, compiled.

use recpipe::template::{Form, Part, Template};
use recpipe::times::TimePattern;

use crate::simd::Separators;
use crate::simd::pattern::{Gap, Kind, Mark, Pattern, Spaces};

mod build;

/// An end of a part of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// A mark: its place among those of the line that are wanted; 0 is the newline before the line.
    Mark(usize),
    /// What a [`Split`] has found.
    Split(usize),
}

/// A part of the line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// It begins so many bytes behind this.
    pub(super) from: Edge,
    pub(super) front: usize,
    /// It ends so many bytes before that; at the end of the line also before a carriage return.
    pub(super) to: Edge,
    pub(super) back: usize,
}

/// Bytes that are looked for in a part: their first place.
#[derive(Debug)]
pub(super) struct Split {
    pub(super) within: Span,
    pub(super) bytes: Box<[u8]>,
}

/// What has to stand in a part.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) span: Span,
    pub(super) begins: Box<[u8]>,
    pub(super) ends: Box<[u8]>,
    /// There is nothing between the two.
    pub(super) is_all: bool,
}

/// What the value of a part is.
#[derive(Debug)]
pub(super) enum Value {
    Text {
        dash_is_null: bool,
    },
    Cell {
        dash_is_null: bool,
    },
    Int {
        dash_is_zero: bool,
    },
    Float,
    Time(TimePattern),
    /// Three words, each a field.
    Words,
}

/// A part whose value is read, or has to be of a type.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) span: Span,
    pub(super) value: Value,
    /// Its place among the template's fields, or that of the first of three.
    place: Option<usize>,
    /// Bytes that it does not have.
    pub(super) lacks: Box<[u8]>,
}

/// The usual lines of a template.
#[derive(Debug)]
pub(super) struct Layout {
    /// Which member's.
    pub(super) member: usize,
    pattern: Pattern,
    quotes: usize,
    /// The line ends with something else than a quote.
    ends_bare: bool,
    /// In the order in which they are to be looked at: each needs those before it.
    pub(super) checks: Vec<Check>,
    pub(super) splits: Vec<Split>,
    pub(super) fields: Vec<Field>,
}

impl Layout {
    /// Of this template, for whom reads the fields that `is_read` says. `None` for one that has no usual lines, or too many separators.
    pub(super) fn new(template: &Template, member: usize, is_read: &dyn Fn(&str) -> bool) -> Option<Layout> {
        let parts: Vec<Part<'_>> = template.parts().collect();
        let is_field_read = |place: usize| template.fields().get(place).is_some_and(|field| is_read(&field.name));
        build::build(&parts, member, &is_field_read)
    }

    /// The order of the marks.
    pub(super) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// The name of the field that each column is: three for a part of three words.
    pub(super) fn names<'t>(&self, template: &'t Template) -> impl Iterator<Item = Option<&'t str>> {
        let name = |place: usize| template.fields().get(place).map(|field| field.name.as_str());
        self.fields.iter().flat_map(move |field| {
            let columns = if matches!(field.value, Value::Words) { 3 } else { 1 };
            (0..columns).map(move |at| field.place.and_then(|place| name(place + at)))
        })
    }

    /// Whether no usual line fits this template, as far as its quotes tell.
    pub(super) fn is_none_of(&self, other: &Template) -> bool {
        let (mut quotes, mut last) = (0, None);
        for part in other.parts() {
            last = None;
            if let Part::Bytes(bytes) = part {
                quotes += bytes.iter().filter(|byte| **byte == b'"').count();
                last = bytes.last().copied();
            }
        }
        quotes > self.quotes || (self.ends_bare && last == Some(b'"'))
    }
}
