//! What records look like, whichever form that has.

use recpipe::{Batch, Schema, Value};

use super::{Drawn, Form, bars::drawable, heat::Heat, histogram::Histogram, series::Series};
use crate::{
    expr::{Values, Vector},
    output::shown,
    picture::{self, Bar, Figure},
};

/// A picture that grows.
#[derive(Clone, Debug)]
pub(in crate::output) struct Drawing {
    drawn: Drawn,
    /// What is counted.
    name: String,
    /// Records that have no place in it.
    without: u64,
    form: Growing,
}

#[derive(Clone, Debug)]
enum Growing {
    Series(Series),
    Histogram(Histogram),
    Heat(Heat),
}

/// What stands beside a picture.
#[derive(Clone, Debug, Default)]
pub(in crate::output) struct Table {
    /// The names, and whether they are numbers.
    pub(in crate::output) names: Vec<(String, bool)>,
    pub(in crate::output) rows: Vec<Vec<String>>,
    /// Records that are not there.
    pub(in crate::output) more: u64,
}

impl Drawing {
    /// Of records of this schema.
    pub(in crate::output) fn new(drawn: &Drawn, schema: &Schema) -> Self {
        let form = match drawn.form {
            Form::Histogram => Growing::Histogram(Histogram::new(drawn.log)),
            Form::Heatmap => Growing::Heat(Heat::new(drawn.log)),
            _ => Growing::Series(Series::new(drawn, schema)),
        };
        let name = drawn.values.first().and_then(|place| schema.fields().get(*place)).map_or("", |field| &field.name);
        Drawing { drawn: drawn.clone(), name: shown::one_line(name.as_bytes()), without: 0, form }
    }

    /// The same, with this column alone for a label.
    pub(in crate::output) fn labelled_by(mut self, place: usize) -> Self {
        if let Growing::Series(series) = &mut self.form {
            series.label_by(place);
        }
        self
    }

    /// Adds records.
    pub(in crate::output) fn add(&mut self, batch: &Batch) {
        if let Growing::Series(series) = &mut self.form {
            return series.add(batch);
        }
        let Some(&place) = self.drawn.values.first() else { return };
        let values = Vector::from_column(batch.column(place), batch);
        let times = self.drawn.time.map(|place| Vector::from_column(batch.column(place), batch));
        let at = |row| match &times.as_ref()?.values {
            Values::Time(of) if !times.as_ref()?.is_null(row) => Some(of.get(row)),
            _ => None,
        };
        for row in 0..batch.len() {
            let (value, is_whole) = match drawable(&values, row) {
                Some(Value::Int(value)) => (value as f64, true),
                Some(Value::Float(value)) => (value, false),
                _ => {
                    self.without += 1;
                    continue;
                }
            };
            match &mut self.form {
                Growing::Histogram(histogram) => histogram.push(value, is_whole),
                Growing::Heat(heat) => match at(row) {
                    Some(at) => heat.push(at, value, is_whole),
                    None => self.without += 1,
                },
                Growing::Series(_) => {}
            }
        }
    }

    /// The picture, of which a file has less than a screen that has room for lines; `None` of nothing.
    pub(in crate::output) fn figure(&self, for_file: bool) -> Option<Figure> {
        let mut notes = Vec::new();
        if self.without > 0 {
            let what = if matches!(self.form, Growing::Heat(_)) { "a number and a time" } else { "a number" };
            notes.push(format!("{} records without {what}", self.without));
        }
        let count = |count: u64| (count as f64, count.to_string());
        let (form, value) = match &self.form {
            Growing::Series(series) => return series.figure(for_file),
            Growing::Histogram(histogram) => {
                let bars: Vec<Bar> =
                    histogram.bins().into_iter().map(|(label, records)| Bar { label, parts: vec![Some(count(records))] }).collect();
                if bars.is_empty() {
                    return None;
                }
                (picture::Form::Bars(vec!["records".to_owned()], bars), format!("records by {}", self.name))
            }
            Growing::Heat(heat) => (picture::Form::Heat(heat.drawn()?), format!("records by {}", self.name)),
        };
        // The bins are logarithmic, not the counts.
        Some(Figure { title: String::new(), value, log: false, form, notes })
    }

    /// The numbers of the picture.
    pub(in crate::output) fn table(&self) -> Table {
        match &self.form {
            Growing::Series(series) => {
                let (names, rows, more) = series.table();
                Table { names, rows, more }
            }
            Growing::Histogram(histogram) => {
                let rows = histogram.bins().into_iter().map(|(label, count)| vec![label, count.to_string()]).collect();
                Table { names: vec![(self.name.clone(), true), ("records".to_owned(), true)], rows, more: 0 }
            }
            // The sums of the rows; a cell tells its own number.
            Growing::Heat(heat) => {
                let Some(drawn) = heat.drawn() else { return Table::default() };
                let sum = |row: usize| drawn.columns.iter().map(|column| column[row]).sum::<u64>();
                let rows = drawn.rows.iter().enumerate().rev().map(|(row, label)| vec![label.clone(), sum(row).to_string()]).collect();
                Table { names: vec![(self.name.clone(), true), ("records".to_owned(), true)], rows, more: 0 }
            }
        }
    }
}
