//! `concat(a, b, …)`: the texts of values one after the other. Null is no text, and leaves nothing.

use recpipe::{Error, Type};

use super::{MANY, cast::Str};
use crate::{
    expr::{Call, Constant, Expr, Node, Rows, ScalarFunction, Texts, Values, Vector},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made},
    },
};

/// `concat`
pub(crate) static CONCAT: FunctionWord = FunctionWord {
    name: "concat",
    syntax: "concat(EXPR, …)",
    doc: "the texts of all, as `str` makes them, one after the other; null counts as empty",
    example: "concat(method, ' ', request) == 'GET /'",
    args: 1..=MANY,
    check: OfValues(check),
};

fn check(_: &Catalog, args: Vec<Expr>) -> Made {
    // The texts, and the empty one where there is none.
    let text = |arg: Expr| {
        let name = arg.text().to_owned();
        let text = if arg.storage() == Type::Text { arg } else { Expr::new(signature::call(Str, vec![arg]), Type::Text, name.clone()) };
        let empty = Expr::constant(Constant::Text([].into()), "\"\"");
        Expr::new(Node::Coalesce(vec![text, empty]), Type::Text, name)
    };
    Ok((signature::call(Concat, args.into_iter().map(text).collect()), Type::Text))
}

struct Concat;

impl ScalarFunction for Concat {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let texts: Option<Vec<&Texts>> =
            args.iter().map(|arg| if let Values::Text(texts) = &arg.values { Some(texts) } else { None }).collect();
        // Each is text, as the check made it.
        let Some(texts) = texts else { return Ok(Vector::null(call.batch.len())) };
        Rows::of(&args.iter().collect::<Vec<_>>()).texts(|row, out| {
            texts.iter().for_each(|texts| out.extend_from_slice(texts.get(row)));
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn null_counts_as_empty() {
        for (text, expect) in [
            ("concat(t, ':', n)", "'Abc:1' ' 42 :-7' ':' 'ÀÉ\u{130}x:0'"),
            ("concat(t)", "'Abc' ' 42 ' '' 'ÀÉ\u{130}x'"),
            ("concat(null, 'a', null, 1.0)", "'a1.0' 'a1.0' 'a1.0' 'a1.0'"),
            ("concat(b, f)", "'true1.5' 'false-0.5' '' 'true0.0'"),
            ("concat(null)", "'' '' '' ''"),
        ] {
            check_values(text, expect);
        }
    }
}
