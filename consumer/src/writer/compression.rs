//! Files that are compressed as they are written: `.gz` and `.zst` behind the extension that says what is in them.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression as Level, write::GzEncoder};
use zstd::stream::write::Encoder;

/// How a file is compressed, which its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// gzip, `.gz`.
    Gzip,
    /// Zstandard, `.zst`.
    Zstd,
}

/// What a name ends in.
const ENDINGS: [(&str, Compression); 2] = [("gz", Compression::Gzip), ("zst", Compression::Zstd)];

impl Compression {
    /// How the file of this name is compressed, and the name without the ending that says so.
    ///
    /// ```
    /// use recpipe_consumer::writer::Compression;
    /// let (how, name) = Compression::of("errors.csv.gz".as_ref());
    /// assert_eq!((how, name.to_str()), (Some(Compression::Gzip), Some("errors.csv")));
    /// ```
    pub fn of(path: &Path) -> (Option<Compression>, PathBuf) {
        let found = path.extension().and_then(|ending| ENDINGS.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known)));
        (found.map(|(_, how)| *how), if found.is_some() { path.with_extension("") } else { path.to_owned() })
    }

    /// The endings that there are, for messages.
    pub(crate) fn endings() -> impl Iterator<Item = &'static str> {
        ENDINGS.iter().map(|(ending, _)| *ending)
    }
}

/// A file that is written in order, and has an end.
pub(super) trait Ends: Write {
    /// Writes what stands at its end. Nothing is written after it.
    fn end(&mut self) -> io::Result<()>;
}

/// The file, so that what is written is compressed.
pub(super) fn compressed(file: File, how: Option<Compression>) -> io::Result<Box<dyn Ends>> {
    Ok(match how {
        None => Box::new(Whole(file)),
        Some(Compression::Gzip) => Box::new(GzEncoder::new(file, Level::default())),
        Some(Compression::Zstd) => {
            let mut encoder = Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            Box::new(encoder)
        }
    })
}

/// An output that has nothing at its end.
pub(super) struct Whole<W>(pub W);

impl<W: Write> Write for Whole<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write> Ends for Whole<W> {
    fn end(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Ends for GzEncoder<File> {
    fn end(&mut self) -> io::Result<()> {
        self.try_finish()
    }
}

impl Ends for Encoder<'_, File> {
    fn end(&mut self) -> io::Result<()> {
        self.do_finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_was_written_in_pieces_reads_back_whole() {
        let text: String = (0..10_000).map(|n| format!("line {n}\n")).collect();
        for how in [None, Some(Compression::Gzip), Some(Compression::Zstd)] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut out = compressed(file.reopen().unwrap(), how).unwrap();
            for piece in text.as_bytes().chunks(777) {
                out.write_all(piece).unwrap();
                out.flush().unwrap();
            }
            out.end().unwrap();
            drop(out);
            let mut read = Vec::new();
            match how {
                None => File::open(file.path()).unwrap().read_to_end(&mut read),
                Some(Compression::Gzip) => flate2::read::GzDecoder::new(File::open(file.path()).unwrap()).read_to_end(&mut read),
                Some(Compression::Zstd) => zstd::Decoder::new(File::open(file.path()).unwrap()).unwrap().read_to_end(&mut read),
            }
            .unwrap();
            assert!(read == text.as_bytes(), "{how:?}: {} bytes", read.len());
        }
    }
}
