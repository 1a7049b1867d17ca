//! `if(condition, a, b)`, `coalesce(a, …)`: one of several values. What is not needed is not computed, so they are
//! [nodes](crate::expr) of their own.

use recpipe::Type;

use super::MANY;
use crate::{
    expr::{Expr, Node},
    language::{
        Catalog,
        CheckCall::Values,
        FunctionWord,
        signature::{Made, Mistake, alike, coalesce, need},
    },
};

/// `if`
pub static IF: FunctionWord = FunctionWord {
    name: "if",
    syntax: "if(CONDITION, EXPR, EXPR)",
    doc: "the second where the condition is true, else the third",
    example: "if(status < 400, bytes, 0) > 0",
    args: 3..=3,
    check: Values(check_if),
};

/// `coalesce`
pub static COALESCE: FunctionWord = FunctionWord {
    name: "coalesce",
    syntax: "coalesce(EXPR, …)",
    doc: "the first that is not null",
    example: "coalesce(int(user), 0) == 0",
    args: 1..=MANY,
    check: Values(coalesce),
};

fn check_if(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Bool])?;
    let kind = alike(catalog, &args, 1)?;
    let wrong_number = |_| Mistake { arg: 0, what: "`if` takes a condition and two values".into(), label: String::new() };
    Ok((Node::If(Box::new(args.try_into().map_err(wrong_number)?)), kind))
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn the_one_that_is_chosen() {
        for (text, expect) in [
            ("if(b, n, 0)", "1 0 0 0"),
            ("if(n > 0, 'plus', t)", "'plus' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("if(b, 1, 2.5)", "1.0 2.5 2.5 1.0"),
            ("if(true, n, null)", "1 -7 null 0"),
            ("if(b, null, n)", "null -7 null null"),
            ("if(b, t, trim(t))", "'Abc' '42' null 'ÀÉ\u{130}x'"),
            ("coalesce(n, 5)", "1 -7 5 0"),
            ("coalesce(null, t, 'x')", "'Abc' ' 42 ' 'x' 'ÀÉ\u{130}x'"),
        ] {
            check_values(text, expect);
        }
    }
}
