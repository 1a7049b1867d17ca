//! Payloads to and from batches. The only file that names the serializer.
//!
//! bincode 2.0.1 through serde, fixed-width little-endian integers. It is declared complete and unmaintained
//! (RUSTSEC-2025-0141), so the rules here leave it little to do: one decode function, on a slice whose length and
//! checksum were verified first, with a limit, borrowing text and arrays from the slice; flat types only; and all
//! bytes must be consumed. The arrays of a batch cross as byte slices, which a decoded batch keeps using in place.

mod batch;

use std::{fmt, marker::PhantomData};

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};

use super::control::{Hello, Role};
use super::frame::{MAX_PAYLOAD, Totals};
use super::plan::Plan;
use crate::{
    Error, Exit,
    record::{CompareOp, Condition, Constant, Field, Schema, Time, Type},
    session::Progress,
};

pub(super) use batch::decode_batch;
pub use batch::{Encoded, encode};

// The limit counts bytes claimed, and with fixed-width integers that is what is on the wire; what follows it has slack
// for the containers that are counted before they are filled.
const CONFIG: Configuration<LittleEndian, Fixint, Limit<{ 2 * MAX_PAYLOAD }>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<{ 2 * MAX_PAYLOAD }>();

fn to_vec(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    bincode::serde::encode_to_vec(value, CONFIG).map_err(|error| Error::Data(format!("cannot encode: {error}")))
}

/// What a payload begins with.
fn from_beginning<'de, T: Deserialize<'de>>(payload: &'de [u8]) -> Result<T, String> {
    bincode::serde::borrow_decode_from_slice(payload, CONFIG).map(|(value, _)| value).map_err(|error| error.to_string())
}

/// Decodes a whole payload; the message says what is wrong with it.
fn from_slice<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, String> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(payload, CONFIG).map_err(|error| error.to_string())?;
    if used != payload.len() {
        return Err(format!("{} bytes are left over in a payload", payload.len() - used));
    }
    Ok(value)
}

fn write_to(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Error> {
    bincode::serde::encode_into_std_write(value, out, CONFIG).map(|_| ()).map_err(|error| Error::Data(format!("cannot encode: {error}")))
}

/// A list with no more elements than `MOST`, which is that of fields where nothing else is said: in memory they are many times
/// what they are on the wire.
#[derive(Serialize)]
struct Each<T, const MOST: usize = { Schema::MAX_FIELDS }>(Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Each<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(EachOf::<T, MOST>(PhantomData))
    }
}

struct EachOf<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for EachOf<T, MOST> {
    type Value = Each<T, MOST>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "up to {MOST} of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(next) = from.next_element()? {
            if all.len() == MOST {
                return Err(A::Error::custom(format_args!("more than {MOST} of them")));
            }
            all.push(next);
        }
        Ok(Each(all))
    }
}

#[derive(Serialize, Deserialize)]
struct SchemaWire<'a> {
    grows: bool,
    #[serde(borrow)]
    fields: Each<FieldWire<'a>>,
    /// So many fields of the schema that had its number until now come before them.
    kept: u32,
}

#[derive(Serialize, Deserialize)]
struct FieldWire<'a> {
    name: &'a str,
    /// The type's place in [`TYPES`], and [`OPEN`] where the field is open.
    kind: u8,
}

const TYPES: [Type; 7] = [Type::Null, Type::Bool, Type::Int, Type::Float, Type::Time, Type::Text, Type::Mixed];
const OPEN: u8 = 1 << 7;

/// A schema, whose first `kept` fields are those of the one that has its number.
pub(super) fn encode_schema(schema: &Schema, kept: usize) -> Result<Vec<u8>, Error> {
    let kind = |field: &Field| {
        let kind = TYPES.iter().position(|known| *known == field.kind).unwrap_or(0) as u8;
        if field.open { kind | OPEN } else { kind }
    };
    let fields = schema.fields()[kept..].iter().map(|field| FieldWire { name: &field.name, kind: kind(field) });
    to_vec(&SchemaWire { grows: schema.grows(), fields: Each(fields.collect()), kept: kept as u32 })
}

/// A schema that takes the place of `old`, and whether it has fields of it.
pub(super) fn decode_schema(payload: &[u8], old: Option<&Schema>) -> Result<(Schema, bool), String> {
    let wire: SchemaWire<'_> = from_slice(payload)?;
    let kept = old.map_or(&[][..], Schema::fields).get(..wire.kept as usize).ok_or("a schema keeps fields that there are not")?;
    let field = |field: &FieldWire<'_>| {
        let (kind, open) = (field.kind & !OPEN, field.kind & OPEN != 0);
        let kind = TYPES.get(usize::from(kind)).ok_or_else(|| format!("a field of the unknown type {kind}"))?;
        Ok(if open { Field::open(field.name, *kind) } else { Field::new(field.name, *kind) })
    };
    let fields = kept.iter().cloned().map(Ok).chain(wire.fields.0.iter().map(field)).collect::<Result<_, String>>()?;
    let schema = Schema::new(fields).map_err(|error| error.to_string())?;
    Ok((if wire.grows { schema.growing() } else { schema }, !kept.is_empty()))
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
    shows: bool,
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
    Int(i128),
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
    to_vec(&PlanWire { columns, holds_state: plan.holds_state, conditions, shows: plan.shows })
}

pub(super) fn decode_plan(payload: &[u8]) -> Result<Plan, String> {
    let PlanWire { columns, holds_state, conditions, shows } = from_slice(payload)?;
    if conditions.0.len() > Plan::MAX_CONDITIONS {
        return Err(format!("more than {} conditions", Plan::MAX_CONDITIONS));
    }
    Ok(Plan {
        columns: columns.map(|columns| columns.0.into_iter().map(str::to_owned).collect()),
        holds_state,
        shows,
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
