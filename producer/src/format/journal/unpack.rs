//! The texts of data that are compressed, each by itself.

use std::io::Read;

use liblzma::stream::{Action, Status, Stream};
use zstd::bulk::Decompressor;

/// No text is unpacked that is longer.
pub(super) const MAX_BYTES: usize = crate::input::boundary::MAX_RECORD_BYTES;

/// XZ asks for no more memory than this, and zstd, of long texts, for no larger window: 8 MiB.
const XZ_MEMORY: u64 = 32 << 20;
const ZSTD_WINDOW_LOG: u32 = 23;

const XZ: u8 = 1;
const LZ4: u8 = 2;
const ZSTD: u8 = 4;

/// A text of which no more than its beginning is unpacked has at least so much of it.
const BEGINNING: usize = 8 << 10;

/// What is packed is corrupt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Corrupt;

impl From<std::io::Error> for Corrupt {
    fn from(_: std::io::Error) -> Self {
        Corrupt
    }
}

/// Unpacks, one text after the other.
#[derive(Default)]
pub(super) struct Unpacker {
    zstd: Option<Decompressor<'static>>,
    text: Vec<u8>,
}

impl Unpacker {
    /// The text that is packed, as the flags of its object say, and whether that is all of it: of one longer than [`MAX_BYTES`] it is the
    /// beginning.
    ///
    /// # Errors
    /// It is corrupt.
    pub(super) fn unpack(&mut self, flags: u8, packed: &[u8]) -> Result<(&[u8], bool), Corrupt> {
        self.text.clear();
        let is_whole = match flags & (XZ | LZ4 | ZSTD) {
            ZSTD => self.zstd(packed)?,
            LZ4 => self.lz4(packed)?,
            XZ => self.xz(packed)?,
            _ => return Err(Corrupt),
        };
        Ok((&self.text, is_whole))
    }

    fn zstd(&mut self, packed: &[u8]) -> Result<bool, Corrupt> {
        let len = match zstd::zstd_safe::get_frame_content_size(packed) {
            Ok(Some(len)) => usize::try_from(len).unwrap_or(usize::MAX),
            Ok(None) => MAX_BYTES,
            Err(_) => return Err(Corrupt),
        };
        if len > MAX_BYTES {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            decoder.take(BEGINNING as u64).read_to_end(&mut self.text)?;
            return Ok(false);
        }
        self.text.reserve(len);
        let decompressor = match &mut self.zstd {
            Some(decompressor) => decompressor,
            slot => slot.insert(Decompressor::new()?),
        };
        decompressor.decompress_to_buffer(packed, &mut self.text)?;
        Ok(true)
    }

    /// The length, in eight bytes, stands before one block.
    fn lz4(&mut self, packed: &[u8]) -> Result<bool, Corrupt> {
        let (len, block) = packed.split_first_chunk().ok_or(Corrupt)?;
        let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
        self.text.resize(len.min(MAX_BYTES), 0);
        match lz4_flex::block::decompress_into(block, &mut self.text) {
            Ok(written) if written == len => Ok(true),
            // What there was room for is there.
            Err(lz4_flex::block::DecompressError::OutputTooSmall { .. }) if len > MAX_BYTES => {
                self.text.truncate(BEGINNING);
                Ok(false)
            }
            _ => Err(Corrupt),
        }
    }

    fn xz(&mut self, packed: &[u8]) -> Result<bool, Corrupt> {
        let mut stream = Stream::new_stream_decoder(XZ_MEMORY, 0).map_err(|_| Corrupt)?;
        self.text.reserve(4 * packed.len().clamp(1024, MAX_BYTES / 4));
        loop {
            let taken = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
            let before = (taken, self.text.len());
            let rest = packed.get(taken..).unwrap_or_default();
            let status = stream.process_vec(rest, &mut self.text, Action::Finish).map_err(|_| Corrupt)?;
            if self.text.len() > MAX_BYTES {
                self.text.truncate(BEGINNING);
                return Ok(false);
            }
            if status == Status::StreamEnd {
                return Ok(true);
            }
            if self.text.len() == self.text.capacity() {
                self.text.reserve(self.text.len());
            } else if before == (stream.total_in() as usize, self.text.len()) {
                return Err(Corrupt);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked() {
        let mut unpacker = Unpacker::default();
        for flags in [XZ, LZ4, ZSTD] {
            let pack = |text: &[u8]| super::super::writer::pack(flags, text);
            for text in [b"MESSAGE=x".to_vec(), b"ab\xff".repeat(20_000), vec![0; MAX_BYTES]] {
                let packed = pack(&text);
                assert_eq!(unpacker.unpack(flags, &packed), Ok((&text[..], true)), "{flags}");
                assert_eq!(unpacker.unpack(flags, &packed[..packed.len() - 1]), Err(Corrupt), "{flags} torn");
                assert_eq!(unpacker.unpack(flags, b""), Err(Corrupt));
            }
            let long = [b"MESSAGE=".to_vec(), b"0123456789".repeat(MAX_BYTES / 4)].concat();
            let packed = pack(&long);
            let (beginning, is_whole) = unpacker.unpack(flags, &packed).unwrap();
            // Of a block of LZ4, what stands before its first repetition.
            assert!(!is_whole && beginning.len() >= 4096 && beginning.starts_with(b"MESSAGE=0123456789"), "{flags}");
        }
        assert_eq!(unpacker.unpack(XZ | ZSTD, b"x"), Err(Corrupt));
        // A length that nothing is made for.
        assert_eq!(unpacker.unpack(LZ4, &[0xff; 64]), Err(Corrupt));
    }
}
