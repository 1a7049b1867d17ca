//! Table cases: one file says what goes in, what is asked, and what must come out.
//!
//! # Format
//!
//! ```toml
//! about = "`head` stops with the record that fills its number"
//! why = "how the expected values follow from the contract, where that is not plain"
//! input = '''
//! 10.0.0.1 - - [24/Feb/2008:00:08:59 -0600] "GET / HTTP/1.1" 200 5
//! '''
//! query = "head 3 | print \"{host}\""
//! stdout = '''
//! 10.0.0.1
//! '''
//! ```
//!
//! - `input`: the log; or `log`: the name of a file in `data/`, the default is `ten`; `repeat`: so many times;
//! - `producer`: its arguments, the default is `["apache"]`;
//! - `query`: one argument or an array of them; `file`: a query file, given with `-f`; `consumer`: options before it;
//! - `stdout`: exactly this; `stderr`, `producer_stderr`: these words somewhere in what the program says. Without the key
//!   the program must say nothing;
//! - `files`: a table of the files that are there afterwards, in the directory that the programs run in, and what is in
//!   them; without the key there is none;
//! - `exit`, `producer_exit`: 0 unless it says otherwise;
//! - `by_batch = true`: how outputs mix on standard output depends on the batches, as documented of `tee`.
//!
//! Every case is run with 1, 2 and 8 threads on both sides; and with a saved stream between them, where the consumer cannot
//! tell the producer what it needs: as it is, and cut into batches of 1 and of 7 records ([`CUTS`]) unless it says
//! `by_batch`. `UPDATE_EXPECT=1` writes what came into the file: read the
//! difference before you believe it.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    outcome::Outcome,
    process::{Pipeline, Program, Scratch},
    stream::rebatched,
};

/// The numbers of threads that every case is run with, on both sides.
pub const THREADS: [&str; 3] = ["1", "2", "8"];

/// The name of the query file, in the directory that the programs run in.
const QUERY_FILE: &str = "report.q";

/// Batches of so many records, and the threads that get them.
pub const CUTS: [(usize, &str); 4] = [(1, "1"), (1, "8"), (7, "2"), (7, "8")];

/// A stream of more bytes is not cut: a frame for each of its records says nothing that a short one does not.
const CUT_UP_TO_BYTES: usize = 1 << 18;

/// How the two programs are put together.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// With a pipe between them, and so many threads on both sides.
    Pipe(&'static str),
    /// One after the other.
    Saved,
    /// The same, with the saved stream in batches of so many records, for so many threads.
    Cut(usize, &'static str),
}

/// A case.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    about: String,
    why: Option<String>,
    input: Option<String>,
    log: Option<String>,
    repeat: Option<usize>,
    producer: Option<Vec<String>>,
    consumer: Option<Vec<String>>,
    file: Option<String>,
    query: Option<Query>,
    #[serde(default)]
    stdout: String,
    stderr: Option<String>,
    producer_stderr: Option<String>,
    #[serde(default)]
    exit: i32,
    #[serde(default)]
    producer_exit: i32,
    #[serde(default)]
    by_batch: bool,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// What came of a run, and the files that it left.
struct Came {
    outcome: Outcome,
    files: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Query {
    One(String),
    Several(Vec<String>),
}

/// The directory of the cases.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// The files of all cases, sorted.
pub fn find() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
            let path = entry.expect("a directory can be listed").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let case: Case = toml::from_str(&text).map_err(|error| error.to_string())?;
        match (&case.input, &case.log, &case.query, &case.file) {
            _ if case.about.is_empty() => Err("`about` is empty".to_owned()),
            (Some(_), Some(_), ..) => Err("`input` and `log` exclude each other".to_owned()),
            (.., Some(_), Some(_)) => Err("`query` and `file` exclude each other".to_owned()),
            _ => Ok(case),
        }
    }

    /// Runs the case in every way; says what is not as expected.
    ///
    /// # Errors
    /// What came instead, and of what run.
    pub fn check(&self) -> Result<(), String> {
        let cuts = CUTS.iter().filter(|_| !self.by_batch).map(|&(records, threads)| Way::Cut(records, threads));
        for way in THREADS.map(Way::Pipe).into_iter().chain([Way::Saved]).chain(cuts) {
            let came = self.run(way);
            if let Some(wrong) = self.wrong(&came) {
                let Came { outcome, files } = came;
                return Err(format!("{way:?}: {wrong}\nstdout expected:\n{}\n{outcome}\nfiles: {files:?}", self.stdout));
            }
        }
        Ok(())
    }

    /// The case with what came, the run with one thread each being believed. Words that were said stay the words.
    pub fn updated(&self) -> Self {
        let Came { outcome, files } = self.run(Way::Pipe(THREADS[0]));
        let code = |program| outcome.end(program).code().unwrap_or(-1);
        let said = |said: &str, expected: &Option<String>| {
            if is_as_expected(said, expected) { expected.clone() } else { Some(said.to_owned()).filter(|said| !said.is_empty()) }
        };
        Case {
            stdout: outcome.text(),
            stderr: said(outcome.consumer_says(), &self.stderr),
            producer_stderr: said(outcome.producer_says(), &self.producer_stderr),
            exit: code(Program::Consumer),
            producer_exit: code(Program::Producer),
            files,
            ..self.clone()
        }
    }

    fn run(&self, way: Way) -> Came {
        let scratch = Scratch::new();
        let threads = match way {
            Way::Pipe(threads) | Way::Cut(_, threads) => threads,
            Way::Saved => THREADS[1],
        };
        let producer = self.producer.clone().unwrap_or_else(|| vec!["apache".to_owned()]);
        let producer = [vec!["-j".to_owned(), threads.to_owned()], producer].concat();
        let mut consumer = vec!["-j".to_owned(), threads.to_owned()];
        consumer.extend(self.consumer.clone().unwrap_or_default());
        if let Some(file) = &self.file {
            scratch.write(QUERY_FILE, file);
            consumer.extend(["-f".to_owned(), QUERY_FILE.to_owned()]);
        }
        match &self.query {
            None => {}
            Some(Query::One(query)) => consumer.push(query.clone()),
            Some(Query::Several(queries)) => consumer.extend(queries.iter().cloned()),
        }
        let outcome = match way {
            Way::Pipe(_) => Pipeline::both(&producer, &consumer).input(self.lines()).dir(scratch.path()).run(),
            Way::Saved | Way::Cut(..) => {
                let mut made = Pipeline::producer(&producer).input(self.lines()).dir(scratch.path()).run();
                // A producer that failed before it began has written no stream, and then there is nothing to cut.
                if let Way::Cut(records, _) = way
                    && (1..=CUT_UP_TO_BYTES).contains(&made.stdout.len())
                {
                    made.stdout = rebatched(&made.stdout, records).unwrap_or_else(|error| panic!("{error}\n{made}"));
                }
                let mut asked = Pipeline::consumer(&consumer).input(made.stdout).dir(scratch.path()).run();
                asked.ends.append(&mut made.ends);
                asked
            }
        };
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(scratch.path()).expect("a directory can be listed") {
            let name = entry.expect("a directory can be listed").file_name().to_string_lossy().into_owned();
            if name != QUERY_FILE {
                files.insert(name.clone(), String::from_utf8_lossy(&scratch.read(&name)).into_owned());
            }
        }
        Came { outcome, files }
    }

    fn lines(&self) -> Vec<u8> {
        let one = match &self.input {
            Some(input) => input.clone().into_bytes(),
            None => {
                let name = self.log.as_deref().unwrap_or("ten");
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(format!("{name}.log"));
                fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            }
        };
        one.repeat(self.repeat.unwrap_or(1))
    }

    fn wrong(&self, Came { outcome, files }: &Came) -> Option<&'static str> {
        let code = |program| outcome.end(program).code();
        if outcome.ends.iter().any(|end| end.stderr.contains("panicked")) {
            Some("a panic")
        } else if code(Program::Consumer) != Some(self.exit) {
            Some("another exit code of the consumer")
        } else if code(Program::Producer) != Some(self.producer_exit) {
            Some("another exit code of the producer")
        } else if outcome.stdout != self.stdout.as_bytes() {
            Some("another stdout")
        } else if !is_as_expected(outcome.consumer_says(), &self.stderr) {
            Some("another stderr of the consumer")
        } else if !is_as_expected(outcome.producer_says(), &self.producer_stderr) {
            Some("another stderr of the producer")
        } else if *files != self.files {
            Some("other files")
        } else {
            None
        }
    }

    /// The file of the case.
    pub fn to_toml(&self) -> String {
        let mut out = String::new();
        let mut put = |key: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                let _ = writeln!(out, "{key} = {value}");
            }
        };
        let text = |value: &Option<String>| value.as_deref().map(quoted);
        let array = |values: &[String]| format!("[{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", "));
        put("about", Some(quoted(&self.about)));
        put("why", text(&self.why));
        put("input", text(&self.input));
        put("log", text(&self.log));
        put("repeat", self.repeat.map(|times| times.to_string()));
        put("producer", self.producer.as_deref().map(array));
        put("consumer", self.consumer.as_deref().map(array));
        put("file", text(&self.file));
        put(
            "query",
            self.query.as_ref().map(|query| match query {
                Query::One(query) => quoted(query),
                Query::Several(queries) => array(queries),
            }),
        );
        put("exit", (self.exit != 0).then(|| self.exit.to_string()));
        put("producer_exit", (self.producer_exit != 0).then(|| self.producer_exit.to_string()));
        put("by_batch", self.by_batch.then(|| "true".to_owned()));
        put("stderr", text(&self.stderr));
        put("producer_stderr", text(&self.producer_stderr));
        put("stdout", Some(quoted(&self.stdout)));
        let files = |(name, text): (&String, &String)| format!("{} = {}\n", quoted_key(name), quoted(text));
        if !self.files.is_empty() {
            out.push_str("\n[files]\n");
            out.extend(self.files.iter().map(files));
        }
        out
    }
}

/// Whether a program said what it should: these words among others, or nothing at all.
fn is_as_expected(said: &str, expected: &Option<String>) -> bool {
    expected.as_ref().map_or(said.is_empty(), |words| said.contains(words.trim_end()))
}

/// A TOML key that may have a dot in it.
fn quoted_key(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A TOML string: literal where that is possible, over several lines where the text has several.
fn quoted(text: &str) -> String {
    let plain = !text.contains("'''") && text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control());
    match (plain, text.contains('\n'), text.contains('\'')) {
        (true, true, _) if !text.ends_with('\'') => format!("'''\n{text}'''"),
        (true, false, false) if text.contains(['"', '\\']) => format!("'{text}'"),
        _ => {
            let mut out = String::from("\"");
            for c in text.chars() {
                match c {
                    '"' | '\\' => out.extend(['\\', c]),
                    '\n' => out.push_str("\\n"),
                    '\t' => out.push_str("\\t"),
                    '\r' => out.push_str("\\r"),
                    c if c.is_control() => {
                        let _ = write!(out, "\\u{:04x}", c as u32);
                    }
                    c => out.push(c),
                }
            }
            out + "\""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, quoted};

    #[test]
    fn what_is_written_reads_back() {
        for text in ["", "a", "a \"b\" \\d", "it's", "two\nlines\n", "two\nlines'", "\u{1}\r\n\t", "'''\n", "ü\\\n"] {
            let table: toml::Table = toml::from_str(&format!("a = {}", quoted(text))).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!(table["a"].as_str(), Some(text));
        }
        let file = "about = \"x\"\nlog = \"ten\"\nrepeat = 3\nproducer = [\"apache\", \"-q\"]\nquery = [\"count\", 'print \"{count}\"']\nexit = 2\nstdout = \"\"\n\n[files]\n\"a.csv\" = \"count\"\n";
        assert_eq!(toml::from_str::<Case>(file).unwrap().to_toml(), file);
    }
}
