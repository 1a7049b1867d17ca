//! Totals, order and bytes, compared with what the log is known to hold; and the same bytes for any number of threads.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{Pipeline, Program, Scratch, log::Log};
use regex::bytes::Regex;

/// The numbers of threads that are compared.
const THREADS: [&str; 4] = ["1", "2", "3", "8"];

/// Lines enough for several blocks.
const LINES: usize = 20_000;

fn ask(log: &[u8], query: &str) -> String {
    Pipeline::both(&["apache"], &[query]).input(log).run().succeeds().text()
}

#[test]
fn totals_are_those_of_the_seeds_pattern() {
    // The pattern of Beazley's `apache_log`, line by line, as anybody would have written it.
    let pattern = Regex::new(r#"^(\S+) (\S+) (\S+) \[(.*?)\] "(\S+) (\S+) (\S+)" (\S+) (\S+)"#).unwrap();
    let log = Log::common(1, LINES).text();
    let (mut bytes, mut lines, mut by_status, mut missing) = (0, 0, BTreeMap::new(), BTreeSet::new());
    for line in log.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let fields = pattern.captures(line).unwrap();
        let text = |i: usize| std::str::from_utf8(fields.get(i).unwrap().as_bytes()).unwrap().to_owned();
        lines += 1;
        bytes += text(9).parse::<u64>().unwrap_or(0);
        *by_status.entry(text(8).parse::<u32>().unwrap()).or_insert(0) += 1;
        if text(8) == "404" {
            missing.insert(text(6));
        }
    }
    assert_eq!(ask(&log, "stats count, sum(bytes) | csv"), format!("count,sum(bytes)\n{lines},{bytes}\n"));
    let expect: String = by_status.iter().map(|(status, count)| format!("{status},{count}\n")).collect();
    assert_eq!(ask(&log, "count by status | csv"), format!("status,count\n{expect}"));
    let found = ask(&log, "where status == 404 | distinct request | print \"{request}\"");
    assert_eq!(found.lines().count(), missing.len());
    assert!(found.lines().all(|request| missing.contains(request)));
}

#[test]
fn every_field_of_every_odd_line_is_right() {
    for log in [Log::common(2, 3000), Log::combined(3, 3000), Log::odd(4, 6000)] {
        let expect: String = log.0.iter().map(|entry| entry.json() + "\n").collect();
        Pipeline::both(&["apache"], &[] as &[&str]).input(log.text()).run().succeeds().prints(expect);
    }
}

#[test]
fn groups_are_those_of_an_independent_count() {
    let log = Log::odd(5, LINES);
    let mut groups: BTreeMap<&str, (u64, u64, u64, u64)> = BTreeMap::new();
    for entry in &log.0 {
        let bytes = entry.bytes.unwrap_or(0);
        let (count, sum, low, high) = groups.entry(&entry.host).or_insert((0, 0, u64::MAX, 0));
        (*count, *sum, *low, *high) = (*count + 1, *sum + bytes, bytes.min(*low), bytes.max(*high));
    }
    let expect: String = groups.iter().map(|(host, (count, sum, low, high))| format!("{host},{count},{sum},{low},{high}\n")).collect();
    let query = "stats count, sum(bytes), min(bytes), max(bytes) by host | csv";
    assert_eq!(ask(&log.text(), query), format!("host,count,sum(bytes),min(bytes),max(bytes)\n{expect}"));

    let mut largest: Vec<_> = groups.iter().map(|(host, group)| (std::cmp::Reverse(group.1), *host)).collect();
    largest.sort();
    let expect: String = largest[..7].iter().map(|(sum, host)| format!("{host} {}\n", sum.0)).collect();
    assert_eq!(ask(&log.text(), "sum(bytes) as b by host | top 7 | print \"{host} {b}\""), expect);
}

#[test]
fn the_order_is_that_of_the_input_for_any_number_of_threads() {
    let log = Log::odd(6, LINES);
    let scratch = Scratch::new();
    let path = scratch.write("access.log", log.text());
    let expect: String = log
        .0
        .iter()
        .filter(|entry| entry.status != 200)
        .map(|entry| format!("{} {} {}\n", entry.host, entry.status, entry.datetime))
        .collect();
    for threads in THREADS {
        let query = "where status != 200 | print \"{host} {status} {datetime}\"";
        Pipeline::both(&["apache", "-j", threads, path.to_str().unwrap()], &["-j", threads, query]).run().succeeds().prints(&expect);
    }
}

#[test]
fn the_stream_has_the_same_bytes_for_any_number_of_threads() {
    let scratch = Scratch::new();
    scratch.write("logs/a", Log::odd(7, LINES * 2).text());
    scratch.write("logs/b", Log::common(8, LINES * 2).text());
    let stream = |threads| Pipeline::producer(&["apache", "-j", threads, "logs"]).dir(scratch.path()).run().succeeds().stdout;
    let one = stream("1");
    let frames = e2e::stream::frames(&one).len();
    assert!(frames > 10, "{frames} frames are too few to come in a wrong order");
    for threads in THREADS {
        assert!(stream(threads) == one, "the stream of {threads} threads differs from that of one");
    }
}

#[test]
fn bytes_that_are_not_utf_8_pass_unchanged() {
    let line = b"h\xff - - [24/Feb/2008:00:08:59 -0600] \"GET /caf\xe9?\x80\xfe HTTP/1.0\" 200 7 \"\xc3\x28\" \"\xf0\x9f\"\n";
    let log = line.repeat(3000);
    let expect = b"h\xff|/caf\xe9?\x80\xfe|\xc3\x28|\xf0\x9f\n".repeat(3000);
    let query = "print \"{host}|{request}|{http_referer}|{http_user_agent}\"";
    Pipeline::both(&["apache"], &[query]).input(log.clone()).run().succeeds().prints(&expect);
    let csv = b"host,request\nh\xff,/caf\xe9?\x80\xfe\n";
    Pipeline::both(&["apache"], &["distinct host, request | csv"]).input(log).run().succeeds().prints(csv);
}

#[test]
fn the_ledger_adds_up() {
    let log = Log::odd(9, LINES);
    let text = [&log.text()[..], b"garbage\n", &log.text(), b"\xff\xfe\n"].concat();
    for threads in THREADS {
        // Every record is needed: what becomes of those that are not is told in `conditions.rs`.
        let query = "count(status == 404) as count | csv";
        let outcome = Pipeline::both(&["apache", "-j", threads, "--stats"], &["-j", threads, "--stats", query]).input(text.clone()).run();
        let missing = log.0.iter().filter(|entry| entry.status == 404).count() * 2;
        let outcome = outcome.exits(&[0, 0]).prints(format!("count\n{missing}\n"));
        let (lines, records, bytes) = (log.len() * 2 + 2, log.len() * 2, text.len());
        let ledger = format!("{lines} lines in, {records} records out, 2 lines rejected, 0 filtered; {bytes} bytes in ");
        outcome.says(Program::Producer, &ledger).says(Program::Consumer, &format!("{records} records in, 1 out"));
    }
}

#[test]
fn help_and_version_need_nothing() {
    for program in [Pipeline::producer, Pipeline::consumer] {
        let help = program(&["--help"]).run().succeeds().text();
        assert!(help.contains("Exit codes") && help.contains(" | consumer '"), "{help}");
        let version = program(&["--version"]).run().succeeds().text();
        assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
    }
    let help = Pipeline::producer(&["--help"]).run().text();
    assert!(help.contains("apache") && help.contains("--max-errors"), "{help}");
    let help = Pipeline::consumer(&["--help"]).run().text();
    assert!(["\n  where ", "\n  top ", " sum ", " lower ", "-j"].iter().all(|word| help.contains(word)), "{help}");
}

#[test]
fn what_cannot_be_meant_is_exit_2() {
    for args in [
        &["apahce"][..],
        &[],
        &["apache", "--no-such"],
        &["apache", "-j", "0"],
        &["apache", "--strict", "--max-errors", "1"],
        &["apache", "--name", "[z-a"],
    ] {
        let outcome = Pipeline::producer(args).run().exits(&[2]);
        // A format that there is not is told to the consumer too.
        let is_told = outcome.stdout.starts_with(b"\x89RECPIPE");
        assert!(!outcome.producer_says().is_empty() && (outcome.stdout.is_empty() || is_told), "{outcome}");
    }
    Pipeline::producer(&["apahce"]).run().exits(&[2]).says(Program::Producer, "did you mean `apache`?");
    for args in [&["--no-such"][..], &["-j", "0", "count"], &["-f", "no-such.q", "count"], &["where ("]] {
        let outcome = Pipeline::consumer(args).run();
        assert!(outcome.ends[0].code() == Some(2) && !outcome.consumer_says().is_empty(), "{outcome}");
    }
}

#[test]
fn many_threads_give_the_same_and_too_many_are_a_usage_error() {
    let log = Log::common(10, 1000);
    let outcome = Pipeline::both(&["apache", "-j", "300"], &["-j", "300", "count | csv"]).input(log.text()).run();
    outcome.prints("count\n1000\n").succeeds();
    for (run, program) in [
        (Pipeline::producer(&["apache", "-j", "100000"]), Program::Producer),
        (Pipeline::both(&["apache"], &["-j", "100000", "count | csv"]), Program::Consumer),
        (Pipeline::both(&["apache"], &["-j", "0", "count | csv"]), Program::Consumer),
    ] {
        let outcome = run.input(log.text()).run().without_panic().says(program, "1..=1024");
        assert_eq!(outcome.end(program).code(), Some(2), "{outcome}");
    }
}
