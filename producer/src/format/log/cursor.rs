//! A text that is taken apart from the left.

use std::ops::Range;

use memchr::{memchr, memmem};

/// A text, and how far it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Cursor { text, at: 0 }
    }

    /// What was not read.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// Where what was not read lies.
    pub(super) fn rest_range(&self) -> Range<usize> {
        self.at..self.text.len()
    }

    /// These bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Option<()> {
        self.rest().starts_with(bytes).then(|| self.at += bytes.len())
    }

    /// Blanks and tabs, if there are any.
    pub(super) fn blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    }

    /// What comes before the next of this byte, which is taken, too.
    pub(super) fn until(&mut self, byte: u8) -> Option<Range<usize>> {
        let len = memchr(byte, self.rest())?;
        let found = self.at..self.at + len;
        self.at += len + 1;
        Some(found)
    }

    /// What comes before these bytes, which are taken, too.
    pub(super) fn until_text(&mut self, bytes: &[u8]) -> Option<Range<usize>> {
        let len = memmem::find(self.rest(), bytes)?;
        let found = self.at..self.at + len;
        self.at += len + bytes.len();
        Some(found)
    }

    /// Bytes that are neither blanks nor tabs nor line breaks, and the blanks after them.
    pub(super) fn word(&mut self) -> Option<Range<usize>> {
        let len = self.rest().iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        let found = self.at..self.at + len;
        self.at += len;
        self.blanks();
        (len > 0).then_some(found)
    }
}

/// The whole number that digits are, of which there are few.
pub(super) fn number(text: &[u8]) -> Option<i64> {
    let is_number = (1..=18).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

/// The host of an address, without the brackets of an IPv6 one, and its port.
pub(super) fn address(text: &[u8], part: Range<usize>) -> (Range<usize>, Option<i64>) {
    let word = &text[part.clone()];
    let colon = memchr::memrchr(b':', word).filter(|at| *at > 0 && word.len() - at <= 6 && number(&word[at + 1..]).is_some());
    let host = part.start..colon.map_or(part.end, |at| part.start + at);
    let port = colon.and_then(|at| number(&word[at + 1..]));
    match &text[host.clone()] {
        [b'[', .., b']'] => (host.start + 1..host.end - 1, port),
        _ => (host, port),
    }
}

/// The method, the path and the protocol of a request line; `None` where it has not three words.
pub(super) fn request(text: &[u8], part: Range<usize>) -> Option<[Range<usize>; 3]> {
    let line = &text[part.clone()];
    let mut spaces = memchr::memchr_iter(b' ', line);
    let (one, two) = (spaces.next()?, spaces.next()?);
    let is_three = spaces.next().is_none() && one > 0 && two > one + 1 && two + 1 < line.len();
    let at = part.start;
    is_three.then(|| [at..at + one, at + one + 1..at + two, at + two + 1..part.end])
}

/// A quote that stands twice is one.
pub(super) fn undouble(text: &[u8], own: &mut Vec<u8>) {
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        own.push(byte);
        if byte == b'"' {
            bytes.next_if_eq(&b'"');
        }
    }
}
