//! Workers that are processes of their own: the same bytes, and nobody left behind.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use e2e::{Feed, Pipeline, Program, SOON, log::Log};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn the_same_bytes_from_threads_and_processes() {
    // Several frames, so that each process gets some.
    let text = Log::common(81, 30_000).text();
    for query in [
        "stats count, sum(bytes), avg(bytes), stdev(bytes), p95(bytes), distinct(request), set(status), first(request) by host | json",
        "list(status) | json",
        "sort -bytes, host | csv",
        "sort bytes | head 100 | csv",
        "where status >= 400 | print",
        "distinct host, status | csv",
        "top 50 by bytes | csv",
        "skip 100 | head 20000 | stats last(request) by status | csv",
    ] {
        let of = |options: &[&str]| {
            let consumer = [options, &[query]].concat();
            Pipeline::both(&["apache"], &consumer).input(text.clone()).run().succeeds().quietly().stdout
        };
        let alone = of(&["-j", "1"]);
        assert!(!alone.is_empty());
        for options in [&["--processes", "1"][..], &["--processes", "3", "-j", "2"]] {
            assert!(of(options) == alone, "{query}: another answer with {options:?}");
        }
    }
}

#[test]
fn a_process_gets_its_frames_in_the_order_of_the_input() {
    // A frame for each record. Of two processes, the first one gets `x` twice, and the second one `y` in between: `distinct`
    // would show an `x` that came out of turn by its place.
    let values = (0..3000).flat_map(|n| [format!("x{n}"), format!("y{n}"), format!("x{n}"), format!("z{n}")]);
    let lines: String = values.map(|value| value + "\n").collect();
    let stream = Pipeline::producer(&["lines"]).input(lines).run().succeeds().stdout;
    let stream = e2e::stream::rebatched(&stream, 1).unwrap();
    let expect: String = (0..3000).map(|n| format!("x{n}\ny{n}\nz{n}\n")).collect();
    let consumer = ["--processes", "2", "distinct | print \"{line}\""];
    Pipeline::consumer(&consumer).input(stream).run().succeeds().quietly().prints(expect);
}

#[test]
fn little_memory_is_enough_for_each() {
    let text = Log::common(82, 30_000).text();
    let of = |options: &[&str]| {
        let consumer = [options, &["count by request, host, bytes | sort -count, request, host, bytes | csv"]].concat();
        Pipeline::both(&["apache"], &consumer).input(text.clone()).run().succeeds().quietly().stdout
    };
    let alone = of(&["-j", "1"]);
    assert!(of(&["--processes", "2", "--memory", "256KiB"]) == alone);
}

#[test]
fn enough_is_enough_for_all_of_them() {
    let endless = Feed::Repeat(Log::common(83, 1000).text(), None);
    let run = Pipeline::both(&["apache"], &["--processes", "2", "head 3 | count | csv"]).feed(endless);
    run.run().succeeds().prints("count\n3\n");
}

#[test]
fn a_worker_process_that_is_killed_leaves_no_answer() {
    let found = with_workers(
        "a_killed_worker",
        |_, workers| kill(workers[0]),
        |run| {
            let outcome = run.exits(&[0, 3]).without_panic();
            assert!(outcome.stdout.is_empty(), "{outcome}");
            assert!(outcome.consumer_says().contains("--worker` was ended by signal 9"), "{outcome}");
        },
    );
    assert_gone(&found);
}

#[test]
fn worker_processes_end_with_their_parent() {
    let found = with_workers(
        "a_killed_parent",
        |parent, _| kill(parent),
        |run| {
            assert_eq!(run.end(Program::Consumer).code(), None, "{run}");
        },
    );
    assert_gone(&found);
}

/// Runs a query over an endless input in two processes; once both are there, does something to them. They are found by a name
/// in the query that no other run has, be it of the same tests.
fn with_workers(name: &str, act: impl Fn(i32, &[i32]) + Sync, check: impl FnOnce(e2e::Outcome)) -> Vec<i32> {
    let query = &format!("count by host as {name}_{}", std::process::id());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let all = processes();
                let parent = all.iter().find(|(_, _, command)| command.contains(&**query)).map(|(pid, ..)| *pid);
                let workers: Vec<_> = all
                    .iter()
                    .filter(|(_, of, command)| Some(*of) == parent && command.contains("--worker"))
                    .map(|(pid, ..)| *pid)
                    .collect();
                if let (Some(parent), [_, _]) = (parent, &workers[..]) {
                    act(parent, &workers);
                    return workers;
                }
                thread::sleep(Duration::from_millis(5));
            }
            Vec::new()
        });
        let endless = Feed::Repeat(Log::common(84, 1000).text(), None);
        let run = Pipeline::both(&["apache", "-j", "1"], &["--processes", "2", query]).feed(endless).run();
        over.store(true, Ordering::Relaxed);
        check(run);
        let workers = watch.join().unwrap();
        assert_eq!(workers.len(), 2, "they were never seen");
        workers
    })
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// Every process: its number, its parent's, and its command line.
fn processes() -> Vec<(i32, i32, String)> {
    let of = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name, which is in parentheses: the state, the parent.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        let command = fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, parent, String::from_utf8_lossy(&command).replace('\0', " ")))
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(of).collect()
}

/// They end by themselves, soon; a process that is still there as a zombie was not waited for.
fn assert_gone(pids: &[i32]) {
    let until = Instant::now() + SOON;
    loop {
        let left: Vec<_> = processes().into_iter().filter(|(pid, _, command)| pids.contains(pid) && command.contains("--worker")).collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "still there: {left:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
