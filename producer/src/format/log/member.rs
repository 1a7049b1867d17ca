//! One way in which the records of a log are written, and what it puts into a record.

use std::borrow::Cow;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use recpipe::record::{Time, Type};
use recpipe::template::Template;
use recpipe::times::Times;

use super::super::open_table::OpenTable;
use crate::dating::Seen;
use recpipe::untyped::Cell;

/// Why a text is no record; empty when there is no more to say than that.
pub(super) type Fault = Cow<'static, str>;

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is a record.
    Record,
    /// It is none, and is passed over: a header.
    Nothing,
}

/// The fields that all records of a member have, and their types; `None` where each value is an int, a float or text by its own bytes.
pub(super) type MemberFields = Vec<(String, Option<Type>)>;

/// One way in which records are written.
pub(super) trait Member: Debug + Send + Sync {
    /// What `_format` says of its records.
    fn name(&self) -> &str;

    /// The fields that are known before anything is read, in their order.
    fn fields(&self) -> MemberFields;

    /// Whether records may have others.
    fn is_open(&self) -> bool {
        false
    }

    /// Whether a record may have several lines.
    fn takes_lines(&self) -> bool {
        false
    }

    /// Whether a record begins with this line, as far as its beginning tells. `before` is what stands before it, back to where a record
    /// began; only the line before it counts.
    fn begins(&self, before: &[u8], line: &[u8]) -> bool {
        let _ = (before, line);
        true
    }

    /// Whether lines with nothing in them are passed over.
    fn skips_blank(&self) -> bool {
        false
    }

    /// Whether [`time`](Member::time) tells the times of its records.
    fn has_times(&self) -> bool {
        false
    }

    /// Whether its records can be read from any line on: they need nothing of what stands before them.
    fn begins_anywhere(&self) -> bool {
        true
    }

    /// The time of the record that this text is; `None` where it is no record of this kind, or has none.
    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let _ = (text, times);
        None
    }

    /// The template that says all of how its records are written, if there is one.
    fn template(&self) -> Option<&Template> {
        None
    }

    /// What takes records apart, for one worker.
    fn reader(&self) -> Box<dyn Reader>;
}

/// Takes records apart.
pub(super) trait Reader: Send {
    /// A block begins.
    fn begin(&mut self) {}

    /// Puts what a text holds into the record.
    ///
    /// # Errors
    /// It is no record of this kind. What was put already is taken back.
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault>;
}

/// All ways in which the records of a stream are written.
#[derive(Debug)]
pub(super) struct Members {
    all: Vec<Arc<dyn Member>>,
    is_single: bool,
    /// Whether `_format` is a field.
    is_named: bool,
}

/// The field that names the way in which a record is written.
pub(super) const FORMAT: &str = "_format";

impl Members {
    /// These, tried in their order.
    pub(super) fn new(all: Vec<Arc<dyn Member>>, is_single: bool) -> Self {
        Members { all, is_single, is_named: false }
    }

    /// The same, whose records say which they are.
    pub(super) fn named(self) -> Self {
        Members { is_named: true, ..self }
    }

    pub(super) fn all(&self) -> &[Arc<dyn Member>] {
        &self.all
    }

    pub(super) fn is_named(&self) -> bool {
        self.is_named
    }

    pub(super) fn is_open(&self) -> bool {
        self.all.iter().any(|member| member.is_open())
    }

    pub(super) fn takes_lines(&self) -> bool {
        !self.is_single && self.all.iter().any(|member| member.takes_lines())
    }

    pub(super) fn skips_blank(&self) -> bool {
        self.all.iter().any(|member| member.skips_blank())
    }

    pub(super) fn begins(&self, before: &[u8], line: &[u8]) -> bool {
        self.all.iter().any(|member| member.begins(before, line))
    }

    /// The fields of all, united by name: of two types, each value has its own.
    pub(super) fn fields(&self) -> MemberFields {
        let mut fields: MemberFields = Vec::new();
        for (name, kind) in self.all.iter().flat_map(|member| member.fields()) {
            match fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) if *known != kind => *known = None,
                Some(_) => {}
                None => fields.push((name, kind)),
            }
        }
        if self.is_named && !fields.iter().any(|(name, _)| name == FORMAT) {
            fields.push((FORMAT.to_owned(), Some(Type::Text)));
        }
        fields
    }

    /// The names of the fields whose values are what their bytes say.
    pub(super) fn cells(&self) -> Vec<String> {
        self.fields().into_iter().filter(|(_, kind)| kind.is_none()).map(|(name, _)| name).collect()
    }
}

/// A record that is being put together. A field that is given twice counts as it was given first.
pub(super) struct Row<'a> {
    pub(super) table: &'a mut OpenTable,
    /// Where the text of the record begins in the block.
    pub(super) start: usize,
    /// What times without year and offset are read by.
    pub(super) times: &'a Times,
    pub(super) seen: &'a mut Seen,
    pub(super) nulls: &'a super::super::Nulls,
}

impl Row<'_> {
    /// The column of a field; `None` where it is not sent, or has its value.
    #[inline]
    fn place(&mut self, name: &str) -> Result<Option<usize>, Fault> {
        let place = self.table.place(name)?;
        Ok(place.filter(|place| !self.table.is_set(*place)))
    }

    /// Nothing, as the record says.
    #[inline]
    pub(super) fn null(&mut self, name: &str) -> Result<(), Fault> {
        if let Some(place) = self.place(name)? {
            self.table.table.null(place);
        }
        Ok(())
    }

    /// A part of the text, as text.
    #[inline]
    pub(super) fn text(&mut self, name: &str, part: Range<usize>) -> Result<(), Fault> {
        if let Some(place) = self.place(name)? {
            self.table.table.text(place, self.start + part.start, part.len());
        }
        Ok(())
    }

    /// A part of the text; a dash, or nothing, is null.
    pub(super) fn text_or_null(&mut self, name: &str, text: &[u8], part: Range<usize>) -> Result<(), Fault> {
        if matches!(&text[part.clone()], b"" | b"-") { self.null(name) } else { self.text(name, part) }
    }

    /// Text that does not stand there as it is.
    pub(super) fn own_text(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Fault> {
        if let Some(place) = self.place(name)? {
            self.table.table.own_text(place, write);
        }
        Ok(())
    }

    /// An int, a float or text, by its own bytes.
    #[inline]
    pub(super) fn cell(&mut self, name: &str, text: &[u8], part: Range<usize>) -> Result<(), Fault> {
        let Some(place) = self.place(name)? else { return Ok(()) };
        let cell = &text[part.clone()];
        let is_text = self.table.names.is_cast(place);
        let table = &mut self.table.table;
        if self.nulls.has(cell) {
            table.null(place);
            return Ok(());
        }
        match Cell::of(cell) {
            Cell::Int(value) if !is_text => table.int(place, value),
            Cell::Wide(value) if !is_text => table.wide(place, value),
            Cell::Float(value) if !is_text => table.float(place, value),
            _ => table.text(place, self.start + part.start, part.len()),
        }
        Ok(())
    }

    /// The same; a dash, or nothing, is null.
    pub(super) fn cell_or_null(&mut self, name: &str, text: &[u8], part: Range<usize>) -> Result<(), Fault> {
        if matches!(&text[part.clone()], b"" | b"-") { self.null(name) } else { self.cell(name, text, part) }
    }

    /// A whole number.
    #[inline]
    pub(super) fn int(&mut self, name: &str, value: i64) -> Result<(), Fault> {
        if let Some(place) = self.place(name)? {
            self.table.table.int(place, value);
        }
        Ok(())
    }

    /// A whole number that 64 bits may not hold.
    pub(super) fn wide(&mut self, name: &str, value: i128) -> Result<(), Fault> {
        if let Some(place) = self.place(name)? {
            self.table.table.wide(place, value);
        }
        Ok(())
    }

    /// A float.
    #[inline]
    pub(super) fn float(&mut self, name: &str, value: f64) -> Result<(), Fault> {
        if let Some(place) = self.place(name)? {
            self.table.table.float(place, value);
        }
        Ok(())
    }

    /// True or false.
    pub(super) fn bool(&mut self, name: &str, value: bool) -> Result<(), Fault> {
        if let Some(place) = self.place(name)? {
            self.table.table.bool(place, value);
        }
        Ok(())
    }

    /// A time, and whether its text had no offset.
    #[inline]
    pub(super) fn time(&mut self, name: &str, time: Time, is_local: bool) -> Result<(), Fault> {
        self.seen.add(time, is_local);
        if let Some(place) = self.place(name)? {
            self.table.table.time(place, time);
        }
        Ok(())
    }

    /// The time that a text is in any usual notation.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn time_of(&mut self, name: &str, text: &[u8]) -> Result<(), Fault> {
        let read = self.times.read(text).map_err(|_| format!("`{name}` is no time"))?;
        self.time(name, read.time, read.is_local)
    }
}

/// The only member of a format.
pub(super) fn one(member: impl Member + 'static) -> impl FnOnce(bool) -> Members {
    |is_single| Members::new(vec![Arc::new(member)], is_single)
}
