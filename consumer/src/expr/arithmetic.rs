//! `+ - * / // %` and the unary `-`: integers exactly or not at all, floats as IEEE 754 says.

use recpipe::Error;

use super::{
    Expr, time,
    vector::{Operand, Values, Vector, merge_nulls},
};
use crate::query::ast::ArithmeticOp;

/// `left OP right`, row by row. `expr` is named in the error.
pub(super) fn arithmetic(op: ArithmeticOp, expr: &Expr, left: Vector, right: Vector) -> Result<Vector, Error> {
    let len = left.len;
    if matches!((&left.values, &right.values), (Values::Null, _) | (_, Values::Null)) {
        return Ok(Vector::null(len));
    }
    if matches!((&left.values, &right.values), (Values::Time(_), _) | (_, Values::Time(_))) {
        return time::arithmetic(op, expr, &left, &right);
    }
    if let (Values::Int(a), Values::Int(b)) = (&left.values, &right.values)
        && op != ArithmeticOp::Div
    {
        let zeros = match op {
            ArithmeticOp::FloorDiv | ArithmeticOp::Rem => flags(len, b, |b| b == 0),
            _ => None,
        };
        let nulls = merge_nulls(merge_nulls(left.nulls, right.nulls), zeros);
        let values = match op {
            ArithmeticOp::Add => checked(expr, len, nulls.as_deref(), a, b, i64::overflowing_add),
            ArithmeticOp::Sub => checked(expr, len, nulls.as_deref(), a, b, i64::overflowing_sub),
            ArithmeticOp::Mul => checked(expr, len, nulls.as_deref(), a, b, i64::overflowing_mul),
            ArithmeticOp::FloorDiv => checked(expr, len, nulls.as_deref(), a, b, floor_div),
            ArithmeticOp::Rem | ArithmeticOp::Div => Ok(a.zip(b, floor_rem)),
        }?;
        return Ok(Vector { len, values: Values::Int(values), nulls });
    }
    let (left, right) = (left.into_float(), right.into_float());
    let (Values::Float(a), Values::Float(b)) = (&left.values, &right.values) else {
        return Err(Error::Data(format!("`{}` calculates with what is no number", expr.text())));
    };
    let divides = matches!(op, ArithmeticOp::Div | ArithmeticOp::FloorDiv | ArithmeticOp::Rem);
    let zeros = if divides { flags(len, b, |b| b == 0.0) } else { None };
    let values = match op {
        ArithmeticOp::Add => a.zip(b, |a, b| a + b),
        ArithmeticOp::Sub => a.zip(b, |a, b| a - b),
        ArithmeticOp::Mul => a.zip(b, |a, b| a * b),
        ArithmeticOp::Div => a.zip(b, |a, b| a / b),
        ArithmeticOp::FloorDiv => a.zip(b, |a, b| (a / b).floor()),
        ArithmeticOp::Rem => a.zip(b, float_rem),
    };
    Ok(Vector { len, values: Values::Float(values), nulls: merge_nulls(merge_nulls(left.nulls, right.nulls), zeros) })
}

/// `-of`, row by row.
pub(super) fn negate(expr: &Expr, of: Vector) -> Result<Vector, Error> {
    let values = match &of.values {
        Values::Int(values) => Values::Int(checked_one(expr, of.len, of.nulls.as_deref(), values, i64::overflowing_neg)?),
        Values::Float(values) => Values::Float(values.map(|value| -value)),
        _ => return Ok(Vector::null(of.len)),
    };
    Ok(Vector { values, ..of })
}

/// The results of an operation on integers, or an error naming the first row that is not null and whose result does not
/// fit.
pub(super) fn checked_one(
    expr: &Expr,
    len: usize,
    nulls: Option<&[bool]>,
    a: &Operand<i64>,
    op: impl Fn(i64) -> (i64, bool),
) -> Result<Operand<i64>, Error> {
    checked(expr, len, nulls, a, &Operand::One(0), |a, _| op(a))
}

/// As [`checked_one`], of two operands.
#[inline]
pub(super) fn checked(
    expr: &Expr,
    len: usize,
    nulls: Option<&[bool]>,
    a: &Operand<i64>,
    b: &Operand<i64>,
    op: impl Fn(i64, i64) -> (i64, bool),
) -> Result<Operand<i64>, Error> {
    let mut any = false;
    let values = a.zip(b, |a, b| {
        let (value, overflows) = op(a, b);
        any |= overflows;
        value
    });
    if any {
        // What stands at a null row is arbitrary and may overflow.
        let is_null = |row: usize| nulls.is_some_and(|nulls| nulls[row]);
        if let Some(row) = (0..len).find(|&row| !is_null(row) && op(a.get(row), b.get(row)).1) {
            let with = match (a, b) {
                (Operand::One(_), Operand::One(_)) => String::new(),
                (_, Operand::One(_)) => format!(" (of {})", a.get(row)),
                (Operand::One(_), _) => format!(" (of {})", b.get(row)),
                _ => format!(" (of {} and {})", a.get(row), b.get(row)),
            };
            return Err(Error::Data(format!(
                "integer overflow: the result of `{}`{with} does not fit in 64 bits; with `float(…)` it would",
                expr.text()
            )));
        }
    }
    Ok(values)
}

/// For which values it holds; `None` when for none.
pub(super) fn flags<T: Copy>(len: usize, values: &Operand<T>, holds: impl Fn(T) -> bool) -> Option<Vec<bool>> {
    match values {
        Operand::One(value) => holds(*value).then(|| vec![true; len]),
        Operand::Each(values) => values.iter().any(|&value| holds(value)).then(|| values.iter().map(|&value| holds(value)).collect()),
    }
}

/// The quotient rounded down; 0 for a divisor of 0, whose row is null anyway.
fn floor_div(a: i64, b: i64) -> (i64, bool) {
    if b == 0 {
        return (0, false);
    }
    let (quotient, overflows) = a.overflowing_div(b);
    let inexact = !overflows && a.wrapping_rem(b) != 0 && (a < 0) != (b < 0);
    (quotient - i64::from(inexact), overflows)
}

/// What [`floor_div`] leaves; it has the sign of the divisor.
fn floor_rem(a: i64, b: i64) -> i64 {
    if b == 0 {
        return 0;
    }
    let rem = a.wrapping_rem(b);
    if rem != 0 && (rem < 0) != (b < 0) { rem + b } else { rem }
}

fn float_rem(a: f64, b: f64) -> f64 {
    let rem = a % b;
    if rem != 0.0 && (rem < 0.0) != (b < 0.0) { rem + b } else { rem }
}

#[cfg(test)]
mod tests {
    use super::{float_rem, floor_div, floor_rem};

    #[test]
    fn division_rounds_down() {
        let check = |a: i64, b: i64, quotient: i64, rem: i64| {
            assert_eq!((floor_div(a, b), floor_rem(a, b)), ((quotient, false), rem), "{a} and {b}");
            if b != 0 {
                assert_eq!(float_rem(a as f64, b as f64), rem as f64, "{a} and {b} as floats");
            }
        };
        check(7, 2, 3, 1);
        check(-7, 2, -4, 1);
        check(7, -2, -4, -1);
        check(-7, -2, 3, -1);
        check(6, 3, 2, 0);
        check(-6, 3, -2, 0);
        check(5, 0, 0, 0);
        assert_eq!(floor_div(i64::MIN, -1), (i64::MIN, true));
        assert_eq!(floor_rem(i64::MIN, -1), 0);
    }
}
