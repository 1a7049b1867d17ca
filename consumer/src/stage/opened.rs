//! Fields that a stage reads out of texts, whatever their names: a record gets those that its own text has.
//!
//! A field that is there already is replaced in the records whose text has it. Fields that the plan does not know stand behind those
//! that it knows, in the order of their names: the same however the batches were cut.

use std::{collections::HashMap, ops::Range, sync::Arc};

use recpipe::{
    Batch, Column, ColumnBuilder, Error, Field, Schema, Time, Type, Value,
    json::{Fault, Scalar, Visitor, Way, unescape},
    untyped::Cell,
};

use crate::{language::Watched, plan::Unite};

/// A batch is cut where its fields would have more values and gaps than this.
const MOST_CELLS: usize = 1 << 22;

/// Or more bytes of text.
const MOST_BYTES: usize = 64 << 20;

/// A value of a field; text is a range of what the record's text is, or of the collector's own bytes.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Range<usize>),
    Own(Range<usize>),
    Time(Time),
}

impl Found {
    /// A value that is no text.
    pub(super) fn of(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Found::Bool(value),
            Value::Int(value) => Found::Int(value),
            Value::Float(value) => Found::Float(value),
            Value::Time(value) => Found::Time(value),
            Value::Null | Value::Text(_) => Found::Null,
        }
    }
}

/// What the records of a batch have.
#[derive(Default)]
pub(super) struct Collector {
    places: HashMap<String, usize>,
    fields: Vec<(String, ColumnBuilder)>,
    /// What the record has so far.
    pending: Vec<(usize, Found)>,
    /// Text that stands nowhere as it is.
    own: Vec<u8>,
    rows: usize,
}

impl Collector {
    /// The field of this name; `None` where it cannot be the name of one, or there are too many.
    pub(super) fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if name.len() > Schema::MAX_NAME_BYTES || self.fields.len() >= Schema::MAX_FIELDS {
            return None;
        }
        self.fields.push((name.to_owned(), ColumnBuilder::new(Type::Mixed)));
        self.places.insert(name.to_owned(), self.fields.len() - 1);
        Some(self.fields.len() - 1)
    }

    /// The record has this value; the last that it is given counts.
    pub(super) fn set(&mut self, place: usize, found: Found) {
        match self.pending.iter_mut().find(|(known, _)| *known == place) {
            Some((_, known)) => *known = found,
            None => self.pending.push((place, found)),
        }
    }

    /// Text that `write` makes.
    pub(super) fn own(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Found {
        let start = self.own.len();
        write(&mut self.own);
        Found::Own(start..self.own.len())
    }

    /// The record has no fields after all.
    pub(super) fn give_up(&mut self) {
        self.pending.clear();
    }

    /// The record ends; `text` is what it was read from.
    ///
    /// # Errors
    /// [`Error::Schema`] when the text of a field passes 4 GiB.
    pub(super) fn end_row(&mut self, text: &[u8]) -> Result<(), Error> {
        for (place, found) in self.pending.drain(..) {
            let (_, column) = &mut self.fields[place];
            while column.len() < self.rows {
                column.push_missing()?;
            }
            column.push(match &found {
                Found::Null => Value::Null,
                Found::Bool(value) => Value::Bool(*value),
                Found::Int(value) => Value::Int(*value),
                Found::Float(value) => Value::Float(*value),
                Found::Text(range) => Value::Text(&text[range.clone()]),
                Found::Own(range) => Value::Text(&self.own[range.clone()]),
                Found::Time(value) => Value::Time(*value),
            })?;
        }
        self.own.clear();
        self.rows += 1;
        Ok(())
    }

    /// Whether no more records should come: what they have would take too much room.
    pub(super) fn is_full(&self) -> bool {
        let bytes = || self.fields.iter().map(|(_, column)| column.text_bytes()).sum::<usize>();
        self.rows >= Batch::MAX_ROWS
            || self.rows.saturating_mul(self.fields.len()) > MOST_CELLS
            || (self.rows.is_multiple_of(256) && bytes() > MOST_BYTES)
    }

    /// The columns of the fields that some record has, by name; it is empty again.
    fn finish(&mut self) -> Result<Vec<(String, Column)>, Error> {
        let Collector { fields, rows, .. } = std::mem::take(self);
        let mut columns = Vec::new();
        for (name, mut column) in fields.into_iter().filter(|(_, column)| !column.is_empty()) {
            while column.len() < rows {
                column.push_missing()?;
            }
            columns.push((name, column.finish()));
        }
        columns.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(columns)
    }
}

/// Takes what a JSON object has for the fields of a record, whose names begin with a prefix.
pub(super) struct ObjectFields<'c> {
    pub(super) collector: &'c mut Collector,
    pub(super) prefix: &'c str,
    /// Where the object's text begins in that of the record.
    pub(super) from: usize,
    pub(super) text: &'c [u8],
    /// The name that was asked for last.
    pub(super) name: &'c mut String,
}

impl Visitor for ObjectFields<'_> {
    fn value(&mut self, way: Way<'_>, start: usize, len: usize, scalar: Scalar) -> Result<(), Fault> {
        self.name.clear();
        self.name.push_str(self.prefix);
        self.name.push_str(way.path);
        let place = self.collector.place(self.name).ok_or("too many fields, or one with too long a name")?;
        let found = of_scalar(self.collector, scalar, self.text, start, len, self.from);
        self.collector.set(place, found);
        Ok(())
    }
}

/// A value that stands at `start` of `text`, which begins at `from` in the text of the record.
pub(super) fn of_scalar(collector: &mut Collector, scalar: Scalar, text: &[u8], start: usize, len: usize, from: usize) -> Found {
    match scalar {
        Scalar::Null => Found::Null,
        Scalar::Bool(value) => Found::Bool(value),
        Scalar::Int(value) => Found::Int(value.into()),
        Scalar::Wide(value) => Found::Int(value),
        Scalar::Float(value) => Found::Float(value),
        Scalar::String { escaped: true } => collector.own(|own| unescape(&text[start..start + len], own)),
        Scalar::String { .. } | Scalar::Array | Scalar::Digits => Found::Text(from + start..from + start + len),
    }
}

/// A value without a type, which is this range of `text`.
pub(super) fn of_cell(text: &[u8], range: Range<usize>) -> Found {
    match Cell::of(&text[range.clone()]) {
        Cell::Int(value) => Found::Int(value.into()),
        Cell::Wide(value) => Found::Int(value),
        Cell::Float(value) => Found::Float(value),
        Cell::Text => Found::Text(range),
    }
}

/// Gives records their fields.
pub(super) struct Opened {
    unite: Unite,
    /// The schema of the batch before, whose fields most have.
    last: Option<Arc<Schema>>,
    /// How many columns of what comes the plan knows.
    known: usize,
    watched: Watched,
}

impl Watched {
    /// Notes what the batch has.
    pub(super) fn look(&mut self, batch: &Batch) {
        self.records.came(batch);
        self.fields.retain(|(name, counter)| {
            let is_there = batch.schema().index_of(name).is_some_and(|place| !batch.column(place).is_absent());
            if is_there {
                counter.came(batch);
            }
            !is_there
        });
    }
}

impl Opened {
    /// For a stage that takes records of `input` and gives those of `output`, which grows.
    pub(super) fn new(input: &Schema, output: &Arc<Schema>, watched: Watched) -> Self {
        Opened { unite: Unite::new(output.clone()), last: None, known: input.len(), watched }
    }

    /// The records with what was collected of them, which is then forgotten. They are all rows of the batch, in order.
    ///
    /// # Errors
    /// [`Error::Schema`] where there are too many fields.
    pub(super) fn with(&mut self, batch: &Batch, collector: &mut Collector) -> Result<Batch, Error> {
        self.with_columns(batch, collector, |_| false)
    }

    /// The same, where a field of this name that a record had before is not its own any more.
    ///
    /// # Errors
    /// As [`Opened::with`].
    pub(super) fn with_element(&mut self, batch: &Batch, collector: &mut Collector, name: &str) -> Result<Batch, Error> {
        self.with_columns(batch, collector, |field| field == name)
    }

    fn with_columns(&mut self, batch: &Batch, collector: &mut Collector, is_gone: impl Fn(&str) -> bool) -> Result<Batch, Error> {
        let fields = batch.schema().fields().iter().zip(batch.columns());
        let before = |(field, column): (&Field, &Column)| {
            let column = if is_gone(&field.name) { Column::absent(column.len()) } else { column.clone() };
            (field.name.clone(), column)
        };
        let mut columns: Vec<(String, Column)> = fields.map(before).collect();
        let places: HashMap<String, usize> = columns.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        for (name, column) in collector.finish()? {
            match places.get(&name).map(|&place| &mut columns[place].1) {
                Some(known) => *known = replaced(known, &column)?,
                None => columns.push((name, column)),
            }
        }
        columns[self.known..].sort_by(|a, b| a.0.cmp(&b.0));
        let fields: Vec<Field> = columns.iter().map(|(name, column)| Field::open(name, column.kind())).collect();
        let schema = match self.last.take() {
            Some(last) if last.fields() == fields => last,
            _ => Arc::new(Schema::new(fields)?.growing()),
        };
        self.last = Some(schema.clone());
        let batch = self.unite.unite(batch.with_columns(schema, columns.into_iter().map(|(_, column)| column).collect())?)?;
        self.watched.look(&batch);
        Ok(batch)
    }
}

/// The values of the second where it has some, else those of the first.
fn replaced(old: &Column, new: &Column) -> Result<Column, Error> {
    if (0..new.len()).all(|row| !new.is_missing(row)) {
        return Ok(new.clone());
    }
    let mut both = ColumnBuilder::new(Type::Mixed);
    for row in 0..new.len() {
        match (new.is_missing(row), old.is_missing(row)) {
            (false, _) => both.push(new.value(row))?,
            (true, false) => both.push(old.value(row))?,
            (true, true) => both.push_missing()?,
        }
    }
    Ok(both.finish())
}
