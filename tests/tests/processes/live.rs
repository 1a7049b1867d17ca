//! Answers that are drawn on a terminal while the input goes on.

use std::fmt::Write;

use e2e::{
    Feed, Outcome, Pipeline, Take,
    terminal::{COLUMNS, ROWS, Screen, shown},
};

const THREADS: [&str; 3] = ["1", "2", "8"];

/// A log with so many records of each of these hosts.
fn log(hosts: impl IntoIterator<Item = (String, usize)>) -> Vec<u8> {
    let mut log = String::new();
    for (host, times) in hosts {
        for _ in 0..times {
            writeln!(log, "{host} - - [24/Feb/2008:00:08:59 -0600] \"GET /a HTTP/1.1\" 200 5").unwrap();
        }
    }
    log.into_bytes()
}

/// What was drawn for the time being, each time.
fn drawings(outcome: &Outcome) -> Vec<Vec<String>> {
    Screen::after(&outcome.stdout, ROWS).drawings
}

#[test]
fn an_aggregate_is_shown_while_the_input_is_silent() {
    for threads in THREADS {
        let feed = Feed::UntilTaken(log([("10.0.0.1".into(), 3), ("10.0.0.2".into(), 2)]));
        let run = Pipeline::both(&["apache", "-j", threads], &["-j", threads, "count by host | top 10 | table"]).feed(feed);
        let outcome = run.take(Take::TerminalUntil("10.0.0.2      2")).run().succeeds();
        assert_eq!(shown(&outcome.stdout), "host      count\n10.0.0.1      3\n10.0.0.2      2\n", "{threads} threads\n{outcome}");
        // Drawn, taken away, and written once more at the end.
        assert!(outcome.text().matches("10.0.0.2      2").count() >= 2, "{outcome}");
    }
}

#[test]
fn no_more_rows_are_drawn_than_the_screen_has_and_all_are_there_at_the_end() {
    let hosts = || (0..100).map(|i| (format!("10.0.1.{i}"), 1 + i));
    let run = Pipeline::both(&["apache"], &["count by host | table"]).feed(Feed::UntilTaken(log(hosts())));
    let outcome = run.take(Take::TerminalUntil("… 79 more")).run().succeeds();
    let drawings = drawings(&outcome);
    assert!(!drawings.is_empty() && drawings.iter().all(|drawing| drawing.len() < usize::from(ROWS)), "{outcome}");
    assert_eq!(shown(&outcome.stdout).lines().count(), 101, "{outcome}");
}

#[test]
fn the_newest_rows_of_a_table_along_the_time_are_drawn() {
    let minutes = (0..60).map(|i| format!("10.0.0.1 - - [24/Feb/2008:00:{i:02}:59 -0600] \"GET /a HTTP/1.1\" 200 5\n"));
    let feed = Feed::UntilTaken(minutes.collect::<String>().into_bytes());
    let run = Pipeline::both(&["apache"], &["count by bin(time, 1m) as minute | table"]).feed(feed);
    let outcome = run.take(Take::TerminalUntil("… 39 before")).run().succeeds();
    let drawing = drawings(&outcome).into_iter().rfind(|drawing| drawing.len() > 2).unwrap();
    assert!(drawing[0].starts_with("minute") && drawing[1] == "… 39 before", "{outcome}");
    assert_eq!(drawing.last().map(String::as_str), Some("2008-02-24T00:59:00-06:00      1"), "{outcome}");
    assert_eq!(shown(&outcome.stdout).lines().count(), 61, "{outcome}");
}

#[test]
fn what_was_merged_early_is_what_is_merged_at_the_end() {
    // Floats, whose sums depend on their order anywhere else, and enough of them for many drawings.
    let lines = log([("10.0.0.1".into(), 2000)]);
    // As texts they have all digits in a table, too.
    let query = "where status == 200 | let x = bytes / 3 | stats count, sum(x) as s, avg(bytes) as a, min(bytes), max(request) by host \
                 | let s = str(s), a = str(a) | csv";
    let expected = Pipeline::both(&["apache"], &["-j", "1", query]).feed(Feed::Repeat(lines.clone(), Some(200))).run().succeeds();
    let table = query.replace("csv", "table");
    for threads in ["1", "4"] {
        let run = Pipeline::both(&["apache"], &["-j", threads, &table]).feed(Feed::Repeat(lines.clone(), Some(200)));
        let outcome = run.take(Take::Terminal).run().succeeds();
        let shown = shown(&outcome.stdout);
        let row: Vec<_> = shown.lines().nth(1).unwrap_or_default().split_whitespace().collect();
        assert_eq!(row.join(","), expected.text().lines().nth(1).unwrap_or_default(), "{outcome}");
    }
}

#[test]
fn records_are_shown_as_they_come() {
    let feed = Feed::UntilTaken(log([("10.0.0.1".into(), 2)]));
    let outcome = Pipeline::both(&["apache"], &["--color", "never", "select host, status"])
        .feed(feed)
        .take(Take::TerminalUntil("10.0.0.1     200"))
        .run()
        .succeeds();
    assert_eq!(shown(&outcome.stdout), "host      status\n10.0.0.1     200\n10.0.0.1     200\n", "{outcome}");
    // More than the screen can show go on below each other.
    let feed = Feed::UntilTaken(log([("10.0.0.1".into(), 50), ("10.0.0.2".into(), 1)]));
    let outcome = Pipeline::both(&["apache"], &["select host, status"]).feed(feed).take(Take::TerminalUntil("10.0.0.1")).run().succeeds();
    assert_eq!(shown(&outcome.stdout).lines().count(), 52, "{outcome}");
}

#[test]
fn a_chart_is_shown_too() {
    let feed = Feed::UntilTaken(log([("10.0.0.1".into(), 4), ("10.0.0.2".into(), 2)]));
    let run = Pipeline::both(&["apache"], &["--color", "never", "count by host | chart"]).feed(feed);
    let outcome = run.take(Take::TerminalUntil("10.0.0.2      2  █")).run().succeeds();
    let (long, short) = ("█".repeat(63), "█".repeat(31));
    assert_eq!(shown(&outcome.stdout), format!("host      count\n10.0.0.1      4  {long}\n10.0.0.2      2  {short}▌\n"), "{outcome}");
}

/// Lines with these numbers of bytes, all of one host.
fn sizes(sizes: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let line = |bytes| format!("10.0.0.1 - - [24/Feb/2008:00:08:59 -0600] \"GET /a HTTP/1.1\" 200 {bytes}\n");
    sizes.into_iter().map(line).collect::<String>().into_bytes()
}

#[test]
fn what_waits_for_the_end_is_shown_before_it() {
    // What is drawn for the time being is what stands there at the end: the input was all.
    for (query, waited, expected) in [
        ("top 2 by bytes | select bytes | table", "   29", "bytes\n   30\n   29\n"),
        ("sort -bytes | head 2 | where bytes > 29 | select bytes | table", "   30", "bytes\n   30\n"),
        ("sort bytes | select bytes | head 3 | table", "    3", "bytes\n    1\n    2\n    3\n"),
        ("tail 2 | select bytes | table", "   30", "bytes\n   29\n   30\n"),
        ("skip 1 | count | table", "   29", "count\n   29\n"),
        ("skip 28 | sort -bytes | select bytes | table", "   30", "bytes\n   30\n   29\n"),
    ] {
        for threads in THREADS {
            let feed = Feed::UntilTaken(sizes(1..=30));
            let run = Pipeline::both(&["apache", "-j", threads], &["--color", "never", "-j", threads, query]).feed(feed);
            let outcome = run.take(Take::TerminalUntil(waited)).run().succeeds();
            assert_eq!(shown(&outcome.stdout), expected, "{query}, {threads} threads\n{outcome}");
            assert!(outcome.text().matches(waited).count() >= 2, "{query}: not drawn, only written\n{outcome}");
        }
    }
}

#[test]
fn of_what_is_sorted_the_first_are_shown_and_how_many_more_there_are() {
    let feed = Feed::UntilTaken(sizes(1..=3000));
    let run = Pipeline::both(&["apache"], &["--color", "never", "sort -bytes | select bytes"]).feed(feed);
    let outcome = run.take(Take::TerminalUntil("… 2979 more")).run().succeeds();
    let drawn = drawings(&outcome);
    let last = drawn.iter().rev().find(|drawing| drawing.last().is_some_and(|line| line.contains("… 2979 more"))).unwrap();
    assert_eq!((last.len(), &*last[1], &*last[21]), (23, " 3000", " 2980"), "{outcome}");
}

#[test]
fn pictures_of_branches_share_the_screen_and_are_drawn_ten_times_a_second() {
    let feed = Feed::UntilTaken(log([("10.0.0.1".into(), 3), ("10.0.0.2".into(), 2)]));
    let query = "tee [ where host == \"10.0.0.2\" | select host, bytes | table ] | count by host | table";
    let run = Pipeline::both(&["apache"], &["--color", "never", query]).feed(feed);
    // The second is below the first, so both were there at once.
    let outcome = run.take(Take::TerminalUntil("5\n\r\x1b[2Khost      count\n")).run().succeeds();
    let expected = "host      bytes\n10.0.0.2      5\n10.0.0.2      5\nhost      count\n10.0.0.1      3\n10.0.0.2      2\n";
    assert_eq!(shown(&outcome.stdout), expected, "{outcome}");

    let query = "tee [ head 5 | select host | table ] | null";
    let endless = Feed::Repeat(log([("10.0.0.1".into(), 20)]), Some(20_000));
    let outcome = Pipeline::both(&["apache"], &["--color", "never", query]).feed(endless).take(Take::Terminal).run().succeeds();
    let (drawn, seconds) = (drawings(&outcome).len(), outcome.took.as_secs_f64());
    assert!(drawn as f64 <= seconds * 10.0 + 2.0, "{drawn} drawings in {seconds} s\n{outcome}");
    assert_eq!(shown(&outcome.stdout), format!("host\n{}", "10.0.0.1\n".repeat(5)), "{outcome}");
}

#[test]
fn a_chart_of_more_times_than_the_screen_has_rows_is_one_line() {
    let minutes: String = (0..50).map(|i| format!("10.0.0.1 - - [24/Feb/2008:00:{i:02}:00 -0600] \"GET /a HTTP/1.1\" 200 5\n")).collect();
    let feed = Feed::UntilTaken(minutes.into_bytes());
    let query = "count by bin(datetime, 1m) as minute | chart";
    let run = Pipeline::both(&["apache", "--cast", "datetime=time"], &["--color", "never", query]).feed(feed);
    let outcome = run.take(Take::TerminalUntil("00:49")).run().succeeds();
    let expected =
        format!("count  1 to 1, a column is 1m\n{}\n2008-02-24T00:00:00-06:00{}2008-02-24T00:49:00-06:00\n", "█".repeat(50), " ".repeat(2));
    assert_eq!(shown(&outcome.stdout), expected, "{outcome}");
    assert!(outcome.text().matches("a column is").count() >= 2, "{outcome}");
}

#[test]
fn nothing_is_drawn_where_there_is_no_terminal() {
    let run = Pipeline::both(&["apache"], &["count by host | table"]).feed(Feed::Repeat(log([("10.0.0.1".into(), 2000)]), Some(100)));
    run.run().succeeds().prints("host       count\n10.0.0.1  200000\n");
}

/// Hosts, the n-th of which has n records.
fn hosts(count: usize) -> Vec<u8> {
    log((1..=count).map(|n| (format!("10.0.0.{n}"), n)))
}

#[test]
fn of_stages_that_wait_one_behind_the_other_the_last_drawing_has_the_answer() {
    for (query, waited, expected) in [
        ("count by host | top 2", "10.0.0.9       9", "host       count\n10.0.0.10     10\n10.0.0.9       9\n"),
        ("count by host | sort -count | head 2", "10.0.0.9       9", "host       count\n10.0.0.10     10\n10.0.0.9       9\n"),
        ("count by host | sort count | tail 1", "10.0.0.10     10", "host       count\n10.0.0.10     10\n"),
        ("top 3 by host | count by host | table", "10.0.0.9      3", "host      count\n10.0.0.9      3\n"),
        ("tail 12 | count by host | sort -host", "10.0.0.9       2", "host       count\n10.0.0.9       2\n10.0.0.10     10\n"),
        ("skip 1 | sort host | head 6 | count by host | bottom 1", "10.0.0.10      6", "host       count\n10.0.0.10      6\n"),
    ] {
        for threads in THREADS {
            let run = Pipeline::both(&["apache", "-j", threads], &["--color", "never", "-j", threads, query]);
            let outcome = run.feed(Feed::UntilTaken(hosts(10))).take(Take::TerminalUntil(waited)).run().succeeds();
            assert_eq!(shown(&outcome.stdout), expected, "{query}\n{outcome}");
            let drawn = drawings(&outcome).pop().unwrap_or_default().join("\n") + "\n";
            assert_eq!(drawn, expected, "{query}: the last drawing\n{outcome}");
        }
    }
}

#[test]
fn a_chart_behind_two_stages_that_wait_is_what_was_drawn_last() {
    let run = Pipeline::both(&["apache"], &["--color", "never", "stats sum(bytes) as b by host | top 2 by b | chart b"]);
    let outcome = run.feed(Feed::UntilTaken(hosts(10))).take(Take::TerminalUntil("10.0.0.9   45")).run().succeeds();
    let drawn = drawings(&outcome).pop().unwrap_or_default().join("\n") + "\n";
    assert_eq!(drawn, shown(&outcome.stdout), "{outcome}");
    assert!(drawn.contains("10.0.0.10  50  ██"), "{outcome}");
}

#[test]
fn a_stage_that_nothing_comes_to_before_the_end_draws_nothing() {
    let query = "count by host | tee [ top 1 | table ] | select host | table";
    let run = Pipeline::both(&["apache"], &["--color", "never", query]);
    let outcome = run.feed(Feed::Repeat(hosts(3), Some(2000))).take(Take::Terminal).run().succeeds();
    assert_eq!(drawings(&outcome), Vec::<Vec<String>>::new(), "{outcome}");
    assert_eq!(shown(&outcome.stdout), "host      count\n10.0.0.3   6000\nhost\n10.0.0.1\n10.0.0.2\n10.0.0.3\n", "{outcome}");
}

#[test]
fn on_a_terminal_of_five_lines_there_is_room_for_four() {
    for query in [
        "count by host | table",
        "count by host | sort -count",
        "select host, bytes | table",
        "tail 9 | select host",
        "count by host | chart",
    ] {
        let run = Pipeline::both(&["apache"], &["--color", "never", query]).rows(5);
        let outcome = run.feed(Feed::UntilTaken(hosts(10))).take(Take::TerminalUntil("10.0.0.1")).run().succeeds();
        // That the cursor stays on the screen is looked after by the screen.
        let screen = Screen::after(&outcome.stdout, 5);
        assert!(screen.drawings.iter().all(|drawing| drawing.len() <= 4), "{query}\n{outcome}");
        let lines = screen.lines();
        assert_eq!(lines.matches("host").count(), 1, "{query}: one header\n{outcome}");
        assert!(lines.contains("10.0.0.10"), "{query}: all of the answer\n{outcome}");
    }
}

#[test]
fn what_others_write_to_the_terminal_stays_and_leaves_nothing_of_the_drawings() {
    // An echo without a line end, lines, and one of more columns than there are: again and again, between the drawings.
    let other = "while [ -e on ]; do for t in ^C 'from elsewhere' $(printf %090d 7); do printf \"$t\\n\" >&2; printf '^C' >&2; sleep 0.02; done; done";
    let script = format!(
        "touch on; {other} & for i in 1 2 3 4 5 6 7 8; do cat log; sleep 0.12; done | producer apache | consumer --color never 'count by host'; rm on; wait"
    );
    let scratch = e2e::Scratch::new();
    scratch.write("log", hosts(10));
    let run = Pipeline::shell(&script).dir(scratch.path()).saying_it_there().take(Take::Terminal);
    let outcome = run.run().succeeds();
    let screen = Screen::after(&outcome.stdout, ROWS);
    assert!(screen.drawings.len() > 2, "{outcome}");
    let lines = screen.lines();
    let headers = lines.lines().filter(|line| line.trim_start_matches("^C").starts_with("host ")).count();
    assert_eq!(headers, 1, "{lines}\n{outcome}");
    assert!(lines.contains("from elsewhere"), "{outcome}");
    for n in 1..=10 {
        let row = format!("10.0.0.{n} ");
        assert_eq!(lines.lines().filter(|line| line.starts_with(&row)).count(), 1, "{row}\n{lines}");
    }
}

#[test]
fn no_progress_is_shown_where_the_consumer_writes() {
    // The bar comes with the first records after a second.
    let feed = "{ cat log; sleep 1.3; cat log; sleep 0.2; cat log; }";
    let scratch = e2e::Scratch::new();
    scratch.write("log", hosts(10));
    let bar = "records/s";
    for (consumer, shows_bar) in [
        ("consumer 'print \"{host}\"'", false),
        ("consumer 'count by host'", false),
        ("consumer 'where bytes > 0 | csv' | cat", false),
        ("cat > out.rec", false),
        ("consumer 'count by host | csv'", true),
        ("consumer 'count by host | csv' | cat", true),
        ("consumer 'csv' > out.csv", true),
    ] {
        let run = Pipeline::shell(&format!("{feed} | producer apache | {consumer}")).dir(scratch.path()).saying_it_there();
        let outcome = run.take(Take::Terminal).run().succeeds();
        assert_eq!(outcome.text().contains(bar), shows_bar, "{consumer}\n{outcome}");
    }
    // Who asks for it has whole lines.
    let run = Pipeline::shell(&format!("{feed} | producer apache --progress | consumer 'print \"{{host}}\"'")).dir(scratch.path());
    let outcome = run.saying_it_there().take(Take::Terminal).run().succeeds();
    let text = outcome.text();
    let said: Vec<_> = text.lines().filter(|line| line.contains(bar)).collect();
    assert!(!said.is_empty() && said.iter().all(|line| line.starts_with("producer: ") && line.len() < COLUMNS.into()), "{outcome}");
    assert_eq!(text.lines().filter(|line| line.starts_with("10.0.0.")).count(), 3 * 55, "{outcome}");
}
