//! What does not fit in memory: the answer is the same, memory stays within its bounds, and a disk that fails is an error.

use std::fs;

use e2e::{Feed, Moved, Pipeline, Program, SOON, Scratch, log::Log};

/// Beyond what `--memory` bounds: the program itself, batches on their way, buffers of the system's allocator.
const OVERHEAD_BYTES: u64 = 64 << 20;

/// Queries that must see all records, and have more to remember than the least `--memory`.
const QUERIES: [&str; 4] = [
    "sort -bytes, request, host | csv",
    "let n = bytes * 7919 % 100003 | stats count, sum(bytes), max(request), avg(status) by n, host | csv",
    "let n = bytes * 7919 % 100003 | distinct n, host | csv",
    "distinct | sort datetime, host, request | select datetime, host, request, bytes | head 15000 | csv",
];

#[test]
fn the_answer_is_the_same_for_any_memory_and_any_number_of_threads() {
    let text = Log::common(61, 20_000).text();
    for query in QUERIES {
        let answer = |memory: &str, threads: &str| {
            let scratch = Scratch::new();
            let args = ["--memory", memory, "--temp-dir", ".", "-j", threads, query];
            let outcome = Pipeline::both(&["apache"], &args).input(text.clone()).dir(scratch.path()).run().succeeds();
            assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "something was left");
            outcome.stdout
        };
        let expect = answer("1GiB", "1");
        assert!(expect.len() > 100_000, "{query}: only {} bytes", expect.len());
        for (memory, threads) in [("1GiB", "2"), ("64KiB", "1"), ("64KiB", "2"), ("300KB", "8")] {
            assert!(answer(memory, threads) == expect, "{query}: another answer with --memory {memory} -j {threads}");
        }
    }
}

/// Slow, as all that has to do with memory is.
#[test]
fn memory_stays_within_its_bounds() {
    let text = Log::common(62, 20_000).text();
    let times = (160_u64 << 20).div_ceil(text.len() as u64);
    for query in ["sort request, -bytes | null", "let n = bytes * 7919 % 1000003 | stats count by n, host, request | null"] {
        let args = ["--memory", "24MiB", "-j", "2", query];
        let run = Pipeline::both(&["apache", "-j", "2"], &args).feed(Feed::Repeat(text.clone(), Some(times)));
        let outcome = run.deadline(SOON * 2).run().succeeds();
        // Where the system does not tell, there is nothing to compare.
        let Some(peak) = outcome.end(Program::Consumer).peak_bytes else { continue };
        assert!(peak <= (24 << 20) + OVERHEAD_BYTES, "{query}: {} MiB\n{outcome}", peak >> 20);
    }
}

#[test]
fn a_full_disk_is_an_error_that_says_how_to_mend_it() {
    let text = Log::common(63, 20_000).text();
    for query in QUERIES {
        let run = Pipeline::both(&["apache"], &["--memory", "64KiB", query]).input(text.clone()).limit_file_size(64);
        let outcome = run.run();
        assert_eq!(outcome.end(Program::Consumer).code(), Some(1), "{outcome}");
        let said = outcome.consumer_says();
        assert!(said.contains("cannot write temporary data in ") && said.contains("--temp-dir DIR"), "{said}");
    }
}

#[test]
fn a_directory_where_no_file_can_be_made_is_an_error() {
    // Nobody makes files there, not even the superuser.
    let run = Pipeline::both(&["apache"], &["--memory", "64KiB", "--temp-dir", "/proc", "sort bytes"]);
    let outcome = run.input(Log::common(64, 20_000).text()).run();
    assert_eq!(outcome.end(Program::Consumer).code(), Some(1), "{outcome}");
    assert!(outcome.consumer_says().contains("cannot make a temporary file in /proc"), "{outcome}");
}

#[test]
fn nothing_is_left_of_a_program_that_was_killed() {
    let scratch = Scratch::new();
    let run = Pipeline::both(&["apache"], &["--memory", "64KiB", "--temp-dir", ".", "sort bytes"]);
    let run = run.feed(Feed::Silent(Log::common(65, 20_000).text())).dir(scratch.path());
    let outcome = run.kill_when(Program::Consumer, Moved::Written(Program::Consumer, 500_000)).run();
    assert_eq!(outcome.end(Program::Consumer).code(), None, "it was to be killed\n{outcome}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}
