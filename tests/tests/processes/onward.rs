//! What a consumer sends on with `emit URL`, and what becomes of it when the next one takes no more.

use std::time::Duration;

use e2e::{
    Feed, Group, Pipeline,
    Program::{Consumer, Producer},
    SOON, Scratch, Take,
    log::Log,
};
use rustix::process::Signal;

fn consumer() -> String {
    format!("'{}'", Consumer.path().display())
}

/// `producer apache | consumer 'emit "exec:sh next"'`, where `next` is this script.
fn sent_on(scratch: &Scratch, next: &str) -> Pipeline {
    scratch.write("next", next);
    Pipeline::both(&["apache"], &["emit \"exec:sh next\""]).dir(scratch.path())
}

#[test]
fn a_next_one_that_takes_no_more_is_noticed_also_when_nothing_comes() {
    let consumer = consumer();
    let scratch = Scratch::new();
    let lines = Log::common(320, 10).text();
    for (next, code, why) in [
        (format!("exec {consumer} 'head 1 | null'"), 0, ""),
        (format!("exec {consumer} json > /dev/full"), 1, "exit status 1"),
        (format!("exec {consumer} 'sum(nosuch)'"), 1, "exit status 2"),
        ("head -c 10 > /dev/null".to_owned(), 0, ""),
        ("exit 7".to_owned(), 1, "exit status 7"),
        ("kill -9 $$".to_owned(), 3, "signal 9"),
    ] {
        for feed in [Feed::Silent(lines.clone()), Feed::Repeat(lines.clone(), None)] {
            let outcome = sent_on(&scratch, &next).feed(feed).run().exits(&[0, code]).says(Consumer, why);
            let said = outcome.consumer_says().lines().filter(|line| line.starts_with("consumer: the child")).count();
            assert_eq!((said, outcome.consumer_says().is_empty()), (usize::from(code != 0), code == 0), "{outcome}");
        }
    }
}

#[test]
fn a_next_one_that_is_not_there_is_called_for_as_long_as_was_said() {
    let scratch = Scratch::new();
    let took = |_| {
        let run = Pipeline::both(&["apache"], &["--connect-timeout", "100ms", "emit \"unix:none\""]).dir(scratch.path());
        let outcome = run.feed(Feed::Silent(Log::common(322, 10).text())).run();
        outcome.exits(&[0, 1]).says(Consumer, "cannot connect to unix:none").took
    };
    // By default it is ten seconds. Whether a run is late is the machine's business, that each is would be ours.
    assert!((0..10).map(took).any(|took| took < Duration::from_secs(9)), "for as long as always");
}

#[test]
fn a_next_one_that_is_lost_is_named_and_not_taken_for_the_stream_that_is_read() {
    let mut group = Group::new();
    let last = group.run(Consumer, &["--listen", "unix:s", "json"]);
    group.until_socket("s", SOON);
    let (reader, writer) = std::io::pipe().unwrap();
    let child = format!("exec:{} 'emit \"unix:s\"'", consumer());
    let producer = group.start(Producer, &["apache", "--to", &child], reader);
    std::io::Write::write_all(&mut &writer, &Log::common(321, 10).text()).unwrap();
    group.until("records have come", SOON, |group| !group.ended(last).stdout.is_empty());
    group.signal(last, Signal::KILL);
    let ended = group.wait(producer, SOON).exits(1).says("consumer: emit: unix:s has gone").says("ended with exit status 3");
    assert!(!ended.stderr.contains("the answer is incomplete"), "{ended}");
    group.wait(last, SOON);
    group.leaves_nothing(SOON);
}

#[test]
fn what_is_sent_on_is_whole_whoever_reads_standard_output() {
    let scratch = Scratch::new();
    scratch.write("next", format!("exec {} 'stats count | print' > counted", consumer()));
    for query in ["emit \"exec:sh next\"", "tee [ emit \"exec:sh next\" ] | json"] {
        let run = Pipeline::both(&["apache"], &[query]).dir(scratch.path()).input(Log::common(322, 20_000).text());
        run.take(Take::Lines(0)).run().succeeds();
        assert_eq!(scratch.read("counted"), b"20000\n", "{query}");
    }
}

#[test]
fn a_reader_that_has_gone_is_noticed_also_when_no_link_brings_anything() {
    let lines = Log::common(323, 10).text();
    let child = format!("exec:{} json", consumer());
    let run = Pipeline::producer(&["apache", "--to", &child]).feed(Feed::Silent(lines.clone()));
    run.take(Take::Lines(1)).run().succeeds();
    // Senders have come and gone, and others might yet come.
    let mut group = Group::new();
    let (answer, theirs) = std::io::pipe().unwrap();
    let consumer = group.run_writing_to(Consumer, &["--listen", "unix:s", "--senders", "0", "json"], theirs);
    group.scratch().write("log", lines);
    group.until_socket("s", SOON);
    let producer = group.run(Producer, &["apache", "log", "--to", "unix:s"]);
    group.wait(producer, SOON).exits(0).quietly();
    drop(answer);
    group.wait(consumer, SOON).exits(0).quietly();
}
