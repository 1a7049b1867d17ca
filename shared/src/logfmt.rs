//! The grammar of logfmt: `level=info msg="two words" n=5 cached`.
//!
//! There is no standard. A pair is a key, a `=` and a value, which is in quotes or ends at the next blank; a key without a `=` is a
//! pair as well. In quotes, escapes are those of JSON and Go (`\"`, `\n`, `\u00e9`, `\x1b`); a backslash before anything else
//! stands for itself. A quote without its end is a part of the value like any other byte. Text without any `=` has no pairs: it
//! is no logfmt.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::json;

/// What a key has; where text is, it is a range of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing: it stands there alone.
    Nothing,
    /// Text without quotes.
    Plain(Range<usize>),
    /// What is between quotes.
    Quoted {
        /// As it stands there.
        raw: Range<usize>,
        /// Whether it has escapes, which [`unescape`] resolves.
        escaped: bool,
    },
}

/// The pairs of a text, in order: where the key is, and what it has.
///
/// # Examples
/// ```
/// use recpipe::logfmt::{Given, pairs};
///
/// let found: Vec<_> = pairs(br#"n=5 msg="two words" cached"#).collect();
/// let quoted = Given::Quoted { raw: 9..18, escaped: false };
/// assert_eq!(found, [(0..1, Given::Plain(2..3)), (4..7, quoted), (20..26, Given::Nothing)]);
/// ```
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (Range<usize>, Given)> {
    let mut at = if memchr(b'=', text).is_some() { 0 } else { text.len() };
    let next =
        move |from: usize, is_end: fn(u8) -> bool| text[from..].iter().position(|&byte| is_end(byte)).map_or(text.len(), |len| from + len);
    std::iter::from_fn(move || {
        loop {
            let start = next(at, |byte| !is_blank(byte));
            let end = next(start, |byte| is_blank(byte) || matches!(byte, b'=' | b'"'));
            at = end;
            if start == end && end == text.len() {
                return None;
            }
            if start == end {
                // A value without a key.
                at = next(end, is_blank);
                continue;
            }
            if text.get(end) != Some(&b'=') {
                return Some((start..end, Given::Nothing));
            }
            let from = end + 1;
            let given = match quoted(&text[from..]) {
                Some((len, escaped)) => Given::Quoted { raw: from + 1..from + 1 + len, escaped },
                None => Given::Plain(from..next(from, is_blank)),
            };
            at = match &given {
                Given::Quoted { raw, .. } => raw.end + 1,
                Given::Plain(plain) => plain.end,
                Given::Nothing => end,
            };
            return Some((start..end, given));
        }
    })
}

fn is_blank(byte: u8) -> bool {
    byte <= b' '
}

/// How long what is between the quotes is that the text begins with, and whether it has escapes.
fn quoted(text: &[u8]) -> Option<(usize, bool)> {
    let inner = text.strip_prefix(b"\"")?;
    let (mut at, mut escaped) = (0, false);
    loop {
        at += memchr2(b'"', b'\\', inner.get(at..)?)?;
        if inner[at] == b'"' {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// Writes what stands between quotes, its escapes resolved.
pub fn unescape(raw: &[u8], to: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(backslash) = memchr(b'\\', rest) {
        to.extend_from_slice(&rest[..backslash]);
        rest = &rest[backslash..];
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let is_code =
            |text: &[u8]| matches!(text, [b'\\', b'u', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_hexdigit));
        let len = match rest {
            [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            // Two may be one character: of those the first is a high surrogate.
            [_, b'u', b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..]
                if rest.get(..6).is_some_and(is_code) && rest.get(6..12).is_some_and(is_code) =>
            {
                12
            }
            _ if rest.get(..6).is_some_and(is_code) => 6,
            [_, b'x', digits @ ..] if digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit) => {
                to.extend(hex(&digits[..2]));
                rest = &rest[4..];
                continue;
            }
            _ => {
                to.push(b'\\');
                rest = &rest[1..];
                continue;
            }
        };
        json::unescape(&rest[..len], to);
        rest = &rest[len..];
    }
    to.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::{Given, pairs, unescape};

    fn shown(text: &str) -> String {
        let show = |(key, given): (Range<usize>, Given)| {
            let value = match given {
                Given::Nothing => "!".to_owned(),
                Given::Plain(plain) => format!("={}", &text[plain]),
                Given::Quoted { raw, .. } => {
                    let mut value = Vec::new();
                    unescape(text[raw].as_bytes(), &mut value);
                    format!("=<{}>", String::from_utf8_lossy(&value))
                }
            };
            format!("{}{value}", &text[key])
        };
        pairs(text.as_bytes()).map(show).collect::<Vec<_>>().join(";")
    }

    #[test]
    fn keys_and_what_they_have() {
        let check = |text: &str, expect: &str| assert_eq!(shown(text), expect, "{text}");
        check("level=info msg=\"two words\" n=5", "level=info;msg=<two words>;n=5");
        check("  a=1\tb\r\n", "a=1;b!");
        check("a= b=\"\" c==d", "a=;b=<>;c==d");
        check("no pairs here", "");
        check("=x a=1 \"y\" b=2", "a=1;b=2");
        check("a=\"x\"b=1", "a=<x>;b=1");
        check("a=\"no end b=2", "a=\"no;end!;b=2");
        check(r#"m="say \"hi\"\n\tC:\dir \u00e9\ud83d\ude00\x41\u12""#, "m=<say \"hi\"\n\tC:\\dir é😀A\\u12>");
        check(r#"m="ends with \\" n=1"#, "m=<ends with \\>;n=1");
        check("t=2026-11-30T10:00:00Z url=/a?b=c", "t=2026-11-30T10:00:00Z;url=/a?b=c");
        check("é=ü", "é=ü");
    }

    proptest! {
        #[test]
        fn never_panics_and_ends(text in proptest::collection::vec(prop::sample::select(b"ab= \"\\ux1\n\xff".to_vec()), 0..40)) {
            for (key, given) in pairs(&text) {
                prop_assert!(!key.is_empty());
                if let Given::Quoted { raw, .. } = given {
                    unescape(&text[raw], &mut Vec::new());
                }
            }
        }

        #[test]
        fn what_is_written_is_read(values in proptest::collection::vec("[a-z0-9 \"\\\\\n]{0,6}", 1..6)) {
            let written: Vec<_> = values.iter().enumerate().map(|(i, value)| {
                format!("k{i}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
            }).collect();
            let written = written.join(" ");
            let read: Vec<_> = pairs(written.as_bytes()).map(|(_, given)| {
                let mut value = Vec::new();
                if let Given::Quoted { raw, .. } = given {
                    unescape(written[raw].as_bytes(), &mut value);
                }
                String::from_utf8(value).unwrap()
            }).collect();
            prop_assert_eq!(read, values);
        }
    }
}
