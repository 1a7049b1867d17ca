//! Arrow's IPC, as a stream or a file: a file has the messages of a stream after its magic, and an index of them at its end.
//!
//! Source: <https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc>

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;

use super::super::Args;
use super::layout::Layout;
use super::{Asked, Piece, Table, Unopened};
use crate::input::block::Feed;
use crate::input::open::Opened;

/// How a file begins. NULs fill up before its first message.
const FILE_MAGIC: &[u8] = b"ARROW1";

/// So many bytes are filled up at most; a schema has more.
const HEAD_BYTES: usize = 64;

/// How a message begins.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 << 10;

/// A message is no longer: so much is held.
const MAX_MESSAGE_BYTES: u64 = 2 << 30;

/// Whether a stream may begin so: with a message whose length is one that a schema may have.
pub(super) fn begins_stream(head: &[u8]) -> bool {
    let len = head.get(4..8).and_then(|len| Some(u32::from_le_bytes(len.try_into().ok()?)));
    head.starts_with(&CONTINUATION) && len.is_some_and(|len| len > 0 && len < 64 << 20 && len % 8 == 0)
}

struct Arrow {
    opened: Opened,
    decoder: StreamDecoder,
    /// What was read and not decoded.
    ahead: Buffer,
    layout: Layout,
    batch_rows: usize,
    /// A batch, and how many of its records were given out.
    current: Option<(RecordBatch, usize)>,
    /// The number of the record that comes next.
    next: u64,
    is_over: bool,
    /// It is a file, and not a stream.
    is_file: bool,
}

/// Opens a stream or a file.
pub(super) fn open(mut opened: Opened, args: &Args, batch_rows: usize) -> Result<Box<dyn Table>, Unopened> {
    let mut ahead = read(&mut opened)?;
    while ahead.len() < HEAD_BYTES {
        let more = read(&mut opened)?;
        if more.is_empty() {
            break;
        }
        ahead = Buffer::from([ahead.as_slice(), more.as_slice()].concat());
    }
    let head = ahead.as_slice();
    if head.starts_with(b"FEA1") {
        return Err(Unopened::Damaged("it is Feather of version 1, which is no Arrow; write it anew with version 2".to_owned()));
    }
    let is_file = head.starts_with(FILE_MAGIC);
    if is_file {
        let nuls = head[FILE_MAGIC.len()..].iter().take_while(|byte| **byte == 0).count();
        // The length of a message of old writers may begin with some.
        ahead.advance((FILE_MAGIC.len() + nuls) / 8 * 8);
    }
    let (mut decoder, mut first) = (StreamDecoder::new(), None);
    while decoder.schema().is_none() {
        if ahead.is_empty() {
            ahead = read(&mut opened)?;
            if ahead.is_empty() {
                return Err(Unopened::Damaged("it is no Arrow stream or file: it ends before a schema".to_owned()));
            }
        }
        let what = |error: arrow_schema::ArrowError| Unopened::Damaged(format!("it is no Arrow stream or file, or a damaged one: {error}"));
        first = decoder.decode(&mut ahead).map_err(what)?;
    }
    let Some(schema) = decoder.schema() else { return Err(Unopened::Damaged("it has no schema".to_owned())) };
    let layout = Layout::new(&schema, args)?;
    let current = first.map(|batch| (batch, 0));
    Ok(Box::new(Arrow { opened, decoder, ahead, layout, batch_rows, current, next: 0, is_over: false, is_file }))
}

/// Some bytes; none at the end.
fn read(opened: &mut Opened) -> Result<Buffer, String> {
    let mut bytes = vec![0; READ_BYTES];
    let len = opened.read(&mut bytes).map_err(|error| opened.explain(&error))?;
    bytes.truncate(len);
    Ok(Buffer::from_vec(bytes))
}

impl Arrow {
    /// The next batch; `None` at the end.
    fn batch(&mut self) -> Result<Option<RecordBatch>, String> {
        let mut since = 0_u64;
        loop {
            if self.is_over {
                return Ok(None);
            }
            if self.ahead.is_empty() {
                self.ahead = read(&mut self.opened)?;
                since += self.ahead.len() as u64;
                if since > MAX_MESSAGE_BYTES {
                    return Err(format!("a batch has more than {MAX_MESSAGE_BYTES} bytes; write it in smaller ones"));
                }
                if self.ahead.is_empty() {
                    self.is_over = true;
                    return match self.decoder.finish() {
                        Ok(()) => Ok(None),
                        Err(_) => Err(format!("it ends in the middle of a batch, after {} records", self.next)),
                    };
                }
            }
            match self.decoder.decode(&mut self.ahead) {
                Ok(Some(batch)) => return Ok(Some(batch)),
                Ok(None) => {}
                // After the messages of a file stands an index of them.
                Err(_) if self.decoder.finish().is_ok() && self.is_file => self.is_over = true,
                Err(_) if self.decoder.finish().is_ok() => {
                    self.is_over = true;
                    return Err(format!("bytes follow the end of the stream, after {} records; one input is one stream", self.next));
                }
                Err(error) => {
                    self.is_over = true;
                    return Err(format!("damaged after {} records: {error}", self.next));
                }
            }
        }
    }
}

impl Table for Arrow {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn next(&mut self, asked: &Asked<'_>) -> Result<Option<Piece>, String> {
        let (batch, given) = loop {
            match self.current.take() {
                Some((batch, given)) if given < batch.num_rows() => break (batch, given),
                _ => match self.batch()? {
                    Some(batch) => self.current = Some((batch, 0)),
                    None => return Ok(None),
                },
            }
        };
        let rows = self.batch_rows.min(batch.num_rows() - given);
        let roots = self.layout.roots(asked.wanted);
        let columns = batch.project(&roots).map_err(|error| error.to_string())?.slice(given, rows);
        let first = self.next;
        self.next += rows as u64;
        self.current = Some((batch, given + rows));
        Ok(Some(Piece { first, roots, columns }))
    }
}
