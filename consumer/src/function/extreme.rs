//! `min(a, b, …)`, `max(a, b, …)`: the least and the greatest of a row's values, which may be of several types.

use std::cmp::Ordering;

use recpipe::{
    Error, Type, Value,
    record::compare::{CompareOp, compare},
};

use super::MANY;
use crate::{
    expr::{Call, Expr, Gives, ScalarFunction, Takes, Values, Vector, choose, is_better, vector::merge_nulls},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, alike},
    },
};

/// `min`
pub(crate) static MIN: FunctionWord = FunctionWord {
    name: "min",
    syntax: "min(EXPR, EXPR, …)",
    doc: "the least; null if any is null",
    example: "min(status, bytes) > 0",
    args: 2..=MANY,
    check: OfValues(|catalog, args| check(catalog, args, Ordering::Less)),
};

/// `max`
pub(crate) static MAX: FunctionWord = FunctionWord {
    name: "max",
    syntax: "max(EXPR, EXPR, …)",
    doc: "the greatest; null if any is null",
    example: "max(status, bytes) > 500",
    args: 2..=MANY,
    check: OfValues(|catalog, args| check(catalog, args, Ordering::Greater)),
};

fn check(catalog: &Catalog, args: Vec<Expr>, wanted: Ordering) -> Made {
    let kind = alike(catalog, &args, 0..args.len())?;
    Ok((signature::call(Extreme { wanted }, args), kind))
}

struct Extreme {
    /// [`Ordering::Less`] for `min`, [`Ordering::Greater`] for `max`.
    wanted: Ordering,
}

impl ScalarFunction for Extreme {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let kind = call.expr.storage();
        if kind == Type::Mixed { self.of_several_types(&args) } else { self.of_one_type(args, kind) }
    }

    fn takes(&self) -> Takes {
        Takes::AllTypes
    }

    fn gives(&self, _: Type, args: &[Expr]) -> Gives {
        Gives::Any.as_args(args)
    }
}

impl Extreme {
    /// As [`is_better`] says.
    fn of_several_types(&self, args: &[Vector]) -> Result<Vector, Error> {
        let best = |row: usize| {
            args.iter().map(|arg| arg.value(row)).reduce(|best, next| if is_better(&next, &best, self.wanted) { next } else { best })
        };
        let is_null = |row: usize| args.iter().any(|arg| arg.is_null(row));
        let len = args.first().map_or(0, |arg| arg.len);
        Vector::collect((0..len).map(|row| if is_null(row) { Value::Null } else { best(row).unwrap_or(Value::Null) }))
    }

    fn of_one_type(&self, args: Vec<Vector>, kind: Type) -> Result<Vector, Error> {
        let mut args = args.into_iter().map(|arg| if kind == Type::Float { arg.into_float() } else { arg });
        let Some(mut best) = args.next() else { return Ok(Vector::null(0)) };
        for next in args {
            let nulls = merge_nulls(best.nulls.take(), next.nulls.clone());
            let next = Vector { nulls: None, ..next };
            best = match (&best.values, &next.values, self.wanted) {
                (Values::Int(a), Values::Int(b), Ordering::Less) => Vector { values: Values::Int(a.zip(b, i64::min)), ..best },
                (Values::Int(a), Values::Int(b), _) => Vector { values: Values::Int(a.zip(b, i64::max)), ..best },
                // NaN comes after all other numbers, as in sorting.
                (Values::Float(a), Values::Float(b), Ordering::Less) => Vector { values: Values::Float(a.zip(b, f64::min)), ..best },
                (Values::Float(a), Values::Float(b), _) => {
                    let max = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
                    Vector { values: Values::Float(a.zip(b, max)), ..best }
                }
                (_, _, wanted) => {
                    let op = if wanted == Ordering::Less { CompareOp::Le } else { CompareOp::Ge };
                    let first = compare(op, &best, &next).truth();
                    choose(&first, best, next, kind)?
                }
            };
            best.nulls = nulls;
        }
        Ok(best)
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn of_each_type() {
        for (text, expect) in [
            ("min(n, 0)", "0 -7 null 0"),
            ("max(n, f, 0)", "1.5 0.0 null 0.0"),
            ("max(t, 'B')", "'B' 'B' null 'ÀÉ\u{130}x'"),
            ("max(m, @2000-01-01)", "2008-02-24T00:08:59.25-06:00 2000-01-01T00:00:00+00:00 null 2008-02-24T00:08:59.25-06:00"),
        ] {
            check_values(text, expect);
        }
    }
}
