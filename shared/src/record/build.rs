//! Columns and batches built value by value: for results, for tests, and for formats that have no faster way.

use std::sync::Arc;

use super::{
    Batch, Bits, Column, Field, Origin, PackedInts, Schema, Text, Type, Value,
    column::{Values, halves},
};
use crate::Error;

/// Builds one column of a given type, value by value.
///
/// One of the type [`Type::Mixed`] takes values of any type, and gives a column of the only type that there was, if there was
/// only one. Text is copied into one buffer; a parser that has the text in a block makes [`Text`] views of it instead.
///
/// # Examples
/// ```
/// use recpipe::{ColumnBuilder, Type, Value};
///
/// let mut builder = ColumnBuilder::new(Type::Mixed);
/// builder.push(3.into())?;
/// builder.push("n/a".into())?;
/// builder.push(Value::Null)?;
/// let column = builder.finish();
/// assert_eq!(column.value(1), Value::from("n/a"));
/// assert!(column.is_null(2));
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Debug)]
pub struct ColumnBuilder {
    kind: Type,
    numbers: Vec<i64>,
    /// Of ints, the upper halves, once there was one that 64 bits do not hold.
    highs: Vec<i64>,
    offsets_s: Vec<i32>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// Of mixed values, one for each type there was; each as long as the rows up to its last value.
    parts: Vec<ColumnBuilder>,
    nulls: Vec<bool>,
    missing: Vec<u32>,
}

impl ColumnBuilder {
    /// An empty column of this type.
    pub fn new(kind: Type) -> Self {
        ColumnBuilder {
            kind,
            numbers: Vec::new(),
            highs: Vec::new(),
            offsets_s: Vec::new(),
            ends: Vec::new(),
            bytes: Vec::new(),
            parts: Vec::new(),
            nulls: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// An empty column for the values of this field: of its type, or of any where it is open.
    pub fn of(field: &Field) -> Self {
        ColumnBuilder::new(if field.open { Type::Mixed } else { field.kind })
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
        self.bytes.len() + self.parts.iter().map(ColumnBuilder::text_bytes).sum::<usize>()
    }

    /// Adds a value. An integer is taken by a float column.
    ///
    /// # Errors
    /// [`Error::Schema`] when the value is of another type, or the text of one column would pass 4 GiB.
    pub fn push(&mut self, value: Value<'_>) -> Result<(), Error> {
        match (self.kind, value) {
            (Type::Mixed, Value::Null) => {}
            (Type::Mixed, value) => self.push_mixed(value)?,
            (_, Value::Null) => self.push_number(0),
            (Type::Bool, Value::Bool(value)) => self.push_number(i64::from(value)),
            (Type::Int, Value::Int(value)) => self.push_int(value),
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

    /// Adds a row whose record does not have the field.
    ///
    /// # Errors
    /// As for [`ColumnBuilder::push`].
    pub fn push_missing(&mut self) -> Result<(), Error> {
        self.missing.push(self.len() as u32);
        self.push(Value::Null)
    }

    fn push_mixed(&mut self, value: Value<'_>) -> Result<(), Error> {
        let kind = value.kind();
        let place = self.parts.iter().position(|part| part.kind == kind).unwrap_or_else(|| {
            self.parts.push(ColumnBuilder::new(kind));
            self.parts.len() - 1
        });
        let (part, rows) = (&mut self.parts[place], self.nulls.len());
        part.pad(rows)?;
        part.push(value)
    }

    /// What is lacking of so many rows is null.
    fn pad(&mut self, rows: usize) -> Result<(), Error> {
        (self.len()..rows).try_for_each(|_| self.push(Value::Null))
    }

    fn push_int(&mut self, value: i128) {
        let (high, low) = halves(value);
        if self.highs.is_empty() && i64::try_from(value).is_err() {
            self.highs = self.numbers.iter().map(|number| number >> 63).collect();
            self.highs.push(high);
        } else if !self.highs.is_empty() {
            self.highs.push(high);
        }
        self.numbers.push(low);
    }

    fn push_number(&mut self, number: i64) {
        match self.kind {
            Type::Text => self.ends.push(self.ends.last().copied().unwrap_or(0)),
            Type::Time => {
                self.numbers.push(number);
                self.offsets_s.push(0);
            }
            Type::Int => self.push_int(i128::from(number)),
            Type::Null | Type::Mixed => {}
            Type::Bool | Type::Float => self.numbers.push(number),
        }
    }

    /// The column; the builder is empty again.
    pub fn finish(&mut self) -> Column {
        let ColumnBuilder { kind, numbers, highs, offsets_s, ends, bytes, parts, nulls, missing } =
            std::mem::replace(self, ColumnBuilder::new(self.kind));
        let rows = nulls.len();
        let mut absent = vec![false; rows];
        missing.iter().for_each(|&row| absent[row as usize] = true);
        let missing = if missing.is_empty() { None } else { Bits::collect(rows, |row| absent[row]) };
        let values = match kind {
            Type::Null => Values::Null(rows),
            Type::Bool => Values::Bool(PackedInts::pack(&numbers)),
            Type::Int if highs.is_empty() => Values::Int(PackedInts::pack(&numbers)),
            Type::Int => Values::Wide { high: PackedInts::pack(&highs), low: PackedInts::pack(&numbers) },
            Type::Float => Values::Float(PackedInts::pack(&numbers)),
            Type::Time => Values::Time { nanos: PackedInts::pack(&numbers), offset_s: PackedInts::pack(&offsets_s) },
            Type::Text => {
                let starts: Vec<u32> = std::iter::once(0).chain(ends.iter().copied()).take(ends.len()).collect();
                let lens: Vec<u32> = starts.iter().zip(&ends).map(|(start, end)| end - start).collect();
                // Ends ascend and the last is the length of the bytes, so every view lies within.
                Text::new(bytes.into(), None, PackedInts::pack(&starts), PackedInts::pack(&lens)).map_or(Values::Null(rows), Values::Text)
            }
            Type::Mixed => {
                let finish = |mut part: ColumnBuilder| {
                    // A null needs no room that could be lacking.
                    let _ = part.pad(rows);
                    part.finish()
                };
                let Some(column) = Column::of_parts(parts.into_iter().map(finish).collect(), rows) else {
                    unreachable!("each type has one part, and each value was pushed into one of them");
                };
                return column.with_missing(missing);
            }
        };
        Column::new(values).with_nulls(Bits::collect(rows, |row| nulls[row])).with_missing(missing)
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
        let columns = schema.fields().iter().map(ColumnBuilder::of).collect();
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

    /// The schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Adds one value of the record that [`BatchBuilder::end_record`] ends, which must be there once at most.
    pub(crate) fn push_value(&mut self, place: usize, value: Value<'_>) -> Result<(), Error> {
        let column = &mut self.columns[place];
        if column.len() != self.rows {
            return Err(Error::Schema(format!("the field `{}` stands twice in one record", self.schema.fields()[place].name)));
        }
        column.push(value)
    }

    /// Ends a record that was begun by [`BatchBuilder::push_value`]: fields without a value are null.
    pub(crate) fn end_record(&mut self) -> Result<(), Error> {
        self.rows += 1;
        self.columns.iter_mut().try_for_each(|column| column.pad(self.rows))
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
        check(Type::Int, &[Value::Int(i128::from(i64::MIN)), Value::Null, Value::Int(i128::from(i64::MAX))]);
        check(Type::Int, &[Value::Int(-1), Value::Null, Value::Int(i128::MAX), Value::Int(-5), Value::Int(1 << 63), Value::Null]);
        check(Type::Mixed, &[Value::Null, Value::Int(1), Value::Text(b"a"), Value::Float(1.0), Value::Bool(true), time, Value::Null]);
        check(Type::Mixed, &[Value::Null, Value::Int(1 << 70), Value::Int(2), Value::Null]);
        check(Type::Mixed, &[Value::Null, Value::Null]);
        check(Type::Float, &[Value::Float(1.5), Value::Null, Value::Float(f64::NAN)]);
        check(Type::Time, &[time, Value::Null, time]);
        check(Type::Text, &[Value::Text(b"a"), Value::Null, Value::Text(b""), Value::Text(b"\xff\n")]);
        assert!(ColumnBuilder::new(Type::Int).push(Value::Text(b"1")).is_err());
    }

    #[test]
    fn one_type_makes_no_mixed_column() {
        let mut builder = ColumnBuilder::new(Type::Mixed);
        for value in [Value::Null, Value::Text(b"a"), Value::Null] {
            builder.push(value).unwrap();
        }
        builder.push_missing().unwrap();
        let column = builder.finish();
        assert_eq!((column.kind(), column.len()), (Type::Text, 4));
        assert_eq!((0..4).map(|row| column.is_missing(row)).collect::<Vec<_>>(), [false, false, false, true]);
    }
}
