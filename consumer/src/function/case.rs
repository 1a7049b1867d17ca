//! `lower(text)`, `upper(text)`.

use recpipe::{Error, Type};

use crate::{
    expr::{Call, Rows, ScalarFunction, Values, Vector},
    language::{CheckCall::Values as OfValues, FunctionWord, signature::unary},
};

/// `lower`
pub(crate) static LOWER: FunctionWord = FunctionWord {
    name: "lower",
    syntax: "lower(TEXT)",
    doc: "in lower case",
    example: "lower(method) == 'get'",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], Lower, Type::Text)),
};

/// `upper`
pub(crate) static UPPER: FunctionWord = FunctionWord {
    name: "upper",
    syntax: "upper(TEXT)",
    doc: "in upper case",
    example: "upper(method) == 'GET'",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], Upper, Type::Text)),
};

struct Lower;

impl ScalarFunction for Lower {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        each(call, args, |text, out| change_case(text, out, <[u8]>::make_ascii_lowercase, str::to_lowercase))
    }
}

struct Upper;

impl ScalarFunction for Upper {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        each(call, args, |text, out| change_case(text, out, <[u8]>::make_ascii_uppercase, str::to_uppercase))
    }
}

fn each(call: &Call<'_>, args: Vec<Vector>, change: impl Fn(&[u8], &mut Vec<u8>)) -> Result<Vector, Error> {
    let [text] = call.args(args)?;
    let Values::Text(texts) = &text.values else { return call.no_value(&text) };
    Rows::of(&[&text]).texts(|row, out| {
        change(texts.get(row), out);
        true
    })
}

/// Appends `text` with its letters changed by `ascii` or `unicode`, which sees whole words (a sigma at the end of one is another);
/// bytes that are no UTF-8 stay as they are.
fn change_case(text: &[u8], out: &mut Vec<u8>, ascii: fn(&mut [u8]), unicode: fn(&str) -> String) {
    if text.is_ascii() {
        let start = out.len();
        out.extend_from_slice(text);
        return ascii(&mut out[start..]);
    }
    for chunk in text.utf8_chunks() {
        out.extend_from_slice(unicode(chunk.valid()).as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn letters_of_all_scripts() {
        check_values("lower(t)", "'abc' ' 42 ' null 'àéi\u{307}x'");
        check_values("upper(t)", "'ABC' ' 42 ' null 'ÀÉ\u{130}X'");
        check_values("upper('a')", "'A' 'A' 'A' 'A'");
    }
}
