//! `recpipe`: both programs in one answer as they do with a pipe between them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use e2e::{
    Pipeline, Program, Scratch,
    case::{Case, directory, find},
};

/// Cases run at the same time.
const AT_ONCE: usize = 4;

#[test]
fn every_case_is_answered_as_by_the_two_programs() {
    let files = find();
    let (next, asked, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let case = Case::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
                    if !case.has_front() {
                        continue;
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                    for threads in ["1", "4"] {
                        if let Err(wrong) = case.check_front(threads) {
                            let name = file.strip_prefix(directory()).unwrap_or(file).display().to_string();
                            failures.lock().unwrap().push(format!("{name} -j {threads}\n{wrong}"));
                        }
                    }
                }
            });
        }
    });
    let (asked, mut failures) = (asked.into_inner(), failures.into_inner().unwrap());
    failures.sort();
    assert!(asked * 10 > files.len() * 8, "only {asked} of {} cases were asked", files.len());
    assert!(failures.is_empty(), "{} failures in {asked} cases:\n\n{}", failures.len(), failures.join("\n\n"));
}

const SALES: &str = "item,price,shop\ntea,3,a\ncake,5,b\npie,7,a\n";

/// Both ways: what is written, and what is said but for the names of the programs, line by line.
fn both_ways(producer: &str, consumer: &str, front: &str) {
    let scratch = Scratch::new();
    scratch.write("sales.csv", SALES);
    scratch.write("bad.log", "no such line\n".repeat(3));
    scratch.write("big.csv", format!("n\n{}", (0..200_000).map(|n| format!("{}\n", n * 7919 % 200_003)).collect::<String>()));
    let run = |script: &str| Pipeline::shell(script).dir(scratch.path()).run();
    let (pair, one) = (run(&format!("producer {producer} | consumer {consumer}")), run(&format!("recpipe {front}")));
    let said = |outcome: &e2e::Outcome| {
        let said = outcome.end(Program::Shell).stderr.clone();
        let mut lines: Vec<String> = said
            .lines()
            .map(|line| line.replacen("producer: ", "", 1).replacen("consumer: ", "", 1).replacen("recpipe: ", "", 1))
            .collect();
        // Of two programs, nobody knows who speaks first.
        lines.sort();
        lines
    };
    assert_eq!((pair.text(), said(&pair)), (one.text(), said(&one)), "{front}");
    assert_eq!(pair.end(Program::Shell).code(), one.end(Program::Shell).code(), "{front}\n{one}");
}

#[test]
fn exits_and_messages_are_those_of_the_pair() {
    for (producer, consumer, front) in [
        ("csv sales.csv", "'sum(price) by shop'", "csv sales.csv 'sum(price) by shop'"),
        ("csv < sales.csv", "count", "csv count < sales.csv"),
        ("csv no.csv", "count", "csv no.csv count"),
        ("csv sales.csv no.csv", "count", "csv sales.csv no.csv count"),
        ("cvs sales.csv", "count", "cvs sales.csv count"),
        ("csv --fields no sales.csv", "count", "csv --fields no sales.csv count"),
        ("csv sales.csv", "'sum(item)'", "csv sales.csv 'sum(item)'"),
        ("csv sales.csv", "'where wehre'", "csv sales.csv 'where wehre'"),
        ("apache bad.log", "count", "apache bad.log count"),
        ("apache bad.log --rejects x", "count", "apache bad.log --rejects x count"),
        ("apache --strict bad.log", "--strict count", "apache --strict bad.log count"),
        ("csv sales.csv", "'expect count > 5'", "csv sales.csv 'expect count > 5'"),
        ("csv --cast item=int sales.csv", "json", "csv --cast item=int sales.csv json"),
        ("csv big.csv", "--memory 1MiB 'sort n | head 3'", "csv big.csv --memory 1MiB 'sort n | head 3'"),
        ("csv big.csv", "--processes 2 'count by n % 3'", "csv big.csv --processes 2 'count by n % 3'"),
        ("csv big.csv", "--explain 'where n > 5 | sum(n)'", "csv big.csv --explain 'where n > 5 | sum(n)'"),
        // The argument of a format, that could be a query.
        ("regex '(?P<head>.).*' sales.csv", "count", "regex '(?P<head>.).*' sales.csv count"),
        ("xml head sales.csv", "count", "xml head sales.csv count"),
        ("csv sales.csv", "'lookup \"sales.csv\" on item keep price as p'", "csv sales.csv 'lookup \"sales.csv\" on item keep price as p'"),
        ("--since now csv sales.csv", "count", "--since now csv sales.csv count"),
        ("range 100000000", "'head 2'", "range 100000000 'head 2'"),
        ("csv sales.csv", "--check 'where price > 3'", "csv sales.csv --check 'where price > 3'"),
    ] {
        both_ways(producer, consumer, front);
    }
}

#[test]
fn what_is_missing_is_said() {
    let scratch = Scratch::new();
    scratch.write("sales.csv", SALES);
    for (args, part) in [
        (&["csv"][..], "the query is missing"),
        (&["csv", "sales.csv"], "sales.csv is a file, and the query is missing"),
        (&["csv", "sales.csv", "count by shop", "table"], "all stages stand in the last word: 'count by shop | table'"),
        (&["csv", "sales.csv", "where shop == 'a'", "head 3", "json"], r"word: 'where shop == '\''a'\'' | head 3 | json'"),
        (&["csv", "sales.csv", "--to", "x.rec", "count"], "--to"),
        (&["help", "wehre"], "did you mean `where`?"),
        (&["csv", "sales.csv", "-f", "no.q"], "cannot read the query no.q"),
        (&["--strict", "--max-errors", "3", "csv", "sales.csv", "count"], "cannot be used with"),
    ] {
        Pipeline::front(args).dir(scratch.path()).run().exits(&[2]).says(Program::Front, part).prints("");
    }
    let dry = Pipeline::front(&["--dry-run", "csv", "sales.csv", "count"]).dir(scratch.path()).run().exits(&[0]);
    assert!(dry.text().contains("tea") || dry.end(Program::Front).stderr.contains("tea"), "{dry}");
}

#[test]
fn whoever_has_enough_ends_an_endless_input() {
    let head = Pipeline::shell("yes | recpipe lines 'head 3 | print'").run();
    assert_eq!((head.text(), head.end(Program::Shell).code()), ("y\ny\ny\n".to_owned(), Some(0)), "{head}");
    // A closed standard output, also while nothing comes.
    let script = "mkfifo p; { recpipe lines p print; echo \"exit $?\" >&2; } | head -1 & exec 3>p; echo a >&3; wait; exec 3>&-";
    let scratch = Scratch::new();
    let closed = Pipeline::shell(script).dir(scratch.path()).run();
    assert_eq!(closed.text(), "a\n", "{closed}");
    assert!(closed.end(Program::Shell).stderr.contains("exit 0"), "{closed}");
}

#[test]
fn a_signal_ends_the_reading_and_the_answer_is_given() {
    let scratch = Scratch::new();
    let script = "mkfifo p; recpipe lines p 'tee [ count | write \"count.json\" ] | print' > out & pid=$!; exec 3>p; echo a >&3; \
                  until grep -q a out; do :; done; kill -TERM $pid; wait $pid; echo \"exit $?\"; cat count.json";
    let ended = Pipeline::shell(script).dir(scratch.path()).run();
    assert_eq!(ended.text(), "exit 143\n{\"count\":1}\n", "{ended}");
}
