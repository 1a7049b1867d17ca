//! The usual lines of templates: those whose separators stand in one order, which are read many at a time ([`super::super::usual`]).
//!
//! ```text
//! template ──► layout.rs: marks, and what stands between them ──► Pattern: finds lines, and where their wanted marks are
//!                                                                   │
//!                              values.rs: literals, numbers, times ◄┘──► the columns that are read
//! ```
//!
//! Tabs are no separators: where blanks part fields, a line with a tab is left to the template.
//!
//! The law, tested on generated lines: what is read here is what [`Template::read`] says of the line, or it is left to that.
//!
//! # Why that is so
//! A field that ends where the literal after it stands ends at the first such place where all up to the next such field fits. A layout
//! has the first places only: no separator stands within a field. If all fits there, they are the places that the template takes.

mod layout;
mod values;

use recpipe::template::{Form, Part, Taken, Template};

use super::super::Wanted;
use super::super::names::Names;
use super::super::usual::{Room, Usual};
use super::member::{FORMAT, Members};
use crate::simd::pattern::Pattern;
use layout::Layout;
pub(super) use values::{Lines, Room as ValueRoom};

/// The usual lines of one member.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its place among the kinds.
    at: usize,
    layout: Layout,
    /// What `_format` says, and its column, if it is read.
    name: Box<str>,
    format: Option<usize>,
    /// The columns of the layout's fields; `None` of those that are not read.
    columns: Vec<Option<usize>>,
}

impl Usual for Kind {
    /// A line by the template alone takes as long as some usual ones, far longer than to find that it is odd.
    const COST: usize = 1;

    fn pattern(&self) -> &Pattern {
        self.layout.pattern()
    }
}

/// The usual lines of a stream's members, for whom reads some of its fields.
#[derive(Debug, Default)]
pub(super) struct UsualLines {
    kinds: Vec<Kind>,
    /// For whom; `None` as long as that is nobody.
    wanted: Option<Wanted>,
    room: Room,
    values: values::Room,
}

impl UsualLines {
    /// Those of these members, for a block with these columns; `None` where there are none.
    pub(super) fn begin(&mut self, members: &Members, names: &mut Names, wanted: &Wanted) -> Option<()> {
        let args = names.args().clone();
        let is_read = |name: &str| wanted.has(name) && args.sends(name);
        if !self.wanted.as_ref().is_some_and(|known| known.is_same(wanted)) {
            self.kinds = kinds(members, &is_read);
            self.wanted = Some(wanted.clone());
        }
        for (at, kind) in self.kinds.iter_mut().enumerate() {
            let Kind { layout, format, columns, .. } = kind;
            let template = members.all().get(layout.member)?.template()?;
            columns.clear();
            for name in layout.names(template) {
                // A stream whose fields are not all known as yet, as that of a sample.
                let column = name.filter(|name| is_read(name)).map(|name| names.find(name).ok_or(())).transpose().ok()?;
                columns.push(column);
            }
            let has_format = members.is_named() && is_read(FORMAT) && !template.fields().iter().any(|field| field.name == FORMAT);
            *format = if has_format { Some(names.find(FORMAT)?) } else { None };
            self.values.begin(at, columns.len());
        }
        (!self.kinds.is_empty()).then_some(())
    }

    /// The kinds of lines, and the room to read them in.
    pub(super) fn parts(&mut self) -> (&[Kind], &mut Room, &mut values::Room) {
        (&self.kinds, &mut self.room, &mut self.values)
    }
}

/// The usual lines of each member that has some, if none of the members before it could be what such a line is.
fn kinds(members: &Members, is_read: &dyn Fn(&str) -> bool) -> Vec<Kind> {
    let (mut kinds, mut before): (Vec<Kind>, Vec<&Template>) = (Vec::new(), Vec::new());
    for (at, member) in members.all().iter().enumerate() {
        // What else it takes, nobody knows here.
        let Some(template) = member.template() else { break };
        if let Some(layout) = Layout::new(template, at, is_read)
            && before.iter().all(|other| layout.is_none_of(other))
            && !(members.skips_blank() && may_be_blank(template))
        {
            kinds.push(Kind { at: kinds.len(), layout, name: member.name().into(), format: None, columns: Vec::new() });
        }
        before.push(template);
    }
    kinds
}

/// Whether a usual line of the template may have nothing but white space.
fn may_be_blank(template: &Template) -> bool {
    !template.parts().any(|part| match part {
        Part::Bytes(bytes) => bytes.iter().any(|byte| !byte.is_ascii_whitespace()),
        Part::Taken(Taken { form: Form::Int { .. } | Form::Float | Form::Time(_), .. }) => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests;
