//! A second stream: what is said and known of it when it is broken, and that nobody reads it in vain.

use e2e::{Feed, Pipeline, Program, Scratch, log::Log};

fn stream(log: &Log) -> Vec<u8> {
    Pipeline::producer(&["apache"]).input(log.text()).run().succeeds().stdout
}

/// Behind the input, and behind a stage that runs once: the one is read by the workers, the other by the stage itself.
const PLACES: [&str; 2] = ["union \"b.rec\"", "skip 0 | union \"b.rec\""];

#[test]
fn the_records_of_both_come_in_order_whoever_works_on_them() {
    let (one, other) = (Log::common(81, 20_000), Log::common(82, 15_000));
    let scratch = Scratch::new();
    scratch.write("b.rec", stream(&other));
    let hosts: String = one.0.iter().chain(&other.0).map(|entry| entry.host.clone() + "\n").collect();
    for place in PLACES {
        let query = format!("{place} | where host != null | print \"{{host}}\"");
        for options in [["-j", "1"], ["-j", "2"], ["-j", "8"], ["--processes", "2"]] {
            let run = Pipeline::both(&["apache"], &[options[0], options[1], &query]).input(one.text()).dir(scratch.path());
            assert!(run.run().succeeds().quietly().text() == hosts, "{query} {options:?}");
        }
    }
}

#[test]
fn a_second_stream_without_its_end_is_incomplete_and_answered_so_far() {
    let (one, other) = (Log::common(83, 300), Log::common(84, 200));
    let scratch = Scratch::new();
    let mut cut = stream(&other);
    cut.pop();
    scratch.write("b.rec", cut);
    for place in PLACES {
        for options in [["-j", "1"], ["-j", "8"], ["--processes", "2"]] {
            let query = format!("{place} | count");
            let run = Pipeline::both(&["apache"], &[options[0], options[1], &query]).input(one.text()).dir(scratch.path());
            let outcome = run.run().exits(&[0, 3]).says(Program::Consumer, "the answer is incomplete");
            outcome.says(Program::Consumer, "b.rec: the stream is incomplete").prints("{\"count\":500}\n");
        }
        // The next consumer knows it, too; and a file does not get its name.
        let query = format!("{place} | tee [ write \"all.csv\" ] | emit");
        let run = Pipeline::both(&["apache"], &["-j", "2", &query]).then(&["count"]).input(one.text()).dir(scratch.path());
        let outcome = run.run();
        assert_eq!(outcome.ends.iter().map(|end| end.code()).collect::<Vec<_>>(), [Some(0), Some(3), Some(3)], "{outcome}");
        assert!(!scratch.path().join("all.csv").exists() && scratch.path().join("all.csv.partial").exists(), "{outcome}");
    }
}

#[test]
fn a_damaged_frame_of_a_second_stream_names_its_file() {
    let scratch = Scratch::new();
    let mut damaged = stream(&Log::common(85, 100));
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    scratch.write("b.rec", damaged);
    for place in PLACES {
        for options in [["-j", "1"], ["--processes", "1"]] {
            let query = format!("{place} | count");
            let run = Pipeline::both(&["apache"], &[options[0], options[1], &query]).input(Log::common(86, 9).text()).dir(scratch.path());
            run.run().exits(&[0, 3]).says(Program::Consumer, "b.rec").prints("{\"count\":9}\n");
        }
    }
}

#[test]
fn how_the_second_producer_ended_counts() {
    let scratch = Scratch::new();
    let log = Log::common(87, 20).text();
    let rejects = [&b"no record\n"[..], &log].concat();
    let made = Pipeline::producer(&["apache", "--strict"]).input(rejects).run().exits(&[4]);
    scratch.write("b.rec", &made.stdout);
    for place in PLACES {
        let query = format!("{place} | count | null");
        let run = Pipeline::both(&["apache"], &[&query]).input(log.clone()).dir(scratch.path());
        run.run().exits(&[0, 4]).says(Program::Consumer, "the producer ended with exit 4: b.rec: ");
    }
    // Where it was not wanted, nobody knows; where the input alone was enough, it is wanted.
    let run = |query: &str| Pipeline::both(&["apache"], &[query]).input(log.clone()).dir(scratch.path()).run();
    run("skip 0 | union \"b.rec\" | head 5 | null").exits(&[0, 0]);
    run("head 5 | union \"b.rec\" | null").exits(&[0, 4]);
}

#[test]
fn who_has_enough_reads_neither_to_its_end() {
    let scratch = Scratch::new();
    let other = Log::common(88, 3);
    scratch.write("b.rec", stream(&other));
    let endless = || Feed::Repeat(Log::common(89, 1000).text(), None);
    let run = |query: &str| Pipeline::both(&["apache"], &[query]).feed(endless()).dir(scratch.path()).run().succeeds();
    run("union \"b.rec\" | head 2 | count").prints("{\"count\":2}\n");
    run("skip 1 | union \"b.rec\" | head 2 | count").prints("{\"count\":2}\n");
    // What stops before it ends the input alone.
    run("head 2 | union \"b.rec\" | count").prints("{\"count\":5}\n");
    run("tee [ head 2 | union \"b.rec\" | count ] | head 4 | union \"b.rec\" | count").prints("{\"count\":5}\n{\"count\":7}\n");
    // A second stream that is cut off, and that is never asked for its end.
    let mut cut = stream(&other);
    cut.pop();
    scratch.write("b.rec", cut);
    run("union \"b.rec\" | head 2 | count").prints("{\"count\":2}\n");
    run("skip 1 | union \"b.rec\" | head 2 | count").prints("{\"count\":2}\n");
}
