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
    Batch, ColumnBuilder, Error, Field, Origin, PackedInts, Schema, Time, Type, Value,
    record::Places,
    wire::{Ending, Incoming, Reader, Warning, Writer, frame},
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
    let row = |batch: &Batch, row: usize| {
        let physical = batch.physical(row);
        let missing = batch.columns().iter().map(|column| column.is_missing(physical)).collect::<Vec<_>>();
        format!("{:?} {missing:?} {:?}", batch.row(row).values().collect::<Vec<_>>(), batch.place(physical))
    };
    let rows = |batch: &Batch| (0..batch.len()).map(|at| row(batch, at)).collect::<Vec<_>>().join("\n");
    let shown = rows(batch);
    let compact = batch.compact();
    assert_eq!(rows(&compact), shown);
    let every_other: Vec<bool> = (0..batch.len()).map(|row| row % 2 == 0).collect();
    assert_eq!(batch.filter(&every_other).len(), batch.len().div_ceil(2));
    assert_eq!(rows(&batch.head(1)), shown.split_once('\n').filter(|_| batch.len() > 1).map_or(&*shown, |(first, _)| first));
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

/// A row of a column of this field: of its type, or of any where it is open.
fn push(from: &mut Bytes<'_>, field: &Field, column: &mut ColumnBuilder) -> Result<(), Error> {
    if from.once_in(7) {
        return column.push_missing();
    }
    let kind = if field.open { KINDS[from.below(KINDS.len())] } else { field.kind };
    column.push(match kind {
        _ if from.once_in(5) => Value::Null,
        Type::Null | Type::Mixed => Value::Null,
        Type::Bool => Value::Bool(from.once_in(2)),
        // Of 128 bits where they may be.
        Type::Int if field.open => Value::Int(i128::from(from.number()) * i128::from(from.number())),
        Type::Int => Value::Int(from.number().into()),
        Type::Float => Value::Float(f64::from_bits(from.number() as u64)),
        Type::Time => Value::Time(Time { nanos: from.number(), offset_s: i32::from(from.byte()) * 600 - 72_000 }),
        Type::Text => {
            let len = usize::from(from.byte() % 32);
            Value::Text(from.take(len))
        }
    })
}

/// A batch of a few columns of any kinds.
fn batch(from: &mut Bytes<'_>) -> Result<Batch, Error> {
    let field = |from: &mut Bytes<'_>, i: u8| {
        let kind = KINDS[from.below(KINDS.len())];
        if from.once_in(2) { Field::open(format!("f{i}"), kind) } else { Field::new(format!("f{i}"), kind) }
    };
    let fields: Vec<_> = (0..from.byte() % 6).map(|i| field(from, i)).collect();
    let mut columns: Vec<_> = fields.iter().map(ColumnBuilder::of).collect();
    let rows = from.below(20);
    for _ in 0..rows {
        fields.iter().zip(&mut columns).try_for_each(|(field, column)| push(from, field, column))?;
    }
    let columns = columns.iter_mut().map(ColumnBuilder::finish).collect();
    let mut numbers = || PackedInts::pack(&(0..rows).map(|_| from.number()).collect::<Vec<_>>());
    let (lines, starts) = (numbers(), numbers());
    let places = match from.byte() % 4 {
        0 => Places::Unknown,
        1 => Places::Lines(lines),
        2 => Places::Whole { lines, starts, shown: from.once_in(2) },
        _ => Places::Nowhere,
    };
    let origin = Origin { source: "log".into(), line: u64::from(from.byte()), ..Origin::default() };
    Ok(Batch::new(Arc::new(Schema::new(fields)?), columns, rows, origin)?.with_places(places))
}

/// A valid stream of one batch, the payloads of which are changed in some places.
fn changed(mut from: Bytes<'_>) -> Vec<u8> {
    let batch = batch(&mut from).unwrap_or_else(|error| panic!("values of the right types are no batch: {error}"));
    let mut stream = Vec::new();
    let wrote = Writer::new(&mut stream).and_then(|mut writer| {
        writer.batch(&batch)?;
        writer.warn(&Warning { exit: recpipe::Exit::Failed, message: "x".into() })?;
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
