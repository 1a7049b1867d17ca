//! Batches to and from payloads: columns cross as byte slices, which a decoded batch goes on using in place.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeTuple};

use super::{
    crc,
    frame::MAX_PAYLOAD,
    payload_pool,
    serializer::{Each, from_beginning, from_slice, write_to},
};
use crate::{
    Error,
    record::{Batch, Bits, Buffer, Column, Origin, PackedInts, Places, Schema, Text, column::Values},
};

/// What a batch has before its columns.
#[derive(Serialize, Deserialize)]
struct OriginWire<'a> {
    /// First, in [`LINE_BYTES`]: whoever writes the frame knows it, and not who encodes the batch.
    line: u64,
    source: &'a str,
    start: u64,
    end: u64,
    #[serde(borrow)]
    places: PlacesWire<'a>,
    #[serde(borrow)]
    anchors: Option<IntsWire<'a>>,
}

/// The block comes last, so that an encoder can write everything before it and then the block itself, uncopied.
#[derive(Serialize, Deserialize)]
struct BatchWire<'a> {
    #[serde(borrow)]
    origin: OriginWire<'a>,
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

/// [`Places`]: a byte that says what follows, and that.
enum PlacesWire<'a> {
    Unknown,
    Lines(IntsWire<'a>),
    Whole { lines: IntsWire<'a>, starts: IntsWire<'a>, shown: bool },
    Nowhere,
}

impl Serialize for PlacesWire<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (tag, all) = match self {
            PlacesWire::Unknown => (0_u8, [None, None]),
            PlacesWire::Lines(lines) => (1, [Some(lines), None]),
            PlacesWire::Whole { lines, starts, shown: true } => (2, [Some(lines), Some(starts)]),
            PlacesWire::Whole { lines, starts, shown: false } => (4, [Some(lines), Some(starts)]),
            PlacesWire::Nowhere => (3, [None, None]),
        };
        let all = all.into_iter().flatten();
        let mut tuple = to.serialize_tuple(1 + all.clone().count())?;
        tuple.serialize_element(&tag)?;
        all.into_iter().try_for_each(|ints| tuple.serialize_element(ints))?;
        tuple.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PlacesWire<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_tuple(3, PlacesOf)
    }
}

struct PlacesOf;

impl<'de> de::Visitor<'de> for PlacesOf {
    type Value = PlacesWire<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the places of records")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let short = || de::Error::custom("the places of records are cut off");
        let tag: u8 = from.next_element()?.ok_or_else(short)?;
        let mut ints = || from.next_element()?.ok_or_else(short);
        Ok(match tag {
            0 => PlacesWire::Unknown,
            1 => PlacesWire::Lines(ints()?),
            2 | 4 => PlacesWire::Whole { lines: ints()?, starts: ints()?, shown: tag == 2 },
            3 => PlacesWire::Nowhere,
            tag => return Err(de::Error::custom(format_args!("places of the unknown kind {tag}"))),
        })
    }
}

/// A column has no more parts than there are types of values.
const MOST_PARTS: usize = 5;
/// Bytes of a batch's line.
const LINE_BYTES: usize = 8;

#[derive(Serialize, Deserialize)]
struct ColumnWire<'a> {
    #[serde(with = "serde_bytes", borrow)]
    missing: Option<&'a [u8]>,
    /// One for each type of its values: none where all are null, several in a mixed column.
    #[serde(borrow)]
    parts: Each<PartWire<'a>, MOST_PARTS>,
}

#[derive(Serialize, Deserialize)]
struct PartWire<'a> {
    #[serde(with = "serde_bytes", borrow)]
    nulls: Option<&'a [u8]>,
    #[serde(borrow)]
    values: ValuesWire<'a>,
}

/// Values of one type.
#[derive(Serialize, Deserialize)]
enum ValuesWire<'a> {
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
    /// Views into bytes of the part's own.
    Text {
        #[serde(borrow)]
        starts: IntsWire<'a>,
        #[serde(borrow)]
        lens: IntsWire<'a>,
        #[serde(with = "serde_bytes", borrow)]
        bytes: &'a [u8],
    },
}

fn ints_wire(ints: &PackedInts) -> IntsWire<'_> {
    let (base, width, data) = ints.parts();
    IntsWire { base, width, data }
}

/// A batch as a payload: what a worker makes, and a [`crate::wire::Writer`] sends with a header around it.
#[derive(Debug)]
pub struct Encoded {
    pub(super) schema: Arc<Schema>,
    pub(super) records: u32,
    /// Everything up to the block.
    pub(super) head: Buffer,
    /// The block of text, shared with the batch.
    pub(super) block: Bytes,
    /// The checksum of all that is after the line.
    crc: u32,
}

impl Encoded {
    /// Sets the number of the line that the batch's origin begins at.
    #[doc(hidden)]
    pub fn set_line(&mut self, line: u64) {
        self.head.as_mut()[..LINE_BYTES].copy_from_slice(&line.to_le_bytes());
    }

    /// The checksum of the payload.
    pub(super) fn crc(&self) -> u32 {
        let rest = self.payload_len() - LINE_BYTES;
        crc::combined(crc32c::crc32c(&self.head.as_ref()[..LINE_BYTES]), self.crc, rest)
    }

    /// Bytes of the payload.
    pub fn payload_len(&self) -> usize {
        self.head.as_ref().len() + self.block.len()
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
///
/// # Examples
/// ```
/// use recpipe::{Batch, wire::{Ending, Writer, encode}};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Hit { host: String }
///
/// // On any thread; the writer only adds headers.
/// let encoded = encode(&Batch::of(&[Hit { host: "10.0.0.1".into() }])?)?;
/// let mut writer = Writer::new(Vec::new())?;
/// encoded.iter().try_for_each(|part| writer.encoded(part))?;
/// let stream = writer.finish(&Ending::default())?;
/// assert_eq!(recpipe::gen_recvfrom(&stream[..]).count(), 1);
/// # Ok::<(), recpipe::Error>(())
/// ```
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
    anchors: &'a PackedInts,
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

/// The texts of a column, one for each of its parts, that are put together anew: anchors of their own cannot cross, and bytes that
/// no view shows need not.
fn owned_texts(column: &Column, shared: Option<&Shared<'_>>) -> Vec<Option<Text>> {
    let owned = |part: &Column| match part.values() {
        Values::Text(text) => {
            let is_apart = match text.parts().0 {
                Some(_) => !shared.is_some_and(|shared| shared.has(text)),
                None => has_unseen_bytes(text),
            };
            is_apart.then(|| Text::collect((0..text.len()).map(|row| text.get(row))))
        }
        _ => None,
    };
    column.parts().iter().map(owned).collect()
}

/// Whether most of the bytes are in no view, as in a batch that has some rows of a large table.
fn has_unseen_bytes(text: &Text) -> bool {
    /// Of fewer bytes, nobody looks how many are seen.
    const FEW: usize = 4096;
    let (all, mut seen) = (text.bytes().len(), 0_usize);
    if all > FEW {
        text.parts().2.for_each(|len| seen = seen.saturating_add(len as usize));
    }
    all > FEW && seen < all / 2
}

/// `None` where there are no values.
fn part_wire<'a>(part: &'a Column, owned: Option<&'a Text>) -> Option<PartWire<'a>> {
    let values = match part.values() {
        Values::Null(_) | Values::Mixed(_) => return None,
        Values::Bool(ints) => ValuesWire::Bool(ints_wire(ints)),
        Values::Int(ints) => ValuesWire::Int(ints_wire(ints)),
        Values::Wide { high, low } => ValuesWire::Wide { high: ints_wire(high), low: ints_wire(low) },
        Values::Float(ints) => ValuesWire::Float(ints_wire(ints)),
        Values::Time { nanos, offset_s } => ValuesWire::Time { nanos: ints_wire(nanos), offset_s: ints_wire(offset_s) },
        Values::Text(text) => {
            let text = owned.unwrap_or(text);
            let (anchors, starts, lens) = text.parts();
            match anchors {
                Some(_) => ValuesWire::Views { starts: ints_wire(starts), lens: ints_wire(lens) },
                None => ValuesWire::Text { starts: ints_wire(starts), lens: ints_wire(lens), bytes: text.bytes() },
            }
        }
    };
    Some(PartWire { nulls: bytes(part.nulls()), values })
}

fn bytes(bits: Option<&Bits>) -> Option<&[u8]> {
    bits.map(|bits| &bits.data()[..])
}

fn column_wire<'a>(column: &'a Column, owned: &'a [Option<Text>]) -> ColumnWire<'a> {
    let parts = column.parts().iter().zip(owned).filter_map(|(part, owned)| part_wire(part, owned.as_ref()));
    ColumnWire { missing: bytes(column.missing()), parts: Each(parts.collect()) }
}

fn encode_one(batch: &Batch) -> Result<Encoded, Error> {
    // Texts that lie in the shared block say so by being `Views`.
    let shared = Shared::of(batch);
    let owned: Vec<_> = batch.columns().iter().map(|column| owned_texts(column, shared.as_ref())).collect();
    let columns = batch.columns().iter().zip(&owned).map(|(column, owned)| column_wire(column, owned));
    let (anchors, block) = shared.map_or((None, Bytes::new()), |shared| (Some(ints_wire(shared.anchors)), shared.block.clone()));
    let Origin { source, start, end, line, .. } = batch.origin();
    let places = match batch.places() {
        Places::Unknown => PlacesWire::Unknown,
        Places::Nowhere => PlacesWire::Nowhere,
        Places::Lines(lines) => PlacesWire::Lines(ints_wire(lines)),
        Places::Whole { lines, starts, shown } => PlacesWire::Whole { lines: ints_wire(lines), starts: ints_wire(starts), shown: *shown },
    };
    let origin = OriginWire { line: *line, source, start: *start, end: *end, places, anchors };
    let mut head = payload_pool::buffer();
    write_to(&BatchWire { origin, columns: Each(columns.collect()), block: &[] }, &mut head)?;
    // The last eight bytes are the length of the block, which follows.
    if let Some(len) = head.as_mut().last_chunk_mut::<8>() {
        *len = (block.len() as u64).to_le_bytes();
    }
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head.as_ref()[LINE_BYTES..]), &block);
    Ok(Encoded { schema: batch.schema().clone(), records: batch.len() as u32, head, block, crc })
}

/// What the columns of a payload are made from.
struct Parts<'a> {
    payload: &'a Bytes,
    rows: usize,
    anchors: Option<PackedInts>,
    block: Bytes,
}

impl Parts<'_> {
    fn ints(&self, ints: &IntsWire<'_>) -> Result<PackedInts, &'static str> {
        let data = self.payload.slice_ref(ints.data);
        PackedInts::from_parts(self.rows, ints.base, ints.width, data).ok_or("an array of numbers has not one number a record")
    }

    fn bits(&self, bits: Option<&[u8]>) -> Result<Option<Bits>, &'static str> {
        bits.map(|bits| Bits::new(self.rows, self.payload.slice_ref(bits)).ok_or("a bitmap has not one bit a record")).transpose()
    }

    fn part(&self, PartWire { nulls, values }: &PartWire<'_>) -> Result<Column, &'static str> {
        let text = |bytes, anchors, starts, lens| {
            Text::new(bytes, anchors, self.ints(starts)?, self.ints(lens)?).ok_or("a text lies outside its bytes").map(Values::Text)
        };
        let values = match values {
            ValuesWire::Bool(values) => Values::Bool(self.ints(values)?),
            ValuesWire::Int(values) => Values::Int(self.ints(values)?),
            ValuesWire::Wide { high, low } => Values::Wide { high: self.ints(high)?, low: self.ints(low)? },
            ValuesWire::Float(values) => Values::Float(self.ints(values)?),
            ValuesWire::Time { nanos, offset_s } => Values::Time { nanos: self.ints(nanos)?, offset_s: self.ints(offset_s)? },
            ValuesWire::Views { starts, lens } => {
                text(self.block.clone(), Some(self.anchors.clone().ok_or("views without anchors")?), starts, lens)?
            }
            ValuesWire::Text { starts, lens, bytes } => text(self.payload.slice_ref(bytes), None, starts, lens)?,
        };
        Ok(Column::new(values).with_nulls(self.bits(*nulls)?))
    }

    fn column(&self, wire: &ColumnWire<'_>) -> Result<Column, &'static str> {
        let mut parts: Vec<Column> = Vec::with_capacity(wire.parts.0.len());
        for part in &wire.parts.0 {
            let part = self.part(part)?;
            if parts.iter().any(|other| other.kind() == part.kind()) {
                return Err("two parts are of one type");
            }
            parts.push(part);
        }
        let column = Column::of_parts(parts, self.rows).ok_or("two parts have a value in one record")?;
        let missing = self.bits(wire.missing)?;
        if !column.lacks(missing.as_ref()) {
            return Err("a record that does not have the field has a value in it");
        }
        Ok(column.with_missing(missing))
    }
}

/// Decodes a payload whose checksum was verified; the batch keeps using its bytes.
pub(super) fn decode_batch(payload: &Bytes, schema: Arc<Schema>, rows: usize, order: u64) -> Result<Batch, String> {
    // Before anything is made for each record.
    if rows > Batch::MAX_ROWS {
        return Err(format!("a batch of {rows} records; the limit is {}", Batch::MAX_ROWS));
    }
    // Before any column is looked at: they are many times larger in memory, and a schema of so many was not sent for nothing.
    let (_, columns): (OriginWire<'_>, u64) = from_beginning(payload)?;
    if columns != schema.len() as u64 {
        return Err(format!("{columns} columns for {} fields", schema.len()));
    }
    let BatchWire { origin, columns: wires, block } = from_slice(payload)?;
    let OriginWire { line, source, start, end, places, anchors } = origin;
    let mut parts = Parts { payload, rows, anchors: None, block: payload.slice_ref(block) };
    let places = match places {
        PlacesWire::Unknown => Places::Unknown,
        PlacesWire::Nowhere => Places::Nowhere,
        PlacesWire::Lines(lines) => Places::Lines(parts.ints(&lines)?),
        PlacesWire::Whole { lines, starts, shown } => Places::Whole { lines: parts.ints(&lines)?, starts: parts.ints(&starts)?, shown },
    };
    parts.anchors = anchors.map(|anchors| parts.ints(&anchors)).transpose()?;
    let mut columns = Vec::with_capacity(schema.len());
    // What was read of a column is given back as soon as it is made.
    for (wire, field) in wires.0.into_iter().zip(schema.fields()) {
        columns.push(parts.column(&wire).map_err(|what| format!("in the column `{}`: {what}", field.name))?);
    }
    let origin = Origin { source: source.into(), start, end, line, order };
    Batch::new(schema, columns, rows, origin).map(|batch| batch.with_places(places)).map_err(|error| error.to_string())
}
