//! From the text of a query to tokens with their spans.
//!
//! Tokens are made one at a time, as the parser asks, because `/` begins a regex only where an operand may start and
//! is a division elsewhere: the parser knows which, and calls [`Lexer::regex`].

use super::diagnose::{Diagnostic, Span};

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
    /// A whole number, its size unit already applied. Wider than any field, so that `-9223372036854775808` can be said.
    Int(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
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

/// Units of size, which multiply the number before them.
const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

const DURATIONS: [&str; 8] = ["ns", "us", "ms", "s", "m", "h", "d", "w"];

/// Makes the tokens of one part of a query.
#[derive(Clone, Debug)]
pub struct Lexer<'s> {
    text: &'s str,
    at: usize,
    end: usize,
}

impl<'s> Lexer<'s> {
    /// The tokens of `text[start..end]`, with spans in `text`.
    pub fn new(text: &'s str, start: usize, end: usize) -> Self {
        let end = end.min(text.len());
        Lexer { text, at: start.min(end), end }
    }

    /// The next token; at the end, [`Kind::End`] again and again.
    pub fn token(&mut self) -> Token {
        self.skip_blank();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Token { kind: Kind::End, span: Span::new(start, start) } };
        let kind = match first {
            '0'..='9' => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            '"' | '\'' => self.quoted_text(first),
            '`' => self.quoted_name(),
            '@' if !rest[1..].starts_with(is_name_start) => {
                self.at += 1 + rest[1..].find(|c: char| c.is_whitespace() || "|,)]".contains(c)).unwrap_or(rest.len() - 1);
                self.bad(start, "times are not supported yet", "")
            }
            '@' => self.name(),
            _ if is_name_start(first) => self.name(),
            _ => match SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
                Some(sign) => {
                    self.at += sign.len();
                    Kind::Sign(sign)
                }
                None => {
                    self.at += first.len_utf8();
                    self.bad(start, format!("unexpected character `{first}`"), "")
                }
            },
        };
        Token { kind, span: Span::new(start, self.at) }
    }

    /// The regex literal that begins with the `/` at `start`; the tokens go on after it.
    pub fn regex(&mut self, start: usize) -> Token {
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
        Kind::Name(self.text[start..self.at].to_owned())
    }

    fn quoted_name(&mut self) -> Kind {
        let start = self.at;
        self.at += 1;
        let name = self.take_while(|c| c != '`' && c != '\n');
        if !self.rest().starts_with('`') {
            return self.bad(start, "this name has no end", "a closing backtick is missing");
        }
        self.at += 1;
        if name.is_empty() {
            return self.bad(start, "an empty field name", "");
        }
        Kind::Quoted(name.to_owned())
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

    fn number(&mut self) -> Kind {
        let start = self.at;
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)] {
            if self.rest().starts_with(prefix) {
                self.at += prefix.len();
                let digits = self.take_while(|c| c.is_alphanumeric() || c == '_').replace('_', "");
                return match u64::from_str_radix(&digits, radix) {
                    Ok(value) => Kind::Int(value),
                    Err(error) => self.bad(start, format!("not a number: {error}"), ""),
                };
            }
        }
        let digits = |c: char| c.is_ascii_digit() || c == '_';
        self.take_while(digits);
        let mut is_float = false;
        if self.rest().starts_with('.') && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1;
            self.take_while(digits);
            is_float = true;
        }
        let exponent = self.rest().strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
        if let Some(power) = exponent.filter(|power| power.starts_with(|c: char| c.is_ascii_digit())) {
            self.at += self.rest().len() - power.len();
            self.take_while(digits);
            is_float = true;
        }
        let number = self.text[start..self.at].replace('_', "");
        let unit = self.take_while(|c| c.is_alphabetic());
        // After a unit or a point, more of it belongs to what this is not: `1h30m`, `10.0.0.0/8`, `2026-11`, `5abc1`.
        let tail_at = self.at;
        let tail = self.take_while(|c| c.is_alphanumeric() || c == '_');
        if is_float && unit.is_empty() && self.rest().starts_with('.') && !self.rest().starts_with("..") {
            self.take_while(|c| c.is_ascii_digit() || c == '.' || c == '/');
            return self.bad(start, "networks are not supported yet", "an address is compared as text: write it in quotes");
        }
        if DURATIONS.contains(&unit) {
            return self.bad(start, "durations are not supported yet", "");
        }
        if unit.is_empty() && tail.is_empty() {
            return self.plain(start, &number, is_float);
        }
        let Some(&(_, factor)) = SIZES.iter().find(|(name, _)| *name == unit && tail.is_empty()) else {
            let near = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(name, _)| format!("did you mean `{name}`?"));
            let unit = &self.text[tail_at - unit.len()..self.at];
            let help = near.unwrap_or_else(|| "sizes are written `10KB`, `4MiB`".to_owned());
            return self.bad(self.at - unit.len(), format!("unknown unit `{unit}`"), &help);
        };
        self.size(start, &number, factor)
    }

    fn plain(&self, start: usize, number: &str, is_float: bool) -> Kind {
        if is_float {
            return match number.parse::<f64>() {
                Ok(value) if value.is_finite() => Kind::Float(value),
                _ => self.bad(start, "this number is too large", ""),
            };
        }
        match number.parse() {
            Ok(value) => Kind::Int(value),
            Err(_) => self.bad(start, "this number does not fit in 64 bits", "the largest is 9223372036854775807"),
        }
    }

    /// `number` times `factor`, exactly: the digits after the point are counted in tenths, not as a float.
    fn size(&self, start: usize, number: &str, factor: u64) -> Kind {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let scaled = format!("{whole}{fraction}").parse::<u128>().ok();
        let unit = u32::try_from(fraction.len()).ok().and_then(|digits| 10_u128.checked_pow(digits));
        let product = scaled.and_then(|scaled| scaled.checked_mul(u128::from(factor)));
        match (product, unit) {
            (Some(product), Some(unit)) if product.is_multiple_of(unit) => match u64::try_from(product / unit) {
                Ok(bytes) => Kind::Int(bytes),
                Err(_) => self.bad(start, "this size does not fit in 64 bits", ""),
            },
            (Some(_), Some(_)) => self.bad(start, "this size is not a whole number of bytes", ""),
            _ => self.bad(start, "this size is no number", ""),
        }
    }
}

/// The bytes of a size as a query writes it, `256MiB` or a plain number; `None` for anything else.
pub fn size(text: &str) -> Option<u64> {
    let mut lexer = Lexer::new(text, 0, text.len());
    match (lexer.token().kind, lexer.token().kind) {
        (Kind::Int(bytes), Kind::End) => Some(bytes),
        _ => None,
    }
}

/// Whether a bare name may begin with `c`.
pub fn is_name_start(c: char) -> bool {
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
pub fn offset_in_literal(raw: &str, decoded: usize) -> usize {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Kind, Lexer, offset_in_literal};

    fn tokens(text: &str) -> Vec<Kind> {
        let mut lexer = Lexer::new(text, 0, text.len());
        std::iter::from_fn(|| Some(lexer.token().kind).filter(|kind| *kind != Kind::End)).collect()
    }

    fn check(text: &str, expect: Kind) {
        assert_eq!(tokens(text), [expect], "{text}");
    }

    #[test]
    fn numbers() {
        for (text, value) in [
            ("404", 404),
            ("1_000_000", 1_000_000),
            ("0xff", 255),
            ("0b101", 5),
            ("0", 0),
            ("9223372036854775808", 1 << 63),
            ("10KB", 10_000),
            ("1KiB", 1024),
            ("4MiB", 4 << 20),
            ("2TB", 2_000_000_000_000),
            ("1TiB", 1 << 40),
            ("1.5KB", 1500),
            ("0.5KiB", 512),
            ("7B", 7),
        ] {
            check(text, Kind::Int(value));
        }
        for (text, value) in [("1.5", 1.5), ("1e6", 1e6), ("1E-3", 1e-3), ("2.5e+2", 250.0), (".5", 0.5), ("1_0.5", 10.5)] {
            check(text, Kind::Float(value));
        }
    }

    #[test]
    fn texts_and_names() {
        check(r#""a\"b\\\n\t\x41\u{e9}""#, Kind::Text("a\"b\\\n\tAé".into()));
        check(r#"'it"s'"#, Kind::Text("it\"s".into()));
        check("a.b_c1", Kind::Name("a.b_c1".into()));
        check("@id", Kind::Name("@id".into()));
        check("größe", Kind::Name("größe".into()));
        check("`odd name`", Kind::Quoted("odd name".into()));
    }

    #[test]
    fn signs_ranges_and_comments() {
        let signs = |text: &str| tokens(text);
        assert_eq!(signs("500..599"), [Kind::Int(500), Kind::Sign(".."), Kind::Int(599)]);
        assert_eq!(
            signs("a//b/c"),
            ["a", "//", "b", "/", "c"].map(|t| if t.contains('/') {
                Kind::Sign(if t == "/" { "/" } else { "//" })
            } else {
                Kind::Name(t.into())
            })
        );
        assert_eq!(signs("a # b | c\n|"), [Kind::Name("a".into()), Kind::Sign("|")]);
        assert_eq!(signs("=~!~<=="), ["=~", "!~", "<=", "="].map(Kind::Sign));
    }

    #[test]
    fn regexes_are_made_on_demand() {
        let check = |text: &str, expect_pattern: &str, expect_case: bool, then: &str| {
            let mut lexer = Lexer::new(text, 0, text.len());
            let kind = lexer.regex(0).kind;
            assert_eq!(kind, Kind::Regex { pattern: expect_pattern.into(), ignore_case: expect_case }, "{text}");
            assert_eq!(lexer.rest(), then);
        };
        check("/a|b/ x", "a|b", false, " x");
        check(r"/\/x\.\\/i)", r"/x\.\\", true, ")");
        check("//", "", false, "");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expect) in [
            ("\"abc", "this text has no end"),
            ("'a\\", "this text has no end"),
            ("`abc", "this name has no end"),
            ("``", "an empty field name"),
            (r#""\d""#, r"unknown escape `\d` in text"),
            (r#""\u{110000}""#, r"unknown escape `\u{110000}` in text"),
            (r#""\xé""#, r"unknown escape `\x` in text"),
            ("5m", "durations are not supported yet"),
            ("1h30m", "durations are not supported yet"),
            ("@2026-11-20T10:00Z", "times are not supported yet"),
            ("10.0.0.0/8", "networks are not supported yet"),
            ("5kb", "unknown unit `kb`"),
            ("404x", "unknown unit `x`"),
            ("1.0001KB", "this size is not a whole number of bytes"),
            ("18446744073709551616", "this number does not fit in 64 bits"),
            ("99999999999TiB", "this size does not fit in 64 bits"),
            ("1e999", "this number is too large"),
            ("0xzz", "not a number: invalid digit found in string"),
            ("~", "unexpected character `~`"),
            ("&", "unexpected character `&`"),
        ] {
            match &tokens(text)[..] {
                [Kind::Bad(found)] => assert_eq!(found.what, expect, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn places_in_a_literal() {
        let check = |raw: &str, decoded, expect: &str| assert_eq!(&raw[offset_in_literal(raw, decoded)..], expect, "{raw}");
        check(r#""abc""#, 0, "abc\"");
        check(r#""a\tc""#, 2, "c\"");
        check(r#""é\u{e9}c""#, 4, "c\"");
        check(r#""abc""#, 9, "");
    }

    proptest! {
        #[test]
        fn never_panics_and_always_ends(text in "\\PC*|[-\"'`/\\\\.0-9a-zA-Z_@# \n|=<>!&?*%(){}\\[\\]]{0,40}") {
            let mut lexer = Lexer::new(&text, 0, text.len());
            let mut at = 0;
            loop {
                let token = lexer.token();
                prop_assert!(token.span.start >= at && text.get(token.span.start..token.span.end).is_some());
                if token.kind == Kind::End {
                    break;
                }
                prop_assert!(token.span.end > token.span.start);
                at = token.span.end;
                let _ = lexer.clone().regex(token.span.start);
            }
        }
    }
}
