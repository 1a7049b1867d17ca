//! `arrow` and `parquet`: tables as other programs write them.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Int8Type;
use arrow_array::*;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Fields, IntervalUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::harness::{run, run_on};

/// Two records of every type that records have, and one of nulls.
fn table() -> RecordBatch {
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value([Some(1), None, Some(3)]);
    list.append_value([]);
    list.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    map.keys().append_value("a\"b");
    map.values().append_value(7);
    map.append(true).unwrap();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let inner = Fields::from(vec![Field::new("x", DataType::Int32, true), Field::new("y", DataType::Utf8, true)]);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![Some(5), None, Some(6)])), Arc::new(StringArray::from(vec!["p", "q", "r"]))];
    let nested = StructArray::new(inner, columns, Some(vec![true, true, false].into()));
    let words: DictionaryArray<Int8Type> = vec![Some("red"), Some("blue"), None].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i8", Arc::new(Int8Array::from(vec![Some(-8), Some(8), None]))),
        ("u64", Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(0), None]))),
        ("f32", Arc::new(Float32Array::from(vec![Some(0.5), Some(f32::INFINITY), None]))),
        ("f64", Arc::new(Float64Array::from(vec![Some(-0.25), Some(1e300), None]))),
        ("yes", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("text", Arc::new(StringArray::from(vec![Some("Zoë"), Some(""), None]))),
        ("large", Arc::new(LargeStringArray::from(vec![Some("a"), Some("b"), None]))),
        ("raw", Arc::new(BinaryArray::from_opt_vec(vec![Some(b"ab"), Some(b"c"), None]))),
        ("word", Arc::new(words)),
        ("day", Arc::new(Date32Array::from(vec![Some(20_524), Some(-1), None]))),
        ("clock", Arc::new(Time64MicrosecondArray::from(vec![Some(7_811_500_000), Some(0), None]))),
        ("took", Arc::new(DurationMillisecondArray::from(vec![Some(1500), Some(-250), None]))),
        ("price", Arc::new(Decimal128Array::from(vec![Some(1250), Some(-5), None]).with_precision_and_scale(9, 2).unwrap())),
        ("ms", Arc::new(TimestampMillisecondArray::from(vec![Some(1_773_281_411_500), Some(-1), None]).with_timezone("+02:00"))),
        ("us", Arc::new(TimestampMicrosecondArray::from(vec![Some(1_773_281_411_000_001), Some(0), None]).with_timezone("Europe/Berlin"))),
        ("ns", Arc::new(TimestampNanosecondArray::from(vec![Some(1_773_281_411_123_456_789), Some(0), None]))),
        ("of", Arc::new(nested)),
        ("list", Arc::new(list.finish())),
        ("map", Arc::new(map.finish())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

const WANT: &str = r#"{"i8":-8,"u64":18446744073709551615,"f32":0.5,"f64":-0.25,"yes":true,"text":"Zoë","large":"a","raw":"ab","word":"red","day":"2026-03-12","clock":"02:10:11.5","took":1.5,"price":"12.50","ms":"2026-03-12T04:10:11.5+02:00","us":"2026-03-12T03:10:11.000001+01:00","ns":"2026-03-12T02:10:11.123456789+00:00","of.x":5,"of.y":"p","list":"[1,null,3]","map":"{\"a\\\"b\":7}"}
{"i8":8,"u64":0,"f32":null,"f64":1e+300,"yes":false,"text":"","large":"b","raw":"c","word":"blue","day":"1969-12-31","clock":"00:00:00","took":-0.25,"price":"-0.05","ms":"1970-01-01T01:59:59.999+02:00","us":"1970-01-01T01:00:00+01:00","ns":"1970-01-01T00:00:00+00:00","of.x":null,"of.y":"q","list":"[]","map":"{}"}
{"i8":null,"u64":null,"f32":null,"f64":null,"yes":null,"text":null,"large":null,"raw":null,"word":null,"day":null,"clock":null,"took":null,"price":null,"ms":null,"us":null,"ns":null,"of.x":null,"of.y":null,"list":null,"map":null}
"#;

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn file(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn parquet(batches: &[RecordBatch], compression: Compression, rows: usize) -> Vec<u8> {
    let properties = WriterProperties::builder().set_compression(compression).set_max_row_group_row_count(Some(rows)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batches[0].schema(), Some(properties)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    bytes
}

/// The records as JSON, of a file and of a pipe.
fn read(format: &str, dir: &Path, bytes: &[u8], more: &[&str]) -> String {
    let path = dir.join("table");
    fs::write(&path, bytes).unwrap();
    let args = [&[format, "--as", "json", "-q"], more].concat();
    let of_file = run(&[&args[..], &[path.to_str().unwrap()]].concat()).exits(0).quietly();
    let of_pipe = run_on(&args, bytes).exits(0).quietly();
    assert!(of_file.stdout == of_pipe.stdout, "{format}: a file and a pipe");
    String::from_utf8(of_file.stdout).unwrap()
}

#[test]
fn every_type_that_records_have_is_read() {
    let (dir, table) = (tempfile::tempdir().unwrap(), table());
    let tables = [table.clone()];
    for (bytes, how) in [
        (stream(&tables), "a stream"),
        (file(&tables, None), "a file"),
        (file(&tables, Some(CompressionType::LZ4_FRAME)), "lz4"),
        (file(&tables, Some(CompressionType::ZSTD)), "zstd"),
    ] {
        assert_eq!(read("arrow", dir.path(), &bytes, &[]), WANT, "{how}");
        assert_eq!(read("auto", dir.path(), &bytes, &[]), WANT, "{how}");
    }
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd, Compression::LZ4_RAW, Compression::GZIP(Default::default())] {
        for rows in [1, 2, 100] {
            let bytes = parquet(&tables, compression, rows);
            assert_eq!(read("parquet", dir.path(), &bytes, &[]), WANT, "{compression}, row groups of {rows}");
            assert_eq!(read("auto", dir.path(), &bytes, &[]), WANT, "{compression}");
        }
    }
    let some = read("parquet", dir.path(), &parquet(&tables, zstd, 2), &["--fields", "of.y,i8"]);
    assert_eq!(some, "{\"of.y\":\"p\",\"i8\":-8}\n{\"of.y\":\"q\",\"i8\":8}\n{\"of.y\":null,\"i8\":null}\n");
    let at_home = read("arrow", dir.path(), &stream(&tables), &["--fields", "ns,_line", "--zone", "Europe/Berlin"]);
    assert!(at_home.starts_with("{\"ns\":\"2026-03-12T02:10:11.123456789+01:00\",\"_line\":1}\n"), "{at_home}");
}

#[test]
fn what_cannot_be_read_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let of = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text = of("text", b"a,b\n1,2\n");
    run(&["parquet", &text]).exits(1).says("it is no Parquet file");
    run(&["arrow", &text]).exits(1).says("it is no Arrow stream or file");
    run(&["arrow", &of("empty", b"")]).exits(1).says("it ends before a schema");
    run(&["arrow", &of("old", b"FEA1xxxxxxxxxxxx")]).exits(1).says("Feather of version 1");
    let tables = [table()];
    let whole = stream(&[tables[0].clone(), tables[0].clone()]);
    run(&["arrow", &of("twice", &[&whole[..], &whole].concat())]).exits(1).says("bytes follow the end of the stream, after 6 records");
    let torn = run(&["arrow", &of("torn", &whole[..whole.len() - 40])]).exits(1).says("it ends in the middle of a batch, after 3 records");
    assert_eq!(torn.stream().len(), 3);
    run(&["parquet", "--fields", "nme", &of("t", &parquet(&tables, Compression::SNAPPY, 9))]).exits(2).says("there is no field `nme`");
    let interval = IntervalYearMonthArray::from(vec![1]);
    assert_eq!(*interval.data_type(), DataType::Interval(IntervalUnit::YearMonth));
    let columns: Vec<(&str, ArrayRef)> = vec![("every", Arc::new(interval)), ("n", Arc::new(Int64Array::from(vec![1])))];
    let path = of("interval", &stream(&[RecordBatch::try_from_iter(columns).unwrap()]));
    run(&["arrow", &path]).exits(2).says("`every` is of type Interval(YearMonth)").says("--fields");
    assert_eq!(run(&["arrow", "--fields", "n", &path]).exits(0).stream().field("n"), ["1"]);
    let far = TimestampSecondArray::from(vec![Some(i64::MAX / 1000), Some(0)]);
    let path = of("far", &stream(&[RecordBatch::try_from_iter([("t", Arc::new(far) as ArrayRef)]).unwrap()]));
    run(&["arrow", &path]).exits(0).says("1 time beyond the years that a time can have");
}

#[test]
fn damaged_tables_end_in_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let tables = [table()];
    let all = [
        ("arrow", stream(&tables)),
        ("arrow", file(&tables, Some(CompressionType::LZ4_FRAME))),
        ("parquet", parquet(&tables, Compression::SNAPPY, 2)),
    ];
    for (format, whole) in all {
        let path = dir.path().join("damaged");
        let step = whole.len() / 12;
        for at in (1..whole.len()).step_by(step) {
            let mut changed = whole.clone();
            changed[at] ^= 0x55;
            for bytes in [&whole[..at], &changed] {
                File::create(&path).unwrap();
                fs::write(&path, bytes).unwrap();
                let outcome = run(&[format, "-q", path.to_str().unwrap()]);
                assert!(matches!(outcome.code, 0..=3), "{format}, byte {at}: {}", outcome.stderr);
                assert!(!outcome.stderr.contains("panicked"), "{format}, byte {at}: {}", outcome.stderr);
            }
        }
    }
}
