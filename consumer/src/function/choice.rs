//! `if(condition, a, b)`, `case(condition, a, …, z)`, `coalesce(a, …)`: one of several values. What is not needed is not computed, so they are
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
pub(crate) static IF: FunctionWord = FunctionWord {
    name: "if",
    syntax: "if(CONDITION, EXPR, EXPR)",
    doc: "the second where the condition is true, else the third",
    example: "if(status < 400, bytes, 0) > 0",
    args: 3..=3,
    check: Values(check_if),
};

/// `case`
pub(crate) static CASE: FunctionWord = FunctionWord {
    name: "case",
    syntax: "case(CONDITION, EXPR, …, EXPR)",
    doc: "the value behind the first condition that is true, else the last",
    example: "case(status < 300, 'ok', status < 400, 'moved', 'error') == 'moved'",
    args: 3..=MANY,
    check: Values(check_case),
};

/// `coalesce`
pub(crate) static COALESCE: FunctionWord = FunctionWord {
    name: "coalesce",
    syntax: "coalesce(EXPR, …)",
    doc: "the first that is not null",
    example: "coalesce(int(user), 0) == 0",
    args: 1..=MANY,
    check: Values(coalesce),
};

fn check_if(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Bool])?;
    let kind = alike(catalog, &args, 1..3)?;
    Ok((Node::Case(args), kind))
}

fn check_case(catalog: &Catalog, args: Vec<Expr>) -> Made {
    let last = args.len() - 1;
    if last % 2 == 1 {
        let label = "add what it is where no condition is true, such as `null`".to_owned();
        return Err(Mistake { arg: last, what: "`case` takes conditions, each with its value, and one value more".to_owned(), label });
    }
    (0..last).step_by(2).try_for_each(|condition| need(catalog, &args, condition, &[Type::Bool]))?;
    let kind = alike(catalog, &args, (1..last).step_by(2).chain([last]))?;
    Ok((Node::Case(args), kind))
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
            ("case(n > 0, 'plus', n < 0, 'minus', 'none')", "'plus' 'minus' 'none' 'none'"),
            ("case(b, n, 1.5)", "1.0 1.5 1.5 0.0"),
            ("case(n == 1, 10 // n, n == 0, 5, n < 0, -n, null)", "10 7 null 5"),
            ("case(n == 1, t, n == 0, upper(t), t == null, 'none', trim(t))", "'Abc' '42' 'none' 'ÀÉ\u{130}X'"),
            ("case(false, 1, true, 2, n == 1, 3, 4)", "2 2 2 2"),
            ("coalesce(n, 5)", "1 -7 5 0"),
            ("coalesce(null, t, 'x')", "'Abc' ' 42 ' 'x' 'ÀÉ\u{130}x'"),
        ] {
            check_values(text, expect);
        }
    }
}
