//! The template of `print`: text with fields in braces.
//!
//! # Format
//!
//! ```text
//! template := ( text | "{{" | "}}" | "{" name [ ":" format ] "}" )*
//! name     := any characters but `}` `:` and backtick, or any between two backticks, where two are one of the name
//! format   := what `format.rs` reads
//! ```

use super::{
    diagnose::Diagnostic,
    token::{name_in_backticks, offset_in_literal},
};
use crate::{span::Span, time::format_spec::FormatSpec};

/// A template, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Template {
    /// Its parts, in order; no two texts stand next to each other.
    pub parts: Vec<Part>,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A field.
    Field {
        /// Its name.
        name: String,
        /// Where the name stands in the query.
        span: Span,
        /// How it is shown.
        format: FormatSpec,
        /// Where that stands in the query, or the name where nothing is said.
        format_span: Span,
    },
}

impl Template {
    /// Parses `text`, the content of the literal `raw` that stands at `start` in the query.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn parse(text: &str, raw: &str, start: usize) -> Result<Self, Diagnostic> {
        let place = |from: usize, to: usize| Span::new(start + offset_in_literal(raw, from), start + offset_in_literal(raw, to));
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(brace) = text[at..].find(['{', '}']).map(|len| at + len) {
            plain.push_str(&text[at..brace]);
            let rest = &text[brace..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                plain.push_str(&rest[..1]);
                at = brace + 2;
                continue;
            }
            if rest.starts_with('}') {
                return Err(Diagnostic::new(place(brace, brace + 1), "a `}` without its `{`").label("write `}}` for a brace"));
            }
            let unclosed = || Diagnostic::new(place(brace, brace + 1), "a `{` without its `}`").label("write `{{` for a brace");
            let (name, name_at, name_len, format_at) = match rest[1..].strip_prefix('`') {
                Some(quoted) => {
                    let (name, len) = name_in_backticks(quoted).ok_or_else(unclosed)?;
                    (name, brace + 2, len - 1, brace + 2 + len)
                }
                None => {
                    let len = rest[1..].find([':', '}', '{']).ok_or_else(unclosed)?;
                    (rest[1..=len].to_owned(), brace + 1, len, brace + 1 + len)
                }
            };
            let end = format_at + text[format_at..].find('}').ok_or_else(unclosed)?;
            let format = &text[format_at..end];
            if format.contains('{') {
                return Err(unclosed());
            }
            if name.is_empty() {
                return Err(Diagnostic::new(place(brace, end + 1), "a field without a name").label("write `{{}}` for two braces"));
            }
            let format_span = if format.is_empty() { place(name_at, name_at + name_len) } else { place(format_at + 1, end) };
            let format = match format.strip_prefix(':') {
                None if format.is_empty() => FormatSpec::default(),
                None => return Err(Diagnostic::new(place(format_at, end), "a format begins with `:`").label("as in `{bytes:>10}`")),
                Some(format) => FormatSpec::parse(format).map_err(|wrong| Diagnostic::new(format_span, wrong.what).label(wrong.mend))?,
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Field { name, span: place(name_at, name_at + name_len), format, format_span });
            at = end + 1;
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Template { parts })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FormatSpec, Part, Span, Template};

    fn parse(text: &str) -> Result<Template, String> {
        let raw = format!("'{text}'");
        Template::parse(text, &raw, 0).map_err(|found| format!("{} @{}", found.what, &raw[found.span.start..found.span.end]))
    }

    #[test]
    fn fields_braces_and_formats() {
        let text = |text: &str| Part::Text(text.into());
        let field = |name: &str, start, format: &str| {
            let span = Span::new(start, start + name.len());
            let after = span.end + 1 + usize::from(text_has_tick(name));
            let format_span = if format.is_empty() { span } else { Span::new(after, after + format.len()) };
            Part::Field { name: name.into(), span, format: FormatSpec::parse(format).unwrap(), format_span }
        };
        let check = |input: &str, expect: &[Part]| assert_eq!(parse(input).map(|t| t.parts).as_deref(), Ok(expect), "{input}");
        check("", &[]);
        check("abc", &[text("abc")]);
        check("{a} {b}", &[field("a", 2, ""), text(" "), field("b", 6, "")]);
        check("{bytes:>10}", &[field("bytes", 2, ">10")]);
        check("{a:<5}{a:^5.1}", &[field("a", 2, "<5"), field("a", 8, "^5.1")]);
        check("{a:8}{a:.2}", &[field("a", 2, "8"), field("a", 7, ".2")]);
        check("{t:%H:%M}", &[field("t", 2, "%H:%M")]);
        check("{{x}} {sum(bytes)}", &[text("{x} "), field("sum(bytes)", 8, "")]);
        check("{`a:b`:>3}", &[field("a:b", 3, ">3")]);
        let odd = Span::new(3, 7);
        check("{`a``b`}", &[Part::Field { name: "a`b".into(), span: odd, format: FormatSpec::default(), format_span: odd }]);
    }

    fn text_has_tick(name: &str) -> bool {
        name.contains(':')
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |input: &str, expect: &str| assert_eq!(parse(input), Err(expect.into()), "{input}");
        check("{a", "a `{` without its `}` @{");
        check("{a {b}", "a `{` without its `}` @{");
        check("a}", "a `}` without its `{` @}");
        check("{}", "a field without a name @{}");
        check("{a:y}", "unknown format `y` @y");
        check("{a:>99999}", "a width of at most 4096 is possible @>99999");
        check("{`a`b}", "a format begins with `:` @b");
        check("{t:%J}", "`%J`: found unrecognized specifier directive `J` @%J");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[{}:`<>^.,0-9aé%dfH]{0,20}") {
            let _ = parse(&text);
        }
    }
}
