//! How to mend a query, in words that work when they are typed: the one place that writes names for messages.

use std::borrow::Cow;

use super::{
    parse_expr::RESERVED,
    token::{Kind, Lexer},
    words,
};

/// A field as a query names it: in backticks where it would be read as something else.
pub(crate) fn field(name: &str) -> Cow<'_, str> {
    let is_value = matches!(name, "null" | "true" | "false") || RESERVED.contains(&name);
    let token = Lexer::new(name, 0, name.len()).token();
    let is_word = matches!(&token.kind, Kind::Name(word) if word == name) && !is_value;
    // What an aggregate made is called as it was written.
    let is_made = name.split_once('(').is_some_and(|(word, rest)| words::aggregate(word).is_some() && rest.ends_with(')'));
    if is_word || is_made { name.into() } else { format!("`{}`", name.replace('`', "``")).into() }
}

/// Fields as a list of them is shown.
pub(crate) fn fields<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(field).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn names_are_in_backticks_where_they_have_to_be() {
        for bare in ["status", "http_referer", "a.b", "sum(bytes)", "count", "_file"] {
            assert_eq!(field(bare), bare);
        }
        for odd in ["Order Date", "user-agent", "by", "null", "Unit Price (EUR)", "1st", "", "a|b", "é b"] {
            assert_eq!(field(odd), format!("`{odd}`"));
        }
        assert_eq!(field("a`b"), "`a``b`");
    }
}
