//! `--at Records`: of each document, what lies in the array that these keys lead to, and nothing else.
//!
//! ```text
//! {"v":1,"Records":[{"a":1},            [{"a":1},
//! {"a":2}],"more":[{}]}       becomes   {"a":2}]
//! ```
//!
//! Whatever is around the array is blanked, so that each record keeps its place and its line, and the array is read as any other.
//! An object in its place is a record; null is none. Documents may follow each other, and each must have it: what is read in silence
//! past a document without it would be missed.

use std::sync::Arc;

use memchr::{memchr2, memchr3};
use recpipe::json::unescape;

use crate::input::prepare::Mask;

/// A longer key is compared with none.
const MAX_KEY_BYTES: usize = 64 << 10;

/// So many of the keys that a document has are named where it lacks what was asked for.
const MOST_NAMED: usize = 8;

/// Blanks what is around the array.
pub(super) struct At {
    path: Arc<str>,
    /// The objects and arrays that are open around the place that was come to, but for what is within the array.
    depth: usize,
    /// Of the objects that the keys lead through, outermost first, how much of the path comes after each. Their depths are 1, 2 and so on.
    ways: Vec<usize>,
    place: Place,
    /// A key is to come, in the innermost of those objects.
    expects_key: bool,
    key: Vec<u8>,
    /// How much of the path is behind the key that was read last, if it is on the way.
    matched: Option<usize>,
    /// The document has it.
    found: bool,
    /// There was one.
    has_document: bool,
    seen: Vec<String>,
    /// Where the next byte is.
    at: u64,
}

/// What the next byte is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// None of these.
    Between,
    /// A string.
    String { is_key: bool, is_escaped: bool },
    /// A value is to come, of a key that is on the way.
    Value,
    /// The array, or the object in its place: so many brackets of its kind are open.
    Within { closes: u8, depth: usize },
    /// A string in it.
    StringWithin { closes: u8, depth: usize, is_escaped: bool },
}

impl At {
    pub(super) fn new(path: &Arc<str>) -> Self {
        At {
            path: path.clone(),
            depth: 0,
            ways: Vec::new(),
            place: Place::Between,
            expects_key: false,
            key: Vec::new(),
            matched: None,
            found: false,
            has_document: false,
            seen: Vec::new(),
            at: 0,
        }
    }

    /// Whether what was come to lies in the innermost object on the way, and not deeper.
    fn is_on_way(&self) -> bool {
        self.depth > 0 && self.depth == self.ways.len()
    }

    /// The key was read: how far it leads.
    fn end_key(&mut self) {
        let mut name = Vec::new();
        if self.key.contains(&b'\\') {
            unescape(&self.key, &mut name)
        } else {
            name.clone_from(&self.key)
        }
        let rest = self.ways.last().map_or(&[][..], |&from| &self.path.as_bytes()[from..]);
        let from = self.path.len() - rest.len();
        self.matched = match rest.strip_prefix(&name[..]) {
            Some([]) => Some(self.path.len()),
            Some([b'.', ..]) => Some(from + name.len() + 1),
            _ => None,
        };
        let prefix = &self.path[..from];
        if self.seen.len() < MOST_NAMED {
            self.seen.push(format!("{prefix}{}", String::from_utf8_lossy(&name).escape_debug()));
        }
    }

    /// The first byte of the value of a key that is on the way.
    fn begin_value(&mut self, byte: u8) -> Result<bool, String> {
        let matched = self.matched.take().unwrap_or_default();
        let is_end = matched == self.path.len();
        self.place = Place::Between;
        match (byte, is_end) {
            (b'[', true) => self.place = Place::Within { closes: b']', depth: 1 },
            (b'{', true) => self.place = Place::Within { closes: b'}', depth: 1 },
            (b'n', true) => {}
            (_, true) => return Err(format!("byte {}: `{}` is neither an array nor an object", self.at, self.path)),
            (b'{', false) => {
                self.depth += 1;
                self.ways.push(matched);
                self.expects_key = true;
                return Ok(false);
            }
            (_, false) => {
                self.outside(byte)?;
                return Ok(false);
            }
        }
        self.found = true;
        Ok(matches!(self.place, Place::Within { .. }))
    }

    /// A byte outside of strings and of the array.
    fn outside(&mut self, byte: u8) -> Result<(), String> {
        match byte {
            b'"' => {
                let is_key = self.expects_key && self.is_on_way();
                self.expects_key = self.expects_key && !is_key;
                self.key.clear();
                self.place = Place::String { is_key, is_escaped: false };
            }
            b'{' | b'[' => {
                if self.depth == 0 && byte == b'{' {
                    self.ways.push(0);
                    self.expects_key = true;
                }
                self.depth += 1;
            }
            b'}' | b']' => {
                if self.is_on_way() {
                    self.ways.pop();
                }
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.end_document()?;
                }
            }
            b',' => self.expects_key = self.is_on_way(),
            b':' if self.matched.is_some() => self.place = Place::Value,
            _ => {}
        }
        Ok(())
    }

    fn end_document(&mut self) -> Result<(), String> {
        self.has_document = true;
        if !std::mem::take(&mut self.found) {
            return Err(self.lacks(&format!("the document that ends at byte {}", self.at)));
        }
        self.seen.clear();
        Ok(())
    }

    fn lacks(&self, what: &str) -> String {
        let keys = if self.seen.is_empty() { "no keys".to_owned() } else { format!("the keys {}", self.seen.join(", ")) };
        format!("{what} has no `{}` with an array; it has {keys}", self.path)
    }

    /// How many of the bytes, which lie in the array, may be passed by at once.
    fn plain(closes: u8, bytes: &[u8]) -> usize {
        let opens = if closes == b']' { b'[' } else { b'{' };
        memchr3(b'"', opens, closes, bytes).unwrap_or(bytes.len())
    }
}

impl Mask for At {
    fn mask(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        let mut i = 0;
        while i < bytes.len() {
            let from = i;
            let byte = bytes[i];
            i += 1;
            let stays = match self.place {
                Place::Within { closes, depth } => {
                    let skipped = At::plain(closes, &bytes[from..]);
                    i = from + skipped;
                    if let Some(&byte) = bytes.get(i) {
                        i += 1;
                        self.place = match byte {
                            b'"' => Place::StringWithin { closes, depth, is_escaped: false },
                            _ if byte != closes => Place::Within { closes, depth: depth + 1 },
                            _ if depth == 1 => Place::Between,
                            _ => Place::Within { closes, depth: depth - 1 },
                        };
                    }
                    true
                }
                Place::StringWithin { closes, depth, is_escaped } => {
                    if is_escaped {
                        self.place = Place::StringWithin { closes, depth, is_escaped: false };
                    } else {
                        i = from + memchr2(b'"', b'\\', &bytes[from..]).unwrap_or(bytes.len() - from);
                        if let Some(&byte) = bytes.get(i) {
                            i += 1;
                            self.place = match byte {
                                b'"' => Place::Within { closes, depth },
                                _ => Place::StringWithin { closes, depth, is_escaped: true },
                            };
                        }
                    }
                    true
                }
                Place::String { is_key, is_escaped } => {
                    let ends = byte == b'"' && !is_escaped;
                    if ends {
                        self.place = Place::Between;
                        if is_key {
                            self.end_key();
                        }
                    } else {
                        if is_key && self.key.len() < MAX_KEY_BYTES {
                            self.key.push(byte);
                        }
                        self.place = Place::String { is_key, is_escaped: byte == b'\\' && !is_escaped };
                    }
                    false
                }
                Place::Value if byte.is_ascii_whitespace() => false,
                Place::Value => self.begin_value(byte)?,
                Place::Between => {
                    self.outside(byte)?;
                    false
                }
            };
            self.at += (i - from) as u64;
            if !stays && byte != b'\n' {
                bytes[from] = b' ';
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match self.place {
            Place::Within { .. } | Place::StringWithin { .. } => Ok(()),
            _ if self.depth > 0 => Err(format!("byte {}: the document is not closed", self.at)),
            _ if self.has_document || self.at == 0 => Ok(()),
            _ => Err(self.lacks("the input")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is left of a text, given in pieces of this size.
    fn masked(path: &str, text: &str, size: usize) -> Result<String, String> {
        let mut at = At::new(&path.into());
        let mut bytes = text.as_bytes().to_vec();
        bytes.chunks_mut(size).try_for_each(|piece| at.mask(piece))?;
        at.end()?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    fn check(path: &str, text: &str, want: &str) {
        for size in [1, 2, 3, 7, 1000] {
            let masked = masked(path, text, size).unwrap_or_else(|e| e);
            assert_eq!(masked.len(), text.len(), "each byte keeps its place: {masked}");
            assert_eq!(masked.split_whitespace().collect::<Vec<_>>().join(" "), want, "{text} in {size}");
        }
    }

    #[test]
    fn what_is_around_the_array_is_blank() {
        check("Records", r#"{"v":1,"Records":[{"a":1},{"a":[2]}],"more":[{}]}"#, r#"[{"a":1},{"a":[2]}]"#);
        check(
            "Records",
            "{\"v\":{\"Records\":[1]},\"x\":[{\"Records\":[2]}],\"Records\" : [ {\"a\":\"]\\\"]\"} ] }\n",
            "[ {\"a\":\"]\\\"]\"} ]",
        );
        check("a.b", r#"{"a":{"x":"b","b":[{}]},"b":[3]}"#, "[{}]");
        check("a.b", r#"{"a.b":[{"c":1}],"a":{}}"#, r#"[{"c":1}]"#);
        check("a", r#"{"a":{"b":{"c":"}"}}}"#, r#"{"b":{"c":"}"}}"#);
        check("a", r#"{"a":null} {"a":[]}{"a":[{}]}"#, "[] [{}]");
        check("é", "{\"\\u00e9\":[{}]}", "[{}]");
        check("a", "", "");
        check("a", r#"{"a":[{"#, "[{");
        assert_eq!(masked("a", "{\"x\":\n[1],\"a\":[{}]}", 9).unwrap(), "     \n        [{}] ");
    }

    #[test]
    fn a_document_without_it_is_not_passed_by() {
        let fails = |path: &str, text: &str, part: &str| {
            let message = masked(path, text, 5).unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        fails("Records", r#"{"records":[{}],"v":1}"#, "has no `Records` with an array; it has the keys records, v");
        fails("Records", r#"{"Records":[{}]}{"v":1}"#, "the document that ends at byte 22 has no `Records`");
        fails("a.b", r#"{"a":{"c":1}}"#, "it has the keys a, a.c");
        fails("a", r#"{"a":1}"#, "byte 5: `a` is neither an array nor an object");
        fails("a", r#"{"a":[{}]"#, "the document is not closed");
        fails("a", "[{}]", "has no `a`");
        fails("a", "no json", "has no `a`");
    }

    proptest! {
        #[test]
        fn however_it_comes_it_is_the_same(text in "[{}\\[\\]\",:ab\\\\ \n]{0,60}", size in 1_usize..9) {
            let (cut, whole) = (masked("a", &text, size), masked("a", &text, 100));
            prop_assert_eq!(cut, whole);
        }
    }
}
