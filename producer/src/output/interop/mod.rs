//! What the records are written as for programs that are no `consumer`: one encoding per file.
//!
//! These have no frames: nothing in them says that the records are all there, so `stream.rs` tells it by how it ends, and the
//! program by its exit code. Workers encode, each batch for itself.

mod csv;
mod json;
mod reader_gone;
mod stream;

use std::sync::Arc;

use clap::ValueEnum;
use recpipe::{Batch, Schema, pickle};

pub use stream::{Streams, open};

/// What the records are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// The frames that a `consumer` reads.
    #[default]
    Records,
    /// One pickled dict a record, for Python's `pickle.load`.
    Pickle,
    /// One JSON object a line.
    Json,
    /// Comma-separated values, names on the first line.
    Csv,
    /// As they are, for this program itself: nothing is written.
    #[value(skip)]
    Batches,
}

impl Encoding {
    /// Whether a person can read it.
    pub fn is_text(self) -> bool {
        matches!(self, Encoding::Json | Encoding::Csv)
    }
}

/// A batch as bytes.
#[derive(Debug)]
pub struct EncodedBytes {
    /// The fields of its records.
    pub schema: Arc<Schema>,
    /// The number of records.
    pub records: u64,
    /// The records.
    pub bytes: Vec<u8>,
}

/// Encodes a batch; `None` where the records are to be frames.
pub(super) fn encode(encoding: Encoding, batch: &Batch) -> Option<EncodedBytes> {
    let mut bytes = Vec::new();
    match encoding {
        Encoding::Records | Encoding::Batches => return None,
        Encoding::Pickle => pickle::encode(batch, &mut bytes),
        Encoding::Json => json::encode(batch, &mut bytes),
        Encoding::Csv => csv::encode(batch, &mut bytes),
    }
    Some(EncodedBytes { schema: batch.schema().clone(), records: batch.len() as u64, bytes })
}

/// What stands before the first record.
fn header(encoding: Encoding, schema: &Schema) -> Vec<u8> {
    let mut header = Vec::new();
    if encoding == Encoding::Csv {
        csv::header(schema, &mut header);
    }
    header
}

/// A batch with a value of every type, and one with the values that are hard to write.
#[cfg(test)]
fn samples() -> [Batch; 2] {
    use recpipe::{BatchBuilder, Field, Time, Type, Value};
    let batch = |fields: &[(&str, Type)], rows: &[&[Value<'_>]]| {
        let schema = Schema::new(fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect()).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        rows.iter().for_each(|row| builder.push(row).unwrap());
        builder.finish().unwrap()
    };
    let time = Value::Time(Time { nanos: 0, offset_s: 3600 });
    let fields = [("a", Type::Text), ("b \"c\"", Type::Int), ("f", Type::Float), ("t", Type::Time), ("ok", Type::Bool)];
    let all = batch(
        &fields,
        &[
            &[Value::Text("x,\"y\"\tz\\é".as_bytes()), Value::Int(i64::MIN.into()), Value::Float(1.5), time, Value::Bool(true)],
            &[Value::Text(b"\xff\x01\nq\xe9"), Value::Null, Value::Float(f64::NAN), Value::Null, Value::Null],
            &[Value::Null, Value::Int(7), Value::Null, Value::Null, Value::Bool(false)],
        ],
    );
    let ints = [0, 255, 256, 65535, 65536, -1, i64::from(i32::MAX), i64::from(i32::MAX) + 1, i64::from(i32::MIN) - 1, i64::MAX];
    let rows: Vec<Vec<Value<'_>>> = ints.iter().map(|&int| vec![Value::Int(int.into())]).collect();
    let rows: Vec<&[Value<'_>]> = rows.iter().map(Vec::as_slice).chain([&[Value::Null][..]]).collect();
    [all, batch(&[("n", Type::Int)], &rows)]
}
