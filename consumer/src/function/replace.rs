//! `replace(text, /regex/, with)`, `replace(text, text, with)`.

use memchr::memmem;
use recpipe::{Error, Type};
use regex::bytes::{NoExpand, Regex};

use crate::{
    expr::{Call, Expr, Rows, ScalarFunction, Values, Vector},
    language::{
        CheckCall, Checked, Checker, Diagnostic, Failed, FunctionWord,
        ast::{self, ExprKind, Literal},
        signature::{self, need, not_empty},
    },
    span::Span,
};

/// `replace`
pub(crate) static REPLACE: FunctionWord = FunctionWord {
    name: "replace",
    syntax: "replace(TEXT, /REGEX/ | TEXT, TEXT)",
    doc: "with each match replaced; `$1` in the last is a group of the regex",
    example: "replace(host, /\\.(com|org)$/, '.$1.') != host",
    args: 3..=3,
    check: CheckCall::Syntax(check),
};

fn check(checker: &mut Checker<'_>, args: &[ast::Expr], span: Span) -> Checked<Expr> {
    match args {
        [value, pattern, with] => match &pattern.kind {
            ExprKind::Literal(Literal::Regex { pattern: text, ignore_case }) => {
                check_regex(checker, value, (text, *ignore_case, pattern.span), with, span)
            }
            _ => checker.values(args, span, |catalog, args| {
                need(catalog, &args, 0, &[Type::Text])?;
                need(catalog, &args, 1, &[Type::Text])?;
                not_empty(&args, 1, "what to replace")?;
                need(catalog, &args, 2, &[Type::Text])?;
                Ok((signature::call(ReplaceText, args), Type::Text))
            }),
        },
        _ => Err(Failed),
    }
}

fn check_regex(
    checker: &mut Checker<'_>,
    value: &ast::Expr,
    (text, ignore_case, place): (&str, bool, Span),
    with: &ast::Expr,
    span: Span,
) -> Checked<Expr> {
    let checked = checker.value_of(value, &[Type::Text]);
    let regex = checker.regex(text, ignore_case, place, 1);
    let checked_with = checker.value_of(with, &[Type::Text]);
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
        return Err(checker.fail(Diagnostic::new(with.span, format!("the regex has no group `{group}`")).label(label)));
    }
    Ok(checker.made(signature::call(ReplaceMatches { regex, expand }, vec![value, new]), Type::Text, span))
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

struct ReplaceText;

impl ScalarFunction for ReplaceText {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text, old, new] = call.args(args)?;
        let (Values::Text(texts), Values::Text(olds), Values::Text(news)) = (&text.values, &old.values, &new.values) else {
            return call.no_value(&text);
        };
        Rows::of(&[&text, &old, &new]).texts(|row, out| {
            match (texts.get(row), olds.get(row)) {
                (text, []) => out.extend_from_slice(text),
                (text, old) => replace(text, old, news.get(row), out),
            }
            true
        })
    }
}

/// Each text with every match of the regex replaced.
struct ReplaceMatches {
    regex: Regex,
    /// Whether `$1` in what comes in their place is a group of the match.
    expand: bool,
}

impl ScalarFunction for ReplaceMatches {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text, with] = call.args(args)?;
        let (Values::Text(texts), Values::Text(news)) = (&text.values, &with.values) else { return call.no_value(&text) };
        Rows::of(&[&text, &with]).texts(|row, out| {
            let (text, new) = (texts.get(row), news.get(row));
            let replaced = if self.expand { self.regex.replace_all(text, new) } else { self.regex.replace_all(text, NoExpand(new)) };
            out.extend_from_slice(&replaced);
            true
        })
    }
}

/// Appends `text` with every `old` in it, which is not empty, replaced.
fn replace(text: &[u8], old: &[u8], new: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for at in memmem::find_iter(text, old) {
        out.extend_from_slice(&text[from..at]);
        out.extend_from_slice(new);
        from = at + old.len();
    }
    out.extend_from_slice(&text[from..]);
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn of_texts_and_of_matches() {
        for (text, expect) in [
            ("replace(t, 'b', '--')", "'A--c' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("replace(t, /[a-z4]/i, '<$0>')", "'<A><b><c>' ' <4>2 ' null 'ÀÉ\u{130}<x>'"),
            ("replace('ab', /(?<one>a)(b)/, '${2}_$one$$')", "'b_a$' 'b_a$' 'b_a$' 'b_a$'"),
            ("replace('ab', /(a)/, lower('$1'))", "'$1b' '$1b' '$1b' '$1b'"),
        ] {
            check_values(text, expect);
        }
    }
}
