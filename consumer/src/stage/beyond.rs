//! What batches have beyond the columns that the plan knows, of a stream whose fields grow.

use std::sync::Arc;

use recpipe::{Batch, Column, Error, Schema, Type, Value};

use crate::{
    expr::{TextBuilder, Texts, Values, Vector},
    sort::key::push_group_key,
};

/// Puts the columns that a stage makes in the place of those that the plan knows, before the late ones of the batch. A late one of a
/// name that the stage has made is gone: the stage's is what the query means.
pub(crate) struct Beyond {
    /// How many of the columns that come the plan knows.
    known: usize,
    schema: Arc<Schema>,
    /// Which of the late columns stay, by their names.
    stays: Box<dyn Fn(&str) -> bool + Send>,
    last: Option<Extended>,
}

/// What was made for the schema that came last: nearly all batches of a stream have the same.
struct Extended {
    from: Arc<Schema>,
    to: Arc<Schema>,
    /// The late columns that stay.
    places: Vec<usize>,
}

impl Beyond {
    /// For a stage that takes records of `input` and gives those of `output`.
    pub(crate) fn new(input: &Schema, output: Arc<Schema>) -> Self {
        Beyond { known: input.len(), schema: output, stays: Box::new(|_| true), last: None }
    }

    /// The same for a stage that leaves out late columns whose names are not like this.
    pub(crate) fn where_name(self, stays: impl Fn(&str) -> bool + Send + 'static) -> Self {
        Beyond { stays: Box::new(stays), ..self }
    }

    /// The columns that the plan knows.
    pub(crate) fn known<'b>(&self, batch: &'b Batch) -> &'b [Column] {
        &batch.columns()[..self.known]
    }

    /// The same records with these columns, which are those of the stage's output; the late ones follow where that grows.
    ///
    /// # Errors
    /// [`Error::Schema`] as for [`Batch::with_columns`], and where there are too many fields.
    pub(crate) fn with_columns(&mut self, batch: &Batch, mut columns: Vec<Column>) -> Result<Batch, Error> {
        if !self.schema.grows() || batch.columns().len() <= self.known {
            return batch.with_columns(self.schema.clone(), columns);
        }
        let extended = match self.last.take() {
            Some(last) if Arc::ptr_eq(&last.from, batch.schema()) => last,
            _ => self.extend(batch.schema())?,
        };
        columns.extend(extended.places.iter().map(|&place| batch.column(place).clone()));
        let batch = batch.with_columns(extended.to.clone(), columns);
        self.last = Some(extended);
        batch
    }

    fn extend(&self, from: &Arc<Schema>) -> Result<Extended, Error> {
        let stays = |name: &str| (self.stays)(name) && self.schema.index_of(name).is_none();
        let places: Vec<usize> = (self.known..from.len()).filter(|&place| stays(&from.fields()[place].name)).collect();
        let fields = self.schema.fields().iter().chain(places.iter().map(|&place| &from.fields()[place]));
        let to = Arc::new(self.schema.with_fields(fields.cloned().collect())?);
        Ok(Extended { from: from.clone(), to, places })
    }
}

/// A text for each record of the batch, which tells apart what it has beyond the columns that the plan knows: those of two records are
/// the same if the same late fields have the same values, whatever the order of their columns and whatever other columns there are.
/// Values are the same as they are in keys, and a field that is missing is null, as everywhere. It is empty where there is none.
///
/// # Errors
/// [`Error::Data`] when the late fields of one batch take more than 4 GiB.
pub(super) fn late_key(batch: &Batch, known: usize) -> Result<Vector, Error> {
    let mut late: Vec<(&str, &Column)> = batch.schema().names().zip(batch.columns()).skip(known).collect();
    late.sort_unstable_by_key(|field| field.0);
    let texts = if late.is_empty() { Texts::constant(&[]) } else { late_texts(batch, &late)? };
    Ok(Vector { len: batch.len(), values: Values::Text(texts), nulls: None })
}

/// The names and the values of the fields that each record has of these.
fn late_texts(batch: &Batch, late: &[(&str, &Column)]) -> Result<Texts, Error> {
    let mut texts = TextBuilder::with_capacity(batch.len());
    for row in 0..batch.len() {
        let row = batch.physical(row);
        for (name, column) in late {
            let value = column.value(row);
            if !matches!(value, Value::Null) {
                push_group_key(Type::Text, Value::Text(name.as_bytes()), texts.row());
                push_group_key(Type::Mixed, value, texts.row());
            }
        }
        texts.end_row()?;
    }
    Ok(texts.finish())
}

/// Puts a column at its place: that of the one that it replaces, or behind the others.
pub(super) fn put(columns: &mut Vec<Column>, place: usize, column: Column) {
    match columns.get_mut(place) {
        Some(old) => *old = column,
        None => columns.push(column),
    }
}
