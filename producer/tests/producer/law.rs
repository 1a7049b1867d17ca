//! That the answer is a function of the bytes of the inputs: not of how they arrive, of where blocks are cut, or of how many workers
//! there are; and that which fields there are, and of what types, does not depend on which file they are in.
//!
//! `LAW_CASES` says how many inputs are made for each format.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, thread};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use recpipe::Value;
use recpipe::wire::Writer;
use recpipe_producer::format::{Args, FORMATS, Format, Start};
use recpipe_producer::input::find::Input;
use recpipe_producer::input::live::Watch;
use recpipe_producer::input::{Inputs, block::BLOCK_BYTES};
use recpipe_producer::output::Packing;
use recpipe_producer::run::blocks::BlockSource;
use recpipe_producer::run::rejects::Limit;
use recpipe_producer::run::shape::Shape;
use recpipe_producer::run::{Options, Output, Run};

use crate::harness::Stream;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A format and what was typed for it.
struct Case {
    name: &'static str,
    args: Args,
}

/// What came of the inputs.
#[derive(Debug, PartialEq)]
struct Answer {
    /// The fields of the first records, with their types.
    fields: Vec<String>,
    /// The fields that each record has, by name.
    records: Vec<Vec<String>>,
    rejected: u64,
    exit: u8,
}

impl Case {
    fn new(name: &'static str, positional: &[&str]) -> Self {
        Case { name, args: Args { positional: positional.iter().map(ToString::to_string).collect(), ..Args::default() } }
    }

    fn start(&self) -> Box<dyn Format> {
        let spec = FORMATS.iter().find(|spec| spec.name == self.name).unwrap();
        let Start::Blocks(start) = spec.start else { panic!("{} has no blocks", self.name) };
        start(&self.args).unwrap()
    }

    /// The places where records of these bytes end.
    fn ends(&self, bytes: &[u8]) -> Vec<usize> {
        let (boundary, mut ends) = (self.start().boundary(), Vec::new());
        let dialect = boundary.dialect(bytes, true).unwrap();
        let boundary = boundary.of(dialect).unwrap_or(boundary);
        let mut at = 0;
        while let Some(len) = boundary.first_end(&bytes[at..], 0).filter(|len| *len > 0) {
            at += len;
            ends.push(at);
        }
        ends
    }

    fn read(&self, paths: &[PathBuf], block_bytes: usize, threads: usize) -> Answer {
        let found = paths.iter().map(|path| Ok(Input::File(path.clone()))).collect();
        let watch = Watch::nothing();
        let inputs = Inputs::new(found, Arc::default(), watch.clone()).in_blocks_of(block_bytes);
        let source = BlockSource::new(inputs, self.start(), None);
        let (limit, shape) =
            (Limit::Default, Shape { fields: self.args.fields.clone(), casts: self.args.casts.clone(), dating: Arc::default() });
        let options = Options { threads, limit, quiet: true, stats: false, grep: None, packing: Packing::default(), shape };
        let out = Shared::default();
        let written = out.clone();
        let output = Output::Now(Box::new(|| Ok(Box::new(Writer::new(written)?))));
        let exit = Run::new(Box::new(source), &options).until(&watch).to(output).unwrap();
        let stream = Stream::read(&out.0.lock().unwrap());
        let first = stream.batches.iter().find(|batch| !batch.is_empty());
        let kind = |field: &recpipe::Field| format!("{} {}{}", field.name, field.kind, if field.open { "" } else { ", closed" });
        let mut records = Vec::new();
        for batch in &stream.batches {
            for index in 0..batch.len() {
                let row = batch.physical(index);
                let fields = batch.schema().names().zip(batch.columns()).filter(|(_, column)| !column.is_missing(row));
                let mut fields: Vec<String> = fields.map(|(name, column)| format!("{name}={}", shown(column.value(row)))).collect();
                fields.sort_unstable();
                records.push(fields);
            }
        }
        Answer {
            fields: first.map_or_else(Vec::new, |batch| batch.schema().fields().iter().map(kind).collect()),
            records,
            rejected: stream.ending.rejected,
            exit: exit.code(),
        }
    }

    /// Reads what comes in these pieces through a pipe, with a pause after each.
    fn read_pipe(&self, pieces: &[&[u8]], pause: Duration) -> Answer {
        let (reader, mut writer) = io::pipe().unwrap();
        let reader = File::from(OwnedFd::from(reader));
        let path = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
        thread::scope(|scope| {
            scope.spawn(move || {
                for piece in pieces {
                    // Whoever reads may have ended for too many rejects.
                    if writer.write_all(piece).is_err() {
                        return;
                    }
                    thread::sleep(pause);
                }
            });
            let answer = self.read(&[path], BLOCK_BYTES, 2);
            drop(reader);
            answer
        })
    }

    /// The law, for one input; `cuts` are its pieces.
    fn check(&self, dir: &Path, bytes: &[u8], cuts: &[prop::sample::Index], slowly: bool) {
        let path = dir.join("whole");
        fs::write(&path, bytes).unwrap();
        let whole = self.read(std::slice::from_ref(&path), BLOCK_BYTES, 1);
        let about = || format!("{} of {:?}", self.name, bytes.escape_ascii().to_string());
        for block_bytes in [1, 2, 20, 70] {
            assert_eq!(
                self.read(std::slice::from_ref(&path), block_bytes, 1 + block_bytes % 3),
                whole,
                "blocks of {block_bytes}: {}",
                about()
            );
        }
        assert_eq!(self.read_pipe(&[bytes], Duration::ZERO), whole, "through a pipe: {}", about());
        if slowly {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            assert_eq!(self.read_pipe(&pieces, Duration::from_millis(3)), whole, "in {} pieces: {}", pieces.len(), about());
        }
        // In two files; of a table, both have the header. Objects that are no lines are in one: a part may lie otherwise.
        let ends = self.ends(bytes);
        let lines_before = bytes.split_inclusive(|&byte| byte == b'\n').take_while(|line| line.starts_with(b"#")).count();
        let header = match self.name {
            // Whether lines end with a delimiter too many is said of each file by its own first row.
            "csv" | "tsv" if ends_alike(bytes) => ends.get(lines_before).copied(),
            "csv" | "tsv" => None,
            "json" if self.start().boundary().dialect(bytes, true) != Some(0) => None,
            _ => Some(0),
        };
        if let (Some(header), Some(cut)) = (header, cuts.first()) {
            let ends: Vec<usize> = ends.iter().copied().filter(|end| *end >= header).chain([header, bytes.len()]).collect();
            let at = ends[cut.index(ends.len())];
            let (one, two) = (dir.join("one"), dir.join("two"));
            fs::write(&one, &bytes[..at]).unwrap();
            fs::write(&two, [&bytes[..header], &bytes[at..]].concat()).unwrap();
            assert_eq!(self.read(&[one, two], BLOCK_BYTES, 1), whole, "in two files, cut at {at}: {}", about());
        }
    }

    /// The law, for many inputs.
    fn hold(&self, inputs: impl Strategy<Value = Vec<u8>>) {
        let cases = std::env::var("LAW_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150);
        let dir = tempfile::tempdir().unwrap();
        let slowly = proptest::bool::weighted(0.1);
        let all = (inputs, prop::collection::vec(any::<prop::sample::Index>(), 1..5), slowly);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let run = TestRunner::new(config).run(&all, |(bytes, cuts, slowly)| {
            self.check(dir.path(), &bytes, &cuts, slowly);
            Ok(())
        });
        run.unwrap_or_else(|failed| panic!("{failed}"));
    }
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("{:?}", text.escape_ascii().to_string()),
        other => format!("{other:?}"),
    }
}

const CELLS: &[&str] = &[
    "",
    "1",
    "-7",
    "0",
    "01",
    "2.5",
    "1e5",
    "1e+5",
    ".5",
    "x",
    "NA",
    "18446744073709551616",
    "-0",
    "\"q\"",
    "\"a,\n\"\"b\"",
    " 1",
    "170141183460469231731687303715884105728",
    "12:30",
];

/// Rows of a few cells, most of them as many as the header has.
fn table(delimiter: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![3 => prop::sample::select(&CELLS[..6]), 1 => prop::sample::select(CELLS)];
    let row = (prop::collection::vec(cell, 3), 0_u8..20, prop_oneof![9 => Just("\n"), 1 => Just("\r\n")]);
    (prop::sample::select(vec!["a", "a,b", "a,b,c", "b,,b"]), prop::collection::vec(row, 0..12), any::<bool>()).prop_map(
        move |(header, rows, ends)| {
            let columns = header.split(',').count();
            let mut text = format!("{}\n", header.replace(',', delimiter));
            for (cells, kind, end) in rows {
                let cells = match kind {
                    0 => &cells[..0],
                    1 => &cells[..3 - columns.min(2)],
                    _ => &cells[..columns],
                };
                text += &format!("{}{end}", cells.join(delimiter));
            }
            if !ends {
                text.pop();
            }
            text.into_bytes()
        },
    )
}

/// Whether all lines of a table end with a delimiter, or none does, its header and what stands before it aside.
fn ends_alike(table: &[u8]) -> bool {
    let lines = table.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut rows = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).skip(1);
    let trails = |line: &[u8]| matches!(line.last(), Some(b',' | b';' | b'\t'));
    let first = rows.next().map(trails);
    rows.all(|row| Some(trails(row)) == first)
}

#[test]
fn csv_and_tsv() {
    Case::new("csv", &[]).hold(table(","));
    Case::new("tsv", &[]).hold(table("\t"));
}

#[test]
fn tables_that_have_to_be_looked_at_first() {
    let before = prop::sample::select(vec!["", "# made by a program\n", "# a, b\n# c; d; e; f\n"]);
    let row = prop::collection::vec(prop::sample::select(CELLS), 2);
    // Each row may end with a delimiter too many.
    let all = (before, prop::sample::select(vec![",", ";", "\t"]), any::<bool>(), prop::collection::vec(row, 0..12));
    let text = all.prop_map(|(before, delimiter, trails, rows)| {
        let end = if trails { format!("{delimiter}\n") } else { "\n".to_owned() };
        let rows: String = rows.iter().map(|cells| cells.join(delimiter) + &end).collect();
        format!("{before}a{delimiter}b\n{rows}").into_bytes()
    });
    Case::new("csv", &[]).hold(text);
}

#[test]
fn regex() {
    Case::new("regex", &["^(?P<a>[^,]*)(,(?P<b>.*))?$"]).hold(table(","));
}

#[test]
fn json() {
    const VALUES: &[&str] = &[
        "null",
        "1",
        "-2",
        "2.5",
        "true",
        "\"\"",
        "\"x\\n\"",
        "[1, 2]",
        "18446744073709551616",
        "1e400",
        "{\"e\":1}",
        "{\"e\":\"\"}",
        "01",
        "9999999999999999999999999999999999999999",
        "{}",
    ];
    let member = (
        prop::sample::select(vec!["a", "b", "c", "d.e", "d"]),
        prop_oneof![3 => prop::sample::select(&VALUES[..4]), 2 => prop::sample::select(VALUES)],
    );
    let line = prop_oneof![
        12 => prop::collection::vec(member, 0..4).prop_map(|members| {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        }),
        1 => Just(String::new()),
        1 => Just("junk".to_owned()),
    ];
    let lines = (prop::collection::vec(line, 0..12), any::<bool>());
    Case::new("json", &[]).hold(lines.prop_map(|(lines, ends)| (lines.join("\n") + if ends { "\n" } else { "" }).into_bytes()));
}

#[test]
fn json_in_arrays_over_lines_and_side_by_side() {
    let objects = vec![
        "{\"a\":1}",
        "{\n  \"a\": \"x\",\n  \"b\": [1,\n {}]\n}",
        "{}",
        "{\"c\":{\"d\":2.5}}",
        "{\"a\":,}",
        "junk",
        "{\n\"a\": tru\n}",
    ];
    let between = prop::sample::select(vec!["", "\n", ",\n", " ", "\n\n"]);
    let values = prop::collection::vec((prop::sample::select(objects), between), 1..10);
    let all = (any::<bool>(), values).prop_map(|(is_array, values)| {
        let text: String = values.iter().map(|(object, between)| format!("{object}{between}")).collect();
        if is_array { format!("[{{\n}},{text}]\n") } else { format!("{{\n}}{text}") }.into_bytes()
    });
    Case::new("json", &[]).hold(all);
}

#[test]
fn pickle() {
    const VALUES: &[&[u8]] = &[
        b"N",
        b"K\x07",
        b"J\xff\xff\xff\xff",
        b"\x88",
        b"G?\xf8\0\0\0\0\0\0",
        b"U\x01x",
        b"U\0",
        b"\x8a\x09\0\0\0\0\0\0\0\x80\0",
        b"\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
        b"]",
        b"}",
    ];
    let pair = (prop::sample::select(vec![&b"U\x01a"[..], b"U\x01b", b"U\x02cc", b"K\x01"]), prop::sample::select(VALUES));
    let pickle = prop_oneof![
        12 => prop::collection::vec(pair, 0..4).prop_map(|pairs| {
            let pairs: Vec<u8> = pairs.iter().flat_map(|(key, value)| [*key, *value].concat()).collect();
            [b"}(", &pairs[..], b"u."].concat()
        }),
        1 => Just(b"N.".to_vec()),
    ];
    Case::new("pickle", &[]).hold(prop::collection::vec(pickle, 0..12).prop_map(|pickles| pickles.concat()));
}

#[test]
fn xml() {
    let child =
        prop::sample::select(vec!["<a>1</a>", "<a/>", "<b>x &amp; y</b>", "<b>02</b>", "<c><d>5</d></c>", "text", " ", "<!-- </r> -->"]);
    let tag = prop::sample::select(vec!["<r>", "<r id='7'>", "<r a='>'>"]);
    let record = (tag, prop::collection::vec(child, 0..4)).prop_map(|(tag, children)| format!("{tag}{}</r>", children.concat()));
    let all = prop::collection::vec((record, prop::sample::select(vec!["", "\n", "<other/>"])), 0..10);
    let text = all.prop_map(|records| records.iter().map(|(record, after)| format!("{record}{after}")).collect::<String>().into_bytes());
    Case::new("xml", &["r"]).hold(text);
}

#[test]
fn binary_records() {
    let bytes = prop::collection::vec(prop_oneof![Just(0_u8), Just(0xff), any::<u8>()], 0..120);
    Case::new("struct", &["<Qb"]).hold(bytes);
}

#[test]
fn lines() {
    Case::new("lines", &[]).hold(table(","));
}

#[test]
fn a_field_that_comes_late_is_there_from_then_on() {
    let case = Case::new("json", &[]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("late");
    let filler = "{\"a\":1,\"filler\":\"a line among many\"}\n".repeat(BLOCK_BYTES / 30);
    fs::write(&path, format!("{filler}{filler}{{\"late\":5,\"a\":\"x\"}}\n{filler}")).unwrap();
    let one = case.read(std::slice::from_ref(&path), BLOCK_BYTES, 1);
    assert_eq!(one.fields, ["a int", "filler text"]);
    assert_eq!(one.records.iter().filter(|record| record.contains(&"late=Int(5)".to_owned())).count(), 1);
    assert_eq!(case.read(std::slice::from_ref(&path), BLOCK_BYTES, 3), one);
    assert_eq!(case.read(&[path], 100_000, 2), one);
}

#[test]
fn keys_without_end_have_room() {
    let case = Case::new("json", &[]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    // So long that the sample has no more than these.
    let first = format!("{{\"id\":1,\"filler\":\"{}\"}}\n", "x".repeat(10_000)).repeat(BLOCK_BYTES / 10_000 + 1);
    let keys: String = (0..5000).map(|n| format!("{{\"id\":2,\"key{n}\":{n}}}\n")).collect();
    fs::write(&path, format!("{first}{keys}")).unwrap();
    // A block a line.
    let answer = case.read(&[path], 1, 2);
    assert_eq!(answer.exit, 0);
    let of_keys = &answer.records[BLOCK_BYTES / 10_000 + 1..];
    assert_eq!(of_keys.len(), 5000);
    assert!(of_keys.iter().enumerate().all(|(n, record)| *record == ["id=Int(2)".to_owned(), format!("key{n}=Int({n})")]));
}
