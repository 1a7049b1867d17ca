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
//! - `other`: a second log, of which there is a stream in a file `other.rec`, in batches of three records; `other_producer`: the
//!   arguments that it is made with, the default is `["apache"]`;
//! - `beside`: a table of files that are there beforehand, in the directory that the programs run in, and what is in them;
//! - `producer`: its arguments, the default is `["apache"]`;
//! - `query`: one argument or an array of them; `file`: a query file, given with `-f`; `consumer`: options before it;
//! - `stdout`: exactly this; `stderr`, `producer_stderr`: these words somewhere in what the program says. Without the key
//!   the program must say nothing;
//! - `files`: a table of the files that are there afterwards, in the directory that the programs run in, and what is in
//!   them; without the key there is none;
//! - `exit`, `producer_exit`: 0 unless it says otherwise;
//! - `by_batch = true`: how outputs mix on standard output depends on the batches, as documented of `tee`.
//!
//! Every case is run with 1, 2 and 8 threads on both sides of a pipe; and with a saved stream between them, where the consumer
//! cannot tell the producer what it needs: in batches of 1, of 7 and of as many records as they come in, for 1, 2 and 8 threads
//! and for worker processes ([`PROCESSES`]). The stream is made once a case: that its bytes are the same for any number of
//! threads is for tests of the producer. Two things are left out, since they can say nothing new: batches of other sizes where
//! the case says `by_batch`, where nothing came or where much did; and worker processes where the case names its own.
//! `UPDATE_EXPECT=1` writes what came into the file: read the difference before you believe it.

mod front;

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde::Deserialize;

use crate::{
    outcome::Outcome,
    process::{Pipeline, Program},
    scratch::Scratch,
    stream::rebatched,
};

/// The numbers of threads that every case is run with, on both sides.
pub const THREADS: [&str; 3] = ["1", "2", "8"];

/// The name of the query file, in the directory that the programs run in.
const QUERY_FILE: &str = "report.q";

/// The name of the second stream, in the same directory.
const OTHER_FILE: &str = "other.rec";

/// The sizes of batches that every case is run with, where they are not those that the producer makes.
pub const CUTS: [usize; 2] = [1, 7];

/// Worker processes, and the size of the batches that they get.
pub const PROCESSES: [(&str, Option<usize>); 3] = [("1", Some(7)), ("2", Some(1)), ("2", None)];

/// A stream of more bytes is not cut: a frame for each of its records says nothing that a short one does not.
const CUT_UP_TO_BYTES: usize = 1 << 18;

/// How the two programs are put together.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// With a pipe between them, and so many threads on both sides.
    Pipe(&'static str),
    /// One after the other, with batches of so many records for so many threads.
    Saved(Option<usize>, &'static str),
    /// The same, for so many worker processes.
    Processes(Option<usize>, &'static str),
}

/// What a producer has left when it is over: a stream, and files.
struct Made {
    outcome: Outcome,
    files: BTreeMap<String, Vec<u8>>,
    /// The stream in batches of other sizes, where it can be cut.
    cut: Vec<(usize, Vec<u8>)>,
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
    other: Option<String>,
    other_producer: Option<Vec<String>>,
    #[serde(default)]
    beside: BTreeMap<String, String>,
    /// The stream of `other`, once it is made.
    #[serde(skip)]
    other_made: OnceLock<Vec<u8>>,
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
        for threads in THREADS {
            self.judge(Way::Pipe(threads), self.piped(threads))?;
        }
        let made = self.made();
        let sizes = || made.cut.iter().map(|(records, _)| Some(*records)).chain([None]);
        let saved = sizes().flat_map(|size| THREADS.map(|threads| Way::Saved(size, threads)));
        let names_its_own = self.consumer.iter().flatten().any(|option| option == "--processes");
        let processes = PROCESSES.iter().filter(|(_, size)| !names_its_own && sizes().any(|made| made == *size));
        for way in saved.chain(processes.map(|&(processes, size)| Way::Processes(size, processes))) {
            self.judge(way, self.asked(&made, way))?;
        }
        Ok(())
    }

    fn judge(&self, way: Way, came: Came) -> Result<(), String> {
        let Some(wrong) = self.wrong(&came) else { return Ok(()) };
        let Came { outcome, files } = came;
        Err(format!("{way:?}: {wrong}\nstdout expected:\n{}\n{outcome}\nfiles: {files:?}", self.stdout))
    }

    /// The case with what came, the run with one thread each being believed. Words that were said stay the words.
    pub fn updated(&self) -> Self {
        let Came { outcome, files } = self.piped(THREADS[0]);
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

    /// Both programs, with a pipe between them.
    fn piped(&self, threads: &str) -> Came {
        let scratch = Scratch::new();
        let (producer, consumer) = (self.producer(threads), self.consumer(&["-j", threads], &scratch));
        let outcome = Pipeline::both(&producer, &consumer).input(self.lines()).dir(scratch.path()).run();
        Came { outcome, files: texts(files_in(&scratch, &self.beside)) }
    }

    /// The producer alone.
    fn made(&self) -> Made {
        let scratch = Scratch::new();
        let outcome = Pipeline::producer(&self.producer(THREADS[1])).input(self.lines()).dir(scratch.path()).run();
        let stream = &outcome.stdout;
        // A producer that failed before it began has written no stream, and then there is nothing to cut.
        let can_be_cut = !self.by_batch && (1..=CUT_UP_TO_BYTES).contains(&stream.len());
        let cut = |&records: &usize| (records, rebatched(stream, records).unwrap_or_else(|error| panic!("{error}\n{outcome}")));
        Made { cut: CUTS.iter().filter(|_| can_be_cut).map(cut).collect(), files: files_in(&scratch, &self.beside), outcome }
    }

    /// The consumer alone, after the producer.
    fn asked(&self, made: &Made, way: Way) -> Came {
        let scratch = Scratch::new();
        for (name, content) in &made.files {
            scratch.write(name, content);
        }
        let (options, size) = match way {
            Way::Pipe(threads) => (["-j", threads], None),
            Way::Saved(size, threads) => (["-j", threads], size),
            Way::Processes(size, processes) => (["--processes", processes], size),
        };
        let cut = made.cut.iter().find(|(records, _)| Some(*records) == size);
        let stream = cut.map_or(&made.outcome.stdout, |(_, stream)| stream);
        let mut outcome = Pipeline::consumer(&self.consumer(&options, &scratch)).input(stream.clone()).dir(scratch.path()).run();
        outcome.ends.extend(made.outcome.ends.iter().cloned());
        Came { outcome, files: texts(files_in(&scratch, &self.beside)) }
    }

    fn producer(&self, threads: &str) -> Vec<String> {
        let args = self.producer.clone().unwrap_or_else(|| vec!["apache".to_owned()]);
        [vec!["-j".to_owned(), threads.to_owned()], args].concat()
    }

    fn consumer(&self, options: &[&str], scratch: &Scratch) -> Vec<String> {
        let mut args: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        args.extend(self.consumer.clone().unwrap_or_default());
        if let Some(other) = &self.other {
            scratch.write(OTHER_FILE, self.other_made.get_or_init(|| self.other_stream(other)));
        }
        for (name, text) in &self.beside {
            scratch.write(name, text);
        }
        if let Some(file) = &self.file {
            scratch.write(QUERY_FILE, file);
            args.extend(["-f".to_owned(), QUERY_FILE.to_owned()]);
        }
        args.extend(self.queries());
        args
    }

    fn other_stream(&self, other: &str) -> Vec<u8> {
        let args = self.other_producer.clone().unwrap_or_else(|| vec!["apache".to_owned()]);
        let outcome = Pipeline::producer(&args).input(other.as_bytes()).run().succeeds();
        rebatched(&outcome.stdout, 3).unwrap_or_else(|error| panic!("{error}"))
    }

    /// All that is asked, in a file or as arguments.
    pub fn text(&self) -> String {
        self.file.iter().cloned().chain(self.queries()).collect::<Vec<_>>().join(" | ")
    }

    /// The arguments that are the query.
    fn queries(&self) -> Vec<String> {
        match &self.query {
            None => Vec::new(),
            Some(Query::One(query)) => vec![query.clone()],
            Some(Query::Several(queries)) => queries.clone(),
        }
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
        put("other", text(&self.other));
        put("other_producer", self.other_producer.as_deref().map(array));
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
        if !self.beside.is_empty() {
            out.push_str("\n[beside]\n");
            out.extend(self.beside.iter().map(files));
        }
        if !self.files.is_empty() {
            out.push_str("\n[files]\n");
            out.extend(self.files.iter().map(files));
        }
        out
    }
}

/// The files of a directory that programs have run in, but for the query, the second stream, and what was there beforehand.
fn files_in(scratch: &Scratch, beside: &BTreeMap<String, String>) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(scratch.path()).expect("a directory can be listed");
    let names = entries.map(|entry| entry.expect("a directory can be listed").file_name().to_string_lossy().into_owned());
    let is_left = |name: &String| name != QUERY_FILE && name != OTHER_FILE && !beside.contains_key(name);
    names.filter(is_left).map(|name| (name.clone(), scratch.read(&name))).collect()
}

fn texts(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    files.into_iter().map(|(name, content)| (name, String::from_utf8_lossy(&content).into_owned())).collect()
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
