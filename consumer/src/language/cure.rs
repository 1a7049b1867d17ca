//! How to mend a query, in words that work when they are typed: the one place that writes names and casts for messages.

use std::borrow::Cow;

use recpipe::Type;

use super::{
    Catalog,
    parse_expr::RESERVED,
    token::{Kind, Lexer},
};
use crate::expr::Expr;

impl Catalog {
    /// A field as a query names it: in backticks where it would be read as something else.
    pub(crate) fn field<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let is_value = matches!(name, "null" | "true" | "false") || RESERVED.contains(&name);
        let token = Lexer::new(name, 0, name.len()).token();
        let is_word = matches!(&token.kind, Kind::Name(word) if word == name) && !is_value;
        // What an aggregate made, or what is computed of other records, is called as it was written.
        let of_several = name.rsplit_once(" last ").filter(|(_, records)| records.bytes().all(|byte| byte.is_ascii_digit()));
        let call = name.strip_suffix(" so far").or(of_several.map(|(call, _)| call)).unwrap_or(name);
        let makes = |word: &str| self.aggregate(word).is_some() || matches!(word, "prev" | "number" | "total");
        let is_made = call.split_once('(').is_some_and(|(word, rest)| makes(word) && rest.ends_with(')'));
        if is_word || is_made { name.into() } else { format!("`{}`", name.replace('`', "``")).into() }
    }

    /// Fields as a list of them is shown.
    pub(crate) fn fields<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> String {
        names.into_iter().map(|name| self.field(name)).collect::<Vec<_>>().join(", ")
    }

    /// An expression as it is typed.
    pub(crate) fn written<'e>(&self, expr: &'e Expr) -> Cow<'e, str> {
        if expr.as_column().is_some() { self.field(expr.text()) } else { expr.text().into() }
    }

    /// What to write for an expression to make it one of type `wanted`, where an int serves as a float and a float as an int; empty
    /// if there is no way.
    ///
    /// Text becomes a float, never an int: `int("12.50")` is null.
    pub(crate) fn cast(&self, expr: &Expr, wanted: Type) -> String {
        let text = self.written(expr);
        match (expr.kind(), wanted) {
            (Type::Text, Type::Int | Type::Float) => format!("write `float({text})`"),
            (Type::Bool, Type::Int) => format!("write `int({text})`"),
            (Type::Bool, Type::Float) => format!("write `float({text})`"),
            (Type::Text | Type::Int | Type::Float, Type::Time) => format!("write `time({text})`"),
            (Type::Time, Type::Int | Type::Float) => format!("write `epoch({text})`"),
            (Type::Int | Type::Float | Type::Bool | Type::Time, Type::Text) => format!("write `str({text})`"),
            (Type::Int | Type::Float, Type::Bool) => format!("compare it, as in `{text} != 0`"),
            (Type::Text, Type::Bool) => format!("compare it, as in `{text} != \"\"`"),
            _ => String::new(),
        }
    }

    /// The same where nothing but an int will do.
    pub(crate) fn whole(&self, expr: &Expr) -> String {
        match expr.kind() {
            Type::Text => format!("write `round(float({}))`", self.written(expr)),
            Type::Float => format!("write `round({})`", self.written(expr)),
            _ => self.cast(expr, Type::Int),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::CATALOG;

    #[test]
    fn names_are_in_backticks_where_they_have_to_be() {
        for bare in ["status", "http_referer", "a.b", "sum(bytes)", "count", "_file", "prev(time)", "sum(x) so far", "avg(x) last 5"] {
            assert_eq!(CATALOG.field(bare), bare);
        }
        for odd in ["Order Date", "user-agent", "by", "null", "Unit Price (EUR)", "1st", "", "a|b", "é b"] {
            assert_eq!(CATALOG.field(odd), format!("`{odd}`"));
        }
        assert_eq!(CATALOG.field("a`b"), "`a``b`");
    }
}
