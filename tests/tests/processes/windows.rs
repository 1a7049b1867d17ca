//! Windows of time that are given while the programs run: of followed files, of several senders, into files that lines are added to.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Write, pipe},
    path::{Path, PathBuf},
};

use e2e::{
    Group, Pipeline,
    Program::{Consumer, Producer},
    SOON, Scratch,
    log::Random,
};
use rustix::process::Signal;

const EVENTS: [&str; 3] = ["csv", "--cast", "time=time"];

/// Records at these seconds of a minute.
fn events(seconds: &[u32]) -> String {
    seconds.iter().map(|second| format!("2026-01-01T00:00:{second:02}Z,{}\n", if second % 2 == 0 { "a" } else { "b" })).collect()
}

fn append(path: &Path, text: &str) {
    File::options().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_is_said_of_a_followed_file_is_what_is_said_of_the_file_later() {
    let query = "stats count, list(time) as l by k every 10s late 5s | json";
    for how in [&["-j", "1"][..], &["-j", "4"], &["--processes", "2"]] {
        let mut group = Group::new();
        let log = group.scratch().write("f.csv", format!("time,k\n{}", events(&[1, 2, 8, 12])));
        let consumer = group.run(Consumer, &[&["--listen", "unix:s"], how, &[query]].concat());
        group.until_socket("s", SOON);
        let producer = group.run(Producer, &[&EVENTS[..], &["-F", "--from-start", "f.csv", "--to", "unix:s"]].concat());
        append(&log, &events(&[7, 16]));
        group.until("the first window", SOON, |group| group.ended(consumer).stdout.contains("00:00:00+00:00\",\"k\":\"b\""));
        append(&log, &events(&[14, 30, 31]));
        group.until("the second window", SOON, |group| group.ended(consumer).stdout.contains("\"time\":\"2026-01-01T00:00:10+00:00\""));
        group.signal(producer, Signal::INT);
        group.wait(producer, SOON);
        let live = group.wait(consumer, SOON);
        let whole = group.run(Producer, &[&EVENTS[..], &["f.csv", "--to", "f.rec"]].concat());
        group.wait(whole, SOON).exits(0).quietly();
        let batch = group.run(Consumer, &["--from", "f.rec", query]);
        let batch = group.wait(batch, SOON).exits(0).quietly();
        assert_eq!(live.stdout, batch.stdout, "{how:?}\n{live}");
        assert_eq!(live.stdout.lines().count(), 5, "{live}");
    }
}

#[test]
fn a_sender_that_is_silent_is_not_waited_for() {
    let mut group = Group::new();
    let consumer = group.run(Consumer, &["--listen", "unix:s", "--senders", "2", "count every 10s late 1s idle 1s | json"]);
    group.until_socket("s", SOON);
    let mut pipes = Vec::new();
    for seconds in [&[1][..], &[2, 15, 31, 33]] {
        let (read, mut write) = pipe().unwrap();
        group.start(Producer, &[&EVENTS[..], &["--to", "unix:s"]].concat(), read);
        write.write_all(format!("time,k\n{}", events(seconds)).as_bytes()).unwrap();
        pipes.push(write);
    }
    let given = "{\"time\":\"2026-01-01T00:00:00+00:00\",\"count\":2}\n{\"time\":\"2026-01-01T00:00:10+00:00\",\"count\":1}\n";
    group.until("the windows before", SOON, |group| group.ended(consumer).stdout == given);
    group.until_it_says(consumer, "is silent, and windows do not wait for it", SOON);
    drop(pipes);
    let ended = group.wait(consumer, SOON).exits(0);
    assert_eq!(ended.stdout, format!("{given}{{\"time\":\"2026-01-01T00:00:30+00:00\",\"count\":2}}\n"), "{ended}");
}

#[test]
fn lines_are_added_to_the_file_of_a_service() {
    let scratch = Scratch::new();
    let run = |query: &str, seconds: &[u32]| {
        let input = format!("time,k\n{}", events(seconds));
        Pipeline::both(&EVENTS, &[query]).dir(scratch.path()).input(input).run()
    };
    let read = |name: &str| String::from_utf8(scratch.read(name)).unwrap();
    for seconds in [[1, 2, 13], [24, 25, 36]] {
        run("count every 10s | write \"r.json\"", &seconds).succeeds();
        run("count every 10s | write \"r.csv\"", &seconds).succeeds();
    }
    let counts = |text: String| {
        text.lines().map(|line| line.rsplit([',', ':']).next().unwrap().trim_end_matches('}').to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(counts(read("r.json")), ["2", "1", "2", "1"]);
    assert_eq!(counts(read("r.csv")), ["count", "2", "1", "2", "1"]);
    // Whoever was killed in the middle of a line is not gone on with.
    scratch.write("r.json", "{\"time\":\"20");
    run("count every 10s | write \"r.json\"", &[1]).succeeds();
    assert_eq!(read("r.json"), "{\"time\":\"20\n{\"time\":\"2026-01-01T00:00:00+00:00\",\"count\":1}\n");
    let other = run("count by k every 10s | write \"r.csv\"", &[1]);
    other.says(Consumer, "r.csv does not begin with the header `time,k,count`");
    assert_eq!(counts(read("r.csv")).len(), 5);
}

#[test]
fn of_files_nothing_is_late_and_windows_are_bins() {
    let scratch = Scratch::new();
    scratch.write("f.csv", format!("time,k\n{}", events(&[1, 15, 9, 16, 8, 59, 21])));
    let bins = "stats count, list(time) as l by bin(time, 10s) as time, k | json";
    let expect = Pipeline::both(&[&EVENTS[..], &["f.csv"]].concat(), &[bins]).dir(scratch.path()).run().succeeds().quietly().text();
    assert_eq!(expect.lines().count(), 6);
    // The branch of what comes late is there, and gets nothing.
    for (query, before) in [
        ("stats count, list(time) as l by k every 10s late 5s | json", ""),
        ("stats count, list(time) as l by k every 10s tee late [ csv ] | json", "time,k\n"),
    ] {
        for how in [&["-j", "1"][..], &["-j", "4"], &["--processes", "2"], &["-j", "2", "--memory", "1MiB"]] {
            let run = Pipeline::both(&[&EVENTS[..], &["f.csv"]].concat(), &[how, &[query]].concat());
            let outcome = run.dir(scratch.path()).run().succeeds().quietly();
            let mut lines: Vec<_> = outcome.text().lines().map(str::to_owned).collect();
            let header = lines.iter().position(|line| format!("{line}\n") == before).map(|at| lines.remove(at));
            assert_eq!(header.is_some(), !before.is_empty(), "{outcome}");
            assert_eq!(lines, expect.lines().collect::<Vec<_>>(), "{outcome}");
        }
    }
    // What was saved is a file, whatever it was made of.
    let input = String::from_utf8(scratch.read("f.csv")).unwrap();
    Pipeline::producer(&[&EVENTS[..], &["--to", "f.rec"]].concat()).dir(scratch.path()).input(input).run().succeeds();
    let saved = Pipeline::consumer(&["--from", "f.rec", "stats count, list(time) as l by k every 10s | json"]);
    assert_eq!(saved.dir(scratch.path()).run().succeeds().quietly().text(), expect);
}

/// A log of JSON lines whose time goes on, is out of order by less than five seconds, and now and then by much more.
struct Service {
    path: PathBuf,
    file: File,
    random: Random,
    /// Milliseconds since midnight.
    now: u64,
    rotations: usize,
    strays: bool,
}

impl Service {
    fn new(path: PathBuf, seed: u64, strays: bool) -> Self {
        let file = File::create(&path).unwrap();
        Service { path, file, random: Random::new(seed), now: 3_600_000, rotations: 0, strays }
    }

    fn write(&mut self, lines: usize) {
        let mut text = String::new();
        for _ in 0..lines {
            self.now += self.random.below(100);
            let back = if self.strays && self.random.below(200) == 0 { 60_000 } else { self.random.below(5_000) };
            self.line(&mut text, self.now - back);
        }
        self.file.write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self, text: &mut String, at: u64) {
        let (hours, minutes, seconds) = (at / 3_600_000, at / 60_000 % 60, at / 1000 % 60);
        let key = self.random.pick(&["a", "b", "c"]);
        *text += &format!("{{\"time\":\"2026-01-01T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z\",\"k\":\"{key}\"}}\n", at % 1000);
    }

    /// As logrotate does it: what the service still writes goes to the file with the new name, until it opens the old one again.
    fn rotate(&mut self) {
        self.rotations += 1;
        let number = self.rotations;
        fs::rename(&self.path, self.path.with_extension(format!("log.{number}"))).unwrap();
        self.write(20);
        self.file = File::create(&self.path).unwrap();
    }

    /// A line of a later time, which closes all windows before it.
    fn end(&mut self) {
        let mut text = String::new();
        self.line(&mut text, 23 * 3_600_000);
        self.file.write_all(text.as_bytes()).unwrap();
    }
}

/// What the rows `time,k,count` count, each group by its time and key.
fn add_up(counts: &mut BTreeMap<String, u64>, rows: &str) {
    for row in rows.lines().skip(1) {
        let (group, count) = row.rsplit_once(',').unwrap();
        *counts.entry(group.to_owned()).or_default() += count.parse::<u64>().unwrap();
    }
}

/// Fifty rotations of each of two followed logs.
fn rotated_services(strays: bool, how: &[&str]) {
    let mut group = Group::new();
    let query = "count by k every 10s late 5s";
    let late = "stats count by bin(time, 10s) as time, k | write \"late.csv\"";
    let live = format!("{query} tee late [ {late} ] | csv");
    let consumer = group.run(Consumer, &[&["--listen", "unix:s", "--senders", "2", "--stats"], how, &[&live]].concat());
    group.until_socket("s", SOON);
    let mut services: Vec<Service> = (0..2).map(|n| Service::new(group.dir().join(format!("{n}.log")), 7 + n, strays)).collect();
    let producers: Vec<usize> = (0..2)
        .map(|n| group.run(Producer, &["json", "--cast", "time=time", "-F", "--from-start", &format!("{n}.log"), "--to", "unix:s"]))
        .collect();
    // Files that were rotated away before the producers came are not theirs.
    services.iter_mut().for_each(|service| service.write(600));
    group.until("the first window", SOON, |group| group.ended(consumer).stdout.contains("T00:59:50"));
    for _ in 0..50 {
        for service in &mut services {
            service.write(200);
            service.rotate();
        }
    }
    services.iter_mut().for_each(Service::end);
    // The last windows that the lines of the end close.
    let last = services.iter().map(|service| service.now).max().unwrap() / 1000 % 3600;
    let last = format!(":{:02}:{:02}", last / 60, last % 60 / 10 * 10);
    group.until("all windows but the last", SOON, |group| group.ended(consumer).stdout.contains(&last));
    producers.iter().for_each(|producer| group.signal(*producer, Signal::INT));
    // None is done with before the windows are that its records are in, for which the other is waited for.
    for producer in producers {
        group.wait(producer, SOON);
    }
    let live = group.wait(consumer, SOON);
    let batch = format!("producer json --cast time=time 0.log* 1.log* | consumer '{query} | csv'");
    let batch = Pipeline::shell(&batch).dir(group.dir()).run().succeeds().text();
    let late = String::from_utf8(group.scratch().read("late.csv")).unwrap();
    let (mut added, mut expected) = (BTreeMap::new(), BTreeMap::new());
    [&live.stdout, &late].into_iter().for_each(|rows| add_up(&mut added, rows));
    add_up(&mut expected, &batch);
    assert_eq!(added, expected, "{live}");
    assert_eq!(expected.values().sum::<u64>(), 2 * (600 + 50 * 220 + 1));
    let count: u64 = late.lines().skip(1).map(|row| row.rsplit(',').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(count > 0, strays, "{live}");
    if strays {
        assert!(live.stderr.contains(&format!(" {count} late,")), "{live}");
    } else {
        assert_eq!(live.stdout, batch, "{live}");
    }
}

#[test]
fn rotations_change_no_window() {
    rotated_services(false, &["-j", "2"]);
}

#[test]
fn through_rotations_live_windows_and_what_was_late_are_the_windows_of_the_files() {
    rotated_services(true, &["-j", "2"]);
    rotated_services(true, &["--processes", "2"]);
}
