//! `left(text, n)`, `right(text, n)`: the ends of texts, which are views into them.

use recpipe::{Error, Type};

use super::slice::{characters, clamp, offset};
use crate::{
    expr::{Call, Expr, Rows, ScalarFunction, Texts, Values, Vector},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, need},
    },
};

/// `left`
pub(crate) static LEFT: FunctionWord = FunctionWord {
    name: "left",
    syntax: "left(TEXT, N)",
    doc: "its first N characters",
    example: "left(request, 4) == '/ply'",
    args: 2..=2,
    check: OfValues(|catalog, args| check(catalog, args, End { is_right: false })),
};

/// `right`
pub(crate) static RIGHT: FunctionWord = FunctionWord {
    name: "right",
    syntax: "right(TEXT, N)",
    doc: "its last N characters",
    example: "right(request, 4) == '.gif'",
    args: 2..=2,
    check: OfValues(|catalog, args| check(catalog, args, End { is_right: true })),
};

fn check(catalog: &Catalog, args: Vec<Expr>, end: End) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Int])?;
    Ok((signature::call(end, args), Type::Text))
}

struct End {
    is_right: bool,
}

impl ScalarFunction for End {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text, mut n] = call.args(args)?;
        clamp(&mut n);
        let (Values::Text(texts), Values::Int(counts)) = (&text.values, &n.values) else { return call.no_value(&text) };
        let rows = Rows::of(&[&text, &n]);
        let views = rows.map(|row| {
            let (view, n) = (texts.views.get(row), usize::try_from(counts.get(row)).unwrap_or(0));
            let text = texts.slice(view);
            // Within the view, whose ends are 32 bits wide.
            if self.is_right {
                let start = offset(text, characters(text).saturating_sub(n));
                (view.0 + start as u32, (text.len() - start) as u32)
            } else {
                (view.0, offset(text, n) as u32)
            }
        });
        Ok(rows.vector(Values::Text(Texts { bytes: texts.bytes.clone(), views })))
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn ends_of_texts() {
        for (text, expect) in [
            ("left(t, 2)", "'Ab' ' 4' null 'ÀÉ'"),
            ("right(t, 2)", "'bc' '2 ' null '\u{130}x'"),
            ("left(t, 9)", "'Abc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("right(t, 9)", "'Abc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("left(t, n)", "'A' '' null ''"),
            ("right(t, n)", "'c' '' null ''"),
            ("right('abc', 9223372036854775808)", "'abc' 'abc' 'abc' 'abc'"),
        ] {
            check_values(text, expect);
        }
    }
}
