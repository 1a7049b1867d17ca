//! `prev(x)`: what x was in the record before, or so many before.

use crate::{
    expr::Expr,
    language::{CheckCall, Checked, Checker, Diagnostic, FunctionWord, Seen, ast},
    plan::Computes,
    span::Span,
};

/// `prev`
pub(crate) static PREV: FunctionWord = FunctionWord {
    name: "prev",
    syntax: "prev(EXPR[, N])",
    doc: "in `let`: the value in the record before, or N before, with the same key; null where there is none",
    example: "let wait = time - prev(time) per host",
    args: 1..=2,
    check: CheckCall::Syntax(check),
};

fn check(checker: &mut Checker<'_>, args: &[ast::Expr], span: Span) -> Checked<Expr> {
    checker.window(span, |checker| {
        let n = match args.get(1) {
            None => Ok(1),
            Some(ast::Expr { kind: ast::ExprKind::Literal(ast::Literal::Int(n)), .. }) if (1..=i128::from(u32::MAX)).contains(n) => {
                Ok(*n as u64)
            }
            Some(other) => {
                let found = Diagnostic::new(other.span, "how many records before must be a whole number from 1 on");
                Err(checker.fail(found.label("as in `prev(x, 2)`")))
            }
        };
        let value = args.first().map(|value| checker.of_records(value)).transpose()?;
        let value = value.unwrap_or_else(|| Expr::constant(crate::expr::Constant::Null, "null"));
        let seen = Seen::of_expr(&value);
        Ok((Computes::Before(value, n?), seen))
    })
}
