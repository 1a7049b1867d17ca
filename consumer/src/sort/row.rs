//! Records as rows of bytes: what sorting moves about.
//!
//! A sort by columns would fetch each field of each record from another place; a row is fetched once, and moved by a
//! plain copy from memory to a run, from run to run, and into the result, whose columns are views into the rows.
//!
//! ```text
//! row   = nulls (a bit a field) | for each field: bool 1, int and float 8, time 12, length of text 4 | the texts
//! ```

use std::sync::Arc;

use bytes::Bytes;
use recpipe::{Batch, Bits, Column, Error, Ints, Origin, Schema, Text, Type, record::column};

use crate::expr::{Values, Vector};

/// How the records of a schema lie in rows.
#[derive(Debug)]
pub struct RowFormat {
    schema: Arc<Schema>,
    /// Where each field begins.
    places: Vec<usize>,
    /// Bytes before the texts.
    fixed: usize,
}

impl RowFormat {
    /// For the records of this schema.
    pub fn new(schema: Arc<Schema>) -> Self {
        let mut fixed = schema.len().div_ceil(8);
        let mut places = Vec::with_capacity(schema.len());
        for field in schema.fields() {
            places.push(fixed);
            fixed += match field.kind {
                Type::Null | Type::Mixed => 0,
                Type::Bool => 1,
                Type::Int | Type::Float => 8,
                Type::Time => 12,
                Type::Text => 4,
            };
        }
        RowFormat { schema, places, fixed }
    }

    /// The columns of a batch, as [`RowFormat::write`] wants them.
    pub fn columns(batch: &Batch) -> Vec<Vector> {
        batch.columns().iter().map(|column| Vector::from_column(column, batch)).collect()
    }

    /// The bytes that a row takes.
    #[inline]
    pub fn len_of(&self, columns: &[Vector], row: usize) -> usize {
        let texts = columns.iter().map(|column| match &column.values {
            Values::Text(texts) if !column.is_null(row) => texts.views.get(row).1 as usize,
            _ => 0,
        });
        self.fixed + texts.sum::<usize>()
    }

    /// Writes a row.
    #[inline]
    pub fn write(&self, columns: &[Vector], row: usize, out: &mut Vec<u8>) {
        let from = out.len();
        out.resize(from + self.fixed, 0);
        for (field, (column, &at)) in columns.iter().zip(&self.places).enumerate() {
            let at = from + at;
            if column.is_null(row) {
                out[from + field / 8] |= 1 << (field % 8);
                continue;
            }
            match &column.values {
                Values::Null | Values::Wide(_) | Values::Mixed(_) => {}
                Values::Bool(values) => out[at] = u8::from(values.get(row)),
                Values::Int(values) => out[at..at + 8].copy_from_slice(&values.get(row).to_le_bytes()),
                Values::Float(values) => out[at..at + 8].copy_from_slice(&values.get(row).to_le_bytes()),
                Values::Time(values) => {
                    let time = values.get(row);
                    out[at..at + 8].copy_from_slice(&time.nanos.to_le_bytes());
                    out[at + 8..at + 12].copy_from_slice(&time.offset_s.to_le_bytes());
                }
                Values::Text(texts) => {
                    let text = texts.get(row);
                    out[at..at + 4].copy_from_slice(&(text.len() as u32).to_le_bytes());
                    out.extend_from_slice(text);
                }
            }
        }
    }

    /// The records of the rows that begin at `starts` in `block`.
    ///
    /// # Errors
    /// [`Error::Data`] when they are no rows of this format.
    pub fn read(&self, block: Bytes, starts: &[u32]) -> Result<Batch, Error> {
        let wrong = || Error::Data("rows are not as they were written".to_owned());
        if starts.iter().any(|&start| start as usize + self.fixed > block.len()) {
            return Err(wrong());
        }
        let rows = starts.len();
        let anchors = Ints::pack(starts);
        let mut text_at = vec![self.fixed as i64; rows];
        let mut columns = Vec::with_capacity(self.places.len());
        for (i, (field, &at)) in self.schema.fields().iter().zip(&self.places).enumerate() {
            let values = match field.kind {
                Type::Null | Type::Mixed => column::Values::Null(rows),
                Type::Bool => column::Values::Bool(Ints::pack(&fetch(&block, starts, at, |[byte]: &[u8; 1]| *byte))),
                Type::Int => column::Values::Int(Ints::pack(&fetch(&block, starts, at, |bytes| i64::from_le_bytes(*bytes)))),
                Type::Float => column::Values::Float(Ints::pack(&fetch(&block, starts, at, |bytes| i64::from_le_bytes(*bytes)))),
                Type::Time => column::Values::Time {
                    nanos: Ints::pack(&fetch(&block, starts, at, |bytes| i64::from_le_bytes(*bytes))),
                    offset_s: Ints::pack(&fetch(&block, starts, at + 8, |bytes| i32::from_le_bytes(*bytes))),
                },
                Type::Text => {
                    let lens = fetch(&block, starts, at, |bytes| u32::from_le_bytes(*bytes));
                    let views = Ints::pack(&text_at);
                    text_at.iter_mut().zip(&lens).for_each(|(at, &len)| *at += i64::from(len));
                    column::Values::Text(Text::new(block.clone(), Some(anchors.clone()), views, Ints::pack(&lens)).ok_or_else(wrong)?)
                }
            };
            let nulls = Bits::collect(rows, |row| block[starts[row] as usize + i / 8] >> (i % 8) & 1 == 1);
            columns.push(Column::new(values).with_nulls(nulls));
        }
        Batch::new(self.schema.clone(), columns, rows, Origin::default())
    }
}

/// The numbers of `N` bytes at a place in each row.
fn fetch<const N: usize, T>(block: &[u8], starts: &[u32], at: usize, number: impl Fn(&[u8; N]) -> T) -> Vec<T> {
    const { assert!(N > 0) };
    let one = |&start: &u32| block[start as usize + at..].first_chunk::<N>().map(&number);
    // Within the bytes before the texts, which every row has.
    starts.iter().filter_map(one).collect()
}
