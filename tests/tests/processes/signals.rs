//! What SIGINT and SIGTERM end, and how: whoever reads a link, waits for its first peer, or for nothing more.

use std::{
    fs,
    io::Write,
    time::{Duration, Instant},
};

use e2e::{
    Group, Pipeline, Port,
    Program::{Consumer, Producer},
    SOON,
    log::Log,
    proc::{is_ignored, is_stopped},
};
use rustix::process::Signal;

use super::links::{HOSTS, log_in};

/// The signals that end a program, with its exit.
const SIGNALS: [(Signal, i32); 3] = [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)];

#[test]
fn a_signal_ends_a_consumer_with_its_answer() {
    for (signal, code) in SIGNALS {
        for listens in [true, false] {
            let mut group = Group::new();
            let (reader, mut writer) = std::io::pipe().unwrap();
            let (how, other) = if listens { ("--listen", "--to") } else { ("--from", "--listen") };
            let query = format!("tee [ {HOSTS} ] | count | csv");
            let first = |group: &mut Group, is_consumer: bool| match is_consumer {
                true => group.run(Consumer, &[how, "unix:s", &query]),
                false => group.start(Producer, &["apache", other, "unix:s"], reader.try_clone().unwrap()),
            };
            let one = first(&mut group, listens);
            group.until_socket("s", SOON);
            let two = first(&mut group, !listens);
            let (consumer, producer) = if listens { (one, two) } else { (two, one) };
            drop(reader);
            writer.write_all(&Log::common(79, 500).text()).unwrap();
            group.until("the records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == 500);
            group.signal(consumer, signal);
            let ended = group.wait(consumer, SOON).exits(code);
            assert!(ended.stdout.ends_with("count\n500\n"), "{ended}");
            // The producer has been told, and does not wait for its silent input.
            let ended = group.wait(producer, SOON);
            assert!(ended.stderr.contains("ended by"), "{ended}");
            drop(writer);
        }
    }
}

/// So that `nohup` does what it says, and Ctrl-C ends only what is in the foreground.
#[test]
fn a_signal_that_was_ignored_stays_so() {
    for (signal, name) in [(Signal::HUP, "HUP"), (Signal::INT, "INT")] {
        let mut group = Group::new();
        let consumer = group.run_limited(&format!("trap '' {name}"), Consumer, &["--listen", "unix:s", "count | csv"]);
        group.until_socket("s", SOON);
        group.until("it catches signals", SOON, |group| catches_signals(group, consumer));
        assert!(is_ignored(&group.pid(consumer).to_string(), signal.as_raw()));
        group.signal(consumer, signal);
        log_in(&group, "log", 85, 10);
        let producer = group.run(Producer, &["apache", "log", "--to", "unix:s"]);
        group.wait(producer, SOON).exits(0).quietly();
        group.wait(consumer, SOON).exits(0).quietly().prints("count\n10\n");
    }
}

/// Whoever runs the tests may ignore signals: under `nohup`, or in the background of a script.
#[test]
fn whoever_runs_the_tests_may_ignore_signals() {
    let tests = std::env::current_exe().unwrap();
    let run = format!("trap '' HUP INT QUIT TERM\nexec '{}' --exact signals::what_is_started_here_ignores_no_signal", tests.display());
    let outcome = Pipeline::shell(&run).run().exits(&[0]);
    assert!(outcome.text().contains(" 1 passed"), "{outcome}");
}

#[test]
fn what_is_started_here_ignores_no_signal() {
    let mut group = Group::new();
    let consumer = group.run(Consumer, &["--listen", "unix:s", "count"]);
    group.until_socket("s", SOON);
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        assert!(!is_ignored(&group.pid(consumer).to_string(), signal.as_raw()), "{signal:?}");
    }
}

/// Whether a process has said what it does at SIGTERM.
fn catches_signals(group: &Group, number: usize) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", group.pid(number))).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default().trim();
    u64::from_str_radix(caught, 16).is_ok_and(|caught| caught & (1 << 14) != 0)
}

#[test]
fn a_signal_ends_a_program_that_waits_for_its_first_peer() {
    let port = Port::new();
    let nobody = port.tcp();
    let waits = [
        (Consumer, vec!["--listen", "unix:s", "count | csv"]),
        (Consumer, vec!["--listen", "unix:s", "--senders", "0", "count | csv"]),
        (Producer, vec!["apache", "log", "--listen", "unix:s"]),
        (Producer, vec!["apache", "log", "--listen", "unix:s", "--replay"]),
        (Producer, vec!["apache", "log", "--listen", "unix:s", "--as", "json"]),
        (Producer, vec!["apache", "log", "--to", &nobody, "--connect-timeout", "1h"]),
        (Producer, vec!["apache", "log", "--to", &nobody, "--connect-timeout", "1h", "--as", "json"]),
    ];
    for (signal, code) in SIGNALS {
        for (program, args) in &waits {
            let mut group = Group::new();
            log_in(&group, "log", 83, 10);
            let waiting = group.run(*program, args);
            group.until("it catches signals", SOON, |group| catches_signals(group, waiting));
            if args.contains(&"--listen") {
                group.until_socket("s", SOON);
            }
            group.signal(waiting, signal);
            let ended = group.wait(waiting, SOON).exits(code);
            assert!(!group.dir().join("s").exists(), "the socket is gone\n{ended}");
        }
    }
}

#[test]
fn a_signal_ends_a_producer_that_waits_for_another_consumer() {
    let mut group = Group::new();
    log_in(&group, "log", 84, 10);
    let producer = group.run(Producer, &["apache", "log", "--listen", "unix:s", "--listen", "unix:s"]);
    group.until_socket("s", SOON);
    let consumer = group.run(Consumer, &["--from", "unix:s", "count | csv"]);
    group.until("it is connected", SOON, |group| {
        let open = fs::read_dir(format!("/proc/{}/fd", group.pid(consumer))).into_iter().flatten().flatten();
        open.filter(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))).count() > 0
            && catches_signals(group, consumer)
    });
    group.signal(producer, Signal::TERM);
    group.wait(producer, SOON).exits(143).says("not all consumers have come");
    // It has heard of no end.
    group.wait(consumer, SOON).exits(3);
}

/// For how long a consumer waits, after its answer, until its producer knows how it ended.
const LINGER: Duration = Duration::from_secs(15);

#[test]
fn a_second_signal_ends_at_once() {
    let mut group = Group::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let consumer = group.run(Consumer, &["--listen", "unix:s", HOSTS]);
    let producer = group.start(Producer, &["apache", "--to", "unix:s"], reader);
    writer.write_all(&Log::common(82, 100).text()).unwrap();
    group.until("the records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == 100);
    // A producer that does not answer: the consumer waits for it to hear how it ended.
    group.signal(producer, Signal::STOP);
    group.until("it is stopped", SOON, |group| is_stopped(group.pid(producer)));
    group.signal(consumer, Signal::TERM);
    assert!(group.wait_until(consumer, Instant::now() + Duration::from_millis(500)).is_none(), "it waits");
    let sent = Instant::now();
    // What comes within half a second of when it noticed the first is taken for the first: on a busy machine that may be any of them.
    group.signal(consumer, Signal::TERM);
    while group.wait_until(consumer, Instant::now() + Duration::from_millis(100)).is_none() && sent.elapsed() < LINGER {
        group.signal(consumer, Signal::TERM);
    }
    let ended = group.wait(consumer, SOON).exits(143);
    assert!(sent.elapsed() < LINGER - Duration::from_secs(1), "it waits on: {:?}\n{ended}", sent.elapsed());
}

#[test]
fn a_loss_that_outweighs_a_signal_does_not_hide_it() {
    let mut group = Group::new();
    group.scratch().write("next", "cat > got; kill -9 $$\n");
    let (reader, mut writer) = std::io::pipe().unwrap();
    let producer = group.start(Producer, &["apache", "--to", "exec:sh next"], reader);
    writer.write_all(&Log::common(84, 10).text()).unwrap();
    let got = |group: &Group| fs::metadata(group.dir().join("got")).is_ok_and(|got| got.len() > 0);
    group.until("the child reads", SOON, got);
    group.signal(producer, Signal::TERM);
    let ended = group.wait(producer, SOON).exits(3).says("signal 9");
    assert_eq!(ended.stderr.matches("producer: ended by SIGTERM").count(), 1, "{ended}");
    drop(writer);
}
