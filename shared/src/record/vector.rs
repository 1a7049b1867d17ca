//! What an expression gives for a batch: plain arrays, or one value for all rows.

use bytes::Bytes;

use super::{
    Batch, Bits, Column, ColumnBuilder, Ints, Text, Time, Type, Value,
    column::{self, halves},
};
use crate::Error;

/// One value for each selected row of a batch.
#[derive(Clone, Debug)]
pub struct Vector {
    /// How many rows it has.
    pub len: usize,
    /// The values. What stands at a null row is unspecified but valid.
    pub values: Values,
    /// Which rows are null, one answer a row; `None` when none is (of [`Values::Null`], all are).
    pub nulls: Option<Vec<bool>>,
}

/// The values of a vector, by type.
#[derive(Clone, Debug)]
pub enum Values {
    /// Nothing but nulls.
    Null,
    /// True or false.
    Bool(Operand<bool>),
    /// Whole numbers of 64 bits.
    Int(Operand<i64>),
    /// Whole numbers of 128 bits.
    Wide(Operand<i128>),
    /// Floats.
    Float(Operand<f64>),
    /// Moments.
    Time(Operand<Time>),
    /// Text.
    Text(Texts),
    /// Values of several types, as [`Column::mixed`]: a row has the value of the one part in which it is not null.
    Mixed(Vec<Vector>),
}

/// A value that all rows have, or one for each: constants are never spread out.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand<T> {
    /// The same for all rows.
    One(T),
    /// One a row.
    Each(Vec<T>),
}

/// Text as views into one buffer.
#[derive(Clone, Debug)]
pub struct Texts {
    /// What the views lie in: the batch's own bytes, or a buffer made for the result.
    pub bytes: Bytes,
    /// Start and length; all within [`Texts::bytes`].
    pub views: Operand<(u32, u32)>,
}

impl<T: Copy> Operand<T> {
    /// The value of a row.
    ///
    /// # Panics
    /// When `row` is beyond the end of [`Operand::Each`].
    #[inline]
    pub fn get(&self, row: usize) -> T {
        match self {
            Operand::One(value) => *value,
            Operand::Each(values) => values[row],
        }
    }

    /// The results of `f` on each value, in order.
    #[inline]
    pub fn map<R>(&self, mut f: impl FnMut(T) -> R) -> Operand<R> {
        match self {
            Operand::One(value) => Operand::One(f(*value)),
            Operand::Each(values) => Operand::Each(values.iter().map(|&value| f(value)).collect()),
        }
    }

    /// The results of `f` on the values of both, row by row; one loop for each way of being constant.
    #[inline]
    pub fn zip<U: Copy, R>(&self, other: &Operand<U>, mut f: impl FnMut(T, U) -> R) -> Operand<R> {
        match (self, other) {
            (Operand::One(a), Operand::One(b)) => Operand::One(f(*a, *b)),
            (Operand::Each(a), Operand::One(b)) => Operand::Each(a.iter().map(|&a| f(a, *b)).collect()),
            (Operand::One(a), Operand::Each(b)) => Operand::Each(b.iter().map(|&b| f(*a, b)).collect()),
            (Operand::Each(a), Operand::Each(b)) => Operand::Each(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()),
        }
    }

    /// One value for each of `len` rows.
    pub fn into_vec(self, len: usize) -> Vec<T> {
        match self {
            Operand::One(value) => vec![value; len],
            Operand::Each(values) => values,
        }
    }

    /// One value for each of `physical` rows: the values at these rows, `fill` elsewhere.
    fn scatter(&self, rows: Option<&[u32]>, physical: usize, fill: T) -> Operand<T> {
        match (self, rows) {
            (Operand::Each(values), Some(rows)) => {
                let mut out = vec![fill; physical];
                for (&row, &value) in rows.iter().zip(values) {
                    out[row as usize] = value;
                }
                Operand::Each(out)
            }
            _ => self.clone(),
        }
    }
}

impl Operand<bool> {
    /// The records of `batch` for which it is true, one answer a record.
    ///
    /// # Panics
    /// When there are more answers than records, or fewer.
    pub fn filter(&self, batch: Batch) -> Batch {
        match self {
            Operand::One(true) => batch,
            Operand::One(false) => batch.head(0),
            Operand::Each(keep) => batch.filter(keep),
        }
    }
}

impl Texts {
    /// The same text for all rows.
    pub fn constant(text: &[u8]) -> Self {
        let bytes = Bytes::copy_from_slice(text);
        // A query is not 4 GiB long.
        Texts { views: Operand::One((0, bytes.len() as u32)), bytes }
    }

    /// The text that a view shows.
    #[inline]
    pub fn slice(&self, (start, len): (u32, u32)) -> &[u8] {
        &self.bytes[start as usize..start as usize + len as usize]
    }

    /// The text of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        self.slice(self.views.get(row))
    }
}

impl Vector {
    /// `len` nulls.
    pub fn null(len: usize) -> Self {
        Vector { len, values: Values::Null, nulls: None }
    }

    /// `len` rows of these.
    pub fn bools(len: usize, values: Operand<bool>) -> Self {
        Vector { len, values: Values::Bool(values), nulls: None }
    }

    /// The selected rows of a column of the batch, unpacked.
    pub fn from_column(column: &Column, batch: &Batch) -> Self {
        Vector::from_rows(column, batch.selection())
    }

    /// The rows of this list of a column, or all of them, unpacked.
    ///
    /// # Panics
    /// When a row is not below [`Column::len`].
    pub fn from_rows(column: &Column, rows: Option<&[u32]>) -> Self {
        let len = rows.map_or(column.len(), <[u32]>::len);
        let unpack = |ints: &Ints| match (ints.as_constant(), rows) {
            (Some(value), _) => Operand::One(value),
            (None, None) => Operand::Each(ints.to_vec()),
            (None, Some(rows)) => Operand::Each(ints.gather(rows)),
        };
        let values = match column.values() {
            column::Values::Null(_) => return Vector::null(len),
            column::Values::Bool(ints) => Values::Bool(unpack(ints).map(|value| value != 0)),
            column::Values::Int(ints) => Values::Int(unpack(ints)),
            column::Values::Wide { high, low } => Values::Wide(unpack(high).zip(&unpack(low), column::wide)),
            column::Values::Mixed(parts) => Values::Mixed(parts.iter().map(|part| Vector::from_rows(part, rows)).collect()),
            column::Values::Float(ints) => Values::Float(unpack(ints).map(|bits| f64::from_bits(bits as u64))),
            column::Values::Time { nanos, offset_s } => Values::Time(
                unpack(nanos).zip(&unpack(offset_s), |nanos, offset_s| Time { nanos, offset_s: i32::try_from(offset_s).unwrap_or(0) }),
            ),
            column::Values::Text(text) => Values::Text(Texts { bytes: text.bytes().clone(), views: Operand::Each(text.views(rows)) }),
        };
        let nulls = column.nulls().map(|nulls| match rows {
            None => (0..len).map(|row| nulls.get(row)).collect(),
            Some(rows) => rows.iter().map(|&row| nulls.get(row as usize)).collect(),
        });
        Vector { len, values, nulls: nulls.filter(|nulls: &Vec<bool>| nulls.contains(&true)) }
    }

    /// These values, whatever their types, a row each.
    ///
    /// # Errors
    /// [`Error::Schema`] when their text would pass 4 GiB.
    pub fn collect<'v>(values: impl Iterator<Item = Value<'v>>) -> Result<Self, Error> {
        let mut column = ColumnBuilder::new(Type::Mixed);
        for value in values {
            column.push(value)?;
        }
        Ok(Vector::from_rows(&column.finish(), None))
    }

    /// Its parts, one for each type of its values: itself, where it is not mixed. Rows are null in the parts that they have no
    /// value in.
    pub fn parts(&self) -> &[Vector] {
        match &self.values {
            Values::Mixed(parts) => parts,
            _ => std::slice::from_ref(self),
        }
    }

    /// The vector of parts of any types: a row has the value of the first part in which it is not null.
    ///
    /// # Errors
    /// As [`Vector::collect`].
    ///
    /// # Panics
    /// When a part has another length.
    pub fn of_parts(len: usize, mut parts: Vec<Vector>) -> Result<Self, Error> {
        parts.retain(|part| part.null_operand() != Operand::One(true));
        assert!(parts.iter().all(|part| part.len == len), "parts of one length");
        match parts.len() {
            0 => Ok(Vector::null(len)),
            1 => Ok(parts.remove(0)),
            _ => {
                let value = |row: usize| parts.iter().map(|part| part.value(row)).find(|value| !matches!(value, Value::Null));
                Vector::collect((0..len).map(|row| value(row).unwrap_or(Value::Null)))
            }
        }
    }

    /// The type of its values.
    pub fn kind(&self) -> Type {
        match self.values {
            Values::Null => Type::Null,
            Values::Bool(_) => Type::Bool,
            Values::Int(_) | Values::Wide(_) => Type::Int,
            Values::Mixed(_) => Type::Mixed,
            Values::Float(_) => Type::Float,
            Values::Time(_) => Type::Time,
            Values::Text(_) => Type::Text,
        }
    }

    /// Whether all rows have one value; some may be null all the same.
    pub fn is_constant(&self) -> bool {
        match &self.values {
            Values::Null => true,
            Values::Bool(values) => matches!(values, Operand::One(_)),
            Values::Int(values) => matches!(values, Operand::One(_)),
            Values::Wide(values) => matches!(values, Operand::One(_)),
            Values::Mixed(_) => false,
            Values::Float(values) => matches!(values, Operand::One(_)),
            Values::Time(values) => matches!(values, Operand::One(_)),
            Values::Text(texts) => matches!(texts.views, Operand::One(_)),
        }
    }

    /// Whether `row` is null.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.nulls.as_ref().is_some_and(|nulls| nulls[row])
    }

    /// The value of one row; loops over many rows go through [`Vector::values`].
    ///
    /// # Panics
    /// When `row` is not below [`Vector::len`].
    pub fn value(&self, row: usize) -> Value<'_> {
        assert!(row < self.len, "row {row} of {}", self.len);
        if self.is_null(row) {
            return Value::Null;
        }
        match &self.values {
            Values::Null => Value::Null,
            Values::Bool(values) => Value::Bool(values.get(row)),
            Values::Int(values) => Value::Int(i128::from(values.get(row))),
            Values::Wide(values) => Value::Int(values.get(row)),
            Values::Mixed(parts) => parts.iter().find(|part| !part.is_null(row)).map_or(Value::Null, |part| part.value(row)),
            Values::Float(values) => Value::Float(values.get(row)),
            Values::Time(values) => Value::Time(values.get(row)),
            Values::Text(texts) => Value::Text(texts.get(row)),
        }
    }

    /// Which rows are true; null is not, nor is what is no boolean.
    pub fn truth(self) -> Operand<bool> {
        match (self.values, self.nulls) {
            (Values::Bool(values), None) => values,
            (Values::Bool(values), Some(nulls)) => values.zip(&Operand::Each(nulls), |value, null| value & !null),
            (Values::Mixed(parts), _) => {
                // Where the part of the bools is null, the row is of another type.
                parts.into_iter().find(|part| part.kind() == Type::Bool).map_or(Operand::One(false), Vector::truth)
            }
            _ => Operand::One(false),
        }
    }

    /// [`Vector::truth`] as a vector.
    pub fn truth_vector(self) -> Self {
        Vector::bools(self.len, self.truth())
    }

    /// The vector with a row for each of `wanted`: its own rows, in order, where it is true; unspecified ones elsewhere.
    pub fn spread(self, wanted: &[bool]) -> Self {
        fn each<T: Copy + Default>(values: Operand<T>, wanted: &[bool]) -> Operand<T> {
            let Operand::Each(values) = values else { return values };
            let mut values = values.into_iter();
            Operand::Each(wanted.iter().map(|&wanted| if wanted { values.next().unwrap_or_default() } else { T::default() }).collect())
        }
        let values = match self.values {
            Values::Null => Values::Null,
            Values::Bool(values) => Values::Bool(each(values, wanted)),
            Values::Int(values) => Values::Int(each(values, wanted)),
            Values::Wide(values) => Values::Wide(each(values, wanted)),
            Values::Mixed(parts) => Values::Mixed(parts.into_iter().map(|part| part.spread(wanted)).collect()),
            Values::Float(values) => Values::Float(each(values, wanted)),
            Values::Time(values) => Values::Time(each(values, wanted)),
            Values::Text(texts) => Values::Text(Texts { views: each(texts.views, wanted), bytes: texts.bytes }),
        };
        let nulls = self.nulls.map(|nulls| each(Operand::Each(nulls), wanted).into_vec(wanted.len()));
        Vector { len: wanted.len(), values, nulls }
    }

    /// Which rows are null.
    pub fn null_operand(&self) -> Operand<bool> {
        match (&self.values, &self.nulls) {
            (Values::Null, _) => Operand::One(true),
            (_, None) => Operand::One(false),
            (_, Some(nulls)) => Operand::Each(nulls.clone()),
        }
    }

    /// The vector as a column with the physical rows of the batch that it was computed from; rows that are not selected
    /// have any valid value. An integer vector becomes a float column where `kind` says so.
    pub fn into_column(self, kind: Type, batch: &Batch) -> Column {
        let (rows, physical) = (batch.selection(), batch.physical_rows());
        let vector = if kind == Type::Float { self.into_float() } else { self };
        let pack = |values: &Operand<i64>| match values.scatter(rows, physical, 0) {
            Operand::One(value) => Ints::constant(value, physical),
            Operand::Each(values) => Ints::pack(&values),
        };
        let values = match &vector.values {
            Values::Null => return Column::null(physical),
            Values::Bool(values) => column::Values::Bool(pack(&values.map(i64::from))),
            Values::Int(values) => column::Values::Int(pack(values)),
            Values::Wide(values) => {
                column::Values::Wide { high: pack(&values.map(|value| halves(value).0)), low: pack(&values.map(|value| halves(value).1)) }
            }
            Values::Mixed(parts) => {
                // Rows that are not selected are null in all parts, so that none has two values.
                let mut selected = vec![rows.is_none(); physical];
                rows.unwrap_or_default().iter().for_each(|&row| selected[row as usize] = true);
                let part = |part: &Vector| {
                    let column = part.clone().into_column(Type::Mixed, batch);
                    let nulls = Bits::collect(physical, |row| !selected[row] || column.is_null(row));
                    column.with_nulls(nulls)
                };
                return Column::of_parts(parts.iter().map(part).collect(), physical);
            }
            Values::Float(values) => column::Values::Float(pack(&values.map(|value| value.to_bits() as i64))),
            Values::Time(values) => column::Values::Time {
                nanos: pack(&values.map(|value| value.nanos)),
                offset_s: pack(&values.map(|value| i64::from(value.offset_s))),
            },
            Values::Text(texts) => {
                let starts = pack(&texts.views.map(|(start, _)| i64::from(start)));
                let lens = pack(&texts.views.map(|(_, len)| i64::from(len)));
                match Text::new(texts.bytes.clone(), None, starts, lens) {
                    Some(text) => column::Values::Text(text),
                    // Not reached: every view of a `Texts` lies within its bytes.
                    None => return Column::null(physical),
                }
            }
        };
        let nulls = vector.nulls.map(|nulls| Operand::Each(nulls).scatter(rows, physical, false).into_vec(physical));
        Column::new(values).with_nulls(nulls.and_then(|nulls| Bits::collect(physical, |row| nulls[row])))
    }

    /// Integers as floats; anything else as it is.
    pub fn into_float(self) -> Self {
        match self.values {
            Values::Int(values) => Vector { values: Values::Float(values.map(|value| value as f64)), ..self },
            Values::Wide(values) => Vector { values: Values::Float(values.map(|value| value as f64)), ..self },
            _ => self,
        }
    }
}

/// The rows that are null in either.
pub fn merge_nulls(a: Option<Vec<bool>>, b: Option<Vec<bool>>) -> Option<Vec<bool>> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
            Some(a)
        }
        (nulls, None) | (None, nulls) => nulls,
    }
}
