//! From the text of a query to tokens with their spans.
//!
//! Tokens are made one at a time, as the parser asks, because `/` begins a regex only where an operand may start and
//! is a division elsewhere: the parser knows which, and calls `Lexer::regex`.

mod literal;

pub use literal::is_unit;

use recpipe::Time;

use super::diagnose::Diagnostic;
use crate::{expr::Network, span::Span};

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A bare word: a stage, a field, a function or a word operator, as its place says.
    Name(String),
    /// A name in backticks: always a field.
    Quoted(String),
    /// A name with a `?` right behind it, bare or in backticks: a field that may come later.
    Awaited(String),
    /// A whole number, its size unit already applied. Wider than any field, so that the least number of 128 bits can be said.
    Int(u128),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// `1h30m`; no whole number, so that it is none where one is asked for.
    Duration {
        /// How long, in nanoseconds; not negative.
        nanos: i64,
    },
    /// `@2026-11-20T10:00Z`
    Time(Time),
    /// `@2026-11-20T10:00`, without an offset: what it is in UTC.
    LocalTime(Time),
    /// `1mo`, `1y`: how many months.
    Months(i64),
    /// `10.0.0.0/8`; only `Lexer::network` makes it.
    Network(Network),
    /// `attr_*`, `*`: names by how they begin or end; only `Lexer::glob` makes it.
    Glob(String),
    /// Text, its escapes resolved.
    Text(String),
    /// A regex literal: its pattern (`\/` resolved) and whether it ignores case.
    Regex {
        /// The pattern.
        pattern: String,
        /// Whether the flag `i` stands after it.
        ignore_case: bool,
    },
    /// An operator or a bracket, as it is written.
    Sign(&'static str),
    /// Something that is no token; the diagnostic says what.
    Bad(Box<Diagnostic>),
    /// The end of the query.
    End,
}

/// The longest first, so that `//` is not two divisions.
const SIGNS: [&str; 28] = [
    "==", "!=", "<=", ">=", "=~", "!~", "&&", "||", "??", "//", "..", "|", "(", ")", "[", "]", ",", "<", ">", "=", "!", "+", "-", "*", "/",
    "%", ":", ";",
];

/// Makes the tokens of one part of a query.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'s> {
    text: &'s str,
    at: usize,
    end: usize,
}

impl<'s> Lexer<'s> {
    /// The tokens of `text[start..end]`, with spans in `text`.
    pub(crate) fn new(text: &'s str, start: usize, end: usize) -> Self {
        let end = end.min(text.len());
        Lexer { text, at: start.min(end), end }
    }

    /// The next token; at the end, [`Kind::End`] again and again.
    pub(crate) fn token(&mut self) -> Token {
        self.skip_blank();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Token { kind: Kind::End, span: Span::new(start, start) } };
        let kind = match first {
            '0'..='9' => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            '"' | '\'' => self.quoted_text(first),
            '`' => self.quoted_name(),
            '@' if !rest[1..].starts_with(is_name_start) => self.time(),
            '@' => self.name(),
            _ if is_name_start(first) => self.name(),
            _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
                Some(sign) => {
                    self.at += sign.len();
                    Kind::Sign(sign)
                }
                None => {
                    self.at += first.len_utf8();
                    let help = match first {
                        '~' => "a match is written `=~`, its opposite `!~`",
                        '&' => "write `and` or `&&`",
                        '“' | '”' | '‘' | '’' => "text stands in straight quotes: \"…\"",
                        _ => "an odd name is written in backticks, text in quotes",
                    };
                    self.bad(start, format!("unexpected character `{first}`"), help)
                }
            },
        };
        Token { kind, span: Span::new(start, self.at) }
    }

    /// The regex literal that begins with the `/` at `start`; the tokens go on after it.
    pub(crate) fn regex(&mut self, start: usize) -> Token {
        self.at = start.min(self.end);
        let rest = self.rest();
        let mut pattern = String::new();
        let mut chars = rest.char_indices().skip(1);
        let mut closed = None;
        while let Some((at, c)) = chars.next() {
            match c {
                '/' => {
                    closed = Some(at + 1);
                    break;
                }
                '\n' => break,
                '\\' => match chars.next() {
                    Some((_, '/')) => pattern.push('/'),
                    Some((_, escaped)) => pattern.extend(['\\', escaped]),
                    None => break,
                },
                _ => pattern.push(c),
            }
        }
        let kind = match closed {
            None => {
                self.at += rest.find('\n').unwrap_or(rest.len());
                self.bad(start, "this regex has no end", "a `/` is missing; inside a regex write `\\/`")
            }
            Some(len) => {
                self.at += len;
                let flags = self.take_while(|c| c.is_alphanumeric());
                match flags {
                    "" | "i" => Kind::Regex { pattern, ignore_case: !flags.is_empty() },
                    _ => self.bad(
                        self.at - flags.len(),
                        format!("unknown regex flag `{flags}`"),
                        "only `i` is known; others go inside: `/(?s)…/`",
                    ),
                }
            }
        };
        Token { kind, span: Span::new(start, self.at) }
    }

    /// The text from `start` to the next blank, `|` or `]`, as it is; the tokens go on after it.
    pub(crate) fn bare(&mut self, start: usize) -> Token {
        self.at = start.min(self.end);
        let text = self.take_while(|c| !c.is_whitespace() && c != '|' && c != ']');
        Token { kind: Kind::Text(text.to_owned()), span: Span::new(start, self.at) }
    }

    /// The name with a `*` before it, behind it or alone that begins at `start`; the tokens go on after it. A `*` behind a name is
    /// one only at the end of a list's item: else it is a product.
    pub(crate) fn glob(&mut self, start: usize) -> Option<Token> {
        let was = self.at;
        self.at = start.min(self.end);
        let text = self.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '*'));
        let inner = text.strip_suffix('*').unwrap_or(text);
        let ends = self.rest().trim_start().starts_with([',', '|', ']', '#']) || self.rest().trim_start().is_empty();
        let is_glob = text.starts_with('*') || inner.len() < text.len() && ends && inner.starts_with(|c| is_name_start(c) || c == '@');
        if is_glob && !inner.strip_prefix('*').unwrap_or(inner).contains('*') {
            return Some(Token { kind: Kind::Glob(text.to_owned()), span: Span::new(start, self.at) });
        }
        self.at = was;
        None
    }

    fn rest(&self) -> &'s str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'s str {
        let rest = self.rest();
        let len = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(char::is_whitespace);
            if !self.rest().starts_with('#') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn bad(&self, start: usize, what: impl Into<String>, label: &str) -> Kind {
        Kind::Bad(Box::new(Diagnostic::new(Span::new(start, self.at), what).label(label)))
    }

    /// Letters, digits and `_`, with dots between them (flattened objects are `a.b`), after one `@` at most (attributes).
    fn name(&mut self) -> Kind {
        let start = self.at;
        if self.rest().starts_with('@') {
            self.at += 1;
        }
        loop {
            self.take_while(|c| c.is_alphanumeric() || c == '_');
            let rest = self.rest();
            if !(rest.starts_with('.') && rest[1..].starts_with(is_name_start)) {
                break;
            }
            self.at += 1;
        }
        let name = self.text[start..self.at].to_owned();
        if self.take_question_mark() { Kind::Awaited(name) } else { Kind::Name(name) }
    }

    /// The `?` of a name that may come; not the first half of `??`.
    fn take_question_mark(&mut self) -> bool {
        let is_it = self.rest().starts_with('?') && !self.rest().starts_with("??");
        self.at += usize::from(is_it);
        is_it
    }

    fn quoted_name(&mut self) -> Kind {
        let start = self.at;
        self.at += 1;
        let line = self.rest().split('\n').next().unwrap_or_default();
        let Some((name, len)) = name_in_backticks(line) else {
            self.take_while(|c| c != '`' && c != '\n');
            return self.bad(start, "this name has no end", "a closing backtick is missing");
        };
        self.at += len;
        if name.is_empty() {
            return self.bad(start, "an empty field name", "");
        }
        if self.take_question_mark() { Kind::Awaited(name) } else { Kind::Quoted(name) }
    }

    fn quoted_text(&mut self, quote: char) -> Kind {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        let mut wrong = None;
        loop {
            text.push_str(self.take_while(|c| c != quote && c != '\\'));
            let Some(next) = self.rest().chars().next() else {
                return self.bad(start, "this text has no end", &format!("a closing {quote} is missing"));
            };
            if next == quote {
                self.at += 1;
                return wrong.unwrap_or(Kind::Text(text));
            }
            let (escape_at, rest) = (self.at, self.rest());
            let (len, value) = escape(rest);
            self.at += len;
            match value {
                Some(c) => text.push(c),
                None => {
                    let what = format!("unknown escape `{}` in text", &rest[..len]);
                    wrong.get_or_insert(self.bad(escape_at, what, "a backslash is written `\\\\`; a regex `/…/`"));
                }
            }
        }
    }
}

/// Whether a bare name may begin with `c`.
pub(crate) fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// The escape that `rest` begins with: its length, and what it stands for if it is a known one.
fn escape(rest: &str) -> (usize, Option<char>) {
    let code = |digits: &str| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
    let mut chars = rest.char_indices().skip(1);
    let Some((at, c)) = chars.next() else { return (rest.len(), None) };
    let len = at + c.len_utf8();
    let simple = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        '\\' | '"' | '\'' | '`' | '/' => c,
        'x' => match rest.get(2..4).map(|digits| (digits, code(digits))) {
            Some((digits, Some(value))) if value.is_ascii() && digits.bytes().all(|b| b.is_ascii_hexdigit()) => return (4, Some(value)),
            _ => return (len, None),
        },
        'u' => match rest[len..].strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((digits, _)) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => return (len + digits.len() + 2, code(digits)),
            _ => return (len, None),
        },
        _ => return (len, None),
    };
    (len, Some(simple))
}

/// Where in `raw`, a text literal with its quotes, the byte `decoded` of its content was written.
pub(crate) fn offset_in_literal(raw: &str, decoded: usize) -> usize {
    let (mut at, mut made) = (1, 0);
    while made < decoded && at < raw.len() {
        let rest = &raw[at..];
        let (len, value) = if rest.starts_with('\\') { escape(rest) } else { (0, rest.chars().next()) };
        let c = value.unwrap_or('\0');
        at += if len > 0 { len } else { c.len_utf8() };
        made += c.len_utf8();
    }
    at.min(raw.len())
}

/// The name that ends at the next single backtick, and the bytes up to there and with it; two are one of the name. `None` without
/// an end.
pub(crate) fn name_in_backticks(text: &str) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), 0);
    loop {
        let part = text[at..].split('`').next().unwrap_or_default();
        name.push_str(part);
        at += part.len();
        match text.as_bytes().get(at..)? {
            [b'`', b'`', ..] => {
                name.push('`');
                at += 2;
            }
            [b'`', ..] => return Some((name, at + 1)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests;
