//! What is done with the records of every format once they are parsed: `--set`, `--cast`, and `--fields` in their order.

use std::sync::Arc;

use recpipe::record::{Batch, Column, Field, PlaceField, Schema, Type};

use super::cast::{self, Misfit};
use super::constants::{Constant, with_constants};
use crate::dating::Dating;
use crate::format::{Parsed, Reject, Wanted, check_fields};
use crate::input::block::Block;
use crate::input::boundary::Boundary;

/// Which fields are sent, in which order, as which types.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// `--fields`: all, as they come, when not given.
    pub fields: Option<Arc<[String]>>,
    /// `--cast`.
    pub casts: Vec<(String, Type)>,
    /// How times are read.
    pub dating: Arc<Dating>,
    /// `--set`: behind all others, unless `fields` has them elsewhere.
    pub constants: Arc<[Constant]>,
}

impl Shape {
    /// Whether there is nothing to do.
    pub(super) fn is_plain(&self) -> bool {
        self.fields.is_none() && self.casts.is_empty() && self.constants.is_empty()
    }

    /// Looks for a field that was typed but does not exist.
    ///
    /// # Errors
    ///
    /// The first of them, and what may have been meant.
    pub fn check(&self, known: &[String]) -> Result<(), String> {
        if let Some(constant) = self.constants.iter().find(|constant| known.contains(&constant.field.name)) {
            return Err(has_already(&constant.field.name));
        }
        let fields = self.fields.as_deref().map(|fields| self.of_format(fields));
        let casts: Vec<_> = self.casts.iter().filter(|(name, _)| !self.is_constant(name)).cloned().collect();
        check_fields(fields.as_deref(), &casts, known)
    }

    /// Whether this is a field of `--set`.
    pub(crate) fn is_constant(&self, name: &str) -> bool {
        self.constants.iter().any(|constant| constant.field.name == name)
    }

    /// Those of these fields that a format has to know.
    pub(crate) fn of_format(&self, fields: &[String]) -> Vec<String> {
        without_places(fields).into_iter().filter(|name| !self.is_constant(name)).collect()
    }

    /// The batch with the fields of `--set` that are read.
    ///
    /// # Errors
    /// It has one of them already: what is to be said.
    pub(super) fn with_constants(&self, batch: Batch, read: &Wanted) -> Result<Batch, String> {
        if self.constants.is_empty() {
            return Ok(batch);
        }
        // Whether somebody reads it does not make the mistake less of one.
        if let Some(name) = batch.schema().names().find(|name| self.is_constant(name)) {
            return Err(has_already(name));
        }
        with_constants(&batch, self.constants.iter().filter(|constant| read.has(&constant.field.name)))
    }

    /// Whether no `--cast` changes a value: then what is asked of the values that are sent can be asked of those that are read.
    pub(super) fn keeps_values(&self) -> bool {
        self.casts.is_empty()
    }

    /// Whether places of the records in their inputs are among the fields.
    pub(super) fn places(&self) -> bool {
        self.place_fields().next().is_some()
    }

    /// Whether the numbers of lines are.
    pub(super) fn has_line(&self) -> bool {
        self.place_fields().any(|place| place == PlaceField::Line)
    }

    fn place_fields(&self) -> impl Iterator<Item = PlaceField> {
        self.fields.iter().flat_map(|fields| fields.iter()).filter_map(|name| PlaceField::named(name))
    }

    /// The batch with the places that are among the fields; what is not told is null.
    pub(super) fn placed(&self, batch: Batch) -> Batch {
        let places: Vec<PlaceField> = self.place_fields().filter(|place| batch.schema().index_of(place.name()).is_none()).collect();
        if places.is_empty() {
            return batch;
        }
        let column = |place: &PlaceField| place.column(&batch).unwrap_or_else(|| Column::null(batch.physical_rows()));
        let columns = batch.columns().iter().cloned().chain(places.iter().map(column)).collect();
        let placed = self.with_places(batch.schema()).and_then(|schema| batch.with_columns(schema, columns).ok());
        // A schema with the most fields that there may be has no room for them.
        placed.unwrap_or(batch)
    }

    /// The schema with the places that are among the fields.
    fn with_places(&self, schema: &Arc<Schema>) -> Option<Arc<Schema>> {
        let places = self.place_fields().filter(|place| schema.index_of(place.name()).is_none());
        schema.with_fields(schema.fields().iter().cloned().chain(places.map(PlaceField::field)).collect()).map(Arc::new).ok()
    }

    /// What has to be parsed, when the consumer reads these: nothing that is not sent, and everything that is cast, since
    /// which records are rejects must not depend on what somebody reads.
    pub(super) fn wanted(&self, read: &Wanted) -> Wanted {
        if self.is_plain() {
            return read.clone();
        }
        // Nor must it depend on that whether an input has a field that --set makes.
        let casts = self.casts.iter().map(|(name, _)| name).chain(self.constants.iter().map(|constant| &constant.field.name));
        match (read.names(), &self.fields) {
            (None, None) => Wanted::all(),
            (None, Some(fields)) => Wanted::only(fields.iter().chain(casts).cloned().collect()),
            (Some(read), None) => Wanted::only(read.iter().chain(casts).cloned().collect()),
            (Some(read), Some(fields)) => {
                let sent = fields.iter().filter(|&name| read.contains(name));
                Wanted::only(sent.chain(casts).cloned().collect())
            }
        }
    }

    /// The schema that records of `schema` have in the end, and the place of each of its fields there.
    fn of(&self, schema: &Schema, read: &Wanted) -> (Arc<Schema>, Vec<usize>) {
        let places: Vec<usize> = match &self.fields {
            None => (0..schema.len()).collect(),
            Some(fields) => {
                let others = self.constants.iter().map(|constant| &constant.field.name).filter(|name| !fields.contains(name));
                fields.iter().chain(others).filter_map(|name| schema.index_of(name)).collect()
            }
        };
        let places: Vec<usize> = places.into_iter().filter(|&place| read.has(&schema.fields()[place].name)).collect();
        let field = |&place: &usize| {
            let field = &schema.fields()[place];
            match self.casts.iter().find(|(name, _)| *name == field.name) {
                Some((_, kind)) => Field::new(field.name.clone(), *kind),
                None => field.clone(),
            }
        };
        let fields = schema.with_fields(places.iter().map(field).collect());
        (Arc::new(fields.unwrap_or_else(|_| unreachable!("some fields of a schema, once each"))), places)
    }

    /// The fields of records of `schema` that are sent to somebody who reads these.
    pub(super) fn sent(&self, schema: &Arc<Schema>, read: &Wanted) -> Arc<Schema> {
        if self.is_plain() {
            return read.of(schema);
        }
        let constants = self.constants.iter().map(|constant| constant.field.clone()).filter(|field| schema.index_of(&field.name).is_none());
        // A schema with the most fields that there may be has no room for them.
        let with_constants = schema.with_fields(schema.fields().iter().cloned().chain(constants).collect());
        self.of(with_constants.as_ref().unwrap_or(schema), read).0
    }

    /// The schema to announce when there is no input at all.
    pub(super) fn schema(&self, schema: &Arc<Schema>) -> Arc<Schema> {
        self.sent(&self.with_places(schema).unwrap_or_else(|| schema.clone()), &Wanted::all())
    }

    /// Casts, drops and orders the columns. `spans` says where the records lie.
    pub(super) fn apply(&self, parsed: &mut Parsed, read: &Wanted, spans: &RecordSpans<'_>) {
        if self.is_plain() {
            return;
        }
        let batch = &parsed.batch;
        let (schema, places) = self.of(batch.schema(), read);
        let mut columns: Vec<Column> = batch.columns().to_vec();
        // The first thing that is wrong with each of these rows.
        let mut bad: Vec<(u32, usize, Misfit)> = Vec::new();
        for (nth, (name, kind)) in self.casts.iter().enumerate() {
            let Some(place) = batch.schema().index_of(name) else { continue };
            let mut dates = self.dating.reader(name, &batch.origin().source);
            if let Some((column, failed)) = cast::cast(&columns[place], *kind, &mut dates) {
                columns[place] = column;
                bad.extend(failed.into_iter().map(|(row, misfit)| (row, nth, misfit)));
            }
        }
        let columns = places.iter().map(|&place| columns[place].clone()).collect();
        let Ok(sent) = batch.with_columns(schema, columns) else { unreachable!("each column was made for its field") };
        parsed.batch = sent;
        if !bad.is_empty() {
            bad.sort_unstable();
            bad.dedup_by_key(|(row, ..)| *row);
            self.reject(parsed, &bad, spans);
        }
    }

    /// Takes the bad rows out of the batch and puts them among the rejects.
    fn reject(&self, parsed: &mut Parsed, bad: &[(u32, usize, Misfit)], spans: &RecordSpans<'_>) {
        let mut rejects = Vec::with_capacity(parsed.rejects.len() + bad.len());
        let mut known = std::mem::take(&mut parsed.rejects).into_iter().peekable();
        let (mut counted, mut lines) = (0, 0);
        for (nth, &(row, which, misfit)) in bad.iter().enumerate() {
            while let Some(mut earlier) = known.next_if(|reject| reject.records_before <= row) {
                earlier.records_before -= nth as u32;
                rejects.push(earlier);
            }
            let (start, len) = spans.find(row as usize);
            if start < counted {
                (counted, lines) = (0, 0);
            }
            lines += memchr::memchr_iter(b'\n', &spans.block.bytes[counted..start]).count() as u32;
            counted = start;
            let (name, kind) = &self.casts[which];
            let line = if spans.has_lines { lines } else { row };
            let (start, len) = (start as u32, len as u32);
            rejects.push(Reject { line, records_before: row - nth as u32, start, len, why: cast::why(name, *kind, misfit) });
        }
        rejects.extend(known.map(|mut later| {
            later.records_before -= bad.len() as u32;
            later
        }));
        let mut keep = vec![true; parsed.batch.len()];
        for &(row, ..) in bad {
            keep[row as usize] = false;
        }
        parsed.batch = parsed.batch.filter(&keep);
        parsed.rejects = rejects;
    }
}

fn has_already(name: &str) -> String {
    format!("--set {name}: the records have a field `{name}` already; choose another name")
}

/// The names that are no places of records in their inputs, which no format has to know.
pub(crate) fn without_places(fields: &[String]) -> Vec<String> {
    fields.iter().filter(|name| PlaceField::named(name).is_none()).cloned().collect()
}

/// Where the records of a batch lie in the block that it was parsed from.
pub(super) struct RecordSpans<'a> {
    pub block: &'a Block,
    pub boundary: &'a dyn Boundary,
    /// Where a row begins; `None` for records that do not lie in a block.
    pub row_start: Option<&'a dyn Fn(usize) -> usize>,
    /// Whether places are numbered by lines.
    pub has_lines: bool,
}

impl RecordSpans<'_> {
    /// The start and the length of a record, without its line end.
    fn find(&self, row: usize) -> (usize, usize) {
        let Some(row_start) = self.row_start else { return (0, 0) };
        let start = row_start(row);
        let bytes = &self.block.bytes[start..];
        let record = &bytes[..self.boundary.end_in_block(bytes)];
        let record = record.strip_suffix(b"\n").unwrap_or(record);
        (start, record.strip_suffix(b"\r").unwrap_or(record).len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::block;
    use crate::format::{Args, FORMATS, Start};
    use crate::input::boundary::Lines;

    fn shape(fields: &[&str], casts: &[(&str, Type)]) -> Shape {
        let fields = (!fields.is_empty()).then(|| fields.iter().map(ToString::to_string).collect());
        Shape { fields, casts: casts.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(), ..Shape::default() }
    }

    fn apply(shape: &Shape, text: &str, read: &Wanted) -> Parsed {
        let regex = FORMATS.iter().find(|spec| spec.name == "regex").unwrap();
        let Start::Blocks(start) = regex.start else { panic!() };
        let mut format = start(&Args { positional: vec!["^(?P<a>[^,]*),(?P<b>.*)$".to_owned()], ..Args::default() }).unwrap();
        let block = block(text.as_bytes());
        let mut parser = format.plan(&block).unwrap().parser();
        let mut parsed = parser.parse(&block, &shape.wanted(read));
        let row_start = |row| parser.row_start(row);
        let spans = RecordSpans { block: &block, boundary: &Lines::default(), row_start: Some(&row_start), has_lines: true };
        shape.apply(&mut parsed, read, &spans);
        parsed
    }

    #[test]
    fn bad_rows_stand_among_the_rejects_in_order() {
        let text = "1,2\nbad\nx,3\n4,y\n\n5,6\nz,z\n7,8";
        let both = shape(&[], &[("a", Type::Int), ("b", Type::Int)]);
        let parsed = apply(&both, text, &Wanted::all());
        let shown: Vec<String> = parsed.batch.rows().map(|r| r.values().map(|v| format!("{v:?}")).collect()).collect();
        assert_eq!(shown, ["Int(1)Int(2)", "Int(5)Int(6)", "Int(7)Int(8)"]);
        let rejects: Vec<_> =
            parsed.rejects.iter().map(|r| (r.line, r.records_before, std::str::from_utf8(r.text(text.as_bytes())).unwrap())).collect();
        assert_eq!(rejects, [(1, 1, "bad"), (2, 1, "x,3"), (3, 1, "4,y"), (4, 1, ""), (6, 2, "z,z")]);
        assert_eq!(parsed.rejects[2].why, "`b` is not an int");
        // What somebody reads changes the fields, never the records.
        let parsed = apply(&both, text, &Wanted::only(vec!["a".to_owned()]));
        assert_eq!((parsed.batch.schema().len(), parsed.batch.len(), parsed.rejects.len()), (1, 3, 5));
    }

    #[test]
    fn fields_come_in_the_order_they_were_asked_for() {
        let names = |shape: &Shape, read: &Wanted| -> Vec<String> {
            apply(shape, "1,2\n", read).batch.schema().fields().iter().map(|f| format!("{} {}", f.name, f.kind)).collect()
        };
        let reversed = shape(&["b", "a"], &[("b", Type::Float)]);
        assert_eq!(names(&reversed, &Wanted::all()), ["b float", "a mixed"]);
        assert_eq!(names(&reversed, &Wanted::only(vec!["a".to_owned(), "zzz".to_owned()])), ["a mixed"]);
        assert_eq!(names(&shape(&["a"], &[]), &Wanted::all()), ["a mixed"]);
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let known = ["status", "bytes"].map(str::to_owned);
        assert!(shape(&["bytes"], &[("status", Type::Int)]).check(&known).is_ok());
        assert!(shape(&["statsu"], &[]).check(&known).unwrap_err().contains("did you mean `status`?"));
        assert!(shape(&[], &[("zzzzzz", Type::Int)]).check(&known).unwrap_err().contains("the fields are: status, bytes"));
    }
}
