//! How an end travels: whoever has enough stops the source, whoever is cut off says so, and nobody waits for a line that
//! does not come.

use std::time::Duration;

use e2e::{Feed, Moved, Pipeline, Program, Scratch, Take, log::Log};
use rustix::fs::{CWD, FileType, Mode, mknodat};

/// Lines for ever.
fn endless() -> Feed {
    Feed::Repeat(Log::common(31, 1000).text(), None)
}

#[test]
fn head_stops_an_endless_source_at_once() {
    let expect: String = Log::common(31, 3).0.iter().map(|entry| entry.host.clone() + "\n").collect();
    for threads in ["1", "2", "8"] {
        let run = Pipeline::both(&["apache", "-j", threads], &["-j", threads, "head 3 | print \"{host}\""]);
        run.feed(endless()).run().succeeds().prints(&expect);
    }
    Pipeline::both(&["apache"], &["head 3 | count | csv"]).feed(endless()).run().succeeds().prints("count\n3\n");
    Pipeline::both(&["apache"], &["distinct method | head 2 | print \"{method}\""]).feed(endless()).run().succeeds();
    Pipeline::both(&["apache"], &["head 0 | null"]).feed(endless()).run().succeeds();
}

#[test]
fn a_silent_source_does_not_keep_anybody() {
    let log = Log::common(32, 5);
    let expect = format!("{}\n", log.0[0].host);
    for threads in ["1", "2"] {
        // One line has come, the source stays open and silent: the answer is there, and so is the end.
        let run = Pipeline::both(&["apache", "-j", threads], &["-j", threads, "head 1 | print \"{host}\""]);
        run.feed(Feed::Silent(log.text())).run().succeeds().prints(&expect);
    }
}

#[test]
fn lines_come_out_when_they_have_come_in() {
    // The source is silent after these lines until they have been read: nothing may be held back until the end.
    let log = Log::common(33, 7);
    let expect: String = log.0.iter().map(|entry| entry.host.clone() + "\n").collect();
    for query in
        ["print \"{host}\"", "where bytes >= 0 | select host | print", "head 100 | print \"{host}\"", "distinct host | print \"{host}\""]
    {
        for threads in ["1", "2"] {
            let run = Pipeline::both(&["apache", "-j", threads], &["-j", threads, query]).feed(Feed::UntilTaken(log.text()));
            run.take(Take::Lines(7)).run().succeeds().prints(&expect);
        }
    }
}

#[test]
fn a_closed_stdout_and_a_silent_source_is_quiet_success() {
    let log = Log::common(33, 7);
    let run = Pipeline::both(&["apache"], &["print \"{host}\""]).feed(Feed::Silent(log.text())).take(Take::Lines(7));
    run.run().succeeds();
}

#[test]
fn a_closed_stdout_is_quiet_success() {
    for query in ["print", "json", "table", "csv", "where status == 404 | print \"{host}\""] {
        let outcome = Pipeline::both(&["apache"], &[query]).feed(endless()).take(Take::Lines(1)).run().succeeds();
        assert_eq!(outcome.text().lines().count(), 1, "{outcome}");
    }
    let outcome = Pipeline::producer(&["apache"]).feed(endless()).take(Take::Lines(1)).run();
    outcome.succeeds();
}

#[test]
fn a_killed_producer_is_no_clean_end() {
    for query in ["count | csv", "where status == 999 | print", "null", "top 3 by bytes | print"] {
        let run =
            Pipeline::both(&["apache"], &[query]).feed(endless()).kill_when(Program::Producer, Moved::Read(Program::Consumer, 1 << 20));
        let outcome = run.run().without_panic();
        assert_eq!((outcome.ends[0].code(), outcome.ends[1].code()), (None, Some(3)), "{outcome}");
        assert!(outcome.consumer_says().contains("incomplete"), "{outcome}");
        // What had come is answered all the same.
        assert!(
            query != "count | csv" || outcome.text().lines().nth(1).is_some_and(|count| count.parse::<u64>().is_ok_and(|n| n > 0)),
            "{outcome}"
        );
    }
}

#[test]
fn a_producer_killed_before_its_first_frame_is_no_clean_end() {
    let run = Pipeline::both(&["apache"], &["count"]).feed(Feed::Silent(Vec::new()));
    let outcome = run.kill_when(Program::Producer, Moved::Written(Program::Producer, 1)).run();
    assert_eq!((outcome.ends[0].code(), outcome.ends[1].code()), (None, Some(3)), "{outcome}");
}

#[test]
fn a_killed_consumer_ends_the_producer_quietly() {
    for feed in [endless(), Feed::Silent(Log::common(34, 5000).text())] {
        let run = Pipeline::both(&["apache"], &["count"]).feed(feed).kill_when(Program::Consumer, Moved::Read(Program::Consumer, 50_000));
        let outcome = run.run();
        assert_eq!((outcome.ends[0].code(), outcome.ends[1].code()), (Some(0), None), "{outcome}");
        assert_eq!(outcome.producer_says(), "", "{outcome}");
    }
}

#[test]
fn a_query_that_is_wrong_ends_the_producer_quietly() {
    let run = Pipeline::both(&["apache"], &["where statuss == 404"]).feed(endless()).run();
    let outcome = run.exits(&[0, 2]).says(Program::Consumer, "did you mean `status`?");
    assert_eq!(outcome.producer_says(), "", "{outcome}");
}

#[test]
fn a_failing_answer_ends_the_producer_quietly() {
    let run = Pipeline::both(&["apache"], &["let x = bytes + 170141183460469231731687303715884105727 | null"]).feed(endless()).run();
    let outcome = run.exits(&[0, 1]).says(Program::Consumer, "integer overflow");
    assert_eq!(outcome.producer_says(), "", "{outcome}");
}

#[test]
fn an_output_that_cannot_be_written_is_exit_1() {
    let scratch = Scratch::new();
    Pipeline::producer(&["apache", "--to", "no/such/file.rec"])
        .dir(scratch.path())
        .run()
        .exits(&[1])
        .says(Program::Producer, "no/such/file.rec");
    if std::path::Path::new("/dev/full").exists() {
        let outcome = Pipeline::producer(&["apache", "--to", "/dev/full"]).input(Log::common(35, 5000).text()).run();
        outcome.exits(&[1]).says(Program::Producer, "No space left");
    }
}

#[test]
fn again_and_again() {
    // A race between a reader that goes and a writer that writes shows in one run of many.
    let runs: u32 = std::env::var("E2E_RACE_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(25);
    for _ in 0..runs {
        Pipeline::both(&["apache", "-j", "2"], &["-j", "2", "head 1 | print \"{host}\""]).feed(endless()).run().succeeds();
        let run = Pipeline::both(&["apache", "-j", "2"], &["-j", "2", "print \"{host}\""]).feed(endless()).take(Take::Lines(1));
        run.run().succeeds();
    }
}

#[test]
fn a_consumer_at_a_named_pipe_without_a_writer_ends_with_its_reader() {
    let scratch = Scratch::new();
    let path = scratch.path().join("fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let run = || Pipeline::consumer(&["--from", "fifo", "count | csv"]).dir(scratch.path());
    run().take(Take::Stall(Duration::from_millis(300))).run().succeeds();
    // And it reads what comes.
    let stream = Pipeline::producer(&["apache"]).input(Log::common(36, 4000).text()).run().succeeds().stdout;
    std::thread::scope(|scope| {
        scope.spawn(|| std::fs::write(&path, &stream).unwrap());
        run().run().succeeds().prints("count\n4000\n");
    });
}
