//! What is written to a terminal, and what is not.

use e2e::{Pipeline, Program, Take, log::Log, terminal::COLUMNS};

const LINE: &[u8] = b"10.0.0.1 - - [24/Feb/2008:00:08:59 -0600] \"GET /a HTTP/1.1\" 404 5\n";

#[test]
fn frames_are_never_written_to_a_terminal() {
    let run = Pipeline::both(&["apache"], &["emit"]).input(Log::common(54, 3).text()).take(Take::Terminal).run();
    let outcome = run.exits(&[0, 2]).says(Program::Consumer, "records are not written to a terminal");
    assert_eq!(outcome.text(), "");
}

#[test]
fn frames_are_refused_on_a_terminal() {
    let outcome = Pipeline::producer(&["apache"]).input(LINE).take(Take::Terminal).run().exits(&[2]);
    outcome.says(Program::Producer, "terminal").prints("");
}

#[test]
fn the_default_is_a_table_on_a_terminal() {
    let run = Pipeline::both(&["apache"], &["--color", "never", "select host, status"]).input(LINE.repeat(2)).take(Take::Terminal);
    run.run().succeeds().prints("host      status\n10.0.0.1     404\n10.0.0.1     404\n");
}

#[test]
fn a_table_fits_the_terminal() {
    let outcome =
        Pipeline::both(&["apache"], &["select host, request, status | table"]).input(Log::odd(42, 50).text()).take(Take::Terminal);
    let outcome = outcome.run().succeeds();
    assert!(outcome.text().lines().all(|line| line.chars().count() <= usize::from(COLUMNS)), "{outcome}");
}

#[test]
fn a_table_that_would_be_cut_in_most_of_its_columns_is_records() {
    // Fourteen columns do not fit in 80.
    let outcome = Pipeline::both(&["apache"], &["--color", "never", "table"]).input(LINE.repeat(2)).take(Take::Terminal).run().succeeds();
    let text = outcome.text();
    assert!(text.starts_with("host             10.0.0.1\n"), "{outcome}");
    assert!(text.contains("\nrequest          /a\n") && text.contains("\n\nhost  "), "{outcome}");
    let records = Pipeline::both(&["apache"], &["record"]).input(LINE.repeat(2)).run().succeeds();
    records.prints(text);
    // In a pipe there is no room to fit in.
    let table = Pipeline::both(&["apache"], &["table"]).input(LINE).run().succeeds().text();
    assert!(table.starts_with("host      referrer  user"), "{table}");
}

#[test]
fn what_strangers_sent_does_not_steer_the_terminal() {
    let line = b"\x1b[2J - - [x] \"GET /\x1b]0;title\x07\x9b31m\x7f HTTP/1.1\" 404 5\n";
    for query in [
        "table",
        "record",
        "json",
        "csv",
        "tsv",
        "print",
        "print \"{host} {request}\"",
        "chart status",
        "print \"\\x1b[31m {request} \\u{9b}\"",
    ] {
        let outcome =
            Pipeline::both(&["apache"], &["-q", "--color", "never", query]).input(&line[..]).take(Take::Terminal).run().succeeds();
        let text = String::from_utf8(outcome.stdout.clone()).unwrap_or_else(|error| panic!("{error}: a bare byte\n{outcome}"));
        assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{outcome}");
        assert!(text.len() > 20, "{outcome}");
    }
    // In a pipe, bytes pass as they are.
    let run = Pipeline::both(&["apache"], &["print \"{host}\""]).input(&line[..]);
    run.run().succeeds().prints("\x1b[2J\n");
}

#[test]
fn a_consumer_without_a_producer_says_what_is_missing() {
    let terminal = e2e::terminal::Terminal::new();
    let outcome = Pipeline::consumer(&["count"]).feed(e2e::Feed::Terminal(terminal)).run();
    assert!(outcome.ends[0].code() != Some(0), "{outcome}");
    outcome.without_panic().says(Program::Consumer, "terminal").says(Program::Consumer, "producer apache");
}
