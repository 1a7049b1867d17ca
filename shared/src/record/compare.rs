//! `==`, `<` and their like over the rows of a batch: one loop per type and operator.
//!
//! Comparisons are two-valued: `null == null` is true, `null != 5` is true, `<` and its like are false with a null.

use std::cmp::Ordering;

use super::{
    Batch, Column, Constant, Time, column,
    value::cmp_int_float,
    vector::{Operand, Texts, Values, Vector},
};

/// An operator that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl CompareOp {
    /// All of them.
    pub const ALL: [CompareOp; 6] = [CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge];

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            CompareOp::Eq => "==",
            CompareOp::Ne => "!=",
            CompareOp::Lt => "<",
            CompareOp::Le => "<=",
            CompareOp::Gt => ">",
            CompareOp::Ge => ">=",
        }
    }

    /// The operator that says the same of the operands exchanged.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            CompareOp::Lt => CompareOp::Gt,
            CompareOp::Le => CompareOp::Ge,
            CompareOp::Gt => CompareOp::Lt,
            CompareOp::Ge => CompareOp::Le,
            CompareOp::Eq | CompareOp::Ne => self,
        }
    }

    /// Whether it holds between two that compare so; `None` is a comparison with NaN.
    pub fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            CompareOp::Eq => order == Some(Ordering::Equal),
            CompareOp::Ne => order != Some(Ordering::Equal),
            CompareOp::Lt => order == Some(Ordering::Less),
            CompareOp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            CompareOp::Gt => order == Some(Ordering::Greater),
            CompareOp::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

/// `column OP constant` for each selected row of `batch`; never null. `place` is that of the column.
///
/// # Panics
/// When there is no such column.
pub fn compare_column(op: CompareOp, batch: &Batch, place: usize, constant: &Constant) -> Vector {
    let column = batch.column(place);
    if let (None, Constant::Int(bound)) = (batch.selection(), constant)
        && let Ok(bound) = i64::try_from(*bound)
        && let Some(found) = packed(op, column, bound)
    {
        return Vector::bools(batch.len(), Operand::Each(found));
    }
    compare(op, &Vector::from_column(column, batch), &constant.vector(batch.len()))
}

/// Computed on the packed integers: where they are two bytes wide, four times as many are compared at once. `None` when
/// this way is not open.
fn packed(op: CompareOp, column: &Column, bound: i64) -> Option<Vec<bool>> {
    let (column::Values::Int(ints), None) = (column.values(), column.nulls()) else { return None };
    let (base, width, data) = ints.parts();
    let offset = bound.checked_sub(base)?;
    match width {
        1 => Some(compare_each(op, data, |&byte| byte, u8::try_from(offset).ok()?)),
        2 => Some(compare_each(op, data.as_chunks::<2>().0, |&bytes| u16::from_le_bytes(bytes), u16::try_from(offset).ok()?)),
        4 => Some(compare_each(op, data.as_chunks::<4>().0, |&bytes| u32::from_le_bytes(bytes), u32::try_from(offset).ok()?)),
        _ => None,
    }
}

#[inline]
fn compare_each<C, T: PartialOrd + Copy>(op: CompareOp, data: &[C], get: impl Fn(&C) -> T + Copy, bound: T) -> Vec<bool> {
    match op {
        CompareOp::Eq => data.iter().map(|one| get(one) == bound).collect(),
        CompareOp::Ne => data.iter().map(|one| get(one) != bound).collect(),
        CompareOp::Lt => data.iter().map(|one| get(one) < bound).collect(),
        CompareOp::Le => data.iter().map(|one| get(one) <= bound).collect(),
        CompareOp::Gt => data.iter().map(|one| get(one) > bound).collect(),
        CompareOp::Ge => data.iter().map(|one| get(one) >= bound).collect(),
    }
}

/// `left OP right`, row by row; never null. Values of different types are not equal, and none of them is less; int and float
/// are one type here.
pub fn compare(op: CompareOp, left: &Vector, right: &Vector) -> Vector {
    let found = compare_values(op, left, right);
    let (a, b) = (left.null_operand(), right.null_operand());
    if (&a, &b) == (&Operand::One(false), &Operand::One(false)) {
        return Vector::bools(left.len, found);
    }
    // How many of the two are null decides, unless none is.
    let (one, both) = match op {
        CompareOp::Eq => (false, true),
        CompareOp::Ne => (true, false),
        _ => (false, false),
    };
    let by_nulls = a.zip(&b, |a, b| (a | b, if a & b { both } else { one }));
    Vector::bools(left.len, found.zip(&by_nulls, |found, (any, answer)| if any { answer } else { found }))
}

/// What [`compare`] says of the rows in which neither is null.
fn compare_values(op: CompareOp, left: &Vector, right: &Vector) -> Operand<bool> {
    match (&left.values, &right.values) {
        (Values::Bool(a), Values::Bool(b)) => compare_by(op, a, b, |a| a, |b| b),
        (Values::Int(a), Values::Int(b)) => compare_by(op, a, b, |a| a, |b| b),
        (Values::Int(a), Values::Wide(b)) => compare_by(op, a, b, i128::from, |b| b),
        (Values::Wide(a), Values::Int(b)) => compare_by(op, a, b, |a| a, i128::from),
        (Values::Wide(a), Values::Wide(b)) => compare_by(op, a, b, |a| a, |b| b),
        (Values::Float(a), Values::Float(b)) => compare_by(op, a, b, |a| a, |b| b),
        (Values::Int(a), Values::Float(b)) => a.zip(b, |a, b| op.holds(cmp_int_float(a.into(), b))),
        (Values::Float(a), Values::Int(b)) => a.zip(b, |a, b| op.mirrored().holds(cmp_int_float(b.into(), a))),
        (Values::Wide(a), Values::Float(b)) => a.zip(b, |a, b| op.holds(cmp_int_float(a, b))),
        (Values::Float(a), Values::Wide(b)) => a.zip(b, |a, b| op.mirrored().holds(cmp_int_float(b, a))),
        (Values::Time(a), Values::Time(b)) => compare_by(op, a, b, |a: Time| a.nanos, |b: Time| b.nanos),
        (Values::Text(a), Values::Text(b)) => compare_texts(op, a, b),
        (Values::Mixed(parts), _) => compare_parts(left.len, parts, |part| compare_values(op, part, right)),
        (_, Values::Mixed(parts)) => compare_parts(right.len, parts, |part| compare_values(op, left, part)),
        // One side has nothing but nulls, or the two are of different types.
        _ => Operand::One(op == CompareOp::Ne),
    }
}

/// What each part says of the rows that have their value in it.
fn compare_parts(len: usize, parts: &[Vector], compare: impl Fn(&Vector) -> Operand<bool>) -> Operand<bool> {
    let mut found = vec![false; len];
    for part in parts {
        let answers = compare(part);
        for (row, found) in found.iter_mut().enumerate() {
            if !part.is_null(row) {
                *found = answers.get(row);
            }
        }
    }
    Operand::Each(found)
}

fn compare_texts(op: CompareOp, a: &Texts, b: &Texts) -> Operand<bool> {
    match op {
        // Different lengths, which most pairs have, are told apart without touching the text.
        CompareOp::Eq => a.views.zip(&b.views, |x, y| x.1 == y.1 && a.slice(x) == b.slice(y)),
        CompareOp::Ne => a.views.zip(&b.views, |x, y| x.1 != y.1 || a.slice(x) != b.slice(y)),
        _ => compare_by(op, &a.views, &b.views, |view| a.slice(view), |view| b.slice(view)),
    }
}

#[inline]
fn compare_by<A: Copy, B: Copy, K: PartialOrd>(
    op: CompareOp,
    a: &Operand<A>,
    b: &Operand<B>,
    ka: impl Fn(A) -> K,
    kb: impl Fn(B) -> K,
) -> Operand<bool> {
    match op {
        CompareOp::Eq => a.zip(b, |a, b| ka(a) == kb(b)),
        CompareOp::Ne => a.zip(b, |a, b| ka(a) != kb(b)),
        CompareOp::Lt => a.zip(b, |a, b| ka(a) < kb(b)),
        CompareOp::Le => a.zip(b, |a, b| ka(a) <= kb(b)),
        CompareOp::Gt => a.zip(b, |a, b| ka(a) > kb(b)),
        CompareOp::Ge => a.zip(b, |a, b| ka(a) >= kb(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::{CompareOp, compare, packed};
    use crate::record::{Column, PackedInts, Time, Value, Vector};

    #[test]
    fn values_of_all_types_compare_one_by_one() {
        let time = |nanos| Value::Time(Time { nanos, offset_s: 0 });
        let values = [
            Value::Null,
            Value::Int(1),
            Value::Int(i128::MAX),
            Value::Float(1.0),
            Value::Float(f64::NAN),
            Value::Bool(true),
            time(1),
            Value::Text(b"1"),
            Value::Text(b"a"),
        ];
        let pairs: Vec<_> = values.iter().flat_map(|a| values.iter().map(move |b| (*a, *b))).collect();
        let left = Vector::collect(pairs.iter().map(|pair| pair.0)).unwrap();
        let right = Vector::collect(pairs.iter().map(|pair| pair.1)).unwrap();
        let alone = |value: &Value<'_>| Vector::collect(std::iter::once(*value)).unwrap();
        for op in CompareOp::ALL {
            let found = compare(op, &left, &right).truth();
            for (row, (a, b)) in pairs.iter().enumerate() {
                let equal_nulls = matches!((a, b), (Value::Null, Value::Null)) && matches!(op, CompareOp::Eq);
                let order = a.partial_cmp(b).filter(|_| !matches!((a, b), (Value::Null, _) | (_, Value::Null)));
                let expect = match (a, b) {
                    (Value::Null, Value::Null) => equal_nulls,
                    _ => op.holds(order),
                };
                assert_eq!(found.get(row), expect, "{a:?} {} {b:?}", op.symbol());
                assert_eq!(compare(op, &alone(a), &alone(b)).truth().get(0), expect, "{a:?} {} {b:?}, alone", op.symbol());
            }
        }
    }

    #[test]
    fn packed_integers_compare_as_what_they_stand_for() {
        let check = |values: &[i64], bounds: &[i64], is_taken: bool| {
            let column = Column::int(PackedInts::pack(values));
            for (op, &bound) in CompareOp::ALL.into_iter().flat_map(|op| bounds.iter().map(move |bound| (op, bound))) {
                let expect: Vec<_> = values.iter().map(|value| op.holds(Some(value.cmp(&bound)))).collect();
                assert_eq!(packed(op, &column, bound), is_taken.then_some(expect), "{values:?} {} {bound}", op.symbol());
            }
        };
        check(&[-5, 0, 250], &[-5, -4, 0, 250], true);
        check(&[200, 404, 599, 60_000], &[200, 404, 500, 60_000, 65_735], true);
        check(&[-1, 100_000, 4_000_000_000], &[-1, 0, 100_000, 4_294_967_294], true);
        check(&[-5, 0, 250], &[-6, 251, i64::MAX, i64::MIN], false);
        check(&[200, 60_000], &[199, 65_736], false);
        check(&[i64::MIN, i64::MAX], &[0], false);
        check(&[7, 7], &[7], false);
    }
}
