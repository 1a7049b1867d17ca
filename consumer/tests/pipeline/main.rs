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
    catalog,
    execute::{self, Options, Outcome},
    language::{self, Setting, Source},
    left_out::LeftOut,
    memory::Memory,
    output, plan,
    writer::Printer,
};

mod incomplete;
mod library;
mod partial;
mod threads;
mod words;

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
    batches(batch_rows).iter().for_each(|batch| writer.batch(batch).unwrap());
    writer.finish(&Ending::default()).unwrap()
}

/// The records in batches of so many.
fn batches(batch_rows: usize) -> Vec<Batch> {
    let records = records();
    let rows = |from: usize| (from as u32..records.len().min(from + batch_rows) as u32).collect();
    (0..records.len()).step_by(batch_rows).map(|from| records.select(rows(from))).collect()
}

fn answer(text: &str, stream: &[u8], threads: usize) -> (String, Outcome) {
    answer_noting(text, stream, threads, &LeftOut::default())
}

/// As [`answer`]; what is left out is noted.
fn answer_noting(text: &str, stream: &[u8], threads: usize, left_out: &LeftOut) -> (String, Outcome) {
    let source = Source::from_args(&[text]);
    let parsed = catalog::parse(&source).unwrap_or_else(|error| panic!("{error}"));
    let mut reader = Reader::new(stream).unwrap();
    let Some(Incoming::Schema(schema)) = reader.read().unwrap() else { panic!("no schema") };
    let setting = Setting { left_out: left_out.clone(), ..Setting::default() };
    let plan = language::check_at(&source, &parsed, &schema, &setting).unwrap_or_else(|error| panic!("{error}"));
    let out = Shared::default();
    let options = Options {
        threads,
        processes: None,
        left_out: left_out.clone(),
        unordered: false,
        memory: Memory::default(),
        calling: Default::default(),
        default_output: output::default(false),
        stopper: None,
        quiet: true,
    };
    let outcome = execute::run(&mut reader, execute::Feeds::new(), &plan, &options, Printer::new(Box::new(out.clone()), false));
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
        library::check(query, batch_rows, expect);
    }
}

#[test]
fn what_depends_on_order_is_by_that_of_the_input() {
    // By definition, over the very records.
    let records = records();
    let rows: Vec<Vec<Value<'_>>> = records.rows().map(|row| row.values().collect()).collect();
    let hosts = ["h0", "h1", "h2", "h3", "h4"].map(|host| {
        let mine: Vec<_> = rows.iter().filter(|row| row[0] == Value::Text(host.as_bytes())).collect();
        let took: Vec<_> = mine.iter().map(|row| row[2]).filter(|took| !matches!(took, Value::Null)).collect();
        let mut statuses = mine.iter().map(|row| row[1]).filter(|status| !matches!(status, Value::Null));
        let list = took.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        // The first of the records whose status is the largest.
        let both = mine.iter().filter(|row| row[1..].iter().all(|value| !matches!(value, Value::Null)));
        let largest = both.clone().map(|row| row[1]).max_by(Value::total_cmp).unwrap();
        let slowest = both.into_iter().find(|row| row[1] == largest).unwrap()[2];
        let first = statuses.clone().next().unwrap();
        format!("{host} [{list}] {} {} {first} {} {slowest}\n", took[0], took[took.len() - 1], statuses.next_back().unwrap())
    });
    check(
        "stats list(took), first(took), last(took), first(status), last(status), argmax(status, took) by host | print \"{host} {list(took)} {first(took)} {last(took)} {first(status)} {last(status)} {argmax(status, took)}\"",
        &hosts.concat(),
    );
    check(
        "where status == 200 | stats first(took), last(took), argmax(status, took), argmin(status, took) | print",
        "0.0\t4.875\t0.0\t0.0\n",
    );
    check("stats set(status), distinct(host), median(took), p90(took) | print", "[200,404,500]\t5\t2.5\t4.4\n");
    // After `head` it is all once.
    check("head 5 | stats list(took), last(host) | print", "[0.0,0.125,0.25,0.375,0.5]\th3\n");
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
fn what_the_largest_leave_out_is_counted_once_however_often_they_are_weighed() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let schema = Arc::new(Schema::new(vec![Field::open("v", Type::Mixed)]).unwrap());
    writer.schema(&schema).unwrap();
    // So many that candidates are weighed several times, each greater than those before.
    for batch in 0..12 {
        let mut builder = BatchBuilder::new(schema.clone());
        for row in 0..1000 {
            let value = if row % 10 == 3 { Value::Text(b"n/a") } else { Value::Int(batch * 1000 + row) };
            builder.push(&[value]).unwrap();
        }
        writer.batch(&builder.finish().unwrap()).unwrap();
    }
    let stream = writer.finish(&Ending::default()).unwrap();
    for query in ["top 1 by v", "top 1 by v + 1", "head 100000 | top 1 by v", "head 100000 | top 1 by v + 1"] {
        for threads in [1, 2] {
            let left_out = LeftOut::default();
            let (got, _) = answer_noting(query, &stream, threads, &left_out);
            assert_eq!(got, "{\"v\":11999}\n");
            let counts: Vec<u64> = left_out.summaries().iter().map(|summary| summary.count).collect();
            assert_eq!(counts, [1200], "{query} with {threads} threads");
        }
    }
}

#[test]
fn the_smallest() {
    check("bottom 2 by took | select took | tsv", "took\n0.0\n0.125\n");
    check("bottom 100 by took | tail 2 | select took | tsv", "took\n4.875\n\n");
    check("bottom 2 status | tsv", "status\tcount\n\t4\n404\t9\n");
}

#[test]
fn the_last_and_the_rest() {
    check("tail 2 | select took | tsv", "took\n4.75\n4.875\n");
    check("tail 0 | count | tsv", "count\n0\n");
    check("tail 99 | count | tsv", "count\n40\n");
    check("where status == 404 | tail 2 | select took | tsv", "took\n4.25\n4.625\n");
    check("skip 38 | select took | tsv", "took\n4.75\n4.875\n");
    check("skip 99 | count | tsv", "count\n0\n");
    check("skip 3 | head 2 | tail 1 | select took | tsv", "took\n0.5\n");
}

#[test]
fn taken_apart() {
    check("head 3 | parse host /h(?P<n>[02])/ | select host, n | tsv", "host\tn\nh0\t0\nh2\t2\nh4\t\n");
    check("head 2 | parse host /(?P<host>.)$|(?P<never>x)/ | select host, never | tsv", "host\tnever\n0\t\n2\t\n");
    check("where status == 404 | parse host /(?P<d>\\d)/ | where d == \"3\" | count | tsv", "count\n2\n");
    check("parse host /(?P<d>\\d)/ | let e = d | count by e | head 2 | tsv", "e\tcount\n0\t8\n1\t8\n");
}

#[test]
fn searched() {
    check("grep /^H4$/i | count | tsv", "count\n8\n");
    check("grep \"h4\" in host | count | tsv", "count\n8\n");
    check("let other = str(status) | grep /200/ | count | tsv", "count\n14\n");
}

#[test]
fn branches_get_every_record() {
    // A branch that has enough stops nobody else, nor does the query itself stop a branch.
    check("tee [ head 1 | print \"b {took}\" ] | count | print \"n {count}\"", "b 0.0\nn 40\n");
    check("tee [ count | print \"b {count}\" ] | head 1 | print \"n {took}\"", "n 0.0\nb 40\n");
    check("tee [ head 2 | count | print ] | tee [ head 3 | count | print ] | head 4 | count | print", "2\n3\n4\n");
    check("tee [ tee [ tee [ count | print ] | null ] | null ] | sum(status) | print", "40\n12936\n");
    check("where status == 404 | tee [ count | csv ] | stats count by host | top 1 | csv", "count\n9\nhost,count\nh0,2\n");
    check("head 1 | drop took | tee [ rename host as h ] | drop status", "{\"h\":\"h0\",\"status\":200}\n{\"host\":\"h0\"}\n");
    // A header stands where its records are.
    check("tee [ count | csv ] | head 1 | csv", "host,status,took\nh0,200,0.0\ncount\n40\n");
}

#[test]
fn the_source_stops_when_all_have_enough() {
    for threads in [1, 2] {
        let (got, outcome) = answer("tee [ head 2 | print \"b {took}\" ] | head 1 | print \"n {took}\"", &stream(1), threads);
        assert_eq!(got, "b 0.0\nn 0.0\nb 0.125\n");
        assert!(outcome.stopped && outcome.records_in < 40 && outcome.records_out == 3, "{outcome:?}");
    }
}

#[test]
fn every_output_counts() {
    let (_, outcome) = answer("tee [ where status == 404 | null ] | tee [ head 1 | csv ] | count", &stream(7), 2);
    assert_eq!((outcome.records_in, outcome.records_out), (40, 9 + 1 + 1));
}

/// The stream as a producer sends it that has been told what is needed.
fn narrowed(stream: &[u8], columns: &[String]) -> Vec<u8> {
    let mut reader = Reader::new(stream).unwrap();
    let mut writer = Writer::new(Vec::new()).unwrap();
    loop {
        match reader.read().unwrap().unwrap() {
            Incoming::Schema(schema) => drop(writer.schema(&schema).unwrap()),
            Incoming::Batch(raw) => {
                let batch = raw.decode().unwrap();
                let places: Vec<_> = columns.iter().map(|name| batch.schema().index_of(name).unwrap()).collect();
                let fields = places.iter().map(|&place| batch.schema().fields()[place].clone()).collect();
                let kept = places.iter().map(|&place| batch.column(place).clone()).collect();
                writer.batch(&batch.with_columns(Arc::new(Schema::new(fields).unwrap()), kept).unwrap()).unwrap();
            }
            Incoming::Warning(warning) => panic!("{warning:?}"),
            Incoming::End(ending) => return writer.finish(&ending).unwrap(),
        }
    }
}

#[test]
fn what_is_not_read_need_not_come() {
    let stream = stream(7);
    for (query, needed) in [
        ("grep /h3/ in host | count", &["host"][..]),
        ("grep /3/ | sum(status)", &["host", "status"]),
        ("drop took | tail 3", &["host", "status"]),
        ("rename host as took, took as host | count by took | top 2", &["host"]),
        ("parse host /(?P<took>[0-9])/ | count by took", &["host"]),
        ("let host = took * 2 | max(host)", &["took"]),
        ("skip 2 | tail 9 | bottom 2 by took | select status", &["status", "took"]),
        ("dns host as name | count by name", &["host"]),
        ("select took, status, host as h | tee [ count by h ] | tee [ where status == 404 | null ] | count", &["host", "status"]),
        ("tee [ tee [ print \"{took}\" ] | null ] | print \"{host}\"", &["host", "took"]),
        ("tee [ head 3 ] | null", &["host", "status", "took"]),
    ] {
        let source = Source::from_args(&[query]);
        let plan = language::check(&source, &catalog::parse(&source).unwrap(), records().schema()).unwrap();
        let columns: Vec<String> = needed.iter().map(ToString::to_string).collect();
        let told = plan::fields_read(&plan, &output::default(false));
        assert_eq!(told, Some(columns.clone()).filter(|columns| columns.len() < 3), "{query}");
        let (whole, _) = answer(query, &stream, 2);
        let (narrow, outcome) = answer(query, &narrowed(&stream, &columns), 2);
        assert!(outcome.error.is_none() && !whole.is_empty(), "{query}: {:?}", outcome.error);
        assert_eq!(narrow, whole, "{query}");
    }
}

#[test]
fn an_emitted_stream_is_a_stream() {
    let emitted = |query: &str, stream: &[u8]| {
        let source = Source::from_args(&[query]);
        let plan = language::check(&source, &catalog::parse(&source).unwrap(), records().schema()).unwrap();
        let mut reader = Reader::new(stream).unwrap();
        reader.read().unwrap();
        let out = Shared::default();
        let options = Options {
            threads: 2,
            processes: None,
            left_out: LeftOut::default(),
            unordered: false,
            default_output: output::default(false),
            stopper: None,
            quiet: true,
            memory: Memory::default(),
            calling: Default::default(),
        };
        let outcome = execute::run(&mut reader, execute::Feeds::new(), &plan, &options, Printer::new(Box::new(out.clone()), false));
        let bytes = out.0.borrow().clone();
        (bytes, outcome)
    };
    let whole = stream(7);
    for (query, then, expect) in [
        ("emit", "count | tsv", "count\n40\n"),
        ("where status == 404 | emit", "count by host | head 1 | tsv", "host\tcount\nh0\t2\n"),
        ("count by host | rename host as h | emit", "top 1 by count | tsv", "h\tcount\nh0\t8\n"),
        ("where false | emit", "csv", "host,status,took\n"),
        ("head 3 | emit", "count | tsv", "count\n3\n"),
        ("tee [ count | null ] | tail 1 | emit", "select took | tsv", "took\n4.875\n"),
    ] {
        let (bytes, _) = emitted(query, &whole);
        let (got, outcome) = answer(then, &bytes, 2);
        assert!(outcome.error.is_none(), "{query}: {:?}", outcome.error);
        assert_eq!((got.as_str(), outcome.ending.map(|end| end.exit)), (expect, Some(Exit::Done)), "{query} | {then}");
    }
    // A stream that was cut is known to be one behind the next consumer, too; so is a failure of ours.
    let cut = &whole[..whole.len() - 1];
    let (_, outcome) = answer("count | tsv", &emitted("where true | emit", cut).0, 2);
    let ending = outcome.ending.unwrap();
    assert_eq!(ending.exit, Exit::Incomplete);
    assert!(ending.cause.contains("truncated"), "{}", ending.cause);
    let (_, outcome) = answer("count | tsv", &emitted("head 3 | emit", cut).0, 2);
    assert_eq!(outcome.ending.unwrap().exit, Exit::Done);
    let (_, outcome) = answer("count | tsv", &emitted("let x = status * 9000000000000000000 * 9000000000000000000 | emit", &whole).0, 2);
    let ending = outcome.ending.unwrap();
    assert_eq!(ending.exit, Exit::Failed);
    assert!(ending.cause.contains("overflow"), "{}", ending.cause);
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
fn an_overflow_is_an_error_and_no_answer() {
    for threads in [1, 2] {
        let (got, outcome) = answer("let x = status * 9000000000000000000 * 9000000000000000000 | select x | csv", &stream(7), threads);
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

#[test]
fn as_many_stages_as_there_can_be_fit_on_the_stack() {
    let deep = format!("{}1{}", "(1 + ".repeat(60), ")".repeat(60));
    for stage in [
        "let x = 1",
        "where status != 5",
        "select *",
        "rename host as host",
        "parse host /(?P<h>.)/",
        "skip 0",
        "tail 40",
        "top 40 by status",
        "distinct",
        "sort host",
        "count as status by host",
        "tee [ null ]",
        "tee [ count | null ]",
    ] {
        // A branch counts with its stages.
        let times = 250 / stage.matches(['[', '|']).count().saturating_add(1);
        let stage = stage.replace('*', "host, status, took");
        let (_, outcome) = answer(&format!("{} | let y = {deep} | null", vec![stage.as_str(); times].join(" | ")), &stream(1000), 2);
        assert!(outcome.error.is_none(), "{stage}: {:?}", outcome.error);
    }
}

#[test]
fn what_an_output_holds_is_not_done_with() {
    // A sender may forget a frame when it is done with: not before what came of it stands in the output.
    for (text, holds) in [
        ("where status == 404 | json", false),
        ("json", false),
        ("table", true),
        ("chart took", true),
        ("tail 3 | json", true),
        ("count | json", true),
    ] {
        let source = Source::from_args(&[text]);
        let plan = language::check(&source, &catalog::parse(&source).unwrap(), records().schema()).unwrap();
        let options = Options {
            threads: 1,
            processes: None,
            left_out: LeftOut::default(),
            unordered: false,
            memory: Memory::default(),
            calling: Default::default(),
            default_output: output::default(false),
            stopper: None,
            quiet: true,
        };
        assert_eq!(execute::holds_state(&plan, &options), holds, "{text}");
    }
}
