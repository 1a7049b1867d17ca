//! What stands on a page: a picture and a table, or one of each for every section of a `report`.

use std::sync::Arc;

use recpipe::{Batch, Error, Schema, Type};

use super::{
    chart::{Drawing, Drawn, Form, Table},
    shown,
};
use crate::{
    expr::Vector,
    picture::{Figure, Section},
    plan::Read,
};

/// What a page is of: known when the query is checked.
#[derive(Clone, Debug)]
pub(super) enum Paper {
    /// A picture and its table; the table alone where it is not clear what is drawn.
    One(Option<Drawn>),
    /// The sections of a report.
    Report,
}

impl Paper {
    /// What is read of records of this schema.
    pub(super) fn reads(&self, schema: &Schema) -> Read {
        match self {
            Paper::One(Some(drawn)) => drawn.reads(schema),
            _ => Read::all_of(schema),
        }
    }

    /// A page of records of this schema, of which there are none so far.
    pub(super) fn content(&self, schema: &Arc<Schema>) -> Content {
        // Without a picture, records are looked at as if they were bars, for their table.
        let nothing = || Drawn { values: Vec::new(), time: None, at: None, form: Form::Bars, log: false, is_grouped: false };
        match self {
            Paper::One(drawn) => {
                let drawing = Drawing::new(&drawn.clone().unwrap_or_else(nothing), schema);
                Content::One { drawing: Box::new(drawing), is_drawn: drawn.is_some() }
            }
            Paper::Report => Content::Report(Sections::new(schema)),
        }
    }
}

/// A page that grows.
pub(super) enum Content {
    One { drawing: Box<Drawing>, is_drawn: bool },
    Report(Sections),
}

impl Content {
    pub(super) fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        match self {
            Content::One { drawing, .. } => drawing.add(batch),
            Content::Report(sections) => {
                sections.add(batch);
                Ok(())
            }
        }
    }

    /// The picture alone, where there is one.
    pub(super) fn figure(&self) -> Option<Figure> {
        match self {
            Content::One { drawing, is_drawn: true } => drawing.figure(true),
            _ => None,
        }
    }

    pub(super) fn sections(&self) -> Result<Vec<Section>, Error> {
        match self {
            Content::One { drawing, .. } => {
                let figure = self.figure();
                let Table { names, rows, more } = drawing.table();
                let title = figure.as_ref().map_or_else(String::new, |figure| figure.value.clone());
                Ok(vec![Section { title, figure, names, rows, more, of: String::new() }])
            }
            Content::Report(sections) => sections.drawn(),
        }
    }
}

/// Records whose first field names their section, in the order of those.
pub(super) struct Sections {
    schema: Arc<Schema>,
    batches: Vec<(String, Vec<Batch>)>,
}

impl Sections {
    pub(super) fn new(schema: &Arc<Schema>) -> Self {
        Sections { schema: schema.clone(), batches: Vec::new() }
    }

    pub(super) fn add(&mut self, batch: &Batch) {
        let names = Vector::from_column(batch.column(0), batch);
        let mut begin = 0;
        let name = |row: usize| match names.value(row) {
            recpipe::Value::Text(name) => shown::one_line(name),
            _ => String::new(),
        };
        while begin < batch.len() {
            let title = name(begin);
            let end = (begin..batch.len()).find(|row| name(*row) != title).unwrap_or(batch.len());
            let rows = (begin..end).map(|row| batch.physical(row) as u32).collect();
            let part = batch.select(rows);
            match self.batches.last_mut() {
                Some((last, batches)) if *last == title => batches.push(part),
                _ => self.batches.push((title, vec![part])),
            }
            begin = end;
        }
    }

    /// Each with the columns that it has values in.
    pub(super) fn drawn(&self) -> Result<Vec<Section>, Error> {
        self.batches.iter().map(|(title, batches)| self.section(title, batches)).collect()
    }

    fn section(&self, title: &str, batches: &[Batch]) -> Result<Section, Error> {
        let has_values =
            |place: &usize| batches.iter().any(|batch| (0..batch.len()).any(|row| !batch.column(*place).is_null(batch.physical(row))));
        let places: Vec<usize> = (1..self.schema.len()).filter(has_values).collect();
        let fields = places.iter().map(|place| self.schema.fields()[*place].clone()).collect();
        let schema = Arc::new(Schema::new(fields)?);
        let is_number = |place: &usize| matches!(schema.fields()[*place].kind, Type::Int | Type::Float | Type::Mixed);
        let label = ["item", "time"].into_iter().find_map(|name| schema.index_of(name));
        let time = schema.fields().iter().position(|field| field.kind == Type::Time);
        // What a section is of: its durations where it has some, of days who came, of all else how many.
        let of = ["p99", "visitors", "requests"].into_iter().filter_map(|name| schema.index_of(name)).find(|place| is_number(place));
        let drawn = Drawn { values: of.into_iter().collect(), time, at: None, form: Form::Fitting, log: false, is_grouped: true };
        let mut drawing = Drawing::new(&drawn, &schema).labelled_by(label.unwrap_or(0));
        for batch in batches {
            let columns = places.iter().map(|place| batch.column(*place).clone()).collect();
            drawing.add(&batch.with_columns(schema.clone(), columns)?)?;
        }
        // A single row of numbers is read faster than a picture of it.
        let figure = if label.is_some() && of.is_some() { drawing.figure(true) } else { None };
        let Table { names, rows, more } = drawing.table();
        // Text of a section's own: no title has a quotation mark.
        Ok(Section { title: title.to_owned(), figure, names, rows, more, of: format!("section == \"{title}\" and ") })
    }
}
