//! `==`, `<` and their like: which constant is compared with, and which of several values is the least. The loops are those of
//! [`recpipe::record::compare`].

use std::cmp::Ordering;

use recpipe::{
    Value,
    record::{CompareOp, Constant, value::cmp_int_float},
};

use super::{Expr, Node};

/// The node that compares the two; a float constant beside integers becomes the integer that says the same.
pub(crate) fn node(op: CompareOp, left: Expr, right: Expr) -> Node {
    // The constant on the right, so that the rules below and the loops are needed once.
    if matches!(left.node(), Node::Constant(_)) && !matches!(right.node(), Node::Constant(_)) {
        return node(op.mirrored(), right, left);
    }
    if let (recpipe::Type::Int, Node::Constant(Constant::Float(float))) = (left.storage(), right.node()) {
        let text = right.text().to_owned();
        return match beside_ints(op, *float) {
            Ok((op, bound)) => {
                let right = Expr::constant(Constant::Int(bound.into()), text);
                Node::Compare { op, left: Box::new(left), right: Box::new(right) }
            }
            Err(always) => Node::Constant(Constant::Bool(always)),
        };
    }
    if let (recpipe::Type::Float, Node::Constant(Constant::Int(int))) = (left.storage(), right.node())
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
    let exact = cmp_int_float(floor.into(), float) == Some(Ordering::Equal);
    let beyond = cmp_int_float(floor.into(), float);
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

/// Whether a value is less, or greater, as is wanted, than the best so far. Values of different kinds are not compared: numbers
/// are better than times, those than bools, and those than text, whichever is wanted. NaN comes after all other numbers.
pub(crate) fn is_better(next: &Value<'_>, best: &Value<'_>, wanted: Ordering) -> bool {
    match class(next).cmp(&class(best)) {
        Ordering::Equal => next.total_cmp(best) == wanted,
        order => order == Ordering::Less,
    }
}

fn class(value: &Value<'_>) -> u8 {
    match value {
        Value::Int(_) | Value::Float(_) => 0,
        Value::Time(_) => 1,
        Value::Bool(_) => 2,
        Value::Text(_) => 3,
        Value::Null => 4,
    }
}

#[cfg(test)]
mod tests {
    use recpipe::record::{CompareOp, value::cmp_int_float};

    use super::beside_ints;

    #[test]
    fn float_constants_beside_integers_keep_their_meaning() {
        let ints = [i64::MIN, i64::MIN + 1, -2, -1, 0, 1, 2, 9_007_199_254_740_993, i64::MAX - 1, i64::MAX];
        let floats =
            [f64::NEG_INFINITY, -1e300, i64::MIN as f64, -1.5, -1.0, -0.0, 0.5, 1.0, 1.5, 9_007_199_254_740_992.0, 9.3e18, f64::INFINITY];
        for (op, int, float) in
            CompareOp::ALL.into_iter().flat_map(|op| ints.into_iter().flat_map(move |int| floats.map(|float| (op, int, float))))
        {
            let got = match beside_ints(op, float) {
                Ok((op, bound)) => op.holds(Some(int.cmp(&bound))),
                Err(always) => always,
            };
            assert_eq!(got, op.holds(cmp_int_float(int.into(), float)), "{int} {} {float}", op.symbol());
        }
    }
}
