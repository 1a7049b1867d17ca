//! `docs/coming-from.md`: every command on the right of its tables is answered, on the files of `docs/examples`; where the program on the
//! left is installed, both give the same lines, whatever their order and whatever stands between the values.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use e2e::{Outcome, Pipeline, Program, Scratch};

/// Rows asked at the same time.
const AT_ONCE: usize = 4;
/// Programs whose commands are run as they stand, if they are there.
const PEERS: [&str; 6] = ["grep", "cut", "tail", "awk", "jq", "sort"];
/// The sections whose left sides are commands of a shell.
const OF_A_SHELL: [&str; 4] = ["grep, sort, uniq, cut", "awk", "jq", "Miller"];
/// The peer that writes a line of names first.
const WITH_HEADER: &str = "mlr";
/// How SQL is asked.
const SQL: &str = "sqlite3 -tabs :memory: 'CREATE TABLE sales(day, shop, product, units INT, price REAL)' 'CREATE TABLE shops(shop, canton)' \
                   '.import --csv --skip 1 sales.csv sales' '.import --csv --skip 1 shops.csv shops'";

struct Row {
    section: String,
    theirs: String,
    ours: String,
}

/// The cells of a line of a table.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    Some(inner.split(" | ").map(|cell| cell.replace("\\|", "|").trim_matches('`').to_owned()).collect())
}

fn rows(page: &str) -> Vec<Row> {
    let (mut rows, mut section, mut command) = (Vec::new(), "", String::new());
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        } else if let Some((_, rest)) = line.split_once("The right side is the query of `") {
            command = rest.split_once('`').unwrap().0.to_owned();
        } else if let Some(cells) = cells(line).filter(|cells| cells[0] != "there" && cells[0] != "---") {
            let [theirs, ours] = <[String; 2]>::try_from(cells).unwrap_or_else(|cells| panic!("{cells:?}"));
            let ours = if ours.starts_with("recpipe ") { ours } else { command.replace("QUERY", &ours) };
            rows.push(Row { section: section.to_owned(), theirs, ours });
        }
    }
    rows
}

fn run(script: &str, scratch: &Scratch) -> Outcome {
    Pipeline::shell(script).dir(scratch.path()).env("LC_ALL", "C").run()
}

fn is_there(program: &str, scratch: &Scratch) -> bool {
    let is_there = run(&format!("command -v {program}"), scratch).text() != "";
    if !is_there {
        // Whether anybody reads it is no matter.
        let _ = writeln!(io::stderr(), "skipped: there is no {program}");
    }
    is_there
}

/// The values of each line, sorted; then the lines, sorted. Numbers are alike to six digits, which is what awk writes.
fn values(text: &str) -> Vec<Vec<String>> {
    let value = |word: &str| match word.parse::<f64>() {
        Ok(number) => format!("{number:.5e}"),
        Err(_) => word.to_owned(),
    };
    let mut lines: Vec<Vec<String>> = text
        .lines()
        .map(|line| {
            let words = line.split([' ', '\t', ',', '"']).filter(|word| !word.is_empty() && *word != "-");
            let mut words: Vec<String> = words.map(value).collect();
            words.sort();
            words
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn what_is_said_here_gives_what_is_said_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/coming-from.md")).unwrap();
    let scratch = Scratch::new();
    for example in fs::read_dir(root.join("docs/examples")).unwrap() {
        let example = example.unwrap();
        fs::copy(example.path(), scratch.path().join(example.file_name())).unwrap();
    }
    let peers: Vec<&str> = PEERS.into_iter().chain([WITH_HEADER]).filter(|peer| is_there(peer, &scratch)).collect();
    let has_sql = is_there("sqlite3", &scratch);
    let rows = rows(&page);
    let (next, compared, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(Row { section, theirs, ours }) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let peer = theirs.split(' ').next().unwrap();
                    let script = match section.as_str() {
                        "SQL" if has_sql => Some(format!("{SQL} \"{theirs}\"")),
                        section if OF_A_SHELL.contains(&section) && peers.contains(&peer) => Some(theirs.clone()),
                        _ => None,
                    };
                    compared.fetch_add(usize::from(script.is_some()), Ordering::Relaxed);
                    if let Err(what) = check(ours, script.as_deref(), peer == WITH_HEADER, &scratch) {
                        wrong.lock().unwrap().push(format!("{section}: {theirs}\n{what}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows.len() > 100, "only {} rows were found", rows.len());
    let compared = compared.into_inner();
    assert!(compared > 15 || peers.len() < 4, "only {compared} were compared");
}

/// Asks ours, and holds it against the other.
fn check(ours: &str, theirs: Option<&str>, has_header: bool, scratch: &Scratch) -> Result<(), String> {
    let outcome = run(ours, scratch);
    let end = outcome.end(Program::Shell);
    if end.code() != Some(0) || !end.stderr.is_empty() {
        return Err(outcome.to_string());
    }
    let Some(theirs) = theirs else { return Ok(()) };
    let (there, here) = (run(theirs, scratch), run(&as_lines(ours), scratch));
    let (there_text, here_text) = (there.text(), here.text());
    let below = |text: &str| text.split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned());
    let there_lines = if has_header { below(&there_text) } else { there_text };
    if values(&there_lines) == values(&below(&here_text)) { Ok(()) } else { Err(format!("another answer\n{there}\n{here}")) }
}

/// The command with its answer in lines, below one of names.
fn as_lines(ours: &str) -> String {
    ours.strip_suffix('\'').map_or_else(|| ours.to_owned(), |query| format!("{query} | tsv'"))
}
