//! Lines that are no records: counted, kept, and at some point too many.

use e2e::{Outcome, Pipeline, Program, Scratch, log::Log};

/// A log with a bad line after each of these places.
fn with_bad_lines(log: &Log, after: impl Fn(usize) -> bool) -> (Vec<u8>, usize) {
    let (mut text, mut bad) = (Vec::new(), 0);
    for (i, entry) in log.0.iter().enumerate() {
        text.extend_from_slice(entry.line().as_bytes());
        text.push(b'\n');
        if after(i) {
            text.extend_from_slice(format!("bad line {bad}\n").as_bytes());
            bad += 1;
        }
    }
    (text, bad)
}

fn run(options: &[&str], text: &[u8]) -> Outcome {
    Pipeline::both(&[&["apache"], options].concat(), &["count | print \"{count}\""]).input(text).run()
}

#[test]
fn a_few_are_counted_and_the_first_is_named() {
    let log = Log::common(21, 10_000);
    let (text, bad) = with_bad_lines(&log, |i| i % 200 == 150);
    assert_eq!(bad, 50);
    let outcome = run(&[], &text).exits(&[0, 0]).prints("10000\n");
    assert_eq!(outcome.producer_says(), "producer: 50 lines rejected, first: (stdin):line 152: \"bad line 0\"\n");
    assert_eq!(outcome.consumer_says(), "");
    run(&["-q"], &text).succeeds().prints("10000\n");
}

#[test]
fn the_line_is_named_by_its_file() {
    let scratch = Scratch::new();
    let (text, _) = with_bad_lines(&Log::common(22, 9000), |i| i == 8000);
    scratch.write("logs/a", Log::common(23, 100).text());
    scratch.write("logs/b", &text);
    for threads in ["1", "8"] {
        let outcome = Pipeline::both(&["apache", "logs", "-j", threads], &["count | print \"{count}\""]).dir(scratch.path()).run();
        outcome.exits(&[0, 0]).prints("9100\n").says(Program::Producer, "1 line rejected, first: logs/b:line 8002: \"bad line 0\"");
    }
}

#[test]
fn strict_stops_at_the_first() {
    let log = Log::common(24, 20_000);
    let (text, _) = with_bad_lines(&log, |i| i % 5000 == 4999);
    for threads in ["1", "2", "8"] {
        // What came before the bad line was sent, and both sides say why it is not all.
        let outcome = run(&["--strict", "-j", threads], &text).exits(&[4, 4]).prints("5000\n");
        outcome.says(Program::Producer, "(stdin):line 5001: \"bad line 0\"").says(Program::Consumer, "(stdin):line 5001");
    }
    run(&["--strict"], &log.text()).succeeds().prints("20000\n");
}

#[test]
fn more_than_a_number_or_a_share_are_too_many() {
    let log = Log::common(25, 5000);
    let (text, bad) = with_bad_lines(&log, |i| i % 100 == 99);
    assert_eq!(bad, 50);
    run(&["--max-errors", "50"], &text).exits(&[0, 0]).prints("5000\n");
    run(&["--max-errors", "49"], &text).exits(&[4, 4]).says(Program::Producer, "--max-errors 49");
    run(&["--max-errors", "0"], &text).exits(&[4, 4]).prints("100\n");
    run(&["--max-errors", "1%"], &text).exits(&[0, 0]).prints("5000\n");
    run(&["--max-errors", "0.5%"], &text).exits(&[4, 4]).says(Program::Consumer, "exit 4");
    run(&["--max-errors", "100%"], b"bad\n".repeat(5000).as_slice()).exits(&[0, 0]).prints("0\n");
}

#[test]
fn by_default_one_in_a_hundred_is_too_many() {
    let log = Log::common(26, 4000);
    let (few, _) = with_bad_lines(&log, |i| i % 110 == 109);
    run(&[], &few).exits(&[0, 0]).prints("4000\n");
    let (many, _) = with_bad_lines(&log, |i| i % 80 == 79);
    run(&[], &many).exits(&[4, 4]).says(Program::Producer, "more than 1% of the lines are bad");
    // A share of few lines says little.
    let (text, _) = with_bad_lines(&Log::common(27, 900), |i| i % 80 == 79);
    run(&[], &text).exits(&[0, 0]).prints("900\n");
}

#[test]
fn the_wrong_format_fails_fast() {
    let text = "not a log line at all\n".repeat(100_000);
    let outcome = run(&[], text.as_bytes()).exits(&[4, 4]).prints("0\n");
    let outcome = outcome.says(Program::Producer, "100 lines rejected").says(Program::Producer, "(stdin):line 1");
    outcome.says(Program::Producer, "is this the right format?").says(Program::Consumer, "exit 4");
    // So do fewer, at their end.
    run(&[], "bad\n".repeat(99).as_bytes()).exits(&[4, 4]).prints("0\n").says(Program::Producer, "99 lines rejected");
}

#[test]
fn rejects_are_kept_as_they_were() {
    let scratch = Scratch::new();
    let log = Log::common(28, 3000);
    let good = log.text();
    let text = [&good[..], b"one\r\n", &good, b"\n", &good, b"\xff two\n", &good, b"torn"].concat();
    for threads in ["1", "8"] {
        let outcome = Pipeline::both(&["apache", "--rejects", "bad", "-j", threads], &["count | print \"{count}\""]).input(text.clone());
        let outcome = outcome.dir(scratch.path()).run().exits(&[0, 0]).prints("12000\n");
        outcome.says(Program::Producer, "4 lines rejected");
        assert_eq!(scratch.read("bad"), b"one\r\n\n\xff two\ntorn");
    }
    Pipeline::producer(&["apache", "--rejects", "no/such/place"])
        .dir(scratch.path())
        .run()
        .exits(&[1])
        .says(Program::Producer, "no/such/place");
}

#[test]
fn messages_do_no_harm_on_a_terminal() {
    let log = Log::common(29, 200);
    let text = [&log.text()[..], b"\x1b[2J\x1b]0;evil\x07\x9b31m\r\n"].concat();
    let outcome = run(&[], &text).exits(&[0, 0]);
    assert!(outcome.producer_says().contains("line 201") && !outcome.producer_says().contains(['\x1b', '\x07']), "{outcome}");
}

#[test]
fn rejects_and_records_do_not_go_to_the_same_file() {
    let scratch = Scratch::new();
    scratch.write("access.log", Log::odd(7, 200).text());
    let run = Pipeline::producer(&["apache", "access.log", "--to", "both", "--rejects", "both"]).dir(scratch.path()).run();
    run.exits(&[2]).says(Program::Producer, "name another");
}

#[test]
fn a_rejects_file_that_cannot_be_written_costs_no_output() {
    let scratch = Scratch::new();
    scratch.write("access.log", Log::common(7, 20).text());
    scratch.write("keep.rec", "precious");
    let run = Pipeline::producer(&["apache", "access.log", "--to", "keep.rec", "--rejects", "no/such/place"]).dir(scratch.path()).run();
    run.exits(&[1]);
    assert_eq!(scratch.read("keep.rec"), b"precious");
}

#[test]
fn nothing_but_rejects_is_an_error_however_few_and_asked_once() {
    let scratch = Scratch::new();
    let junk = scratch.write("junk", "junk\n");
    let typed = scratch.write("typed.csv", "n\nx\n");
    let torn = scratch.write("torn", "abc");
    let shown = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let cases = [
        vec!["json".into(), shown(&junk)],
        vec!["apache".into(), shown(&junk)],
        vec!["regex".into(), r"(?P<n>\d+)".into(), shown(&junk)],
        vec!["csv".into(), "--cast".into(), "n=int".into(), shown(&typed)],
        vec!["struct".into(), "<q".into(), "--names".into(), "n".into(), shown(&torn)],
    ];
    for args in cases {
        // A query that names what is no field says nothing where the producer has failed.
        for query in ["count", "where nosuch == 1", "table"] {
            let outcome = Pipeline::both(&args, &[query.to_owned()]).run().exits(&[4, 4]);
            let said = format!("{}{}", outcome.producer_says(), outcome.consumer_says());
            assert_eq!(said.matches("is this the right format?").count(), 1, "{outcome}");
            assert!(!said.contains("nosuch"), "{outcome}");
        }
    }
    let one = format!("junk\n{}", String::from_utf8(Log::common(1, 1).text()).unwrap());
    run(&[], one.as_bytes()).exits(&[0, 0]).prints("1\n");
    // Who allows them has what is allowed.
    run(&["--max-errors", "1"], b"junk\n").exits(&[0, 0]).prints("0\n");
}

#[test]
fn a_mistake_in_what_was_typed_is_one_on_both_sides_and_said_once() {
    let scratch = Scratch::new();
    let file = scratch.write("a.csv", "a\n1\n");
    let file = file.to_str().unwrap();
    for (args, what) in [
        (vec!["csv", "--cast", "a=integer", file], "a=integer"),
        (vec!["csv", "--fields", "nosuch", file], "nosuch"),
        (vec!["apache", "--fields", "nosuch", file], "nosuch"),
        (vec!["apach", file], "apach"),
        (vec!["csv", "--nosuch", file], "nosuch"),
        (vec!["csv", "--rejects", file, file], "--rejects"),
    ] {
        let outcome = Pipeline::both(&args, &["count"]).run().exits(&[2, 2]);
        assert!(outcome.producer_says().contains(what) && !outcome.consumer_says().contains(what), "{outcome}");
        assert!(!outcome.consumer_says().contains("truncated"), "{outcome}");
    }
}

#[test]
fn a_producer_that_sent_nothing_has_sent_nothing() {
    let outcome = Pipeline::consumer(&["count"]).input("").run().exits(&[3]).says(Program::Consumer, "the producer sent nothing");
    assert!(!outcome.consumer_says().contains("truncated"), "{outcome}");
}
