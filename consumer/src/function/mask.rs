//! `mask(text)`: what differs from one message to the next gives way to what it is, as [`crate::mask`] says.

use recpipe::{Error, Type};

use crate::{
    expr::{Call, Rows, ScalarFunction, Values, Vector},
    language::{CheckCall::Values as OfValues, FunctionWord, signature::unary},
    mask::mask,
};

/// `mask`
pub(crate) static MASK: FunctionWord = FunctionWord {
    name: "mask",
    syntax: "mask(TEXT)",
    doc: "with `<n>`, `<ip>`, `<time>`, `<path>`, `<uuid>` and `<hex>` in place of such",
    example: "mask(request) startswith '/ply'",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], Mask, Type::Text)),
};

struct Mask;

impl ScalarFunction for Mask {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text] = call.args(args)?;
        let Values::Text(texts) = &text.values else { return call.no_value(&text) };
        Rows::of(&[&text]).texts(|row, out| {
            mask(texts.get(row), out);
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn of_texts() {
        check_values("mask(t)", "'Abc' ' <n> ' null 'ÀÉ\u{130}x'");
        check_values(
            "mask('user 42 from 10.1.2.3')",
            "'user <n> from <ip>' 'user <n> from <ip>' 'user <n> from <ip>' 'user <n> from <ip>'",
        );
    }
}
