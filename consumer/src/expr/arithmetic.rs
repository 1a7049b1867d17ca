//! `+ - * / // %` and the unary `-`: integers exactly or not at all, floats as IEEE 754 says.

use recpipe::Error;

use super::{
    ArithmeticOp, Expr, duration,
    vector::{Operand, Values, Vector, merge_nulls},
};

/// `left OP right`, row by row; null where one is no number (and no time either). `expr` is named in the error.
pub(super) fn arithmetic(op: ArithmeticOp, expr: &Expr, left: Vector, right: Vector) -> Result<Vector, Error> {
    let len = left.len;
    if matches!((&left.values, &right.values), (Values::Mixed(_), _) | (_, Values::Mixed(_))) {
        let pairs = left.parts().iter().flat_map(|a| right.parts().iter().map(move |b| (a.clone(), b.clone())));
        let results = pairs.map(|(a, b)| arithmetic(op, expr, a, b)).collect::<Result<_, _>>()?;
        return Vector::of_parts(len, results);
    }
    if matches!((&left.values, &right.values), (Values::Null, _) | (_, Values::Null)) {
        return Ok(Vector::null(len));
    }
    if matches!((&left.values, &right.values), (Values::Time(_), _) | (_, Values::Time(_))) {
        return duration::arithmetic(op, expr, &left, &right);
    }
    if op != ArithmeticOp::Div
        && let (Some(a), Some(b)) = (Ints::of(&left.values), Ints::of(&right.values))
    {
        let nulls = merge_nulls(left.nulls.clone(), right.nulls.clone());
        return ints(op, expr, len, nulls, &a, &b);
    }
    let (left, right) = (left.into_float(), right.into_float());
    let (Values::Float(a), Values::Float(b)) = (&left.values, &right.values) else {
        return if expr.is_open() {
            Ok(Vector::null(len))
        } else {
            Err(Error::Data(format!("`{}` calculates with what is no number", expr.text())))
        };
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

/// Whole numbers, of 64 bits wherever that is enough.
pub(crate) enum Ints<'a> {
    Narrow(&'a Operand<i64>),
    Wide(&'a Operand<i128>),
}

impl<'a> Ints<'a> {
    /// `None` for other values.
    pub(crate) fn of(values: &'a Values) -> Option<Self> {
        match values {
            Values::Int(values) => Some(Ints::Narrow(values)),
            Values::Wide(values) => Some(Ints::Wide(values)),
            _ => None,
        }
    }

    /// In 128 bits.
    pub(crate) fn widened(&self) -> Operand<i128> {
        match self {
            Ints::Narrow(values) => values.map(i128::from),
            Ints::Wide(values) => (*values).clone(),
        }
    }
}

/// Whole numbers, in 64 bits unless one of them needs more.
pub(crate) fn narrowed(values: Operand<i128>) -> Values {
    let fits = match &values {
        Operand::One(value) => i64::try_from(*value).is_ok(),
        Operand::Each(values) => values.iter().all(|value| i64::try_from(*value).is_ok()),
    };
    if fits { Values::Int(values.map(|value| value as i64)) } else { Values::Wide(values) }
}

/// A whole float as an integer, if it is in range.
pub(crate) fn to_int(whole: f64) -> Option<i128> {
    const TWO_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    (-TWO_127..TWO_127).contains(&whole).then_some(whole as i128)
}

fn ints(op: ArithmeticOp, expr: &Expr, len: usize, nulls: Option<Vec<bool>>, a: &Ints<'_>, b: &Ints<'_>) -> Result<Vector, Error> {
    let divides = matches!(op, ArithmeticOp::FloorDiv | ArithmeticOp::Rem);
    if let (Ints::Narrow(a), Ints::Narrow(b)) = (a, b) {
        let zeros = if divides { flags(len, b, |b| b == 0) } else { None };
        let nulls = merge_nulls(nulls.clone(), zeros);
        let values = match op {
            ArithmeticOp::Add => overflowing(len, nulls.as_deref(), a, b, i64::overflowing_add),
            ArithmeticOp::Sub => overflowing(len, nulls.as_deref(), a, b, i64::overflowing_sub),
            ArithmeticOp::Mul => overflowing(len, nulls.as_deref(), a, b, i64::overflowing_mul),
            ArithmeticOp::FloorDiv => overflowing(len, nulls.as_deref(), a, b, floor_div),
            ArithmeticOp::Rem | ArithmeticOp::Div => Ok(a.zip(b, floor_rem)),
        };
        if let Ok(values) = values {
            return Ok(Vector { len, values: Values::Int(values), nulls });
        }
    }
    let (a, b) = (&a.widened(), &b.widened());
    let zeros = if divides { flags(len, b, |b| b == 0) } else { None };
    let nulls = merge_nulls(nulls, zeros);
    let values = match op {
        ArithmeticOp::Add => overflowing(len, nulls.as_deref(), a, b, i128::overflowing_add),
        ArithmeticOp::Sub => overflowing(len, nulls.as_deref(), a, b, i128::overflowing_sub),
        ArithmeticOp::Mul => overflowing(len, nulls.as_deref(), a, b, i128::overflowing_mul),
        ArithmeticOp::FloorDiv => overflowing(len, nulls.as_deref(), a, b, wide_floor_div),
        ArithmeticOp::Rem | ArithmeticOp::Div => Ok(a.zip(b, wide_floor_rem)),
    };
    let values = values.map_err(|row| overflow(expr, a, b, row))?;
    Ok(Vector { len, values: narrowed(values), nulls })
}

/// `-of`, row by row; null where it is no number.
pub(super) fn negate(expr: &Expr, of: Vector) -> Result<Vector, Error> {
    of_ints_or_floats(expr, of, i64::overflowing_neg, i128::overflowing_neg, |value| -value)
}

/// A function that takes whole numbers to whole numbers and floats to floats.
pub(crate) fn of_ints_or_floats(
    expr: &Expr,
    of: Vector,
    narrow: impl Fn(i64) -> (i64, bool),
    wide: impl Fn(i128) -> (i128, bool),
    float: impl Fn(f64) -> f64,
) -> Result<Vector, Error> {
    let zero = Operand::One(0);
    let wide_zero = Operand::One(0);
    if let Values::Int(values) = &of.values
        && let Ok(values) = overflowing(of.len, of.nulls.as_deref(), values, &zero, |a, _| narrow(a))
    {
        return Ok(Vector { values: Values::Int(values), ..of });
    }
    let values = match (&of.values, Ints::of(&of.values)) {
        (Values::Float(values), _) => Values::Float(values.map(float)),
        (_, Some(values)) => {
            let values = values.widened();
            let results = overflowing(of.len, of.nulls.as_deref(), &values, &wide_zero, |a, _| wide(a));
            narrowed(results.map_err(|row| overflow(expr, &values, &wide_zero, row))?)
        }
        _ => return Ok(Vector::null(of.len)),
    };
    Ok(Vector { values, ..of })
}

pub(crate) fn overflow(expr: &Expr, a: &Operand<i128>, b: &Operand<i128>, row: usize) -> Error {
    let with = match (a, b) {
        (Operand::One(_), Operand::One(_)) => String::new(),
        (_, Operand::One(_)) => format!(" (of {})", a.get(row)),
        (Operand::One(_), _) => format!(" (of {})", b.get(row)),
        _ => format!(" (of {} and {})", a.get(row), b.get(row)),
    };
    let bits = if expr.is_open() { 128 } else { 64 };
    Error::Data(format!("integer overflow: the result of `{}`{with} does not fit in {bits} bits; with `float(…)` it would", expr.text()))
}

/// The results of an operation on whole numbers, or the first row that is not null and whose result does not fit.
#[inline]
pub(crate) fn overflowing<T: Copy>(
    len: usize,
    nulls: Option<&[bool]>,
    a: &Operand<T>,
    b: &Operand<T>,
    op: impl Fn(T, T) -> (T, bool),
) -> Result<Operand<T>, usize> {
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
            return Err(row);
        }
    }
    Ok(values)
}

/// For which values it holds; `None` when for none.
pub(crate) fn flags<T: Copy>(len: usize, values: &Operand<T>, holds: impl Fn(T) -> bool) -> Option<Vec<bool>> {
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

fn wide_floor_div(a: i128, b: i128) -> (i128, bool) {
    if b == 0 {
        return (0, false);
    }
    let (quotient, overflows) = a.overflowing_div(b);
    let inexact = !overflows && a.wrapping_rem(b) != 0 && (a < 0) != (b < 0);
    (quotient - i128::from(inexact), overflows)
}

fn wide_floor_rem(a: i128, b: i128) -> i128 {
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
    use super::{float_rem, floor_div, floor_rem, wide_floor_div, wide_floor_rem};

    #[test]
    fn division_rounds_down() {
        let check = |a: i64, b: i64, quotient: i64, rem: i64| {
            assert_eq!((floor_div(a, b), floor_rem(a, b)), ((quotient, false), rem), "{a} and {b}");
            let wide = (wide_floor_div(a.into(), b.into()), wide_floor_rem(a.into(), b.into()));
            assert_eq!(wide, ((quotient.into(), false), rem.into()), "{a} and {b} in 128 bits");
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
