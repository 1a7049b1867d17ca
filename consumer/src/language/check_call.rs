//! Calls of functions: each is checked as its row of the catalog says.

use recpipe::Type;

use super::{
    Catalog, FunctionWord,
    ast::{self, ExprKind, Literal},
    check_expr::{Checked, Checker},
    diagnose::{Diagnostic, did_you_mean},
    signature::{self, Made, Mistake, need},
};
use crate::{
    expr::{Expr, Node, OfValues, Own, Takes},
    span::Span,
};

/// Checks a call, the number of whose arguments is already known to fit.
pub(crate) enum CheckCall {
    /// By its arguments' values alone.
    Values(fn(&Catalog, Vec<Expr>) -> Made),
    /// By how its arguments are written, or by more than them.
    Syntax(fn(&mut Checker<'_>, &[ast::Expr], Span) -> Checked<Expr>),
    /// Of any arguments, a function of one's own gives values of this type.
    Own(Type, OfValues),
}

impl std::fmt::Debug for CheckCall {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            CheckCall::Values(_) => "Values",
            CheckCall::Syntax(_) => "Syntax",
            CheckCall::Own(..) => "Own",
        })
    }
}

impl Checker<'_> {
    /// `f(a, …)`
    pub(super) fn call(&mut self, function: &ast::Ident, args: &[ast::Expr], span: Span) -> Checked<Expr> {
        // A column that an aggregate made is called as it was written: `sum(bytes)`.
        let column = self.text(span);
        if let Some(place) = self.scope.index_of_written(&column) {
            return self.column_at(place);
        }
        let Some(word) = self.catalog.function(&function.text) else {
            // The mistakes in the arguments are mistakes all the same.
            self.each(args, Self::expr).ok();
            let found = self.unknown_function(function, &column);
            return Err(self.fail(found));
        };
        if !word.args.contains(&args.len()) {
            self.each(args, Self::expr).ok();
            let what = format!("`{}` is given {} {}", word.name, args.len(), if args.len() == 1 { "argument" } else { "arguments" });
            return Err(self.fail(Diagnostic::new(span, what).label(format!("it is written `{}`", word.syntax))));
        }
        match word.check {
            CheckCall::Values(check) => self.values(args, span, check),
            CheckCall::Syntax(check) => check(self, args, span),
            CheckCall::Own(kind, eval) => {
                let args = self.each(args, Self::expr)?;
                Ok(self.made(signature::call(Own { kind, eval }, args), kind, span))
            }
        }
    }

    /// A call that is checked by its arguments' values.
    pub(crate) fn values(&mut self, args: &[ast::Expr], span: Span, check: fn(&Catalog, Vec<Expr>) -> Made) -> Checked<Expr> {
        let spans: Vec<_> = args.iter().map(|arg| arg.span).collect();
        let checked = self.each(args, Self::expr)?;
        self.finish_call(check(self.catalog, checked), &spans, span)
    }

    /// A call of a function that is checked by its arguments' values, for a stage that is made of some; at this place of the query.
    pub(crate) fn call_of(&mut self, word: &FunctionWord, args: Vec<Expr>, span: Span) -> Checked<Expr> {
        match word.check {
            CheckCall::Values(check) => {
                let spans = vec![span; args.len()];
                self.finish_call(check(self.catalog, args), &spans, span)
            }
            CheckCall::Syntax(_) | CheckCall::Own(..) => {
                let what = format!("`{}` is not checked by its values", word.name);
                Err(self.fail(Diagnostic::new(span, what)))
            }
        }
    }

    fn unknown_function(&self, function: &ast::Ident, call: &str) -> Diagnostic {
        let what = format!("unknown function `{}`", function.text);
        if self.catalog.aggregate(&function.text).is_some() {
            let what = format!("`{}` is an aggregate, not a function of one record", function.text);
            let label = match self.windows {
                Some(_) => format!("of the records so far it is `{call} so far`, of all of them `total({call})`"),
                None => format!("make the column first: `stats {call}`"),
            };
            return Diagnostic::new(function.span, what).label(label);
        }
        if let Some(row) = self.catalog.stage(&function.text) {
            let what = format!("`{}` is a stage, not a function of one record", function.text);
            return Diagnostic::new(function.span, what).label(format!("make the column first: `{}`", row.about.syntax));
        }
        let names: Vec<_> = self.catalog.functions.iter().map(|word| word.name).collect();
        Diagnostic::new(function.span, what)
            .label(did_you_mean(&function.text, names.iter().copied()))
            .help(format!("functions: {}", names.join(", ")))
    }

    /// The expression that a call is, or its mistake where it stands.
    pub(crate) fn finish_call(&mut self, made: Made, args: &[Span], span: Span) -> Checked<Expr> {
        match made {
            Ok((Node::Call(function, values), kind)) if function.takes() == Takes::Numbers => {
                let values = values.into_iter().zip(args).map(|(value, place)| self.numbers(value, false, *place)).collect();
                Ok(self.made(Node::Call(function, values), kind, span))
            }
            Ok((node, kind)) => Ok(self.made(node, kind, span)),
            Err(Mistake { arg, what, label }) => {
                let place = args.get(arg).copied().unwrap_or(span);
                Err(self.fail(Diagnostic::new(place, what).label(label)))
            }
        }
    }

    /// A value of one of these types, or null.
    pub(crate) fn value_of(&mut self, ast: &ast::Expr, kinds: &[Type]) -> Checked<Expr> {
        let checked = self.expr(ast)?;
        match need(self.catalog, std::slice::from_ref(&checked), 0, kinds) {
            Ok(()) => Ok(checked),
            Err(Mistake { what, label, .. }) => Err(self.fail(Diagnostic::new(ast.span, what).label(label))),
        }
    }

    /// A format for times: a literal, so that what is wrong with it is known before data flows.
    pub(crate) fn time_format<F>(&mut self, format: &ast::Expr, read: fn(&str) -> Result<F, String>) -> Checked<F> {
        let ExprKind::Literal(Literal::Text(text)) = &format.kind else {
            let found = Diagnostic::new(format.span, "a format must be known before data flows").label("write it in quotes: \"%Y-%m-%d\"");
            return Err(self.fail(found));
        };
        read(text)
            .map_err(|what| self.fail(Diagnostic::new(format.span, format!("bad format: {what}")).label("as in \"%Y-%m-%d %H:%M:%S\"")))
    }
}
