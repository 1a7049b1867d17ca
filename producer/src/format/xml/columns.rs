//! The fields that elements and attributes are, by their paths, and the columns that their texts go to.
//!
//! ```text
//! <bus id="7"><stop><name>x</name></stop></bus>        paths: @id · stop · stop.name; fields, as values come: @id, stop.name
//! ```
//!
//! The order of tags is the same in most records, so the path that followed last time is tried first: a comparison of a
//! few bytes stands for a look into a hash table.

use std::collections::HashMap;
use std::sync::Arc;

use recpipe::record::{Batch, Bits, Column, Field, Origin, PackedInts, Schema, Text, Type};

use crate::format::Wanted;
use crate::format::names::no_fields;

/// The path of the record itself.
pub(super) const ROOT: u32 = 0;

/// The field of text that stands in the record itself, not in a child of it.
const OWN_TEXT: &str = "#text";

/// An element or attribute at one place below the record.
#[derive(Debug, Clone)]
struct Path {
    parent: u32,
    is_attribute: bool,
    /// As it stands in the tag.
    tag: Box<[u8]>,
    /// The path that came after this one last time.
    next: u32,
    /// Its column, once it has had a value.
    column: Option<u32>,
    /// The element in which it stood last, by its number in the record and the number of the record.
    seen: (u32, u32),
}

/// The texts of one field.
#[derive(Debug, Clone)]
struct Texts {
    name: String,
    is_wanted: bool,
    /// A record of this block has it.
    is_used: bool,
    /// The record that had it last, counted from 1 over all that were tried.
    last: u32,
    /// The rows that have one, ascending.
    rows: Vec<u32>,
    /// Where each ends in `bytes`.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

/// A table that grows a column when a new field comes.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    paths: Vec<Path>,
    by_tag: HashMap<(u32, bool, Box<[u8]>), u32>,
    texts: Vec<Texts>,
    /// The columns of the fields' names.
    places: HashMap<String, u32>,
    rows: u32,
    /// How many records were begun.
    tried: u32,
    last: u32,
    /// How many of the columns have a text.
    used: usize,
    /// The fields that the block begins with, which are the first.
    base: Arc<Schema>,
}

/// A block has no more texts and nulls together than this.
pub(super) const MAX_CELLS: usize = 1 << 24;

/// More paths than this are refused: there may be containers beside the fields.
const MAX_PATHS: usize = 2 * Schema::MAX_FIELDS;

impl Columns {
    /// Without any field.
    pub(super) fn new() -> Self {
        let root = Path { parent: ROOT, is_attribute: false, tag: Box::default(), next: ROOT, column: None, seen: (0, 0) };
        Columns {
            paths: vec![root],
            by_tag: HashMap::new(),
            texts: Vec::new(),
            places: HashMap::new(),
            rows: 0,
            tried: 0,
            last: ROOT,
            used: 0,
            base: no_fields(),
        }
    }

    /// Takes all rows out, and begins with these fields, in this order, whatever comes.
    pub(super) fn begin(&mut self, base: Arc<Schema>) {
        // The paths are found anew, so that there are never too many because of earlier blocks.
        self.paths.truncate(1);
        (self.paths[ROOT as usize].next, self.paths[ROOT as usize].column) = (ROOT, None);
        self.by_tag.clear();
        if !Arc::ptr_eq(&self.base, &base) || self.texts.len() > base.len() {
            self.places.clear();
            self.texts.truncate(base.len());
            for (place, name) in base.names().enumerate() {
                match self.texts.get_mut(place) {
                    Some(text) if text.name == name => {}
                    Some(text) => *text = Texts::new(name.to_owned()),
                    None => self.texts.push(Texts::new(name.to_owned())),
                }
                self.places.insert(name.to_owned(), place as u32);
            }
            self.base = base;
        }
        for text in &mut self.texts {
            text.rows.clear();
            text.ends.clear();
            text.bytes.clear();
            text.is_used = false;
            text.last = 0;
        }
        self.tried = 0;
        self.paths.iter_mut().for_each(|path| path.seen = (0, 0));
        (self.rows, self.last, self.used) = (0, ROOT, 0);
    }

    /// A record begins, or is begun again.
    pub(super) fn begin_row(&mut self) {
        self.tried += 1;
        self.last = ROOT;
    }

    /// The current record is to be read once more: it brings no field that was not there before it, when there were `fields`.
    pub(super) fn undo_row(&mut self, fields: usize) {
        self.drop_row();
        if self.texts.len() == fields {
            return;
        }
        for text in self.texts.drain(fields..) {
            self.used -= usize::from(text.is_used);
            self.places.remove(&text.name);
        }
        for path in &mut self.paths {
            path.column = path.column.filter(|column| (*column as usize) < fields);
        }
    }

    /// An element of this path begins in the element of this number; whether there has been one before in the same.
    #[inline(always)]
    pub(super) fn is_repeated(&mut self, path: u32, parent: u32) -> bool {
        let seen = (self.tried, parent);
        std::mem::replace(&mut self.paths[path as usize].seen, seen) == seen
    }

    /// What stands in the tags of this path: the name of an element, or of an attribute after `@`.
    pub(super) fn tag(&self, path: u32) -> (bool, &[u8]) {
        let path = &self.paths[path as usize];
        (path.is_attribute, &path.tag)
    }

    /// How many records there are.
    pub(super) fn rows(&self) -> usize {
        self.rows as usize
    }

    /// How many fields there are.
    pub(super) fn fields(&self) -> usize {
        self.texts.len()
    }

    /// Which fields are kept track of from now on; the others exist, but their texts are not held.
    pub(super) fn want(&mut self, wanted: &Wanted) {
        for text in &mut self.texts {
            text.is_wanted = wanted.has(&text.name);
        }
    }

    /// The path that is tried first, if it lies below `parent`: its tag.
    #[inline(always)]
    pub(super) fn guess(&self, parent: u32) -> Option<(u32, &[u8])> {
        let next = self.paths[self.last as usize].next;
        let path = &self.paths[next as usize];
        (path.parent == parent && !path.is_attribute && next != ROOT).then_some((next, &path.tag))
    }

    /// The guess was right.
    #[inline(always)]
    pub(super) fn confirm(&mut self, path: u32) {
        self.last = path;
    }

    /// The path of an element or attribute of this name below `parent`.
    ///
    /// # Errors
    /// There are too many, or the name is too long, or not UTF-8.
    pub(super) fn path(&mut self, parent: u32, is_attribute: bool, tag: &[u8]) -> Result<u32, String> {
        let next = self.paths[self.last as usize].next;
        let known = &self.paths[next as usize];
        let path = match known.parent == parent && known.is_attribute == is_attribute && *known.tag == *tag && next != ROOT {
            true => next,
            false => self.look_up(parent, is_attribute, tag)?,
        };
        self.paths[self.last as usize].next = path;
        self.last = path;
        Ok(path)
    }

    fn look_up(&mut self, parent: u32, is_attribute: bool, tag: &[u8]) -> Result<u32, String> {
        let key = (parent, is_attribute, Box::from(tag));
        if let Some(&path) = self.by_tag.get(&key) {
            return Ok(path);
        }
        if self.paths.len() >= MAX_PATHS {
            return Err(format!("more than {MAX_PATHS} kinds of elements and attributes in records"));
        }
        if std::str::from_utf8(tag).is_err() {
            return Err("a name is not UTF-8".to_owned());
        }
        let path = self.paths.len() as u32;
        self.paths.push(Path { parent, is_attribute, tag: Box::from(tag), next: ROOT, column: None, seen: (0, 0) });
        self.by_tag.insert(key, path);
        Ok(path)
    }

    /// The name of the field at a path: `@id`, `stop.name`, `stop.@id`.
    fn name(&self, path: u32) -> String {
        if path == ROOT {
            return OWN_TEXT.to_owned();
        }
        let mut parts = Vec::new();
        let mut at = path;
        while at != ROOT {
            let path = &self.paths[at as usize];
            let tag = String::from_utf8_lossy(&path.tag);
            parts.push(if path.is_attribute { format!("@{tag}") } else { tag.into_owned() });
            at = path.parent;
        }
        parts.reverse();
        parts.join(".")
    }

    /// The column of a path.
    ///
    /// # Errors
    /// There are too many fields, or the name of this one is too long.
    #[inline]
    pub(super) fn column(&mut self, path: u32, wanted: &Wanted) -> Result<u32, String> {
        match self.paths[path as usize].column {
            Some(column) => Ok(column),
            None => self.new_column(path, wanted),
        }
    }

    /// The current record has this text in this column; `false` when it has one there already.
    #[inline]
    pub(super) fn push(&mut self, column: u32, text: &[u8]) -> bool {
        let texts = &mut self.texts[column as usize];
        // Counted whether it is wanted or not: what is refused must not depend on that.
        self.used += usize::from(!std::mem::replace(&mut texts.is_used, true));
        if std::mem::replace(&mut texts.last, self.tried) == self.tried {
            return false;
        }
        if texts.is_wanted {
            texts.rows.push(self.rows);
            texts.bytes.extend_from_slice(text);
            texts.ends.push(texts.bytes.len() as u32);
        }
        true
    }

    fn new_column(&mut self, path: u32, wanted: &Wanted) -> Result<u32, String> {
        let name = self.name(path);
        if name.len() > Schema::MAX_NAME_BYTES || (self.texts.len() >= Schema::MAX_FIELDS && !self.places.contains_key(&name)) {
            return Err(format!("more than {} fields, or a name of more than {} bytes", Schema::MAX_FIELDS, Schema::MAX_NAME_BYTES));
        }
        // `<a.b>` and `<a><b>` are the same field.
        let next = self.texts.len() as u32;
        let column = *self.places.entry(name.clone()).or_insert(next);
        if column == next {
            let is_wanted = wanted.has(&name);
            self.texts.push(Texts { is_wanted, ..Texts::new(name) });
        }
        self.paths[path as usize].column = Some(column);
        Ok(column)
    }

    /// The current record is complete.
    #[inline]
    pub(super) fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Whether the columns would be too large with one more record: many small records with a field of their own each.
    pub(super) fn is_full(&self) -> bool {
        self.used * (self.rows as usize + 1) > MAX_CELLS
    }

    /// The current record is none after all.
    pub(super) fn drop_row(&mut self) {
        for text in &mut self.texts {
            if text.rows.last() == Some(&self.rows) {
                text.rows.pop();
                text.ends.pop();
                text.bytes.truncate(text.ends.last().map_or(0, |end| *end as usize));
            }
        }
    }

    /// The fields that the block began with, and its own.
    pub(super) fn schema(&self) -> Arc<Schema> {
        if self.texts.len() == self.base.len() {
            return self.base.clone();
        }
        let own = self.texts[self.base.len()..].iter().map(|text| Field::open(text.name.clone(), Type::Mixed));
        // Number, length and difference of the names were seen to when the columns were made.
        Arc::new(
            self.base
                .with_fields(self.base.fields().iter().cloned().chain(own).collect())
                .unwrap_or_else(|_| unreachable!("the names are few, short and differ")),
        )
    }

    /// The records, with the wanted fields of `schema`, which is [`Columns::schema`].
    pub(super) fn batch(&self, schema: &Arc<Schema>, wanted: &Wanted, origin: Origin) -> Batch {
        let schema = wanted.of(schema);
        let columns = self.texts.iter().filter(|text| wanted.has(&text.name)).map(|text| text.column(self.rows)).collect();
        Batch::new(schema, columns, self.rows as usize, origin).unwrap_or_else(|_| unreachable!("the columns are the schema's"))
    }
}

impl Texts {
    fn new(name: String) -> Self {
        Texts { name, is_wanted: true, is_used: false, last: 0, rows: Vec::new(), ends: Vec::new(), bytes: Vec::new() }
    }

    fn column(&self, rows: u32) -> Column {
        if self.rows.is_empty() {
            return Column::absent(rows as usize);
        }
        let (mut starts, mut lens) = (Vec::with_capacity(rows as usize), Vec::with_capacity(rows as usize));
        let (mut nulls, mut start) = (vec![0_u8; Bits::bytes_for(rows as usize)], 0);
        let mut values = self.rows.iter().zip(&self.ends).peekable();
        for row in 0..rows {
            let end = values.next_if(|(at, _)| **at == row).map(|(_, end)| *end);
            if end.is_none() {
                nulls[row as usize / 8] |= 1 << (row % 8);
            }
            starts.push(start);
            lens.push(end.map_or(0, |end| end - start));
            start = end.unwrap_or(start);
        }
        let nulls = (self.rows.len() < rows as usize).then(|| Bits::new(rows as usize, nulls.into())).flatten();
        let text = Text::new(self.bytes.clone().into(), None, PackedInts::pack(&starts), PackedInts::pack(&lens));
        // Every text ends where the next begins, the last at the end of the bytes.
        text.map_or_else(|| Column::null(rows as usize), |text| Column::text(text).with_nulls(nulls.clone()).with_missing(nulls))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_or_come_and_go() {
        let (mut columns, all) = (Columns::new(), Wanted::all());
        let put = |columns: &mut Columns, tag: &str, text: &str| {
            let path = columns.path(ROOT, false, tag.as_bytes()).unwrap();
            let column = columns.column(path, &all).unwrap();
            columns.push(column, text.as_bytes())
        };
        columns.begin_row();
        assert!(put(&mut columns, "a", "1"));
        assert!(!put(&mut columns, "a", "second"));
        columns.end_row();
        columns.begin_row();
        put(&mut columns, "b", "2");
        columns.end_row();
        columns.begin_row();
        put(&mut columns, "b", "torn");
        columns.drop_row();
        columns.begin_row();
        columns.end_row();
        let batch = columns.batch(&columns.schema(), &all, Origin::default());
        assert_eq!(format!("{batch:?}"), r#"[{"a": "1", "b": ""}, {"a": "", "b": "2"}, {"a": "", "b": ""}]"#);
        columns.begin(columns.schema());
        columns.begin_row();
        put(&mut columns, "c", "3");
        put(&mut columns, "b", "4");
        columns.end_row();
        assert_eq!(columns.schema().names().collect::<Vec<_>>(), ["a", "b", "c"]);
        columns.begin(batch.schema().clone());
        columns.begin_row();
        put(&mut columns, "b", "5");
        columns.end_row();
        assert_eq!(columns.schema().names().collect::<Vec<_>>(), ["a", "b"]);
        let only = Wanted::only(vec!["b".into()]);
        assert_eq!(format!("{:?}", columns.batch(&columns.schema(), &only, Origin::default())), r#"[{"b": "5"}]"#);
    }

    #[test]
    fn names_are_paths() {
        let mut columns = Columns::new();
        let stop = columns.path(ROOT, false, b"stop").unwrap();
        let name = columns.path(stop, false, b"name").unwrap();
        let id = columns.path(stop, true, b"id").unwrap();
        assert_eq!([ROOT, stop, name, id].map(|path| columns.name(path)), ["#text", "stop", "stop.name", "stop.@id"]);
        assert_ne!(columns.path(stop, false, b"id").unwrap(), id);
        assert_eq!(columns.path(stop, true, b"id").unwrap(), id);
        assert!(columns.path(ROOT, false, b"\xff").is_err());
    }
}
