//! Checks `=~` and `!~`, and compiles what they match with.

use recpipe::Type;
use regex::bytes::{Regex, RegexBuilder};

use super::{
    ast::{self, ExprKind, Literal},
    check_expr::{Checked, Checker},
    diagnose::Diagnostic,
    signature::name,
};
use crate::{
    expr::{Expr, Node},
    span::Span,
};

/// A compiled regex takes at most this much memory.
const REGEX_SIZE_BYTES: usize = 8 << 20;

impl Checker<'_> {
    /// `value =~ pattern`, or `!~`.
    pub(super) fn matches(&mut self, value: &ast::Expr, pattern: &ast::Expr, negated: bool, span: Span) -> Checked<Expr> {
        let regex = self.regex_of(pattern);
        let place = value.span;
        let value = self.of_records(value)?;
        if !matches!(value.kind(), Type::Text | Type::Null | Type::Mixed) {
            let what = format!("`{}` is {}; a regex is matched with text", value.text(), name(value.kind()));
            return Err(self.fail(Diagnostic::new(place, what).label(self.catalog.cast(&value, Type::Text))));
        }
        let found = Node::Matches { value: Box::new(value), regex: regex? };
        let found = self.made(found, Type::Bool, span);
        Ok(if negated { self.made(Node::Not(Box::new(found)), Type::Bool, span) } else { found })
    }

    /// A regex that is a literal, or text in quotes.
    pub(crate) fn regex_of(&mut self, pattern: &ast::Expr) -> Checked<Regex> {
        match &pattern.kind {
            ExprKind::Literal(Literal::Regex { pattern: text, ignore_case }) => self.regex(text, *ignore_case, pattern.span, 1),
            ExprKind::Literal(Literal::Text(text)) => self.regex(text, false, pattern.span, 1),
            _ => {
                let found = Diagnostic::new(pattern.span, "a regex must be known before data flows").label("write it as `/…/`");
                Err(self.fail(found))
            }
        }
    }

    /// The compiled regex; what is wrong with it is pointed at where `pattern` stands: from `start` on in the literal.
    pub(crate) fn regex(&mut self, pattern: &str, ignore_case: bool, literal: Span, start: usize) -> Checked<Regex> {
        let built = RegexBuilder::new(pattern).case_insensitive(ignore_case).size_limit(REGEX_SIZE_BYTES).nest_limit(100).build();
        built.map_err(|error| {
            let (what, column) = explain(&error);
            // Exact where nothing before it is escaped in the literal.
            let is_verbatim = self.source.slice(literal).get(start..).is_some_and(|raw| raw.starts_with(pattern));
            let span = match column {
                Some(column) if is_verbatim => {
                    let at = pattern.char_indices().nth(column).map_or(pattern.len(), |(at, _)| at);
                    Span::new(literal.start + start + at, literal.start + start + at)
                }
                _ => literal,
            };
            let label = match column {
                Some(_) => r"a sign that stands for itself has a backslash before it, as in `\(`",
                None => "a part with `{99}` counts 99 times: write it shorter",
            };
            self.fail(Diagnostic::new(span, format!("bad regex: {what}")).label(label))
        })
    }
}

/// The last line of a regex error, and the column of its caret where the pattern is shown on one line.
fn explain(error: &regex::Error) -> (String, Option<usize>) {
    const INDENT: usize = 4;
    let text = match error {
        regex::Error::Syntax(text) => text,
        regex::Error::CompiledTooBig(limit) => return (format!("it would take more than {limit} bytes"), None),
        other => return (other.to_string(), None),
    };
    let what = text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(text).trim().to_owned();
    let carets = text.lines().find_map(|line| line.find('^').filter(|_| line.trim_start().starts_with('^')));
    (what, carets.and_then(|at| at.checked_sub(INDENT)))
}
