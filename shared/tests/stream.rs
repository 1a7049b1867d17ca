//! The laws of a stream: what is written is read, however the bytes are split; what is cut or changed is found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use proptest::prelude::*;
use recpipe::{
    Batch, BatchBuilder, Column, Error, Exit, Field, Origin, PackedInts, Schema, Type, Value,
    wire::{Ending, Kind, Warning, Writer, encode, frame},
};

use self::made::{Cell, ORIGIN, Trickle, batch, build, field, forms, read, records, small_stream, write};

mod forged;
mod made;

const STREAM_KINDS: [Kind; 4] = [Kind::Schema, Kind::Batch, Kind::Error, Kind::End];

proptest! {
    #[test]
    fn what_is_written_is_read(batches in prop::collection::vec(batch(), 0..5), rejected: u64, step in prop::sample::select(&[1_usize, 2, 3, 7, usize::MAX][..])) {
        let ending = Ending { exit: Exit::Rejects, cause: "too many".into(), rejected };
        let stream = write(&batches, &ending);
        let (got, _, end) = read(Trickle(&stream, step));
        prop_assert_eq!(end.unwrap(), ending);
        prop_assert_eq!(got.len(), batches.len());
        for (order, (got, sent)) in got.iter().zip(&batches).enumerate() {
            prop_assert_eq!(got.schema(), sent.schema());
            prop_assert_eq!(records(got), records(sent));
            prop_assert_eq!(got.lines().is_some(), sent.lines().is_some());
            prop_assert_eq!(got.origin(), &Origin { order: order as u64, ..sent.origin().clone() });
        }
    }

    /// A batch that keeps some records is written and read as those, with their lines, and so are the first of them.
    #[test]
    fn what_is_selected_is_what_is_written(batch in batch(), len in 0..40_usize) {
        for batch in [batch.compact(), batch.head(len), batch.skip(len), batch.head(len).compact()] {
            let (got, _, end) = read(&write(std::slice::from_ref(&batch), &Ending::default())[..]);
            prop_assert!(end.is_ok());
            prop_assert_eq!(records(&got[0]), records(&batch));
        }
        prop_assert_eq!(records(&batch.compact()), records(&batch));
        prop_assert_eq!(&records(&batch.head(len))[..], &records(&batch)[..len.min(batch.len())]);
        let heads = batch.compact().columns().iter().map(|column| column.head(len)).collect::<Vec<_>>();
        for (head, whole) in heads.iter().zip(batch.compact().columns()) {
            prop_assert_eq!(head.len(), len.min(whole.len()));
            prop_assert!((0..head.len()).all(|row| head.is_missing(row) == whole.is_missing(row) && head.value(row) == whole.value(row)));
        }
    }

    /// Whoever writes a frame says on which line it begins, and nothing else becomes another.
    #[test]
    fn a_line_that_is_set_arrives(batch in batch(), line: u64) {
        let mut stream = Vec::new();
        let mut writer = Writer::new(&mut stream).unwrap();
        for mut encoded in encode(&batch).unwrap() {
            encoded.set_line(0);
            encoded.set_line(line);
            writer.encoded(&encoded).unwrap();
        }
        writer.finish(&Ending::default()).unwrap();
        let (got, _, end) = read(&stream[..]);
        prop_assert!(end.is_ok(), "{:?}", end);
        let expect = batch.clone().with_origin(Origin { line, ..batch.origin().clone() });
        prop_assert_eq!(got[0].origin(), expect.origin());
        prop_assert_eq!(records(&got[0]), records(&expect));
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
    fn any_payload_is_decoded_or_refused(payload in prop::collection::vec(any::<u8>(), 0..300), kind in prop::sample::select(&STREAM_KINDS[..]), records in prop_oneof![0..5_u32, any::<u32>()]) {
        let _ = read(&hostile(kind, records, &payload)[..]);
    }

    /// A real batch with one byte changed behind checksums that are right.
    #[test]
    fn a_forged_batch_is_decoded_or_refused(at: prop::sample::Index, to: u8, records in prop_oneof![3 => Just(3_u32), 1 => any::<u32>()]) {
        let mut payload = payload_of(&small_stream(), 1);
        *at.get_mut(&mut payload) = to;
        for batch in read(&hostile(Kind::Batch, records, &payload)[..]).0 {
            for row in batch.rows() {
                prop_assert_eq!(row.values().count(), 9);
            }
        }
    }
}

/// The places of the frames of a stream, and its end.
fn places(stream: &[u8]) -> Vec<usize> {
    let mut places = vec![frame::PREAMBLE_LEN];
    while *places.last().unwrap() < stream.len() {
        let at = *places.last().unwrap();
        places.push(at + 32 + u32::from_le_bytes(stream[at + 12..at + 16].try_into().unwrap()) as usize);
    }
    places
}

fn payload_of(stream: &[u8], frame: usize) -> Vec<u8> {
    let places = places(stream);
    stream[places[frame] + frame::HEADER_LEN..places[frame + 1]].to_vec()
}

/// A stream of this schema and one frame of this kind and payload, without an end.
fn forged(schema: &Schema, kind: Kind, records: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(&mut out).unwrap().schema(&Arc::new(schema.clone())).unwrap();
    out.extend(forged::header(kind, records, payload).to_bytes());
    out.extend(payload);
    out
}

fn hostile(kind: Kind, records: u32, payload: &[u8]) -> Vec<u8> {
    forged(forms().schema(), kind, records, payload)
}

#[test]
fn a_stream_reads_back_whole() {
    let (batches, reports, end) = read(&small_stream()[..]);
    assert_eq!(batches.iter().map(records).collect::<Vec<_>>(), [records(&forms()), records(&forms().head(2))]);
    let shown = [
        r#"log:41: Text([97, 98]), Int(200), Text([120]), Bool(true), float 3fe0000000000000, -1 ns, 3600 s, Int(1), Int(5), missing"#,
        r#"log:42: Text([99, 100, 101]), Int(404), Null, Bool(false), float c000000000000000, 0 ns, 3600 s, Int(18446744073709551616), Text([52, 48, 52]), missing"#,
        r#"log:43: Text([45]), Int(7), Text([122, 122]), Bool(true), float 3fe0000000000000, 1000000000 ns, 3600 s, Int(-1), missing, missing"#,
    ];
    assert_eq!(records(&batches[0]), shown);
    assert_eq!(reports, [Warning { exit: Exit::Failed, message: "b.log: no such file".into() }]);
    assert_eq!(end.unwrap(), Ending { exit: Exit::Failed, cause: "a file could not be read".into(), rejected: 4 });
}

#[test]
fn every_prefix_is_truncated() {
    let stream = small_stream();
    let whole: Vec<_> = read(&stream[..]).0.iter().map(records).collect();
    for len in 0..stream.len() {
        for step in [1, usize::MAX] {
            let (batches, _, end) = read(Trickle(&stream[..len], step));
            let Err(error @ Error::Truncated { at, .. }) = end else { panic!("{len} bytes: {end:?}") };
            assert_eq!(at, len as u64, "{error}");
            assert_eq!(error.exit(), Exit::Incomplete);
            assert!(batches.iter().map(records).eq(whole[..batches.len()].iter().cloned()), "what came before the cut is right");
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let stream = small_stream();
    let whole: Vec<_> = read(&stream[..]).0.iter().map(records).collect();
    for bit in 0..stream.len() * 8 {
        let mut changed = stream.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (batches, _, end) = read(&changed[..]);
        let error = end.expect_err(&format!("bit {bit}"));
        assert!(matches!(error.exit(), Exit::Failed | Exit::Incomplete), "bit {bit}: {error}");
        assert!(batches.iter().map(records).eq(whole[..batches.len()].iter().cloned()), "what came before bit {bit} is right");
    }
}

#[test]
fn frames_lost_repeated_or_swapped_are_found() {
    let stream = small_stream();
    let cuts = places(&stream);
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

/// Payloads as nobody writes them who means well, each refused by what is wrong with it.
#[test]
fn forged_columns_are_refused() {
    use forged::{BOOL, FLOAT, INT, TEXT, TIME, VIEWS, WIDE, column, ints, list, part};
    let schema = Schema::new(vec![Field::new("n", Type::Int), Field::open("any", Type::Mixed)]).unwrap();
    let (ok, two) = (column(None, &[]), |base| ints(base, 0, b""));
    let text = |len: i64| [two(0), two(len), forged::bytes(b"abc")].concat();
    let batch = |columns: &[Vec<u8>]| forged::batch(None, None, columns, b"");
    let said = |payload: &[u8]| read(&forged(&schema, Kind::Batch, 2, payload)[..]);
    let check = |payload: &[u8], expect: &str| {
        let error = said(payload).2.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}\n{expect}");
    };
    // Two records: (null, 5) and (null, "abc"), and the forms with nothing wrong.
    let good = [part(Some(&[2]), INT, &two(5)), part(Some(&[1]), TEXT, &text(3))];
    let read = &said(&batch(&[ok.clone(), column(None, &good)])).0;
    assert_eq!(records(&read[0]), ["Null, Int(5)", "Null, Text([97, 98, 99])"].map(|row| format!(": {row}")));
    let five = [
        part(Some(&[3]), BOOL, &two(1)),
        part(Some(&[3]), WIDE, &[two(1), two(0)].concat()),
        part(Some(&[3]), FLOAT, &two(0)),
        part(Some(&[2]), TIME, &[two(0), two(0)].concat()),
        part(Some(&[0xfd]), TEXT, &text(1)),
    ];
    let read = &said(&batch(&[ok.clone(), column(Some(&[0]), &five)])).0;
    assert_eq!(records(&read[0]), [": Null, 0 ns, 0 s", ": Null, Text([97])"]);
    let any = |missing: Option<&[u8]>, parts: &[Vec<u8>]| batch(&[ok.clone(), column(missing, parts)]);

    let twice = "in the column `any`: two parts have a value in one record";
    check(&any(None, &[part(None, INT, &two(5)), part(Some(&[1]), TEXT, &text(3))]), twice);
    check(&any(None, &[part(None, INT, &two(5)), part(None, TEXT, &text(3))]), twice);
    check(&any(None, &[part(Some(&[1]), INT, &two(5)), part(Some(&[1]), TEXT, &text(3))]), twice);
    let alike = "in the column `any`: two parts are of one type";
    check(&any(None, &[part(Some(&[2]), INT, &two(5)), part(Some(&[1]), INT, &two(5))]), alike);
    check(&any(None, &[part(Some(&[2]), INT, &two(5)), part(Some(&[1]), WIDE, &[two(5), two(0)].concat())]), alike);
    check(&any(None, &[part(None, TEXT, &text(1)), part(Some(&[3]), VIEWS, &[two(0), two(0)].concat())]), "views without anchors");
    check(&any(None, &[&five[..], &five[..1]].concat()), "more than 5 of them");

    let has = "in the column `any`: a record that does not have the field has a value in it";
    check(&any(Some(&[1]), &good), has);
    check(&any(Some(&[2]), &[part(Some(&[1]), TEXT, &text(3))]), has);
    check(&any(Some(&[1]), &[part(None, TEXT, &text(3))]), has);
    assert!(said(&any(Some(&[0xff]), &[])).0[0].column(1).is_missing(1), "nobody has it");

    let bits = "in the column `any`: a bitmap has not one bit a record";
    check(&any(Some(&[]), &[]), bits);
    check(&any(Some(&[0, 0]), &[]), bits);
    check(&any(None, &[part(Some(&[0, 0]), INT, &two(5))]), bits);
    let numbers = "an array of numbers has not one number a record";
    check(&any(None, &[part(None, INT, &ints(0, 1, b"x"))]), numbers);
    check(&any(None, &[part(None, WIDE, &[ints(0, 1, b"xx"), ints(0, 8, b"xx")].concat())]), numbers);
    check(&any(None, &[part(None, WIDE, &[ints(0, 3, b"xxxxxx"), two(0)].concat())]), numbers);
    check(&forged::batch(Some(ints(0, 1, b"xxx")), None, &[ok.clone(), ok.clone()], b""), numbers);
    check(&forged::batch(None, Some(ints(0, 1, b"")), &[ok.clone(), ok.clone()], b""), numbers);
    let outside = "in the column `any`: a text lies outside its bytes";
    check(&any(None, &[part(Some(&[3]), TEXT, &text(4))]), outside);
    check(&any(None, &[part(None, TEXT, &[two(-1), two(1), forged::bytes(b"abc")].concat())]), outside);

    // What a closed field promises holds.
    check(&batch(&[column(None, &good), ok.clone()]), "the column `n` is mixed, its field int");
    check(&batch(&[column(None, &[part(None, WIDE, &[two(1), two(0)].concat())]), ok.clone()]), "the column `n` is of ints beyond 64 bits");
    check(&batch(&[column(None, &[part(None, FLOAT, &two(0))]), ok.clone()]), "the column `n` is float, its field int");
    check(&batch(std::slice::from_ref(&ok)), "1 columns for 2 fields");
    check(&batch(&[ok.clone(), ok.clone(), ok.clone()]), "3 columns for 2 fields");

    // A form that there is not, 7, and so a mixed part in a mixed column; more than the payload.
    let nested = [&forged::optional(None)[..], &7_u32.to_le_bytes(), &list(&good)].concat();
    check(&any(None, &[nested]), "variant");
    check(&[any(None, &good), vec![0]].concat(), "1 bytes are left over in a payload");
}

/// Frame for frame two streams may look alike, with the same numbers of everything: the end is that of one of them.
#[test]
fn a_frame_of_another_stream_is_found() {
    let stream = |value: i128| write(&[build(vec![field(0, Type::Int, false)], &[vec![Cell::Int(value)]])], &Ending::default());
    let (one, other) = (stream(1), stream(2));
    let batch = places(&one)[1]..places(&one)[2];
    let mixed = [&one[..batch.start], &other[batch.clone()], &one[batch.end..]].concat();
    let error = read(&mixed[..]).2.expect_err("another batch than was sent");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(read(&one[..]).2.is_ok() && read(&other[..]).2.is_ok());
}

#[test]
fn a_number_from_the_peer_allocates_nothing() {
    // Each of these claims gigabytes in a few bytes.
    for payload in [&[0xff_u8; 8][..], &[0xff; 64], &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0]] {
        for kind in STREAM_KINDS {
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

    // A column of several types, records that do not have the field, and lines are split like it.
    let cells = (0..20).map(|n| match n % 4 {
        0 => vec![Cell::Missing],
        1 => vec![Cell::Int(1 << n << 60)],
        _ => vec![Cell::Text(line.clone())],
    });
    let lines: Vec<i64> = (0..20).map(|n| 3 * n).collect();
    let whole = build(vec![field(0, Type::Mixed, true)], &cells.collect::<Vec<_>>())
        .with_places(recpipe::record::Places::Lines(PackedInts::pack(&lines)));
    let (batches, _, end) = read(&write(std::slice::from_ref(&whole), &Ending::default())[..]);
    assert!(end.is_ok() && batches.len() > 1);
    assert!(batches.iter().flat_map(records).eq(records(&whole)), "split into {}", batches.len());
    assert!(batches.iter().enumerate().all(|(order, batch)| *batch.origin() == Origin { order: order as u64, ..ORIGIN() }));

    builder.push(&[Value::Text(&vec![b'x'; frame::MAX_PAYLOAD])]).unwrap();
    let mut writer = Writer::new(Vec::new()).unwrap();
    assert!(matches!(writer.batch(&builder.finish().unwrap()), Err(Error::TooLarge { .. })));
}

/// The bytes of each kind of frame, so that a change of the format is a change of this file. Update it with
/// `UPDATE_EXPECT=1 cargo test -p recpipe golden`, and the version in `frame.rs` and `docs/wire-format.md` by hand.
#[test]
fn golden_bytes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.rec");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, small_stream()).unwrap();
    }
    assert_eq!(std::fs::read(path).unwrap(), small_stream(), "the bytes of the stream have changed");
}

/// Byte by byte, at the places it says.
#[test]
fn the_document_takes_the_golden_stream_apart() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wire-format.md")).unwrap();
    let (_, golden) = document.split_once("## The golden stream").unwrap();
    let stream = small_stream();
    assert!(golden.contains(&format!("{} bytes", stream.len())));
    let mut shown = Vec::new();
    for line in golden.lines().filter_map(|line| line.strip_prefix("    ")) {
        let (place, rest) = line.split_once("  ").unwrap();
        assert_eq!(usize::from_str_radix(place, 16).unwrap(), shown.len(), "{line}");
        let bytes = rest.split("   ").next().unwrap().split_whitespace();
        shown.extend(bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    assert_eq!(shown, stream);
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    for len in [frame::MAX_PAYLOAD as u32 + 1, 1 << 30, u32::MAX] {
        let mut stream = hostile(Kind::Batch, 1, b"");
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
