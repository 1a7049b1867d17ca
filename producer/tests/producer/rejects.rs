//! Lines that are no records: limits, messages, the file they are kept in, the ledger.

use std::fs;

use crate::harness::{common, hosts, log, run, run_on};

#[test]
fn bad_lines_are_counted_and_their_neighbours_kept() {
    let text = [log(200), "garbage\n".into(), log(200)].concat();
    let outcome = run_on(&["apache", "--stats"], text.as_bytes()).exits(0);
    let outcome = outcome.says("1 line rejected, first: (stdin):line 201: \"garbage\"");
    let outcome = outcome.says(&format!("401 lines in, 400 records out, 1 line rejected, 0 filtered; {} bytes", text.len()));
    let stream = outcome.stream();
    assert_eq!((stream.len(), stream.ending.rejected), (400, 1));
    run_on(&["apache", "-q"], text.as_bytes()).exits(0).quietly();
}

#[test]
fn line_numbers_are_of_the_file_across_its_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    fs::write(&a, log(20_000)).unwrap();
    fs::write(&b, log(20_000) + "\u{7f}garbage\r\n").unwrap();
    for threads in ["1", "2", "8"] {
        let args = ["apache", "-j", threads, a.to_str().unwrap(), b.to_str().unwrap()];
        run(&args).exits(0).says(&format!("{}:line 20001: \"\\u{{7f}}garbage\"", b.display()));
    }
}

#[test]
fn strict_stops_at_the_first_and_sends_what_came_before() {
    let text = [log(200), "garbage\n".into(), log(50_000)].concat();
    for threads in ["1", "2", "8"] {
        let outcome = run_on(&["apache", "--strict", "-j", threads, "--stats"], text.as_bytes()).exits(4);
        let outcome = outcome.says("(stdin):line 201: \"garbage\"").says("201 lines in, 200 records out, 1 line rejected, 0 filtered");
        let stream = outcome.stream();
        assert_eq!(stream.field("host"), hosts(0..200));
        assert!(stream.ending.cause.contains("line 201"));
    }
}

#[test]
fn the_name_of_a_field_does_not_begin_a_line_of_its_own() {
    let pickled = b"}U\x0da\nproducer: bcos\nsystem\ns.";
    let outcome = run_on(&["pickle", "--max-errors", "9"], pickled).exits(0);
    assert_eq!(outcome.says("`a\\nproducer: b` is a os.system").stderr.lines().count(), 1);
}

#[test]
fn max_errors_is_a_number_or_a_share() {
    let text = "bad\n".to_owned() + &common(0) + "bad\n" + &common(1) + "bad\n" + &common(2);
    let run = |limit: &str| run_on(&["apache", "--max-errors", limit], text.as_bytes());
    assert_eq!(run("3").exits(0).stream().len(), 3);
    assert_eq!(run("2").exits(4).says("3 lines rejected").stream().field("host"), hosts(0..2));
    assert_eq!(run("0").exits(4).stream().len(), 0);
    assert_eq!(run("50%").exits(0).stream().len(), 3);
    assert_eq!(run("49%").exits(4).says("more than 49%").stream().len(), 3);
    assert_eq!(run_on(&["apache"], text.as_bytes()).exits(0).stream().len(), 3);
}

#[test]
fn more_than_one_percent_of_many_lines_is_too_much() {
    let bad = |every: usize| (0..3000).map(|n| if n % every == 0 { "bad\n".to_owned() } else { common(n) }).collect::<String>();
    run_on(&["apache"], bad(120).as_bytes()).exits(0).says("25 lines rejected");
    run_on(&["apache"], bad(50).as_bytes()).exits(4).says("more than 1% of the lines are bad");
}

#[test]
fn the_wrong_format_fails_fast() {
    let text = "not a log line\n".repeat(100_000);
    let outcome =
        run_on(&["apache"], text.as_bytes()).exits(4).says("(stdin):line 1: \"not a log line\"").says("is this the right format?");
    assert_eq!(outcome.stream().ending.rejected, 100);
    assert_eq!(outcome.stderr.lines().count(), 1);
}

#[test]
fn rejects_are_kept_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("bad");
    let long = "x".repeat(3 << 20);
    let text = [&log(10), "one\r\n", "\n", &common(3), &long, "\n", &log(5), "last"].concat();
    let outcome = run_on(&["apache", "--rejects", kept.to_str().unwrap(), "--max-errors", "4"], text.as_bytes()).exits(0);
    let stream = outcome.says("4 lines rejected, first: (stdin):line 11: \"one\"").stream();
    assert_eq!((stream.len(), stream.ending.rejected), (16, 4));
    assert!(fs::read(&kept).unwrap() == [b"one\r\n\n", long.as_bytes(), b"\nlast"].concat());
    run(&["apache", "--rejects", "/no/such/dir/f"]).exits(1).says("cannot write /no/such/dir/f");
}

#[test]
fn a_line_that_is_too_long_is_one_reject() {
    let text = [common(0), "y".repeat((1 << 20) + 1), "\n".into(), common(1), "bad\n".into(), common(2)].concat();
    let outcome = run_on(&["apache", "--stats"], text.as_bytes()).exits(0).says("(stdin):line 2: longer than 1048576 bytes: \"yyy");
    let outcome = outcome.says("5 lines in, 3 records out, 2 lines rejected, 0 filtered;").says(&format!("; {} bytes", text.len()));
    assert_eq!(outcome.stream().field("host"), hosts(0..3));
    run_on(&["apache", "--strict"], text.as_bytes()).exits(4).says("line 2: longer");
}

#[test]
fn mistakes_in_the_arguments_are_exit_2() {
    run(&["apahce"]).exits(2).says("did you mean `apache`?");
    run::<&str>(&[]).exits(2).says("FORMAT");
    run(&["apache", "--to", "tcp://localhost"]).exits(2).says("tcp://");
    run(&["apache", "-j", "none"]).exits(2).says("-j");
}
