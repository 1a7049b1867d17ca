//! The laws of a stream: what is written is read, however the bytes are split; what is cut or changed is found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{self, Read},
    sync::Arc,
};

use proptest::prelude::*;
use recpipe::{
    Batch, BatchBuilder, Bits, Column, Error, Exit, Field, Ints, Origin, Schema, Text, Time, Type, Value,
    wire::{Ending, Incoming, Reader, Report, Writer, frame},
};

/// Gives at most `step` bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let step = self.1.min(into.len());
        self.0.read(&mut into[..step])
    }
}

/// All that a stream holds, up to its end or its first error.
fn read(input: impl Read) -> (Vec<Batch>, Vec<Report>, Result<Ending, Error>) {
    let (mut batches, mut reports) = (Vec::new(), Vec::new());
    let mut reader = match Reader::new(input) {
        Ok(reader) => reader,
        Err(error) => return (batches, reports, Err(error)),
    };
    loop {
        match reader.read() {
            Ok(Some(Incoming::Batch(raw))) => match raw.decode() {
                Ok(batch) => batches.push(batch),
                Err(error) => return (batches, reports, Err(error)),
            },
            Ok(Some(Incoming::Schema(_))) => {}
            Ok(Some(Incoming::Report(report))) => reports.push(report),
            Ok(Some(Incoming::End(ending))) => {
                assert!(reader.read().unwrap().is_none(), "nothing follows the end");
                return (batches, reports, Ok(ending));
            }
            Ok(None) => panic!("None before the end"),
            Err(error) => return (batches, reports, Err(error)),
        }
    }
}

fn write(batches: &[Batch], ending: &Ending) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out).unwrap();
    for batch in batches {
        writer.batch(batch).unwrap();
    }
    writer.finish(ending).unwrap();
    out
}

#[derive(Clone, Debug)]
enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Time(i64, i32),
    Text(Vec<u8>),
}

impl Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(value) => Value::Bool(*value),
            Cell::Int(value) => Value::Int(*value),
            Cell::Float(value) => Value::Float(*value),
            Cell::Time(nanos, offset_s) => Value::Time(Time { nanos: *nanos, offset_s: *offset_s }),
            Cell::Text(text) => Value::Text(text),
        }
    }
}

const KINDS: [Type; 7] = [Type::Null, Type::Bool, Type::Int, Type::Float, Type::Time, Type::Text, Type::Mixed];

fn cell(kind: Type) -> BoxedStrategy<Cell> {
    let value = match kind {
        Type::Null => Just(Cell::Null).boxed(),
        Type::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
        Type::Int => prop_oneof![any::<i64>(), 0..300_i64].prop_map(|value| Cell::Int(value.into())).boxed(),
        Type::Float => any::<f64>().prop_map(Cell::Float).boxed(),
        Type::Time => (any::<i64>(), -50_000..50_000).prop_map(|(nanos, offset)| Cell::Time(nanos, offset)).boxed(),
        Type::Text => prop::collection::vec(any::<u8>(), 0..20).prop_map(Cell::Text).boxed(),
        Type::Mixed => {
            let others = KINDS[1..6].iter().map(|kind| cell(*kind)).chain([any::<i128>().prop_map(Cell::Int).boxed()]);
            proptest::strategy::Union::new(others).boxed()
        }
    };
    prop_oneof![5 => value, 1 => Just(Cell::Null)].boxed()
}

/// A batch of up to six columns and thirty records, of which some may be selected.
fn batch() -> impl Strategy<Value = Batch> {
    let kinds = prop::collection::vec(prop::sample::select(&KINDS[..]), 0..6);
    let rows = kinds.prop_flat_map(|kinds| {
        let row = kinds.iter().map(|kind| cell(*kind)).collect::<Vec<_>>();
        (Just(kinds), prop::collection::vec((row, any::<bool>()), 0..30), any::<bool>())
    });
    rows.prop_map(|(kinds, rows, selected)| {
        let fields = kinds.iter().enumerate().map(|(i, kind)| Field::new(format!("f{i}"), *kind)).collect();
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(fields).unwrap()));
        for (row, _) in &rows {
            builder.push(&row.iter().map(Cell::value).collect::<Vec<_>>()).unwrap();
        }
        let batch = builder.finish().unwrap().with_origin(Origin { source: "a/log".into(), start: 3, end: 99, line: 7, order: 0 });
        if selected { batch.filter(&rows.iter().map(|row| row.1).collect::<Vec<_>>()) } else { batch }
    })
}

/// Three lines as a log parser makes them: views into a shared block.
fn views() -> Batch {
    let block = bytes::Bytes::from_static(b"ab 200 x\ncde 404 \n- 7 zz\n");
    let anchors = Ints::pack(&[0_i64, 9, 18]);
    let text = |starts: &[i64], lens: &[i64]| {
        Column::text(Text::new(block.clone(), Some(anchors.clone()), Ints::pack(starts), Ints::pack(lens)).unwrap())
    };
    let columns = vec![
        text(&[0, 0, 0], &[2, 3, 1]),
        Column::int(Ints::pack(&[200_i64, 404, 7])),
        text(&[7, 8, 4], &[1, 0, 2]).with_nulls(Bits::collect(3, |row| row == 1)),
    ];
    let schema =
        Schema::new(vec![Field::new("host", Type::Text), Field::new("status", Type::Int), Field::new("rest", Type::Text)]).unwrap();
    Batch::new(Arc::new(schema), columns, 3, Origin { source: "log".into(), start: 0, end: 25, line: 1, order: 0 }).unwrap()
}

fn small_stream() -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out).unwrap();
    writer.batch(&views()).unwrap();
    writer.report(&Report { exit: Exit::Failed, message: "b.log: no such file".into() }).unwrap();
    writer.batch(&views().head(2)).unwrap();
    writer.finish(&Ending { exit: Exit::Failed, cause: "a file could not be read".into(), rejected: 4 }).unwrap();
    out
}

proptest! {
    #[test]
    fn what_is_written_is_read(batches in prop::collection::vec(batch(), 0..5), rejected: u64, step in prop::sample::select(&[1_usize, 2, 3, 7, usize::MAX][..])) {
        let ending = Ending { exit: Exit::Rejects, cause: "too many".into(), rejected };
        let stream = write(&batches, &ending);
        let (got, _, end) = read(Trickle(&stream, step));
        prop_assert_eq!(end.unwrap(), ending);
        prop_assert_eq!(got.len(), batches.len());
        for (order, (got, sent)) in got.iter().zip(&batches).enumerate() {
            prop_assert_eq!(got, sent);
            prop_assert_eq!(got.origin(), &Origin { order: order as u64, ..sent.origin().clone() });
        }
    }

    #[test]
    fn any_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes[..]).2.is_err());
        let mut framed = frame::preamble().to_vec();
        framed.extend(bytes);
        prop_assert!(read(&framed[..]).2.is_err());
    }

    /// A payload of any bytes behind checksums that are right: what a hostile peer can send.
    #[test]
    fn any_payload_is_decoded_or_refused(payload in prop::collection::vec(any::<u8>(), 0..300), kind in 1..5_u8, records in prop_oneof![0..5_u32, any::<u32>()]) {
        let _ = read(&hostile(kind, records, &payload)[..]);
    }

    /// A real batch with one byte changed behind checksums that are right.
    #[test]
    fn a_forged_batch_is_decoded_or_refused(at: prop::sample::Index, to: u8, records in prop_oneof![3 => Just(3_u32), 1 => any::<u32>()]) {
        let encoded = small_stream();
        let schema_end = 16 + 32 + u32::from_le_bytes(encoded[28..32].try_into().unwrap()) as usize;
        let len = u32::from_le_bytes(encoded[schema_end + 12..schema_end + 16].try_into().unwrap()) as usize;
        let mut payload = encoded[schema_end + 32..schema_end + 32 + len].to_vec();
        *at.get_mut(&mut payload) = to;
        for batch in read(&hostile(2, records, &payload)[..]).0 {
            for row in batch.rows() {
                prop_assert_eq!(row.values().count(), 3);
            }
        }
    }
}

/// A stream of the schema of [`views`] and one frame of this kind and payload, without an end.
fn hostile(kind: u8, records: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = small_stream();
    out.truncate(16 + 32 + u32::from_le_bytes(out[28..32].try_into().unwrap()) as usize);
    let mut header = [0; 32];
    header[0] = kind;
    header[4..8].copy_from_slice(&records.to_le_bytes());
    header[12..16].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[16] = 1;
    header[24..28].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let crc = crc32c::crc32c(&header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
    out.extend(header);
    out.extend(payload);
    out
}

#[test]
fn a_stream_reads_back_whole() {
    let (batches, reports, end) = read(&small_stream()[..]);
    assert_eq!(batches, [views(), views().head(2)]);
    assert_eq!(reports, [Report { exit: Exit::Failed, message: "b.log: no such file".into() }]);
    assert_eq!(end.unwrap(), Ending { exit: Exit::Failed, cause: "a file could not be read".into(), rejected: 4 });
}

#[test]
fn every_prefix_is_truncated() {
    let stream = small_stream();
    let whole = read(&stream[..]).0;
    for len in 0..stream.len() {
        for step in [1, usize::MAX] {
            let (batches, _, end) = read(Trickle(&stream[..len], step));
            let Err(error @ Error::Truncated { at, .. }) = end else { panic!("{len} bytes: {end:?}") };
            assert_eq!(at, len as u64, "{error}");
            assert_eq!(error.exit(), Exit::Incomplete);
            assert_eq!(batches[..], whole[..batches.len()], "what came before the cut is right");
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let stream = small_stream();
    let whole = read(&stream[..]).0;
    for bit in 0..stream.len() * 8 {
        let mut changed = stream.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (batches, _, end) = read(&changed[..]);
        let error = end.expect_err(&format!("bit {bit}"));
        assert!(matches!(error.exit(), Exit::Failed | Exit::Incomplete), "bit {bit}: {error}");
        assert_eq!(batches[..], whole[..batches.len()], "what came before bit {bit} is right");
    }
}

#[test]
fn frames_lost_repeated_or_swapped_are_found() {
    let stream = small_stream();
    let mut cuts = vec![16];
    while *cuts.last().unwrap() < stream.len() {
        let at = *cuts.last().unwrap();
        cuts.push(at + 32 + u32::from_le_bytes(stream[at + 12..at + 16].try_into().unwrap()) as usize);
    }
    let frames: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
    assert_eq!(frames.len(), 5);
    let check = |order: &[usize]| {
        let bytes: Vec<u8> = [&stream[..16]].into_iter().chain(order.iter().map(|&i| frames[i])).flatten().copied().collect();
        assert!(matches!(read(&bytes[..]).2, Err(Error::Corrupt { .. })), "{order:?}");
    };
    for i in 0..frames.len() - 1 {
        let all: Vec<usize> = (0..frames.len()).collect();
        check(&all.iter().copied().filter(|&j| j != i).collect::<Vec<_>>());
        check(&all.iter().flat_map(|&j| if j == i { vec![j, j] } else { vec![j] }).collect::<Vec<_>>());
        let mut swapped = all.clone();
        swapped.swap(i, i + 1);
        check(&swapped);
    }
    check(&[0, 1, 2, 3, 4, 4]);
}

#[test]
fn a_number_from_the_peer_allocates_nothing() {
    // Each of these claims gigabytes in a few bytes.
    for payload in [&[0xff_u8; 8][..], &[0xff; 64], &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0]] {
        for kind in 1..5 {
            assert!(matches!(read(&hostile(kind, u32::MAX, payload)[..]).2, Err(Error::Corrupt { .. })));
        }
    }
}

#[test]
fn a_large_batch_is_split_and_a_too_large_record_refused() {
    let schema = Arc::new(Schema::new(vec![Field::new("t", Type::Text)]).unwrap());
    let mut builder = BatchBuilder::new(schema.clone());
    let line = vec![b'x'; 1 << 20];
    for _ in 0..20 {
        builder.push(&[Value::Text(&line)]).unwrap();
    }
    let stream = write(&[builder.finish().unwrap()], &Ending::default());
    let (batches, _, end) = read(&stream[..]);
    assert!(end.is_ok() && batches.len() > 2);
    assert_eq!(batches.iter().map(Batch::len).sum::<usize>(), 20);

    builder.push(&[Value::Text(&vec![b'x'; frame::MAX_PAYLOAD])]).unwrap();
    let mut writer = Writer::new(Vec::new()).unwrap();
    assert!(matches!(writer.batch(&builder.finish().unwrap()), Err(Error::TooLarge { .. })));
}

/// The bytes of each kind of frame, so that a change of the format is a change of this file. Update it with
/// `UPDATE_EXPECT=1 cargo test -p recpipe golden`, and the version in `frame.rs` by hand.
#[test]
fn golden_bytes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.rec");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, small_stream()).unwrap();
    }
    assert_eq!(std::fs::read(path).unwrap(), small_stream(), "the bytes of the stream have changed");
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    for len in [frame::MAX_PAYLOAD as u32 + 1, 1 << 30, u32::MAX] {
        let mut stream = hostile(2, 1, b"");
        let at = stream.len() - frame::HEADER_LEN;
        stream[at + 12..at + 16].copy_from_slice(&len.to_le_bytes());
        let crc = crc32c::crc32c(&stream[at..at + 28]);
        stream[at + 28..].copy_from_slice(&crc.to_le_bytes());
        stream.extend([0; 100]);
        let mut rest = &stream[..];
        let (_, _, end) = read(&mut rest);
        assert!(end.unwrap_err().to_string().contains("the limit is"));
        assert_eq!(rest.len(), 100, "nothing of it was read");
    }
}

#[test]
fn a_schema_may_grow_and_there_may_be_any_number() {
    let schema = |names: &[String]| Arc::new(Schema::new(names.iter().map(|name| Field::open(name, Type::Mixed)).collect()).unwrap());
    let batch = |schema: &Arc<Schema>| {
        let columns = schema.fields().iter().map(|_| Column::absent(1)).collect();
        Batch::new(schema.clone(), columns, 1, Origin::default()).unwrap()
    };
    let mut stream = Vec::new();
    let mut writer = Writer::new(&mut stream).unwrap();
    let mut sent = Vec::new();
    // One that grows, field by field, and as many others as have no room.
    let mut grown = Vec::new();
    for n in 0..300 {
        grown.push(format!("grown{n}"));
        sent.push(schema(&grown));
    }
    sent.extend((0..frame::MAX_SCHEMAS + 100).map(|n| schema(&[format!("own{n}")])));
    sent.push(sent[299].clone());
    sent.iter().for_each(|schema| writer.batch(&batch(schema)).unwrap());
    writer.finish(&Ending::default()).unwrap();
    assert!(stream.len() < 1_200_000, "what grows is not announced as a whole: {} bytes", stream.len());
    let (batches, _, end) = read(&stream[..]);
    assert!(end.is_ok());
    assert_eq!(batches.iter().map(|batch| batch.schema().clone()).collect::<Vec<_>>(), sent);
}

#[test]
fn schemas_together_are_bounded() {
    // Each is as large as one may be.
    let name = |schema: usize, field: usize| format!("{schema:04}{field:04}").repeat(250);
    let largest = |number: usize| Schema::new((0..4000).map(|field| Field::new(name(number, field), Type::Int)).collect()).unwrap();
    let mut stream = Vec::new();
    let mut writer = Writer::new(&mut stream).unwrap();
    let mut numbers: Vec<u16> = (0..5).map(|number| writer.schema(&Arc::new(largest(number))).unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 0, 0, 1, 1], "there is room for two");
    let mut rest = &stream[..];
    assert!(matches!(read(&mut rest).2, Err(Error::Truncated { .. })), "the reader has room for as much");
    // Nor does a reader take them from a writer that knows no bounds.
    let mut stream = frame::preamble().to_vec();
    for number in 0..20 {
        let mut one = Vec::new();
        Writer::new(&mut one).unwrap().schema(&Arc::new(largest(number))).unwrap();
        let header = frame::Header::from_bytes(one[16..48].first_chunk().unwrap()).unwrap();
        stream.extend(frame::Header { schema: number as u16, sequence: number as u64, ..header }.to_bytes());
        stream.extend(&one[48..]);
    }
    let error = read(&stream[..]).2.unwrap_err();
    assert!(error.to_string().contains("the schemas of one stream"), "{error}");
}
