//! The same queries as a library's: over batches, and as a stage. What runs a stream is their oracle.

use std::{cell::Cell, num::NonZeroUsize, path::Path};

use recpipe::{
    Flow, Stage, gen_recvfrom,
    stage::{Collect, from_fn},
};
use recpipe_consumer::Query;

use super::*;

/// What a query that ends in a line of output gives without it, as that output writes it.
#[track_caller]
pub(crate) fn check(query: &str, batch_rows: usize, expect: &str) {
    let Some((query, output)) = query.rsplit_once(" | ") else { return };
    if !["tsv", "csv", "json", "print"].iter().any(|name| output.starts_with(name)) || query.contains(['[', ']']) {
        return;
    }
    let parsed = Query::parse(query).unwrap_or_else(|error| panic!("{error}"));
    let schema = parsed.check(records().schema()).unwrap();
    let written = |answer: Vec<Batch>| {
        let mut writer = Writer::new(Vec::new()).unwrap();
        writer.schema(&schema).unwrap();
        answer.iter().for_each(|batch| writer.batch(batch).unwrap());
        let (got, outcome) = super::answer(output, &writer.finish(&Ending::default()).unwrap(), 1);
        assert!(outcome.error.is_none(), "{:?}", outcome.error);
        got
    };
    let pulled = parsed.over(batches(batch_rows).into_iter().map(Ok)).collect::<Result<_, _>>().unwrap();
    assert_eq!(written(pulled), expect, "{query} over batches of {batch_rows}");
    let threads = NonZeroUsize::new(3).unwrap();
    let pulled = parsed.over(batches(batch_rows).into_iter().map(Ok)).on_threads(threads).collect::<Result<_, _>>().unwrap();
    assert_eq!(written(pulled), expect, "{query} over batches of {batch_rows} on threads");

    let (collect, got) = Collect::new();
    let mut stage = parsed.stage(records().schema(), collect).unwrap();
    for batch in batches(batch_rows) {
        if stage.send(batch).unwrap() == Flow::Stop {
            break;
        }
    }
    stage.close().unwrap();
    assert!(got.is_closed());
    assert_eq!(written(got.batches()), expect, "{query} as a stage of batches of {batch_rows}");
}

fn rows(answer: impl Iterator<Item = Result<Batch, Error>>) -> Vec<String> {
    let shown = |batch: Batch| batch.rows().map(|row| row.values().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")).collect();
    answer.map(|batch| shown(batch.unwrap())).collect::<Vec<Vec<String>>>().concat()
}

fn over(query: &str, batch_rows: usize) -> Vec<String> {
    rows(Query::parse(query).unwrap().over(batches(batch_rows).into_iter().map(Ok)))
}

#[test]
fn nothing_is_taken_that_is_not_needed() {
    let taken = Cell::new(0);
    let input = || batches(1).into_iter().map(Ok).inspect(|_| taken.set(taken.get() + 1));
    let mut answer = Query::parse("where status == 404").unwrap().over(input());
    assert_eq!(taken.get(), 0);
    assert_eq!(answer.next().unwrap().unwrap().len(), 1);
    // The second record is the first that fits.
    assert_eq!(taken.get(), 2);
    taken.set(0);
    let answer = Query::parse("head 3").unwrap().over(input());
    assert_eq!((rows(answer).len(), taken.get()), (3, 3));
    taken.set(0);
    let mut answer = Query::parse("count").unwrap().over(input());
    assert_eq!(answer.next().unwrap().unwrap().row(0).value(0), Value::Int(40));
    assert_eq!(taken.get(), 40);
    assert!(answer.next().is_none() && answer.next().is_none());
}

#[test]
fn an_error_of_the_input_is_the_end_and_no_answer() {
    let torn = || batches(10).into_iter().map(Ok).take(2).chain([Err(Error::Data("torn".into()))]).chain(batches(10).into_iter().map(Ok));
    let mut answer = Query::parse("count").unwrap().over(torn());
    assert_eq!(answer.next().unwrap().unwrap_err().to_string(), "torn");
    assert!(answer.next().is_none());
    let got: Vec<_> = Query::parse("head 15").unwrap().over(torn()).collect();
    assert!(got.iter().all(Result::is_ok), "enough before it: {got:?}");
    let stream = stream(10);
    let mut answer = Query::parse("count").unwrap().over(gen_recvfrom(&stream[..stream.len() - 1]));
    assert_eq!(answer.next().unwrap().unwrap_err().exit(), Exit::Incomplete);
}

#[test]
fn of_no_records_there_is_an_answer_all_the_same() {
    assert_eq!(rows(Query::parse("count").unwrap().over([])), ["0"]);
    assert!(rows(Query::parse("where x == 1 | count by y").unwrap().over([])).is_empty());
}

#[test]
fn what_does_not_fit_says_where() {
    let error = |query: &str| {
        let mut answer = Query::parse(query).unwrap().over(batches(9).into_iter().map(Ok));
        let error = answer.find_map(Result::err).unwrap();
        assert!(answer.next().is_none());
        (error.exit(), error.to_string())
    };
    let (exit, text) = error("count by hots");
    assert!(exit == Exit::Usage && text.contains("^^^^") && text.contains("did you mean `host`?"), "{text}");
    let (exit, text) = error("where status == 404 | csv");
    assert!(exit == Exit::Usage && text.contains("`tee [ csv ]`"), "{text}");
    let (exit, text) = error("tee [ count ] | head 1");
    assert!(exit == Exit::Usage && text.contains("end each branch in an output"), "{text}");
    let (exit, text) = error("lookup \"not/there.rec\" on host");
    assert!(exit == Exit::Failed && text.contains("not/there.rec"), "{text}");
    assert!(Query::parse("whree x").unwrap_err().to_string().contains("did you mean `where`?"));
}

#[test]
fn what_is_expected_is_judged_after_the_answer() {
    let mut answer = Query::parse("expect count(status == 500) == 0").unwrap().over(batches(7).into_iter().map(Ok));
    let mut came = 0;
    let error = loop {
        match answer.next().unwrap() {
            Ok(batch) => came += batch.len(),
            Err(error) => break error,
        }
    };
    assert_eq!((came, error.exit()), (40, Exit::Unmet), "{error}");
}

#[test]
fn a_field_that_never_came_is_no_answer() {
    let schema = Arc::new(Schema::new(vec![Field::open("n", Type::Int)]).unwrap().growing());
    let mut builder = BatchBuilder::new(schema);
    builder.push(&[Value::Int(1)]).unwrap();
    let batch = builder.finish().unwrap();
    let answer: Vec<_> = Query::parse("where cause == null | count").unwrap().over([Ok(batch.clone())]).collect();
    assert!(matches!(&answer[..], [Err(Error::Usage(what))] if what.contains("unknown field `cause`")), "{answer:?}");
    assert_eq!(rows(Query::parse("where cause? == null | count").unwrap().over([Ok(batch)])), ["1"]);
}

#[test]
fn files_and_branches_are_as_on_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("more.rec"), stream(11)).unwrap();
    let query = format!("union \"{}\" | count by host", path("more.rec"));
    assert_eq!(over(&query, 9), ["h0 16", "h1 16", "h2 16", "h3 16", "h4 16"]);
    let query = format!("where took > 4.7 | union \"{}\" | where took > 4.7 | list(took)", path("more.rec"));
    assert_eq!(over(&query, 1), ["[4.75,4.875,4.75,4.875]"]);
    let query = format!("tee [ where status == 404 | count | write \"{}\" ] | count", path("branch.csv"));
    assert_eq!(over(&query, 9), ["40"]);
    assert_eq!(std::fs::read_to_string(path("branch.csv")).unwrap(), "count\n9\n");
    // After an error, a file is not whole, and has not its name.
    let query = format!("tee [ write \"{}\" ] | let x = 9223372036854775807 * 9223372036854775807 * took | count", path("half.csv"));
    let torn = batches(9).into_iter().map(Ok).take(2).chain([Err(Error::Data("torn".into()))]);
    assert!(Query::parse(&query).unwrap().over(torn).any(|batch| batch.is_err()));
    assert!(!Path::new(&path("half.csv")).exists());
}

#[test]
fn little_memory_changes_nothing() {
    let schema = Arc::new(Schema::new(vec![Field::new("n", Type::Int), Field::new("text", Type::Text)]).unwrap());
    let batch = |from: i64| {
        let mut builder = BatchBuilder::new(schema.clone());
        for n in from..from + 500 {
            let n = n * 7919 % 30_011;
            builder.push(&[Value::Int(n.into()), Value::Text(format!("{n:032}").as_bytes())]).unwrap();
        }
        builder.finish()
    };
    let directory = tempfile::tempdir().unwrap();
    // The second sort gives all that it has at once.
    let query = Query::parse("sort text | sort -n | let x = n + 1").unwrap();
    let answer = |query: &Query| rows(query.over((0..60).map(|n| batch(n * 500))));
    let small = query.clone().within(Memory { limit: 64 << 10, directory: directory.path().into() });
    let got = answer(&small);
    assert_eq!(got.len(), 30_000);
    assert!(got == answer(&query), "another order");
    let nowhere = query.within(Memory { limit: 64 << 10, directory: "not/there".into() });
    assert!(nowhere.over((0..60).map(|n| batch(n * 500))).any(|batch| batch.is_err_and(|error| error.to_string().contains("not/there"))));
}

#[test]
fn a_target_that_has_enough_is_sent_no_more() {
    let mut sent = 0;
    let target = from_fn(|_| {
        sent += 1;
        Ok(Flow::Stop)
    });
    let mut stage = Query::parse("where status == 404").unwrap().stage(records().schema(), target).unwrap();
    let flows: Vec<Flow> = batches(1).into_iter().take(2).map(|batch| stage.send(batch).unwrap()).collect();
    assert_eq!(flows, [Flow::Continue, Flow::Stop]);
    stage.close().unwrap();
    drop(stage);
    assert_eq!(sent, 1);
}
