//! Keys of one or more values in one form: whole numbers, or bytes.

use recpipe::{Column, Error, Type, Value, record::column, record::value::cmp_int_float};

use crate::{
    expr::{Operand, TextBuilder, Texts, Values, Vector},
    sort::key::push_group_key,
};

/// The form of the keys of a table. It is chosen by the values that the table has, whatever may be said of their types: a key of
/// another kind is equal to none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyForm(Vec<Type>);

/// A key for each row.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) values: KeyValues,
    /// The rows whose key is null, or has a null: it is equal to nothing.
    nulls: Option<Vec<bool>>,
}

/// The keys; what stands at a row that is null means nothing.
#[derive(Debug)]
pub(super) enum KeyValues {
    Ints(Operand<i64>),
    Texts(Texts),
}

impl Keys {
    #[inline]
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls[row])
    }
}

impl KeyForm {
    /// For keys of these columns.
    pub(super) fn of(columns: &[Column]) -> Self {
        let kind = |column: &Column| match column.values() {
            column::Values::Int(_) => Type::Int,
            column::Values::Text(_) => Type::Text,
            column::Values::Time { .. } => Type::Time,
            _ => Type::Mixed,
        };
        KeyForm(columns.iter().map(kind).collect())
    }

    /// For keys of values of any kind.
    pub(super) fn of_any(values: usize) -> Self {
        KeyForm(vec![Type::Mixed; values])
    }

    /// The keys of so many rows, of one vector for each value.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 4 GiB of keys.
    pub(super) fn keys(&self, vectors: Vec<Vector>, rows: usize) -> Result<Keys, Error> {
        let vectors: Vec<Vector> =
            vectors.into_iter().zip(&self.0).map(|(vector, kind)| fitting(vector, *kind)).collect::<Result<_, _>>()?;
        let nulls = vectors.iter().filter_map(|vector| match vector.null_operand() {
            Operand::One(false) => None,
            nulls => Some(nulls.into_vec(rows)),
        });
        let nulls = nulls.reduce(|mut all, one| {
            all.iter_mut().zip(one).for_each(|(all, one)| *all |= one);
            all
        });
        let values = match (&vectors[..], &self.0[..]) {
            ([Vector { values: Values::Int(values), .. }], [Type::Int]) => KeyValues::Ints(values.clone()),
            ([Vector { values: Values::Time(values), .. }], [Type::Time]) => KeyValues::Ints(values.map(|time| time.nanos)),
            ([Vector { values: Values::Text(texts), .. }], [Type::Text]) => KeyValues::Texts(texts.clone()),
            // None is there.
            ([_], [Type::Int | Type::Time]) => KeyValues::Ints(Operand::One(0)),
            ([_], [Type::Text]) => KeyValues::Texts(Texts::constant(b"")),
            _ => {
                let mut texts = TextBuilder::with_capacity(rows);
                for row in 0..rows {
                    for (vector, &kind) in vectors.iter().zip(&self.0) {
                        push_group_key(kind, vector.value(row), texts.row());
                    }
                    texts.end_row()?;
                }
                KeyValues::Texts(texts.finish())
            }
        };
        Ok(Keys { values, nulls })
    }

    /// Appends the key of a row, ordered as its bytes are; false where it is null, or has a null.
    pub(super) fn push(&self, vectors: &[Vector], row: usize, out: &mut Vec<u8>) -> bool {
        vectors.iter().zip(&self.0).all(|(vector, &kind)| match vector.value(row) {
            Value::Null => false,
            Value::Float(value) if value.is_nan() => false,
            value => {
                push_group_key(kind, value, out);
                true
            }
        })
    }
}

/// The values that may be equal to one of this kind; null where a value cannot be.
fn fitting(vector: Vector, kind: Type) -> Result<Vector, Error> {
    let len = vector.len;
    match (&vector.values, kind) {
        (Values::Int(_), Type::Int) | (Values::Text(_), Type::Text) | (Values::Time(_), Type::Time) => return Ok(vector),
        (Values::Bool(_) | Values::Int(_) | Values::Wide(_) | Values::Text(_) | Values::Time(_), Type::Mixed) => return Ok(vector),
        (Values::Null, _) => return Ok(vector),
        _ => {}
    }
    let fits = |value: Value<'_>| match (value, kind) {
        (Value::Float(value), _) if value.is_nan() => false,
        (Value::Int(value), Type::Int) => i64::try_from(value).is_ok(),
        (value, Type::Mixed) => !matches!(value, Value::Null),
        (value, kind) => value.kind() == kind,
    };
    let whole = |value: f64| {
        let int = value as i64;
        (cmp_int_float(int.into(), value) == Some(std::cmp::Ordering::Equal)).then_some(int)
    };
    let value = |row: usize| match vector.value(row) {
        Value::Float(value) if kind == Type::Int => whole(value).map_or(Value::Null, |int| Value::Int(int.into())),
        value if fits(value) => value,
        _ => Value::Null,
    };
    Vector::collect((0..len).map(value))
}
