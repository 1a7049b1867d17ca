//! The reader of a stream, with bytes of three kinds: any; any behind valid checksums; and a valid stream whose payloads
//! were changed and whose checksums were made to fit again.
//!
//! The laws: it never panics; what it says does not depend on how the bytes are split; what it takes for a batch can be
//! looked at in every way and survives being written and read again; and the end of a stream is never reached twice.

use std::{
    io::{self, Read},
    sync::Arc,
};

use recpipe::{
    Batch, BatchBuilder, Field, Schema, Time, Type, Value,
    wire::{Ending, Incoming, Reader, Report, Writer, frame},
};

use crate::bytes::{Bytes, crc32c};

/// More steps than any input here has frames.
const MAX_STEPS: usize = 10_000;

/// Gives the bytes in pieces of these sizes, over and over.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: &'a [u8],
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.get(self.turn % self.sizes.len().max(1)).map_or(usize::MAX, |&size| usize::from(size) + 1);
        self.turn += 1;
        let size = size.min(into.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(size);
        into[..size].copy_from_slice(now);
        self.bytes = later;
        Ok(size)
    }
}

/// All that a stream says, up to its end or its first error, as text.
fn read(bytes: &[u8], sizes: &[u8]) -> String {
    let mut said = String::new();
    let mut reader = match Reader::new(Pieces { bytes, sizes, turn: 0 }) {
        Ok(reader) => reader,
        Err(error) => return error.to_string(),
    };
    for _ in 0..MAX_STEPS {
        let step = match reader.read() {
            Ok(Some(Incoming::Batch(raw))) => match raw.decode() {
                Ok(batch) => show(&batch),
                Err(error) => return said + &error.to_string(),
            },
            Ok(Some(Incoming::End(ending))) => {
                assert!(matches!(reader.read(), Ok(None)), "something follows the end");
                return said + &format!("{ending:?}");
            }
            Ok(Some(other)) => format!("{other:?}"),
            Ok(None) => panic!("the end of the stream without its End frame is not an error"),
            Err(error) => return said + &error.to_string(),
        };
        said.push_str(&step);
        said.push('\n');
    }
    panic!("a reader that does not come to an end");
}

/// A batch as text, looked at in every way.
fn show(batch: &Batch) -> String {
    let rows = |batch: &Batch| batch.rows().map(|row| format!("{:?}", row.values().collect::<Vec<_>>())).collect::<Vec<_>>().join("\n");
    let shown = rows(batch);
    let compact = batch.compact();
    assert_eq!(rows(&compact), shown);
    let every_other: Vec<bool> = (0..batch.len()).map(|row| row % 2 == 0).collect();
    assert_eq!(batch.filter(&every_other).len(), batch.len().div_ceil(2));
    assert_eq!(rows(&batch.head(1)), shown.split_once('\n').filter(|_| batch.len() > 1).map_or(&*shown, |_| rows_first(&shown, batch)));
    let mut again = Vec::new();
    let Ok(mut writer) = Writer::new(&mut again) else { panic!("a vector can be written") };
    // What was read from a frame fits a frame.
    writer.batch(batch).unwrap_or_else(|error| panic!("a batch that was read cannot be written: {error}"));
    drop(writer);
    let mut reader = Reader::new(&again[..]).unwrap_or_else(|error| panic!("{error}"));
    let mut back = Vec::new();
    while let Ok(Some(incoming)) = reader.read() {
        if let Incoming::Batch(raw) = incoming {
            let batch = raw.decode().unwrap_or_else(|error| panic!("a batch that was written cannot be read: {error}"));
            back.extend((!batch.is_empty()).then(|| rows(&batch)));
        }
    }
    assert_eq!(back.join("\n"), shown);
    shown
}

/// The first row of those shown: a text in a row is shown escaped, so a line is a row.
fn rows_first<'a>(shown: &'a str, _: &Batch) -> &'a str {
    shown.split('\n').next().unwrap_or_default()
}

/// Frames with these kinds, counts and payloads, behind valid checksums.
fn frames(mut from: Bytes<'_>) -> Vec<u8> {
    let mut out = frame::preamble().to_vec();
    for sequence in 0..64 {
        if from.0.is_empty() {
            break;
        }
        let kind = [frame::Kind::Schema, frame::Kind::Batch, frame::Kind::Error, frame::Kind::End][usize::from(from.byte() % 4)];
        let (schema, records, len) = (from.byte(), from.byte(), from.byte());
        push_frame(&mut out, kind, u16::from(schema % 4), u32::from(records), sequence, from.take(usize::from(len)));
    }
    out
}

fn push_frame(out: &mut Vec<u8>, kind: frame::Kind, schema: u16, records: u32, sequence: u64, payload: &[u8]) {
    let payload_crc = crc32c(payload);
    let header = frame::Header { kind, flags: 0, schema, records, stream: 0, payload_len: payload.len() as u32, sequence, payload_crc };
    out.extend_from_slice(&header.to_bytes());
    out.extend_from_slice(payload);
}

const KINDS: [Type; 7] = [Type::Null, Type::Bool, Type::Int, Type::Float, Type::Time, Type::Text, Type::Mixed];

/// A valid stream of one batch, the payloads of which are changed in some places.
fn changed(mut from: Bytes<'_>) -> Vec<u8> {
    let kinds: Vec<_> = (0..from.byte() % 6).map(|_| KINDS[usize::from(from.byte()) % KINDS.len()]).collect();
    let fields = kinds.iter().enumerate().map(|(i, kind)| Field::new(format!("f{i}"), *kind)).collect();
    let Ok(schema) = Schema::new(fields) else { panic!("the names differ") };
    let mut builder = BatchBuilder::new(Arc::new(schema));
    for _ in 0..from.byte() % 20 {
        let values = kinds.iter().map(|kind| match kind {
            _ if from.byte().is_multiple_of(5) => Value::Null,
            Type::Null => Value::Null,
            Type::Bool => Value::Bool(from.byte().is_multiple_of(2)),
            Type::Int => Value::Int(from.number().into()),
            Type::Float => Value::Float(f64::from_bits(from.number() as u64)),
            Type::Time => Value::Time(Time { nanos: from.number(), offset_s: i32::from(from.byte()) * 600 - 72_000 }),
            Type::Text => {
                let len = usize::from(from.byte() % 32);
                Value::Text(from.take(len))
            }
            Type::Mixed => match from.byte() % 3 {
                0 => Value::Int(i128::from(from.number()) << (from.byte() % 64)),
                1 => Value::Bool(from.byte().is_multiple_of(2)),
                _ => Value::Text(from.take(3)),
            },
        });
        let values: Vec<_> = values.collect();
        builder.push(&values).unwrap_or_else(|error| panic!("a row of the right types cannot be pushed: {error}"));
    }
    let batch = builder.finish().unwrap_or_else(|error| panic!("rows that were pushed are no batch: {error}"));
    let mut stream = Vec::new();
    let wrote = Writer::new(&mut stream).and_then(|mut writer| {
        writer.batch(&batch)?;
        writer.report(&Report { exit: recpipe::Exit::Failed, message: "x".into() })?;
        writer.finish(&Ending::default()).map(drop)
    });
    wrote.unwrap_or_else(|error| panic!("{error}"));
    assert!(read(&stream, &[]).contains("Ending"), "a stream that was written is read to its end");

    // Payload by payload: some bytes changed, some cut off or added, the checksums right again.
    let (mut out, mut at, mut sequence) = (frame::preamble().to_vec(), frame::PREAMBLE_LEN, 0);
    while at < stream.len() {
        let header = &stream[at..at + frame::HEADER_LEN];
        let len = u32::from_le_bytes([header[12], header[13], header[14], header[15]]) as usize;
        let (kind, records) = (header[0], u32::from_le_bytes([header[4], header[5], header[6], header[7]]));
        let mut payload = stream[at + frame::HEADER_LEN..at + frame::HEADER_LEN + len].to_vec();
        at += frame::HEADER_LEN + len;
        for _ in 0..from.byte() % 4 {
            let place = usize::from(u16::from_le_bytes([from.byte(), from.byte()])) % payload.len().max(1);
            match (from.byte() % 4, payload.get_mut(place)) {
                (0, Some(byte)) => *byte = from.byte(),
                (1, Some(byte)) => *byte = byte.wrapping_add(from.byte()),
                (2, _) => payload.truncate(place),
                _ => payload.extend_from_slice(from.take(place % 16)),
            }
        }
        let kind = [frame::Kind::Schema, frame::Kind::Batch, frame::Kind::Error, frame::Kind::End][usize::from(kind - 1) % 4];
        let records = if from.byte().is_multiple_of(8) { u32::from(from.byte()) } else { records };
        push_frame(&mut out, kind, 0, records, sequence, &payload);
        sequence += 1;
    }
    out
}

/// Checks them for these bytes.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    let (how, sizes) = (from.byte(), [from.byte(), from.byte(), from.byte()]);
    let stream = match how % 4 {
        0 => from.0.to_vec(),
        1 => [&frame::preamble()[..], from.0].concat(),
        2 => frames(from),
        _ => changed(from),
    };
    let whole = read(&stream, &[]);
    assert_eq!(read(&stream, &[0]), whole, "one byte at a time");
    assert_eq!(read(&stream, &sizes), whole, "in pieces of {sizes:?}");
}
