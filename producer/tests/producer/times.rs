//! Records of a time, of all kinds of inputs: what is skipped shows in nothing.

use std::fs;
use std::path::Path;

use crate::harness::{Outcome, run, run_on};

/// A line of a web log, so many seconds after midnight.
fn line(second: u64, n: usize) -> String {
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("10.0.0.1 - - [12/Mar/2026:{hour:02}:{minute:02}:{:02} +0000] \"GET /{n} HTTP/1.1\" 200 {n}\n", second % 60)
}

/// A log that is in order, of 8000 lines and 700 KB.
fn day() -> (String, Vec<u64>) {
    let seconds: Vec<u64> = (0..8000).map(|n| n * 7 / 2).collect();
    (seconds.iter().enumerate().map(|(n, &second)| line(second, n)).collect(), seconds)
}

fn requests(outcome: &Outcome) -> Vec<String> {
    outcome.stream().field("request")
}

fn between(seconds: &[u64], since: u64, until: u64) -> Vec<String> {
    let inside = seconds.iter().enumerate().filter(|(_, second)| (since..until).contains(second));
    inside.map(|(n, _)| format!("/{n}")).collect()
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_is_skipped_shows_in_nothing_but_the_account() {
    let dir = tempfile::tempdir().unwrap();
    let (text, seconds) = day();
    let path = write(dir.path(), "day", &text);
    for (since, until) in [(7200, 7800), (0, 60), (27_990, 90_000), (5, 5 + 14 * 600)] {
        let of = |second: u64| {
            format!("2026-03-{:02}T{:02}:{:02}:{:02}Z", 12 + second / 86_400, second / 3600 % 24, second / 60 % 60, second % 60)
        };
        let args = ["apache".to_owned(), "--since".to_owned(), of(since), "--until".to_owned(), of(until)];
        let want = between(&seconds, since, until);
        for more in [&[][..], &["-j", "1"], &["--full"], &["--slack", "0s"], &["--slack", "1h"]] {
            let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).chain([path.as_str()]).collect();
            assert_eq!(requests(&run(&args).exits(0).quietly()), want, "{args:?}");
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        assert_eq!(requests(&run_on(&args, text.as_bytes()).exits(0).quietly()), want, "a pipe");
    }
    let stats = |more: &[&str]| {
        run(&[&["apache", "--since", "2026-03-12T02:00Z", "--until", "2026-03-12T02:10Z", "--stats", &path], more].concat()).exits(0).stderr
    };
    assert!(stats(&[]).contains("bytes of other times not looked at"), "{}", stats(&[]));
    assert!(!stats(&["--full"]).contains("not looked at"));
}

#[test]
fn what_is_not_in_order_is_read_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (text, seconds) = day();
    // At first the clock is hours ahead, so that what halving skips has records of the window; later it is set back by an hour, which is seen.
    let moved: Vec<u64> = seconds
        .iter()
        .enumerate()
        .map(|(n, &second)| match n {
            0..1000 => second + 4 * 3600,
            1000..7000 => second,
            _ => second - 3600,
        })
        .collect();
    let text: String = text.lines().zip(&moved).enumerate().map(|(n, (_, &second))| line(second, n)).collect();
    let path = write(dir.path(), "moved", &text);
    let args = ["apache", "--since", "2026-03-12T04:00Z", "--until", "2026-03-12T09:00Z", &path];
    let outcome = run(&args).exits(0).says("not in order").says("all of the file is read");
    let (mut got, want) = (requests(&outcome), between(&moved, 4 * 3600, 9 * 3600));
    got.sort_by_key(|request| request[1..].parse::<u64>().unwrap());
    assert_eq!(got, want);
}

#[test]
fn mistakes_are_said() {
    run_on(&["apache", "--since", "noon-ish"], b"").exits(2).says("--since: `noon-ish` is no time");
    run_on(&["apache", "--since", "14:00", "--until", "13:00"], b"").exits(2).says("--until is not after --since");
    run_on(&["csv", "--since", "14:00"], b"").exits(2).says("--since: its records have no times");
    run_on(&["lines", "--merge"], b"").exits(2).says("--merge: its records have no times");
}

#[test]
fn inputs_are_merged_by_time_and_each_keeps_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut all: Vec<(u64, usize)> = Vec::new();
    let mut paths = Vec::new();
    for input in 0..3 {
        let lines: Vec<(u64, usize)> = (0..1500).map(|n| ((n * (input as u64 + 2) / 3), input * 10_000 + n as usize)).collect();
        let text: String = lines.iter().map(|&(second, n)| line(second, n)).collect();
        paths.push(write(dir.path(), &format!("m{input}"), &(text + "garbage\n")));
        all.extend(lines);
    }
    // Ties come in the order of the inputs: sorting is stable.
    all.sort_by_key(|(second, _)| *second);
    let want: Vec<String> = all.iter().map(|(_, n)| format!("/{n}")).collect();
    for more in [&["-j", "1"][..], &["-j", "4"]] {
        let args: Vec<&str> =
            ["apache", "--merge"].into_iter().chain(more.iter().copied()).chain(paths.iter().map(String::as_str)).collect();
        let outcome = run(&args).exits(0).says("3 lines rejected, first: ").says("m0:line 1501: \"garbage\"");
        assert_eq!(requests(&outcome), want);
    }
}

/// So many nanoseconds after midnight, as RFC 3339 has it.
fn rfc3339(second: u64) -> String {
    format!("2026-03-12T{:02}:{:02}:{:02}.000Z", second / 3600, second / 60 % 60, second % 60)
}

/// A record of each log that has times of its own, so many seconds after midnight; `n` is in it.
fn record(format: &str, second: u64, n: usize) -> String {
    let (stamp, epoch) = (rfc3339(second), 1_773_273_600 + second);
    let (date, day) = (&stamp[..10], &stamp[11..19]);
    let clf = format!("12/Mar/2026:{day} +0000");
    match format {
        "logfmt" => format!("level=info n={n} ts={epoch}.5 msg=\"a b\"\n"),
        "ltsv" => format!("time:{clf}\tn:{n}\tk:v\n"),
        "w3c" if n.is_multiple_of(500) => format!("#Fields: s-ip date time n\n10.0.0.1 {date} {day} {n}\n"),
        "w3c" => format!("10.0.0.1 {date} {day} {n}\n"),
        "cri" if n.is_multiple_of(3) => format!("{stamp} stdout P <\n{stamp} stderr F other\n{stamp} stdout F n={n}\n"),
        "cri" => format!("{stamp} stderr F n={n}\n"),
        "postgres" if n.is_multiple_of(2) => format!("{date} {day} UTC [{n}] ERROR:  x\n\tgoes on\n"),
        "postgres" => {
            format!("{date} {day} UTC,,,{n},,x,1,,{date} 00:00:00 UTC,,0,LOG,00000,\"a\nb\",,,,,,,,,\"\",\"x\",,0\n")
        }
        "mysql-slow" => {
            let time = if n.is_multiple_of(4) { String::new() } else { format!("# Time: {stamp}\n") };
            format!("{time}# User@Host: a[a] @ b []  Id: {n}\n# Query_time: 1\nSET timestamp={epoch};\nSELECT {n};\n")
        }
        "docker" => format!("{{\"log\":\"n={n}\\n\",\"stream\":\"stdout\",\"time\":\"{stamp}\"}}\n"),
        "caddy" => format!("{{\"request\":{{\"method\":\"GET\",\"uri\":\"/{n}\"}},\"ts\":{epoch}.25,\"status\":200}}\n"),
        "traefik" => format!("{{\"RequestMethod\":\"GET\",\"RequestPath\":\"/{n}\",\"time\":\"{stamp}\"}}\n"),
        "s3" => format!("o b [{clf}] 10.0.0.1 - ID{n} REST.GET.OBJECT k \"GET /{n} HTTP/1.1\" 200 - 1 1 1 1 \"-\" \"-\" - \n"),
        _ => format!("{stamp} lb 10.0.0.1:1 - -1 -1 -1 503 0 0 {n} \"GET http://a:80/{n} HTTP/1.1\" \"x\" - -\n"),
    }
}

/// The records that come, each by its fields, in any order: what is read again comes later.
fn records(args: &[&str]) -> (Vec<String>, Outcome) {
    let outcome = run(args).exits(0);
    let stream = outcome.stream();
    let mut records: Vec<String> = Vec::new();
    for batch in &stream.batches {
        for row in batch.rows() {
            let mut fields: Vec<String> = row.iter().map(|(name, value)| format!("{name}={value}")).collect();
            fields.sort();
            records.push(fields.join(" "));
        }
    }
    records.sort();
    (records, outcome)
}

#[test]
fn every_log_is_skipped_by_its_times() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["logfmt", "ltsv", "w3c", "cri", "postgres", "mysql-slow", "docker", "caddy", "traefik", "s3", "elb"] {
        let in_order: Vec<u64> = (0..6000).map(|n| n * 7 / 2).collect();
        // Out of order by less than the slack; a clock that is set back within what is read; two clocks an hour apart, line by line.
        let jitter: Vec<u64> = in_order.iter().enumerate().map(|(n, second)| second + [0, 40, 7][n % 3]).collect();
        let set_back: Vec<u64> = in_order.iter().enumerate().map(|(n, second)| if n > 3200 { second - 900 } else { *second }).collect();
        let two: Vec<u64> = in_order.iter().enumerate().map(|(n, second)| second + 3600 * (n as u64 % 2)).collect();
        for (seconds, is_ordered) in [(&in_order, true), (&jitter, true), (&set_back, false), (&two, false)] {
            let text: String = seconds.iter().enumerate().map(|(n, &second)| record(format, second, n)).collect();
            let path = write(dir.path(), "log", &text);
            let args = [format, "--since", "2026-03-12T03:00:00Z", "--until", "2026-03-12T03:10:00Z", "-j", "2", &path];
            let (whole, _) = records(&[&args[..], &["--full"]].concat());
            let (skipped, outcome) = records(&args);
            let inside = seconds.iter().filter(|second| (10_800..11_400).contains(*second)).count();
            assert!(whole.len() >= inside && inside > 100, "{format}: {} of {inside}", whole.len());
            assert_eq!(skipped, whole, "{format}, {}", outcome.stderr);
            assert_eq!(outcome.stderr.contains("not in order"), !is_ordered, "{format}: {}", outcome.stderr);
        }
    }
}
