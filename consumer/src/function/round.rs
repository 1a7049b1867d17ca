//! `abs(x)`, `floor(x)`, `ceil(x)`, `round(x)`, `round(x, digits)`.

use recpipe::{Error, Type};

use crate::{
    expr::{
        Call, Constant, Expr, Gives, Node, Rows, ScalarFunction, Takes, Values, Vector,
        arithmetic::{of_ints_or_floats, to_int},
        rows::whole,
    },
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, Mistake, NUMBERS, kind, need, unary},
    },
};

/// `abs`
pub(crate) static ABS: FunctionWord = FunctionWord {
    name: "abs",
    syntax: "abs(NUMBER)",
    doc: "without its sign",
    example: "abs(bytes - 1000) < 10",
    args: 1..=1,
    check: OfValues(|catalog, args| {
        let kind = kind(&args, 0);
        unary(catalog, args, &NUMBERS, Abs, kind)
    }),
};

/// `floor`
pub(crate) static FLOOR: FunctionWord = FunctionWord {
    name: "floor",
    syntax: "floor(NUMBER)",
    doc: "rounded down, to an integer",
    example: "floor(bytes / 1KB) == 3",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &NUMBERS, Whole(f64::floor), Type::Int)),
};

/// `ceil`
pub(crate) static CEIL: FunctionWord = FunctionWord {
    name: "ceil",
    syntax: "ceil(NUMBER)",
    doc: "rounded up, to an integer",
    example: "ceil(bytes / 1KB) == 3",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &NUMBERS, Whole(f64::ceil), Type::Int)),
};

/// `round`
pub(crate) static ROUND: FunctionWord = FunctionWord {
    name: "round",
    syntax: "round(NUMBER[, DIGITS])",
    doc: "the nearest integer, or number with so many digits after the point; of two as near, the even one",
    example: "round(bytes / 1KB, 1) == 3.5",
    args: 1..=2,
    check: OfValues(check_round),
};

fn check_round(catalog: &Catalog, args: Vec<Expr>) -> Made {
    let Some(digits) = args.get(1) else { return unary(catalog, args, &NUMBERS, Whole(f64::round_ties_even), Type::Int) };
    need(catalog, &args, 0, &NUMBERS)?;
    if !matches!(digits.node(), Node::Constant(Constant::Int(0..=15))) {
        let what = format!("`{}` is no number of digits", digits.text());
        return Err(Mistake { arg: 1, what, label: "write it as a number from 0 to 15".into() });
    }
    let kind = kind(&args, 0);
    Ok((signature::call(RoundTo, args), kind))
}

struct Abs;

impl ScalarFunction for Abs {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [arg] = call.args(args)?;
        match &arg.values {
            Values::Float(_) | Values::Int(_) | Values::Wide(_) => {
                of_ints_or_floats(call.expr, arg, i64::overflowing_abs, i128::overflowing_abs, f64::abs)
            }
            _ => call.no_value(&arg),
        }
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }

    fn gives(&self, kind: Type, args: &[Expr]) -> Gives {
        if kind == Type::Int { Gives::Numbers } else { Gives::Numbers.as_args(args) }
    }
}

/// The whole number that this makes of each number.
struct Whole<F>(F);

impl<F: Fn(f64) -> f64 + Send + Sync> ScalarFunction for Whole<F> {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [arg] = call.args(args)?;
        match &arg.values {
            Values::Int(_) | Values::Wide(_) => Ok(arg),
            Values::Float(values) => whole(&arg, values, |value| to_int((self.0)(value))),
            _ => call.no_value(&arg),
        }
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }

    fn gives(&self, _: Type, _: &[Expr]) -> Gives {
        Gives::Numbers
    }
}

/// To so many digits after the point.
struct RoundTo;

impl ScalarFunction for RoundTo {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [number, digits] = call.args(args)?;
        let rows = Rows::of(&[&number, &digits]);
        match (&number.values, &digits.values) {
            (Values::Float(numbers), Values::Int(digits)) => Ok(rows.vector(Values::Float(numbers.zip(digits, round_to)))),
            (Values::Int(_) | Values::Wide(_), Values::Int(_)) => Ok(rows.vector(number.values)),
            _ => call.no_value(&number),
        }
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }

    fn gives(&self, _: Type, args: &[Expr]) -> Gives {
        Gives::Numbers.as_args(args)
    }
}

/// The decimal number with so many digits after the point that is nearest to the binary one, as the float that it is; of two as
/// near, that with an even last digit. `print "{x:.2f}"` shows the same: both leave it to the formatting of floats. (Scaling by a
/// power of ten rounds by itself: 1.005 is below 1.005, and 1.005 * 100 is 100.49999999999999.)
fn round_to(number: f64, digits: i64) -> f64 {
    if number.fract() == 0.0 || !number.is_finite() {
        return number;
    }
    let digits = usize::try_from(digits).unwrap_or(0);
    // What was written as a number reads as one.
    format!("{number:.digits$}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn of_whole_numbers_and_floats() {
        for (text, expect) in [
            ("abs(n)", "1 7 null 0"),
            ("abs(f)", "1.5 0.5 null 0.0"),
            ("floor(f)", "1 -1 null 0"),
            ("ceil(f)", "2 0 null 0"),
            ("round(f)", "2 0 null 0"),
            ("round(n)", "1 -7 null 0"),
            ("round(2.345, 2)", "2.35 2.35 2.35 2.35"),
            ("round(f, 0)", "2.0 -0.0 null 0.0"),
            ("round(n, 1)", "1 -7 null 0"),
            ("round(1e300, 15)", "1e+300 1e+300 1e+300 1e+300"),
        ] {
            check_values(text, expect);
        }
    }
}
