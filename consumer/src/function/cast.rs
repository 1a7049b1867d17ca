//! `int(x)`, `float(x)`, `str(x)`: a value as one of another type.

use std::io::Write;

use recpipe::{Error, Type};

use crate::{
    expr::{
        Call, Expr, Gives, Rows, ScalarFunction, Values, Vector,
        arithmetic::to_int,
        rows::{keep, whole},
    },
    language::{CheckCall::Values as OfValues, FunctionWord, signature::unary},
};

/// `int`
pub(crate) static INT: FunctionWord = FunctionWord {
    name: "int",
    syntax: "int(EXPR)",
    doc: "as a whole number; null for text that is no number; floats are cut",
    example: "int(user) > 5",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Int, Type::Float, Type::Text, Type::Bool], Int, Type::Int)),
};

/// `float`
pub(crate) static FLOAT: FunctionWord = FunctionWord {
    name: "float",
    syntax: "float(EXPR)",
    doc: "as a float; null for text that is no number",
    example: "float(bytes) > 1.5",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Float, Type::Int, Type::Text, Type::Bool], Float, Type::Float)),
};

/// `str`
pub(crate) static STR: FunctionWord = FunctionWord {
    name: "str",
    syntax: "str(EXPR)",
    doc: "as text",
    example: "str(status) startswith '4'",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text, Type::Int, Type::Float, Type::Bool, Type::Time], Str, Type::Text)),
};

struct Int;

impl ScalarFunction for Int {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [arg] = call.args(args)?;
        match &arg.values {
            Values::Int(_) | Values::Wide(_) => Ok(arg),
            Values::Bool(values) => keep(&arg, Values::Int(values.map(i64::from))),
            Values::Float(values) => whole(&arg, values, |value| to_int(value.trunc())),
            Values::Text(texts) => whole(&arg, &texts.views, |view| parse(texts.slice(view))),
            _ => call.no_value(&arg),
        }
    }

    fn gives(&self, _: Type, _: &[Expr]) -> Gives {
        Gives::Numbers
    }
}

struct Float;

impl ScalarFunction for Float {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [arg] = call.args(args)?;
        match &arg.values {
            Values::Float(_) => Ok(arg),
            Values::Int(_) | Values::Wide(_) => Ok(arg.into_float()),
            Values::Bool(values) => keep(&arg, Values::Float(values.map(|value| f64::from(u8::from(value))))),
            Values::Text(texts) => {
                let numbers = texts.views.map(|view| parse(texts.slice(view)));
                Ok(Rows::of(&[&arg]).optional(numbers, Values::Float))
            }
            _ => call.no_value(&arg),
        }
    }
}

/// The number that a text is, blanks around it aside.
fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

pub(super) struct Str;

impl ScalarFunction for Str {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [of] = call.args(args)?;
        let rows = Rows::of(&[&of]);
        // Writing to a vector does not fail.
        match &of.values {
            Values::Text(_) => Ok(of),
            Values::Int(values) => rows.texts(|row, out| {
                out.extend_from_slice(itoa::Buffer::new().format(values.get(row)).as_bytes());
                true
            }),
            _ => rows.texts(|row, out| write!(out, "{}", of.value(row)).is_ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn to_each_type() {
        for (text, expect) in [
            ("int(t)", "null 42 null null"),
            ("int('x')", "null null null null"),
            ("int('+7')", "7 7 7 7"),
            ("int(f)", "1 0 null 0"),
            ("int(f * 1e300)", "null null null 0"),
            ("int(b)", "1 0 null 1"),
            ("float(t)", "null 42.0 null null"),
            ("float(n)", "1.0 -7.0 null 0.0"),
            ("str(n)", "'1' '-7' null '0'"),
            ("str(f)", "'1.5' '-0.5' null '0.0'"),
            ("str(b)", "'true' 'false' null 'true'"),
            ("str(t)", "'Abc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("str(m)", "'2008-02-24T00:08:59.25-06:00' '1969-12-31T23:59:59.999999999+00:00' null '2008-02-24T00:08:59.25-06:00'"),
        ] {
            check_values(text, expect);
        }
    }
}
