//! What an expression gives for a batch: plain arrays, or one value for all rows.

pub use super::operand::{Operand, Texts};

use super::{
    Batch, Bits, Column, ColumnBuilder, PackedInts, Text, Time, Type, Value,
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
    /// Values of several types, as [`Column::mixed`]: a row has the value of the one part in which it is not null. No part is
    /// mixed itself, and two are not of one type. The vector's own nulls may be more than those of all parts.
    Mixed(Vec<Vector>),
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

    /// The rows of this list of a column, or all of them, unpacked. What is missing is null in it.
    ///
    /// # Panics
    /// When a row is not below [`Column::len`].
    pub fn from_rows(column: &Column, rows: Option<&[u32]>) -> Self {
        let len = rows.map_or(column.len(), <[u32]>::len);
        let unpack = |ints: &PackedInts| match (ints.as_constant(), rows) {
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
        parts.retain(|part| part.kind() != Type::Null);
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
            (Values::Mixed(parts), nulls) => {
                // Where the part of the bools is null, the row is of another type.
                let bools = parts.into_iter().find(|part| part.kind() == Type::Bool);
                bools.map_or(Operand::One(false), |part| Vector { nulls: merge_nulls(part.nulls, nulls), ..part }.truth())
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
            Values::Mixed(parts) => {
                // In rows that are not wanted no part has a value, as else two would have.
                let part = |part: Vector| {
                    let part = part.spread(wanted);
                    let nulls = wanted.iter().enumerate().map(|(row, wanted)| !wanted || part.is_null(row)).collect();
                    Vector { nulls: Some(nulls), ..part }
                };
                Values::Mixed(parts.into_iter().map(part).collect())
            }
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
    ///
    /// # Panics
    /// When it has not as many rows as the batch, or the parts of a mixed one are not as [`Values::Mixed`] says.
    pub fn into_column(self, kind: Type, batch: &Batch) -> Column {
        let (rows, physical) = (batch.selection(), batch.physical_rows());
        let vector = if kind == Type::Float { self.into_float() } else { self };
        let pack = |values: &Operand<i64>| match values.scatter(rows, physical, 0) {
            Operand::One(value) => PackedInts::constant(value, physical),
            Operand::Each(values) => PackedInts::pack(&values),
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
                let valued: Vec<bool> = (0..vector.len).map(|row| !vector.is_null(row)).collect();
                let valued = Operand::Each(valued).scatter(rows, physical, false);
                let part = |part: &Vector| {
                    let column = part.clone().into_column(Type::Mixed, batch);
                    let nulls = Bits::collect(physical, |row| !valued.get(row) || column.is_null(row));
                    column.with_nulls(nulls)
                };
                let parts = parts.iter().filter(|part| part.kind() != Type::Null).map(part).collect();
                let Some(column) = Column::of_parts(parts, physical) else { unreachable!("parts of different types, one value a row") };
                return column;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::{Operand, Values, Vector};
    use crate::record::{Batch, Column, ColumnBuilder, CompareOp, Field, Origin, Schema, Time, Type, Value, compare::compare};

    /// A value of one of the first so many kinds; null is the first. There are few of each, so that many are equal.
    fn value(kinds: u8) -> impl Strategy<Value = Value<'static>> {
        const TEXTS: [&[u8]; 4] = [b"", b"1", b"a", b"\xff"];
        const FLOATS: [f64; 6] = [-0.0, 1.0, 1.5, f64::NAN, f64::INFINITY, 18_446_744_073_709_551_616.0];
        (0..kinds, 0..6_i64).prop_map(|(kind, n)| match kind {
            0 => Value::Null,
            1 => Value::Int(i128::from(n) - 2),
            2 => Value::Text(TEXTS[n as usize % 4]),
            3 => Value::Bool(n % 2 == 0),
            4 => Value::Float(FLOATS[n as usize]),
            5 => Value::Int([i128::MIN, i128::MAX, 1 << 64, (1 << 64) + 1, -1, 1][n as usize]),
            _ => Value::Time(Time { nanos: n % 3, offset_s: n as i32 * 60 }),
        })
    }

    fn values(rows: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Value<'static>>> {
        let rows = rows.into();
        (1..8_u8).prop_flat_map(move |kinds| prop::collection::vec(value(kinds), rows.clone()))
    }

    fn exactly(value: Value<'_>) -> String {
        match value {
            Value::Float(value) => format!("{:x}", value.to_bits()),
            value => format!("{value:?}"),
        }
    }

    fn batch_of(values: &[Value<'_>]) -> Batch {
        let mut builder = ColumnBuilder::new(Type::Mixed);
        values.iter().for_each(|value| builder.push(*value).unwrap());
        let schema = Schema::new(vec![Field::new("x", Type::Mixed)]).unwrap();
        Batch::new(Arc::new(schema), vec![builder.finish()], values.len(), Origin::default()).unwrap()
    }

    /// The vector has these values, and keeps what [`Values::Mixed`] says of its parts.
    fn check(vector: &Vector, expect: &[Value<'_>]) {
        assert_eq!(vector.len, expect.len());
        for (row, expect) in expect.iter().enumerate() {
            assert_eq!(exactly(vector.value(row)), exactly(*expect), "row {row}");
        }
        if let Values::Mixed(parts) = &vector.values {
            assert!(parts.iter().all(|part| part.len == vector.len && !matches!(part.values, Values::Mixed(_) | Values::Null)));
            assert!((0..vector.len).all(|row| parts.iter().filter(|part| !part.is_null(row)).count() <= 1), "two values in a row");
        }
    }

    proptest! {
        /// A column that goes through a vector is the same in the rows that are selected, and a right column in the others.
        #[test]
        fn a_column_comes_back(values in values(0..30), picks in prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 0..40))) {
            let batch = batch_of(&values);
            let batch = match picks {
                Some(picks) if !values.is_empty() => batch.select(picks.iter().map(|pick| pick.index(values.len()) as u32).collect()),
                _ => batch,
            };
            let vector = Vector::from_column(batch.column(0), &batch);
            check(&vector, &(0..batch.len()).map(|row| values[batch.physical(row)]).collect::<Vec<_>>());
            let column = vector.into_column(Type::Mixed, &batch);
            prop_assert_eq!(column.len(), values.len());
            for row in (0..batch.len()).map(|row| batch.physical(row)) {
                prop_assert_eq!(exactly(column.value(row)), exactly(values[row]));
            }
            prop_assert!(column.parts().len() == 1 || Column::mixed(column.parts().to_vec()).is_some());
        }

        /// Comparing vectors is comparing their values, whatever the types: as `==`, `<` and their like are written down.
        #[test]
        fn vectors_compare_as_their_values((left, right) in (0..30_usize).prop_flat_map(|rows| (values(rows), values(rows)))) {
            let vectors = [&left, &right].map(|values| Vector::collect(values.iter().copied()).unwrap());
            for op in CompareOp::ALL {
                let found = compare(op, &vectors[0], &vectors[1]);
                prop_assert!((0..left.len()).all(|row| !found.is_null(row)));
                let found = found.truth();
                for (row, (a, b)) in left.iter().zip(&right).enumerate() {
                    let expect = match (a, b, op) {
                        (Value::Null, Value::Null, _) => op == CompareOp::Eq,
                        (Value::Null, _, _) | (_, Value::Null, _) => op == CompareOp::Ne,
                        _ => op.holds(a.partial_cmp(b)),
                    };
                    prop_assert_eq!(found.get(row), expect, "{:?} {} {:?}", a, op.symbol(), b);
                }
            }
        }

        /// Of vectors that each have some of the rows, the first that has a row decides.
        #[test]
        fn parts_are_put_together(all in (0..20_usize).prop_flat_map(|rows| prop::collection::vec(values(rows), 1..4))) {
            let len = all[0].len();
            let parts = all.iter().map(|values| Vector::collect(values.iter().copied()).unwrap()).collect();
            let first = |row: usize| all.iter().map(|values| values[row]).find(|value| !matches!(value, Value::Null)).unwrap_or(Value::Null);
            check(&Vector::of_parts(len, parts).unwrap(), &(0..len).map(first).collect::<Vec<_>>());
        }

        /// What was computed for some rows stands in those, and may become a column.
        #[test]
        fn rows_that_are_wanted_are_spread(values in values(0..20), wanted in prop::collection::vec(any::<bool>(), 20..40)) {
            let mut left = values.len();
            let wanted: Vec<bool> = wanted.into_iter().map(|wanted| wanted && left > 0 && { left -= 1; true }).collect();
            let values = &values[..values.len() - left];
            let vector = Vector::collect(values.iter().copied()).unwrap().spread(&wanted);
            let mut rest = values.iter();
            let found: Vec<_> = (0..wanted.len()).map(|row| if wanted[row] { *rest.next().unwrap() } else { vector.value(row) }).collect();
            check(&vector, &found);
            let column = vector.clone().into_column(Type::Mixed, &batch_of(&found));
            prop_assert!((0..found.len()).all(|row| exactly(column.value(row)) == exactly(found[row])));
        }

        /// Only what is true is true, also where the vector has more nulls than its parts.
        #[test]
        fn truth_is_of_bools(values in values(1..20), more in prop::option::of(prop::collection::vec(any::<bool>(), 20))) {
            let vector = Vector::collect(values.iter().copied()).unwrap();
            let more = more.map(|more| more[..values.len()].to_vec());
            let is_null = |row: usize| more.as_ref().is_some_and(|more| more[row]);
            let expect: Vec<_> = (0..values.len()).map(|row| matches!(values[row], Value::Bool(true)) && !is_null(row)).collect();
            let nulled: Vec<_> = (0..values.len()).map(|row| if is_null(row) { Value::Null } else { values[row] }).collect();
            let vector = Vector { nulls: super::merge_nulls(vector.nulls.clone(), more.clone()), ..vector };
            let column = vector.clone().into_column(Type::Mixed, &batch_of(&values));
            prop_assert!((0..values.len()).all(|row| exactly(column.value(row)) == exactly(nulled[row])));
            prop_assert_eq!(vector.truth().into_vec(values.len()), expect);
        }
    }

    #[test]
    fn ints_become_floats_where_they_are_asked_to() {
        let values = [Value::Int(1), Value::Null, Value::Int(1 << 64)];
        let column = Vector::collect(values.into_iter()).unwrap().into_column(Type::Float, &batch_of(&values));
        assert_eq!((column.kind(), column.value(1)), (Type::Float, Value::Null));
        assert!(matches!((column.value(0), column.value(2)), (Value::Float(1.0), Value::Float(18_446_744_073_709_551_616.0))));
        assert_eq!(Vector::null(2).truth(), Operand::One(false));
    }
}
