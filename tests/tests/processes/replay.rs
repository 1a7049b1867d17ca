//! Consumers that are killed and started again: with `--replay` they are sent the whole again, without it the run has failed.

use std::{
    fs,
    time::{Duration, Instant},
};

use e2e::{
    Ended, Group, Outcome, Pipeline, Port,
    Program::{Consumer, Producer},
    SOON,
    log::{Log, Random},
};
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::Signal,
};

use super::strangers::certificates;

const LINES: usize = 5000;
/// Copies of the log in one file, so that a consumer is in the middle of it for a while.
const TIMES: usize = if cfg!(debug_assertions) { 40 } else { 200 };
const QUERY: &str = "tee [ print \"{host}\" ] | stats count, sum(bytes) as bytes | csv";

/// A directory with a long log, and how the answer to [`QUERY`] ends.
fn group() -> (Group, String) {
    let group = Group::new();
    let log = Log::common(301, LINES);
    group.scratch().write("log", log.text().repeat(TIMES));
    let bytes: u64 = log.0.iter().map(|entry| entry.bytes.unwrap_or(0)).sum();
    (group, format!("count,bytes\n{},{}\n", LINES * TIMES, bytes * TIMES as u64))
}

/// One end of each kind: the options of a producer, and those of a consumer.
fn ends(url: &str) -> [[Vec<String>; 2]; 2] {
    let options = |option: &str| vec![option.to_owned(), url.to_owned()];
    [[options("--to"), options("--listen")], [options("--listen"), options("--from")]]
}

fn start(group: &mut Group, program: e2e::Program, ends: &[String], more: &[&str]) -> usize {
    let args: Vec<&str> = more.iter().copied().chain(ends.iter().map(String::as_str)).collect();
    group.run(program, &args)
}

/// Kills a consumer in the middle of its answer.
fn kill_in_the_middle(group: &mut Group, consumer: usize) {
    group.until("records have come", SOON, |group| group.ended(consumer).stdout.len() > 100);
    group.signal(consumer, Signal::KILL);
    let killed = group.wait(consumer, SOON);
    assert!(killed.signal == Some(9) && !killed.stdout.contains("count,bytes"), "{killed}");
}

/// What the new consumer has to say, and the producer.
#[track_caller]
fn all_is_there(group: &mut Group, producer: usize, consumer: usize, answer: &str) -> Ended {
    let ended = group.wait(consumer, SOON).exits(0).quietly();
    assert!(ended.stdout.ends_with(answer), "{answer} expected\n{ended}");
    assert_eq!(ended.stdout.lines().count(), LINES * TIMES + answer.lines().count(), "each record once");
    group.wait(producer, SOON).exits(0)
}

#[test]
fn a_consumer_that_was_started_again_is_sent_the_whole_again() {
    let port = Port::new();
    for url in ["unix:s".to_owned(), port.tcp()] {
        for [of_producer, of_consumer] in ends(&url) {
            let (mut group, answer) = group();
            let producer = start(&mut group, Producer, &of_producer, &["apache", "log", "--replay", "--stats"]);
            let first = start(&mut group, Consumer, &of_consumer, &[QUERY]);
            kill_in_the_middle(&mut group, first);
            let second = start(&mut group, Consumer, &of_consumer, &[QUERY]);
            let ended = all_is_there(&mut group, producer, second, &answer).says("was started again").says("all is sent again");
            let sums: Vec<&str> = ended.stderr.lines().filter(|line| line.contains(&format!("{} records", LINES * TIMES))).collect();
            assert_eq!((ended.stderr.lines().count(), sums.len()), (2, 1), "one run is accounted for\n{ended}");
            group.leaves_nothing(Duration::ZERO);
        }
    }
}

#[test]
fn encrypted_too_and_again_and_again() {
    let (mut group, answer) = group();
    certificates(group.scratch(), "ca.pem", &["host"]);
    let port = Port::new();
    let url = port.tls();
    let listens = ["--listen", &url, "--cert", "host.pem", "--key", "host.key"];
    let consumer = |group: &mut Group| group.run(Consumer, &[&listens[..], &[QUERY]].concat());
    let first = consumer(&mut group);
    let producer = group.run(Producer, &["apache", "log", "--replay", "--to", &url, "--ca", "ca.pem"]);
    kill_in_the_middle(&mut group, first);
    let second = consumer(&mut group);
    kill_in_the_middle(&mut group, second);
    // It takes a while until there is another.
    group.until_it_says(producer, "all is sent again", SOON);
    let third = consumer(&mut group);
    let ended = all_is_there(&mut group, producer, third, &answer);
    assert_eq!(ended.stderr.matches("all is sent again").count(), 2, "{ended}");
}

#[test]
fn one_that_was_told_to_end_may_be_started_again_too() {
    let (mut group, answer) = group();
    let port = Port::new();
    let url = port.tcp();
    let first = group.run(Consumer, &["--listen", &url, QUERY]);
    let producer = group.run(Producer, &["apache", "log", "--replay", "--to", &url]);
    group.until("records have come", SOON, |group| group.ended(first).stdout.len() > 100);
    group.signal(first, Signal::TERM);
    group.wait(first, SOON).exits(143);
    let second = group.run(Consumer, &["--listen", &url, QUERY]);
    all_is_there(&mut group, producer, second, &answer).says("all is sent again");
}

#[test]
fn rejects_are_kept_once() {
    let (mut group, answer) = group();
    let log = group.scratch().read("log");
    group.scratch().write("log", [b"no line of a log\n", &log[..], b"nor this\n"].concat());
    group.scratch().write("bad", "what was there before\n");
    let first = group.run(Consumer, &["--listen", "unix:s", QUERY]);
    let producer = group.run(Producer, &["apache", "log", "--replay", "--to", "unix:s", "--rejects", "bad"]);
    kill_in_the_middle(&mut group, first);
    let second = group.run(Consumer, &["--listen", "unix:s", QUERY]);
    let ended = all_is_there(&mut group, producer, second, &answer);
    assert_eq!(ended.stderr.matches("2 lines rejected, first: log:line 1").count(), 1, "{ended}");
    assert_eq!(group.scratch().read("bad"), b"no line of a log\nnor this\n");
}

#[test]
fn without_replay_the_run_has_failed() {
    let port = Port::new();
    let url = port.tcp();
    for [of_producer, of_consumer] in ends(&url) {
        let (mut group, _) = group();
        let producer = start(&mut group, Producer, &of_producer, &["apache", "log"]);
        let first = start(&mut group, Consumer, &of_consumer, &[QUERY]);
        group.until("records have come", SOON, |group| group.ended(first).stdout.len() > 100);
        // So that it is the new one that it finds, and not that nobody is there.
        group.signal(producer, Signal::STOP);
        kill_in_the_middle(&mut group, first);
        let second = start(&mut group, Consumer, &of_consumer, &[QUERY]);
        let listens = of_consumer[0] == "--listen";
        if listens {
            group.until("it listens", SOON, |_| is_listened_at(port.number()));
        }
        group.signal(producer, Signal::CONT);
        let ended = group.wait(producer, SOON).exits(3).says("frames it has confirmed");
        // A producer that listens tells the new one that nobody is expected.
        assert!(!listens || ended.stderr.contains("was started again, and what it was sent before is gone"), "{ended}");
        let ended = group.wait(second, SOON);
        assert!(ended.code.is_some_and(|code| code != 0) && !ended.stdout.contains("count,bytes\n1"), "{ended}");
    }
}

/// Whether somebody listens at this port of IPv4.
fn is_listened_at(port: u16) -> bool {
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let mut sockets = sockets.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Its own address, and the state that is LISTEN.
    sockets.any(|socket| socket.len() > 3 && socket[1].ends_with(&format!(":{port:04X}")) && socket[3] == "0A")
}

#[test]
fn one_that_does_not_come_back_is_waited_for_as_long_as_was_said() {
    let port = Port::new();
    for url in ["unix:s".to_owned(), port.tcp()] {
        for [of_producer, of_consumer] in ends(&url) {
            let (mut group, _) = group();
            let producer = start(&mut group, Producer, &of_producer, &["apache", "log", "--replay", "--retry-timeout", "4s"]);
            let first = start(&mut group, Consumer, &of_consumer, &[QUERY]);
            kill_in_the_middle(&mut group, first);
            let killed_at = Instant::now();
            let ended = group.wait(producer, SOON).exits(3).says("frames it has confirmed");
            assert_eq!(ended.stderr.matches("waits up to 4s for it, or for another consumer").count(), 1, "{ended}");
            let waited = killed_at.elapsed();
            // Not for as long as it would without a word.
            assert!(waited > Duration::from_millis(900) && waited < Duration::from_secs(29), "{waited:?}");
        }
    }
}

#[test]
fn inputs_that_are_not_what_they_were_are_not_sent_again() {
    let (mut group, _) = group();
    let first = group.run(Consumer, &["--listen", "unix:s", QUERY]);
    let producer = group.run(Producer, &["apache", "log", "--replay", "--to", "unix:s"]);
    kill_in_the_middle(&mut group, first);
    fs::rename(group.dir().join("log"), group.dir().join("log.1")).unwrap();
    group.scratch().write("log", "");
    let second = group.run(Consumer, &["--listen", "unix:s", QUERY]);
    group.wait(producer, SOON).exits(3).says("it cannot be sent again: log is another file by now");
    group.wait(second, SOON).exits(3).says("is lost");
}

#[test]
fn what_was_appended_is_sent_too_and_that_is_said() {
    let (mut group, _) = group();
    let first = group.run(Consumer, &["--listen", "unix:s", QUERY]);
    let producer = group.run(Producer, &["apache", "log", "--replay", "--to", "unix:s"]);
    kill_in_the_middle(&mut group, first);
    let more = Log::common(302, 10).text();
    std::io::Write::write_all(&mut fs::OpenOptions::new().append(true).open(group.dir().join("log")).unwrap(), &more).unwrap();
    let second = group.run(Consumer, &["--listen", "unix:s", "count | csv"]);
    group.wait(producer, SOON).exits(0).says("what was added to log since then is sent too");
    group.wait(second, SOON).exits(0).prints(&format!("count\n{}\n", LINES * TIMES + 10));
}

#[test]
fn what_cannot_be_read_twice_is_refused_before_anybody_is_called() {
    let group = Group::new();
    mknodat(CWD, group.dir().join("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    group.scratch().write("log", Log::common(303, 3).text());
    let run =
        |args: &[&str]| -> Outcome { Pipeline::producer(&[&["apache", "--replay"], args].concat()).dir(group.dir()).run().exits(&[2]) };
    run(&["--to", "unix:s"]).says(Producer, "standard input cannot be read again");
    run(&["fifo", "--to", "unix:s"]).says(Producer, "fifo is no regular file");
    run(&["-F", "log", "--to", "unix:s"]).says(Producer, "what is followed");
    run(&["log", "--to", "unix:s", "--to", "unix:t"]).says(Producer, "it is for one");
    run(&["log", "--to", "exec:consumer count"]).says(Producer, "a child that has died is not started again");
    run(&["log", "--to", "unix:s", "--rejects", "/dev/null"]).says(Producer, "would have them twice");
    assert!(!group.dir().join("s").exists());
}

#[test]
fn a_consumer_too_many_gives_up_when_it_has_tried_for_long_enough() {
    let (mut group, answer) = group();
    let producer = group.run(Producer, &["apache", "log", "--replay", "--listen", "unix:s"]);
    let first = group.run(Consumer, &["--from", "unix:s", QUERY]);
    group.until("records have come", SOON, |group| group.ended(first).stdout.len() > 100);
    group.signal(first, Signal::STOP);
    // The first one may be found to hang, until when the other one may try: as long as it likes.
    let other = group.run(Consumer, &["--from", "unix:s", "--connect-timeout", "4s", QUERY]);
    group.wait(other, SOON).exits(1).says("cannot connect to unix:s");
    group.signal(first, Signal::CONT);
    let ended = all_is_there(&mut group, producer, first, &answer);
    assert!(!ended.stderr.contains("again"), "{ended}");
}

/// `CHAOS_RUNS` is the number of runs, `CHAOS_SEED` the first seed: a failure names its own.
#[test]
fn killed_at_any_moment() {
    let number = |name: &str, default| std::env::var(name).ok().map_or(default, |text| text.parse::<u64>().unwrap());
    let first_seed = number("CHAOS_SEED", 1);
    for seed in first_seed..first_seed + number("CHAOS_RUNS", 6) {
        let mut random = Random::new(seed);
        let port = Port::new();
        let url = if seed % 2 == 0 { "unix:s".to_owned() } else { port.tcp() };
        let [of_producer, of_consumer] = &ends(&url)[random.below(2) as usize];
        let (mut group, answer) = group();
        let producer = start(&mut group, Producer, of_producer, &["apache", "log", "--replay", "--connect-timeout", "1m"]);
        let mut consumer = start(&mut group, Consumer, of_consumer, &[QUERY]);
        for _ in 0..=random.below(3) {
            // Too early it is not known yet, too late it is done.
            let at = Instant::now() + Duration::from_millis(random.below(400));
            if group.wait_until(consumer, at).is_none() {
                group.signal(consumer, Signal::KILL);
            }
            let ended = group.wait(consumer, SOON);
            if ended.stdout.ends_with(&answer) || ended.code.is_some() {
                break;
            }
            consumer = start(&mut group, Consumer, of_consumer, &[QUERY]);
        }
        // One that had answered before it was killed is not sent anything again, though its exit may not be known.
        let ended = group.wait_until(producer, Instant::now() + SOON * 2).unwrap_or_else(|| panic!("seed {seed}: it does not end"));
        let consumed = group.wait(consumer, SOON);
        let known = (ended.code, consumed.code);
        assert!(matches!(known, (Some(0), Some(0) | None) | (Some(3), None)), "seed {seed}: {known:?}\n{ended}\n{consumed}");
        assert!(consumed.stdout.ends_with(&answer), "seed {seed}\n{ended}\n{consumed}");
    }
}

/// Whoever waits knows that the consumer is gone; nobody listens any more, or somebody who says nothing.
#[test]
fn a_signal_ends_the_wait_for_a_lost_consumer() {
    let mut cases = Vec::new();
    for unix in [true, false] {
        for (at, ends) in ends("").into_iter().enumerate() {
            let silent: &[bool] = if !unix && at == 0 { &[false, true] } else { &[false] };
            cases.extend(silent.iter().map(|silent| (unix, ends[0][0].clone(), ends[1][0].clone(), *silent)));
        }
    }
    for (nth, (unix, of_producer, of_consumer, silent)) in cases.into_iter().enumerate() {
        let (signal, code, name) = if nth % 2 == 0 { (Signal::TERM, 143, "SIGTERM") } else { (Signal::INT, 130, "SIGINT") };
        let (mut group, _) = group();
        let port = Port::new();
        let url = if unix { "unix:s".to_owned() } else { port.tcp() };
        let listens = of_producer == "--listen";
        let producer = start(&mut group, Producer, &[of_producer, url.clone()], &["apache", "log", "--replay", "--retry-timeout", "1h"]);
        let first = start(&mut group, Consumer, &[of_consumer, url], &[QUERY]);
        kill_in_the_middle(&mut group, first);
        let _silent = silent.then(|| std::net::TcpListener::bind(("127.0.0.1", port.number())).unwrap());
        group.until_it_says(producer, "waits up to 3600s for it, or for another consumer", SOON);
        group.signal(producer, signal);
        let ended = group.wait(producer, SOON).exits(code).says("frames it has confirmed").says(&format!("ended by {name}"));
        assert!(!listens || !group.dir().join("s").exists(), "the socket is gone\n{ended}");
    }
}
