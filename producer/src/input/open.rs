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
pub(crate) struct Opened {
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
    pub(crate) fn open(input: &Input, meter: &Arc<Meter>, watch: &Watch) -> Result<Self, InputError> {
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
    pub(crate) fn codec(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Plain(_) => None,
            Kind::Wrapped { codec, .. } => Some(codec.name),
        }
    }

    /// The command that takes that compression off.
    pub(crate) fn cat(&self) -> Option<&'static str> {
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
    pub(crate) fn explain(&self, error: &io::Error) -> String {
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
mod tests;
