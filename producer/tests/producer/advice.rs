//! What the reader at the other end of the pipe says that it needs.

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Instant;

use recpipe::record::{CompareOp, Condition, Constant};
use recpipe::transport::pipe_backchannel::advise;
use recpipe::wire::{Incoming, Pushdown, Reader};
use recpipe::{Batch, Value};

use crate::harness::{DEADLINE, combined, command, common, wait};

/// What came of a log of two parts, between which the reader says what it needs.
struct Came {
    batches: Vec<Batch>,
    rejected: u64,
    code: Option<i32>,
    stderr: String,
}

/// The same of its fields alone, and the number of rejects.
fn read(first: &str, columns: &[&str], second: &str) -> (Vec<Batch>, u64) {
    let columns = Some(columns.iter().map(ToString::to_string).collect());
    let came = read_for(&["apache", "--max-errors", "1000", "-q"], first, &Pushdown { columns, ..Pushdown::default() }, second);
    assert_eq!(came.code, Some(0));
    (came.batches, came.rejected)
}

fn read_for(args: &[&str], first: &str, plan: &Pushdown, second: &str) -> Came {
    let mut child = command(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(first.as_bytes()).unwrap();
    let mut reader = Reader::new(child.stdout.take().unwrap()).unwrap();
    let (mut batches, mut rejected, mut rest) = (Vec::new(), 0, Some((stdin, second)));
    while let Some(incoming) = reader.read().unwrap() {
        match incoming {
            Incoming::Batch(raw) => batches.push(raw.decode().unwrap()),
            Incoming::End(ending) => rejected = ending.rejected,
            _ => continue,
        }
        if let Some((mut stdin, second)) = rest.take() {
            assert!(advise(reader.input(), plan), "the producer listens at its pipe");
            stdin.write_all(second.as_bytes()).unwrap();
        }
    }
    let code = wait(&mut child, DEADLINE);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Came { batches, rejected, code, stderr }
}

#[test]
fn fields_that_nobody_reads_are_left_out() {
    let second = rest_of_the_log();
    for columns in [&["host"][..], &["status", "host", "no such field"], &["bytes"], &[], &["datetime", "request", "host"]] {
        let (batches, rejected) = read(&common(0), columns, &second);
        let (before, after) = batches.split_first().unwrap();
        assert_eq!((before.len(), before.schema().len()), (1, 14), "what came before the advice has all fields");
        assert_eq!((after.iter().map(Batch::len).sum::<usize>(), rejected), (2969, 30));
        for batch in after {
            let mut names: Vec<_> = batch.schema().names().collect();
            names.sort_unstable();
            let mut wanted: Vec<_> = columns.iter().copied().filter(|name| *name != "no such field").collect();
            wanted.sort_unstable();
            assert_eq!(names, wanted);
        }
        let hosts =
            after.iter().flat_map(|batch| batch.rows().filter_map(|row| row.get("host").map(|host| host.to_string())).collect::<Vec<_>>());
        if columns.contains(&"host") {
            assert!(hosts.eq((1..3000).filter(|n| n % 100 != 50).map(|n| format!("host{n}"))));
        }
    }
}

#[test]
fn a_field_that_comes_up_later_is_sent_if_it_is_read() {
    let (batches, _) = read(&common(0), &["http_referer"], &combined(1));
    assert_eq!(batches[1].schema().names().collect::<Vec<_>>(), ["http_referer"]);
    assert_eq!(batches[1].row(0).value(0).to_string(), "http://ref/1");
    let (batches, _) = read(&combined(0), &["http_referer", "host"], &common(1));
    assert_eq!(batches[1].row(0).values().map(|value| value.to_string()).collect::<Vec<_>>(), ["host1", ""]);
}

fn status(op: CompareOp, status: i64) -> Condition {
    Condition { field: "status".into(), op, constant: Constant::Int(status.into()) }
}

fn conditions(conditions: &[Condition]) -> Pushdown {
    Pushdown { conditions: conditions.to_vec(), ..Pushdown::default() }
}

fn hosts(batches: &[Batch]) -> Vec<String> {
    batches.iter().flat_map(|batch| batch.rows().map(|row| row.get("host").unwrap().to_string()).collect::<Vec<_>>()).collect()
}

/// A log of 3000 lines but the first, with 30 that are no records. Of the others, every third is a 404.
fn rest_of_the_log() -> String {
    (1..3000).map(|n| if n % 100 == 50 { "no record\n".to_owned() } else { common(n) }).collect()
}

#[test]
fn records_that_nobody_needs_are_left_out() {
    let args = ["apache", "--max-errors", "1000", "-q", "--stats"];
    let text = Condition { field: "status".into(), op: CompareOp::Eq, constant: Constant::Text(b"404"[..].into()) };
    let unknown = Condition { field: "none".into(), ..status(CompareOp::Eq, 404) };
    let none: &[i64] = &[];
    for (conditions_said, needed, leaves_out) in [
        (&[status(CompareOp::Eq, 404)][..], &[404][..], true),
        (&[status(CompareOp::Ne, 200), status(CompareOp::Ne, 304)], &[404], true),
        (&[status(CompareOp::Eq, 404), status(CompareOp::Eq, 200)], none, true),
        // Most are kept, so all are.
        (&[status(CompareOp::Ne, 404)], &[200, 304], false),
        // What does not fit the records says nothing.
        (&[text], &[200, 304, 404], false),
        (&[unknown], &[200, 304, 404], false),
    ] {
        let came = read_for(&args, &common(0), &conditions(conditions_said), &rest_of_the_log());
        assert_eq!((came.code, came.rejected, came.batches[0].len()), (Some(0), 30, 1));
        let after = &came.batches[1..];
        let sent: usize = after.iter().map(Batch::len).sum();
        // A block of a few lines may have more of those that are needed.
        assert!(if leaves_out { sent < 2000 } else { sent == 2969 }, "{conditions_said:?}: {sent} records");
        let is_needed = |n: &usize| n % 100 != 50 && needed.contains(&[200, 404, 304][n % 3]);
        let kept: Vec<Batch> = after.iter().map(|batch| Condition::filter(conditions_said, batch)).collect();
        assert_eq!(hosts(&kept), (1..3000).filter(is_needed).map(|n| format!("host{n}")).collect::<Vec<_>>(), "{conditions_said:?}");
        let count = |n: usize| if n == 1 { "1 record".to_owned() } else { format!("{n} records") };
        let left_out = if leaves_out { format!(", {} that no consumer needs", count(2969 - sent)) } else { String::new() };
        let ledger = format!("3000 lines in, {} out, 30 lines rejected, 0 filtered{left_out}; ", count(sent + 1));
        assert!(came.stderr.contains(&ledger), "{}", came.stderr);
    }
}

#[test]
fn how_many_rejects_are_too_many_does_not_depend_on_it() {
    let second = rest_of_the_log();
    let nothing = conditions(&[status(CompareOp::Eq, 1)]);
    // Of all lines 1 % are bad, and all that are not are left out.
    for (limit, code) in [("2%", 0), ("0.5%", 4), ("29", 4), ("30", 0)] {
        let args = ["apache", "--max-errors", limit, "--stats"];
        let (whole, less) = (read_for(&args, &common(0), &Pushdown::default(), &second), read_for(&args, &common(0), &nothing, &second));
        let first_line = |came: &Came| came.stderr.lines().next().map(str::to_owned);
        assert_eq!((whole.code, less.code), (Some(code), Some(code)), "{limit}: {}", less.stderr);
        assert_eq!((whole.rejected, first_line(&whole)), (less.rejected, first_line(&less)), "{limit}");
        assert!(!less.stderr.contains("DOES NOT ADD UP"), "{}", less.stderr);
    }
}

/// A batch of which nothing is left says what its fields are, and is how a producer that has nothing else to send notices
/// that its reader has gone.
#[test]
fn batches_of_which_nothing_is_left_are_sent() {
    let args = ["json", "-q"];
    let plan = conditions(&[Condition { field: "a".into(), op: CompareOp::Eq, constant: Constant::Int(1) }]);
    let came = read_for(&args, "{\"a\":1}\n", &plan, "{\"a\":2,\"b\":\"x\"}\n");
    let shown: Vec<_> = came.batches.iter().map(|batch| (batch.len(), batch.schema().names().collect::<Vec<_>>())).collect();
    assert_eq!(shown, [(1, vec!["a"]), (0, vec!["a", "b"])]);

    let mut child = command(&["apache", "-q"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(common(1).as_bytes()).unwrap();
    let mut reader = Reader::new(child.stdout.take().unwrap()).unwrap();
    while !matches!(reader.read().unwrap().unwrap(), Incoming::Batch(_)) {}
    assert!(advise(reader.input(), &conditions(&[status(CompareOp::Eq, 1)])));
    drop(reader);
    let (lines, until) = ((0..1000).map(common).collect::<String>(), Instant::now() + DEADLINE);
    while stdin.write_all(lines.as_bytes()).is_ok() {
        assert!(Instant::now() < until, "the producer goes on for a reader that has gone");
    }
    assert_eq!(wait(&mut child, DEADLINE), Some(0));
}

/// What has gone out has been cast, and has the fields that were asked for.
#[test]
fn what_is_tested_is_what_would_be_sent() {
    let lines: String = (0..100).map(|n| format!("{n} x{n}\n")).collect();
    let args = ["regex", r"(?P<n>\d+) (?P<t>.*)", "--cast", "n=float", "--fields", "n"];
    let condition = |constant| Condition { field: "n".into(), op: CompareOp::Lt, constant };
    let plan = conditions(&[condition(Constant::Float(10.0))]);
    let came = read_for(&args, "1 a\n", &plan, &lines);
    let values: Vec<_> =
        came.batches[1..].iter().flat_map(|batch| batch.rows().map(|row| row.value(0).to_string()).collect::<Vec<_>>()).collect();
    assert_eq!(values, (0..10).map(|n| format!("{n}.0")).collect::<Vec<_>>());
    let text = condition(Constant::Text(b"2"[..].into()));
    let came = read_for(&args, "1 a\n", &conditions(&[text]), &lines);
    assert_eq!(came.batches[1..].iter().map(Batch::len).sum::<usize>(), 100);
    assert!(matches!(came.batches[1].row(3).value(0), Value::Float(_)));
}
