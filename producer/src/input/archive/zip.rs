//! A zip archive in a file: the list at its end says where each member lies, how it is packed, and what its checksum is.
//!
//! The list is read by the `zip` crate; members are unpacked by the decoders that there are for other inputs. Links and directories have no
//! bytes; what is encrypted, or packed in a rarer way, is an error that says so.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use zip::{CompressionMethod, ZipArchive};

use super::super::block::Feed;
use super::super::find::Names;
use super::super::open::Opened;

/// An archive that is gone through.
pub(super) struct Zip {
    archive: ZipArchive<BufReader<At>>,
    file: Arc<File>,
    next: usize,
}

impl std::fmt::Debug for Zip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Zip({} of {})", self.next, self.archive.len())
    }
}

impl Zip {
    /// # Errors
    /// Why its list cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map(Arc::new).map_err(|e| super::super::reason(&e))?;
        let size = file.metadata().map_err(|e| super::super::reason(&e))?.len();
        let archive = ZipArchive::new(BufReader::new(At { file: file.clone(), at: 0, size }));
        let archive = archive.map_err(|e| format!("the zip archive is truncated or corrupt: {e}"))?;
        Ok(Zip { archive, file, next: 0 })
    }

    /// The next file whose name is wanted, and what is in it.
    ///
    /// # Errors
    /// Why there is no more to be had of the archive.
    pub(super) fn next(&mut self, names: &Names) -> Result<Option<(String, Opened)>, String> {
        while self.next < self.archive.len() {
            self.next += 1;
            let found = self.archive.by_index_raw(self.next - 1);
            let member = found.map_err(|e| format!("the zip archive is truncated or corrupt: {e}"))?;
            let name = member.name().map_err(|e| format!("the zip archive is corrupt: {e}"))?.into_owned();
            let is_wanted = member.is_file() && !member.is_symlink();
            if !is_wanted || !names.wants(Path::new(&name).file_name().unwrap_or(OsStr::new(""))) {
                continue;
            }
            if member.encrypted() {
                return Err(format!("{name} in it is encrypted; `unzip -p` asks for the password"));
            }
            let start = member.data_start().ok_or_else(|| format!("the zip archive is corrupt: {name} lies nowhere"))?;
            let packed = At { file: self.file.clone(), at: start, size: start.saturating_add(member.compressed_size()) };
            let packed = BufReader::new(packed);
            let bytes: Box<dyn Read + Send> = match member.compression() {
                CompressionMethod::STORE => Box::new(packed),
                CompressionMethod::DEFLATE => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
                CompressionMethod::BZIP2 => Box::new(bzip2::bufread::BzDecoder::new(packed)),
                CompressionMethod::ZSTD => {
                    Box::new(zstd::stream::read::Decoder::with_buffer(packed).map_err(|e| format!("{name} in it: {e}"))?)
                }
                other => {
                    return Err(format!("{name} in it is packed by {other}, which is not read; `unzip -p` or `7z x -so` takes it out"));
                }
            };
            let unpacked = Unpacked { bytes, crc: flate2::Crc::new(), told: member.crc32() };
            let opened = Opened::within(Box::new(unpacked)).map_err(|e| format!("{name} in it: {e}"))?;
            return Ok(Some((name, opened)));
        }
        Ok(None)
    }
}

/// A part of a file, up to `size`, with a place of its own.
struct At {
    file: Arc<File>,
    at: u64,
    size: u64,
}

impl Read for At {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.size.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buf.len());
        let n = self.file.read_at(&mut buf[..most], self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for At {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// What a member holds, which has to have the checksum that was told.
struct Unpacked {
    bytes: Box<dyn Read + Send>,
    crc: flate2::Crc,
    told: u32,
}

impl Feed for Unpacked {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.bytes.read(buf).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other("the zip archive ends within it"),
            _ => io::Error::other(format!("corrupt in the zip archive: {e}")),
        })?;
        self.crc.update(&buf[..n]);
        if n == 0 && !buf.is_empty() && self.crc.sum() != self.told {
            return Err(io::Error::other("corrupt in the zip archive: its checksum is another"));
        }
        Ok(n)
    }
}
