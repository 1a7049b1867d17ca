//! That memory does not grow with the input: 200 MB of log through both programs, a bounded part of it in either.

use std::time::Duration;

use e2e::{Feed, Outcome, Pipeline, Program, Scratch, Take, log::Log};

const INPUT_BYTES: u64 = 200 << 20;
const LIMIT_BYTES: u64 = 64 << 20;

/// Slow: it takes as long as all others together.
#[test]
fn both_programs_stay_small() {
    let log = Log::common(51, 20_000);
    let text = log.text();
    let times = INPUT_BYTES.div_ceil(text.len() as u64);
    let query = "stats count, sum(bytes) as b by status | stats sum(count) as n, sum(b) as b | print \"{n} {b}\"";
    let run = Pipeline::both(&["apache", "-j", "2"], &["-j", "2", query]).feed(Feed::Repeat(text, Some(times)));
    let outcome = run.run().succeeds();
    let (lines, bytes) = (log.len() as u64 * times, log.total_bytes() * times);
    let outcome = outcome.prints(format!("{lines} {bytes}\n"));
    assert_small(&outcome);
}

/// What a child gathers until the end, nobody else can be given: nothing is kept for that.
#[test]
fn children_that_gather_leave_nothing_to_be_kept() {
    let log = Log::common(54, 20_000);
    let text = log.text();
    let times = INPUT_BYTES.div_ceil(text.len() as u64);
    let query = "where len(host) + len(request) + len(datetime) > 0 | count | print \"{count}\"";
    let child = format!("exec:'{}' -j 1 '{query}'", Program::Consumer.path().display());
    let run = Pipeline::producer(&["apache", "-j", "2", "--to", &child, "--to", &child]).feed(Feed::Repeat(text, Some(times)));
    let outcome = run.run().exits(&[0]);
    let counted: u64 = outcome.text().lines().map(|line| line.parse::<u64>().unwrap()).sum();
    assert_eq!(counted, log.len() as u64 * times, "{outcome}");
    assert_small(&outcome);
}

#[test]
fn a_reader_that_stalls_slows_the_producer_down() {
    for threads in ["1", "8"] {
        let run = Pipeline::producer(&["apache", "-j", threads]).feed(Feed::Repeat(Log::common(52, 20_000).text(), None));
        assert_small(&run.take(Take::Stall(Duration::from_secs(2))).run().succeeds());
    }
}

#[test]
fn a_stalled_reader_slows_both_programs_down() {
    let run = Pipeline::both(&["apache", "-j", "2"], &["-j", "2", "print"]).feed(Feed::Repeat(Log::common(53, 20_000).text(), None));
    assert_small(&run.take(Take::Stall(Duration::from_secs(2))).run().succeeds());
}

#[test]
fn a_hundred_thousand_different_keys_take_little() {
    let scratch = Scratch::new();
    scratch.write("keys.json", (0..100_000).map(|n| format!("{{\"{n:x}\":1}}\n")).collect::<String>());
    let run = Pipeline::producer(&["json", "-j", "2", "--stats", "keys.json"]).dir(scratch.path());
    let outcome = run.run().exits(&[0]).says(Program::Producer, "100000 objects in, 100000 records out, 0 objects rejected");
    // Three tables that are full, in each of both workers and where the rest of a block is parsed.
    let peak = outcome.end(Program::Producer).peak_bytes.unwrap_or(0);
    assert!(peak <= 2 * LIMIT_BYTES, "{} MiB\n{outcome}", peak >> 20);
}

#[track_caller]
pub fn assert_small(outcome: &Outcome) {
    for end in &outcome.ends {
        // Where the system does not tell, there is nothing to compare.
        let Some(peak) = end.peak_bytes else { continue };
        assert!(peak > 1 << 20, "a process has more than that: it was not looked at\n{outcome}");
        assert!(peak <= LIMIT_BYTES, "{} took {} MiB\n{outcome}", end.program.name(), peak >> 20);
    }
}
