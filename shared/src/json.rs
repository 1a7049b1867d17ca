//! The grammar of JSON: goes through one object and shows what its keys hold.
//!
//! RFC 8259, read strictly but for three things: strings may hold control characters, and bytes that are not UTF-8, which pass
//! through; and `NaN`, `Infinity` and `-Infinity`, as Python writes them, are numbers. Strings are not copied, and not unescaped before somebody wants that ([`unescape`]).

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Objects and arrays may be nested so deep.
pub const MAX_DEPTH: u32 = 128;

/// What a key holds. Where it stands is told with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number that an `i64` holds.
    Int(i64),
    /// Another that an `i128` holds.
    Wide(i128),
    /// A whole number that none holds.
    Digits,
    /// A number with a point or an exponent.
    Float(f64),
    /// A string, without its quotes; whether it has escapes.
    String {
        /// Whether it has escapes, which [`unescape`] resolves.
        escaped: bool,
    },
    /// An array, brackets included.
    Array,
}

/// Why a line is no record.
pub type Fault = Cow<'static, str>;

/// The way to a value.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The keys, put together with dots.
    pub path: &'a str,
    /// Differs where keys differ that make the same path: `a.b` may be one key, or two.
    pub shape: u64,
}

/// Whoever wants to know what is in an object.
pub trait Visitor {
    /// Is told of each value that is no object, by its path (`a.b`), and where it stands.
    ///
    /// # Errors
    /// Why the object is not what is wanted; nothing more of it is told.
    fn value(&mut self, way: Way<'_>, start: usize, len: usize, scalar: Scalar) -> Result<(), Fault>;
}

/// Goes through one line; spaces around the object are allowed.
///
/// # Errors
///
/// It is no object, or the visitor said so.
pub fn object(line: &[u8], path: &mut String, visitor: &mut impl Visitor) -> Result<(), Fault> {
    let mut scan = Scan { line, at: 0 };
    scan.spaces();
    if scan.peek() != Some(b'{') {
        return Err("not a JSON object".into());
    }
    path.clear();
    scan.object(path, 0, 1, visitor)?;
    scan.spaces();
    if scan.at < line.len() { Err(scan.malformed()) } else { Ok(()) }
}

/// The value, not an object, that begins at `start`, and where it ends.
///
/// # Errors
/// There is none.
pub fn value(text: &[u8], start: usize) -> Result<(Scalar, usize), Fault> {
    let mut scan = Scan { line: text, at: start };
    let scalar = scan.value(1)?;
    Ok((scalar, scan.at))
}

/// An element of an array, and where it stands; of a string, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Element {
    /// Where it begins.
    pub start: usize,
    /// How many bytes it has.
    pub len: usize,
    /// What it is; `None` for an object, which [`object`] goes through.
    pub scalar: Option<Scalar>,
}

/// The elements of an array; spaces around it are allowed.
///
/// # Errors
/// It is no array.
///
/// # Examples
/// ```
/// use recpipe::json::{Scalar, elements};
///
/// let found: Vec<_> = elements(br#"[1, {"a": 2}]"#)?.iter().map(|element| element.scalar).collect();
/// assert_eq!(found, [Some(Scalar::Int(1)), None]);
/// # Ok::<(), recpipe::json::Fault>(())
/// ```
pub fn elements(text: &[u8]) -> Result<Vec<Element>, Fault> {
    let (mut scan, mut all) = (Scan { line: text, at: 0 }, Vec::new());
    scan.spaces();
    if !scan.take(b'[') {
        return Err("not a JSON array".into());
    }
    scan.spaces();
    if !scan.take(b']') {
        loop {
            let start = scan.at;
            let scalar = match scan.peek() {
                Some(b'{') => scan.object(&mut String::new(), 0, 2, &mut Nobody).map(|()| None)?,
                _ => Some(scan.value(1)?),
            };
            let (start, end) = if let Some(Scalar::String { .. }) = scalar { (start + 1, scan.at - 1) } else { (start, scan.at) };
            all.push(Element { start, len: end - start, scalar });
            scan.spaces();
            if scan.take(b']') {
                break;
            }
            if !scan.take(b',') {
                return Err(scan.malformed());
            }
            scan.spaces();
        }
    }
    scan.spaces();
    if scan.at < text.len() { Err(scan.malformed()) } else { Ok(all) }
}

struct Scan<'a> {
    line: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    #[inline]
    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    #[cold]
    fn malformed(&self) -> Fault {
        match self.at < self.line.len() {
            true => format!("malformed JSON at byte {}", self.at + 1).into(),
            false => "the JSON ends too early".into(),
        }
    }

    /// An object, from its brace on; `path` and `shape` are the way to it.
    fn object(&mut self, path: &mut String, shape: u64, depth: u32, visitor: &mut impl Visitor) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        self.at += 1;
        self.spaces();
        if self.take(b'}') {
            return Ok(());
        }
        let parent = path.len();
        loop {
            let (start, len, escaped) = self.string()?;
            if parent > 0 {
                path.push('.');
            }
            push_key(&self.line[start..start + len], escaped, path);
            self.spaces();
            if !self.take(b':') {
                return Err(self.malformed());
            }
            self.spaces();
            if self.peek() == Some(b'{') {
                // Where in the path its parts begin, as the digits of a number.
                let shape = shape.wrapping_mul(0x1_0000_01b3).wrapping_add(path.len() as u64 + 1);
                self.object(path, shape, depth + 1, visitor)?;
            } else {
                let start = self.at;
                let scalar = self.value(depth)?;
                let (start, end) = if let Scalar::String { .. } = scalar { (start + 1, self.at - 1) } else { (start, self.at) };
                visitor.value(Way { path, shape }, start, end - start, scalar)?;
            }
            path.truncate(parent);
            self.spaces();
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.malformed());
            }
            self.spaces();
        }
    }

    /// Any value but an object.
    #[inline]
    fn value(&mut self, depth: u32) -> Result<Scalar, Fault> {
        match self.peek() {
            Some(b'"') => self.string().map(|(_, _, escaped)| Scalar::String { escaped }),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.array(depth + 1).map(|()| Scalar::Array),
            Some(b't') => self.word(b"true", Scalar::Bool(true)),
            Some(b'f') => self.word(b"false", Scalar::Bool(false)),
            Some(b'n') => self.word(b"null", Scalar::Null),
            Some(b'N') => self.word(b"NaN", Scalar::Float(f64::NAN)),
            Some(b'I') => self.word(b"Infinity", Scalar::Float(f64::INFINITY)),
            _ => Err(self.malformed()),
        }
    }

    fn word(&mut self, word: &[u8], scalar: Scalar) -> Result<Scalar, Fault> {
        if !self.line[self.at..].starts_with(word) {
            return Err(self.malformed());
        }
        self.at += word.len();
        Ok(scalar)
    }

    /// An array, whose values nobody is told of.
    fn array(&mut self, depth: u32) -> Result<(), Fault> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        self.at += 1;
        self.spaces();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            match self.peek() {
                Some(b'{') => self.object(&mut String::new(), 0, depth + 1, &mut Nobody)?,
                _ => drop(self.value(depth)?),
            }
            self.spaces();
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.malformed());
            }
            self.spaces();
        }
    }

    /// A string: where it is without its quotes, and whether it has escapes.
    #[inline]
    fn string(&mut self) -> Result<(usize, usize, bool), Fault> {
        if !self.take(b'"') {
            return Err(self.malformed());
        }
        let (start, mut escaped) = (self.at, false);
        loop {
            let Some(found) = memchr2(b'"', b'\\', &self.line[self.at..]) else {
                self.at = self.line.len();
                return Err(self.malformed());
            };
            self.at += found;
            if self.take(b'"') {
                return Ok((start, self.at - 1 - start, escaped));
            }
            escaped = true;
            let rest = &self.line[self.at..];
            self.at += match rest {
                [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [_, b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => 6,
                _ => return Err(self.malformed()),
            };
        }
    }

    #[inline]
    fn number(&mut self) -> Result<Scalar, Fault> {
        let start = self.at;
        let negative = self.take(b'-');
        if self.peek() == Some(b'I') {
            return self.word(b"Infinity", Scalar::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY }));
        }
        let (first, mut n, mut fits) = (self.at, 0_u64, true);
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            match n.checked_mul(10).and_then(|n| n.checked_add(u64::from(digit - b'0'))) {
                Some(more) => n = more,
                None => fits = false,
            }
            self.at += 1;
        }
        if self.at == first || (self.at > first + 1 && self.line[first] == b'0') {
            return Err(self.malformed());
        }
        let mut whole = true;
        if self.take(b'.') {
            whole = false;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let int = if negative { 0_i64.checked_sub_unsigned(n) } else { i64::try_from(n).ok() };
        if let (true, true, Some(n)) = (whole, fits, int) {
            return Ok(Scalar::Int(n));
        }
        let text = std::str::from_utf8(&self.line[start..self.at]).unwrap_or_default();
        if whole {
            return Ok(text.parse().map_or(Scalar::Digits, Scalar::Wide));
        }
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Scalar::Float(float)),
            _ => Err("a number that no float holds".into()),
        }
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.malformed()) } else { Ok(()) }
    }
}

fn too_deep() -> Fault {
    format!("nested deeper than {MAX_DEPTH}").into()
}

/// What is in an array is checked only.
struct Nobody;

impl Visitor for Nobody {
    fn value(&mut self, _: Way<'_>, _: usize, _: usize, _: Scalar) -> Result<(), Fault> {
        Ok(())
    }
}

fn push_key(raw: &[u8], escaped: bool, path: &mut String) {
    match std::str::from_utf8(raw) {
        Ok(key) if !escaped => path.push_str(key),
        _ => {
            let mut key = Vec::new();
            unescape(raw, &mut key);
            path.push_str(&String::from_utf8_lossy(&key));
        }
    }
}

/// Writes what a string means whose escapes are known to be right. Half a surrogate pair is U+FFFD.
pub fn unescape(raw: &[u8], to: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(backslash) = memchr(b'\\', rest) {
        to.extend_from_slice(&rest[..backslash]);
        rest = &rest[backslash..];
        let plain = match rest.get(1) {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let (character, len) = unicode(rest);
                to.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[len..];
                continue;
            }
            Some(&other) => other,
            None => break,
        };
        to.push(plain);
        rest = &rest[2..];
    }
    to.extend_from_slice(rest);
}

/// The character of the `\u` escape at the beginning, or of the two that are a pair, and their length.
fn unicode(text: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let len = text.len().min(6);
    match (unit(0), unit(6)) {
        (Some(high @ 0xd800..=0xdbff), Some(low @ 0xdc00..=0xdfff)) => {
            (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).unwrap_or('\u{fffd}'), 12)
        }
        (Some(unit), _) => (char::from_u32(unit).unwrap_or('\u{fffd}'), len),
        (None, _) => ('\u{fffd}', len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_taken_apart() {
        let check = |text: &str, want: &[&str]| {
            let found = elements(text.as_bytes()).unwrap();
            let found: Vec<&str> = found.iter().map(|element| &text[element.start..element.start + element.len]).collect();
            assert_eq!(found, want, "{text}");
        };
        check("[]", &[]);
        check(" [ 1 ,\"a,b\" , [2,3],{\"a\":[4]} ,null ] ", &["1", "a,b", "[2,3]", "{\"a\":[4]}", "null"]);
        for wrong in ["", "1", "[", "[1", "[1,]", "[1 2]", "[1]x", "{}", "[tru]"] {
            assert!(elements(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn strings_mean_what_they_say() {
        let check = |raw: &str, want: &str| {
            let mut text = Vec::new();
            unescape(raw.as_bytes(), &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), want, "{raw}");
        };
        check("", "");
        check(r#"a\"b\\c\/d"#, "a\"b\\c/d");
        check(r"\b\f\n\r\t", "\u{8}\u{c}\n\r\t");
        check(r"\u00e9\u20AC\u0000", "é€\0");
        check(r"\ud83d\ude00x", "😀x");
        check(r"\ud83dx\ude00\ud83d\u0041", "\u{fffd}x\u{fffd}\u{fffd}A");
    }
}
