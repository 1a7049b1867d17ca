//! Streams one after the other as one: on standard input, in files, from children; each proven to its end.

use e2e::{Group, Pipeline, Program, SOON, Scratch, log::Log};

/// A directory with two logs and their streams `a.rec` and `b.rec`, of so many lines.
fn streams(lines: [usize; 2]) -> Scratch {
    let scratch = Scratch::new();
    for (name, seed, lines) in [("a", 301, lines[0]), ("b", 302, lines[1])] {
        scratch.write(&format!("{name}.log"), Log::common(seed, lines).text());
        let (log, stream) = (format!("{name}.log"), format!("{name}.rec"));
        Pipeline::producer(&["apache", &log, "--to", &stream]).dir(scratch.path()).run().succeeds();
    }
    scratch
}

fn shell(scratch: &Scratch, script: &str) -> e2e::Outcome {
    Pipeline::shell(script).dir(scratch.path()).run()
}

/// The answer to all lines of both logs.
fn both(scratch: &Scratch, query: &str) -> String {
    Pipeline::both(&["apache", "a.log", "b.log"], &[query]).dir(scratch.path()).run().succeeds().text()
}

const QUERIES: [&str; 4] = [
    "count, sum(bytes), first(host), last(host), list(status) by bin(bytes, 1000) as kb | sort kb | csv",
    "head 5100 | tail 200 | json",
    "where bytes > 1000 | json",
    "sort -bytes, host | head 50 | csv",
];

#[test]
fn streams_that_follow_each_other_are_one_in_their_order() {
    let scratch = streams([5000, 3000]);
    for query in QUERIES {
        let expect = both(&scratch, query);
        for threads in ["1", "4"] {
            for ways in [
                format!("cat a.rec b.rec | consumer -j {threads} '{query}'"),
                format!("cat a.rec b.rec > all.rec; consumer -j {threads} --from all.rec '{query}'"),
                format!("consumer -j {threads} --from a.rec --from b.rec '{query}'"),
                format!("(producer apache a.log; producer apache b.log) | consumer -j {threads} '{query}'"),
                format!("cat a.rec b.rec | producer records | consumer -j {threads} '{query}'"),
                format!("consumer --processes 2 --from a.rec --from b.rec '{query}'"),
            ] {
                let outcome = shell(&scratch, &ways).exits(&[0]).quietly();
                assert!(outcome.text() == expect, "{ways}");
            }
        }
    }
}

#[test]
fn of_several_each_is_proven_to_its_end() {
    let scratch = streams([5000, 3000]);
    for (script, records, part) in [
        ("(cat a.rec; head -c 60000 b.rec) | consumer 'count | print'", 5000..8000, "truncated"),
        ("(head -c 60000 a.rec; cat b.rec) | consumer 'count | print'", 0..5000, "the answer is incomplete"),
        ("(cat a.rec; head -c 7 b.rec) | consumer 'count | print'", 5000..5001, "truncated"),
        ("(cat a.rec; echo) | consumer 'count | print'", 5000..5001, "bytes follow the End frame"),
        (
            "head -c 60000 b.rec > cut.rec; consumer --from a.rec --from cut.rec 'count | print'",
            5000..8000,
            "cut.rec: the stream is incomplete",
        ),
        (
            "head -c 60000 a.rec > cut.rec; consumer --from cut.rec --from b.rec 'count | print'",
            0..5000,
            "cut.rec: the stream is incomplete",
        ),
    ] {
        let outcome = shell(&scratch, script).exits(&[3]).says(Program::Shell, part);
        let count: i32 = outcome.text().trim().parse().unwrap();
        assert!(records.contains(&count), "{script}: {count}");
    }
    // One that is no stream, or is not there, is known before the first record.
    shell(&scratch, "consumer --from a.rec --from a.log json").exits(&[3]).says(Program::Shell, "a.log: not a record stream").prints("");
    shell(&scratch, "consumer --from a.rec --from nope.rec json").exits(&[1]).says(Program::Shell, "nope.rec").prints("");
    shell(&scratch, "consumer --from - --from - json < a.rec").exits(&[2]).says(Program::Shell, "standard input can be read only once");
}

#[test]
fn the_first_failure_of_several_is_told_and_the_others_are_read() {
    let scratch = streams([500, 300]);
    let script = "(producer apache nope a.log; producer apache b.log) 2>/dev/null | consumer 'count | print'";
    shell(&scratch, script).exits(&[1]).prints("800\n").says(Program::Shell, "exit 1: nope");
    let script = "producer apache nope a.log --to f.rec 2>/dev/null; consumer --from f.rec --from b.rec 'count | print'";
    shell(&scratch, script).exits(&[1]).prints("800\n").says(Program::Shell, "f.rec: nope");
}

#[test]
fn fields_of_all_files_are_known_before_the_first_record() {
    let scratch = Scratch::new();
    let script = "echo '{\"a\":1}' | producer json --to a.rec; echo '{\"b\":2}' | producer json --to b.rec; \
                  consumer --from a.rec --from b.rec 'sum(a), sum(b) | print'; cat a.rec b.rec | consumer json";
    shell(&scratch, script).exits(&[0]).prints("1\t2\n{\"a\":1}\n{\"b\":2}\n").quietly();
    let script = "printf 'n\\n1\\n' | producer csv --to a.rec; printf 'n\\nx\\n' | producer csv --to b.rec; \
                  consumer --from a.rec --from b.rec 'count | print'";
    shell(&scratch, script).exits(&[0]).prints("2\n");
}

#[test]
fn children_are_started_waited_for_and_named() {
    let scratch = streams([5000, 3000]);
    let script = "consumer --from 'exec:producer apache a.log' --from 'exec:producer apache b.log' 'count | print'";
    shell(&scratch, script).exits(&[0]).prints("8000\n").quietly();
    // A file and standard input beside one.
    shell(&scratch, "consumer --from a.rec --from 'exec:cat b.rec' 'count | print'").exits(&[0]).prints("8000\n").quietly();
    // Alone, it reads our standard input; one of several reads nothing.
    shell(&scratch, "consumer --from 'exec:producer apache' 'count | print' < a.log").exits(&[0]).prints("5000\n").quietly();
    let script = "consumer --from 'exec:producer lines' --from 'exec:producer lines' 'count | print' < a.log";
    shell(&scratch, script).exits(&[0]).prints("0\n");
    for (command, code, part) in [
        ("producer apache nope a.log", 1, "exec:producer apache nope a.log: nope"),
        ("sh -c \"cat a.rec; exit 7\"", 1, "the child `sh -c cat a.rec; exit 7` ended with exit status 7"),
        ("sh -c \"cat a.rec; exit 4\"", 4, "exit status 4"),
        ("sh -c \"exit 6\"", 1, "the child `sh -c exit 6` ended with exit status 6"),
        ("head -c 60000 a.rec", 3, "exec:head -c 60000 a.rec: the stream is incomplete"),
        ("sh -c \"head -c 60000 a.rec; exit 9\"", 3, "ended with exit status 9"),
        ("echo hello", 3, "exec:echo hello: not a record stream"),
        ("no-such-program", 1, "no-such-program"),
    ] {
        let outcome = shell(&scratch, &format!("consumer --from 'exec:{command}' 'count | print'"));
        outcome.exits(&[code]).says(Program::Shell, part);
    }
    // Enough is enough, whatever becomes of the child.
    shell(&scratch, "consumer --from 'exec:sh -c \"while :; do cat a.rec || exit 9; done\"' 'head 6000 | count | print'")
        .exits(&[0])
        .prints("6000\n")
        .quietly();
}

#[test]
fn what_is_no_stream_of_ours_comes_from_children_too() {
    let scratch = Scratch::new();
    scratch.write("a.jsonl", "{\"n\":1}\n{\"n\":2}\n");
    let script = "consumer --as json --from 'exec:cat a.jsonl' --from 'exec:cat a.jsonl' 'sum(n) | print'";
    shell(&scratch, script).exits(&[0]).prints("6\n").quietly();
    let script = "consumer --as json --from 'exec:sh -c \"cat a.jsonl; exit 6\"' 'sum(n) | print'";
    shell(&scratch, script).exits(&[1]).prints("3\n").says(Program::Shell, "ended with exit status 6");
}

#[test]
fn branches_that_are_sent_to_one_consumer_all_end_before_one_is_waited_for() {
    let query = "count | print";
    for (to, listen) in [("emit unix:s", "unix:s"), (r#"emit "exec:consumer \"emit unix:s\"""#, "unix:s")] {
        let mut group = Group::new();
        group.scratch().write("f", "xaz\nxbz\nxabz\n");
        let last = group.run(Program::Consumer, &["--listen", listen, "--senders", "2", query]);
        group.until_socket("s", SOON);
        let path = Program::directory();
        let script = format!("PATH={}:$PATH; producer lines f | consumer 'tee [ grep /a/ | {to} ] | grep /b/ | {to}'", path.display());
        let first = group.run(Program::Shell, &["-c", &script]);
        group.wait(first, SOON).exits(0).quietly();
        group.wait(last, SOON).exits(0).quietly().prints("4\n");
    }
}

#[test]
fn it_is_said_who_is_waited_for() {
    let mut group = Group::new();
    group.scratch().write("log", Log::common(305, 100).text());
    let consumer = group.run(Program::Consumer, &["--listen", "unix:s", "--senders", "2", "count | print"]);
    group.until_socket("s", SOON);
    let producer = |group: &mut Group| group.run(Program::Producer, &["apache", "log", "--to", "unix:s"]);
    let first = producer(&mut group);
    group.until_it_says(consumer, "1 of 2 senders is here; waits for 1 more sender at unix:s", SOON);
    let second = producer(&mut group);
    group.wait(first, SOON).exits(0);
    group.wait(second, SOON).exits(0);
    group.wait(consumer, SOON).exits(0).prints("200\n");
}
