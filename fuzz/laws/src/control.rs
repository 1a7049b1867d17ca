//! What a peer says of a connection, behind a valid checksum: [`Control`], and the [`Pushdown`] of the way back.
//!
//! The laws: it never panics; what was understood is said again in bytes that are understood as the same; and whatever a Pushdown
//! asks for can be asked of any batch, of which it leaves some records, in their order, and all of them where it asks for
//! nothing.

use std::sync::Arc;

use recpipe::{
    Batch, BatchBuilder, Field, Schema, Time, Type, Value,
    record::Condition,
    wire::{Control, Header, Kind, Pushdown, frame::HEADER_LEN},
};

use crate::bytes::{Bytes, crc32c};

const KINDS: [Kind; 7] = [Kind::Hello, Kind::Pushdown, Kind::Ack, Kind::Beat, Kind::Bye, Kind::Error, Kind::End];

/// See the module.
pub fn check(data: &[u8]) {
    let _ = Pushdown::from_bytes(data);
    let mut bytes = Bytes(data);
    let (kind, payload) = (KINDS[bytes.below(KINDS.len())], bytes.0);
    let (payload_len, payload_crc) = (payload.len() as u32, crc32c(payload));
    let header = Header { kind, flags: 0, schema: 0, records: 0, stream: 0, payload_len, sequence: 0, payload_crc };
    let Ok(control) = Control::from_frame(&header, payload) else { return };
    let said = bytes_of(&control);
    // Bytes are compared: a float of a condition may be NaN.
    let (header, payload) = said.split_at(HEADER_LEN);
    let Some(header) = header.first_chunk() else { panic!("a frame without a header") };
    let again = Header::from_bytes(header).and_then(|header| Control::from_frame(&header, payload));
    assert_eq!(again.as_ref().map(bytes_of), Ok(said.clone()), "{control:?}");
    if let Control::Pushdown(plan) = control {
        ask(&plan);
    }
}

fn bytes_of(control: &Control) -> Vec<u8> {
    control.to_bytes().unwrap_or_else(|error| panic!("{control:?} was read, and cannot be written: {error}")).to_vec()
}

fn ask(plan: &Pushdown) {
    let batch = batch();
    let left = Condition::filter(&plan.conditions, &batch);
    let numbers = |batch: &Batch| (0..batch.len()).map(|row| batch.row(row).get("n").map(|n| format!("{n:?}"))).collect::<Vec<_>>();
    let (all, left) = (numbers(&batch), numbers(&left));
    let mut rest = all.iter();
    assert!(left.iter().all(|one| rest.any(|other| other == one)), "{left:?} of {all:?}");
    let says_nothing = plan.conditions.iter().all(|condition| batch.schema().index_of(&condition.field).is_none());
    assert!(!says_nothing || left == all, "{plan:?}");
}

/// A field of each type, one of ints of 128 bits and one of several types, with a null in each but the first.
fn batch() -> Batch {
    let fields = [("n", Type::Int), ("i", Type::Int), ("f", Type::Float), ("t", Type::Text), ("b", Type::Bool), ("m", Type::Time)];
    let fields = fields.map(|(name, kind)| Field::new(name, kind)).into_iter();
    let open = ["w", "o"].map(|name| Field::open(name, Type::Int));
    let build = || {
        let schema = Schema::new(fields.chain(open).collect())?;
        let mut builder = BatchBuilder::new(Arc::new(schema));
        for (n, float) in [f64::NAN, -0.0, 1e300, f64::NEG_INFINITY].into_iter().enumerate() {
            let time = Value::Time(Time { nanos: n as i64 - 1, offset_s: 3600 });
            let text = Value::Text([&b""[..], b"a", b"\xff", b"ab"][n]);
            let (wide, any) = (Value::Int(1 << (40 * n)), [Value::Int(5), text, Value::Float(float), time][n]);
            let n = n as i128;
            let small = Value::Int(i128::from(i64::MIN) + n);
            builder.push(&[Value::Int(n), small, Value::Float(float), text, Value::Bool(n > 1), time, wide, any])?;
        }
        builder.push(&[&[Value::Int(4)][..], &[Value::Null; 7]].concat())?;
        builder.finish()
    };
    build().unwrap_or_else(|error: recpipe::Error| panic!("a batch like any other: {error}"))
}
