//! Payloads to and from batches. The only file that names the serializer.
//!
//! bincode 2.0.1 through serde, fixed-width little-endian integers. It is declared complete and unmaintained
//! (RUSTSEC-2025-0141), so the rules here leave it little to do: one decode function, on a slice whose length and
//! checksum were verified first, with a limit, borrowing text and arrays from the slice; flat types only; and all
//! bytes must be consumed. The arrays of a batch cross as byte slices, which a decoded batch keeps using in place.

use std::{fmt, marker::PhantomData, sync::Arc};

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};

use super::control::{Hello, Role};
use super::frame::{MAX_PAYLOAD, Totals};
use super::heads::HeadBuffer;
use super::plan::Plan;
use crate::{
    Error, Exit,
    record::{Batch, Bits, Column, CompareOp, Condition, Constant, Field, Ints, Origin, Schema, Text, Time, Type, column::Values},
    session::Progress,
};

// The limit counts bytes claimed, and with fixed-width integers that is what is on the wire; what follows it has slack
// for the containers that are counted before they are filled.
const CONFIG: Configuration<LittleEndian, Fixint, Limit<{ 2 * MAX_PAYLOAD }>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<{ 2 * MAX_PAYLOAD }>();

fn to_vec(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    bincode::serde::encode_to_vec(value, CONFIG).map_err(|error| Error::Data(format!("cannot encode: {error}")))
}

/// Decodes a whole payload; the message says what is wrong with it.
fn from_slice<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, String> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(payload, CONFIG).map_err(|error| error.to_string())?;
    if used != payload.len() {
        return Err(format!("{} bytes are left over in a payload", payload.len() - used));
    }
    Ok(value)
}

/// One for each field, and so no more of them than there may be fields: in memory they are many times what they are on the
/// wire.
#[derive(Serialize)]
struct Each<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(EachOf(PhantomData))
    }
}

struct EachOf<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EachOf<T> {
    type Value = Each<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "up to {} fields", Schema::MAX_FIELDS)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(next) = from.next_element()? {
            if all.len() == Schema::MAX_FIELDS {
                return Err(A::Error::custom(format_args!("more than {} fields", Schema::MAX_FIELDS)));
            }
            all.push(next);
        }
        Ok(Each(all))
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaWire<'a> {
    #[serde(borrow)]
    fields: Each<FieldWire<'a>>,
}

#[derive(Serialize, Deserialize)]
struct FieldWire<'a> {
    name: &'a str,
    kind: u8,
}

const TYPES: [Type; 6] = [Type::Null, Type::Bool, Type::Int, Type::Float, Type::Time, Type::Text];

pub(super) fn encode_schema(schema: &Schema) -> Result<Vec<u8>, Error> {
    let kind = |kind: Type| TYPES.iter().position(|known| *known == kind).unwrap_or(0) as u8;
    let fields = schema.fields().iter().map(|field| FieldWire { name: &field.name, kind: kind(field.kind) });
    to_vec(&SchemaWire { fields: Each(fields.collect()) })
}

pub(super) fn decode_schema(payload: &[u8]) -> Result<Schema, String> {
    let wire: SchemaWire<'_> = from_slice(payload)?;
    let field = |field: &FieldWire<'_>| {
        let kind = TYPES.get(usize::from(field.kind)).ok_or_else(|| format!("a field of the unknown type {}", field.kind))?;
        Ok(Field::new(field.name, *kind))
    };
    Schema::new(wire.fields.0.iter().map(field).collect::<Result<_, String>>()?).map_err(|error| error.to_string())
}

/// Something failed on the other side, and the stream went on: a file that could not be read, say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The exit code it will lead to.
    pub exit: Exit,
    /// What failed, for people.
    pub message: String,
}

#[derive(Serialize, Deserialize)]
struct ReportWire<'a> {
    exit: u8,
    message: &'a str,
}

pub(super) fn encode_report(report: &Report) -> Result<Vec<u8>, Error> {
    to_vec(&ReportWire { exit: report.exit.code(), message: &report.message })
}

pub(super) fn decode_report(payload: &[u8]) -> Result<Report, String> {
    let wire: ReportWire<'_> = from_slice(payload)?;
    Ok(Report { exit: Exit::from_code(wire.exit), message: wire.message.to_owned() })
}

/// How a stream ended, as its producer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The producer's exit code.
    pub exit: Exit,
    /// Why it is not [`Exit::Done`]; empty if it is.
    pub cause: String,
    /// Input that was no record.
    pub rejected: u64,
}

#[derive(Serialize, Deserialize)]
struct EndWire<'a> {
    exit: u8,
    frames: u64,
    records: u64,
    digest: u32,
    rejected: u64,
    cause: &'a str,
}

pub(super) fn encode_end(ending: &Ending, totals: Totals) -> Result<Vec<u8>, Error> {
    let Totals { frames, records, digest } = totals;
    to_vec(&EndWire { exit: ending.exit.code(), frames, records, digest, rejected: ending.rejected, cause: &ending.cause })
}

pub(super) fn decode_end(payload: &[u8]) -> Result<(Ending, Totals), String> {
    let EndWire { exit, frames, records, digest, rejected, cause } = from_slice(payload)?;
    Ok((Ending { exit: Exit::from_code(exit), cause: cause.to_owned(), rejected }, Totals { frames, records, digest }))
}

#[derive(Serialize, Deserialize)]
struct PlanWire<'a> {
    #[serde(borrow)]
    columns: Option<Each<&'a str>>,
    holds_state: bool,
    #[serde(borrow)]
    conditions: Each<ConditionWire<'a>>,
}

#[derive(Serialize, Deserialize)]
struct ConditionWire<'a> {
    field: &'a str,
    op: u8,
    #[serde(borrow)]
    constant: ConstantWire<'a>,
}

#[derive(Serialize, Deserialize)]
enum ConstantWire<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Time { nanos: i64, offset_s: i32 },
    Text(#[serde(with = "serde_bytes", borrow)] &'a [u8]),
}

fn condition_wire(Condition { field, op, constant }: &Condition) -> ConditionWire<'_> {
    let constant = match constant {
        Constant::Null => ConstantWire::Null,
        Constant::Bool(value) => ConstantWire::Bool(*value),
        Constant::Int(value) => ConstantWire::Int(*value),
        Constant::Float(value) => ConstantWire::Float(*value),
        Constant::Time(Time { nanos, offset_s }) => ConstantWire::Time { nanos: *nanos, offset_s: *offset_s },
        Constant::Text(text) => ConstantWire::Text(text),
    };
    let op = CompareOp::ALL.iter().position(|known| known == op).unwrap_or(0) as u8;
    ConditionWire { field, op, constant }
}

fn condition(ConditionWire { field, op, constant }: ConditionWire<'_>) -> Result<Condition, String> {
    let op = *CompareOp::ALL.get(usize::from(op)).ok_or_else(|| format!("a condition with the unknown operator {op}"))?;
    let constant = match constant {
        ConstantWire::Null => Constant::Null,
        ConstantWire::Bool(value) => Constant::Bool(value),
        ConstantWire::Int(value) => Constant::Int(value),
        ConstantWire::Float(value) => Constant::Float(value),
        ConstantWire::Time { nanos, offset_s } => Constant::Time(Time { nanos, offset_s }),
        ConstantWire::Text(text) => Constant::Text(text.into()),
    };
    Ok(Condition { field: field.to_owned(), op, constant })
}

pub(super) fn encode_plan(plan: &Plan) -> Result<Vec<u8>, Error> {
    let columns = plan.columns.as_ref().map(|columns| Each(columns.iter().map(String::as_str).collect()));
    let conditions = Each(plan.conditions.iter().map(condition_wire).collect());
    to_vec(&PlanWire { columns, holds_state: plan.holds_state, conditions })
}

pub(super) fn decode_plan(payload: &[u8]) -> Result<Plan, String> {
    let PlanWire { columns, holds_state, conditions } = from_slice(payload)?;
    if conditions.0.len() > Plan::MAX_CONDITIONS {
        return Err(format!("more than {} conditions", Plan::MAX_CONDITIONS));
    }
    Ok(Plan {
        columns: columns.map(|columns| columns.0.into_iter().map(str::to_owned).collect()),
        holds_state,
        conditions: conditions.0.into_iter().map(condition).collect::<Result<_, _>>()?,
    })
}

#[derive(Serialize, Deserialize)]
struct ProgressWire {
    received: u64,
    done: u64,
    enough: bool,
    finished: bool,
}

fn progress_wire(Progress { received, done, enough, finished }: Progress) -> ProgressWire {
    ProgressWire { received, done, enough, finished }
}

fn progress(ProgressWire { received, done, enough, finished }: ProgressWire) -> Progress {
    Progress { received, done, enough, finished }
}

pub(super) fn encode_progress(progress: Progress) -> Result<Vec<u8>, Error> {
    to_vec(&progress_wire(progress))
}

pub(super) fn decode_progress(payload: &[u8]) -> Result<Progress, String> {
    from_slice(payload).map(progress)
}

#[derive(Serialize, Deserialize)]
struct HelloWire<'a> {
    sends: bool,
    instance: [u8; 16],
    stream: [u8; 16],
    progress: ProgressWire,
    #[serde(with = "serde_bytes", borrow)]
    token: &'a [u8],
    can: u32,
    program: &'a str,
}

pub(super) fn encode_hello(hello: &Hello) -> Result<Vec<u8>, Error> {
    let Hello { role, instance, stream, progress, token, can, program } = hello;
    let (instance, stream, progress, can) = (*instance, *stream, progress_wire(*progress), *can);
    to_vec(&HelloWire { sends: *role == Role::Sender, instance, stream, progress, token, can, program })
}

pub(super) fn decode_hello(payload: &[u8]) -> Result<Hello, String> {
    let HelloWire { sends, instance, stream, progress: said, token, can, program } = from_slice(payload)?;
    let role = if sends { Role::Sender } else { Role::Receiver };
    Ok(Hello { role, instance, stream, progress: progress(said), token: token.to_vec(), can, program: program.to_owned() })
}

/// The block comes last, so that an encoder can write everything before it and then the block itself, uncopied.
#[derive(Serialize, Deserialize)]
struct BatchWire<'a> {
    source: &'a str,
    start: u64,
    end: u64,
    #[serde(borrow)]
    anchors: Option<IntsWire<'a>>,
    #[serde(borrow)]
    columns: Each<ColumnWire<'a>>,
    #[serde(with = "serde_bytes", borrow)]
    block: &'a [u8],
}

/// A batch up to the number of its columns.
#[derive(Deserialize)]
#[allow(dead_code, reason = "what stands before the number has to be read to reach it")]
struct BatchHead<'a> {
    source: &'a str,
    start: u64,
    end: u64,
    #[serde(borrow)]
    anchors: Option<IntsWire<'a>>,
    columns: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct IntsWire<'a> {
    base: i64,
    width: u8,
    #[serde(with = "serde_bytes", borrow)]
    data: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct ColumnWire<'a> {
    #[serde(with = "serde_bytes", borrow)]
    nulls: Option<&'a [u8]>,
    #[serde(borrow)]
    values: ValuesWire<'a>,
}

#[derive(Serialize, Deserialize)]
enum ValuesWire<'a> {
    Null,
    #[serde(borrow)]
    Bool(IntsWire<'a>),
    #[serde(borrow)]
    Int(IntsWire<'a>),
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

/// A batch as a payload: what a worker makes, and a [`super::Writer`] sends with a header around it.
#[derive(Debug)]
pub struct Encoded {
    pub(super) schema: Arc<Schema>,
    pub(super) records: u32,
    /// Everything up to the block.
    pub(super) head: HeadBuffer,
    /// The block of text, shared with the batch.
    pub(super) block: Bytes,
    pub(super) crc: u32,
}

impl Encoded {
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

fn encode_one(batch: &Batch) -> Result<Encoded, Error> {
    // The anchors and the block that the first text column with anchors has are the batch's; columns that share them
    // say so by being `Views`.
    let anchored = batch.columns().iter().find_map(|column| match column.values() {
        Values::Text(text) => text.parts().0.map(|anchors| (anchors, text.bytes())),
        _ => None,
    });
    let is_shared = |text: &Text| {
        let same = |a: &Bytes, b: &Bytes| a.as_ptr() == b.as_ptr() && a.len() == b.len();
        let (anchors, block) = match (text.parts().0, anchored) {
            (Some(anchors), Some((shared, block))) => {
                (same(anchors.parts().2, shared.parts().2) && anchors.parts().0 == shared.parts().0, block)
            }
            _ => return false,
        };
        anchors && same(text.bytes(), block)
    };
    let mut owned = Vec::new();
    for column in batch.columns() {
        // Anchors of its own cannot cross: such text is put together anew.
        owned.push(match column.values() {
            Values::Text(text) if text.parts().0.is_some() && !is_shared(text) => {
                Some(Text::collect((0..text.len()).map(|row| text.get(row))))
            }
            _ => None,
        });
    }
    let columns = batch.columns().iter().zip(&owned).map(|(column, owned)| {
        let values = match column.values() {
            Values::Null(_) => ValuesWire::Null,
            Values::Bool(ints) => ValuesWire::Bool(ints_wire(ints)),
            Values::Int(ints) => ValuesWire::Int(ints_wire(ints)),
            Values::Float(ints) => ValuesWire::Float(ints_wire(ints)),
            Values::Time { nanos, offset_s } => ValuesWire::Time { nanos: ints_wire(nanos), offset_s: ints_wire(offset_s) },
            Values::Text(text) => {
                let text = owned.as_ref().unwrap_or(text);
                let (anchors, starts, lens) = text.parts();
                match anchors {
                    Some(_) => ValuesWire::Views { starts: ints_wire(starts), lens: ints_wire(lens) },
                    None => ValuesWire::Text { starts: ints_wire(starts), lens: ints_wire(lens), bytes: text.bytes() },
                }
            }
        };
        ColumnWire { nulls: column.nulls().map(|nulls| &nulls.data()[..]), values }
    });
    let (anchors, block) = anchored.map_or((None, Bytes::new()), |(anchors, block)| (Some(ints_wire(anchors)), block.clone()));
    let Origin { source, start, end, .. } = batch.origin();
    let wire = BatchWire { source, start: *start, end: *end, anchors, columns: Each(columns.collect()), block: &[] };
    let mut head = HeadBuffer::new();
    bincode::serde::encode_into_std_write(&wire, &mut *head, CONFIG).map_err(|error| Error::Data(format!("cannot encode: {error}")))?;
    // The last eight bytes are the length of the block, which follows.
    let at = head.len() - 8;
    head[at..].copy_from_slice(&(block.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head), &block);
    Ok(Encoded { schema: batch.schema().clone(), records: batch.len() as u32, head, block, crc })
}

/// Decodes a payload whose checksum was verified; the batch keeps using its bytes.
pub(super) fn decode_batch(payload: &Bytes, schema: Arc<Schema>, rows: usize, order: u64) -> Result<Batch, String> {
    // Before any column is looked at: they are many times larger in memory, and a schema of so many was not sent for nothing.
    let (head, _): (BatchHead<'_>, usize) = bincode::serde::borrow_decode_from_slice(payload, CONFIG).map_err(|error| error.to_string())?;
    if head.columns != schema.len() as u64 {
        return Err(format!("{} columns for {} fields", head.columns, schema.len()));
    }
    let wire: BatchWire<'_> = from_slice(payload)?;
    let ints = |ints: &IntsWire<'_>| {
        Ints::from_parts(rows, ints.base, ints.width, payload.slice_ref(ints.data)).ok_or("an array of numbers has not one number a record")
    };
    let anchors = wire.anchors.as_ref().map(ints).transpose()?;
    let block = payload.slice_ref(wire.block);
    let outside = "a text lies outside its bytes";
    let column = |column: &ColumnWire<'_>| {
        let values = match &column.values {
            ValuesWire::Null => Values::Null(rows),
            ValuesWire::Bool(values) => Values::Bool(ints(values)?),
            ValuesWire::Int(values) => Values::Int(ints(values)?),
            ValuesWire::Float(values) => Values::Float(ints(values)?),
            ValuesWire::Time { nanos, offset_s } => Values::Time { nanos: ints(nanos)?, offset_s: ints(offset_s)? },
            ValuesWire::Views { starts, lens } => {
                let anchors = anchors.clone().ok_or("views without anchors")?;
                Values::Text(Text::new(block.clone(), Some(anchors), ints(starts)?, ints(lens)?).ok_or(outside)?)
            }
            ValuesWire::Text { starts, lens, bytes } => {
                Values::Text(Text::new(payload.slice_ref(bytes), None, ints(starts)?, ints(lens)?).ok_or(outside)?)
            }
        };
        let nulls = column.nulls.map(|nulls| Bits::new(rows, payload.slice_ref(nulls)).ok_or("a null bitmap has not one bit a record"));
        Ok(Column::new(values).with_nulls(nulls.transpose()?))
    };
    let columns = wire.columns.0.iter().map(column).collect::<Result<Vec<_>, &str>>()?;
    let origin = Origin { source: wire.source.into(), start: wire.start, end: wire.end, order };
    Batch::new(schema, columns, rows, origin).map_err(|error| error.to_string())
}
