//! Writes a stream.

use std::{
    io::{self, IoSlice, Write},
    sync::Arc,
};

use super::{
    batch::{Encoded, encode},
    ending::{Ending, Warning, encode_end, encode_warning},
    frame::{self, AT_REST, Header, Kind, MAX_SCHEMA_BYTES, MAX_SCHEMAS, Totals},
    reader::{Raw, RawBatch},
    schema::encode_schema,
};
use crate::{Batch, Error, Schema};

/// Writes frames, numbers them, and announces schemas before they are used.
///
/// Dropping a writer without [`Writer::finish`] leaves a stream that every reader knows to be incomplete: that is how a
/// producer that dies is found out.
///
/// # Examples
/// ```
/// use recpipe::{Exit, gen_recvfrom, wire::{Ending, Warning, Writer}};
///
/// let mut writer = Writer::new(Vec::new())?;
/// writer.warn(&Warning { exit: Exit::Failed, message: "b.log cannot be read".into() })?;
/// let failed = Ending { exit: Exit::Failed, cause: "b.log cannot be read".into(), rejected: 0 };
/// let stream = writer.finish(&failed)?;
/// let error = gen_recvfrom(&stream[..]).next().and_then(Result::err).expect("what the producer says comes last");
/// assert_eq!(error.exit(), Exit::Failed);
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    totals: Totals,
    schemas: Vec<Announced>,
    schema_bytes: usize,
    /// How often schemas were asked for.
    asked: u64,
    bytes: u64,
    /// The flags of Schema frames.
    flags: u8,
}

/// A schema that has a number.
#[derive(Debug)]
struct Announced {
    schema: Arc<Schema>,
    /// Bytes of the payloads that announced it.
    bytes: usize,
    /// When it was asked for last.
    asked: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a stream: writes the preamble.
    ///
    /// # Errors
    /// [`Error::Io`]; see [`Error::is_broken_pipe`] for a reader that has gone.
    pub fn new(out: W) -> Result<Self, Error> {
        let mut writer = Writer { out, totals: Totals::default(), schemas: Vec::new(), schema_bytes: 0, asked: 0, bytes: 0, flags: 0 };
        writer.write_all(&mut [IoSlice::new(&frame::preamble())])?;
        Ok(writer)
    }

    /// All records that will be written were there before: they are read from files that nobody waits for more of. To be said before the
    /// first schema. A reader that gives windows of time when they close then waits for the end.
    #[doc(hidden)]
    pub fn set_at_rest(&mut self) {
        self.flags = AT_REST;
    }

    /// Announces a schema, so that a reader knows the fields before the first record; [`Writer::batch`] does it where
    /// nobody has. One that has more fields than the last takes its number, and so does any, of the one that has not been
    /// used for longest, where there are too many.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Schema`] when it is too large.
    pub fn schema(&mut self, schema: &Arc<Schema>) -> Result<u16, Error> {
        self.asked += 1;
        if let Some(number) = self.schemas.iter().position(|known| Arc::ptr_eq(&known.schema, schema) || known.schema == *schema) {
            self.schemas[number].asked = self.asked;
            return Ok(number as u16);
        }
        // Closed fields do not come late: a reader may see both again and again.
        let extends = |known: &Announced| {
            let new = schema.fields().strip_prefix(known.schema.fields()).unwrap_or_default();
            !known.schema.is_empty() && !new.is_empty() && new.iter().all(|field| field.open)
        };
        let last = self.schemas.iter().enumerate().max_by_key(|(_, known)| known.asked).filter(|(_, known)| extends(known));
        if let Some((number, known)) = last {
            let payload = encode_schema(schema, known.schema.len())?;
            if self.schema_bytes + payload.len() <= MAX_SCHEMA_BYTES {
                return self.announce(number, schema, payload, known.bytes);
            }
        }
        let payload = encode_schema(schema, 0)?;
        let fits = |without: usize| self.schema_bytes - without + payload.len() <= MAX_SCHEMA_BYTES;
        if self.schemas.len() < MAX_SCHEMAS && fits(0) {
            return self.announce(self.schemas.len(), schema, payload, 0);
        }
        let oldest = self.schemas.iter().enumerate().filter(|(_, known)| fits(known.bytes)).min_by_key(|(_, known)| known.asked);
        match oldest {
            Some((number, _)) => self.announce(number, schema, payload, 0),
            None => Err(Error::Schema(format!("the schemas of one stream are of more than {MAX_SCHEMA_BYTES} bytes"))),
        }
    }

    /// Gives a number to a schema; `kept_bytes` are those of what it has of the one that had the number before.
    fn announce(&mut self, number: usize, schema: &Arc<Schema>, payload: Vec<u8>, kept_bytes: usize) -> Result<u16, Error> {
        self.frame(Kind::Schema, number as u16, 0, &payload)?;
        let announced = Announced { schema: schema.clone(), bytes: kept_bytes + payload.len(), asked: self.asked };
        self.schema_bytes += announced.bytes;
        match self.schemas.get_mut(number) {
            Some(known) => self.schema_bytes -= std::mem::replace(known, announced).bytes,
            None => self.schemas.push(announced),
        }
        Ok(number as u16)
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::TooLarge`] for a record that no frame holds.
    pub fn batch(&mut self, batch: &Batch) -> Result<(), Error> {
        encode(batch)?.into_iter().try_for_each(|encoded| self.encoded(&encoded))
    }

    /// Writes a batch that [`encode`] has encoded, on whatever thread.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn encoded(&mut self, encoded: &Encoded) -> Result<(), Error> {
        let schema = self.schema(&encoded.schema)?;
        self.parts(Kind::Batch, schema, encoded.records, encoded.crc(), encoded.head.as_ref(), &encoded.block)
    }

    /// Passes on a batch that was read from another stream, byte for byte and unchecked: its checksum goes with it. One that was handed
    /// over within the process is encoded.
    ///
    /// # Errors
    /// As for [`Writer::schema`]; [`Error::TooLarge`] for one of this process that no frame holds.
    #[doc(hidden)]
    pub fn raw(&mut self, raw: &RawBatch) -> Result<(), Error> {
        match raw.what() {
            Raw::Frame(header, payload) => {
                let schema = self.schema(raw.schema())?;
                self.parts(Kind::Batch, schema, header.records, header.payload_crc, payload, &[])
            }
            // Whoever passes a batch on tells of one frame.
            Raw::Whole(batch) => match &encode(batch)?[..] {
                [one] => self.encoded(one),
                parts => {
                    let size: usize = parts.iter().map(Encoded::payload_len).sum();
                    Err(Error::TooLarge { what: "a batch".into(), size: size as u64, limit: frame::MAX_PAYLOAD as u64 })
                }
            },
        }
    }

    /// Tells the reader of a failure after which the stream goes on.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn warn(&mut self, warning: &Warning) -> Result<(), Error> {
        let payload = encode_warning(warning)?;
        self.frame(Kind::Error, 0, 0, &payload)
    }

    /// Ends the stream: the End frame, and all of it flushed.
    ///
    /// # Errors
    /// [`Error::Io`]; the stream is then incomplete, and its reader will say so.
    pub fn finish(mut self, ending: &Ending) -> Result<W, Error> {
        self.end(ending)?;
        Ok(self.out)
    }

    /// [`Writer::finish`], for those who need the output also where it fails: nothing can be written after it.
    ///
    /// # Errors
    /// As [`Writer::finish`].
    pub fn end(&mut self, ending: &Ending) -> Result<(), Error> {
        let payload = encode_end(ending, self.totals)?;
        self.frame(Kind::End, 0, 0, &payload)?;
        self.flush()
    }

    /// Writes out what the output still holds back.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<(), Error> {
        self.out.flush().map_err(io_error)
    }

    /// The output.
    pub fn output(&self) -> &W {
        &self.out
    }

    /// The output, of a stream that is left without an end.
    pub fn into_output(self) -> W {
        self.out
    }

    /// The frames and records so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn frame(&mut self, kind: Kind, schema: u16, records: u32, payload: &[u8]) -> Result<(), Error> {
        self.parts(kind, schema, records, crc32c::crc32c(payload), payload, &[])
    }

    fn parts(&mut self, kind: Kind, schema: u16, records: u32, payload_crc: u32, head: &[u8], block: &[u8]) -> Result<(), Error> {
        let size = head.len() + block.len();
        if size > frame::MAX_PAYLOAD {
            return Err(Error::TooLarge { what: "a frame".into(), size: size as u64, limit: frame::MAX_PAYLOAD as u64 });
        }
        let sequence = self.totals.frames;
        let flags = if kind == Kind::Schema { self.flags } else { 0 };
        let header = Header { kind, flags, schema, records, stream: 0, payload_len: size as u32, sequence, payload_crc }.to_bytes();
        self.write_all(&mut [IoSlice::new(&header), IoSlice::new(head), IoSlice::new(block)])?;
        self.totals.add(&header, records);
        Ok(())
    }

    /// `Write::write_all_vectored`, which is not stable yet.
    fn write_all(&mut self, mut parts: &mut [IoSlice<'_>]) -> Result<(), Error> {
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match self.out.write_vectored(parts) {
                Ok(0) => return Err(io_error(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.bytes += written as u64;
                    IoSlice::advance_slices(&mut parts, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_error(error)),
            }
        }
        Ok(())
    }
}

fn io_error(source: io::Error) -> Error {
    Error::io("cannot write the stream", source)
}
