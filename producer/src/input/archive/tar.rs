//! A tar archive, read as it comes: headers of 512 bytes, each with a file behind it.
//!
//! Of the members only regular files are read: links and directories have no bytes. Names and sizes that a header has no room for come in
//! members before it, as GNU tar and POSIX (pax) write them. Where blocks of NULs are followed by further headers (`cat a.tar b.tar`), the
//! reading goes on. An archive that ends without such a block is torn.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tar::{Header, PaxExtensions};

use super::super::block::Feed;
use super::super::content::{TAR_HEADER_BYTES as HEADER_BYTES, has_tar_checksum};
use super::super::find::Names;
use super::super::open::Opened;

/// The longest name or list of properties that is taken.
const MOST_ASIDE_BYTES: u64 = 1 << 20;

/// What is passed over is read in pieces of this size.
const SKIP_BYTES: usize = 64 << 10;

/// An archive that is gone through.
#[derive(Debug)]
pub(super) struct Tar(Arc<Mutex<Stream>>);

/// Where the reading is.
#[derive(Debug)]
struct Stream {
    opened: Opened,
    at: u64,
    /// What is to be read of the current member, and what lies behind it up to the next header.
    left: u64,
    padding: u64,
    /// Which member it is: those before it cannot be read any more.
    turn: u64,
}

/// What comes before a member and is said of it.
#[derive(Default)]
struct Asides {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
}

impl Tar {
    pub(super) fn new(opened: Opened) -> Self {
        Tar(Arc::new(Mutex::new(Stream { opened, at: 0, left: 0, padding: 0, turn: 0 })))
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next file whose name is wanted, and what is in it.
    ///
    /// # Errors
    /// Why there is no more to be had of the archive.
    pub(super) fn next(&mut self, names: &Names) -> Result<Option<(String, Opened)>, String> {
        let mut stream = self.stream();
        let Some(name) = stream.advance(names)? else { return Ok(None) };
        let member = Member { stream: self.0.clone(), turn: stream.turn };
        drop(stream);
        let opened = Opened::within(Box::new(member)).map_err(|e| e.to_string())?;
        Ok(Some((name, opened)))
    }
}

impl Stream {
    /// Goes to the next file whose name is wanted.
    fn advance(&mut self, names: &Names) -> Result<Option<String>, String> {
        self.turn += 1;
        let (mut asides, mut has_end) = (Asides::default(), false);
        loop {
            self.skip()?;
            let mut header = [0; HEADER_BYTES];
            match self.fill(&mut header)? {
                0 if has_end => return Ok(None),
                HEADER_BYTES => {}
                _ => return Err(format!("the tar archive is truncated: it ends at byte {} without its end mark", self.at)),
            }
            if header == [0; HEADER_BYTES] {
                has_end = true;
                continue;
            }
            has_end = false;
            let start = self.at - HEADER_BYTES as u64;
            if !has_tar_checksum(&header) {
                return Err(format!("the tar archive is corrupt at byte {start}: no header of a file is there"));
            }
            let header = Header::from_byte_slice(&header);
            let kind = header.entry_type();
            let size = match asides.size.filter(|_| !(kind.is_gnu_longname() || kind.is_gnu_longlink() || kind.is_pax_local_extensions())) {
                Some(size) => size,
                None => header.entry_size().map_err(|e| format!("the tar archive is corrupt at byte {start}: {e}"))?,
            };
            (self.left, self.padding) = (size, size.wrapping_neg() % HEADER_BYTES as u64);
            if kind.is_gnu_longname() {
                let name = self.aside()?;
                asides.name = Some(name.split(|&byte| byte == 0).next().unwrap_or_default().to_vec());
            } else if kind.is_pax_local_extensions() {
                self.properties(&mut asides)?;
            } else if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
                let Asides { name, is_sparse, .. } = std::mem::take(&mut asides);
                let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
                // Old archives have directories as files whose names end so.
                if !name.ends_with(b"/") && names.wants(Path::new(OsStr::from_bytes(&name)).file_name().unwrap_or_default()) {
                    let name = String::from_utf8_lossy(&name).into_owned();
                    if is_sparse || kind.is_gnu_sparse() {
                        return Err(format!("{name} in it is a file with holes, which is not read; `tar -xOf` takes it out"));
                    }
                    return Ok(Some(name));
                }
            } else if !kind.is_gnu_longlink() {
                asides = Asides::default();
            }
        }
    }

    /// What is said of the member that comes next.
    fn properties(&mut self, asides: &mut Asides) -> Result<(), String> {
        let (start, text) = (self.at, self.aside()?);
        for property in PaxExtensions::new(&text) {
            let property = property.map_err(|e| format!("the tar archive is corrupt at byte {start}: {e}"))?;
            match property.key_bytes() {
                b"path" => asides.name = Some(property.value_bytes().to_vec()),
                b"size" => asides.size = property.value().ok().and_then(|size| size.parse().ok()),
                key => asides.is_sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }

    /// The bytes of a member that says something of the next one.
    fn aside(&mut self) -> Result<Vec<u8>, String> {
        if self.left > MOST_ASIDE_BYTES {
            return Err(format!("the tar archive is corrupt at byte {}: a name of {} bytes", self.at, self.left));
        }
        let mut bytes = vec![0; self.left as usize];
        let read = self.fill(&mut bytes)?;
        self.left -= read as u64;
        if self.left > 0 { Err(self.torn()) } else { Ok(bytes) }
    }

    /// Goes to where the next header is.
    fn skip(&mut self) -> Result<(), String> {
        let mut left = std::mem::take(&mut self.left) + std::mem::take(&mut self.padding);
        let mut buf = vec![0; SKIP_BYTES.min(left as usize)];
        while left > 0 {
            let most = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.fill(&mut buf[..most])? {
                0 => return Err(self.torn()),
                n => left -= n as u64,
            }
        }
        Ok(())
    }

    fn torn(&self) -> String {
        format!("the tar archive is truncated: it ends at byte {} within a file", self.at)
    }

    /// Reads until the buffer is full, or nothing is left; answers how many bytes it has.
    fn fill(&mut self, buf: &mut [u8]) -> Result<usize, String> {
        let mut len = 0;
        while len < buf.len() {
            match self.opened.read(&mut buf[len..]).map_err(|e| self.opened.explain(&e))? {
                0 => break,
                n => len += n,
            }
        }
        self.at += len as u64;
        Ok(len)
    }
}

/// A file in the archive, which can be read until the next is asked for.
struct Member {
    stream: Arc<Mutex<Stream>>,
    turn: u64,
}

impl Member {
    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed for Member {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream();
        if stream.turn != self.turn {
            return Err(io::Error::other("the archive was read on"));
        }
        let most = buf.len().min(usize::try_from(stream.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        match stream.opened.read(&mut buf[..most]) {
            Ok(0) => Err(io::Error::other(stream.torn())),
            Ok(n) => {
                stream.left -= n as u64;
                stream.at += n as u64;
                Ok(n)
            }
            // The reading was ended: whoever reads looks for that.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(e),
            Err(e) => Err(io::Error::other(stream.opened.explain(&e))),
        }
    }

    fn is_idle(&self) -> bool {
        let stream = self.stream();
        stream.left > 0 && stream.opened.is_idle()
    }

    fn is_silent(&self, until: Instant) -> bool {
        let stream = self.stream();
        stream.left > 0 && stream.opened.is_silent(until)
    }
}
