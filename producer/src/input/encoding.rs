//! What the text of an input is written in, told by the mark it begins with, by `--encoding`, or by what a format knows of its first bytes
//! (`xml` reads the declaration): of UTF-8 the mark is left out, anything else becomes UTF-8. Without any of these, bytes are taken for UTF-8, and
//! bytes that are not UTF-8 pass through.
//!
//! This is the one place where a mark is taken off, for every format that reads text and for `--grep`. Of an input in UTF-8
//! the places stay those of its bytes. Those of another are of the UTF-8 that it becomes, as those of a compressed one
//! are of what was in it.
//!
//! Half of a surrogate pair means nothing, and neither do some bytes in other encodings. U+FFFD stands for each, and how many there
//! were is said at the end of the input.

use std::fmt;
use std::io;
use std::time::Instant;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::block::Feed;
use super::boundary::Boundary;

/// The mark of UTF-8: U+FEFF.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes that tell an encoding. A longer mark stands before those it begins with.
const MARKS: &[(&[u8], Mark)] = &[
    (b"\xff\xfe\0\0", Mark::Utf32),
    (b"\0\0\xfe\xff", Mark::Utf32),
    (b"\xff\xfe", Mark::Utf16(UTF_16LE)),
    (b"\xfe\xff", Mark::Utf16(UTF_16BE)),
    (UTF8_MARK, Mark::Utf8),
];

const LONGEST_MARK: usize = 4;

/// So much is read at a time to tell what an input declares.
const HEAD_BYTES: usize = 1024;

/// What an input without a mark declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Nothing, or that it is in UTF-8.
    AsItIs,
    /// Something else.
    In(&'static Encoding),
    /// More of it has to be seen.
    More,
}

#[derive(Clone, Copy)]
enum Mark {
    Utf8,
    Utf16(&'static Encoding),
    Utf32,
}

/// How long the mark of UTF-8 is that this text begins with.
pub(crate) fn mark_bytes(head: &[u8]) -> usize {
    if head.starts_with(UTF8_MARK) { UTF8_MARK.len() } else { 0 }
}

/// Whether text that begins so has the mark of UTF-16 or UTF-32.
pub fn is_wide(head: &[u8]) -> bool {
    MARKS.iter().any(|(mark, kind)| !matches!(kind, Mark::Utf8) && head.starts_with(mark))
}

/// The bytes of an input; where they are text, in UTF-8 and without a mark.
pub struct Text<F> {
    feed: F,
    /// What was read to tell what it is written in.
    head: Vec<u8>,
    head_given: usize,
    mark_bytes: usize,
    foreign: Option<Box<Foreign>>,
}

impl<F: fmt::Debug> fmt::Debug for Text<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({:?}, {})", self.feed, self.foreign.as_ref().map_or("UTF-8", |foreign| foreign.encoding().name()))
    }
}

impl<F: Feed> Text<F> {
    /// What `feed` gives, as it is until it is [told](Text::tell) what it is.
    pub fn new(feed: F) -> Self {
        Text { feed, head: Vec::new(), head_given: 0, mark_bytes: 0, foreign: None }
    }

    /// Reads as much of its beginning as it takes to tell what it is written in: its mark says so, before what was `said`, and before what
    /// it declares itself. Of a live input that is waited for. Answers the name of an encoding that is not read.
    ///
    /// # Errors
    /// The feed's.
    pub fn tell(&mut self, boundary: &dyn Boundary, said: Option<&'static Encoding>) -> io::Result<Option<&'static str>> {
        let is_begun = |head: &[u8], mark: &[u8]| mark.len() > head.len() && mark.starts_with(head);
        while MARKS.iter().any(|(mark, _)| is_begun(&self.head, mark)) && self.read_head(LONGEST_MARK - self.head.len())? {}
        if let Some((mark, kind)) = MARKS.iter().find(|(mark, _)| self.head.starts_with(mark)) {
            self.head_given = mark.len();
            match kind {
                Mark::Utf8 => self.mark_bytes = mark.len(),
                Mark::Utf16(encoding) => self.foreign = Some(Box::new(Foreign::new(encoding))),
                Mark::Utf32 => return Ok(Some("UTF-32")),
            }
            return Ok(None);
        }
        if let Some(said) = said {
            self.foreign = (said != UTF_8).then(|| Box::new(Foreign::new(said)));
            return Ok(None);
        }
        let mut is_all = false;
        loop {
            match boundary.declared(&self.head, is_all) {
                Told::More if !is_all => is_all = !self.read_head(HEAD_BYTES)?,
                Told::In(encoding) => {
                    self.foreign = Some(Box::new(Foreign::new(encoding)));
                    return Ok(None);
                }
                Told::AsItIs | Told::More => return Ok(None),
            }
        }
    }

    /// Reads more of the beginning; whether there is more.
    fn read_head(&mut self, most: usize) -> io::Result<bool> {
        let len = self.head.len();
        self.head.resize(len + most, 0);
        let read = self.feed.read(&mut self.head[len..]);
        self.head.truncate(len + read.as_ref().map_or(0, |n| *n));
        Ok(read? > 0)
    }

    /// Where the bytes come from.
    pub fn feed(&self) -> &F {
        &self.feed
    }

    /// What a person should know when all of it was read.
    pub(crate) fn remark(&self) -> Option<String> {
        let foreign = self.foreign.as_ref().filter(|foreign| foreign.replaced > 0)?;
        let replaced = foreign.replaced;
        Some(match foreign.encoding() {
            encoding if encoding == UTF_16LE || encoding == UTF_16BE => {
                format!("its UTF-16 has halves of surrogate pairs, or of a unit, that stand alone: {replaced} became U+FFFD")
            }
            encoding => format!("it has bytes that mean nothing in {}, in which it is: {replaced} became U+FFFD", encoding.name()),
        })
    }
}

impl<F: Feed> Feed for Text<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Text { feed, head, head_given, foreign, .. } = self;
        let mut read = |buf: &mut [u8]| {
            let n = (head.len() - *head_given).min(buf.len());
            if n == 0 {
                return feed.read(buf);
            }
            buf[..n].copy_from_slice(&head[*head_given..][..n]);
            *head_given += n;
            Ok(n)
        };
        match foreign {
            Some(foreign) => foreign.read(buf, read),
            None => read(buf),
        }
    }

    fn is_idle(&self) -> bool {
        self.head_given == self.head.len() && self.foreign.as_ref().is_none_or(|foreign| foreign.is_drained()) && self.feed.is_idle()
    }

    fn is_silent(&self, until: Instant) -> bool {
        self.head_given == self.head.len() && self.foreign.as_ref().is_none_or(|foreign| foreign.is_drained()) && self.feed.is_silent(until)
    }

    fn mark_bytes(&self) -> usize {
        self.feed.mark_bytes() + self.mark_bytes
    }

    fn mark_lines(&self) -> Option<u32> {
        self.feed.mark_lines()
    }
}

/// Text in another encoding on its way to UTF-8.
struct Foreign {
    decoder: Decoder,
    input: Box<[u8]>,
    /// The part of `input` that was not decoded yet.
    from: usize,
    to: usize,
    /// Nothing comes after it.
    ended: bool,
    output: Box<[u8]>,
    /// The part of `output` that was not given out yet.
    given: usize,
    made: usize,
    /// The number of invalid sequences that U+FFFD stands for.
    replaced: u64,
}

/// How much is read at a time.
const INPUT_BYTES: usize = 64 << 10;

/// U+FFFD.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

impl Foreign {
    fn new(encoding: &'static Encoding) -> Self {
        Foreign {
            decoder: encoding.new_decoder_without_bom_handling(),
            input: vec![0; INPUT_BYTES].into(),
            from: 0,
            to: 0,
            ended: false,
            // Two bytes of UTF-16 become three at most, and one of another encoding as well. What does not fit waits, so this is no condition.
            output: vec![0; INPUT_BYTES * 3 / 2 + 64].into(),
            given: 0,
            made: 0,
            replaced: 0,
        }
    }

    fn encoding(&self) -> &'static Encoding {
        self.decoder.encoding()
    }

    fn is_drained(&self) -> bool {
        self.given == self.made && self.from == self.to
    }

    fn read(&mut self, buf: &mut [u8], mut feed: impl FnMut(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        while self.given == self.made {
            if self.from == self.to {
                if self.ended {
                    return Ok(0);
                }
                (self.from, self.to) = (0, feed(&mut self.input)?);
                self.ended = self.to == 0;
            }
            self.decode();
        }
        let n = buf.len().min(self.made - self.given);
        buf[..n].copy_from_slice(&self.output[self.given..][..n]);
        self.given += n;
        Ok(n)
    }

    /// Decodes what was read, or as much as there is room for.
    fn decode(&mut self) {
        (self.given, self.made) = (0, 0);
        // There is always room for one replacement.
        while self.made + REPLACEMENT.len() < self.output.len() {
            let room = self.output.len() - REPLACEMENT.len();
            let (input, output) = (&self.input[self.from..self.to], &mut self.output[self.made..room]);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(input, output, self.ended);
            self.from += read;
            self.made += written;
            match result {
                DecoderResult::InputEmpty | DecoderResult::OutputFull => return,
                DecoderResult::Malformed(..) => {
                    self.output[self.made..][..REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
                    self.made += REPLACEMENT.len();
                    self.replaced += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::block::tests::Script;
    use super::super::boundary::Lines;
    use super::*;
    use proptest::prelude::*;

    /// The text, how long its mark is, and what is remarked; read in pieces of these sizes.
    fn read(bytes: &[u8], sizes: &[usize], buf_bytes: usize) -> (Vec<u8>, usize, Option<String>) {
        let mut text = Text::new(Script::new(bytes, sizes));
        assert_eq!(text.tell(&Lines::default(), None).unwrap(), None);
        let (mut all, mut buf) = (Vec::new(), vec![0; buf_bytes]);
        loop {
            match text.read(&mut buf).unwrap() {
                0 => return (all, text.mark_bytes(), text.remark()),
                n => all.extend_from_slice(&buf[..n]),
            }
        }
    }

    fn utf16(units: &[u16], little: bool) -> Vec<u8> {
        let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        std::iter::once(0xfeff).chain(units.iter().copied()).flat_map(bytes).collect()
    }

    #[test]
    fn a_mark_is_no_text() {
        assert_eq!(read(b"\xef\xbb\xbfab", &[1], 9), (b"ab".to_vec(), 3, None));
        assert_eq!(read(b"\xef\xbb\xbf\xef\xbb\xbf", &[9], 9), (UTF8_MARK.to_vec(), 3, None));
        for text in [&b""[..], b"a", b"\xef", b"\xef\xbb", b"\xef\xbbx", b"\xff", b"\xfe", b"\0", b"\0\0\xfe", b"a\xef\xbb\xbf"] {
            assert_eq!(read(text, &[1], 9), (text.to_vec(), 0, None));
        }
    }

    #[test]
    fn utf_32_is_called_by_its_name() {
        for bytes in [b"\xff\xfe\0\0a\0\0\0", b"\0\0\xfe\xff\0\0\0a"] {
            assert_eq!(Text::new(Script::new(bytes, &[3])).tell(&Lines::default(), None).unwrap(), Some("UTF-32"));
        }
    }

    #[test]
    fn what_is_no_character_is_replaced_and_said() {
        let units = [0x61, 0xd83d, 0x62, 0xde00, 0xd83d, 0xde00, 0xd83d];
        for little in [true, false] {
            let bytes = [utf16(&units, little), vec![7]].concat();
            let (text, _, remark) = read(&bytes, &[3], 2);
            assert_eq!(String::from_utf8_lossy(&text), "a\u{fffd}b\u{fffd}\u{1f600}\u{fffd}");
            assert!(remark.as_deref().is_some_and(|remark| remark.contains(": 3 became U+FFFD")), "{remark:?}");
        }
    }

    proptest! {
        #[test]
        fn utf_16_is_read_as_utf_8(
            text in proptest::collection::vec(any::<char>(), 0..200), times in 1_usize..400, sizes in proptest::collection::vec(1_usize..5000, 1..4),
            buf_bytes in 1_usize..300_000, little: bool,
        ) {
            let text: String = text.iter().collect::<String>().repeat(times);
            let bytes = utf16(&text.encode_utf16().collect::<Vec<_>>(), little);
            // Otherwise it is UTF-32, as far as anybody can see.
            prop_assume!(!(little && text.starts_with('\0')));
            prop_assert_eq!(read(&bytes, &sizes, buf_bytes), (text.into_bytes(), 0, None));
        }
    }
}
