//! Sockets: one way and the other, several into one, one into several; what an end says when another one dies, and what a
//! signal does.

use std::{
    collections::BTreeMap,
    fs,
    io::{PipeWriter, Write},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    sync::Barrier,
    time::Duration,
};

use e2e::{
    Group,
    Program::{Consumer, Producer},
    log::Log,
    running::free_port,
};
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(30);
const HOSTS: &str = "print \"{host}\"";

/// A log in the directory of a group, and what it counts by host.
fn log_in(group: &Group, name: &str, seed: u64, lines: usize) -> Log {
    let log = Log::common(seed, lines);
    group.scratch().write(name, log.text());
    log
}

/// `count by host | sort host | csv` of these logs together.
fn counted(logs: &[&Log]) -> String {
    let mut counts = BTreeMap::new();
    logs.iter().flat_map(|log| &log.0).for_each(|entry| *counts.entry(&*entry.host).or_insert(0_u32) += 1);
    std::iter::once("host,count\n".to_owned()).chain(counts.iter().map(|(host, count)| format!("{host},{count}\n"))).collect()
}

const COUNT: &str = "count by host | sort host | csv";

/// Writes these lines until nobody reads them any more, or the test has waited for long enough.
fn feed(mut pipe: PipeWriter, lines: &[u8]) {
    let until = std::time::Instant::now() + SOON;
    while std::time::Instant::now() < until && pipe.write_all(lines).is_ok() {}
}

fn local(port: u16) -> String {
    format!("tcp://127.0.0.1:{port}")
}

#[test]
fn both_ways_over_each_kind_of_socket() {
    for url in ["unix:s.sock".to_owned(), local(free_port())] {
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
        ("where bytes > 0 | let x = bytes + 9223372036854775807 | null", null(), 1, "overflow"),
    ] {
        for url in ["unix:s".to_owned(), local(free_port())] {
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
        let url = local(free_port());
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
    let ports = [free_port(), free_port(), free_port()];
    let merge = group.run(Consumer, &["--listen", &local(ports[2]), "--senders", "2", "sum(count) as count by host | sort host | csv"]);
    let part = format!("count by host | emit {}", local(ports[2]));
    let parts: Vec<usize> = ports[..2].iter().map(|port| group.run(Consumer, &["--listen", &local(*port), &part])).collect();
    let producer = group.run(Producer, &["apache", "log", "--to", &local(ports[0]), "--to", &local(ports[1])]);
    group.wait(producer, SOON).exits(0).quietly();
    for part in parts {
        group.wait(part, SOON).exits(0).quietly();
    }
    group.wait(merge, SOON).exits(0).quietly().prints(&counted(&[&log]));
}

#[test]
fn head_stops_the_producer_at_once() {
    for url in ["unix:s".to_owned(), local(free_port())] {
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
    for url in ["unix:s".to_owned(), local(free_port())] {
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
        assert!(ended.took < SOON, "{ended}");
    }
}

#[test]
fn a_killed_consumer_is_seen_and_accounted_for() {
    for url in ["unix:s".to_owned(), local(free_port())] {
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
        let sent = |group: &Group| fs::read_to_string(format!("/proc/{}/io", group.pid(producer))).unwrap_or_default();
        group.until("much was read", SOON, |group| {
            sent(group).lines().find_map(|line| line.strip_prefix("rchar: ")?.parse::<u64>().ok()).is_some_and(|bytes| bytes > 10_000_000)
        });
        group.signal(consumers[1], Signal::KILL);
        group.wait(producer, SOON).exits(3).says("unix:b");
    });
    // The other one is told that this is not all.
    group.wait(consumers[0], SOON).exits(3);
}

#[test]
fn a_signal_ends_a_consumer_with_its_answer() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
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

/// These files of all threads of a process.
fn threads(group: &Group, number: usize, file: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", group.pid(number))).into_iter().flatten().flatten();
    threads.filter_map(|thread| fs::read_to_string(thread.path().join(file)).ok()).collect()
}

/// Whether a process has a thread of this name.
fn has_thread(group: &Group, number: usize, name: &str) -> bool {
    threads(group, number, "comm").iter().any(|comm| comm.trim() == name)
}

/// Whether no thread of a process does anything: a signal takes a moment to reach all of them.
fn is_stopped(group: &Group, number: usize) -> bool {
    threads(group, number, "status").iter().all(|status| status.contains("State:\tT"))
}

/// Whether a process has said what it does at SIGTERM.
fn catches_signals(group: &Group, number: usize) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", group.pid(number))).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default().trim();
    u64::from_str_radix(caught, 16).is_ok_and(|caught| caught & (1 << 14) != 0)
}

#[test]
fn a_signal_ends_a_program_that_waits_for_its_first_peer() {
    let nobody = local(free_port());
    let waits = [
        (Consumer, vec!["--listen", "unix:s", "count | csv"]),
        (Consumer, vec!["--listen", "unix:s", "--senders", "0", "count | csv"]),
        (Producer, vec!["apache", "log", "--listen", "unix:s"]),
        (Producer, vec!["apache", "log", "--listen", "unix:s", "--replay"]),
        (Producer, vec!["apache", "log", "--listen", "unix:s", "--as", "json"]),
        (Producer, vec!["apache", "log", "--to", &nobody, "--connect-timeout", "1h"]),
        (Producer, vec!["apache", "log", "--to", &nobody, "--connect-timeout", "1h", "--as", "json"]),
    ];
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        for (program, args) in &waits {
            let mut group = Group::new();
            log_in(&group, "log", 83, 10);
            let waiting = group.run(*program, args);
            group.until("it catches signals", SOON, |group| catches_signals(group, waiting));
            if args.contains(&"--listen") {
                group.until_socket("s", SOON);
            }
            let sent = std::time::Instant::now();
            group.signal(waiting, signal);
            let ended = group.wait(waiting, SOON).exits(code);
            assert!(sent.elapsed() < Duration::from_secs(5), "it waits on\n{ended}");
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
fn a_second_signal_ends_at_once() {
    let mut group = Group::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let consumer = group.run(Consumer, &["--listen", "unix:s", HOSTS]);
    let producer = group.start(Producer, &["apache", "--to", "unix:s"], reader);
    writer.write_all(&Log::common(82, 100).text()).unwrap();
    group.until("the records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == 100);
    // A producer that does not answer: the consumer waits for it to hear how it ended.
    group.signal(producer, Signal::STOP);
    group.until("it is stopped", SOON, |group| is_stopped(group, producer));
    group.signal(consumer, Signal::TERM);
    assert!(group.wait_until(consumer, std::time::Instant::now() + Duration::from_millis(500)).is_none(), "it waits");
    group.signal(consumer, Signal::TERM);
    let ended = group.wait(consumer, Duration::from_secs(5)).exits(143);
    assert!(ended.took < SOON, "{ended}");
}

#[test]
fn senders_of_an_endless_consumer_end_when_their_records_are_done_with() {
    for (query, answer) in [(HOSTS, 300), (COUNT, 1)] {
        let mut group = Group::new();
        let log = log_in(&group, "log", 83, 3);
        log_in(&group, "empty", 84, 0);
        let url = local(free_port());
        let consumer = group.run(Consumer, &["--listen", &url, "--senders", "0", query]);
        for _ in 0..100 {
            let producer = group.run(Producer, &["apache", "log", "--to", &url]);
            group.wait(producer, SOON).exits(0).quietly();
        }
        let empty = group.run(Producer, &["apache", "empty", "--to", &url]);
        group.wait(empty, SOON).exits(0).quietly();
        // What was said to be done with is written; of what is counted, the header.
        assert_eq!(group.ended(consumer).stdout.lines().count(), answer, "{}", group.ended(consumer));
        let files = fs::read_dir(format!("/proc/{}/fd", group.pid(consumer))).unwrap().count();
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
    let url = local(free_port());
    let consumer = group.run(Consumer, &["--listen", &url, "--senders", "0", HOSTS]);
    for n in 1..=30 {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let dies = group.start(Producer, &["apache", "--to", &url], reader);
        writer.write_all(&log.text()).unwrap();
        group.until("its records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == 3 * n);
        group.signal(dies, Signal::KILL);
        group.wait(dies, SOON);
    }
    let of = |group: &Group, what: &str| fs::read_dir(format!("/proc/{}/{what}", group.pid(consumer))).unwrap().count();
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
fn a_query_that_is_wrong_is_told_though_the_senders_are_silent() {
    for (url, senders) in [("unix:s".to_owned(), "1"), (local(free_port()), "1"), (local(free_port()), "0")] {
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
    group.wait(consumer, SOON).exits(2).says("nosuch");
    drop(writer);
}

#[test]
fn a_sender_that_dies_before_it_has_said_a_word_costs_an_endless_consumer_nothing_else() {
    let mut group = Group::new();
    let log = log_in(&group, "log", 87, 3);
    let url = local(free_port());
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

/// That is seen before anybody is called.
#[test]
fn what_cannot_be_read_together_is_a_mistake_in_what_was_typed() {
    let nobody = local(free_port());
    for (urls, why) in [
        (["a.rec", "b.rec"], "--from a.rec: only sockets can be read together"),
        ([&nobody, "b.rec"], "--from b.rec: only sockets can be read together"),
        ([&nobody, "-"], "--from -: only sockets can be read together"),
        (["exec:true", &nobody], "--from exec:true: a child gives no records"),
    ] {
        let mut group = Group::new();
        group.scratch().write("a.rec", "");
        group.scratch().write("b.rec", "");
        let consumer = group.run(Consumer, &["--from", urls[0], "--from", urls[1], "count"]);
        let ended = group.wait(consumer, SOON).exits(2).says(why);
        assert!(ended.took < Duration::from_secs(5), "{ended}");
    }
}

#[test]
fn a_next_consumer_that_is_killed_is_said_to_be_lost() {
    let lines = Log::common(88, 1000).text();
    for (url, query) in [("unix:b".to_owned(), HOSTS), (local(free_port()), COUNT)] {
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
