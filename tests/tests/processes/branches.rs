//! Several outputs of one query: branches that share standard output, files that are whole or say that they are not, and
//! streams for the next consumer, which know how they ended.

use std::{fs, path::Path};

use e2e::{Feed, Pipeline, Program, Scratch, Take, log::Log};

fn endless() -> Feed {
    Feed::Repeat(Log::common(41, 1000).text(), None)
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

/// A stream whose producer died after its last batch.
fn cut_stream() -> Vec<u8> {
    let mut stream = Pipeline::producer(&["apache"]).input(Log::common(53, 5000).text()).run().succeeds().stdout;
    stream.pop();
    stream
}

#[test]
fn branches_share_standard_output_line_by_line() {
    let scratch = Scratch::new();
    scratch.write("access.log", Log::common(42, 20_000).text());
    let answer = |threads: &str, query: &str| {
        Pipeline::both(&["apache", "-j", threads, "access.log"], &["-j", threads, query]).dir(scratch.path()).run().succeeds().text()
    };
    let (large, small) = ("where bytes > 1KB | print \"large {host} {request}\"", "where bytes <= 1KB | print \"small {host} {request}\"");
    let both = answer("1", &format!("tee [ {large} ] | {small}"));
    for (word, alone) in [("large", answer("1", large)), ("small", answer("1", small))] {
        let part: String = both.lines().filter(|line| line.starts_with(word)).map(|line| line.to_owned() + "\n").collect();
        assert!(part == alone && !part.is_empty(), "the lines of a branch are those of its query, in order and whole");
    }
    assert_eq!(both.lines().count(), 20_000);
    for threads in ["2", "8"] {
        assert!(answer(threads, &format!("tee [ {large} ] | {small}")) == both, "the same bytes with {threads} threads");
    }
}

#[test]
fn lines_of_branches_come_when_they_have_come_in() {
    let log = Log::common(43, 4);
    let expect: String = log.0.iter().map(|entry| entry.host.clone() + "\n").collect();
    for query in
        ["tee [ null ] | print \"{host}\"", "tee [ tail 1 | null ] | tee [ print \"{host}\" ] | count | null", "trace | print \"{host}\""]
    {
        let run = Pipeline::both(&["apache"], &[query]).feed(Feed::UntilTaken(log.text())).take(Take::Lines(4));
        run.run().exits(&[0, 0]).prints(&expect);
    }
}

#[test]
fn a_reader_that_has_gone_stops_only_what_it_read() {
    let scratch = Scratch::new();
    let log = Log::common(44, 50_000).text();
    let query = "tee [ select host | write \"hosts.csv\" ] | print \"{host}\"";
    Pipeline::both(&["apache"], &[query]).input(log).take(Take::Lines(1)).dir(scratch.path()).run().succeeds();
    assert_eq!(names(scratch.path()), ["hosts.csv"]);
    assert_eq!(lines(&scratch.read("hosts.csv")), 50_001);
    // Where nothing else is wanted, all stops.
    let query = "tee [ head 5 | null ] | tee [ print \"{host}\" ] | print";
    Pipeline::both(&["apache"], &[query]).feed(endless()).take(Take::Lines(1)).run().succeeds();
}

#[test]
fn a_file_is_whole_or_says_that_it_is_not() {
    let scratch = Scratch::new();
    scratch.write("hosts.csv", "as before\n");
    let run = Pipeline::consumer(&["select host | write \"hosts.csv\""]).input(cut_stream()).dir(scratch.path());
    let outcome = run.run().exits(&[3]);
    let outcome = outcome.says(Program::Consumer, "hosts.csv is not whole; what there is of it is in");
    assert_eq!(
        (names(scratch.path()), scratch.read("hosts.csv")),
        (vec!["hosts.csv".into(), "hosts.csv.partial".into()], b"as before\n".into()),
        "{outcome}"
    );
    assert!(lines(&scratch.read("hosts.csv.partial")) > 1, "what had come is there");

    // A failure of the query itself; what was written before it is not lost either.
    let query = "tee [ where bytes > 0 | select host | write \"all.csv\" ] | let x = bytes * if(bytes > 0, 170141183460469231731687303715884105727, 1) | null";
    let outcome = Pipeline::both(&["apache"], &["-j", "1", query]).input(Log::common(45, 10).text()).dir(scratch.path()).run();
    outcome.exits(&[0, 1]).says(Program::Consumer, "all.csv is not whole (integer overflow");
    assert!(lines(&scratch.read("all.csv.partial")) > 1);
    assert!(!names(scratch.path()).contains(&"all.csv".to_owned()));

    // The next run begins anew.
    Pipeline::both(&["apache"], &["select host | write \"hosts.csv\""])
        .input(Log::common(46, 3).text())
        .dir(scratch.path())
        .run()
        .succeeds();
    assert_eq!(names(scratch.path()), ["all.csv.partial", "hosts.csv"]);
    assert_eq!(lines(&scratch.read("hosts.csv")), 4);
}

#[test]
fn a_file_that_cannot_be_written_is_exit_1() {
    let scratch = Scratch::new();
    std::os::unix::fs::symlink("/dev/full", scratch.path().join("full.csv")).unwrap();
    let run = Pipeline::both(&["apache"], &["write \"full.csv\""]).input(Log::common(47, 5000).text()).dir(scratch.path()).run();
    let outcome = run.exits(&[0, 1]).says(Program::Consumer, "cannot write full.csv: ");
    assert_eq!(outcome.producer_says(), "");
    // A query that is wrong leaves nothing behind.
    let run = Pipeline::both(&["apache"], &["tee [ write \"a.csv\" ] | tee [ write \"no/b.csv\" ] | null"]).dir(scratch.path());
    run.input(Log::common(47, 5).text()).run().exits(&[0, 1]).says(Program::Consumer, "cannot write no/b.csv");
    assert_eq!(names(scratch.path()), ["full.csv"]);
}

#[test]
fn a_file_may_be_read_and_replaced_by_one_query() {
    let scratch = Scratch::new();
    Pipeline::producer(&["apache", "--to", "a.rec"]).input(Log::common(48, 3000).text()).dir(scratch.path()).run().succeeds();
    let count = |query: &str| Pipeline::consumer(&["--from", "a.rec", query, "count | print"]).dir(scratch.path()).run().succeeds().text();
    let (all, few) = (count("where true"), count("where bytes > 1KB"));
    assert_ne!(all, few);
    Pipeline::consumer(&["--from", "a.rec", "where bytes > 1KB | write \"a.rec\""]).dir(scratch.path()).run().succeeds().prints("");
    assert_eq!(count("where true"), few);
    Pipeline::consumer(&["--from", "a.rec", "head 2 | emit b.rec"]).dir(scratch.path()).run().succeeds();
    Pipeline::consumer(&["--from", "b.rec", "count | print"]).dir(scratch.path()).run().succeeds().prints("2\n");
}

#[test]
fn emit_feeds_the_next_consumer() {
    let log = Log::common(49, 5000).text();
    let alone = Pipeline::both(&["apache"], &["count by host | top 5 | tsv"]).input(log.clone()).run().succeeds().text();
    for threads in ["1", "2", "8"] {
        for first in ["emit", "count by host | emit", "tee [ null ] | select host | emit"] {
            let then = if first.starts_with("count") { "top 5 by count | tsv" } else { "top 5 host | tsv" };
            let run = Pipeline::both(&["apache", "-j", threads], &["-j", threads, first]).then(&["-j", threads, then]);
            run.input(log.clone()).run().succeeds().prints(&alone);
        }
    }
}

#[test]
fn an_emitter_stops_when_the_next_has_enough() {
    for feed in [endless(), Feed::Silent(Log::common(50, 5).text())] {
        let run = Pipeline::both(&["apache"], &["where bytes >= 0 | emit"]).then(&["emit"]).then(&["head 2 | count | print"]);
        run.feed(feed).run().succeeds().prints("2\n");
    }
    let scratch = Scratch::new();
    let log = Log::common(51, 50_000).text();
    let run = Pipeline::both(&["apache"], &["tee [ select host | write \"hosts.csv\" ] | emit"]).then(&["head 1 | count | print"]);
    run.input(log).dir(scratch.path()).run().succeeds().prints("1\n");
    assert_eq!(lines(&scratch.read("hosts.csv")), 50_001);
}

#[test]
fn an_end_that_is_none_is_told_on() {
    for first in ["emit", "count | emit", "tee [ null ] | emit"] {
        let run = Pipeline::consumer(&[first]).then(&["emit"]).then(&["count | print"]).input(cut_stream());
        let outcome = run.run().exits(&[3, 3, 3]);
        assert!(outcome.ends[2].stderr.contains("truncated"), "{outcome}");
        assert_eq!(lines(&outcome.stdout), 1, "what came is answered: {outcome}");
    }
    // What the producer could not read, and what a query could not do.
    let scratch = Scratch::new();
    scratch.write("a.log", Log::common(52, 10).text());
    let run = Pipeline::both(&["apache", "a.log", "missing.log"], &["emit"]).then(&["count | print"]).dir(scratch.path()).run();
    let outcome = run.exits(&[1, 1, 1]).prints("10\n");
    assert!(outcome.ends[2].stderr.contains("missing.log"), "{outcome}");
    let run = Pipeline::both(&["apache", "a.log"], &["sum(bytes * 170141183460469231731687303715884105727) as s | emit"])
        .then(&["print"])
        .dir(scratch.path())
        .run();
    let outcome = run.exits(&[0, 1, 1]);
    assert!(outcome.ends[2].stderr.contains("integer overflow"), "{outcome}");
    let run = Pipeline::both(&["apache", "a.log"], &["tee [ write \"no/b.csv\" ] | emit"]).then(&["count | print"]).dir(scratch.path());
    let outcome = run.run().exits(&[0, 1, 1]);
    assert!(outcome.ends[2].stderr.contains("cannot write no/b.csv"), "{outcome}");
}

#[test]
fn what_is_traced_does_not_steer_the_terminal() {
    let line = b"10.0.0.1 - - [24/Feb/2008:00:08:59 -0600] \"GET /\x1b[2J\xc2\x9b31m HTTP/1.1\" 200 5\n".to_vec();
    let outcome = Pipeline::both(&["apache"], &["select request | trace \"\\x1b[1m\" | null"]).input(line).run().exits(&[0, 0]);
    assert_eq!(outcome.consumer_says(), "\\x1b[1m: {\"request\":\"/\\u001b[2J\\x9b31m\"}\n");
}
