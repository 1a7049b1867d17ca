//! What rotation makes of a followed file, kind by kind: nothing is lost, nothing comes twice, and what may be lost is said.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::following::{Following, append};
use crate::harness::DEADLINE;

fn appender(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

fn write(mut file: &File, text: &str) {
    file.write_all(text.as_bytes()).unwrap();
}

/// `packed` text, as gzip packs it.
fn gzip(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

/// Ends the following: asserts that no line came that was not looked at, but for these.
fn ends_with(following: Following, lines: &[&str]) {
    following.signal(Signal::TERM);
    assert_eq!(following.end().0, lines);
}

#[test]
fn what_goes_to_the_old_file_comes_while_the_new_one_is_empty() {
    for followed in ["f.log", "", "*.log*"] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("f.log");
        append(&log, "old\n");
        let mut following = Following::new(&[dir.path().join(followed)]);
        let daemon = appender(&log);
        write(&daemon, "one\n");
        following.expect(&["one"]);
        fs::rename(&log, dir.path().join("f.log.1")).unwrap();
        File::create(&log).unwrap();
        for line in ["two", "three"] {
            write(&daemon, &format!("{line}\n"));
            following.expect(&[line]);
        }
        append(&log, "four\n");
        following.expect(&["four"]);
        // What is there at the signal comes too, of the old file before the new one.
        write(&daemon, "five\n");
        append(&log, "six\n");
        ends_with(following, &["five", "six"]);
    }
}

#[test]
fn a_line_that_is_finished_after_the_rotation_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    let daemon = appender(&log);
    let mut following = Following::new(&[&log]);
    write(&daemon, "one\ntw");
    following.expect(&["one"]);
    fs::rename(&log, dir.path().join("f.log.1")).unwrap();
    append(&log, "three\n");
    // It is not waited for.
    following.expect(&["three"]);
    write(&daemon, "o\n");
    following.expect(&["two"]);
}

#[test]
fn a_file_without_a_name_is_read_as_long_as_somebody_writes_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().canonicalize().unwrap().join("f.log");
    let daemon = appender(&log);
    let mut following = Following::new(&[&log]);
    write(&daemon, "one\n");
    following.expect(&["one"]);
    fs::remove_file(&log).unwrap();
    append(&log, "new\n");
    following.expect(&["new"]);
    // A silence that is long enough for it to be asked who writes to it.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(following.open_files("f.log (deleted)"), 1);
    write(&daemon, "two\n");
    following.expect(&["two"]);
    drop(daemon);
    let until = Instant::now() + DEADLINE;
    while following.open_files("f.log (deleted)") > 0 {
        assert!(Instant::now() < until, "it is still open");
        std::thread::sleep(Duration::from_millis(20));
    }
    append(&log, "newer\n");
    following.expect(&["newer"]);
}

#[test]
fn a_copy_is_known_whatever_it_is_called() {
    for copy in ["f.log.1", "f-20240101.log", "f.1.log", "old/f.log-20240101", "saved", "f.log.bak"] {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("old")).unwrap();
        append(&path("f.log"), "old\n");
        let mut following = Following::new(&[dir.path()]);
        append(&path("f.log"), "one\ntwo\n");
        following.expect(&["one", "two"]);
        fs::copy(path("f.log"), path(copy)).unwrap();
        File::create(path("f.log")).unwrap();
        append(&path("f.log"), "three\n");
        following.expect(&["three"]);
        following.says(&format!("{copy}: a copy of"));
        append(&path("f.log"), "four\n");
        following.expect(&["four"]);
        ends_with(following, &[]);
    }
}

#[test]
fn what_only_the_copy_has_is_read_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    append(&path("f.log"), "old\n");
    let mut following = Following::new(&[dir.path()]);
    append(&path("f.log"), "one\nnot fin");
    following.expect(&["one"]);
    // Nobody reads while it is copied and emptied.
    following.signal(Signal::STOP);
    append(&path("f.log"), "ished\ntwo\n");
    fs::copy(path("f.log"), path("f.log.1")).unwrap();
    File::create(path("f.log")).unwrap();
    append(&path("f.log"), "three\n");
    following.signal(Signal::CONT);
    let mut came = following.lines(3);
    came.sort();
    assert_eq!(came, ["not finished", "three", "two"]);
    ends_with(following, &[]);
}

#[test]
fn a_log_that_begins_as_another_does_is_no_copy() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    append(&path("a.log"), "old\n");
    let mut following = Following::new(&["--stats".as_ref(), dir.path().as_os_str()]);
    append(&path("b.log"), "started\none\n");
    following.expect(&["started", "one"]);
    append(&path("c.log"), "started\n");
    following.expect(&["started"]);
    append(&path("c.log"), "two\n");
    following.expect(&["two"]);
    // Of a new day, and nothing was emptied.
    let banner = "a banner that every file begins with\n".repeat(20);
    append(&path("d-20240101.log"), &format!("{banner}three\n"));
    assert_eq!(following.lines(21)[20], "three");
    append(&path("d-20240102.log"), &banner);
    assert_eq!(following.lines(20).concat().len(), banner.len() - 20);
    following.says("d-20240102.log: begins as");
    append(&path("d-20240102.log"), "four\n");
    following.expect(&["four"]);
    following.signal(Signal::TERM);
    let (lines, said) = following.ended();
    assert_eq!(lines.len(), 4 + 21 + 20 + 1);
    assert!(said.contains("lines may have come twice, 1 time"), "{said}");
}

#[test]
fn of_a_longer_version_only_what_is_new_comes() {
    for followed in ["f.log", ""] {
        let dir = tempfile::tempdir().unwrap();
        let (log, temporary) = (dir.path().join("f.log"), dir.path().join(".f.log.Ab12Cd"));
        append(&log, "old\nolder\n");
        let mut following = Following::new(&[dir.path().join(followed)]);
        for (added, line) in [("one\n", "one"), ("two\nthr", "two"), ("ee\n", "three")] {
            fs::copy(&log, &temporary).unwrap();
            append(&temporary, added);
            fs::rename(&temporary, &log).unwrap();
            following.expect(&[line]);
        }
        // The same once more, and another that begins with the same line.
        fs::copy(&log, &temporary).unwrap();
        fs::rename(&temporary, &log).unwrap();
        append(&log, "four\n");
        following.expect(&["four"]);
        append(&temporary, "old\nother\nlines\n");
        fs::rename(&temporary, &log).unwrap();
        following.expect(&["old", "other", "lines"]);
        ends_with(following, &[]);
    }
}

#[test]
fn a_file_that_is_made_again_with_the_same_lines_gives_them_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    let mut following = Following::new(&[&log]);
    for _ in 0..3 {
        append(&log, "one\ntwo\n");
        following.expect(&["one", "two"]);
        fs::remove_file(&log).unwrap();
    }
    ends_with(following, &[]);
}

#[test]
fn packed_files_give_no_lines_also_when_they_grow() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let packed = gzip(&(0..500).map(|n| format!("line {n} {}\n", n * 7919 % 1009)).collect::<String>());
    fs::write(path("f.log.1.gz"), &packed).unwrap();
    fs::write(path("g.log.gz"), &packed).unwrap();
    append(&path("f.log"), "old\n");
    let mut following = Following::new(&[dir.path()]);
    following.says("f.log.1.gz and 1 more: compressed; not followed");
    appender(&path("g.log.gz")).write_all(&packed).unwrap();
    append(&path("f.log"), "one\n");
    following.expect(&["one"]);
    appender(&path("g.log.gz")).write_all(&packed[..100]).unwrap();
    append(&path("f.log"), "two\n");
    following.expect(&["two"]);
    ends_with(following, &[]);
}

#[test]
fn a_hole_of_any_size_costs_no_line() {
    for size in [10, 5_000_000] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("f.log");
        let daemon = File::create(&log).unwrap();
        write(&daemon, &"x\n".repeat(size / 2));
        let mut following = Following::new(&["--stats".as_ref(), log.as_os_str()]);
        write(&daemon, "one\n");
        following.expect(&["one"]);
        File::create(&log).unwrap();
        following.says("was truncated");
        write(&daemon, "two\nthree\n");
        following.expect(&["two", "three"]);
        following.says(&format!("f.log: {} NULs before a record skipped, a hole", size + 4));
        following.signal(Signal::TERM);
        let (_, said) = following.ended();
        assert!(said.contains(&format!("; {} NULs of holes skipped", size + 4)) && said.contains("0 lines rejected"), "{said}");
        assert_eq!(said.matches("NULs before a record").count(), 1, "{said}");
    }
}

#[test]
fn unfinished_lines_from_before_stay_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    (1..4).for_each(|n| append(&path(&format!("f.log.{n}")), "a line\nnot finished"));
    append(&path("f.log"), "old and ");
    let mut following = Following::new(&[dir.path()]);
    append(&path("f.log"), "new\nlast");
    following.expect(&["old and new"]);
    fs::rename(path("f.log.1"), path("f.log.4")).unwrap();
    append(&path("f.log"), ", one\n");
    following.expect(&["last, one"]);
    ends_with(following, &[]);
}

#[test]
fn what_is_there_comes_oldest_first_and_whole_files_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    // More than is read at once.
    let many = 60_000;
    let names = ["f.log-20240107", "f.log-20240114", "f.log"];
    let lines = |name: &str| (0..many).map(|n| format!("{name} {n}\n")).collect::<String>();
    names.iter().rev().for_each(|name| append(&path(name), &lines(name)));
    let mut following = Following::new(&["--from-start".as_ref(), dir.path().as_os_str()]);
    for name in names {
        let came = following.lines(many).join("\n") + "\n";
        assert!(came == lines(name), "{name}");
    }
    append(&path("f.log"), "new\n");
    following.expect(&["new"]);
}

#[test]
fn a_place_that_is_none_yet_may_become_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    append(&path("file"), "no directory\n");
    let mut following = Following::new(&[path("file/f.log"), path("a/b/f.log")]);
    following.says("file/f.log: Not a directory; it will be read, from its start, when that can be");
    following.says("a/b/f.log: not there yet");
    fs::create_dir_all(path("a/b")).unwrap();
    append(&path("a/b/f.log"), "one\n");
    following.expect(&["one"]);
    fs::remove_file(path("file")).unwrap();
    fs::create_dir(path("file")).unwrap();
    append(&path("file/f.log"), "two\n");
    following.expect(&["two"]);
    append(&path("file/f.log"), "three\n");
    following.expect(&["three"]);
}

#[test]
fn links_are_followed_wherever_they_lead() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    for sub in ["links", "data", "other"] {
        fs::create_dir(path(sub)).unwrap();
    }
    append(&path("data/1.log"), "old\n");
    symlink("../data/1.log", path("links/0.log")).unwrap();
    symlink("links/0.log", path("f.log")).unwrap();
    let mut following = Following::new(&[path("f.log")]);
    append(&path("data/1.log"), "one\n");
    following.expect(&["one"]);
    fs::rename(path("data/1.log"), path("data/1.log.1")).unwrap();
    append(&path("data/1.log"), "two\n");
    following.expect(&["two"]);
    // The link in the middle is turned, as whoever deploys does it.
    append(&path("other/2.log"), "three\n");
    symlink("../other/2.log", path("links/new")).unwrap();
    fs::rename(path("links/new"), path("links/0.log")).unwrap();
    following.expect(&["three"]);
    append(&path("other/2.log"), "four\n");
    following.expect(&["four"]);
    append(&path("data/1.log"), "of the old one\n");
    append(&path("other/2.log"), "five\n");
    let mut last = following.lines(1);
    if last == ["of the old one"] {
        last = following.lines(1);
    }
    assert_eq!(last, ["five"]);
}

#[test]
fn signals_at_once_are_one_and_a_later_one_is_the_end() {
    for gap in [0, 1, 5, 50] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("f.log");
        append(&log, "");
        let following = Following::new(&[&log]);
        append(&log, &"a line that is there when the signal comes\n".repeat(20_000));
        following.signal(Signal::TERM);
        std::thread::sleep(Duration::from_millis(gap));
        following.signal_if_there(Signal::TERM);
        let (lines, ending, exit) = following.end();
        assert_eq!((lines.len(), ending.exit.code(), exit), (20_000, 143, 143));
    }
}
