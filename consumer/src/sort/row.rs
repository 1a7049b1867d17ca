//! Records as rows of bytes: what sorting moves about.
//!
//! A sort by columns would fetch each field of each record from another place; a row is fetched once, and moved by a
//! plain copy from memory to a run, from run to run, and into the result, whose columns are views into the rows.
//!
//! ```text
//! row    = nulls (a bit a field) | for each field: bool 1, int and float 8, time 12, length of text or open value 4 | their bytes
//! ```
//!
//! The rows of a schema that grows say more: which fields are missing, and what their records have in later ones.
//!
//! ```text
//! row    = nulls | missing (a bit a field) | the fields | length of the late ones 4 | bytes of texts and open values | late*
//! late   = length of the name 4 | name | 0 for null, or 1 | value
//! ```

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use recpipe::{Batch, Bits, Column, ColumnBuilder, Error, Field, Origin, PackedInts, Schema, Text, Type, Value, record::column};

use super::cell;
use crate::expr::{Values, Vector};

/// How the records of a schema lie in rows.
#[derive(Debug)]
pub struct RowFormat {
    schema: Arc<Schema>,
    /// Where each field begins.
    places: Vec<usize>,
    /// Where the length of late fields stands, of a schema that grows.
    late_at: Option<usize>,
    /// Bytes before the texts.
    fixed: usize,
    /// The late fields of all that was written, where what is read is to have all of them.
    settled: Option<Vec<String>>,
}

/// The columns of a batch, unpacked, as [`RowFormat::write`] wants them.
pub struct RowColumns<'b> {
    batch: &'b Batch,
    known: Vec<Vector>,
    late: Vec<(&'b str, &'b Column, Vector)>,
    /// The bytes of the open values and the late ones of the row that [`RowFormat::len_of`] was asked for last.
    open: Vec<Vec<u8>>,
    tail: Vec<u8>,
}

impl RowFormat {
    /// For the records of this schema, and with later fields if it grows.
    pub fn new(schema: Arc<Schema>) -> Self {
        let bits = schema.len().div_ceil(8);
        let mut fixed = if schema.grows() { 2 * bits } else { bits };
        let mut places = Vec::with_capacity(schema.len());
        for field in schema.fields() {
            places.push(fixed);
            fixed += match (field.open, field.kind) {
                (true, _) | (_, Type::Text | Type::Mixed) => 4,
                (_, Type::Null) => 0,
                (_, Type::Bool) => 1,
                (_, Type::Int | Type::Float) => 8,
                (_, Type::Time) => 12,
            };
        }
        let late_at = schema.grows().then_some(fixed);
        fixed += late_at.map_or(0, |_| 4);
        RowFormat { schema, places, late_at, fixed, settled: None }
    }

    /// What is read has the late fields of all that was written, and not only those of its own records.
    pub fn settled(self) -> Self {
        RowFormat { settled: Some(Vec::new()), ..self }
    }

    /// Notes the fields of what is written.
    pub fn note(&mut self, batch: &Batch) {
        if let Some(late) = self.settled.as_mut().filter(|_| self.late_at.is_some()) {
            let new = batch.schema().names().skip(self.schema.len()).filter(|name| !late.iter().any(|known| known == name));
            let new: Vec<String> = new.map(str::to_owned).collect();
            late.extend(new);
        }
    }

    /// The columns of a batch of this schema; those after its fields are late.
    pub fn columns<'b>(&self, batch: &'b Batch) -> RowColumns<'b> {
        let unpack = |column: &Column| Vector::from_column(column, batch);
        let known: Vec<Vector> = batch.columns().iter().take(self.schema.len()).map(unpack).collect();
        let late = batch.schema().names().zip(batch.columns()).skip(self.schema.len()).filter(|_| self.schema.grows());
        let late = late.map(|(name, column)| (name, column, unpack(column))).collect();
        let open = vec![Vec::new(); known.len()];
        RowColumns { batch, known, late, open, tail: Vec::new() }
    }

    /// The bytes that a row takes. Ask for it before it is written.
    #[inline]
    pub(crate) fn len_of(&self, columns: &mut RowColumns<'_>, row: usize) -> usize {
        let mut len = self.fixed;
        let fields = self.schema.fields().iter().zip(&columns.known).zip(&mut columns.open);
        for ((field, column), open) in fields {
            match &column.values {
                _ if column.is_null(row) => {}
                _ if field.open => {
                    open.clear();
                    cell::write(Type::Mixed, column.value(row), open);
                    len += open.len();
                }
                Values::Text(texts) => len += texts.views.get(row).1 as usize,
                _ => {}
            }
        }
        columns.tail.clear();
        for (name, column, values) in &columns.late {
            let is_null = values.is_null(row);
            if is_null && column.is_missing(columns.batch.physical(row)) {
                continue;
            }
            columns.tail.extend_from_slice(&(name.len() as u32).to_le_bytes());
            columns.tail.extend_from_slice(name.as_bytes());
            columns.tail.push(u8::from(!is_null));
            cell::write(Type::Mixed, values.value(row), &mut columns.tail);
        }
        len + columns.tail.len()
    }

    /// Writes the row that `RowFormat::len_of` was asked for last.
    #[inline]
    pub fn write(&self, columns: &RowColumns<'_>, row: usize, out: &mut Vec<u8>) {
        let from = out.len();
        out.resize(from + self.fixed, 0);
        for (i, (field, column)) in self.schema.fields().iter().zip(&columns.known).enumerate() {
            let at = from + self.places[i];
            if column.is_null(row) {
                out[from + i / 8] |= 1 << (i % 8);
                if self.late_at.is_some() && columns.batch.column(i).is_missing(columns.batch.physical(row)) {
                    out[from + self.schema.len().div_ceil(8) + i / 8] |= 1 << (i % 8);
                }
                continue;
            }
            if field.open {
                out[at..at + 4].copy_from_slice(&(columns.open[i].len() as u32).to_le_bytes());
                out.extend_from_slice(&columns.open[i]);
                continue;
            }
            match &column.values {
                // A closed field has values of one type, and ints of 64 bits.
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
        if let Some(at) = self.late_at {
            out[from + at..from + at + 4].copy_from_slice(&(columns.tail.len() as u32).to_le_bytes());
            out.extend_from_slice(&columns.tail);
        }
    }

    /// The records of the rows that begin at `starts` in `block`.
    ///
    /// # Errors
    /// [`Error::Data`] when they are no rows of this format.
    pub fn read(&self, block: Bytes, starts: &[u32]) -> Result<Batch, Error> {
        if starts.iter().any(|&start| start as usize + self.fixed > block.len()) {
            return Err(wrong());
        }
        let rows = starts.len();
        let anchors = PackedInts::pack(starts);
        let bit = |row: usize, bytes: usize, i: usize| block[starts[row] as usize + bytes + i / 8] >> (i % 8) & 1 == 1;
        let mut text_at = vec![self.fixed as i64; rows];
        let mut columns = Vec::with_capacity(self.places.len());
        for (i, (field, &at)) in self.schema.fields().iter().zip(&self.places).enumerate() {
            let nulls = Bits::collect(rows, |row| bit(row, 0, i));
            let mut lens = || {
                let lens = fetch(&block, starts, at, |bytes| u32::from_le_bytes(*bytes));
                let from = text_at.clone();
                text_at.iter_mut().zip(&lens).for_each(|(at, &len)| *at += i64::from(len));
                (from, lens)
            };
            let values = match field.kind {
                _ if field.open => {
                    let (from, lens) = lens();
                    let value = |row: usize| slice(&block, i64::from(starts[row]) + from[row], lens[row]);
                    columns.push(open_column(rows, |row| nulls.as_ref().is_some_and(|nulls| nulls.get(row)), value)?);
                    if self.late_at.is_some() {
                        let missing = Bits::collect(rows, |row| bit(row, self.schema.len().div_ceil(8), i));
                        columns[i] = columns[i].clone().with_missing(missing);
                    }
                    continue;
                }
                Type::Null | Type::Mixed => column::Values::Null(rows),
                Type::Bool => column::Values::Bool(PackedInts::pack(&fetch(&block, starts, at, |[byte]: &[u8; 1]| *byte))),
                Type::Int => column::Values::Int(PackedInts::pack(&fetch(&block, starts, at, |bytes| i64::from_le_bytes(*bytes)))),
                Type::Float => column::Values::Float(PackedInts::pack(&fetch(&block, starts, at, |bytes| i64::from_le_bytes(*bytes)))),
                Type::Time => column::Values::Time {
                    nanos: PackedInts::pack(&fetch(&block, starts, at, |bytes| i64::from_le_bytes(*bytes))),
                    offset_s: PackedInts::pack(&fetch(&block, starts, at + 8, |bytes| i32::from_le_bytes(*bytes))),
                },
                Type::Text => {
                    let (from, lens) = lens();
                    let text = Text::new(block.clone(), Some(anchors.clone()), PackedInts::pack(&from), PackedInts::pack(&lens));
                    column::Values::Text(text.ok_or_else(wrong)?)
                }
            };
            let missing = self.late_at.and_then(|_| Bits::collect(rows, |row| bit(row, self.schema.len().div_ceil(8), i)));
            columns.push(Column::new(values).with_nulls(nulls).with_missing(missing));
        }
        let schema = match self.late_at {
            Some(at) => self.read_late(&block, starts, at, &text_at, &mut columns)?,
            None => self.schema.clone(),
        };
        Batch::new(schema, columns, rows, Origin::default())
    }

    /// Adds the columns of late fields; gives the schema with them.
    fn read_late(
        &self,
        block: &Bytes,
        starts: &[u32],
        at: usize,
        text_at: &[i64],
        columns: &mut Vec<Column>,
    ) -> Result<Arc<Schema>, Error> {
        let lens = fetch(block, starts, at, |bytes| u32::from_le_bytes(*bytes));
        let mut names: Vec<&str> = self.settled.iter().flatten().map(String::as_str).collect();
        if names.is_empty() && lens.iter().all(|&len| len == 0) {
            return Ok(self.schema.clone());
        }
        let mut places: HashMap<&str, usize> = names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        let mut builders: Vec<ColumnBuilder> = names.iter().map(|_| ColumnBuilder::new(Type::Mixed)).collect();
        for (row, &start) in starts.iter().enumerate() {
            let mut rest = slice(block, i64::from(start) + text_at[row], lens[row])?;
            while !rest.is_empty() {
                let len = take(&mut rest, 4)?.first_chunk().map_or(0, |len| u32::from_le_bytes(*len));
                let name = std::str::from_utf8(take(&mut rest, len as usize)?).map_err(|_| wrong())?;
                let place = *places.entry(name).or_insert_with(|| {
                    names.push(name);
                    builders.push(ColumnBuilder::new(Type::Mixed));
                    names.len() - 1
                });
                let builder = &mut builders[place];
                (builder.len()..row).try_for_each(|_| builder.push_missing())?;
                builder.push(match take(&mut rest, 1)? {
                    [0] => Value::Null,
                    _ => cell::read(Type::Mixed, &mut rest).map_err(|_| wrong())?,
                })?;
            }
        }
        for mut builder in builders {
            (builder.len()..starts.len()).try_for_each(|_| builder.push_missing())?;
            columns.push(builder.finish());
        }
        let late = names.iter().map(|name| Field::open(*name, Type::Mixed));
        Ok(Arc::new(self.schema.with_fields(self.schema.fields().iter().cloned().chain(late).collect())?))
    }
}

fn wrong() -> Error {
    Error::Data("rows are not as they were written".to_owned())
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], Error> {
    let (first, rest) = bytes.split_at_checked(len).ok_or_else(wrong)?;
    *bytes = rest;
    Ok(first)
}

/// So many bytes from a place.
fn slice(block: &[u8], from: i64, len: u32) -> Result<&[u8], Error> {
    let from = usize::try_from(from).map_err(|_| wrong())?;
    block.get(from..).and_then(|rest| rest.get(..len as usize)).ok_or_else(wrong)
}

/// A column of values of any types.
fn open_column<'b>(
    rows: usize,
    is_null: impl Fn(usize) -> bool,
    bytes: impl Fn(usize) -> Result<&'b [u8], Error>,
) -> Result<Column, Error> {
    let mut builder = ColumnBuilder::new(Type::Mixed);
    for row in 0..rows {
        if is_null(row) {
            builder.push(Value::Null)?;
        } else {
            builder.push(cell::read(Type::Mixed, &mut bytes(row)?).map_err(|_| wrong())?)?;
        }
    }
    Ok(builder.finish())
}

/// The numbers of `N` bytes at a place in each row.
fn fetch<const N: usize, T>(block: &[u8], starts: &[u32], at: usize, number: impl Fn(&[u8; N]) -> T) -> Vec<T> {
    const { assert!(N > 0) };
    let one = |&start: &u32| block[start as usize + at..].first_chunk::<N>().map(&number);
    // Within the bytes before the texts, which every row has.
    starts.iter().filter_map(one).collect()
}
