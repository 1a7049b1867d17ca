//! Calls of functions, and those whose arguments are more than values: formats, regexes, the clock.

use recpipe::Type;
use regex::bytes::Regex;

use super::{
    ast::{self, ExprKind, Literal},
    check_expr::{Checked, Checker, Failed},
    diagnose::{Diagnostic, did_you_mean},
    functions::{self, CheckCall, Made, Mistake, need},
};
use crate::{
    expr::{Expr, Function, Node},
    span::Span,
    time::TimeFormat,
};

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
            CheckCall::Values(check) => {
                let spans: Vec<_> = args.iter().map(|arg| arg.span).collect();
                let checked = self.each(args, Self::expr)?;
                self.finish_call(check(self.catalog, checked), &spans, span)
            }
            CheckCall::Syntax(check) => check(self, args, span),
        }
    }

    fn unknown_function(&self, function: &ast::Ident, call: &str) -> Diagnostic {
        let what = format!("unknown function `{}`", function.text);
        if self.catalog.aggregate(&function.text).is_some() {
            let what = format!("`{}` is an aggregate, not a function of one record", function.text);
            return Diagnostic::new(function.span, what).label(format!("make the column first: `stats {call}`"));
        }
        let names: Vec<_> = self.catalog.functions.iter().map(|word| word.name).collect();
        Diagnostic::new(function.span, what)
            .label(did_you_mean(&function.text, names.iter().copied()))
            .help(format!("functions: {}", names.join(", ")))
    }

    /// The expression that a call is, or its mistake where it stands.
    pub(super) fn finish_call(&mut self, made: Made, args: &[Span], span: Span) -> Checked<Expr> {
        match made {
            Ok((Node::Call(function, mut values), kind)) if function.takes_numbers() => {
                let times = function == Function::Bin;
                let value_of = |(value, place): (Expr, &Span)| self.numbers(value, times, *place);
                values = values.into_iter().zip(args).map(value_of).collect();
                Ok(self.made(Node::Call(function, values), kind, span))
            }
            Ok((node, kind)) => Ok(self.made(node, kind, span)),
            Err(Mistake { arg, what, label }) => {
                let place = args.get(arg).copied().unwrap_or(span);
                Err(self.fail(Diagnostic::new(place, what).label(label)))
            }
        }
    }

    /// `strftime(time, format)`
    pub(super) fn strftime(&mut self, args: &[ast::Expr], span: Span) -> Checked<Expr> {
        let [value, format] = args else { return Err(Failed) };
        let checked = self.value_of(value, &[Type::Time]);
        let format = self.time_format(format, TimeFormat::new)?;
        Ok(self.made(Node::Strftime { value: Box::new(checked?), format }, Type::Text, span))
    }

    /// A value of one of these types, or null.
    pub(super) fn value_of(&mut self, ast: &ast::Expr, kinds: &[Type]) -> Checked<Expr> {
        let checked = self.expr(ast)?;
        match need(self.catalog, std::slice::from_ref(&checked), 0, kinds) {
            Ok(()) => Ok(checked),
            Err(Mistake { what, label, .. }) => Err(self.fail(Diagnostic::new(ast.span, what).label(label))),
        }
    }

    /// A format for times: a literal, so that what is wrong with it is known before data flows.
    pub(super) fn time_format<F>(&mut self, format: &ast::Expr, read: fn(&str) -> Result<F, String>) -> Checked<F> {
        let ExprKind::Literal(Literal::Text(text)) = &format.kind else {
            let found = Diagnostic::new(format.span, "a format must be known before data flows").label("write it in quotes: \"%Y-%m-%d\"");
            return Err(self.fail(found));
        };
        read(text)
            .map_err(|what| self.fail(Diagnostic::new(format.span, format!("bad format: {what}")).label("as in \"%Y-%m-%d %H:%M:%S\"")))
    }

    /// `replace(text, /regex/, with)`, `replace(text, text, with)`
    pub(super) fn replace(&mut self, args: &[ast::Expr], span: Span) -> Checked<Expr> {
        let [value, pattern, with] = args else { return Err(Failed) };
        let ExprKind::Literal(Literal::Regex { pattern: text, ignore_case }) = &pattern.kind else {
            let spans: Vec<_> = args.iter().map(|arg| arg.span).collect();
            let checked = self.each(args, Self::expr)?;
            return self.finish_call(functions::replace(self.catalog, checked), &spans, span);
        };
        let checked = self.value_of(value, &[Type::Text]);
        let regex = self.regex(text, *ignore_case, pattern.span, 1);
        let checked_with = self.value_of(with, &[Type::Text]);
        let (value, regex, new) = (checked?, regex?, checked_with?);
        // Only what stands in the query: a `$` in data is a `$`.
        let expand = matches!(with.kind, ExprKind::Literal(_));
        if let ExprKind::Literal(Literal::Text(text)) = &with.kind
            && let Some(group) = unknown_group(text, &regex)
        {
            let digits = group.len() - group.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let label = match digits {
                0 => "a `$` is written `$$`".to_owned(),
                _ if digits < group.len() => format!("write `${{{}}}{}`", &group[..digits], &group[digits..]),
                _ if regex.captures_len() == 1 => "a group is in parentheses; a `$` is written `$$`".to_owned(),
                _ => format!("groups are numbered from 1 to {}; a `$` is written `$$`", regex.captures_len() - 1),
            };
            return Err(self.fail(Diagnostic::new(with.span, format!("the regex has no group `{group}`")).label(label)));
        }
        let node = Node::Replace { value: Box::new(value), regex, with: Box::new(new), expand };
        Ok(self.made(node, Type::Text, span))
    }
}

/// The first group that a replacement names and the regex does not have.
fn unknown_group<'t>(with: &'t str, regex: &Regex) -> Option<&'t str> {
    let mut rest = with;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
            continue;
        }
        // As the `regex` crate reads it: in braces, or as far as letters, digits and `_` go.
        let group = match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((group, _)) => group,
            None => &rest[..rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len())],
        };
        let is_known = match group.parse::<usize>() {
            Ok(number) => number < regex.captures_len(),
            Err(_) => group.is_empty() || regex.capture_names().flatten().any(|name| name == group),
        };
        if !is_known {
            return Some(group);
        }
    }
    None
}
