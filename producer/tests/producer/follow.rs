//! Files that grow: appended to, rotated in every way, deleted and made again; and how it ends.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::following::{Following, append};
use crate::harness::{DEADLINE, command, run, wait};

#[test]
fn lines_come_as_they_are_appended() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    append(&log, "old\n");
    let mut following = Following::new(&[&log]);
    append(&log, "one\ntwo\n");
    following.expect(&["one", "two"]);
    append(&log, "three\n");
    following.expect(&["three"]);
    let mut following = Following::new(&["--from-start".as_ref(), log.as_os_str()]);
    following.expect(&["old", "one", "two", "three"]);
    append(&log, "four\n");
    following.expect(&["four"]);
    assert_eq!(following.said(), "");
}

#[test]
fn a_line_written_in_pieces_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    append(&log, "old\nnot fin");
    let mut following = Following::new(&[&log]);
    append(&log, "ished\nfirst\nsec");
    following.expect(&["not finished", "first"]);
    for piece in ["o", "n", "d", " line"] {
        append(&log, piece);
        assert_eq!(following.count(), 2);
    }
    append(&log, "\n");
    following.expect(&["second line"]);
}

#[test]
fn a_renamed_file_is_read_to_its_end_before_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let (log, old) = (dir.path().join("f.log"), dir.path().join("f.log.1"));
    append(&log, "");
    let mut following = Following::new(&[&log]);
    append(&log, "one\n");
    fs::rename(&log, &old).unwrap();
    append(&old, "two\n");
    append(&log, "three\n");
    following.expect(&["one", "two", "three"]);
    append(&old, "late\n");
    following.expect(&["late"]);
    append(&log, "four\nnot finished");
    following.expect(&["four"]);
    // Nobody finishes it: it goes out before what is in the new file.
    fs::rename(&log, &old).unwrap();
    append(&log, "five\n");
    following.expect(&["not finished", "five"]);
    assert_eq!(following.said(), "");
}

#[test]
fn a_file_that_comes_and_moves_on_before_anybody_looks_is_not_missed() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    let mut following = Following::new(&[&log]);
    following.says("f.log: not there yet");
    for n in 0..200 {
        append(&log, &format!("{n}\n"));
        fs::rename(&log, dir.path().join(format!("f.log.{n}"))).unwrap();
    }
    let all: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    assert_eq!(following.lines(200), all);
}

#[test]
fn truncation_is_said_and_the_file_goes_on_from_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    append(&log, "old\n");
    let mut following = Following::new(&["--stats".as_ref(), log.as_os_str()]);
    append(&log, "one\n");
    following.expect(&["one"]);
    fs::copy(&log, dir.path().join("f.log.1")).unwrap();
    fs::File::create(&log).unwrap();
    append(&log, "two\n");
    following.expect(&["two"]);
    following.says("f.log: was truncated; it is read from its start, but lines written to it after byte 8 of what it was may be lost");
    // In place, and longer than it was.
    fs::write(&log, "three\nfour\nfive\nsix\n").unwrap();
    following.expect(&["three", "four", "five", "six"]);
    append(&log, "torn");
    append(&log, "");
    fs::File::create(&log).unwrap();
    append(&log, "seven\n");
    following.expect(&["seven"]);
    following.signal(Signal::TERM);
    following.says("lines may have been lost, 3 times");
}

#[test]
fn a_file_that_is_deleted_and_made_again_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    append(&log, "old\n");
    let mut following = Following::new(&[&log]);
    for n in 0..5 {
        append(&log, &format!("before {n}\n"));
        fs::remove_file(&log).unwrap();
        append(&log, &format!("after {n}\n"));
        following.expect(&[&format!("before {n}"), &format!("after {n}")]);
    }
    fs::rename(&log, dir.path().join("away")).unwrap();
    fs::rename(dir.path().join("away"), &log).unwrap();
    append(&log, "back\n");
    following.expect(&["back"]);
    fs::write(dir.path().join("other"), "replaced\n").unwrap();
    fs::rename(dir.path().join("other"), &log).unwrap();
    following.expect(&["replaced"]);
    assert_eq!(following.said(), "");
}

#[test]
fn files_that_join_a_directory_or_a_glob_are_read_from_their_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    append(&path("a.log"), "old\n");
    append(&path("a.txt"), "old\n");
    let glob = dir.path().join("s*/*.log");
    let mut following = Following::new(&["--name".as_ref(), "*.log".as_ref(), dir.path().as_os_str(), glob.as_os_str()]);
    append(&path("a.txt"), "no\n");
    append(&path("a.log"), "one\n");
    following.expect(&["one"]);
    append(&path("b.txt"), "no\n");
    append(&path("b.log"), "two\n");
    following.expect(&["two"]);
    fs::create_dir(path("sub")).unwrap();
    append(&path("sub/c.log"), "three\n");
    following.expect(&["three"]);
    append(&path("sub/c.log"), "four\n");
    following.expect(&["four"]);
    fs::remove_dir_all(path("sub")).unwrap();
    fs::create_dir(path("sub")).unwrap();
    append(&path("sub/c.log"), "five\n");
    following.expect(&["five"]);
    assert_eq!(following.said(), "");
}

#[test]
fn a_wide_file_that_is_followed_from_its_end_is_not_read_as_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("wide.log"), b"\xff\xfeo\0l\0d\0\n\0").unwrap();
    append(&path("f.log"), "old\n");
    let mut following = Following::new(&[dir.path()]);
    fs::OpenOptions::new().append(true).open(path("wide.log")).unwrap().write_all(b"n\0e\0w\0\n\0").unwrap();
    following.says("wide.log: not in UTF-8; it is not followed");
    append(&path("f.log"), "one\n");
    following.expect(&["one"]);
}

#[test]
fn rotation_inside_a_followed_directory_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    append(&path("f.log"), "old\n");
    let mut following = Following::new(&[dir.path()]);
    append(&path("f.log"), "one\n");
    following.expect(&["one"]);
    fs::rename(path("f.log"), path("f.log.1")).unwrap();
    append(&path("f.log"), "two\n");
    following.expect(&["two"]);
    // What was written to the file after our last read is in the copy.
    fs::rename(path("f.log.1"), path("f.log.2")).unwrap();
    fs::copy(path("f.log"), path("f.log.1")).unwrap();
    fs::File::create(path("f.log")).unwrap();
    append(&path("f.log"), "three\n");
    following.expect(&["three"]);
    following.says("f.log.1: a copy of");
    let mut gz = flate2::write::GzEncoder::new(fs::File::create(path("f.log.2.gz")).unwrap(), flate2::Compression::default());
    gz.write_all(b"old\none\n").unwrap();
    gz.finish().unwrap();
    fs::remove_file(path("f.log.2")).unwrap();
    following.says("f.log.2.gz: compressed; it is not followed");
    append(&path("f.log"), "four\n");
    following.expect(&["four"]);
}

#[test]
fn lines_of_several_files_are_whole_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let logs: Vec<_> = (0..5).map(|n| dir.path().join(format!("{n}.log"))).collect();
    logs.iter().for_each(|log| append(log, ""));
    let following = Following::new(&logs);
    for n in 0..2000 {
        let text = format!("{} {n}\n", n % 5);
        let (one, other) = text.split_at(n % text.len());
        append(&logs[n % 5], one);
        append(&logs[n % 5], other);
    }
    let lines = following.all(|lines| lines.len() == 2000);
    for file in 0..5 {
        let of_file: Vec<_> = lines.iter().filter(|line| line.starts_with(&format!("{file} "))).collect();
        let want: Vec<_> = (0..2000).filter(|n| n % 5 == file).map(|n| format!("{file} {n}")).collect();
        assert_eq!(of_file, want.iter().collect::<Vec<_>>());
    }
}

#[test]
fn csv_keeps_its_header_wherever_the_following_begins() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.csv");
    append(&log, "a,b\n1,x\n");
    let mut child = command(&["csv", "-F", log.to_str().unwrap()]).spawn().unwrap();
    let mut reader = recpipe::wire::Reader::new(child.stdout.take().unwrap()).unwrap();
    let mut row = || loop {
        if let Some(recpipe::wire::Incoming::Batch(raw)) = reader.read().unwrap() {
            let batch = raw.decode().unwrap();
            return format!("{} {}", batch.row(0).get("a").unwrap(), batch.row(0).get("b").unwrap());
        }
    };
    append(&log, "2,y\n");
    assert_eq!(row(), "2 y");
    fs::rename(&log, dir.path().join("f.csv.1")).unwrap();
    append(&log, "b,a\nz,3\n");
    assert_eq!(row(), "3 z");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn it_ends_when_its_reader_goes_without_another_line() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    append(&log, "old\n");
    for threads in ["1", "4"] {
        let mut child = command(&["lines", "-F", "-j", threads, log.to_str().unwrap()]).spawn().unwrap();
        let reader = recpipe::wire::Reader::new(child.stdout.take().unwrap()).unwrap();
        drop(reader);
        assert_eq!(wait(&mut child, DEADLINE), Some(0));
    }
}

#[test]
fn a_signal_ends_it_with_all_that_was_there_and_a_proper_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    append(&log, "");
    for (signal, code, cause) in [(Signal::TERM, 143, "ended by SIGTERM"), (Signal::INT, 130, "ended by SIGINT")] {
        let mut following = Following::new(&[&log]);
        append(&log, "one\n");
        following.expect(&["one"]);
        append(&log, "two\nnot finished");
        following.signal(signal);
        let (rest, ending, exit) = following.end();
        assert_eq!(rest, ["two", "not finished"]);
        assert_eq!((exit, ending.exit.code(), ending.cause.as_str()), (code, code as u8, cause));
        append(&log, "\n");
    }
}

#[test]
fn a_signal_ends_any_input() {
    let mut child = command(&["lines"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    let mut reader = recpipe::wire::Reader::new(child.stdout.take().unwrap()).unwrap();
    let mut ending = None;
    while let Some(incoming) = reader.read().unwrap() {
        match incoming {
            recpipe::wire::Incoming::Batch(_) => {
                rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap()
            }
            recpipe::wire::Incoming::End(end) => ending = Some(end),
            _ => {}
        }
    }
    assert_eq!(ending.unwrap().exit.code(), 143);
    assert_eq!(wait(&mut child, DEADLINE), Some(143));
}

#[test]
fn what_cannot_be_followed_is_said() {
    let dir = tempfile::tempdir().unwrap();
    run(&["lines", "-F"]).exits(2).says("--follow needs files or directories");
    run(&["lines", "-F", "-"]).exits(2).says("--follow needs files or directories");
    run(&["xml", "bus", "-F", "x"]).exits(2).says("only lines can be followed");
    run(&["lines", "--from-start", "x"]).exits(2).says("--follow");
    let following = Following::new(&[std::path::Path::new("/dev/zero"), dir.path()]);
    following.says("/dev/zero: not a regular file");
}

#[test]
fn the_output_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, out) = (dir.path().join("f.log"), dir.path().join("out.rec"));
    append(&log, "one\n");
    let args = ["lines".as_ref(), "-F".as_ref(), "--from-start".as_ref(), "--to".as_ref(), out.as_os_str(), dir.path().as_os_str()];
    let mut child = command(&args).spawn().unwrap();
    let until = Instant::now() + DEADLINE;
    while fs::metadata(&out).map_or(0, |meta| meta.len()) < 100 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(wait(&mut child, DEADLINE), Some(143));
    assert_eq!(crate::harness::Stream::read(&fs::read(&out).unwrap()).field("line"), ["one"]);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(said.matches("is where the records go").count(), 1, "{said}");
}

#[test]
fn a_line_is_out_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    append(&log, "");
    let mut following = Following::new(&[&log]);
    let mut times: Vec<Duration> = (0..200)
        .map(|n| {
            let began = Instant::now();
            append(&log, &format!("{n}\n"));
            assert_eq!(following.line(), n.to_string());
            began.elapsed()
        })
        .collect();
    times.sort();
    let (tenth, half, p99) = (times[20], times[100], times[197]);
    recpipe::say!("from the writing of a line to its record: half within {half:?}, 99% within {p99:?}");
    // A few milliseconds where nothing else runs: `docs/performance.md`. Were the system not heard, each would take as long as it
    // is until the next look, a quarter of a second; a machine with too much to do is late with some, and not with all.
    assert!(tenth < Duration::from_millis(150), "{tenth:?} {half:?} {p99:?}");
}

#[test]
fn idleness_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let logs: Vec<_> = (0..300).map(|n| dir.path().join(format!("{n}.log"))).collect();
    logs.iter().for_each(|log| append(log, ""));
    let mut following = Following::new(&logs);
    append(&logs[299], "one\n");
    following.expect(&["one"]);
    let (cpu, began) = (following.cpu(), Instant::now());
    // Longer than the time after which it looks at everything once more.
    std::thread::sleep(Duration::from_secs(8));
    let share = (following.cpu() - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    recpipe::say!("idle: {:.2}% of a core", share * 100.0);
    assert!(share < 0.01, "{share}");
}
