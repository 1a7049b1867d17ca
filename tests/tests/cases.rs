//! Runs the table cases of `cases/`. What a case is made of is told in the harness, in `src/case.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    env, fs,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use e2e::{
    Pipeline,
    case::{Case, directory, find},
};

/// There are as many or more; fewer say that some were lost. To be raised with those that come.
const AT_LEAST: usize = 383;

/// Cases run at the same time.
const AT_ONCE: usize = 4;

#[test]
fn every_case_is_answered_as_it_says() {
    let mut files = find();
    assert!(files.len() >= AT_LEAST, "only {} cases found in {}", files.len(), directory().display());
    // Some of them, while they are written: those whose paths have this in them.
    if let Some(part) = env::var("CASES").ok().filter(|part| !part.is_empty()) {
        files.retain(|file| file.to_string_lossy().contains(&part));
        assert!(!files.is_empty(), "no case has {part} in its path");
    }
    let update = env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = Case::read(file).and_then(|case| {
                        if update {
                            fs::write(file, case.updated().to_toml()).map_err(|error| error.to_string())?;
                        }
                        Case::read(file)?.check()
                    });
                    if let Err(wrong) = found {
                        failures.lock().unwrap().push(format!("{}\n{wrong}", file.strip_prefix(directory()).unwrap_or(file).display()));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "{} of {} cases:\n\n{}", failures.len(), files.len(), failures.join("\n\n"));
}

/// What `consumer help` gives of a topic: the lines that say how a word is written.
fn syntaxes(topic: &str) -> Vec<String> {
    let text = Pipeline::consumer(&["help", topic]).run().succeeds().text();
    let lines = text.lines().filter(|line| !line.starts_with(' ') && !line.is_empty());
    lines.map(|line| line.strip_prefix("[stats]").map_or(line.to_owned(), |rest| format!("stats{rest}"))).collect()
}

/// The words that a syntax begins with, and those after each `|` of it.
fn words(syntax: &str) -> impl Iterator<Item = &str> {
    syntax
        .split(" | ")
        .filter_map(|form| form.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next())
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
}

#[test]
fn every_word_is_in_a_case() {
    let all: Vec<String> = find().iter().map(|file| Case::read(file).unwrap_or_else(|error| panic!("{error}")).text()).collect();
    let text = all.join(" | ");
    // What a stage begins with, and what is called; strings and comments do no harm.
    let begins: Vec<&str> = text.split(['|', '[', '\n']).filter_map(|stage| stage.split_whitespace().next()).collect();
    let is_stage = |word: &str| begins.contains(&word);
    let is_called = |word: &str, after: &str| {
        let at = |(place, _)| {
            !text[..place].ends_with(|c: char| c.is_alphanumeric() || c == '_') && text[place + word.len()..].starts_with(after)
        };
        text.match_indices(word).any(at)
    };
    let mut missing = Vec::new();
    for syntax in syntaxes("stages") {
        let word = words(&syntax).next().unwrap();
        let about = Pipeline::consumer(&["help", word]).run().succeeds().text();
        let also = about.lines().find_map(|line| line.trim().strip_prefix("also:")).unwrap_or_default();
        missing
            .extend([word].into_iter().chain(also.split([',', ' '])).filter(|word| !word.is_empty() && !is_stage(word)).map(str::to_owned));
    }
    for syntax in syntaxes("aggregates").iter().chain(&syntaxes("functions")) {
        missing.extend(words(syntax).filter(|word| !is_called(word, "(")).map(|word| format!("{word}(")));
    }
    for sign in [
        "or",
        "||",
        "and",
        "&&",
        "not",
        "!",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "=~",
        "!~",
        "in",
        "not in",
        "contains",
        "not contains",
        "startswith",
        "not startswith",
        "endswith",
        "not endswith",
        "??",
        "+",
        "-",
        "*",
        "/",
        "//",
        "%",
    ] {
        missing.extend((!text.contains(&format!(" {sign} "))).then(|| sign.to_owned()).filter(|sign| sign != "!" || !text.contains("!(")));
    }
    for unit in ["B", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "w", "d", "h", "m", "s", "ms", "us", "ns"] {
        let is_there = text.match_indices(unit).any(|(place, _)| {
            text[..place].ends_with(|c: char| c.is_ascii_digit())
                && !text[place + unit.len()..].starts_with(|c: char| c.is_ascii_alphabetic())
        });
        missing.extend((!is_there).then(|| format!("1{unit}")));
    }
    assert!(missing.is_empty(), "in no case: {missing:?}");
    assert!(!is_called("sum", "[") && !is_stage("consumer"), "this test sees everything everywhere");
}
