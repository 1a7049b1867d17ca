//! The Python package in `python/`: its own tests, run beside the two programs; and the test vectors that it reads as these crates do.
//! Its tests are skipped, with a message, where there is no `python3`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use e2e::{Pipeline, Program, Scratch};
use recpipe::{
    Batch, Error, Value,
    wire::{Ending, Incoming, Reader, Warning},
};

/// There are more; fewer say that the file was not understood.
const AT_LEAST: usize = 80;

/// For a machine on which other things run, too.
const LONG: Duration = Duration::from_secs(540);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn the_package_does_what_its_tests_say() {
    if Pipeline::shell("command -v python3 >/dev/null && echo yes").run().text() != "yes\n" {
        // Whether anybody reads it is no matter.
        let _ = writeln!(io::stderr(), "skipped: there is no python3");
        return;
    }
    let tests = root().join("python/tests");
    let run = Pipeline::shell("exec python3 -B -m unittest discover -v -s .").dir(&tests).env("PYTHONPATH", "..");
    let outcome = run.deadline(LONG).run().exits(&[0]);
    let said = &outcome.end(Program::Shell).stderr;
    assert!(said.contains("\nRan ") && !said.contains("the programs are not in the PATH"), "{outcome}");
}

/// Makes the wheel twice, installs it where there is pip, and asks what lies in it.
const WHEEL: &str = "\
set -e
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'skipped: Python is older than 3.11' >&2; exit 0; }
for n in 1 2; do python3 \"$SCRIPT\" --programs programs --platform any --out out$n; done
cmp out1/*.whl out2/*.whl
python3 -m pip --version > pip || { echo 'skipped: there is no pip' >&2; exit 0; }
python3 -m pip install -q --no-index --no-compile --target there out1/*.whl
PATH=$PWD/there/bin:/usr/bin:/bin PYTHONPATH=there python3 -c '
import recpipe
print([dict(row) for row in recpipe.consumer(\"sum(value)\", recpipe.producer(\"range\", \"1\", \"3\"))])'
";

#[test]
fn a_wheel_has_the_package_and_the_programs() {
    let scratch = Scratch::new();
    if Pipeline::shell("command -v python3 >/dev/null && echo yes").run().text() != "yes\n" {
        let _ = writeln!(io::stderr(), "skipped: there is no python3");
        return;
    }
    // Small ones, which start those that are tested.
    let programs = scratch.path().join("programs");
    fs::create_dir(&programs).unwrap();
    for program in [Program::Producer, Program::Consumer] {
        let path = programs.join(program.name());
        fs::write(&path, format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.path().display())).unwrap();
    }
    let run = Pipeline::shell(WHEEL).dir(scratch.path()).env("SCRIPT", root().join("scripts/wheel"));
    let outcome = run.deadline(LONG).run().exits(&[0]);
    let (text, said) = (outcome.text(), &outcome.end(Program::Shell).stderr);
    assert!(text.ends_with("[{'sum(value)': 3}]\n") || said.contains("skipped"), "{outcome}");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.is_ascii() && hex.len().is_multiple_of(2), "{hex}");
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn shown(value: Value<'_>) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("bool:{value}"),
        Value::Int(value) => format!("int:{value}"),
        Value::Float(value) => format!("float:{:016x}", value.to_bits()),
        Value::Time(time) => format!("time:{},{}", time.nanos, time.offset_s),
        Value::Text(text) => format!("text:{}", hex(text)),
    }
}

/// A line for each record, of the fields that it has.
fn records(batch: &Batch) -> impl Iterator<Item = String> {
    (0..batch.len()).map(|row| {
        let row = batch.physical(row);
        let has = batch.schema().names().zip(batch.columns()).filter(|(_, column)| !column.is_missing(row));
        has.fold("record".into(), |line, (name, column)| format!("{line} {name}={}", shown(column.value(row))))
    })
}

/// What is read of a stream, in the words of the vectors.
fn read(mut stream: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut all = || -> Result<(), Error> {
        let mut reader = Reader::new(&mut stream)?;
        while let Some(incoming) = reader.read()? {
            match incoming {
                Incoming::Schema(_) => {}
                Incoming::Batch(raw) => lines.extend(records(&raw.decode()?)),
                Incoming::Warning(Warning { exit, message }) => lines.push(format!("report {} {}", exit.code(), hex(message.as_bytes()))),
                Incoming::End(Ending { exit, cause, rejected }) => {
                    let line = format!("end {} {rejected} {}", exit.code(), hex(cause.as_bytes()));
                    lines.push(line.trim_end().to_owned());
                }
            }
        }
        Ok(())
    };
    match all() {
        Ok(()) => {}
        Err(Error::Truncated { at, .. }) => lines.push(format!("incomplete {at}")),
        Err(Error::NotAStream { .. }) => lines.push("none".into()),
        Err(Error::Corrupt { .. }) => lines.push("corrupt".into()),
        Err(Error::Unsupported(_)) => lines.push("unsupported".into()),
        Err(error) => panic!("{error}"),
    }
    lines
}

#[test]
fn the_test_vectors_are_read_alike() {
    let vectors = fs::read_to_string(root().join("tests/data/vectors.txt")).unwrap();
    let mut checked = 0;
    for vector in vectors.split("\n\n").skip(1) {
        let mut lines = vector.lines();
        let name = lines.next().unwrap();
        let stream = unhex(lines.next().and_then(|line| line.strip_prefix("bytes ")).expect(name));
        assert_eq!(read(&stream), lines.collect::<Vec<_>>(), "{name}");
        checked += 1;
    }
    assert!(checked >= AT_LEAST, "only {checked} vectors");
}
