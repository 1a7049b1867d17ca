//! The answers to random queries, compared with those of SQLite and of Python: `tests/oracle/` writes both from the documentation alone.
//! `mixed_queries.py` is about what SQLite has not: fields of several types, that come late, integers beyond 64 bits.
//! `joins.py` is about two inputs. Skipped, with a message, where there is no Python with SQLite.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use e2e::{Pipeline, Program};

/// Queries of each run; the script takes any number.
const QUERIES: &str = "200";

/// For a machine on which other things run, too.
const LONG: Duration = Duration::from_secs(300);

/// What says that Python is here, and SQLite with it.
const PROBE: &str = "command -v python3 >/dev/null && python3 -c 'import sqlite3' 2>/dev/null && echo yes";

fn compare(script: &str, seed: &[&str]) {
    if Pipeline::shell(PROBE).run().text() != "yes\n" {
        // Whether anybody reads it is no matter.
        let _ = writeln!(io::stderr(), "skipped: there is no python3 with sqlite3");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle").join(script);
    let (script, programs) = (script.display().to_string(), Program::directory().display().to_string());
    // Nothing is written beside the scripts.
    let args = [&["-B", &script, "--bin", &programs, "--count", QUERIES][..], seed].concat();
    let outcome = Pipeline::python(&args).deadline(LONG).run().succeeds();
    let said = outcome.text();
    assert!(said.starts_with("skipped: ") || said.contains(" 0 differences; "), "{said}");
}

#[test]
fn sqlite_agrees_as_it_did_before() {
    compare("random_queries.py", &["--seed", "1"]);
}

#[test]
fn sqlite_agrees_about_what_was_never_asked() {
    compare("random_queries.py", &[]);
}

#[test]
fn python_agrees_about_values_of_any_type_as_it_did_before() {
    compare("mixed_queries.py", &["--seed", "1"]);
}

#[test]
fn python_agrees_about_values_of_any_type_that_were_never_asked() {
    compare("mixed_queries.py", &[]);
}

#[test]
fn python_agrees_about_lookups_and_joins_as_it_did_before() {
    compare("joins.py", &["--seed", "1"]);
}

#[test]
fn python_agrees_about_lookups_and_joins_that_were_never_asked() {
    compare("joins.py", &[]);
}

#[test]
fn python_agrees_about_what_depends_on_order_as_it_did_before() {
    compare("per_queries.py", &["--seed", "1"]);
}

#[test]
fn python_agrees_about_what_depends_on_order_and_was_never_asked() {
    compare("per_queries.py", &[]);
}
