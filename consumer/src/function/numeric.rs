//! `sqrt(x)`, `log(x)`, `log2(x)`, `log10(x)`, `exp(x)`, `pow(x, y)`: floats; null where there is no such number, as with a division
//! by zero.
//!
//! All but the root are those of the crate `libm`: the standard library asks the system's, whose last digit differs between systems.

use recpipe::{Error, Type};

use crate::{
    expr::{Call, Expr, Rows, ScalarFunction, Takes, Values, Vector},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, NUMBERS, need, unary},
    },
};

/// `sqrt`
pub(crate) static SQRT: FunctionWord = FunctionWord {
    name: "sqrt",
    syntax: "sqrt(NUMBER)",
    doc: "the square root; null of what is below 0",
    example: "sqrt(bytes) > 100",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &NUMBERS, Of(f64::sqrt), Type::Float)),
};

/// `log`
pub(crate) static LOG: FunctionWord = FunctionWord {
    name: "log",
    syntax: "log(NUMBER)",
    doc: "the natural logarithm; null of what is not above 0",
    example: "log(bytes) > 10",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &NUMBERS, Of(libm::log), Type::Float)),
};

/// `log2`
pub(crate) static LOG2: FunctionWord = FunctionWord {
    name: "log2",
    syntax: "log2(NUMBER)",
    doc: "the logarithm to base 2; null of what is not above 0",
    example: "floor(log2(bytes)) == 10",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &NUMBERS, Of(libm::log2), Type::Float)),
};

/// `log10`
pub(crate) static LOG10: FunctionWord = FunctionWord {
    name: "log10",
    syntax: "log10(NUMBER)",
    doc: "the logarithm to base 10; null of what is not above 0",
    example: "floor(log10(bytes)) == 3",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &NUMBERS, Of(libm::log10), Type::Float)),
};

/// `exp`
pub(crate) static EXP: FunctionWord = FunctionWord {
    name: "exp",
    syntax: "exp(NUMBER)",
    doc: "e to this power",
    example: "exp(0) == 1",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &NUMBERS, Of(libm::exp), Type::Float)),
};

/// `pow`
pub(crate) static POW: FunctionWord = FunctionWord {
    name: "pow",
    syntax: "pow(NUMBER, NUMBER)",
    doc: "the first to the power of the second, a float; null where there is none, as of a root of -1",
    example: "pow(2, 10) == 1024",
    args: 2..=2,
    check: OfValues(check_pow),
};

fn check_pow(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &NUMBERS)?;
    need(catalog, &args, 1, &NUMBERS)?;
    Ok((signature::call(Pow, args), Type::Float))
}

/// What this makes of each number.
struct Of<F>(F);

impl<F: Fn(f64) -> f64 + Send + Sync> ScalarFunction for Of<F> {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [arg] = call.args(args)?;
        let arg = arg.into_float();
        let Values::Float(numbers) = &arg.values else { return call.no_value(&arg) };
        let results = numbers.map(|number| some(number, (self.0)(number)));
        Ok(Rows::of(&[&arg]).optional(results, Values::Float))
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }
}

struct Pow;

impl ScalarFunction for Pow {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [base, power] = call.args(args)?.map(Vector::into_float);
        let (Values::Float(bases), Values::Float(powers)) = (&base.values, &power.values) else { return call.no_value(&base) };
        // One over zero is no number.
        let results =
            bases.zip(powers, |base, power| if base == 0.0 && power < 0.0 { None } else { some(base + power, libm::pow(base, power)) });
        Ok(Rows::of(&[&base, &power]).optional(results, Values::Float))
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }
}

/// The result for this number, if there is one: none is minus infinity, or what is no number though `of` is one.
fn some(of: f64, result: f64) -> Option<f64> {
    let is_none = result.is_nan() && !of.is_nan() || result == f64::NEG_INFINITY && of.is_finite();
    (!is_none).then_some(result)
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn where_there_is_such_a_number() {
        for (text, expect) in [
            ("sqrt(n)", "1.0 null null 0.0"),
            ("log(n)", "0.0 null null null"),
            ("log2(n + 8) == log2(9)", "true false false false"),
            ("log2(8)", "3.0 3.0 3.0 3.0"),
            ("log10(1000)", "3.0 3.0 3.0 3.0"),
            ("exp(0)", "1.0 1.0 1.0 1.0"),
            ("exp(1000)", "inf inf inf inf"),
            ("pow(2, 10)", "1024.0 1024.0 1024.0 1024.0"),
            ("pow(n, 2)", "1.0 49.0 null 0.0"),
            ("pow(n, -1) == 1.0 / n", "true true true true"),
            ("pow(n, 0.5)", "1.0 null null 0.0"),
            ("sqrt(null)", "null null null null"),
        ] {
            check_values(text, expect);
        }
    }
}
