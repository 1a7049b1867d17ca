//! `total(AGGREGATE)`: an aggregate of all records, beside each of them.

use crate::{
    expr::Expr,
    language::{CheckCall, Checked, Checker, FunctionWord, Seen, ast},
    plan::Computes,
    span::Span,
};

/// `total`
pub(crate) static TOTAL: FunctionWord = FunctionWord {
    name: "total",
    syntax: "total(AGGREGATE)",
    doc: "in `let`: the aggregate of all records with the same key; records come out at the end",
    example: "let share = bytes / total(sum(bytes)) per status",
    args: 1..=1,
    check: CheckCall::Syntax(check),
};

fn check(checker: &mut Checker<'_>, args: &[ast::Expr], span: Span) -> Checked<Expr> {
    checker.window(span, |checker| {
        let [aggregate] = args else { return Err(crate::language::Failed) };
        let aggregate = checker.aggregate_in(aggregate, "total(sum(x))")?;
        let seen = Seen::of_aggregate(&aggregate);
        Ok((Computes::Total(aggregate), seen))
    })
}
