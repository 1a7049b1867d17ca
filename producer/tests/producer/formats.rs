//! The formats as a person meets them: what they read, what they refuse, and the options that all of them have.

use std::fs;

use recpipe::Value;

use crate::harness::{Outcome, common, log, run, run_on};

fn lines<S: AsRef<std::ffi::OsStr>>(args: &[S], text: impl AsRef<[u8]>) -> Outcome {
    run_on(args, text.as_ref()).exits(0).quietly()
}

#[test]
fn any_bytes_are_lines() {
    let stream = lines(&["lines"], b"a\xff\xfe\0b\r\n\nlast").stream();
    let rows: Vec<_> = stream.batches.iter().flat_map(|b| b.rows()).map(|row| row.value(0)).collect();
    assert_eq!(rows, [&b"a\xff\xfe\0b"[..], b"", b"last"].map(Value::Text));
}

#[test]
fn named_groups_are_fields() {
    let args = ["regex", r"^(?P<host>\S+) .* (?P<status>\d+) (?P<bytes>\S+)$", "--cast", "status=int,bytes=int"];
    let stream = lines(&args, log(20_000)).stream();
    assert_eq!(stream.len(), 20_000);
    assert_eq!(stream.batches[0].row(1).get("status"), Some(Value::Int(404)));
    assert_eq!(stream.batches[0].row(0).get("bytes"), Some(Value::Null), "a dash is no number");
    run_on(&["regex", "(?P<a>x)", "--max-errors", "1"], b"x\ny\n").exits(0).says("line 2: does not match: \"y\"");
    run_on(&["regex", "(x)"], b"").exits(2).says("regex: the pattern has no named group");
    run(&["regex"]).exits(2).says("`regex` needs PATTERN");
}

#[test]
fn csv_has_a_header_quotes_and_newlines_inside() {
    let stream = lines(&["csv"], "a,b\n1,\"x, \"\"y\"\"\nz\"\n").stream();
    assert_eq!(stream.schemas, [["a", "b"]]);
    assert_eq!(stream.batches[0].row(0).get("a"), Some(Value::Int(1)));
    assert_eq!(stream.field("b"), ["x, \"y\"\nz"]);
    let stream = lines(&["tsv"], "\u{feff}a\tb\r\n1.5\tx, y\r\n").stream();
    assert_eq!((stream.field("a"), stream.field("b")), (vec!["1.5".to_owned()], vec!["x, y".to_owned()]));
    assert_eq!(lines(&["csv"], "a,b\n").stream().schemas, [["a", "b"]]);
    assert_eq!(lines(&["csv"], "").stream().schemas, [[""; 0]]);
}

#[test]
fn csv_rows_of_which_only_some_end_with_a_delimiter_too_many_are_told_of() {
    let outcome = run_on(&["csv"], b"name,note\nSmith, John,\nMary,tall\n").exits(0);
    let outcome =
        outcome.says("producer: 1 of 2 rows ends with a delimiter too many, which was left out (the first at byte 10 of (stdin))");
    assert_eq!(outcome.stream().field("note"), [" John", "tall"]);
    run_on(&["csv", "-q"], b"a,b\n1,2,\n3,4\n").exits(0).quietly();
    let whole = run_on(&["csv"], b"a,b\n1,2,\n3,4,\n").exits(0).quietly();
    assert_eq!(whole.stream().field("b"), ["2", "4"]);
}

#[test]
fn csv_rows_that_do_not_fit_are_named_by_their_line() {
    let text = "n,t\n1,\"two\nlines\"\n\n2\nx,y\n3,z\n";
    let outcome = run_on(&["csv", "--stats", "--cast", "n=int"], text.as_bytes()).exits(0);
    let outcome = outcome.says("2 rows rejected, first: (stdin):line 5: 1 field where the header has 2: \"2\"");
    assert_eq!(outcome.says("4 rows in, 2 records out, 2 rows rejected, 0 filtered").stream().field("n"), ["1", "3"]);
    run_on(&["csv", "--cast", "n=int", "--strict"], b"n\n1\nx\n").exits(4).says("line 3: `n` is not an int: \"x\"");
    let later = format!("n\n{}x\n", "1\n".repeat(400_000));
    let stream = run_on(&["csv"], later.as_bytes()).exits(0).quietly().stream();
    let last = stream.batches.last().unwrap();
    assert_eq!(last.row(last.len() - 1).get("n"), Some(recpipe::Value::Text(b"x")));
    assert!(last.place(last.len() - 1).ends_with(":400002"), "{}", last.place(last.len() - 1));
    let kept = tempfile::tempdir().unwrap();
    let kept = kept.path().join("bad");
    run_on(&["csv", "--rejects", kept.to_str().unwrap()], b"a,b\n\"x\ny\"\n1,2\n").exits(0).says("1 row rejected");
    assert_eq!(fs::read(&kept).unwrap(), b"\"x\ny\"\n", "all of its lines");
}

#[test]
fn rows_over_the_end_of_a_block_are_whole() {
    let text: String = std::iter::once("n,t\n".to_owned()).chain((0..60_000).map(|n| format!("{n},\"a\nb\"\"{n}\"\r\n"))).collect();
    // From a file: what comes through a pipe is cut where the pipe is silent.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.csv");
    fs::write(&path, text).unwrap();
    let rows = |threads: &str| run(&["csv", "-j", threads, path.to_str().unwrap()]).exits(0);
    let alone = rows("1");
    let stream = alone.stream();
    assert!(stream.batches.len() > 1);
    assert_eq!(stream.field("n"), (0..60_000).map(|n: u32| n.to_string()).collect::<Vec<_>>());
    assert_eq!(stream.field("t")[59_999], "a\nb\"59999");
    assert!(rows("4").stdout == alone.stdout);
}

#[test]
fn words_for_null_are_nulls_everywhere() {
    let json = |args: &[&str], text: &str| {
        String::from_utf8(run_on(&[args, &["--as", "json"]].concat(), text.as_bytes()).exits(0).stdout).unwrap()
    };
    let nulls = ["csv", "--null", "NA", "--null", "-"];
    assert_eq!(json(&nulls, "a,b\n1,NA\n-,x\nNA ,\n"), "{\"a\":1,\"b\":null}\n{\"a\":null,\"b\":\"x\"}\n{\"a\":\"NA \",\"b\":\"\"}\n");
    assert_eq!(json(&["csv"], "a\n1\nNA\n"), "{\"a\":1}\n{\"a\":\"NA\"}\n");
    assert_eq!(json(&["regex", "(?P<a>.*)", "--null", "NA"], "1\nNA\n"), "{\"a\":1}\n{\"a\":null}\n");
    assert_eq!(json(&["csv", "--null", "NA", "--cast", "a=int"], "a\n1\nNA\n"), "{\"a\":1}\n{\"a\":null}\n");
    run(&["json", "--null", "NA"]).exits(2).says("`json` has no --null");
}

#[test]
fn json_lines_flatten() {
    let stream = lines(&["json"], "{\"a\":1,\"b\":{\"c\":\"d\"},\"e\":null,\"f\":1.5}\n\n").stream();
    assert_eq!(stream.schemas, [["a", "b.c", "e", "f"]]);
    let outcome = run_on(&["json", "--stats"], b"{\"a\":1}\n\n[]\n{\"a\":\"x\"}\n").exits(0);
    let outcome = outcome.says("1 object rejected, first: (stdin):line 3: not a JSON object: \"[]\"");
    assert_eq!(outcome.says("4 objects in, 2 records out, 1 object rejected, 1 filtered").stream().field("a"), ["1", "x"]);
}

#[test]
fn fields_come_in_their_order_and_casts_make_types() {
    let stream = lines(&["apache", "--fields", "status,request"], common(1)).stream();
    assert_eq!(stream.schemas, [["status", "request"]]);
    let stream = lines(&["apache", "--cast", "datetime=time"], common(1)).stream();
    assert_eq!(stream.field("datetime"), ["2008-02-24T00:00:01-06:00"]);
    assert_eq!(lines(&["apache", "--fields", "status", "--cast", "status=str"], "").stream().schemas, [["status"]]);
    let outcome = run_on(&["apache", "--cast", "host=int", "--max-errors", "9"], (common(1) + "bad\n" + &common(2)).as_bytes()).exits(0);
    let stream = outcome.says("3 lines rejected, first: (stdin):line 1: `host` is not an int: \"host1 -").stream();
    assert_eq!((stream.len(), stream.ending.rejected), (0, 3));
    for args in [&["apache", "--fields", "statsu"][..], &["apache", "--cast", "statsu=int"]] {
        let outcome = run_on(args, common(1).as_bytes()).exits(2).says("there is no field `statsu`; did you mean `status`?");
        // A consumer at the other end of the pipe learns it too.
        let stream = outcome.stream();
        assert!(stream.schemas.is_empty() && stream.batches.is_empty() && stream.ending.cause.contains("statsu"));
    }
    run_on(&["csv", "--fields", "zzzzz"], b"a,b\n1,2\n").exits(2).says("there is no field `zzzzz`; the fields are: a, b");
}

#[test]
fn grep_keeps_lines_before_they_are_parsed() {
    let text = "bad one\n".to_owned() + &log(20_000) + "bad two\n";
    for threads in ["1", "4"] {
        let outcome = run_on(&["apache", "--grep", "robots|two$", "--stats", "-j", threads], text.as_bytes()).exits(0);
        let outcome = outcome.says("(stdin):line 20002: \"bad two\"");
        let outcome = outcome.says("20002 lines in, 5000 records out, 1 line rejected, 15001 filtered");
        assert!(outcome.stream().field("request").iter().all(|request| request == "/robots.txt"));
    }
    let rows = "n,t\n1,\"a\nb\"\n2,c\n3,\"a\nc\"\n";
    assert_eq!(lines(&["csv", "--grep", "(?s)a.c"], rows).stream().field("n"), ["3"], "a row of two lines");
    run(&["apache", "--grep", "("]).exits(2).says("--grep: ");
}

#[test]
fn help_and_dry_run() {
    let formats = String::from_utf8(run(&["help", "formats"]).exits(0).quietly().stdout).unwrap();
    assert!(formats.contains("regex PATTERN") && formats.contains("apache"), "{formats}");
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log.1"), log(2)).unwrap();
    fs::write(dir.path().join("log"), log(1)).unwrap();
    let shown = run(&["--dry-run", "apache", "--fields", "status,host", dir.path().to_str().unwrap()]).exits(0).quietly().stdout;
    let shown = String::from_utf8(shown).unwrap().replace(dir.path().to_str().unwrap(), "D");
    let size = log(2).len();
    assert!(shown.starts_with(&format!("{size:>12}  plain  D/log.1\n")), "{shown}");
    assert!(shown.ends_with("the first record, from D/log.1:\n  status  int    200\n  host    text   \"host0\"\n"), "{shown}");
    run(&["--dry-run", "apache", "/no/such/file"]).exits(1).says("No such file");
}

#[test]
fn any_number_of_different_keys_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    // Each line has a key of its own, and one that all have; every hundredth has fifty of its own.
    let line = |n: usize| match n % 100 {
        0 => format!("{{{},\"n\":{n}}}\n", (0..50).map(|i| format!("\"k{n}_{i}\":{i}")).collect::<Vec<_>>().join(",")),
        _ => format!("{{\"k{n}\":\"v{n}\",\"n\":{n}}}\n"),
    };
    let rows = 4_000;
    fs::write(&path, (0..rows).map(line).collect::<String>()).unwrap();
    let mut streams = Vec::new();
    for threads in ["1", "3"] {
        let outcome = run(&["json", "-j", threads, "--stats", path.to_str().unwrap()]).exits(0);
        let outcome = outcome.says(&format!("{rows} objects in, {rows} records out, 0 objects rejected, 0 filtered"));
        streams.push(outcome.stdout.clone());
        let stream = outcome.stream();
        assert_eq!(stream.field("n"), (0..rows).map(|n| n.to_string()).collect::<Vec<_>>());
        let values =
            |batch: &recpipe::Batch| batch.rows().map(|row| row.values().filter(|v| *v != recpipe::Value::Null).count()).sum::<usize>();
        assert_eq!(stream.batches.iter().map(values).sum::<usize>(), rows * 2 + rows / 100 * 49);
        let mut places: Vec<_> = stream.batches.iter().map(|batch| (batch.origin().start, batch.origin().end)).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0].1 == pair[1].0), "each batch has bytes of its own");
    }
    assert!(streams[0] == streams[1]);
}
