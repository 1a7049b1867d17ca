//! Columns and batches built value by value: for results, for tests, and for formats that have no faster way.

use std::sync::Arc;

use super::{Batch, Bits, Column, Ints, Origin, Schema, Text, Type, Value, column::Values};
use crate::Error;

/// Builds one column of a given type, value by value.
///
/// Text is copied into one buffer; a parser that has the text in a block makes [`Text`] views of it instead.
#[derive(Debug)]
pub struct ColumnBuilder {
    kind: Type,
    numbers: Vec<i64>,
    offsets_s: Vec<i32>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
    nulls: Vec<bool>,
}

impl ColumnBuilder {
    /// An empty column of this type.
    pub fn new(kind: Type) -> Self {
        ColumnBuilder { kind, numbers: Vec::new(), offsets_s: Vec::new(), ends: Vec::new(), bytes: Vec::new(), nulls: Vec::new() }
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        self.nulls.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.nulls.is_empty()
    }

    /// The bytes of text it holds.
    pub fn text_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a value. An integer is taken by a float column.
    ///
    /// # Errors
    /// [`Error::Schema`] when the value is of another type, or the text of one column would pass 4 GiB.
    pub fn push(&mut self, value: Value<'_>) -> Result<(), Error> {
        match (self.kind, value) {
            (_, Value::Null) => self.push_number(0),
            (Type::Bool, Value::Bool(value)) => self.push_number(i64::from(value)),
            (Type::Int, Value::Int(value)) => self.push_number(value),
            (Type::Float, Value::Float(value)) => self.push_number(value.to_bits() as i64),
            (Type::Float, Value::Int(value)) => self.push_number((value as f64).to_bits() as i64),
            (Type::Time, Value::Time(value)) => {
                self.numbers.push(value.nanos);
                self.offsets_s.push(value.offset_s);
            }
            (Type::Text, Value::Text(text)) => {
                self.bytes.extend_from_slice(text);
                let end = u32::try_from(self.bytes.len()).map_err(|_| Error::Schema("more than 4 GiB of text in one column".into()))?;
                self.ends.push(end);
            }
            (kind, value) => return Err(Error::Schema(format!("a {} in a column of {kind}", value.kind()))),
        }
        self.nulls.push(matches!(value, Value::Null));
        Ok(())
    }

    fn push_number(&mut self, number: i64) {
        match self.kind {
            Type::Text => self.ends.push(self.ends.last().copied().unwrap_or(0)),
            Type::Time => {
                self.numbers.push(number);
                self.offsets_s.push(0);
            }
            Type::Null => {}
            Type::Bool | Type::Int | Type::Float => self.numbers.push(number),
        }
    }

    /// The column; the builder is empty again.
    pub fn finish(&mut self) -> Column {
        let ColumnBuilder { kind, numbers, offsets_s, ends, bytes, nulls } = std::mem::replace(self, ColumnBuilder::new(self.kind));
        let values = match kind {
            Type::Null => Values::Null(nulls.len()),
            Type::Bool => Values::Bool(Ints::pack(&numbers)),
            Type::Int => Values::Int(Ints::pack(&numbers)),
            Type::Float => Values::Float(Ints::pack(&numbers)),
            Type::Time => Values::Time { nanos: Ints::pack(&numbers), offset_s: Ints::pack(&offsets_s) },
            Type::Text => {
                let starts: Vec<u32> = std::iter::once(0).chain(ends.iter().copied()).take(ends.len()).collect();
                let lens: Vec<u32> = starts.iter().zip(&ends).map(|(start, end)| end - start).collect();
                // Ends ascend and the last is the length of the bytes, so every view lies within.
                Text::new(bytes.into(), None, Ints::pack(&starts), Ints::pack(&lens)).map_or(Values::Null(nulls.len()), Values::Text)
            }
        };
        Column::new(values).with_nulls(Bits::collect(nulls.len(), |row| nulls[row]))
    }
}

/// Builds a batch record by record.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use recpipe::{BatchBuilder, Field, Schema, Type, Value};
///
/// let schema = Arc::new(Schema::new(vec![Field::new("host", Type::Text), Field::new("bytes", Type::Int)])?);
/// let mut builder = BatchBuilder::new(schema);
/// builder.push(&[Value::Text(b"10.0.0.1"), Value::Int(512)])?;
/// builder.push(&[Value::Text(b"10.0.0.2"), Value::Null])?;
/// let batch = builder.finish()?;
/// assert_eq!(batch.row(0).get("bytes"), Some(Value::Int(512)));
/// assert_eq!(batch.row(1).get("bytes"), Some(Value::Null));
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Debug)]
pub struct BatchBuilder {
    schema: Arc<Schema>,
    columns: Vec<ColumnBuilder>,
    rows: usize,
}

impl BatchBuilder {
    /// An empty batch of this schema.
    pub fn new(schema: Arc<Schema>) -> Self {
        let columns = schema.fields().iter().map(|field| ColumnBuilder::new(field.kind)).collect();
        BatchBuilder { schema, columns, rows: 0 }
    }

    /// The number of records so far.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no record yet.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The bytes of text so far.
    pub fn text_bytes(&self) -> usize {
        self.columns.iter().map(ColumnBuilder::text_bytes).sum()
    }

    /// Adds a record: one value a field.
    ///
    /// # Errors
    /// [`Error::Schema`] when the values do not fit the fields; the builder is then of no use any more.
    pub fn push(&mut self, values: &[Value<'_>]) -> Result<(), Error> {
        if values.len() != self.columns.len() {
            return Err(Error::Schema(format!("{} values for {} fields", values.len(), self.columns.len())));
        }
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(*value)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// The batch; the builder is empty again.
    ///
    /// # Errors
    /// [`Error::Schema`] when an earlier [`BatchBuilder::push`] failed half-way.
    pub fn finish(&mut self) -> Result<Batch, Error> {
        let columns = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        Batch::new(self.schema.clone(), columns, std::mem::take(&mut self.rows), Origin::default())
    }
}

#[cfg(test)]
mod tests {
    use super::ColumnBuilder;
    use crate::record::{Time, Type, Value};

    #[test]
    fn keeps_values_and_nulls_of_every_type() {
        let time = Value::Time(Time { nanos: 5, offset_s: 3600 });
        let check = |kind, values: &[Value<'_>]| {
            let mut builder = ColumnBuilder::new(kind);
            for value in values {
                builder.push(*value).unwrap();
            }
            let column = builder.finish();
            assert_eq!((0..column.len()).map(|row| column.value(row)).collect::<Vec<_>>(), values);
            assert!(builder.is_empty());
        };
        check(Type::Null, &[Value::Null, Value::Null]);
        check(Type::Bool, &[Value::Bool(true), Value::Null, Value::Bool(false)]);
        check(Type::Int, &[Value::Int(i64::MIN), Value::Null, Value::Int(i64::MAX)]);
        check(Type::Float, &[Value::Float(1.5), Value::Null, Value::Float(f64::NAN)]);
        check(Type::Time, &[time, Value::Null, time]);
        check(Type::Text, &[Value::Text(b"a"), Value::Null, Value::Text(b""), Value::Text(b"\xff\n")]);
        assert!(ColumnBuilder::new(Type::Int).push(Value::Text(b"1")).is_err());
    }
}
