//! That the answer is a function of the bytes of the inputs: not of how they arrive, of where blocks are cut, or of how many workers
//! there are; and that which fields there are, and of what types, does not depend on which file they are in.
//!
//! `LAW_CASES` says how many inputs are made for each format. All of them are read within this process, as the program reads its inputs;
//! some are read by the program itself, too, from files and through pipes with pauses.

use std::cell::Cell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use recpipe::Value;
use recpipe::record::PlaceField;
use recpipe::wire::Writer;
use recpipe_producer::format::{Args, FORMATS, Format, Start};
use recpipe_producer::input::Inputs;
use recpipe_producer::input::block::{BLOCK_BYTES, Feed};
use recpipe_producer::input::find::Input;
use recpipe_producer::input::given::Given;
use recpipe_producer::input::live::Watch;
use recpipe_producer::output::Packing;
use recpipe_producer::run::blocks::BlockSource;
use recpipe_producer::run::rejects::Limit;
use recpipe_producer::run::shape::Shape;
use recpipe_producer::run::{Options, Output, Run};

use crate::harness::{Outcome, Stream, command, finish_with};

mod inputs;
mod logs;

/// Inputs of each format that the program itself reads.
const BY_PROGRAM: u32 = 8;

/// What is read by the program is written in pieces, with such a pause after each.
const PAUSE: Duration = Duration::from_millis(3);

/// Gives bytes in pieces, and is idle after each of them.
struct Pieces {
    bytes: Arc<[u8]>,
    /// Where the pieces end.
    ends: Arc<[usize]>,
    at: usize,
    is_live: bool,
}

impl Feed for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let end = self.ends.iter().copied().find(|end| *end > self.at).unwrap_or(self.bytes.len());
        let piece = &self.bytes[self.at..end];
        let len = piece.len().min(buf.len());
        buf[..len].copy_from_slice(&piece[..len]);
        self.at += len;
        Ok(len)
    }

    fn is_idle(&self) -> bool {
        self.is_live && self.ends.contains(&self.at)
    }
}

/// An input within this process.
#[derive(Clone)]
struct Made {
    bytes: Arc<[u8]>,
    ends: Arc<[usize]>,
}

impl Made {
    fn whole(bytes: &[u8]) -> Self {
        Made { bytes: bytes.into(), ends: Arc::new([]) }
    }

    fn in_pieces(bytes: &[u8], ends: &[usize]) -> Self {
        Made { ends: ends.iter().copied().filter(|end| *end < bytes.len()).collect(), ..Made::whole(bytes) }
    }

    fn begin(self, is_live: bool) -> impl Fn() -> io::Result<Box<dyn Feed + Send>> + Send + Sync {
        move || Ok(Box::new(Pieces { bytes: self.bytes.clone(), ends: self.ends.clone(), at: 0, is_live }))
    }

    fn file(self) -> Input {
        Input::Given(Given::again_and_again("made", self.begin(false)))
    }

    fn pipe(self) -> Input {
        Input::Given(Given::once("made", self.begin(true)))
    }
}

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

/// How an input is read another time.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// The size of the blocks of a file.
    block_bytes: usize,
    threads: usize,
    /// Whether the blocks of pipes are so small, too; and the first of two inputs is one.
    small: bool,
}

/// What came of the inputs.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    /// The fields of the first records, with their types.
    fields: Vec<String>,
    /// The fields that each record has, by name.
    records: Vec<Vec<String>>,
    rejected: u64,
    exit: u8,
    /// The line and the byte that each record begins at.
    places: Vec<[String; 2]>,
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

    /// Reads the inputs as the program does.
    fn read(&self, inputs: Vec<Input>, block_bytes: usize, threads: usize) -> Answer {
        let watch = Watch::nothing();
        let inputs = Inputs::new(inputs.into_iter().map(Ok).collect(), Arc::default(), watch.clone()).in_blocks_of(block_bytes);
        let source = BlockSource::new(inputs, self.start(), None);
        let (limit, shape) = (
            Limit::Default,
            Shape { fields: self.args.fields.clone(), casts: self.args.casts.clone(), dating: Arc::default(), constants: Arc::default() },
        );
        let options = Options { threads, limit, quiet: true, stats: false, lines: true, grep: None, packing: Packing::default(), shape };
        let options = Arc::new(options);
        let out = Shared::default();
        let written = out.clone();
        let output = Output::Now(Box::new(|| Ok(Box::new(Writer::new(written)?))));
        let exit = Run::new(Box::new(source), &options).until(&watch).to(output).unwrap();
        Answer::of(&Stream::read(&out.0.lock().unwrap()), exit.code())
    }

    /// The program, with what is to be typed for it.
    fn run_program(&self, paths: &[&Path], pieces: &[&[u8]]) -> Answer {
        let mut args = vec![self.name.to_owned(), "-q".to_owned(), "-j2".to_owned()];
        args.extend(self.args.positional.iter().cloned());
        let mut command = command(&args);
        command.args(paths);
        if paths.is_empty() {
            command.stdin(Stdio::piped());
        }
        let outcome = finish_with(command, |pipe| {
            for piece in pieces {
                // It may have ended for too many rejects.
                if pipe.write_all(piece).is_err() {
                    return;
                }
                thread::sleep(PAUSE);
            }
        });
        let Outcome { code, stdout, .. } = outcome;
        Answer::of(&Stream::read(&stdout), code as u8).without_places()
    }

    /// In two parts, cut behind any record; of a table, both have the header. Objects that are no lines are in one: a part may lie otherwise.
    fn parted(&self, bytes: &[u8], cut: prop::sample::Index) -> Option<[Vec<u8>; 2]> {
        let ends = self.ends(bytes);
        let lines_before = bytes.split_inclusive(|&byte| byte == b'\n').take_while(|line| line.starts_with(b"#")).count();
        let header = match self.name {
            "csv" | "tsv" => ends.get(lines_before).copied()?,
            "json" if self.start().boundary().dialect(bytes, true) != Some(0) => return None,
            _ => 0,
        };
        let ends: Vec<usize> = ends.iter().copied().filter(|end| *end >= header).chain([header, bytes.len()]).collect();
        let at = ends[cut.index(ends.len())];
        Some([bytes[..at].to_vec(), [&bytes[..header], &bytes[at..]].concat()])
    }

    /// The law, for one input; `cuts` are its pieces.
    fn check(&self, bytes: &[u8], cuts: &[prop::sample::Index], Way { block_bytes, threads, small }: Way) {
        let whole = self.read(vec![Made::whole(bytes).file()], BLOCK_BYTES, 1);
        if self.start().unit().has_lines() {
            // Where a byte is, and so the line it is on, is known from the bytes alone.
            for [line, byte] in &whole.places {
                let before = bytes[..byte.parse().unwrap()].iter().filter(|byte| **byte == b'\n').count();
                assert_eq!(*line, (before + 1).to_string(), "byte {byte}: {} of {:?}", self.name, shown(Value::Text(bytes)));
            }
        }
        let same = |how: &str, inputs: Vec<Input>, block_bytes: usize| {
            let is_one = inputs.len() == 1;
            let (answer, whole) = (self.read(inputs, block_bytes, threads), whole.clone());
            let (answer, whole) = if is_one { (answer, whole) } else { (answer.without_places(), whole.without_places()) };
            assert_eq!(
                answer,
                whole,
                "{how}, blocks of {block_bytes}, {threads} threads: {} of {:?}",
                self.name,
                shown(Value::Text(bytes))
            );
        };
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.sort_unstable();
        let of_pipe = if small { block_bytes } else { BLOCK_BYTES };
        same("a file", vec![Made::in_pieces(bytes, &ends).file()], block_bytes);
        same("a pipe", vec![Made::in_pieces(bytes, &ends).pipe()], of_pipe);
        if let Some([one, two]) = cuts.first().and_then(|cut| self.parted(bytes, *cut)) {
            let about = format!("{} and {}", shown(Value::Text(&one)), shown(Value::Text(&two)));
            let first = if small { Made::in_pieces(&one, &ends).pipe() } else { Made::whole(&one).file() };
            same(&about, vec![first, Made::whole(&two).file()], of_pipe);
        }
    }

    /// The law, for one input that the program reads.
    fn check_program(&self, dir: &Path, bytes: &[u8], cuts: &[prop::sample::Index]) {
        let whole = self.read(vec![Made::whole(bytes).file()], BLOCK_BYTES, 1).without_places();
        let same = |how: &str, answer: Answer| assert_eq!(answer, whole, "{how}: {} of {:?}", self.name, shown(Value::Text(bytes)));
        let write = |name: &str, bytes: &[u8]| -> PathBuf {
            let path = dir.join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        same("the program, of a file", self.run_program(&[&write("whole", bytes)], &[]));
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        same("the program, of a pipe with pauses", self.run_program(&[], &pieces));
        if let Some([one, two]) = cuts.first().and_then(|cut| self.parted(bytes, *cut)) {
            same("the program, of two files", self.run_program(&[&write("one", &one), &write("two", &two)], &[]));
        }
    }

    /// The law, for many inputs.
    fn hold(&self, inputs: impl Strategy<Value = Vec<u8>>) {
        self.hold_by(inputs, BY_PROGRAM);
    }

    /// The same, where what was typed is more than arguments.
    fn hold_in_process(&self, inputs: impl Strategy<Value = Vec<u8>>) {
        self.hold_by(inputs, 0);
    }

    fn hold_by(&self, inputs: impl Strategy<Value = Vec<u8>>, by_program: u32) {
        let cases = std::env::var("LAW_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000);
        let dir = tempfile::tempdir().unwrap();
        let block_bytes = prop_oneof![prop::sample::select(vec![1, 2, 20, 70]), 1..90_usize];
        let way = (block_bytes, 1..=3_usize, any::<bool>());
        let way = way.prop_map(|(block_bytes, threads, small)| Way { block_bytes, threads, small });
        let all = (inputs, prop::collection::vec(any::<prop::sample::Index>(), 1..5), way);
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let nth = Cell::new(0);
        let run = TestRunner::new(config).run(&all, |(bytes, cuts, way)| {
            self.check(&bytes, &cuts, way);
            if nth.replace(nth.get() + 1) < by_program {
                self.check_program(dir.path(), &bytes, &cuts);
            }
            Ok(())
        });
        run.unwrap_or_else(|failed| panic!("{failed}"));
    }
}

impl Answer {
    fn of(stream: &Stream, exit: u8) -> Self {
        let first = stream.batches.iter().find(|batch| !batch.is_empty());
        let kind = |field: &recpipe::Field| format!("{} {}{}", field.name, field.kind, if field.open { "" } else { ", closed" });
        let (mut records, mut places) = (Vec::new(), Vec::new());
        for batch in &stream.batches {
            let told = [PlaceField::Line, PlaceField::Byte].map(|place| place.column(batch));
            for index in 0..batch.len() {
                let row = batch.physical(index);
                let fields = batch.schema().names().zip(batch.columns()).filter(|(_, column)| !column.is_missing(row));
                let mut fields: Vec<String> = fields.map(|(name, column)| format!("{name}={}", shown(column.value(row)))).collect();
                fields.sort_unstable();
                records.push(fields);
                if let [Some(line), Some(byte)] = &told {
                    places.push([line, byte].map(|column| column.value(row).to_string()));
                }
            }
        }
        Answer {
            fields: first.map_or_else(Vec::new, |batch| batch.schema().fields().iter().map(kind).collect()),
            records,
            rejected: stream.ending.rejected,
            exit,
            places,
        }
    }

    fn without_places(self) -> Self {
        Answer { places: Vec::new(), ..self }
    }
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => format!("{:?}", text.escape_ascii().to_string()),
        other => format!("{other:?}"),
    }
}
