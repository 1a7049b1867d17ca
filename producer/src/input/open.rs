//! Opens an input, and takes its compression off: told by magic bytes, never by the name.
//!
//! A compressed file is members put end to end (`cat a.gz b.gz`, pigz, bgzip), and all of them are read. What is
//! torn or corrupt is an error that names the byte of the *compressed* file where decoding stopped; what was decoded
//! before it counts. A new compression is one row of `CODECS`.

use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use recpipe::transport::{file, stdio};

use super::block::Feed;
use super::find::Input;
use super::live::{LiveFile, Watch};
use super::{InputError, Meter, reason};

/// A compression: how it is told, and what takes it off.
struct Codec {
    name: &'static str,
    /// The command that takes it off.
    cat: &'static str,
    /// The bytes it begins with; each is a range, so that `BZh1`–`BZh9` is one pattern.
    magics: &'static [&'static [(u8, u8)]],
    decode: fn(Compressed) -> io::Result<Box<dyn Decode>>,
    /// What its decoder says of data that need more memory than we allow, and how to read them all the same.
    too_large: Option<(&'static str, &'static str)>,
}

/// The largest window of zstd data, as a power of two: what `zstd --long` makes, and `zstd -d` reads without being asked.
/// A frame of a few bytes may ask for gigabytes otherwise.
const ZSTD_WINDOW_LOG: u32 = 27;

/// The memory xz data may need; `xz -9` makes data that need a quarter of it.
const XZ_MEMORY_BYTES: u64 = 256 << 20;

const CODECS: &[Codec] = &[
    Codec {
        name: "gz",
        cat: "gzip -dc",
        magics: &[&[(0x1f, 0x1f), (0x8b, 0x8b), (8, 8)]],
        decode: |from| Ok(Box::new(flate2::bufread::MultiGzDecoder::new(from))),
        too_large: None,
    },
    Codec {
        name: "bz2",
        cat: "bzip2 -dc",
        // The level, then the first byte of π (a block) or of √π (no block at all): text may well begin with BZh9.
        magics: &[
            &[(b'B', b'B'), (b'Z', b'Z'), (b'h', b'h'), (b'1', b'9'), (0x31, 0x31), (0x41, 0x41), (0x59, 0x59)],
            &[(b'B', b'B'), (b'Z', b'Z'), (b'h', b'h'), (b'1', b'9'), (0x17, 0x17), (0x72, 0x72), (0x45, 0x45)],
        ],
        decode: |from| Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(from))),
        too_large: None,
    },
    Codec {
        name: "zstd",
        cat: "zstd -dc",
        // A frame, or a skippable one (pzstd and seekable files begin with it).
        magics: &[&[(0x28, 0x28), (0xb5, 0xb5), (0x2f, 0x2f), (0xfd, 0xfd)], &[(0x50, 0x5f), (0x2a, 0x2a), (0x4d, 0x4d), (0x18, 0x18)]],
        decode: |from| {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(from)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Ok(Box::new(decoder))
        },
        too_large: Some(("too much memory", "zstd -dc --long=31")),
    },
    Codec {
        name: "xz",
        cat: "xz -dc",
        magics: &[&[(0xfd, 0xfd), (b'7', b'7'), (b'z', b'z'), (b'X', b'X'), (b'Z', b'Z'), (0, 0)]],
        decode: |from| Ok(Box::new(xz(from, XZ_MEMORY_BYTES)?)),
        too_large: Some(("memory limit", "xz -dc")),
    },
];

fn xz(from: Compressed, memory_bytes: u64) -> io::Result<liblzma::bufread::XzDecoder<Compressed>> {
    let stream = liblzma::stream::Stream::new_stream_decoder(memory_bytes, liblzma::stream::CONCATENATED)?;
    Ok(liblzma::bufread::XzDecoder::new_stream(from, stream))
}

/// A decoder that lets us ask its input how far it is.
trait Decode: Read + Send {
    fn input(&self) -> &Compressed;
}

impl Decode for flate2::bufread::MultiGzDecoder<Compressed> {
    fn input(&self) -> &Compressed {
        self.get_ref()
    }
}

impl Decode for bzip2::bufread::MultiBzDecoder<Compressed> {
    fn input(&self) -> &Compressed {
        self.get_ref()
    }
}

impl Decode for zstd::stream::read::Decoder<'static, Compressed> {
    fn input(&self) -> &Compressed {
        self.get_ref()
    }
}

impl Decode for liblzma::bufread::XzDecoder<Compressed> {
    fn input(&self) -> &Compressed {
        self.get_ref()
    }
}

/// An input that is open: the bytes inside, whatever they were wrapped in.
pub struct Opened {
    kind: Kind,
    /// What was read to be looked at, and how much of it was given out.
    ahead: Vec<u8>,
    given: usize,
    /// The byte of the file that it begins with, and how many are to be read from there on.
    start: u64,
    left: Option<u64>,
    /// Where it lies, if it is a plain file.
    path: Option<PathBuf>,
}

enum Kind {
    Plain(Raw),
    Wrapped { codec: &'static Codec, decoder: Box<dyn Decode> },
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.kind {
            Kind::Plain(_) => "Opened(plain)",
            Kind::Wrapped { codec, .. } => codec.name,
        })
    }
}

impl Opened {
    /// Opens `input` and looks at its first bytes; for a live input that waits for them.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or not even its first bytes be read.
    pub fn open(input: &Input, meter: &Arc<Meter>, watch: &Watch) -> Result<Self, InputError> {
        let named = |e| InputError { name: input.to_string(), what: reason(&e) };
        let opened = match input {
            Input::Stdin => stdio::stdin().map_err(|e| InputError { name: input.to_string(), what: e.to_string() })?,
            Input::File(path) => file::open_unwaiting(path).map_err(named)?,
            Input::Given(given) => {
                return given.begin().and_then(|given| Opened::sniff(given, None, meter.clone())).map_err(named);
            }
        };
        let id = super::file_id(&opened);
        let live = LiveFile::new(opened, watch).map_err(named)?;
        let opened = Opened::sniff(Box::new(live), id, meter.clone()).map_err(named)?;
        let path = match (input, &opened.kind) {
            (Input::File(path), Kind::Plain(raw)) if raw.id.is_some() => Some(path.clone()),
            _ => None,
        };
        Ok(Opened { path, ..opened })
    }

    /// Where it lies, if it is a plain file that can be read from anywhere.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// A plain file, from this byte on; so many bytes of it, or all.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn from(path: &Path, at: u64, most: Option<u64>, meter: &Arc<Meter>, watch: &Watch) -> Result<Self, InputError> {
        let named = |e| InputError::open(path, e);
        let mut file = file::open_unwaiting(path).map_err(named)?;
        let id = super::file_id(&file);
        file.seek(SeekFrom::Start(at)).map_err(named)?;
        let from = Box::new(LiveFile::new(file, watch).map_err(named)?);
        let raw = Raw { from, id, meter: meter.clone(), head: Vec::new(), head_taken: 0 };
        Ok(Opened { kind: Kind::Plain(raw), ahead: Vec::new(), given: 0, start: at, left: most, path: None })
    }

    fn sniff(from: Box<dyn Feed + Send>, id: Option<super::FileId>, meter: Arc<Meter>) -> io::Result<Self> {
        let mut raw = Raw { from, id, meter, head: Vec::new(), head_taken: 0 };
        let codec = loop {
            match tell(&raw.head) {
                Tell::Codec(codec) => break Some(codec),
                Tell::Plain => break None,
                Tell::NeedMore => {
                    let mut more = [0; LONGEST_MAGIC];
                    let n = raw.from.read(&mut more[raw.head.len()..])?;
                    raw.meter.add(n);
                    raw.head.extend_from_slice(&more[raw.head.len()..][..n]);
                    if n == 0 {
                        break None;
                    }
                }
            }
        };
        let kind = match codec {
            None => Kind::Plain(raw),
            Some(codec) => Kind::Wrapped { codec, decoder: (codec.decode)(Compressed::new(raw))? },
        };
        Ok(Opened { kind, ahead: Vec::new(), given: 0, start: 0, left: None, path: None })
    }

    /// What lies in an archive, which may be compressed by itself.
    ///
    /// # Errors
    /// Its first bytes cannot be read.
    pub(super) fn within(from: Box<dyn Feed + Send>) -> io::Result<Self> {
        Opened::sniff(from, None, Arc::default())
    }

    /// Reads the bytes that it begins with, decompressed: as many as it takes to be told what they are, or all that there are. They are
    /// given out again.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn look_ahead(&mut self, is_told: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        while !is_told(&self.ahead) {
            let mut more = [0; 512];
            match self.read_on(&mut more)? {
                0 => break,
                n => self.ahead.extend_from_slice(&more[..n]),
            }
        }
        Ok(())
    }

    /// What was read ahead.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    fn read_on(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = self.left.map_or(buf.len(), |left| buf.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        let n = match &mut self.kind {
            Kind::Plain(raw) => raw.read(&mut buf[..most]),
            Kind::Wrapped { decoder, .. } => decoder.read(&mut buf[..most]),
        }?;
        self.left = self.left.map(|left| left - n as u64);
        Ok(n)
    }

    /// The compression that it had; `None` for none.
    pub fn codec(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Plain(_) => None,
            Kind::Wrapped { codec, .. } => Some(codec.name),
        }
    }

    /// The command that takes that compression off.
    pub fn cat(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Plain(_) => None,
            Kind::Wrapped { codec, .. } => Some(codec.cat),
        }
    }

    /// Which file it is, if it is a regular one.
    pub(super) fn id(&self) -> Option<super::FileId> {
        match &self.kind {
            Kind::Plain(raw) => raw.id,
            Kind::Wrapped { decoder, .. } => decoder.input().raw.id,
        }
    }

    /// Says what went wrong when reading failed with `error`, and where.
    pub fn explain(&self, error: &io::Error) -> String {
        match &self.kind {
            Kind::Plain(_) => reason(error),
            Kind::Wrapped { codec, decoder } => {
                let what = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "unexpected end of the file".to_owned(),
                    _ => reason(error),
                };
                let (name, at) = (codec.name, decoder.input().taken_bytes);
                match codec.too_large {
                    Some((sign, remedy)) if what.contains(sign) => {
                        format!(
                            "{name} data need more memory than is allowed ({what}, compressed byte {at}); try `{remedy} FILE | producer …`"
                        )
                    }
                    _ => format!("{name} data truncated or corrupt at compressed byte {at}: {what}"),
                }
            }
        }
    }
}

impl Feed for Opened {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let ahead = &self.ahead[self.given..];
        if ahead.is_empty() {
            return self.read_on(buf);
        }
        let n = ahead.len().min(buf.len());
        buf[..n].copy_from_slice(&ahead[..n]);
        self.given += n;
        Ok(n)
    }

    fn mark_bytes(&self) -> usize {
        self.start as usize
    }

    fn mark_lines(&self) -> Option<u32> {
        (self.start == 0).then_some(0)
    }

    fn is_idle(&self) -> bool {
        if self.given < self.ahead.len() {
            return false;
        }
        match &self.kind {
            Kind::Plain(raw) => raw.from.is_idle(),
            Kind::Wrapped { decoder, .. } => decoder.input().raw.from.is_idle(),
        }
    }

    fn is_silent(&self, until: Instant) -> bool {
        if self.given < self.ahead.len() {
            return false;
        }
        match &self.kind {
            Kind::Plain(raw) => !raw.has_more() && raw.from.is_silent(until),
            Kind::Wrapped { decoder, .. } => {
                let input = decoder.input();
                input.from == input.to && !input.raw.has_more() && input.raw.from.is_silent(until)
            }
        }
    }
}

/// Whether a file that begins so is compressed.
pub(crate) fn is_compressed(head: &[u8]) -> bool {
    matches!(tell(head), Tell::Codec(_))
}

enum Tell {
    Plain,
    Codec(&'static Codec),
    NeedMore,
}

const LONGEST_MAGIC: usize = 8;

/// What begins with `head`. More is asked for only as long as it may still be a magic, so that a live input whose
/// first line is short is not kept waiting.
fn tell(head: &[u8]) -> Tell {
    let mut told = Tell::Plain;
    for codec in CODECS {
        for magic in codec.magics {
            if head.iter().zip(*magic).all(|(byte, (low, high))| (low..=high).contains(&byte)) {
                if head.len() >= magic.len() {
                    return Tell::Codec(codec);
                }
                told = Tell::NeedMore;
            }
        }
    }
    told
}

/// The file's own bytes, from the first: those that were looked at, then the others.
struct Raw {
    from: Box<dyn Feed + Send>,
    id: Option<super::FileId>,
    meter: Arc<Meter>,
    head: Vec<u8>,
    head_taken: usize,
}

impl Raw {
    /// Whether there are bytes that were looked at and are still to be given out.
    fn has_more(&self) -> bool {
        self.head_taken < self.head.len()
    }
}

impl Read for Raw {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let head = &self.head[self.head_taken..];
        if !head.is_empty() {
            let n = head.len().min(buf.len());
            buf[..n].copy_from_slice(&head[..n]);
            self.head_taken += n;
            return Ok(n);
        }
        let n = self.from.read(buf)?;
        self.meter.add(n);
        Ok(n)
    }
}

/// Compressed bytes on their way to a decoder, which counts how many it took: that is where it is when it fails.
struct Compressed {
    raw: Raw,
    buf: Box<[u8]>,
    from: usize,
    to: usize,
    taken_bytes: u64,
}

impl Compressed {
    fn new(raw: Raw) -> Self {
        Compressed { raw, buf: vec![0; 128 << 10].into(), from: 0, to: 0, taken_bytes: 0 }
    }
}

impl Read for Compressed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let n = ready.len().min(buf.len());
        buf[..n].copy_from_slice(&ready[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl BufRead for Compressed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.from == self.to {
            self.to = self.raw.read(&mut self.buf)?;
            self.from = 0;
        }
        Ok(&self.buf[self.from..self.to])
    }

    fn consume(&mut self, n: usize) {
        self.from += n;
        self.taken_bytes += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::Write;

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        e.write_all(text).unwrap();
        e.finish().unwrap()
    }

    fn bz2(text: &[u8]) -> Vec<u8> {
        let mut e = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
        e.write_all(text).unwrap();
        e.finish().unwrap()
    }

    fn zst(text: &[u8]) -> Vec<u8> {
        let mut e = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        e.include_checksum(true).unwrap();
        e.write_all(text).unwrap();
        e.finish().unwrap()
    }

    fn xz(text: &[u8]) -> Vec<u8> {
        let mut e = liblzma::write::XzEncoder::new(Vec::new(), 1);
        e.write_all(text).unwrap();
        e.finish().unwrap()
    }

    type Pack = fn(&[u8]) -> Vec<u8>;

    const PACKS: [Pack; 4] = [gz, bz2, zst, xz];

    /// Reads `bytes` as a file: the text that came, and the error if one did.
    fn read(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, bytes).unwrap();
        let mut opened = Opened::open(&Input::File(path), &Arc::default(), &Watch::nothing()).unwrap();
        let (mut text, mut buf) = (Vec::new(), [0; 1000]);
        loop {
            match opened.read(&mut buf) {
                Ok(0) => return (text, None),
                Ok(n) => text.extend_from_slice(&buf[..n]),
                Err(e) => return (text, Some(opened.explain(&e))),
            }
        }
    }

    #[test]
    fn all_members_are_read() {
        for pack in PACKS {
            let packed = [pack(b"one\n"), pack(b""), pack(b"two\n")].concat();
            assert_eq!(read(&packed), (b"one\ntwo\n".to_vec(), None));
        }
    }

    #[test]
    fn what_only_resembles_a_magic_is_text() {
        for text in
            [&b""[..], b"\x1f", b"\x1f\x8b", b"\x1f\x8bx", b"BZ", b"BZh9 is text\n", b"BZh0", b"B", b"\x28\xb5\x2f", b"Q*M ", b"\xfd7zXZ"]
        {
            assert_eq!(read(text), (text.to_vec(), None));
        }
    }

    #[test]
    fn skippable_zstd_frames_are_skipped() {
        let skip = |n: u8| [&[n, 0x2a, 0x4d, 0x18, 5, 0, 0, 0][..], b"aside"].concat();
        let packed = [skip(0x50), zst(b"one\n"), skip(0x5f), zst(b"two\n"), skip(0x53)].concat();
        assert_eq!(read(&packed), (b"one\ntwo\n".to_vec(), None));
    }

    #[test]
    fn padding_between_xz_streams_is_skipped() {
        assert_eq!(read(&[xz(b"one\n"), vec![0; 8], xz(b"two\n"), vec![0; 4]].concat()), (b"one\ntwo\n".to_vec(), None));
    }

    #[test]
    fn data_that_want_too_much_memory_are_refused_with_a_way_out() {
        // A frame whose header asks for a window of this size, with one raw block: `abc`.
        let frame = |log: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 0x19, 0, 0][..], b"abc"].concat();
        assert_eq!(read(&frame(27)), (b"abc".to_vec(), None));
        let (text, error) = read(&frame(28));
        let error = error.unwrap();
        assert!(text.is_empty() && error.contains("more memory than is allowed") && error.contains("zstd -dc --long=31"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.xz");
        fs::write(&path, xz(b"abc")).unwrap();
        let live = LiveFile::new(File::open(path).unwrap(), &Watch::nothing()).unwrap();
        let raw = Raw { from: Box::new(live), id: None, meter: Arc::default(), head: Vec::new(), head_taken: 0 };
        let decoder = Box::new(super::xz(Compressed::new(raw), 100_000).unwrap());
        let kind = Kind::Wrapped { codec: CODECS.iter().find(|c| c.name == "xz").unwrap(), decoder };
        let mut opened = Opened { kind, ahead: Vec::new(), given: 0, start: 0, left: None, path: None };
        let error = opened.read(&mut [0; 9]).unwrap_err();
        let said = opened.explain(&error);
        assert!(said.contains("more memory than is allowed") && said.contains("xz -dc"), "{said}");
    }

    #[test]
    fn a_torn_member_says_where_and_keeps_what_came_before() {
        let mut noise = 1_u32;
        let mut byte = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 24) as u8
        };
        let text: Vec<u8> = (0..300_000).map(|_| byte()).collect();
        for pack in PACKS {
            let whole = pack(&text);
            let torn = [&pack(b"first\n")[..], &whole[..whole.len() - 9]].concat();
            let (got, error) = read(&torn);
            assert!(got.starts_with(b"first\n") && got.len() < text.len() + 6 + 1);
            let error = error.unwrap();
            assert!(error.contains(&format!("compressed byte {}: unexpected end", torn.len())), "{error}");
        }
    }

    #[test]
    fn a_corrupt_byte_and_trailing_garbage_are_errors() {
        for pack in PACKS {
            let mut bad = pack(b"some text that is long enough to be damaged in the middle of it\n");
            let middle = bad.len() - 12;
            bad[middle] ^= 0xff;
            assert!(read(&bad).1.unwrap().contains("corrupt at compressed byte "));
            let (text, error) = read(&[pack(b"good\n"), b"garbage!".to_vec()].concat());
            assert_eq!(text, b"good\n");
            assert!(error.is_some());
        }
    }
}
