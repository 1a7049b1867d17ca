//! `padleft(text, n[, fill])`, `padright(text, n[, fill])`: texts of at least so many characters.

use recpipe::{Error, Type};

use super::slice::characters;
use crate::{
    expr::{Call, Constant, Expr, Node, Rows, ScalarFunction, Values, Vector},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, Mistake, need},
    },
};

/// `padleft`
pub(crate) static PADLEFT: FunctionWord = FunctionWord {
    name: "padleft",
    syntax: "padleft(TEXT, N[, FILL])",
    doc: "with blanks, or FILL, before it, so that it has N characters; one that has more stays whole",
    example: "padleft(str(status), 5, '0') == '00404'",
    args: 2..=3,
    check: OfValues(|catalog, args| check(catalog, args, true)),
};

/// `padright`
pub(crate) static PADRIGHT: FunctionWord = FunctionWord {
    name: "padright",
    syntax: "padright(TEXT, N[, FILL])",
    doc: "with blanks, or FILL, behind it, so that it has N characters; one that has more stays whole",
    example: "padright(method, 5) == 'GET  '",
    args: 2..=3,
    check: OfValues(|catalog, args| check(catalog, args, false)),
};

/// `pad`: most texts are written from the left on, so it is `padright`.
pub(crate) static PAD: FunctionWord = FunctionWord {
    name: "pad",
    syntax: "pad(TEXT, N[, FILL])",
    doc: "the same as padright",
    example: "pad(method, 5) == 'GET  '",
    args: 2..=3,
    check: OfValues(|catalog, args| check(catalog, args, false)),
};

/// As of a template's WIDTH.
const MOST: i128 = 4096;

fn check(catalog: &Catalog, mut args: Vec<Expr>, is_left: bool) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    let fill = match args.get(2).map(Expr::node) {
        None => ' ',
        Some(Node::Constant(Constant::Text(fill))) if one_character(fill).is_some() => one_character(fill).unwrap_or(' '),
        Some(_) => {
            let what = format!("`{}` is not one character", args[2].text());
            return Err(Mistake { arg: 2, what, label: "write one in quotes, as in `padleft(x, 8, \"0\")`".into() });
        }
    };
    let width = match args.get(1).map(Expr::node) {
        Some(Node::Constant(Constant::Int(width @ 0..=MOST))) => *width as usize,
        _ => {
            let what = format!("`{}` is no number of characters", args.get(1).map_or("", Expr::text));
            return Err(Mistake { arg: 1, what, label: format!("write it as a number from 0 to {MOST}") });
        }
    };
    args.truncate(1);
    Ok((signature::call(Pad { width, fill, is_left }, args), Type::Text))
}

fn one_character(text: &[u8]) -> Option<char> {
    let mut chars = std::str::from_utf8(text).ok()?.chars();
    chars.next().filter(|_| chars.next().is_none())
}

struct Pad {
    width: usize,
    fill: char,
    is_left: bool,
}

impl ScalarFunction for Pad {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text] = call.args(args)?;
        let Values::Text(texts) = &text.values else { return call.no_value(&text) };
        let mut utf8 = [0; 4];
        let fill = self.fill.encode_utf8(&mut utf8).as_bytes();
        Rows::of(&[&text]).texts(|row, out| {
            let text = texts.get(row);
            let missing = self.width.saturating_sub(characters(text));
            let fill = std::iter::repeat_n(fill, missing).flatten();
            if self.is_left {
                out.extend(fill);
                out.extend_from_slice(text);
            } else {
                out.extend_from_slice(text);
                out.extend(fill);
            }
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn to_so_many_characters() {
        for (text, expect) in [
            ("padleft(t, 4)", "' Abc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("padright(t, 5, 'é')", "'Abcéé' ' 42 é' null 'ÀÉ\u{130}xé'"),
            ("padleft(t, 0)", "'Abc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("padleft('7', 3, '0')", "'007' '007' '007' '007'"),
        ] {
            check_values(text, expect);
        }
    }
}
