//! What the reader at the other end of the pipe says that it needs.

use std::io::Write;
use std::process::Stdio;

use recpipe::Batch;
use recpipe::transport::back::advise;
use recpipe::wire::{Incoming, Plan, Reader};

use crate::harness::{DEADLINE, combined, command, common, wait};

/// The batches of a log of two parts, between which the reader says which fields it reads, and the number of rejects.
fn read(first: &str, columns: &[&str], second: &str) -> (Vec<Batch>, u64) {
    let mut child = command(&["apache", "--max-errors", "1000", "-q"]).stdin(Stdio::piped()).spawn().unwrap();
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
            let columns = Some(columns.iter().map(ToString::to_string).collect());
            assert!(advise(reader.input(), &Plan { columns, ..Plan::default() }), "the producer listens at its pipe");
            stdin.write_all(second.as_bytes()).unwrap();
        }
    }
    assert_eq!(wait(&mut child, DEADLINE), Some(0));
    (batches, rejected)
}

#[test]
fn fields_that_nobody_reads_are_left_out() {
    let second: String = (1..3000).map(|n| if n % 100 == 50 { "no record\n".to_owned() } else { common(n) }).collect();
    for columns in [&["host"][..], &["status", "host", "no such field"], &["bytes"], &[], &["datetime", "request", "host"]] {
        let (batches, rejected) = read(&common(0), columns, &second);
        let (before, after) = batches.split_first().unwrap();
        assert_eq!((before.len(), before.schema().len()), (1, 9), "what came before the advice has all fields");
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
