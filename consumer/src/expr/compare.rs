//! `==`, `<` and their like: one loop per type and operator.

use std::cmp::Ordering;

use recpipe::{Batch, Ints, Time, record::column, record::value::cmp_int_float};

use super::{
    Constant, Expr, Node,
    vector::{Operand, Texts, Values, Vector},
};
use crate::query::ast::CompareOp;

/// The node that compares the two; a float constant beside integers becomes the integer that says the same.
pub(crate) fn node(op: CompareOp, left: Expr, right: Expr) -> Node {
    // The constant on the right, so that the rules below and the loops are needed once.
    if matches!(left.node(), Node::Constant(_)) && !matches!(right.node(), Node::Constant(_)) {
        return node(op.mirrored(), right, left);
    }
    if let (recpipe::Type::Int, Node::Constant(Constant::Float(float))) = (left.kind(), right.node()) {
        let text = right.text().to_owned();
        return match beside_ints(op, *float) {
            Ok((op, bound)) => {
                let right = Expr::constant(Constant::Int(bound), text);
                Node::Compare { op, left: Box::new(left), right: Box::new(right) }
            }
            Err(always) => Node::Constant(Constant::Bool(always)),
        };
    }
    if let (recpipe::Type::Float, Node::Constant(Constant::Int(int))) = (left.kind(), right.node())
        && cmp_int_float(*int, *int as f64) == Some(Ordering::Equal)
    {
        let right = Expr::constant(Constant::Float(*int as f64), right.text().to_owned());
        return Node::Compare { op, left: Box::new(left), right: Box::new(right) };
    }
    Node::Compare { op, left: Box::new(left), right: Box::new(right) }
}

/// `x OP float` for an integer `x` as `x OP' int`; for `==` and `!=` of a float that is no integer, what it always is.
fn beside_ints(op: CompareOp, float: f64) -> Result<(CompareOp, i64), bool> {
    // Saturates, which keeps the order: beyond the ends every integer is below or above.
    let (floor, ceil) = (float.floor() as i64, float.ceil() as i64);
    let exact = cmp_int_float(floor, float) == Some(Ordering::Equal);
    let beyond = cmp_int_float(floor, float);
    match op {
        CompareOp::Eq if exact => Ok((op, floor)),
        CompareOp::Ne if exact => Ok((op, floor)),
        CompareOp::Eq => Err(false),
        CompareOp::Ne => Err(true),
        // Of a float above all integers, the floor is less than it: x < it means x <= the greatest.
        _ if exact => Ok((op, floor)),
        CompareOp::Lt | CompareOp::Le if beyond == Some(Ordering::Less) => Ok((CompareOp::Le, floor)),
        CompareOp::Gt | CompareOp::Ge if beyond == Some(Ordering::Less) && ceil > floor => Ok((CompareOp::Ge, ceil)),
        CompareOp::Gt | CompareOp::Ge if beyond == Some(Ordering::Less) => Ok((CompareOp::Gt, i64::MAX)),
        CompareOp::Lt | CompareOp::Le => Ok((CompareOp::Lt, i64::MIN)),
        CompareOp::Gt | CompareOp::Ge => Ok((CompareOp::Ge, i64::MIN)),
    }
}

/// The result of `column OP constant` for a batch without a selection, computed on the packed integers: where they are
/// two bytes wide, four times as many are compared at once. `None` when this way is not open.
pub(super) fn packed(op: CompareOp, left: &Expr, right: &Expr, batch: &Batch) -> Option<Vector> {
    let (Some(place), Node::Constant(Constant::Int(bound)), None) = (left.as_column(), right.node(), batch.selection()) else {
        return None;
    };
    let column = batch.column(place);
    let (column::Values::Int(ints), None) = (column.values(), column.nulls()) else { return None };
    let (base, width, data) = ints.parts();
    let offset = bound.checked_sub(base)?;
    let found = match width {
        1 => compare_each(op, data, |&byte| byte, u8::try_from(offset).ok()?),
        2 => compare_each(op, data.as_chunks::<2>().0, |&bytes| u16::from_le_bytes(bytes), u16::try_from(offset).ok()?),
        4 => compare_each(op, data.as_chunks::<4>().0, |&bytes| u32::from_le_bytes(bytes), u32::try_from(offset).ok()?),
        _ => return None,
    };
    Some(Vector::bools(Ints::len(ints), Operand::Each(found)))
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

/// `left OP right`, row by row; never null.
pub(super) fn compare(op: CompareOp, left: &Vector, right: &Vector) -> Vector {
    let found = match (&left.values, &right.values) {
        (Values::Bool(a), Values::Bool(b)) => compare_by(op, a, b, |a| a, |b| b),
        (Values::Int(a), Values::Int(b)) => compare_by(op, a, b, |a| a, |b| b),
        (Values::Float(a), Values::Float(b)) => compare_by(op, a, b, |a| a, |b| b),
        (Values::Int(a), Values::Float(b)) => a.zip(b, |a, b| holds(op, cmp_int_float(a, b))),
        (Values::Float(a), Values::Int(b)) => a.zip(b, |a, b| holds(op.mirrored(), cmp_int_float(b, a))),
        (Values::Time(a), Values::Time(b)) => compare_by(op, a, b, |a: Time| a.nanos, |b: Time| b.nanos),
        (Values::Text(a), Values::Text(b)) => compare_texts(op, a, b),
        // One side has nothing but nulls; the checker lets no other types meet.
        _ => Operand::One(op == CompareOp::Ne),
    };
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

/// Whether the operator holds between two that compare so; `None` is a comparison with NaN.
pub(super) fn holds(op: CompareOp, order: Option<Ordering>) -> bool {
    match op {
        CompareOp::Eq => order == Some(Ordering::Equal),
        CompareOp::Ne => order != Some(Ordering::Equal),
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        CompareOp::Gt => order == Some(Ordering::Greater),
        CompareOp::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Batch, Column, Field, Ints, Origin, Schema, Type, record::value::cmp_int_float};

    use super::{beside_ints, holds, packed};
    use crate::{
        expr::{Constant, Expr, Operand, Values},
        query::ast::CompareOp,
    };

    const OPS: [CompareOp; 6] = [CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Le, CompareOp::Gt, CompareOp::Ge];

    #[test]
    fn packed_integers_compare_as_what_they_stand_for() {
        let check = |values: &[i64], bounds: &[i64], is_taken: bool| {
            let schema = Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap());
            let batch = Batch::new(schema, vec![Column::int(Ints::pack(values))], values.len(), Origin::default()).unwrap();
            for (op, &bound) in OPS.into_iter().flat_map(|op| bounds.iter().map(move |bound| (op, bound))) {
                let right = Expr::constant(Constant::Int(bound), bound.to_string());
                let got = packed(op, &Expr::column(0, Type::Int, "n"), &right, &batch);
                assert_eq!(got.is_some(), is_taken, "{values:?} {} {bound}", op.symbol());
                if let Some(Values::Bool(Operand::Each(got))) = got.map(|vector| vector.values) {
                    let expect: Vec<_> = values.iter().map(|value| holds(op, Some(value.cmp(&bound)))).collect();
                    assert_eq!(got, expect, "{values:?} {} {bound}", op.symbol());
                }
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

    #[test]
    fn float_constants_beside_integers_keep_their_meaning() {
        let ints = [i64::MIN, i64::MIN + 1, -2, -1, 0, 1, 2, 9_007_199_254_740_993, i64::MAX - 1, i64::MAX];
        let floats =
            [f64::NEG_INFINITY, -1e300, i64::MIN as f64, -1.5, -1.0, -0.0, 0.5, 1.0, 1.5, 9_007_199_254_740_992.0, 9.3e18, f64::INFINITY];
        for (op, int, float) in OPS.into_iter().flat_map(|op| ints.into_iter().flat_map(move |int| floats.map(|float| (op, int, float)))) {
            let got = match beside_ints(op, float) {
                Ok((op, bound)) => holds(op, Some(int.cmp(&bound))),
                Err(always) => always,
            };
            assert_eq!(got, holds(op, cmp_int_float(int, float)), "{int} {} {float}", op.symbol());
        }
    }
}
