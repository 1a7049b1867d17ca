//! The template of `print`: text with fields in braces.
//!
//! # Format
//!
//! ```text
//! template := ( text | "{{" | "}}" | "{" name [ ":" format ] "}" )*
//! name     := any characters but `}` `:` and backtick, or any but a backtick between two of them
//! format   := [ "<" | ">" | "^" ] [ width ] [ "." precision ]
//! ```
//!
//! Width and alignment are those of Python's `format`: without a sign, numbers stand right and the rest left.

use super::diagnose::{Diagnostic, Span};
use super::token::offset_in_literal;

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
        format: Format,
    },
}

/// How a field is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Format {
    /// Where it stands in its width.
    pub align: Option<Align>,
    /// At least this many columns.
    pub width: usize,
    /// Digits after the point of a float; at most this many characters of anything else.
    pub precision: Option<usize>,
}

/// Where a value stands in its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// `<`
    Left,
    /// `^`
    Center,
    /// `>`
    Right,
}

impl Template {
    /// Wider than this is a slip, and would fill memory with blanks.
    pub const MAX_WIDTH: usize = 4096;

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
            let (name_at, name_len, format_at) = match rest[1..].strip_prefix('`') {
                Some(quoted) => {
                    let len = quoted.find('`').ok_or_else(unclosed)?;
                    (brace + 2, len, brace + 2 + len + 1)
                }
                None => {
                    let len = rest[1..].find([':', '}', '{']).ok_or_else(unclosed)?;
                    (brace + 1, len, brace + 1 + len)
                }
            };
            let name = &text[name_at..name_at + name_len];
            let end = format_at + text[format_at..].find('}').ok_or_else(unclosed)?;
            let format = &text[format_at..end];
            if format.contains('{') {
                return Err(unclosed());
            }
            if name.is_empty() {
                return Err(Diagnostic::new(place(brace, end + 1), "a field without a name").label("write `{{}}` for two braces"));
            }
            let format = match format.strip_prefix(':') {
                None if format.is_empty() => Format::default(),
                None => return Err(Diagnostic::new(place(format_at, end), "a format begins with `:`").label("as in `{bytes:>10}`")),
                Some(format) => Format::parse(format)
                    .map_err(|what| Diagnostic::new(place(format_at + 1, end), what).label("as in `{bytes:>10}` or `{share:.2}`"))?,
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Field { name: name.to_owned(), span: place(name_at, name_at + name_len), format });
            at = end + 1;
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Template { parts })
    }
}

impl Format {
    fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('%') {
            return Err("time formats are not supported yet".to_owned());
        }
        let unknown = || format!("unknown format `{text}`");
        let (align, rest) = match text.chars().next() {
            Some('<') => (Some(Align::Left), &text[1..]),
            Some('^') => (Some(Align::Center), &text[1..]),
            Some('>') => (Some(Align::Right), &text[1..]),
            _ => (None, text),
        };
        let (width, precision) = match rest.split_once('.') {
            Some((width, precision)) => (width, Some(precision)),
            None => (rest, None),
        };
        let number = |digits: &str| match digits.parse() {
            _ if !digits.bytes().all(|byte| byte.is_ascii_digit()) => Err(unknown()),
            Ok(value) if value <= Template::MAX_WIDTH => Ok(value),
            Ok(_) => Err(format!("a width of at most {} is possible", Template::MAX_WIDTH)),
            Err(_) => Err(unknown()),
        };
        Ok(Format { align, width: if width.is_empty() { 0 } else { number(width)? }, precision: precision.map(number).transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Align, Format, Part, Span, Template};

    fn parse(text: &str) -> Result<Template, String> {
        let raw = format!("'{text}'");
        Template::parse(text, &raw, 0).map_err(|found| format!("{} @{}", found.what, &raw[found.span.start..found.span.end]))
    }

    #[test]
    fn fields_braces_and_formats() {
        let text = |text: &str| Part::Text(text.into());
        let field = |name: &str, start, align, width, precision| {
            let span = Span::new(start, start + name.len());
            Part::Field { name: name.into(), span, format: Format { align, width, precision } }
        };
        let check = |input: &str, expect: &[Part]| assert_eq!(parse(input).map(|t| t.parts).as_deref(), Ok(expect), "{input}");
        check("", &[]);
        check("abc", &[text("abc")]);
        check("{a} {b}", &[field("a", 2, None, 0, None), text(" "), field("b", 6, None, 0, None)]);
        check("{bytes:>10}", &[field("bytes", 2, Some(Align::Right), 10, None)]);
        check("{a:<5}{a:^5.1}", &[field("a", 2, Some(Align::Left), 5, None), field("a", 8, Some(Align::Center), 5, Some(1))]);
        check("{a:8}{a:.2}", &[field("a", 2, None, 8, None), field("a", 7, None, 0, Some(2))]);
        check("{{x}} {sum(bytes)}", &[text("{x} "), field("sum(bytes)", 8, None, 0, None)]);
        check("{`a:b`:>3}", &[field("a:b", 3, Some(Align::Right), 3, None)]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |input: &str, expect: &str| assert_eq!(parse(input), Err(expect.into()), "{input}");
        check("{a", "a `{` without its `}` @{");
        check("{a {b}", "a `{` without its `}` @{");
        check("a}", "a `}` without its `{` @}");
        check("{}", "a field without a name @{}");
        check("{a:x}", "unknown format `x` @x");
        check("{a:>+1}", "unknown format `>+1` @>+1");
        check("{a:>99999}", "a width of at most 4096 is possible @>99999");
        check("{`a`b}", "a format begins with `:` @b");
        check("{t:%H}", "time formats are not supported yet @%H");
    }

    proptest! {
        #[test]
        fn never_panics(text in "[{}:`<>^.0-9aé]{0,20}") {
            let _ = parse(&text);
        }
    }
}
