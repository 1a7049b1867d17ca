//! Reads a stream.

use std::{
    io::{self, Read},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    batch::decode_batch,
    ending::{Ending, Warning, decode_end, decode_warning},
    frame::{AT_REST, Decoder, HEADER_LEN, Header, Kind, MAGIC, MAX_SCHEMA_BYTES, MAX_SCHEMAS, PREAMBLE_LEN, Step, Totals},
    schema::decode_schema,
};
use crate::{Batch, Error, Origin, Pool, Schema};

/// What came.
#[derive(Debug)]
pub enum Incoming {
    /// The fields of batches that follow.
    Schema(Arc<Schema>),
    /// Records, not yet looked at.
    Batch(RawBatch),
    /// A failure on the other side; the stream goes on.
    Warning(Warning),
    /// The proven end: nothing follows.
    End(Ending),
}

/// A batch as it came: read by one, to be checked and decoded by any worker.
#[derive(Debug)]
pub struct RawBatch {
    what: Raw,
    schema: Arc<Schema>,
    place: Place,
}

/// What a batch is before it is decoded.
#[derive(Debug)]
pub(super) enum Raw {
    /// The bytes of a frame.
    Frame(Header, Bytes),
    /// A batch of this process, which was never bytes.
    Whole(Batch),
}

/// A batch's place in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many batches came before it.
    pub order: u64,
    /// The number of its frame.
    pub frame: u64,
    /// Its first byte.
    pub at: u64,
}

impl RawBatch {
    /// Verifies the checksum and decodes; the batch keeps using the frame's bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn decode(self) -> Result<Batch, Error> {
        let Place { order, frame, at } = self.place;
        let corrupt = |what: String| Error::Corrupt { what, frame, at };
        match self.what {
            Raw::Frame(header, payload) => {
                check_crc(&header, &payload).map_err(corrupt)?;
                decode_batch(&payload, self.schema, header.records as usize, order).map_err(corrupt)
            }
            Raw::Whole(batch) => {
                let origin = Origin { order, ..batch.origin().clone() };
                Ok(batch.with_origin(origin))
            }
        }
    }

    /// A batch that is handed over within the process, as the one that so many came before.
    pub(crate) fn whole(batch: Batch, order: u64) -> Self {
        RawBatch { schema: batch.schema().clone(), what: Raw::Whole(batch), place: Place { order, frame: order, at: 0 } }
    }

    /// The fields of its records.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The number of records it says it has.
    pub fn records(&self) -> u32 {
        match &self.what {
            Raw::Frame(header, _) => header.records,
            // No batch has more than a frame may tell.
            Raw::Whole(batch) => u32::try_from(batch.len()).unwrap_or(u32::MAX),
        }
    }

    /// Where it came in its stream.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The same, as if it had come there: who is handed a batch of another's stream knows it as the other does.
    #[must_use]
    #[doc(hidden)]
    pub fn with_place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    pub(super) fn what(&self) -> &Raw {
        &self.what
    }
}

/// Reads frames, checks their order and totals, and knows a proven end from any other.
///
/// # Examples
/// ```
/// use recpipe::{Batch, gen_sendto, wire::{Incoming, Reader}};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Hit { host: String }
///
/// let mut stream = Vec::new();
/// gen_sendto([Batch::of(&[Hit { host: "10.0.0.1".into() }])], &mut stream)?;
/// let mut reader = Reader::new(&stream[..])?;
/// while let Some(incoming) = reader.read()? {
///     match incoming {
///         Incoming::Schema(schema) => assert_eq!(schema.names().collect::<Vec<_>>(), ["host"]),
///         Incoming::Batch(raw) => assert_eq!(raw.decode()?.len(), 1),
///         Incoming::Warning(warning) => panic!("{}", warning.message),
///         Incoming::End(ending) => assert_eq!(ending.rejected, 0),
///     }
/// }
/// assert_eq!(reader.totals().records, 1);
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<R: Read> {
    input: R,
    decoder: Decoder,
    /// By their numbers, with the bytes of the payloads that announced them.
    schemas: Vec<(Arc<Schema>, usize)>,
    schema_bytes: usize,
    pool: Pool,
    batches: u64,
    is_at_rest: bool,
    /// Of the streams before the one that is read; `None` where there may be only one.
    before: Option<Before>,
}

/// What is known of streams that have ended.
#[derive(Debug, Default)]
struct Before {
    frames: u64,
    records: u64,
    /// The first that did not end well.
    ending: Ending,
}

impl<R: Read> Reader<R> {
    /// Begins to read a stream: its preamble.
    ///
    /// # Errors
    /// [`Error::NotAStream`], [`Error::Unsupported`], [`Error::Truncated`] or [`Error::Io`].
    pub fn new(input: R) -> Result<Self, Error> {
        let (decoder, pool) = (Decoder::new(), Pool::new());
        let mut reader = Reader { input, decoder, schemas: Vec::new(), schema_bytes: 0, pool, batches: 0, is_at_rest: false, before: None };
        reader.step()?;
        Ok(reader)
    }

    /// Begins to read streams that stand one after the other, as `cat a.rec b.rec` gives them, as if they were one. Each is proven to its
    /// own end; the end of all is [`Incoming::End`], which tells of the first failure. Places in the input go on, the numbers of
    /// frames begin anew.
    ///
    /// # Errors
    /// As for [`Reader::new`].
    pub fn of_several(input: R) -> Result<Self, Error> {
        Ok(Reader { before: Some(Before::default()), ..Reader::new(input)? })
    }

    /// What comes next; `None` after the End frame. After an error the stream cannot be trusted any more.
    ///
    /// Payloads of batches are read, not looked at: [`RawBatch::decode`] does that, on any thread.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Corrupt`], [`Error::Unsupported`] or [`Error::Io`].
    pub fn read(&mut self) -> Result<Option<Incoming>, Error> {
        self.read_next().map_err(|error| match (error, &self.before) {
            (Error::Truncated { at, wanted, got, frames, records }, Some(before)) => {
                Error::Truncated { at, wanted, got, frames: before.frames + frames, records: before.records + records }
            }
            (error, _) => error,
        })
    }

    fn read_next(&mut self) -> Result<Option<Incoming>, Error> {
        loop {
            let at = self.decoder.at();
            match self.step()? {
                Step::Header(header) => match self.frame(header, at)? {
                    Incoming::End(ending) => {
                        if let Some(ending) = self.end(ending, header.sequence, at)? {
                            return Ok(Some(Incoming::End(ending)));
                        }
                    }
                    incoming => return Ok(Some(incoming)),
                },
                Step::Skip(len) => self.skip(len)?,
                _ => return Ok(None),
            }
        }
    }

    /// The input.
    #[doc(hidden)]
    pub fn input(&self) -> &R {
        &self.input
    }

    /// The input, to be set up; whoever reads from it breaks the stream.
    #[doc(hidden)]
    pub fn input_mut(&mut self) -> &mut R {
        &mut self.input
    }

    /// The input, when the stream has been read.
    pub fn into_input(self) -> R {
        self.input
    }

    /// Frames and records so far, of all streams; the digest is that of the stream which is read.
    pub fn totals(&self) -> Totals {
        let Totals { frames, records, digest } = self.decoder.totals();
        let before = self.before.as_ref().map_or((0, 0), |before| (before.frames, before.records));
        Totals { frames: before.0 + frames, records: before.1 + records, digest }
    }

    /// A stream has ended: how all have, or `None` where another one follows, which is begun.
    fn end(&mut self, ending: Ending, frame: u64, at: u64) -> Result<Option<Ending>, Error> {
        let mut head = [0; PREAMBLE_LEN];
        if fill(&mut self.input, &mut head[..1])? == 0 {
            let before = self.before.take().unwrap_or_default();
            return Ok(Some(before.ending.and(ending)));
        }
        let Some(before) = self.before.as_mut().filter(|_| head[0] == MAGIC[0]) else {
            return Err(Error::Corrupt { what: "bytes follow the End frame".into(), frame, at });
        };
        let totals = self.decoder.totals();
        (before.frames, before.records) = (before.frames + totals.frames, before.records + totals.records);
        before.ending = std::mem::take(&mut before.ending).and(ending);
        (self.schemas, self.schema_bytes) = (Vec::new(), 0);
        self.decoder.next_stream();
        let got = 1 + fill(&mut self.input, &mut head[1..])?;
        match self.decoder.decode(&head[..got]) {
            Ok(Step::Preamble) => Ok(None),
            Ok(_) => self.decoder.eof(got).map(|()| None),
            Err(Error::NotAStream { .. }) => Err(Error::Corrupt { what: "bytes follow the End frame".into(), frame, at }),
            Err(error) => Err(error),
        }
    }

    /// Whether the records of the stream were all there when it began ([`Writer::set_at_rest`](super::Writer::set_at_rest)), which is
    /// known from its first schema on.
    #[doc(hidden)]
    pub fn is_at_rest(&self) -> bool {
        self.is_at_rest
    }

    /// Batches so far.
    #[doc(hidden)]
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// One step of the decoder, with as many bytes as it asks for.
    fn step(&mut self) -> Result<Step, Error> {
        let mut bytes = [0; HEADER_LEN];
        let mut have = 0;
        loop {
            match self.decoder.decode(&bytes[..have])? {
                Step::Need(wanted) => {
                    let got = fill(&mut self.input, &mut bytes[have..wanted])?;
                    have += got;
                    if have < wanted {
                        // What came may already be no stream at all; else it is one that was cut.
                        self.decoder.decode(&bytes[..have])?;
                        self.decoder.eof(have)?;
                    }
                }
                step => return Ok(step),
            }
        }
    }

    fn frame(&mut self, header: Header, at: u64) -> Result<Incoming, Error> {
        let len = header.payload_len as usize;
        let mut buffer = self.pool.take(len);
        let got = fill(&mut self.input, buffer.as_mut())?;
        if got < len {
            return Err(self.decoder.eof_in_payload(&header, got));
        }
        let payload = buffer.freeze();
        let corrupt = |what: String| Error::Corrupt { what, frame: header.sequence, at };
        if header.kind != Kind::Batch {
            check_crc(&header, &payload).map_err(corrupt)?;
        }
        match header.kind {
            Kind::Schema => {
                self.is_at_rest = header.flags & AT_REST != 0;
                let number = usize::from(header.schema);
                if number > self.schemas.len() || number >= MAX_SCHEMAS {
                    return Err(corrupt(format!("schema number {number} after {} schemas", self.schemas.len())));
                }
                let old = self.schemas.get(number);
                let (schema, is_longer) = decode_schema(&payload, old.map(|(old, _)| &**old)).map_err(corrupt)?;
                let old_bytes = old.map_or(0, |(_, bytes)| *bytes);
                let bytes = if is_longer { old_bytes + len } else { len };
                self.schema_bytes = self.schema_bytes - old_bytes + bytes;
                if self.schema_bytes > MAX_SCHEMA_BYTES {
                    return Err(corrupt(format!("the schemas of one stream are of more than {MAX_SCHEMA_BYTES} bytes")));
                }
                let schema = Arc::new(schema);
                match self.schemas.get_mut(number) {
                    Some(old) => *old = (schema.clone(), bytes),
                    None => self.schemas.push((schema.clone(), bytes)),
                }
                Ok(Incoming::Schema(schema))
            }
            Kind::Batch => {
                let Some((schema, _)) = self.schemas.get(usize::from(header.schema)).cloned() else {
                    return Err(corrupt(format!("a batch of schema number {} before that was announced", header.schema)));
                };
                let order = self.batches;
                self.batches += 1;
                let place = Place { order, frame: header.sequence, at };
                Ok(Incoming::Batch(RawBatch { what: Raw::Frame(header, payload), schema, place }))
            }
            Kind::Hello | Kind::Pushdown | Kind::Ack | Kind::Beat | Kind::Bye => {
                Err(corrupt("a frame about a connection came inside the stream".into()))
            }
            Kind::Error => decode_warning(&payload).map(Incoming::Warning).map_err(corrupt),
            Kind::End => {
                let (ending, totals) = decode_end(&payload).map_err(corrupt)?;
                let found = self.decoder.totals();
                if totals != found {
                    let (want, have) = ((totals.frames, totals.records), (found.frames, found.records));
                    return Err(corrupt(format!(
                        "its end tells of {} frames and {} records, {} and {} came",
                        want.0, want.1, have.0, have.1
                    )));
                }
                Ok(Incoming::End(ending))
            }
        }
    }

    fn skip(&mut self, mut len: usize) -> Result<(), Error> {
        let mut scratch = [0; 4096];
        while len > 0 {
            let part = len.min(scratch.len());
            let got = fill(&mut self.input, &mut scratch[..part])?;
            if got < part {
                return self.decoder.eof(0);
            }
            len -= part;
        }
        Ok(())
    }
}

fn check_crc(header: &Header, payload: &[u8]) -> Result<(), String> {
    if crc32c::crc32c(payload) == header.payload_crc { Ok(()) } else { Err("the checksum of the payload differs".into()) }
}

/// Reads until `into` is full or the input has ended; the number of bytes read.
fn fill(input: &mut impl Read, into: &mut [u8]) -> Result<usize, Error> {
    let mut have = 0;
    while have < into.len() {
        match input.read(&mut into[have..]) {
            Ok(0) => break,
            Ok(got) => have += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("cannot read the stream", error)),
        }
    }
    Ok(have)
}
