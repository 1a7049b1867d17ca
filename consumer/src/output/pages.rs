//! `report | write "x.html"`: a page of a picture and a table for each section.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use recpipe::{Batch, Error, Flow, Schema, Stage, Type, wire::Ending};

use super::{
    chart::{Drawing, Drawn, Form, Table},
    picture::Asked,
    shown,
};
use crate::{
    expr::Vector,
    picture::{self, Section},
    plan::{Sink, Target},
    writer::{Desk, Printer},
};

/// Writes a page of sections.
#[derive(Clone, Debug)]
pub(super) struct PagesSink(pub(super) Asked);

impl Sink for PagesSink {
    fn open(&self, schema: &Arc<Schema>, desk: &Desk<'_>) -> Result<Target, Error> {
        Ok(Box::new(Pages {
            asked: self.0.clone(),
            sections: Sections::new(schema),
            printer: desk.printer.clone(),
            ending: desk.ending.clone(),
            read: desk.read.clone(),
        }))
    }
}

/// Draws the sections that it gets, at the end.
struct Pages {
    asked: Asked,
    sections: Sections,
    printer: Rc<RefCell<Printer>>,
    ending: Rc<RefCell<Ending>>,
    read: Rc<Cell<Option<u64>>>,
}

impl Stage for Pages {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.sections.add(&batch);
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let foot = self.asked.foot(self.read.get(), &self.ending.borrow());
        let page = picture::page(self.asked.title(), &self.sections.drawn()?, &foot);
        let mut printer = self.printer.borrow_mut();
        printer.write(page.as_bytes())?;
        printer.flush()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
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
        let drawn = Drawn { values: of.into_iter().collect(), time, form: Form::Fitting, log: false, is_grouped: true };
        let mut drawing = Drawing::new(&drawn, &schema).labelled_by(label.unwrap_or(0));
        for batch in batches {
            let columns = places.iter().map(|place| batch.column(*place).clone()).collect();
            drawing.add(&batch.with_columns(schema.clone(), columns)?);
        }
        // A single row of numbers is read faster than a picture of it.
        let figure = if label.is_some() && of.is_some() { drawing.figure(true) } else { None };
        let Table { names, rows, more } = drawing.table();
        Ok(Section { title: title.to_owned(), figure, names, rows, more })
    }
}
