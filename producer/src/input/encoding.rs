//! What text is written in: UTF-8 is read as it is, anything else is made UTF-8 before anybody looks at it.
//!
//! Which it is, is said by the first bytes: a byte order mark of UTF-16, or what else the format's boundary knows (`xml` reads its
//! declaration). Without either, bytes are taken for UTF-8, and those that are none pass through. Places in a text that was
//! made are of what was made, as with compressed files.

use std::fmt;
use std::io;
use std::sync::Arc;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};

use super::boundary::Boundary;

/// What an input is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing has to be made of it.
    AsItIs,
    /// Something else than UTF-8.
    In(&'static Encoding),
    /// More of it has to be seen.
    More,
}

/// What a byte order mark tells. A live input is not waited for longer than it takes to see that there is none.
pub fn by_mark(head: &[u8], is_all: bool) -> Told {
    match head {
        [0xff, 0xfe, ..] => Told::In(UTF_16LE),
        [0xfe, 0xff, ..] => Told::In(UTF_16BE),
        [] | [0xff | 0xfe] if !is_all => Told::More,
        _ => Told::AsItIs,
    }
}

/// How many bytes are made UTF-8 at a time.
const PIECE_BYTES: usize = 32 << 10;

/// Reads from an input, which is given each time, and makes UTF-8 of what it gives.
pub(super) struct Text {
    boundary: Arc<dyn Boundary>,
    /// Until it is told, and after that if nothing has to be made: what was read and not given out.
    head: Vec<u8>,
    is_told: bool,
    decoder: Option<Decoder>,
    /// What was read and not decoded, up to `raw_len`.
    raw: Vec<u8>,
    made: Vec<u8>,
    made_taken: usize,
    /// How many bytes were decoded, for messages.
    decoded_bytes: u64,
    ended: bool,
    failed: Option<io::Error>,
    has_failed: bool,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?})", self.decoder.as_ref().map(|decoder| decoder.encoding().name()))
    }
}

impl Text {
    /// Text of whatever this boundary says of its first bytes.
    pub(super) fn new(boundary: Arc<dyn Boundary>) -> Self {
        Text {
            boundary,
            head: Vec::new(),
            is_told: false,
            decoder: None,
            raw: Vec::new(),
            made: Vec::new(),
            made_taken: 0,
            decoded_bytes: 0,
            ended: false,
            failed: None,
            has_failed: false,
        }
    }

    /// Whether something can be given out without reading.
    pub(super) fn has_more(&self) -> bool {
        !self.head.is_empty() || self.made_taken < self.made.len()
    }

    /// Whether what was read is not what it was told to be.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Reads some bytes; 0 at the end.
    pub(super) fn read(&mut self, buf: &mut [u8], mut from: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        while !self.is_told {
            match self.boundary.encoding(&self.head, self.ended) {
                Told::AsItIs => self.is_told = true,
                Told::In(encoding) => {
                    self.is_told = true;
                    self.decoder = Some(encoding.new_decoder_with_bom_removal());
                    self.raw = std::mem::take(&mut self.head);
                }
                Told::More => {
                    let known = self.head.len();
                    self.head.resize(known + 1024, 0);
                    let read = from(&mut self.head[known..]);
                    self.head.truncate(known + *read.as_ref().unwrap_or(&0));
                    self.ended = read? == 0;
                }
            }
        }
        if self.decoder.is_none() {
            if self.head.is_empty() {
                return from(buf);
            }
            let n = self.head.len().min(buf.len());
            buf[..n].copy_from_slice(&self.head[..n]);
            self.head.drain(..n);
            return Ok(n);
        }
        while self.made_taken == self.made.len() {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            if !self.make(&mut from)? {
                return Ok(0);
            }
        }
        let made = &self.made[self.made_taken..];
        let n = made.len().min(buf.len());
        buf[..n].copy_from_slice(&made[..n]);
        self.made_taken += n;
        Ok(n)
    }

    /// Makes some more, perhaps; whether there is anything left to make it of.
    fn make(&mut self, from: &mut impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<bool> {
        let Some(decoder) = &mut self.decoder else { return Ok(false) };
        if self.raw.is_empty() && !self.ended {
            self.raw.resize(PIECE_BYTES, 0);
            let read = from(&mut self.raw);
            self.raw.truncate(*read.as_ref().unwrap_or(&0));
            self.ended = read? == 0;
        }
        self.made.resize(PIECE_BYTES, 0);
        let (result, read, wrote) = decoder.decode_to_utf8_without_replacement(&self.raw, &mut self.made, self.ended);
        self.made.truncate(wrote);
        self.made_taken = 0;
        self.raw.drain(..read);
        self.decoded_bytes += read as u64;
        match result {
            // What came before it is given out first.
            DecoderResult::Malformed(..) => {
                let what = format!("what ends at byte {} is not {}", self.decoded_bytes, decoder.encoding().name());
                self.has_failed = true;
                self.failed = Some(io::Error::new(io::ErrorKind::InvalidData, what));
                Ok(true)
            }
            DecoderResult::InputEmpty if self.ended && wrote == 0 => {
                self.decoder = None;
                Ok(false)
            }
            DecoderResult::InputEmpty | DecoderResult::OutputFull => Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::boundary::Lines;
    use super::*;

    fn read(bytes: &[u8], most: usize) -> (Vec<u8>, Option<String>) {
        let (mut text, mut rest, mut all) = (Text::new(Arc::new(Lines::default())), bytes, Vec::new());
        let mut buf = vec![0; most];
        loop {
            let from = |into: &mut [u8]| {
                let n = rest.len().min(into.len()).min(most);
                into[..n].copy_from_slice(&rest[..n]);
                rest = &rest[n..];
                Ok(n)
            };
            match text.read(&mut buf, from) {
                Ok(0) => return (all, None),
                Ok(n) => all.extend_from_slice(&buf[..n]),
                Err(error) => return (all, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn text_becomes_utf8() {
        let little = |text: &str| [&[0xff, 0xfe][..], &text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()].concat();
        let big = |text: &str| [&[0xfe, 0xff][..], &text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>()].concat();
        let long = "né😀\n".repeat(20_000);
        for most in [1, 7, 5000] {
            assert_eq!(read(b"", most), (vec![], None));
            assert_eq!(read(b"caf\xe9\n", most), (b"caf\xe9\n".to_vec(), None), "no mark, no change");
            assert_eq!(read(&[0xff], most), (vec![0xff], None));
            assert_eq!(read(&little("a,é\n"), most), ("a,é\n".into(), None));
            assert_eq!(read(&big("a,😀\n"), most), ("a,😀\n".into(), None));
            assert_eq!(read(&little(""), most), (vec![], None));
        }
        assert_eq!(read(&little(&long), 5000), (long.into_bytes(), None));
        let torn = [&little("ab\n")[..], &[0x00, 0xd8, b'c', 0]].concat();
        let (made, failed) = read(&torn, 3);
        assert_eq!(made, b"ab\n");
        assert!(failed.unwrap().contains("is not UTF-16LE"));
    }
}
