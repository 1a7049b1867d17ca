//! Windows of time that are given while the programs run: of followed files, of several senders, into files that lines are added to.

use std::{
    fs::File,
    io::{Write, pipe},
    path::Path,
};

use e2e::{
    Group, Pipeline,
    Program::{Consumer, Producer},
    SOON, Scratch,
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
