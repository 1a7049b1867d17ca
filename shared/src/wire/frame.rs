//! The layout of a stream, and a decoder that works on bytes alone.
//!
//! ```text
//! stream   = preamble frame* End-frame EOF            all numbers little-endian
//!
//! preamble   0        8         10      11      12          16
//!            | magic  | version | codec | flags | CRC-32C   |      of bytes 0..12
//!            | 8 bytes| u16     | u8    | u8    | u32       |
//!
//! frame    = header payload
//! header     0      1       2        4         8        12            16         24            28           32
//!            | kind | flags | schema | records | stream | payload_len | sequence | payload CRC | header CRC |
//!            | u8   | u8    | u16    | u32     | u32    | u32         | u64      | u32         | u32        |
//! payload    payload_len bytes, in the form the codec gives its kind
//! ```
//!
//! Design constraints:
//! 1. A length is trusted only after the header's own checksum, and then only up to [`MAX_PAYLOAD`]; nothing is allocated before.
//! 2. `sequence` counts all frames of a stream from 0 without gaps: a lost, repeated or swapped frame is found.
//! 3. The End frame carries the number of frames and records before it and a running CRC-32C over their headers (without
//!    the headers' own); those hold the payloads' CRCs. EOF without it is [`Error::Truncated`]; anything after it is [`Error::Corrupt`].
//! 4. A kind that a reader does not know is an error, unless [`OPTIONAL`] is set in its flags: then it is skipped.
//! 5. The magic's first byte is no ASCII, so that text tools see at once that this is none of theirs (PNG's trick, RFC 2083 §12.11).

use crate::Error;

/// The first eight bytes of every stream.
pub const MAGIC: [u8; 8] = *b"\x89RECPIPE";
/// The version this program writes, and the only one it reads.
pub const VERSION: u16 = 2;
/// The codec of all payloads: bincode 2, fixed-width little-endian.
pub(crate) const CODEC: u8 = 1;
/// Bytes of a preamble.
pub const PREAMBLE_LEN: usize = 16;
/// Bytes of a frame header.
pub const HEADER_LEN: usize = 32;
/// The largest payload. Producers aim at half a megabyte; a larger length is refused before anything is allocated.
pub const MAX_PAYLOAD: usize = 8 << 20;
/// More schemas than this in one stream are refused.
pub const MAX_SCHEMAS: usize = 1024;
/// Bytes of the payloads of all schemas of one stream: both ends keep them until its end.
pub(crate) const MAX_SCHEMA_BYTES: usize = 2 * MAX_PAYLOAD;
/// The flag of a frame that a reader may skip when it does not know its kind.
pub const OPTIONAL: u8 = 1;
/// The flag of a Schema frame whose records were all there when the stream began: they are read from files that are not followed.
pub(crate) const AT_REST: u8 = 2;

/// What a frame is. Kinds from 16 on are about the connection and no part of the stream: they have the number 0, and no
/// total counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Names and types of the fields of batches that follow.
    Schema = 1,
    /// Records.
    Batch = 2,
    /// Something failed, and the stream goes on.
    Error = 3,
    /// The end, with totals, cause and exit code.
    End = 4,
    /// Both ways, first on every connection: who speaks.
    Hello = 16,
    /// From the consumer: what it needs of the records.
    Pushdown = 17,
    /// From the consumer: how far it is.
    Ack = 18,
    /// Both ways: that one is alive.
    Beat = 19,
    /// From the producer, last: that it has heard how the consumer ended.
    Bye = 20,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{Ack, Batch, Beat, Bye, End, Error, Hello, Pushdown, Schema};
        [Schema, Batch, Error, End, Hello, Pushdown, Ack, Beat, Bye].into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Whether it is about the connection, not the stream.
    pub fn is_control(self) -> bool {
        self as u8 >= Kind::Hello as u8
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: Kind,
    /// See [`OPTIONAL`].
    pub flags: u8,
    /// The number of the schema that is announced or used, from 0; 0 for other kinds.
    pub schema: u16,
    /// The records in a batch; 0 for other kinds.
    pub records: u32,
    /// Which of several streams on one channel; 0 as long as there is one.
    pub stream: u32,
    /// Bytes of the payload.
    pub payload_len: u32,
    /// The number of the frame in its stream, from 0.
    pub sequence: u64,
    /// CRC-32C of the payload.
    pub payload_crc: u32,
}

impl Header {
    /// The bytes on the wire, checksum included.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[0] = self.kind as u8;
        out[1] = self.flags;
        out[2..4].copy_from_slice(&self.schema.to_le_bytes());
        out[4..8].copy_from_slice(&self.records.to_le_bytes());
        out[8..12].copy_from_slice(&self.stream.to_le_bytes());
        out[12..16].copy_from_slice(&self.payload_len.to_le_bytes());
        out[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        out[24..28].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..28]);
        out[28..].copy_from_slice(&crc.to_le_bytes());
        out
    }
}

impl Header {
    /// The header in these bytes, verified by its own checksum; its number and its place are for the caller to judge.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Result<Self, String> {
        let raw = RawHeader::from_bytes(bytes)?;
        let kind = Kind::from_byte(raw.kind).ok_or_else(|| format!("a frame of the unknown kind {}", raw.kind))?;
        Ok(raw.of_kind(kind))
    }
}

/// A header of whatever kind, its checksum verified.
struct RawHeader {
    kind: u8,
    flags: u8,
    schema: u16,
    records: u32,
    stream: u32,
    payload_len: u32,
    sequence: u64,
    payload_crc: u32,
}

impl RawHeader {
    fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Result<Self, String> {
        if crc32c::crc32c(&bytes[..28]).to_le_bytes() != bytes[28..] {
            return Err("the checksum of the header differs".into());
        }
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let payload_len = u32_at(12);
        if payload_len as usize > MAX_PAYLOAD {
            return Err(format!("a payload of {payload_len} bytes, the limit is {MAX_PAYLOAD}"));
        }
        Ok(RawHeader {
            kind: bytes[0],
            flags: bytes[1],
            schema: u16::from_le_bytes([bytes[2], bytes[3]]),
            records: u32_at(4),
            stream: u32_at(8),
            payload_len,
            sequence: u64::from(u32_at(16)) | u64::from(u32_at(20)) << 32,
            payload_crc: u32_at(24),
        })
    }

    fn of_kind(&self, kind: Kind) -> Header {
        let RawHeader { flags, schema, records, stream, payload_len, sequence, payload_crc, .. } = *self;
        Header { kind, flags, schema, records, stream, payload_len, sequence, payload_crc }
    }
}

/// The bytes of a preamble.
pub fn preamble() -> [u8; PREAMBLE_LEN] {
    let mut out = [0; PREAMBLE_LEN];
    out[..8].copy_from_slice(&MAGIC);
    out[8..10].copy_from_slice(&VERSION.to_le_bytes());
    out[10] = CODEC;
    let crc = crc32c::crc32c(&out[..12]);
    out[12..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// What [`Decoder::decode`] found, and so what the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The input is too short: call again with at least this many bytes from the same place, or [`Decoder::eof`].
    Need(usize),
    /// A preamble: go on after [`PREAMBLE_LEN`] bytes.
    Preamble,
    /// A header of [`HEADER_LEN`] bytes; its payload of `payload_len` bytes follows, and is the caller's to take and to
    /// check against `payload_crc`. Then call again with what follows it.
    Header(Header),
    /// A header of a kind that is unknown and may be skipped, with its payload of this many bytes.
    Skip(usize),
    /// The stream has ended; these bytes are none of it.
    Ended,
}

/// Totals over the frames so far: what the End frame must agree with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Frames.
    pub frames: u64,
    /// Records in batches.
    pub records: u64,
    /// CRC-32C over all headers, each without its own checksum: with it, every header would leave the same behind.
    pub digest: u32,
}

impl Totals {
    /// Counts a frame.
    pub fn add(&mut self, header: &[u8; HEADER_LEN], records: u32) {
        self.frames += 1;
        self.records += u64::from(records);
        self.digest = crc32c::crc32c_append(self.digest, &header[..HEADER_LEN - 4]);
    }
}

/// Takes a stream apart: bytes in, [`Step`]s out. It reads nothing and allocates nothing.
///
/// # Examples
/// ```
/// use recpipe::wire::frame::{Decoder, Step, preamble};
///
/// let mut decoder = Decoder::new();
/// assert_eq!(decoder.decode(&preamble()[..3])?, Step::Need(16));
/// assert_eq!(decoder.decode(&preamble())?, Step::Preamble);
/// assert_eq!(decoder.decode(b"")?, Step::Need(32));
/// assert!(matches!(decoder.eof(0), Err(recpipe::Error::Truncated { .. })));
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    at: u64,
    totals: Totals,
}

#[derive(Debug, Default, PartialEq)]
enum State {
    #[default]
    Preamble,
    Frames,
    Ended,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next step, from the bytes at the current place.
    ///
    /// # Errors
    /// [`Error::NotAStream`], [`Error::Unsupported`], or [`Error::Corrupt`]; after one of them nothing can be trusted any more.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Error> {
        match self.state {
            State::Preamble => self.preamble(input),
            State::Frames => self.header(input),
            State::Ended => Ok(Step::Ended),
        }
    }

    fn preamble(&mut self, input: &[u8]) -> Result<Step, Error> {
        let known = input.len().min(MAGIC.len());
        if input[..known] != MAGIC[..known] {
            let begins = String::from_utf8_lossy(&input[..input.len().min(PREAMBLE_LEN)]).into_owned();
            return Err(Error::NotAStream { begins });
        }
        let Some(bytes) = input.first_chunk::<PREAMBLE_LEN>() else { return Ok(Step::Need(PREAMBLE_LEN)) };
        if crc32c::crc32c(&bytes[..12]).to_le_bytes() != bytes[12..] {
            return Err(self.corrupt("the checksum of the preamble differs"));
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version != VERSION {
            return Err(Error::Unsupported(format!(
                "it is of version {version}, this program reads version {VERSION}: use the same release on both sides"
            )));
        }
        if bytes[10] != CODEC || bytes[11] != 0 {
            return Err(Error::Unsupported(format!("codec {} with flags {:#x}; this program reads codec {CODEC}", bytes[10], bytes[11])));
        }
        self.state = State::Frames;
        self.at += PREAMBLE_LEN as u64;
        Ok(Step::Preamble)
    }

    fn header(&mut self, input: &[u8]) -> Result<Step, Error> {
        let Some(bytes) = input.first_chunk::<HEADER_LEN>() else { return Ok(Step::Need(HEADER_LEN)) };
        let raw = RawHeader::from_bytes(bytes).map_err(|what| self.corrupt(&what))?;
        if raw.sequence != self.totals.frames {
            return Err(self.corrupt(&format!("it has the number {}, a frame was lost, repeated or swapped", raw.sequence)));
        }
        let kind = Kind::from_byte(raw.kind);
        if kind != Some(Kind::End) {
            self.totals.add(bytes, raw.records);
        }
        self.at += HEADER_LEN as u64 + u64::from(raw.payload_len);
        let Some(kind) = kind else {
            if raw.flags & OPTIONAL != 0 {
                return Ok(Step::Skip(raw.payload_len as usize));
            }
            return Err(Error::Unsupported(format!("a frame of kind {}: use the same release on both sides", raw.kind)));
        };
        if kind == Kind::End {
            self.state = State::Ended;
        }
        Ok(Step::Header(raw.of_kind(kind)))
    }

    /// The totals of the frames whose headers were decoded, without the End frame.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The bytes up to the end of the last frame.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// After the end of a stream, begins with one that follows it in the same input.
    pub(crate) fn next_stream(&mut self) {
        self.state = State::Preamble;
        self.totals = Totals::default();
    }

    /// The input has ended where [`Decoder::decode`] asked for more, with `got` bytes of it there.
    ///
    /// # Errors
    /// [`Error::Truncated`], unless the stream has ended properly.
    pub fn eof(&self, got: usize) -> Result<(), Error> {
        match self.state {
            State::Ended => Ok(()),
            State::Preamble => Err(self.truncated(self.at, PREAMBLE_LEN, got)),
            State::Frames => Err(self.truncated(self.at, HEADER_LEN, got)),
        }
    }

    /// The input has ended `got` bytes into the payload of `header`, the last that was decoded.
    pub(crate) fn eof_in_payload(&self, header: &Header, got: usize) -> Error {
        let mut before = Decoder { state: State::Frames, at: self.at - u64::from(header.payload_len), totals: self.totals };
        if header.kind != Kind::End {
            before.totals.frames -= 1;
            before.totals.records -= u64::from(header.records);
        }
        before.truncated(before.at, header.payload_len as usize, got)
    }

    fn truncated(&self, at: u64, wanted: usize, got: usize) -> Error {
        Error::Truncated { at: at + got as u64, wanted, got, frames: self.totals.frames, records: self.totals.records }
    }

    fn corrupt(&self, what: &str) -> Error {
        Error::Corrupt { what: what.to_owned(), frame: self.totals.frames, at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { kind: Kind::Batch, flags: 0, schema: 1, records: 7, stream: 0, payload_len: 5, sequence: 0, payload_crc: 9 };

    #[test]
    fn golden_bytes() {
        assert_eq!(preamble(), *b"\x89RECPIPE\x02\0\x01\0\x29\x20\x72\x0a");
        assert_eq!(HEADER.to_bytes(), *b"\x02\0\x01\0\x07\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0\x0d\x9d\x72\xad");
    }

    fn started() -> Decoder {
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(&preamble()).unwrap(), Step::Preamble);
        decoder
    }

    #[test]
    fn asks_for_what_is_missing() {
        for len in 0..PREAMBLE_LEN {
            assert_eq!(Decoder::new().decode(&preamble()[..len]).unwrap(), Step::Need(PREAMBLE_LEN));
        }
        for len in 0..HEADER_LEN {
            assert_eq!(started().decode(&HEADER.to_bytes()[..len]).unwrap(), Step::Need(HEADER_LEN));
        }
        let mut decoder = started();
        assert_eq!(decoder.decode(&HEADER.to_bytes()).unwrap(), Step::Header(HEADER));
        let Error::Truncated { at, wanted, got, frames, records } = decoder.eof_in_payload(&HEADER, 3) else { panic!("not truncated") };
        assert_eq!((at, wanted, got, frames, records), (16 + 32 + 3, 5, 3, 0, 0));
        let Err(Error::Truncated { at, frames, records, .. }) = decoder.eof(2) else { panic!("not truncated") };
        assert_eq!((at, frames, records), (16 + 32 + 5 + 2, 1, 7));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        for bit in 0..PREAMBLE_LEN * 8 {
            let mut bytes = preamble();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Decoder::new().decode(&bytes).is_err(), "bit {bit} of the preamble");
        }
        for bit in 0..HEADER_LEN * 8 {
            let mut bytes = HEADER.to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(started().decode(&bytes).is_err(), "bit {bit} of the header");
        }
    }

    #[test]
    fn refuses_what_it_should() {
        let check = |bytes: &[u8], expect: &str| {
            let error = started().decode(bytes).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(&Header { sequence: 1, ..HEADER }.to_bytes(), "lost, repeated or swapped");
        check(&Header { payload_len: u32::MAX, ..HEADER }.to_bytes(), "the limit is");
        let mut unknown = HEADER.to_bytes();
        unknown[0] = 99;
        let crc = crc32c::crc32c(&unknown[..28]);
        unknown[28..].copy_from_slice(&crc.to_le_bytes());
        check(&unknown, "kind 99");
        unknown[1] = OPTIONAL;
        let crc = crc32c::crc32c(&unknown[..28]);
        unknown[28..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(started().decode(&unknown).unwrap(), Step::Skip(5));
        assert!(matches!(Decoder::new().decode(b"GET / HTTP/1.1\r\n"), Err(Error::NotAStream { .. })));
        assert!(matches!(Decoder::new().decode(b"hi"), Err(Error::NotAStream { .. })));
    }
}
