//! Records that a query does not need: they stay where they are, and nothing that is said changes by it.

use std::{
    io::{PipeWriter, Write},
    time::Instant,
};

use e2e::{
    Ended, Group, Outcome, Pipeline, Port,
    Program::{Consumer, Producer, Shell},
    SOON, Scratch,
    log::{Entry, Log},
};

/// What a pipe holds at least, and a log that it does hold.
const PIPE_BYTES: usize = 64 << 10;
const LINES: u64 = 500;

/// A pipe, in which the consumer is heard; and one through another program, in which it is not.
fn both_ways(scratch: &Scratch, producer: &str, consumer: &str) -> [Outcome; 2] {
    ["|", "| cat |"].map(|pipe| Pipeline::shell(&format!("{producer} {pipe} {consumer}")).dir(scratch.path()).run())
}

#[test]
fn the_answer_is_the_same_without_it() {
    let scratch = Scratch::new();
    let mut log = Log::odd(91, 20_000).text();
    for line in ["no record\n", "nor this\n"] {
        log.extend(line.as_bytes());
    }
    scratch.write("log", log);
    for query in [
        "where status == 404 | count by request | sort request | csv",
        "where status != 200 and bytes > 1000 | select host, bytes | csv",
        "where host == \"nobody\" | json",
        "where bytes == null | tail 5 | json",
        "where method == null or status == 404 | count",
        "let n = status | where n in 400..499 | skip 3 | tail 7 | csv",
        "where status == 404 | let x = bytes + 170141183460469231731687303715884105727 | json",
        "where bytes + 170141183460469231731687303715884105727 > 0 | where status == 1 | json",
        "tee [ count | csv ] | where status == 404 | csv",
        "trace | where status == 404 | count | csv",
        "where status == 404 | emit | consumer 'stats count, sum(bytes) | csv'",
    ] {
        for limit in ["2", "1"] {
            let query = match query.split_once(" | consumer ") {
                Some((first, then)) => format!("consumer '{first}' | consumer {then}"),
                None => format!("consumer '{query}'"),
            };
            let [piped, alone] = both_ways(&scratch, &format!("producer apache -q --max-errors {limit} log"), &query);
            assert_eq!(piped.text(), alone.text(), "{query}");
            assert_eq!(piped.end(Shell).code(), alone.end(Shell).code(), "{query}");
            let said = |outcome: &Outcome| {
                let stderr = &outcome.end(Shell).stderr;
                stderr.lines().filter(|line| line.starts_with("consumer: ")).map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(said(&piped), said(&alone), "{query}");
        }
    }
}

/// Two programs at the ends of something, the first of which is fed in two parts: the second when the query has answered
/// to the first, and so the producer could be told.
struct Fed {
    group: Group,
    log: Log,
}

impl Fed {
    fn new(seed: u64) -> Self {
        Fed { group: Group::new(), log: Log::common(seed, LINES as usize) }
    }

    /// Writes the log up to the first record of this status, waits until there is an answer in the output of the program of
    /// this number, and writes the rest: a pipe holds all of it, should nobody read.
    fn feed(&self, mut pipe: PipeWriter, status: u32, number: usize) {
        let text = |entries: &[Entry]| entries.iter().map(|entry| entry.line() + "\n").collect::<String>();
        let first = self.log.0.iter().position(|entry| entry.status == status).unwrap() + 1;
        pipe.write_all(text(&self.log.0[..first]).as_bytes()).unwrap();
        self.group.until("the query answers", SOON, |group| group.written(number) > 0);
        let rest = text(&self.log.0[first..]);
        assert!(rest.len() < PIPE_BYTES);
        pipe.write_all(rest.as_bytes()).unwrap();
    }

    fn hosts(&self, status: u32) -> Vec<&str> {
        self.log.0.iter().filter(|entry| entry.status == status).map(|entry| &*entry.host).collect()
    }
}

/// Of `N lines in, M records out, 0 lines rejected, 0 filtered, K records that no consumer needs; …`: M and K.
fn ledger(ended: &Ended) -> (u64, u64) {
    let line = ended.stderr.lines().find(|line| line.contains(" in, ")).unwrap_or_else(|| panic!("{ended}"));
    let before = |what: &str| -> u64 {
        line.split([',', ';'])
            .find(|part| part.contains(what))
            .map_or(0, |part| part.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or_else(|| panic!("{line}")))
    };
    assert_eq!(before(" in"), before(" out") + before(" no consumer needs"), "{line}");
    (before(" out"), before(" no consumer needs"))
}

fn records_in(stderr: &str) -> u64 {
    let line =
        stderr.lines().find(|line| line.starts_with("consumer: ") && line.contains(" records in, ")).unwrap_or_else(|| panic!("{stderr}"));
    line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{stderr}"))
}

const FOUND: &str = "where status == 404 | print \"{host}\"";

#[test]
fn through_a_pipe_they_do_not_travel() {
    let mut fed = Fed::new(92);
    let (reader, writer) = std::io::pipe().unwrap();
    let (from_producer, to_consumer) = std::io::pipe().unwrap();
    let producer = fed.group.start_writing_to(Producer, &["apache", "--stats"], reader, to_consumer);
    let consumer = fed.group.start(Consumer, &["--stats", FOUND], from_producer);
    fed.feed(writer, 404, consumer);
    let ended = fed.group.wait(producer, SOON).exits(0);
    let (sent, left_out) = ledger(&ended);
    assert!(left_out > LINES / 2, "{ended}");
    let ended = fed.group.wait(consumer, SOON).exits(0);
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), fed.hosts(404));
    assert_eq!(records_in(&ended.stderr), sent);
}

/// What consumers at links found, sorted, and how many records were left out for them. The first of them listens where a
/// URL is given, the others are children.
fn linked(consumers: &[&str], url: Option<&str>, spread: &str) -> (Fed, Vec<String>, u64) {
    let mut fed = Fed::new(93);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut args = ["apache", "--stats", "--spread", spread].map(str::to_owned).to_vec();
    for query in consumers {
        let child = || format!("exec:'{}' '{query}'", Consumer.path().display());
        args.extend(["--to".to_owned(), url.map_or_else(child, str::to_owned)]);
    }
    let listener = url.map(|url| fed.group.run(Consumer, &["--listen", url, consumers[0]]));
    let producer = fed.group.start(Producer, &args, reader);
    fed.feed(writer, 404, listener.unwrap_or(producer));
    let ended = fed.group.wait(producer, SOON).exits(0);
    let (sent, left_out) = ledger(&ended);
    assert_eq!(sent + left_out, LINES);
    let answer = listener.map_or(ended.stdout, |number| fed.group.wait(number, SOON).exits(0).stdout);
    let mut found: Vec<String> = answer.lines().map(str::to_owned).collect();
    found.sort_unstable();
    (fed, found, left_out)
}

#[test]
fn between_sockets_and_to_children_they_do_not_travel() {
    let (port, until) = (Port::new(), Instant::now() + SOON);
    for (consumers, url, spread, times) in [
        (&[FOUND][..], Some(port.tcp()), "balance", 1),
        (&[FOUND], Some("unix:s".to_owned()), "balance", 1),
        (&[FOUND], None, "balance", 1),
        (&[FOUND; 2], None, "balance", 1),
        (&[FOUND; 2], None, "broadcast", 2),
        (&[FOUND; 2], None, "shard=host", 1),
    ] {
        // When a consumer at a link is heard is not in our hands: that it was, once, is enough.
        while {
            let (fed, found, left_out) = linked(consumers, url.as_deref(), spread);
            let mut expect: Vec<&str> = (0..times).flat_map(|_| fed.hosts(404)).collect();
            expect.sort_unstable();
            assert_eq!(found, expect, "{consumers:?} {url:?} {spread}");
            left_out < LINES / 2
        } {
            assert!(Instant::now() < until, "{consumers:?} {url:?} {spread}: never heard");
        }
    }
}

#[test]
fn what_one_of_several_needs_is_sent() {
    let (fed, found, left_out) = linked(&[FOUND, "where status >= 404 | print \"{host}\""], None, "broadcast");
    let others = fed.log.0.iter().filter(|entry| entry.status >= 404).map(|entry| &*entry.host);
    let mut expect: Vec<&str> = fed.hosts(404).into_iter().chain(others).collect();
    expect.sort_unstable();
    assert_eq!((found, left_out), (expect.into_iter().map(str::to_owned).collect(), 0));
}

/// A field that has another type later is an error, also where no record with it is needed.
#[test]
fn an_error_is_not_left_out() {
    let [piped, alone] = ["|", "| cat |"].map(|pipe| {
        let mut group = Group::new();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let [producer, consumer] = [Producer, Consumer].map(|program| format!("'{}'", program.path().display()));
        let script = format!("{producer} json {pipe} {consumer} 'where a * 170141183460469231731687303715884105727 > 0 | json'");
        let shell = group.start(Shell, &["-c", &script], reader);
        writer.write_all(b"{\"a\":1,\"b\":1}\n").unwrap();
        group.until("the query answers", SOON, |group| group.written(shell) > 0);
        writer.write_all(b"{\"a\":2,\"b\":1.5}\n").unwrap();
        drop(writer);
        group.wait(shell, SOON).exits(1).says("integer overflow")
    });
    assert_eq!((&piped.stdout, &piped.stderr), (&alone.stdout, &alone.stderr));
}
