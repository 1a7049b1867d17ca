//! `--senders 0`: senders come, go and die, until a signal.

use std::io::Write;

use e2e::{
    Group, Port,
    Program::{Consumer, Producer},
    SOON,
    log::Log,
    proc::{count_of, of_threads},
};
use rustix::process::Signal;

use super::links::{COUNT, HOSTS, counted, log_in};

/// Whether a process has a thread of this name.
fn has_thread(group: &Group, number: usize, name: &str) -> bool {
    of_threads(group.pid(number), "comm").iter().any(|comm| comm.trim() == name)
}

#[test]
fn a_consumer_of_any_number_of_senders_answers_at_a_signal() {
    let mut group = Group::new();
    let logs: Vec<Log> = (0..2).map(|n| log_in(&group, &format!("log{n}"), 80 + n, 400)).collect();
    let query = format!("tee [ {HOSTS} ] | {COUNT}");
    let consumer = group.run(Consumer, &["--listen", "unix:s", "--senders", "0", &query]);
    group.until_socket("s", SOON);
    for n in 0..2 {
        let producer = group.run(Producer, &["apache", &format!("log{n}"), "--to", "unix:s"]);
        let _ = producer;
        group.until("the records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == 400 * (n + 1));
    }
    group.signal(consumer, Signal::INT);
    let ended = group.wait(consumer, SOON).exits(130);
    assert!(ended.stdout.ends_with(&counted(&[&logs[0], &logs[1]])), "{ended}");
    group.leaves_nothing(SOON);
}

#[test]
fn senders_of_an_endless_consumer_end_when_their_records_are_done_with() {
    for (query, answer) in [(HOSTS, 300), (COUNT, 1)] {
        let mut group = Group::new();
        let log = log_in(&group, "log", 83, 3);
        log_in(&group, "empty", 84, 0);
        let port = Port::new();
        let url = port.tcp();
        let consumer = group.run(Consumer, &["--listen", &url, "--senders", "0", query]);
        for _ in 0..100 {
            let producer = group.run(Producer, &["apache", "log", "--to", &url]);
            group.wait(producer, SOON).exits(0).quietly();
        }
        let empty = group.run(Producer, &["apache", "empty", "--to", &url]);
        group.wait(empty, SOON).exits(0).quietly();
        // What was said to be done with is written; of what is counted, the header.
        assert_eq!(group.ended(consumer).stdout.lines().count(), answer, "{}", group.ended(consumer));
        let files = count_of(group.pid(consumer), "fd");
        assert!(files < 30, "{files} open files");
        group.signal(consumer, Signal::TERM);
        let ended = group.wait(consumer, SOON).exits(143);
        let hundred: Vec<&Log> = [&log].repeat(100);
        assert!(query == HOSTS || ended.stdout == counted(&hundred), "{ended}");
    }
}

#[test]
fn senders_of_an_endless_consumer_that_die_leave_nothing_behind() {
    let mut group = Group::new();
    let log = log_in(&group, "log", 85, 3);
    let port = Port::new();
    let url = port.tcp();
    let consumer = group.run(Consumer, &["--listen", &url, "--senders", "0", "-j", "2", HOSTS]);
    for n in 1..=30 {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let dies = group.start(Producer, &["apache", "--to", &url], reader);
        writer.write_all(&log.text()).unwrap();
        group.until("its records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == 3 * n);
        group.signal(dies, Signal::KILL);
        group.wait(dies, SOON);
    }
    let of = |group: &Group, what: &str| count_of(group.pid(consumer), what);
    // Each is waited for, for a moment, in case it comes back.
    group.until("they are given up", SOON, |group| group.ended(consumer).stderr.matches("did not come back").count() == 30);
    group.until("their files are closed", SOON, |group| of(group, "fd") < 20);
    let lives = group.run(Producer, &["apache", "log", "--to", &url]);
    group.wait(lives, SOON).exits(0).quietly();
    assert!(of(&group, "task") < 20, "{} threads", of(&group, "task"));
    group.signal(consumer, Signal::TERM);
    // Nobody knows what those that died still had: that outweighs the signal, which is its usual end.
    group.wait(consumer, SOON).exits(3).says("ended by SIGTERM: the answer is incomplete");
}

#[test]
fn a_sender_that_dies_before_it_has_said_a_word_costs_an_endless_consumer_nothing_else() {
    let mut group = Group::new();
    let log = log_in(&group, "log", 87, 3);
    let port = Port::new();
    let url = port.tcp();
    let consumer = group.run(Consumer, &["--listen", &url, "--senders", "0", HOSTS]);
    let (reader, _writer) = std::io::pipe().unwrap();
    let dies = group.start(Producer, &["apache", "--to", &url], reader);
    group.until("it was greeted", SOON, |group| has_thread(group, consumer, "link"));
    group.signal(dies, Signal::KILL);
    group.until_it_says(consumer, "did not come back", SOON);
    let lives = group.run(Producer, &["apache", "log", "--to", &url]);
    group.wait(lives, SOON).exits(0).quietly();
    group.signal(consumer, Signal::TERM);
    let ended = group.wait(consumer, SOON).exits(3).says("ended by SIGTERM");
    assert_eq!(ended.stdout.lines().count(), log.len(), "{ended}");
}
