//! Rows of several vectors, put together anew.

use recpipe::{Error, Value};

use crate::expr::{Operand, TextBuilder, Texts, Values, Vector};

/// Stands for no row.
pub(super) const NONE: u32 = u32::MAX;

/// The rows of one vector and then those of another.
///
/// # Errors
/// [`Error::Data`] and [`Error::Schema`] when their text would pass 4 GiB.
pub(super) fn concat(a: Vector, b: &Vector) -> Result<Vector, Error> {
    let (a_len, len) = (a.len, a.len + b.len);
    let nulls = match (&a.nulls, &b.nulls) {
        (None, None) => None,
        _ => Some((0..a_len).map(|row| a.is_null(row)).chain((0..b.len).map(|row| b.is_null(row))).collect()),
    };
    fn each<T: Copy>(a: Operand<T>, a_len: usize, b: &Operand<T>, b_len: usize) -> Operand<T> {
        let mut all = a.into_vec(a_len);
        match b {
            Operand::One(value) => all.resize(a_len + b_len, *value),
            Operand::Each(values) => all.extend_from_slice(values),
        }
        Operand::Each(all)
    }
    let values = match (a.values, &b.values) {
        (Values::Bool(a), Values::Bool(of)) => Values::Bool(each(a, a_len, of, b.len)),
        (Values::Int(a), Values::Int(of)) => Values::Int(each(a, a_len, of, b.len)),
        (Values::Float(a), Values::Float(of)) => Values::Float(each(a, a_len, of, b.len)),
        (Values::Time(a), Values::Time(of)) => Values::Time(each(a, a_len, of, b.len)),
        (Values::Text(a), Values::Text(of)) => {
            let mut texts = TextBuilder::with_capacity(len);
            for text in (0..a_len).map(|row| a.get(row)).chain((0..b.len).map(|row| of.get(row))) {
                texts.row().extend_from_slice(text);
                texts.end_row()?;
            }
            Values::Text(texts.finish())
        }
        (values, _) => {
            let a = Vector { values, len: a_len, nulls: a.nulls };
            return Vector::collect((0..a_len).map(|row| a.value(row)).chain((0..b.len).map(|row| b.value(row))));
        }
    };
    Ok(Vector { len, values, nulls })
}

/// These rows of a vector, in this order; null for [`NONE`].
pub(super) fn gather(of: &Vector, rows: &[u32]) -> Vector {
    fn each<T: Copy>(of: &Operand<T>, rows: &[u32], none: T) -> Operand<T> {
        match of {
            Operand::One(value) => Operand::One(*value),
            Operand::Each(values) => Operand::Each(rows.iter().map(|&row| values.get(row as usize).copied().unwrap_or(none)).collect()),
        }
    }
    let values = match &of.values {
        Values::Null => Values::Null,
        Values::Bool(values) => Values::Bool(each(values, rows, false)),
        Values::Int(values) => Values::Int(each(values, rows, 0)),
        Values::Wide(values) => Values::Wide(each(values, rows, 0)),
        Values::Float(values) => Values::Float(each(values, rows, 0.0)),
        Values::Time(values) => Values::Time(each(values, rows, recpipe::Time { nanos: 0, offset_s: 0 })),
        Values::Text(texts) => Values::Text(Texts { bytes: texts.bytes.clone(), views: each(&texts.views, rows, (0, 0)) }),
        Values::Mixed(parts) => Values::Mixed(parts.iter().map(|part| gather(part, rows)).collect()),
    };
    let is_null = |&row: &u32| row == NONE || of.is_null(row as usize);
    let nulls = (of.nulls.is_some() || rows.contains(&NONE)).then(|| rows.iter().map(is_null).collect::<Vec<bool>>());
    Vector { len: rows.len(), values, nulls: nulls.filter(|nulls| nulls.contains(&true)) }
}

/// The rows of all of them, one after the other.
///
/// # Errors
/// As for [`concat`].
pub(super) fn concat_all(all: Vec<Vector>) -> Result<Vector, Error> {
    let mut all = all.into_iter();
    let Some(first) = all.next() else { return Ok(Vector::null(0)) };
    let rest: Vec<Vector> = all.collect();
    if rest.is_empty() {
        return Ok(first);
    }
    let whole = std::iter::once(&first).chain(&rest);
    Vector::collect(whole.flat_map(|one| (0..one.len).map(|row| one.value(row))).collect::<Vec<Value<'_>>>().into_iter())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use recpipe::{Time, Value};

    use super::{NONE, concat, concat_all, gather};
    use crate::expr::Vector;

    /// Few of them, so that vectors of one kind are met, too.
    fn value(kinds: u8) -> impl Strategy<Value = Value<'static>> {
        (0..kinds, 0..3_i64).prop_map(|(kind, n)| match kind {
            0 => Value::Null,
            1 => Value::Int(n.into()),
            2 => Value::Text([&b""[..], b"a", b"bc"][n as usize]),
            3 => Value::Float(n as f64 / 2.0),
            4 => Value::Time(Time { nanos: n, offset_s: 60 }),
            _ => Value::Bool(n == 0),
        })
    }

    fn values() -> impl Strategy<Value = Vec<Value<'static>>> {
        (1..7_u8).prop_flat_map(|kinds| prop::collection::vec(value(kinds), 0..8))
    }

    fn vector(values: &[Value<'static>]) -> Vector {
        Vector::collect(values.iter().copied()).unwrap()
    }

    fn all(vector: &Vector) -> Vec<Value<'_>> {
        (0..vector.len).map(|row| vector.value(row)).collect()
    }

    proptest! {
        #[test]
        fn rows_are_put_together(a in values(), b in values(), rows in prop::collection::vec(0..17_u32, 0..20)) {
            let whole = concat(vector(&a), &vector(&b)).unwrap();
            let expect = [a.clone(), b.clone()].concat();
            prop_assert_eq!(all(&whole), expect.clone());
            let both = concat_all(vec![vector(&a), vector(&b)]).unwrap();
            prop_assert_eq!(all(&both), expect.clone());
            let rows: Vec<u32> = rows.into_iter().map(|row| if (row as usize) < expect.len() { row } else { NONE }).collect();
            let picked: Vec<_> = rows.iter().map(|&row| expect.get(row as usize).copied().unwrap_or(Value::Null)).collect();
            let gathered = gather(&whole, &rows);
            prop_assert_eq!(all(&gathered), picked);
        }
    }
}
