//! `now()`: one moment for all records.

use crate::{
    expr::Expr,
    language::{CheckCall, FunctionWord},
};

/// `now`
pub(crate) static NOW: FunctionWord = FunctionWord {
    name: "now",
    syntax: "now()",
    doc: "the moment at which the query began, one for all records, in UTC or `--zone`",
    example: "time(datetime) < now() - 7d",
    args: 0..=0,
    check: CheckCall::Syntax(|checker, _, span| Ok(Expr::constant(checker.constant_time(checker.setting.now), checker.text(span)))),
};

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn is_one_moment() {
        for (text, expect) in [("now() - now()", "0.0 0.0 0.0 0.0"), ("now() > @2024-01-01", "true true true true")] {
            check_values(text, expect);
        }
    }
}
