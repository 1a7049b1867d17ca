//! Batches to and from payloads: columns cross as byte slices, which a decoded batch goes on using in place.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Each, from_slice, write_to};
use crate::{
    Error,
    record::{Batch, Bits, Column, Ints, Origin, Schema, Text, column::Values},
    wire::{frame::MAX_PAYLOAD, heads::HeadBuffer},
};

/// The block comes last, so that an encoder can write everything before it and then the block itself, uncopied.
#[derive(Serialize, Deserialize)]
struct BatchWire<'a> {
    /// First, in [`LINE_BYTES`]: whoever writes the frame knows it, and not who encodes the batch.
    line: u64,
    source: &'a str,
    start: u64,
    end: u64,
    #[serde(borrow)]
    lines: Option<IntsWire<'a>>,
    #[serde(borrow)]
    anchors: Option<IntsWire<'a>>,
    #[serde(borrow)]
    columns: Each<ColumnWire<'a>>,
    #[serde(with = "serde_bytes", borrow)]
    block: &'a [u8],
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct IntsWire<'a> {
    base: i64,
    width: u8,
    #[serde(with = "serde_bytes", borrow)]
    data: &'a [u8],
}

/// A column of several types has no more parts than there are types of values.
const MOST_PARTS: usize = 5;
/// Bytes of a batch's line.
const LINE_BYTES: usize = 8;

#[derive(Serialize, Deserialize)]
struct ColumnWire<'a> {
    #[serde(with = "serde_bytes", borrow)]
    nulls: Option<&'a [u8]>,
    #[serde(with = "serde_bytes", borrow)]
    missing: Option<&'a [u8]>,
    #[serde(borrow)]
    values: ValuesWire<'a>,
}

#[derive(Serialize, Deserialize)]
enum ValuesWire<'a> {
    #[serde(borrow)]
    Plain(PlainWire<'a>),
    /// One for each type there is.
    #[serde(borrow)]
    Mixed(Each<PartWire<'a>, MOST_PARTS>),
}

#[derive(Serialize, Deserialize)]
struct PartWire<'a> {
    #[serde(with = "serde_bytes", borrow)]
    nulls: Option<&'a [u8]>,
    #[serde(borrow)]
    values: PlainWire<'a>,
}

/// Values of one type.
#[derive(Serialize, Deserialize)]
enum PlainWire<'a> {
    Null,
    #[serde(borrow)]
    Bool(IntsWire<'a>),
    #[serde(borrow)]
    Int(IntsWire<'a>),
    Wide {
        #[serde(borrow)]
        high: IntsWire<'a>,
        #[serde(borrow)]
        low: IntsWire<'a>,
    },
    #[serde(borrow)]
    Float(IntsWire<'a>),
    Time {
        #[serde(borrow)]
        nanos: IntsWire<'a>,
        #[serde(borrow)]
        offset_s: IntsWire<'a>,
    },
    /// Views into the batch's block, from the batch's anchors.
    Views {
        #[serde(borrow)]
        starts: IntsWire<'a>,
        #[serde(borrow)]
        lens: IntsWire<'a>,
    },
    /// Views into bytes of the column's own.
    Text {
        #[serde(borrow)]
        starts: IntsWire<'a>,
        #[serde(borrow)]
        lens: IntsWire<'a>,
        #[serde(with = "serde_bytes", borrow)]
        bytes: &'a [u8],
    },
}

fn ints_wire(ints: &Ints) -> IntsWire<'_> {
    let (base, width, data) = ints.parts();
    IntsWire { base, width, data }
}

/// A batch as a payload: what a worker makes, and a [`crate::wire::Writer`] sends with a header around it.
#[derive(Debug)]
pub struct Encoded {
    pub(in crate::wire) schema: Arc<Schema>,
    pub(in crate::wire) records: u32,
    /// Everything up to the block.
    pub(in crate::wire) head: HeadBuffer,
    /// The block of text, shared with the batch.
    pub(in crate::wire) block: Bytes,
    /// The checksum of all that is after the line.
    crc: u32,
}

impl Encoded {
    /// Sets the number of the line that the batch's origin begins at.
    pub fn set_line(&mut self, line: u64) {
        self.head[..LINE_BYTES].copy_from_slice(&line.to_le_bytes());
    }

    /// The checksum of the payload.
    pub(in crate::wire) fn crc(&self) -> u32 {
        let rest = self.payload_len() - LINE_BYTES;
        crc32c::crc32c_combine(crc32c::crc32c(&self.head[..LINE_BYTES]), self.crc, rest)
    }

    /// Bytes of the payload.
    pub fn payload_len(&self) -> usize {
        self.head.len() + self.block.len()
    }

    /// The number of records.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// The fields of its records.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }
}

/// Encodes a batch: into one payload, or into several when it would pass [`MAX_PAYLOAD`].
///
/// Text stays where it is; the arrays are copied once, and all is checksummed. This is the part of writing that workers
/// do in parallel.
///
/// # Errors
/// [`Error::TooLarge`] when a single record does not fit a frame.
pub fn encode(batch: &Batch) -> Result<Vec<Encoded>, Error> {
    let compact = batch.compact();
    let whole = encode_one(&compact)?;
    if whole.payload_len() <= MAX_PAYLOAD {
        return Ok(vec![whole]);
    }
    if compact.len() <= 1 {
        return Err(Error::TooLarge { what: "a record".into(), size: whole.payload_len() as u64, limit: MAX_PAYLOAD as u64 });
    }
    let (len, half) = (compact.len() as u32, compact.len() as u32 / 2);
    let mut parts = encode(&compact.select((0..half).collect()))?;
    parts.append(&mut encode(&compact.select((half..len).collect()))?);
    Ok(parts)
}

/// The anchors and the block that the texts of a batch share.
struct Shared<'a> {
    anchors: &'a Ints,
    block: &'a Bytes,
}

impl<'a> Shared<'a> {
    /// Those of the first text that has anchors.
    fn of(batch: &'a Batch) -> Option<Self> {
        batch.columns().iter().flat_map(Column::parts).find_map(|part| match part.values() {
            Values::Text(text) => text.parts().0.map(|anchors| Shared { anchors, block: text.bytes() }),
            _ => None,
        })
    }

    fn has(&self, text: &Text) -> bool {
        let same = |a: &Bytes, b: &Bytes| a.as_ptr() == b.as_ptr() && a.len() == b.len();
        let anchors = text
            .parts()
            .0
            .is_some_and(|anchors| same(anchors.parts().2, self.anchors.parts().2) && anchors.parts().0 == self.anchors.parts().0);
        anchors && same(text.bytes(), self.block)
    }
}

/// The texts of a column, one for each of its parts, that are put together anew: anchors of their own cannot cross.
fn owned_texts(column: &Column, shared: Option<&Shared<'_>>) -> Vec<Option<Text>> {
    let owned = |part: &Column| match part.values() {
        Values::Text(text) if text.parts().0.is_some() && !shared.is_some_and(|shared| shared.has(text)) => {
            Some(Text::collect((0..text.len()).map(|row| text.get(row))))
        }
        _ => None,
    };
    column.parts().iter().map(owned).collect()
}

fn plain_wire<'a>(part: &'a Column, owned: Option<&'a Text>) -> PlainWire<'a> {
    match part.values() {
        Values::Null(_) | Values::Mixed(_) => PlainWire::Null,
        Values::Bool(ints) => PlainWire::Bool(ints_wire(ints)),
        Values::Int(ints) => PlainWire::Int(ints_wire(ints)),
        Values::Wide { high, low } => PlainWire::Wide { high: ints_wire(high), low: ints_wire(low) },
        Values::Float(ints) => PlainWire::Float(ints_wire(ints)),
        Values::Time { nanos, offset_s } => PlainWire::Time { nanos: ints_wire(nanos), offset_s: ints_wire(offset_s) },
        Values::Text(text) => {
            let text = owned.unwrap_or(text);
            let (anchors, starts, lens) = text.parts();
            match anchors {
                Some(_) => PlainWire::Views { starts: ints_wire(starts), lens: ints_wire(lens) },
                None => PlainWire::Text { starts: ints_wire(starts), lens: ints_wire(lens), bytes: text.bytes() },
            }
        }
    }
}

fn column_wire<'a>(column: &'a Column, owned: &'a [Option<Text>]) -> ColumnWire<'a> {
    fn bytes(bits: Option<&Bits>) -> Option<&[u8]> {
        bits.map(|bits| &bits.data()[..])
    }
    let values = match column.values() {
        Values::Mixed(parts) => {
            let part = |(part, owned): (&'a Column, &'a Option<Text>)| PartWire {
                nulls: bytes(part.nulls()),
                values: plain_wire(part, owned.as_ref()),
            };
            ValuesWire::Mixed(Each(parts.iter().zip(owned).map(part).collect()))
        }
        _ => ValuesWire::Plain(plain_wire(column, owned.first().and_then(Option::as_ref))),
    };
    ColumnWire { nulls: bytes(column.nulls()), missing: bytes(column.missing()), values }
}

fn encode_one(batch: &Batch) -> Result<Encoded, Error> {
    // Texts that lie in the shared block say so by being `Views`.
    let shared = Shared::of(batch);
    let owned: Vec<_> = batch.columns().iter().map(|column| owned_texts(column, shared.as_ref())).collect();
    let columns = batch.columns().iter().zip(&owned).map(|(column, owned)| column_wire(column, owned));
    let (anchors, block) = shared.map_or((None, Bytes::new()), |shared| (Some(ints_wire(shared.anchors)), shared.block.clone()));
    let Origin { source, start, end, line, .. } = batch.origin();
    let lines = batch.lines().map(ints_wire);
    let wire = BatchWire { line: *line, source, start: *start, end: *end, lines, anchors, columns: Each(columns.collect()), block: &[] };
    let mut head = HeadBuffer::new();
    write_to(&wire, &mut head)?;
    // The last eight bytes are the length of the block, which follows.
    let at = head.len() - 8;
    head[at..].copy_from_slice(&(block.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head[LINE_BYTES..]), &block);
    Ok(Encoded { schema: batch.schema().clone(), records: batch.len() as u32, head, block, crc })
}

/// What the columns of a payload are made from.
struct Parts<'a> {
    payload: &'a Bytes,
    rows: usize,
    anchors: Option<Ints>,
    block: Bytes,
}

impl Parts<'_> {
    fn ints(&self, ints: &IntsWire<'_>) -> Result<Ints, &'static str> {
        let data = self.payload.slice_ref(ints.data);
        Ints::from_parts(self.rows, ints.base, ints.width, data).ok_or("an array of numbers has not one number a record")
    }

    fn bits(&self, bits: Option<&[u8]>) -> Result<Option<Bits>, &'static str> {
        bits.map(|bits| Bits::new(self.rows, self.payload.slice_ref(bits)).ok_or("a bitmap has not one bit a record")).transpose()
    }

    fn plain(&self, values: &PlainWire<'_>) -> Result<Column, &'static str> {
        let text = |bytes, anchors, starts, lens| {
            Text::new(bytes, anchors, self.ints(starts)?, self.ints(lens)?).ok_or("a text lies outside its bytes").map(Values::Text)
        };
        Ok(Column::new(match values {
            PlainWire::Null => Values::Null(self.rows),
            PlainWire::Bool(values) => Values::Bool(self.ints(values)?),
            PlainWire::Int(values) => Values::Int(self.ints(values)?),
            PlainWire::Wide { high, low } => Values::Wide { high: self.ints(high)?, low: self.ints(low)? },
            PlainWire::Float(values) => Values::Float(self.ints(values)?),
            PlainWire::Time { nanos, offset_s } => Values::Time { nanos: self.ints(nanos)?, offset_s: self.ints(offset_s)? },
            PlainWire::Views { starts, lens } => {
                text(self.block.clone(), Some(self.anchors.clone().ok_or("views without anchors")?), starts, lens)?
            }
            PlainWire::Text { starts, lens, bytes } => text(self.payload.slice_ref(bytes), None, starts, lens)?,
        }))
    }

    fn column(&self, wire: &ColumnWire<'_>) -> Result<Column, &'static str> {
        let (nulls, missing) = (self.bits(wire.nulls)?, self.bits(wire.missing)?);
        let column = match &wire.values {
            ValuesWire::Plain(values) => self.plain(values)?.with_nulls(nulls),
            ValuesWire::Mixed(parts) => {
                let part = |part: &PartWire<'_>| Ok(self.plain(&part.values)?.with_nulls(self.bits(part.nulls)?));
                let parts = parts.0.iter().map(part).collect::<Result<_, &str>>()?;
                Column::mixed(parts).ok_or("a column of several types has two values in one record, or two parts of one type")?
            }
        };
        match &missing {
            Some(missing) if (0..self.rows).any(|row| missing.get(row) && !column.is_null(row)) => Err("a missing field has a value"),
            _ => Ok(column.with_missing(missing)),
        }
    }
}

/// Decodes a payload whose checksum was verified; the batch keeps using its bytes.
pub(in crate::wire) fn decode_batch(payload: &Bytes, schema: Arc<Schema>, rows: usize, order: u64) -> Result<Batch, String> {
    let wire: BatchWire<'_> = from_slice(payload)?;
    let mut parts = Parts { payload, rows, anchors: None, block: payload.slice_ref(wire.block) };
    let lines = wire.lines.as_ref().map(|lines| parts.ints(lines)).transpose()?;
    parts.anchors = wire.anchors.as_ref().map(|anchors| parts.ints(anchors)).transpose()?;
    let columns = wire.columns.0.iter().map(|column| parts.column(column)).collect::<Result<Vec<_>, &str>>()?;
    let origin = Origin { source: wire.source.into(), start: wire.start, end: wire.end, line: wire.line, order };
    Batch::new(schema, columns, rows, origin).map(|batch| batch.with_lines(lines)).map_err(|error| error.to_string())
}
