//! Fields that come later than the sample that a query begins with, whoever carries them.

use std::time::Duration;

use e2e::{Pipeline, Program, Scratch, stream};
use recpipe::wire::{Incoming, Reader};

const DEADLINE: Duration = Duration::from_secs(120);

const RECORDS: usize = 40_000;

/// The records that have `cause`, and those of them that have `user id` as well.
fn late(n: usize) -> (bool, bool) {
    let has_cause = n >= 30_000 && n.is_multiple_of(1000);
    (has_cause, has_cause && n >= 35_000)
}

fn lines(from: usize) -> String {
    let line = |n: usize| {
        let mut line = format!("{{\"t\":{n},\"ms\":{},\"msg\":\"fine\"", n % 97);
        let (has_cause, has_user) = late(n);
        if has_cause {
            line += ",\"cause\":\"timeout\"";
        }
        if has_user {
            line += &format!(",\"user id\":{n}");
        }
        line + "}\n"
    };
    (from..RECORDS).map(line).collect()
}

/// The first so many answers of [`ask`] are those over a pipe.
const PIPES: usize = 4;

/// Answers of this many ways to ask: over a pipe, of a saved stream, by threads and by processes, in batches of any size.
fn ask(text: &str, query: &str) -> Vec<e2e::Outcome> {
    let saved = Pipeline::producer(&["json"]).input(text).deadline(DEADLINE).run().succeeds().stdout;
    let mut all = vec![
        Pipeline::both(&["json", "-j", "1"], &["-j", "1", query]).input(text).deadline(DEADLINE).run(),
        Pipeline::both(&["json", "-j", "3"], &["-j", "3", query]).input(text).deadline(DEADLINE).run(),
        Pipeline::both(&["json"], &["--processes", "2", query]).input(text).deadline(DEADLINE).run(),
        Pipeline::consumer(&["--as", "json", query]).input(text).deadline(DEADLINE).run(),
    ];
    for (stream, options) in [
        (saved.clone(), ["-j", "2"]),
        (stream::rebatched(&saved, 777).unwrap(), ["-j", "4"]),
        (stream::rebatched(&saved, 777).unwrap(), ["--processes", "2"]),
        (saved, ["--memory", "1MiB"]),
    ] {
        all.push(Pipeline::consumer(&[&options[..], &[query]].concat()).input(stream).deadline(DEADLINE).run());
    }
    all
}

#[test]
fn every_stage_sees_them() {
    let text = lines(0);
    let all: String = (30_000..RECORDS).filter(|n| late(*n).0).map(|n| format!("{n}\n")).collect();
    let users: String = (35..40).map(|n| format!("{{\"msg\":\"fine\",\"cause\":\"timeout\",\"user id\":{n}000}}\n")).collect();
    let distinct = format!("{{\"msg\":\"fine\"}}\n{{\"msg\":\"fine\",\"cause\":\"timeout\"}}\n{users}");
    let last = "{\"t\":39000,\"ms\":6,\"msg\":\"fine\",\"cause\":\"timeout\",\"user id\":39000}\n";
    for (query, expect) in [
        ("where cause == \"timeout\" | print \"{t}\"", all.as_str()),
        ("grep /^timeout$/ | print \"{t}\"", &all),
        ("where t >= 30000 | grep /timeout/ | let x = 1 | select t | print", &all),
        ("count(cause), count(`user id`) | csv", "count(cause),count(`user id`)\n10,5\n"),
        ("count by cause | csv", "cause,count\ntimeout,10\n,39990\n"),
        ("where t == 39000", last),
        // Whole records are equal if their late fields are; the second has more than fit in 1 MiB.
        ("drop t, ms | distinct", &distinct),
        ("distinct", &text),
        ("tail 1000 | head 1", last),
        ("sort -t | skip 999 | head 1 | json", last),
        ("where t != null | top 1 by -abs(t - 39000)", last),
        // One that the query names has its place before those that come.
        ("where `user id` != null | top 1 by t", "{\"t\":39000,\"ms\":6,\"msg\":\"fine\",\"user id\":39000,\"cause\":\"timeout\"}\n"),
        ("where cause? != null | sort -t | head 1 | select t, cause | csv", "t,cause\n39000,timeout\n"),
        // Those that come later stand behind what stages make, which is what their names mean.
        ("where t == 39000 | let x = ms", &last.replace(",\"cause\"", ",\"x\":6,\"cause\"")),
        ("where t == 39000 | let cause = 1, y = 2", &last.replace("\"timeout\"", "1,\"y\":2")),
        ("where t == 39000 | parse msg /(?P<cause>f)/", &last.replace("timeout", "f")),
        ("where t == 39000 | drop msg, cause", &last.replace("\"msg\":\"fine\",\"cause\":\"timeout\",", "")),
        ("where t == 39000 | rename msg as `user id`", "{\"t\":39000,\"ms\":6,\"user id\":\"fine\",\"cause\":\"timeout\"}\n"),
        ("where t == 39000 | rename cause as why | select t, why", "{\"t\":39000,\"why\":\"timeout\"}\n"),
        ("where t == 39000 | select t, ms", "{\"t\":39000,\"ms\":6}\n"),
    ] {
        for outcome in ask(&text, query) {
            assert_eq!(outcome.text(), expect, "{query}: {}", outcome.consumer_says());
            assert_eq!(outcome.end(Program::Consumer).code(), Some(0), "{query}: {}", outcome.consumer_says());
        }
    }
}

#[test]
fn an_output_with_a_header_says_what_it_lacks_and_what_to_write() {
    let text = lines(0);
    for (query, output) in [("csv", "csv"), ("where t >= 34000 | tsv", "tsv"), ("tail 6000 | print", "print"), ("sort -t | table", "table")]
    {
        for outcome in ask(&text, query) {
            let said = outcome.consumer_says();
            assert_eq!(outcome.end(Program::Consumer).code(), Some(4), "{query}: {said}");
            assert!(!outcome.text().contains("timeout"), "{query}");
            assert!(
                said.contains("values of `cause` came too late for a column and are not shown, the first is \"timeout\""),
                "{query}: {said}"
            );
            let typed =
                said.split_once("write: consumer '").and_then(|(_, typed)| typed.split_once('\'')).unwrap_or_else(|| panic!("{said}")).0;
            assert!(typed.contains("select t, ms, msg, cause, `user id`") && typed.ends_with(output), "{typed}");
        }
        let outcome = &ask(&text, query)[0];
        let typed = outcome.consumer_says().split_once("write: consumer '").unwrap().1.split_once('\'').unwrap().0.to_owned();
        let outcome = Pipeline::both(&["json"], &[&typed]).input(text.as_str()).deadline(DEADLINE).run().exits(&[0, 0]);
        assert!(outcome.text().contains("timeout") && !outcome.consumer_says().contains("too late"), "{typed}");
    }
    // What a query does not want is no loss.
    for query in ["head 100 | csv", "where t >= 39990 | csv", "select t | csv", "print \"{t}\"", "count | csv"] {
        Pipeline::both(&["json"], &[query]).input(text.as_str()).deadline(DEADLINE).run().succeeds().quietly();
    }
    // What comes out of a stage after the query has enough is shown, or said.
    let outcome = Pipeline::both(&["json"], &["head 36000 | sort -t | csv"]).input(text.as_str()).deadline(DEADLINE).run();
    outcome.exits(&[0, 4]).says(Program::Consumer, "6 values of `cause` came too late");
}

#[test]
fn a_field_that_never_came_is_unknown() {
    let text = lines(0);
    for (query, words) in [
        ("where cuse == \"timeout\" | count", "unknown field `cuse`: no record had it; did you mean `cause`?"),
        ("count by `no such`", "unknown field `no such`: no record had it; fields: t, ms, msg, cause, `user id` (where"),
    ] {
        for (way, outcome) in ask(&text, query).into_iter().enumerate() {
            let said = outcome.consumer_says().to_owned();
            assert_eq!(outcome.end(Program::Consumer).code(), Some(2), "{query}: {said}");
            assert!(said.contains("is not among the first records; it counts as null until it comes"), "{said}");
            // A producer that hears which fields are wanted sends no others: of those nothing is known.
            assert!(said.contains(if way < PIPES { words.split_once(';').unwrap().0 } else { words }), "{query}: {said}");
            assert_eq!(outcome.text(), "", "{query}");
        }
    }
    for outcome in ask(&text, "where cuse? == null | count | print") {
        outcome.succeeds().quietly().prints(format!("{RECORDS}\n"));
    }
    // Whoever has enough does not know.
    Pipeline::both(&["json"], &["where nosuch == null | head 1 | print \"{t}\""]).input(text).run().exits(&[0, 0]).prints("0\n");
}

#[test]
fn they_are_sent_on_and_saved() {
    let dir = Scratch::new();
    let text = lines(0);
    let whole = Pipeline::both(&["json"], &["json"]).input(text.as_str()).deadline(DEADLINE).run().succeeds().quietly();
    assert!(whole.text() == text, "what was read is written");
    for way in [&["emit"][..], &["tail 40000 | emit"], &["let x = 1 | drop x | emit"]] {
        let outcome = Pipeline::both(&["json"], way).then(&["json"]).input(text.as_str()).deadline(DEADLINE).run().succeeds();
        assert!(outcome.text() == text, "{way:?}");
    }
    Pipeline::both(&["json"], &["write \"late.rec\""]).input(text.as_str()).dir(dir.path()).deadline(DEADLINE).run().succeeds().quietly();
    assert!(Pipeline::consumer(&["--from", "late.rec", "json"]).dir(dir.path()).run().succeeds().text() == text);
}

#[test]
fn a_stream_that_is_sent_on_has_few_schemas() {
    // A key of its own in every tenth record.
    let line = |n: usize| {
        if n > 29_000 && n.is_multiple_of(10) {
            format!("{{\"t\":{n},\"k{n}\":1}}\n")
        } else {
            format!("{{\"t\":{n},\"pad\":\"{:40}\"}}\n", "")
        }
    };
    let text: String = (0..RECORDS).map(line).collect();
    let sent = Pipeline::both(&["json"], &["emit"]).input(text).deadline(DEADLINE).run().succeeds().stdout;
    let mut reader = Reader::new(&sent[..]).unwrap();
    let (mut schemas, mut records) = (0, 0);
    while let Some(what) = reader.read().unwrap() {
        match what {
            Incoming::Schema(schema) => {
                schemas += 1;
                assert!(schema.grows());
            }
            Incoming::Batch(raw) => records += raw.records() as usize,
            _ => {}
        }
    }
    assert_eq!(records, RECORDS);
    assert!(schemas < 40, "{schemas} schemas");
}
