//! Queries over a stream, in process: the same bytes for any number of threads and any size of batches.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    cell::RefCell,
    io::{self, Write},
    rc::Rc,
    sync::Arc,
};

use recpipe::{
    Batch, BatchBuilder, Error, Exit, Field, Schema, Type, Value,
    wire::{Ending, Incoming, Reader, Writer},
};
use recpipe_consumer::{
    output::Printer,
    query::{self, Source, plan::Output},
    run::{self, Options, Outcome},
};

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Forty records of a small log.
fn records() -> Batch {
    let schema =
        Schema::new(vec![Field::new("host", Type::Text), Field::new("status", Type::Int), Field::new("took", Type::Float)]).unwrap();
    let mut builder = BatchBuilder::new(Arc::new(schema));
    for i in 0..40_i64 {
        let host = format!("h{}", i * 7 % 5);
        let status = if i % 9 == 4 { Value::Null } else { Value::Int([200, 404, 500][(i % 3) as usize]) };
        let took = if i == 11 { Value::Null } else { Value::Float(i as f64 / 8.0) };
        builder.push(&[Value::Text(host.as_bytes()), status, took]).unwrap();
    }
    builder.finish().unwrap()
}

fn stream(batch_rows: usize) -> Vec<u8> {
    let records = records();
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.schema(records.schema()).unwrap();
    for from in (0..records.len()).step_by(batch_rows) {
        let to = records.len().min(from + batch_rows);
        writer.batch(&records.select((from as u32..to as u32).collect())).unwrap();
    }
    writer.finish(&Ending::default()).unwrap()
}

fn answer(text: &str, stream: &[u8], threads: usize) -> (String, Outcome) {
    let source = Source::from_args(&[text]);
    let parsed = query::parse(&source).unwrap_or_else(|error| panic!("{error}"));
    let mut reader = Reader::new(stream).unwrap();
    let Some(Incoming::Schema(schema)) = reader.read().unwrap() else { panic!("no schema") };
    let plan = query::check(&source, &parsed, &schema).unwrap_or_else(|error| panic!("{error}"));
    let out = Shared::default();
    let options = Options { threads, default_output: Output::Json, stopper: None, quiet: true };
    let outcome = run::run(&mut reader, &plan, &options, Printer::new(Box::new(out.clone()), false));
    let bytes = out.0.borrow().clone();
    (String::from_utf8(bytes).unwrap(), outcome)
}

#[track_caller]
fn check(query: &str, expect: &str) {
    for batch_rows in [1, 7, 1000] {
        let stream = stream(batch_rows);
        for threads in [1, 2, 8] {
            let (got, outcome) = answer(query, &stream, threads);
            assert!(outcome.error.is_none(), "{query}: {:?}", outcome.error);
            assert_eq!(got, expect, "{query} with {threads} threads and batches of {batch_rows}");
        }
    }
}

#[test]
fn filters_and_columns() {
    check("where status == 404 and took > 4 | select took, host | csv", "took,host\n4.25,h3\n4.625,h4\n");
    check(
        "let slow = took > 4.7 | where slow | select host, slow | json",
        "{\"host\":\"h1\",\"slow\":true}\n{\"host\":\"h3\",\"slow\":true}\n",
    );
    check("where took == null | print \"{host}/{status}\"", "h2/500\n");
    check("where false | csv", "host,status,took\n");
    check("where false | null", "");
}

#[test]
fn the_first_ones() {
    check("head 2 | print \"{host} {took}\"", "h0 0.0\nh2 0.125\n");
    check("head 0 | tsv", "host\tstatus\ttook\n");
    check("where status == 500 | head 1 | select took | tsv", "took\n0.25\n");
    check("head 1000 | count | tsv", "count\n40\n");
}

#[test]
fn distinct_values_come_in_the_order_of_their_first() {
    check("distinct host | tsv", "host\nh0\nh2\nh4\nh1\nh3\n");
    check("distinct status | tsv", "status\n200\n404\n500\n\n");
    check("distinct host, status | count | tsv", "count\n19\n");
    check("distinct status > 300 as bad | tsv", "bad\nfalse\ntrue\n");
    check("select status | distinct | tsv", "status\n200\n404\n500\n\n");
    check("distinct host | head 2 | print", "h0\nh2\n");
}

#[test]
fn aggregates() {
    check("count | tsv", "count\n40\n");
    check(
        "stats count, count(status), count(status == 404) as missing, sum(status) | tsv",
        "count\tcount(status)\tmissing\tsum(status)\n40\t36\t9\t12936\n",
    );
    check("count by host | tsv", "host\tcount\nh0\t8\nh1\t8\nh2\t8\nh3\t8\nh4\t8\n");
    check(
        "stats min(took), max(took), avg(status), max(host) by status | tsv",
        "status\tmin(took)\tmax(took)\tavg(status)\tmax(host)\n200\t0.0\t4.875\t200.0\th4\n404\t0.125\t4.625\t404.0\th4\n500\t0.25\t4.75\t500.0\th4\n\t0.5\t3.875\t\th4\n",
    );
    check("where false | stats count, sum(took) | tsv", "count\tsum(took)\n0\t\n");
    check("where false | count by host | tsv", "host\tcount\n");
    check("count by host | count | tsv", "count\n5\n");
    check("count by host | where host > \"h2\" | sum(count) as n | tsv", "n\n16\n");
}

#[test]
fn the_largest() {
    check("top 3 by took | select took | tsv", "took\n4.875\n4.75\n4.625\n");
    check("top 2 by status | select host, status, took | tsv", "host\tstatus\ttook\nh4\t500\t0.25\nh0\t500\t0.625\n");
    check("top 100 by status | count | tsv", "count\n40\n");
    check("count by status | top 2 | tsv", "status\tcount\n200\t14\n500\t13\n");
    check("top 2 status | tsv", "status\tcount\n200\t14\n500\t13\n");
    check("top 0 by took | count | tsv", "count\n0\n");
}

#[test]
fn a_query_of_nothing_prints_everything() {
    let (got, outcome) = answer("", &stream(7), 2);
    assert_eq!(got.lines().count(), 40);
    assert_eq!(got.lines().next(), Some("{\"host\":\"h0\",\"status\":200,\"took\":0.0}"));
    assert_eq!((outcome.records_in, outcome.records_out), (40, 40));
}

#[test]
fn head_stops_before_the_end() {
    for threads in [1, 2] {
        let (_, outcome) = answer("head 3", &stream(1), threads);
        assert!(outcome.stopped && outcome.ending.is_none() && outcome.error.is_none());
        assert!(outcome.records_in < 40);
    }
}

#[test]
fn a_cut_stream_gives_what_came_and_says_so() {
    let whole = stream(1);
    for threads in [1, 2] {
        let (got, outcome) = answer("print \"{took}\"", &whole[..whole.len() - 1], threads);
        assert_eq!(got.lines().count(), 40);
        assert_eq!(outcome.error.unwrap().exit(), Exit::Incomplete);
        let (got, outcome) = answer("count | tsv", &whole[..whole.len() / 2], threads);
        assert!(got.starts_with("count\n"), "{got}");
        assert!(matches!(outcome.error, Some(Error::Truncated { .. })));
    }
}

#[test]
fn a_changed_byte_gives_no_wrong_record() {
    let mut changed = stream(10);
    let at = changed.len() / 2;
    changed[at] ^= 4;
    for threads in [1, 2, 8] {
        let (got, outcome) = answer("print \"{host} {status} {took}\"", &changed, threads);
        let (whole, _) = answer("print \"{host} {status} {took}\"", &stream(10), threads);
        assert!(whole.starts_with(&got), "an exact prefix came");
        assert!(matches!(outcome.error, Some(Error::Corrupt { .. })));
    }
}

#[test]
fn an_overflow_is_an_error_and_no_answer() {
    for threads in [1, 2] {
        let (got, outcome) = answer("let x = status * 9000000000000000000 | select x | csv", &stream(7), threads);
        let error = outcome.error.unwrap();
        assert_eq!(error.exit(), Exit::Failed);
        assert!(error.to_string().contains("overflow"), "{error}");
        assert_eq!(got, "x\n");
    }
}

#[test]
fn later_schemas_are_united_by_name() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.batch(&records().head(1)).unwrap();
    let other = Schema::new(vec![Field::new("took", Type::Float), Field::new("new", Type::Int)]).unwrap();
    let mut builder = BatchBuilder::new(Arc::new(other));
    builder.push(&[Value::Float(9.5), Value::Int(1)]).unwrap();
    writer.batch(&builder.finish().unwrap()).unwrap();
    let stream = writer.finish(&Ending::default()).unwrap();
    let (got, outcome) = answer("csv", &stream, 2);
    assert_eq!(got, "host,status,took\nh0,200,0.0\n,,9.5\n");
    assert!(outcome.error.is_none());

    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.batch(&records().head(1)).unwrap();
    let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("took", Type::Text)]).unwrap()));
    builder.push(&[Value::Text(b"long")]).unwrap();
    writer.batch(&builder.finish().unwrap()).unwrap();
    let (_, outcome) = answer("csv", &writer.finish(&Ending::default()).unwrap(), 1);
    assert!(outcome.error.unwrap().to_string().contains("`took`"));
}
