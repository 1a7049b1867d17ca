//! Sockets: one way and the other, several into one, one into several; what an end says when another one dies.

use std::{
    collections::BTreeMap,
    fs,
    io::{PipeWriter, Write},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    sync::Barrier,
    time::Duration,
};

use e2e::{
    Group, Port,
    Program::{Consumer, Producer},
    SOON,
    log::Log,
    proc::bytes_read,
};
use rustix::process::Signal;

pub(super) const HOSTS: &str = "print \"{host}\"";

/// A log in the directory of a group, and what it counts by host.
pub(super) fn log_in(group: &Group, name: &str, seed: u64, lines: usize) -> Log {
    let log = Log::common(seed, lines);
    group.scratch().write(name, log.text());
    log
}

/// `count by host | sort host | csv` of these logs together.
pub(super) fn counted(logs: &[&Log]) -> String {
    let mut counts = BTreeMap::new();
    logs.iter().flat_map(|log| &log.0).for_each(|entry| *counts.entry(&*entry.host).or_insert(0_u32) += 1);
    std::iter::once("host,count\n".to_owned()).chain(counts.iter().map(|(host, count)| format!("{host},{count}\n"))).collect()
}

pub(super) const COUNT: &str = "count by host | sort host | csv";

/// Writes these lines until nobody reads them any more, or the test has waited for long enough.
fn feed(mut pipe: PipeWriter, lines: &[u8]) {
    let until = std::time::Instant::now() + SOON;
    while std::time::Instant::now() < until && pipe.write_all(lines).is_ok() {}
}

#[test]
fn both_ways_over_each_kind_of_socket() {
    let port = Port::new();
    for url in ["unix:s.sock".to_owned(), port.tcp()] {
        for threads in ["1", "4"] {
            let mut group = Group::new();
            let log = log_in(&group, "log", 61, 20_000);
            let consumer = group.run(Consumer, &["-j", threads, "--listen", &url, COUNT]);
            let producer = group.run(Producer, &["apache", "-j", threads, "log", "--to", &url]);
            group.wait(producer, SOON).exits(0).quietly();
            group.wait(consumer, SOON).exits(0).quietly().prints(&counted(&[&log]));

            let producer = group.run(Producer, &["apache", "-j", threads, "log", "--listen", &url]);
            let consumer = group.run(Consumer, &["-j", threads, "--from", &url, COUNT]);
            group.wait(consumer, SOON).exits(0).quietly().prints(&counted(&[&log]));
            group.wait(producer, SOON).exits(0).quietly();
            group.leaves_nothing(Duration::ZERO);
        }
    }
}

/// A consumer that fails says how it ended, and the producer with it: an end is not taken for one that has enough.
#[test]
fn a_consumer_that_fails_in_the_middle_is_a_failure_on_both_sides() {
    let lines = Log::common(73, 1000).text();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let null = || fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
    for (query, stdout, code, why) in [
        ("json", full(), 1, "No space left"),
        ("where nosuch == 1", null(), 2, "nosuch"),
        ("where bytes > 0 | let x = bytes + 170141183460469231731687303715884105727 | null", null(), 1, "overflow"),
    ] {
        let port = Port::new();
        for url in ["unix:s".to_owned(), port.tcp()] {
            let mut group = Group::new();
            let stdout = stdout.try_clone().unwrap();
            let consumer = group.run_writing_to(Consumer, &["--listen", &url, query], stdout);
            let (reader, writer) = std::io::pipe().unwrap();
            let producer = group.start(Producer, &["apache", "--to", &url], reader);
            std::thread::scope(|scope| {
                scope.spawn(|| feed(writer, &lines));
                group.wait(producer, SOON).exits(1).says(&format!("ended with exit {code}")).says(why);
            });
            group.wait(consumer, SOON).exits(code).says(why);
        }
    }
}

#[test]
fn the_end_of_the_next_consumer_is_told_on() {
    let lines = Log::common(76, 1000).text();
    let open = |path: &str| fs::OpenOptions::new().write(true).open(path).unwrap();
    for (query, stdout, codes, why) in
        [("json", "/dev/full", [1, 1, 1], "No space left"), ("head 2000 | count | csv", "/dev/null", [0, 0, 0], "")]
    {
        let mut group = Group::new();
        let last = group.run_writing_to(Consumer, &["--listen", "unix:b", query], open(stdout));
        group.until_socket("b", SOON);
        let first = group.run(Consumer, &["--listen", "unix:a", "where bytes >= 0 | emit unix:b"]);
        let (reader, writer) = std::io::pipe().unwrap();
        let producer = group.start(Producer, &["apache", "--to", "unix:a"], reader);
        std::thread::scope(|scope| {
            scope.spawn(|| feed(writer, &lines));
            let ended = [producer, first, last].map(|number| group.wait(number, SOON));
            for (ended, code) in ended.into_iter().zip(codes) {
                let ended = ended.exits(code).says(why);
                assert!(code != 0 || ended.stderr.is_empty(), "{ended}");
            }
        });
    }
}

/// One that has enough is success on both sides, however much is still under way.
#[test]
fn a_consumer_that_has_enough_is_quiet_success() {
    let lines = Log::common(74, 1000).text();
    for more in [&[][..], &["-F"]] {
        let mut group = Group::new();
        let port = Port::new();
        let url = port.tcp();
        let consumer = group.run(Consumer, &["--listen", &url, "head 2000 | count | csv"]);
        let log = log_in(&group, "log", 75, 3000);
        assert_eq!(log.0.len(), 3000);
        let (reader, writer) = std::io::pipe().unwrap();
        let args = [&["apache", "--to", &url][..], if more.is_empty() { &[] } else { &["-F", "--from-start", "log"] }].concat();
        let producer = group.start(Producer, &args, reader);
        std::thread::scope(|scope| {
            scope.spawn(|| feed(writer, &lines));
            group.wait(producer, SOON).exits(0).quietly();
        });
        group.wait(consumer, SOON).exits(0).quietly().prints("count\n2000\n");
    }
}

#[test]
fn the_order_is_kept() {
    let mut group = Group::new();
    let log = log_in(&group, "log", 62, 50_000);
    let consumer = group.run(Consumer, &["--listen", "unix:s", HOSTS]);
    let producer = group.run(Producer, &["apache", "log", "--to", "unix:s"]);
    group.wait(producer, SOON).exits(0).quietly();
    let expect: String = log.0.iter().map(|entry| entry.host.clone() + "\n").collect();
    group.wait(consumer, SOON).exits(0).quietly().prints(&expect);
}

#[test]
fn a_unix_socket_is_its_owners_and_only_a_dead_one_is_replaced() {
    let mut group = Group::new();
    log_in(&group, "log", 63, 10);
    // One that nobody listens at any more: what a killed program leaves.
    drop(UnixListener::bind(group.dir().join("s")).unwrap());
    let first = group.run(Consumer, &["--listen", "unix:s", "count | csv"]);
    let path = group.dir().join("s");
    group.until("the socket is replaced", SOON, |_| fs::metadata(&path).is_ok_and(|meta| meta.permissions().mode() & 0o777 == 0o600));
    let second = group.run(Consumer, &["--listen", "unix:s", "count"]);
    group.wait(second, SOON).exits(1).says("cannot listen at unix:s");
    assert!(path.exists(), "the living one keeps its socket");
    let producer = group.run(Producer, &["apache", "log", "--to", "unix:s"]);
    group.wait(producer, SOON).exits(0);
    group.wait(first, SOON).exits(0).prints("count\n10\n");
    assert!(!path.exists(), "it is gone with its listener");
    group.scratch().write("s", "no socket");
    let third = group.run(Consumer, &["--listen", "unix:s", "count"]);
    group.wait(third, SOON).exits(1).says("cannot listen at unix:s");
    assert_eq!(group.scratch().read("s"), b"no socket");
}

#[test]
fn three_senders_into_one() {
    let mut group = Group::new();
    let logs: Vec<Log> = (0..3).map(|n| log_in(&group, &format!("log{n}"), 64 + n, 5000 + n as usize)).collect();
    let consumer = group.run(Consumer, &["--listen", "unix:s", "--senders", "3", COUNT]);
    let producers: Vec<usize> = (0..3).map(|n| group.run(Producer, &["apache", &format!("log{n}"), "--to", "unix:s"])).collect();
    for producer in producers {
        group.wait(producer, SOON).exits(0).quietly();
    }
    group.wait(consumer, SOON).exits(0).quietly().prints(&counted(&logs.iter().collect::<Vec<_>>()));
}

#[test]
fn two_consumers_are_merged_by_a_third() {
    let mut group = Group::new();
    let log = log_in(&group, "log", 68, 30_000);
    let ports = [(); 3].map(|()| Port::new());
    let urls = ports.each_ref().map(Port::tcp);
    let merge = group.run(Consumer, &["--listen", &urls[2], "--senders", "2", "sum(count) as count by host | sort host | csv"]);
    let part = format!("count by host | emit {}", urls[2]);
    let parts: Vec<usize> = urls[..2].iter().map(|url| group.run(Consumer, &["--listen", url, &part])).collect();
    let producer = group.run(Producer, &["apache", "log", "--to", &urls[0], "--to", &urls[1]]);
    group.wait(producer, SOON).exits(0).quietly();
    for part in parts {
        group.wait(part, SOON).exits(0).quietly();
    }
    group.wait(merge, SOON).exits(0).quietly().prints(&counted(&[&log]));
}

#[test]
fn head_stops_the_producer_at_once() {
    let port = Port::new();
    for url in ["unix:s".to_owned(), port.tcp()] {
        let mut group = Group::new();
        let log = Log::common(69, 1000);
        let (reader, writer) = std::io::pipe().unwrap();
        let consumer = group.run(Consumer, &["--listen", &url, "head 3 | print \"{host}\""]);
        let producer = group.start(Producer, &["apache", "--to", &url], reader);
        std::thread::scope(|scope| {
            scope.spawn(|| feed(writer, &log.text()));
            group.wait(producer, SOON).exits(0).quietly();
        });
        let expect: String = log.0[..3].iter().map(|entry| entry.host.clone() + "\n").collect();
        group.wait(consumer, SOON).exits(0).quietly().prints(&expect);
    }
    // And a source that has said all it has to say, and stays open.
    let mut group = Group::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let consumer = group.run(Consumer, &["--listen", "unix:s", "head 3 | print \"{host}\""]);
    let producer = group.start(Producer, &["apache", "--to", "unix:s"], reader);
    writer.write_all(&Log::common(70, 5).text()).unwrap();
    group.wait(consumer, SOON).exits(0).quietly();
    group.wait(producer, SOON).exits(0).quietly();
    drop(writer);
}

#[test]
fn a_killed_producer_is_seen_and_what_came_is_answered() {
    let port = Port::new();
    for url in ["unix:s".to_owned(), port.tcp()] {
        let mut group = Group::new();
        let log = Log::common(71, 1000);
        let (reader, mut writer) = std::io::pipe().unwrap();
        let consumer = group.run(Consumer, &["--listen", &url, HOSTS]);
        let producer = group.start(Producer, &["apache", "--to", &url], reader);
        writer.write_all(&log.text()).unwrap();
        group.until("the records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == 1000);
        group.signal(producer, Signal::KILL);
        let ended = group.wait(consumer, SOON).exits(3).says("incomplete");
        assert_eq!(ended.stdout.lines().count(), 1000, "{ended}");
    }
}

#[test]
fn a_killed_consumer_is_seen_and_accounted_for() {
    let port = Port::new();
    for url in ["unix:s".to_owned(), port.tcp()] {
        let mut group = Group::new();
        let log = Log::common(72, 1000);
        let (reader, writer) = std::io::pipe().unwrap();
        let consumer = group.run(Consumer, &["--listen", &url, HOSTS]);
        let producer = group.start(Producer, &["apache", "--to", &url], reader);
        std::thread::scope(|scope| {
            scope.spawn(|| feed(writer, &log.text()));
            group.until("records have come", SOON, |group| group.ended(consumer).stdout.len() > 100);
            group.signal(consumer, Signal::KILL);
            let ended = group.wait(producer, SOON).exits(3).says("has gone");
            assert!(ended.stderr.contains("frames it has confirmed"), "{ended}");
        });
    }
}

#[test]
fn a_sender_that_died_does_not_take_the_others_along() {
    let mut group = Group::new();
    let log = log_in(&group, "log", 73, 3000);
    let (reader, mut writer) = std::io::pipe().unwrap();
    let query = format!("tee [ {HOSTS} ] | count | csv");
    let consumer = group.run(Consumer, &["--listen", "unix:s", "--senders", "2", &query]);
    let dies = group.start(Producer, &["apache", "--to", "unix:s"], reader);
    writer.write_all(&Log::common(74, 10).text()).unwrap();
    let lives = group.run(Producer, &["apache", "log", "--to", "unix:s"]);
    group.until("all records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == log.len() + 10);
    group.signal(dies, Signal::KILL);
    let ended = group.wait(consumer, SOON).exits(3).says("incomplete");
    assert!(ended.stdout.ends_with("count\n3010\n"), "{ended}");
    // It has sent all it had, and hears that the answer is not whole.
    group.wait(lives, SOON).exits(1).says("exit 3");
}

#[test]
fn broadcast_gives_all_to_all() {
    let mut group = Group::new();
    let log = log_in(&group, "log", 75, 20_000);
    let urls = ["unix:a", "unix:b"];
    let consumers = urls.map(|url| group.run(Consumer, &["--listen", url, COUNT]));
    let producer = group.run(Producer, &["apache", "log", "--spread", "broadcast", "--to", urls[0], "--to", urls[1]]);
    group.wait(producer, SOON).exits(0).quietly();
    for consumer in consumers {
        group.wait(consumer, SOON).exits(0).quietly().prints(&counted(&[&log]));
    }
}

#[test]
fn shard_gives_a_value_to_one_only() {
    let mut group = Group::new();
    let log = log_in(&group, "log", 76, 20_000);
    let urls = ["unix:a", "unix:b", "unix:c"];
    let consumers = urls.map(|url| group.run(Consumer, &["--listen", url, "count by host | tsv"]));
    let to = urls.iter().flat_map(|url| ["--to", url]);
    let producer = group.run(Producer, &["apache", "log", "--spread", "shard=host"].into_iter().chain(to).collect::<Vec<_>>());
    group.wait(producer, SOON).exits(0).quietly();
    let mut lines = Vec::new();
    for consumer in consumers {
        let ended = group.wait(consumer, SOON).exits(0).quietly();
        assert!(ended.stdout.lines().count() > 1, "each has some\n{ended}");
        lines.extend(ended.stdout.lines().skip(1).map(|line| line.replace('\t', ",") + "\n"));
    }
    // Each host is counted once, so all of it was counted in one place.
    lines.sort();
    lines.insert(0, "host,count\n".to_owned());
    let mut expect: Vec<String> = counted(&[&log]).lines().skip(1).map(|line| line.to_owned() + "\n").collect();
    expect.sort();
    expect.insert(0, "host,count\n".to_owned());
    assert_eq!(lines, expect);
}

#[test]
fn what_a_dead_consumer_left_is_given_to_another_and_nothing_is_lost() {
    let mut group = Group::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let consumers = ["unix:a", "unix:b"].map(|url| group.run(Consumer, &["--listen", url, "print \"{request} {datetime}\""]));
    let producer = group.start(Producer, &["apache", "-j", "1", "--to", "unix:a", "--to", "unix:b"], reader);
    let log = Log::common(77, 60_000);
    let text = log.text();
    let (half, rest) = text.split_at(text.len() / 2);
    let barriers = [Barrier::new(2), Barrier::new(2)];
    let [written, on] = &barriers;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(half).unwrap();
            written.wait();
            on.wait();
            writer.write_all(rest).unwrap();
        });
        written.wait();
        group.until("both have some", SOON, |group| consumers.iter().all(|&consumer| !group.ended(consumer).stdout.is_empty()));
        group.signal(consumers[0], Signal::KILL);
        group.wait(consumers[0], SOON);
        on.wait();
    });
    group.wait(producer, SOON).exits(3).says("unix:a has gone").says("are given to the others");
    group.wait(consumers[1], SOON);
    // At least once each: what the dead one had written of what it was not done with is there twice.
    let mut missing: BTreeMap<String, i64> = BTreeMap::new();
    log.0.iter().for_each(|entry| *missing.entry(format!("{} {}", entry.request, entry.datetime)).or_default() += 1);
    for consumer in consumers {
        // The last line of a killed one may be cut.
        for line in group.ended(consumer).stdout.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            *missing.entry(line.trim_end().to_owned()).or_default() -= 1;
        }
    }
    missing.retain(|_, count| *count > 0);
    assert!(missing.is_empty(), "{} are missing: {:?}", missing.len(), missing.iter().next());
}

#[test]
fn a_consumer_that_died_with_what_it_knew_fails_the_run() {
    let mut group = Group::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let consumers = ["unix:a", "unix:b"].map(|url| group.run(Consumer, &["--listen", url, "count | csv"]));
    let producer = group.start(Producer, &["apache", "--to", "unix:a", "--to", "unix:b"], reader);
    std::thread::scope(|scope| {
        scope.spawn(|| feed(writer, &Log::common(78, 1000).text()));
        group.until("much was read", SOON, |group| bytes_read(group.pid(producer)).is_some_and(|bytes| bytes > 10_000_000));
        group.signal(consumers[1], Signal::KILL);
        group.wait(producer, SOON).exits(3).says("unix:b");
    });
    // The other one is told that this is not all.
    group.wait(consumers[0], SOON).exits(3);
}

#[test]
fn a_query_that_is_wrong_is_told_though_the_senders_are_silent() {
    let port = Port::new();
    for (url, senders) in [("unix:s".to_owned(), "1"), (port.tcp(), "1"), (port.tcp(), "0")] {
        let mut group = Group::new();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let consumer = group.run(Consumer, &["--listen", &url, "--senders", senders, "where nosuch == 1"]);
        let producer = group.start(Producer, &["apache", "--to", &url], reader);
        writer.write_all(&Log::common(86, 5).text()).unwrap();
        group.wait(consumer, SOON).exits(2).says("nosuch");
        group.wait(producer, SOON).exits(1).says("nosuch");
        drop(writer);
    }
    // Nor is a producer that reads for us.
    let mut group = Group::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let consumer = group.start(Consumer, &["--as", "json", "where nosuch == 1"], reader);
    writer.write_all(b"{\"a\":1}\n").unwrap();
    // A field may still come there: what is said at once is that it has not.
    group.until_it_says(consumer, "`nosuch` is not among the first records", SOON);
    drop(writer);
    group.wait(consumer, SOON).exits(2).says("nosuch");
}

/// That is seen before anybody is called.
#[test]
fn one_of_several_files_that_is_no_stream_is_named() {
    for others in [["a.rec", "whole.rec"], ["whole.rec", "a.rec"]] {
        let mut group = Group::new();
        group.scratch().write("a.rec", "");
        group.scratch().write("whole.rec", e2e::Pipeline::producer(&["apache"]).input(Log::common(5, 100).text()).run().succeeds().stdout);
        let consumer = group.run(Consumer, &["--from", others[0], "--from", others[1], "count"]);
        group.wait(consumer, SOON).exits(3).says("a.rec: the stream is incomplete");
    }
}

#[test]
fn a_next_consumer_that_is_killed_is_said_to_be_lost() {
    let lines = Log::common(88, 1000).text();
    let port = Port::new();
    for (url, query) in [("unix:b".to_owned(), HOSTS), (port.tcp(), COUNT)] {
        let mut group = Group::new();
        let last = group.run(Consumer, &["--listen", &url, query]);
        let first = group.run(Consumer, &["--listen", "unix:a", &format!("tee [ count | csv ] | where bytes >= 0 | emit {url}")]);
        let (reader, writer) = std::io::pipe().unwrap();
        let producer = group.start(Producer, &["apache", "--to", "unix:a"], reader);
        std::thread::scope(|scope| {
            scope.spawn(|| feed(writer, &lines));
            group.until("records have come", SOON, |group| !group.ended(last).stdout.is_empty());
            group.signal(last, Signal::KILL);
            let ended = group.wait(first, SOON).exits(3).says(&format!("emit: {url} has gone")).says("frames it has confirmed");
            assert!(!ended.stderr.contains("records that came"), "it is not those that are missing\n{ended}");
            group.wait(producer, SOON).exits(1).says("exit 3");
        });
    }
}
