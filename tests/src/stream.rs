//! A saved stream cut into its pieces, by the layout that the documentation of the wire format gives: written here anew,
//! so that a mistake in the programs' own code is not made twice.

use std::ops::Range;

use recpipe::{
    Error,
    wire::{Incoming, Reader, Writer},
};

/// Bytes before the first frame.
pub const PREAMBLE_BYTES: usize = 16;

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 32;

/// Where the length of the payload stands in a header: four bytes, little-endian.
const PAYLOAD_LEN: Range<usize> = 12..16;

/// Where the frames of a whole stream lie.
///
/// # Panics
/// When the last frame does not end where the stream does.
pub fn frames(stream: &[u8]) -> Vec<Range<usize>> {
    let mut frames = Vec::new();
    let mut at = PREAMBLE_BYTES;
    while at < stream.len() {
        let header = &stream[at..at + HEADER_BYTES];
        let payload = u32::from_le_bytes(header[PAYLOAD_LEN].try_into().expect("four bytes"));
        let end = at + HEADER_BYTES + payload as usize;
        frames.push(at..end);
        at = end;
    }
    assert_eq!(at, stream.len(), "the last frame goes beyond the end of the stream");
    frames
}

/// The same stream in batches of so many records, the last of each old one aside. This is by the programs' own code.
///
/// # Errors
/// What is wrong with the stream.
pub fn rebatched(stream: &[u8], records: usize) -> Result<Vec<u8>, Error> {
    let mut reader = Reader::new(stream)?;
    let mut writer = Writer::new(Vec::new())?;
    loop {
        match reader.read()? {
            Some(Incoming::Schema(schema)) => {
                if reader.is_at_rest() {
                    writer.set_at_rest();
                }
                writer.schema(&schema)?;
            }
            Some(Incoming::Batch(raw)) => {
                let batch = raw.decode()?;
                for from in (0..batch.len()).step_by(records) {
                    writer.batch(&batch.skip(from).head(records).compact())?;
                }
            }
            Some(Incoming::Warning(warning)) => writer.warn(&warning)?,
            Some(Incoming::End(ending)) => return writer.finish(&ending),
            None => return Err(Error::Data("the stream has no End frame".to_owned())),
        }
    }
}
