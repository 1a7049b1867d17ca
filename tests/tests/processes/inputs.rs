//! Where input comes from: files, directories, globs, compressed files, pipes; and what can be wrong with them.

use std::{fs, io::Write, os::unix::fs::PermissionsExt};

use e2e::{Feed, Pipeline, Program, Scratch, log::Log};

const COUNT: &str = "stats count, sum(bytes) as b | print \"{count} {b}\"";

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// What `COUNT` says of these logs together.
fn totals(logs: &[&Log]) -> String {
    let (count, bytes) = logs.iter().fold((0, 0), |(count, bytes), log| (count + log.len(), bytes + log.total_bytes()));
    format!("{count} {bytes}\n")
}

#[test]
fn directories_globs_and_names() {
    let scratch = Scratch::new();
    let logs: Vec<_> = (0..5).map(|seed| Log::common(seed, 300)).collect();
    for (name, log) in
        ["www/foo/access-log", "www/foo/access-log-0208.bz2", "www/bar/access-log.1.gz", "www/bar/error-log", "www/access-log"]
            .iter()
            .zip(&logs)
    {
        let text = log.text();
        scratch.write(
            name,
            if name.ends_with("gz") {
                gz(&text)
            } else if name.ends_with("bz2") {
                bz2(&text)
            } else {
                text
            },
        );
    }
    let all: Vec<_> = logs.iter().collect();
    let run = |args: &[&str], expect: &[&Log]| {
        Pipeline::both(&[&["apache"], args].concat(), &[COUNT]).dir(scratch.path()).run().succeeds().prints(totals(expect));
    };
    run(&["www"], &all);
    run(&["www", "--name", "access-log*"], &[all[0], all[1], all[2], all[4]]);
    run(&["www", "--name", "*.gz", "--name", "error*"], &[all[2], all[3]]);
    run(&["www/*/access*"], &[all[0], all[1], all[2]]);
    run(&["www/access-log", "www/bar", "www/access-log"], &[all[4], all[2], all[3], all[4]]);
    // A glob that the shell left alone, and names that begin with a dash.
    scratch.write("-odd name-", logs[0].text());
    run(&["./-odd*"], &[all[0]]);
    run(&["--", "-odd name-"], &[all[0]]);
}

#[test]
fn rotated_logs_are_read_oldest_first() {
    let scratch = Scratch::new();
    let logs: Vec<_> = (0..4).map(|seed| Log::common(seed, 50)).collect();
    scratch.write("logs/access.log", logs[3].text());
    scratch.write("logs/access.log.1", logs[2].text());
    scratch.write("logs/access.log.2.gz", gz(&logs[1].text()));
    scratch.write("logs/access.log.10.gz", gz(&logs[0].text()));
    // By their names, where records have no times; by these otherwise.
    let expect: Vec<u8> = logs.iter().flat_map(Log::text).collect();
    Pipeline::both(&["lines", "logs"], &["print \"{line}\""]).dir(scratch.path()).run().succeeds().prints(expect);
}

#[test]
fn compression_is_told_by_its_magic_never_by_a_name() {
    let scratch = Scratch::new();
    let log = Log::common(11, 5000);
    let text = log.text();
    let (first, second) = text.split_at(text.len() / 2);
    // Cut in the middle of a line: members are joined before lines are made.
    scratch.write("two-members", [gz(first), gz(second)].concat());
    scratch.write("two-streams", [bz2(first), bz2(second)].concat());
    scratch.write("plain.gz", &text);
    for name in ["two-members", "two-streams", "plain.gz"] {
        Pipeline::both(&["apache", name], &[COUNT]).dir(scratch.path()).run().succeeds().prints(totals(&[&log]));
        // The same through a pipe, and as a file that is standard input.
        Pipeline::both(&["apache"], &[COUNT]).input(scratch.read(name)).run().succeeds().prints(totals(&[&log]));
        Pipeline::both(&["apache", "-"], &[COUNT]).feed(Feed::File(scratch.path().join(name))).run().succeeds().prints(totals(&[&log]));
    }
}

#[test]
fn a_torn_compressed_file_is_named_and_what_came_before_counts() {
    let scratch = Scratch::new();
    let (good, torn) = (Log::common(12, 700), Log::common(13, 20_000));
    scratch.write("good", good.text());
    let whole = gz(&torn.text());
    scratch.write("torn.gz", &whole[..whole.len() / 2]);
    let outcome = Pipeline::both(&["apache", "torn.gz", "good"], &["count | print \"{count}\""]).dir(scratch.path()).run();
    let outcome = outcome.exits(&[1, 1]).says(Program::Producer, "torn.gz").says(Program::Consumer, "torn.gz");
    let count: usize = outcome.text().trim().parse().unwrap();
    assert!(count > good.len() && count < good.len() + torn.len(), "{outcome}");
}

#[test]
fn a_missing_file_is_exit_1_on_both_sides_and_the_others_count() {
    let scratch = Scratch::new();
    let log = Log::common(14, 400);
    scratch.write("a", log.text());
    scratch.write("b", log.text());
    let outcome = Pipeline::both(&["apache", "a", "no-such-file", "b"], &[COUNT]).dir(scratch.path()).run();
    let outcome = outcome.exits(&[1, 1]).prints(totals(&[&log, &log]));
    outcome.says(Program::Producer, "no-such-file: No such file or directory").says(Program::Consumer, "no-such-file");
    // None at all: nothing, and still no clean end.
    Pipeline::both(&["apache", "no-such-file"], &[COUNT]).dir(scratch.path()).run().exits(&[1, 1]).prints("0 \n");
    Pipeline::both(&["apache", "no-such-*"], &[COUNT]).dir(scratch.path()).run().exits(&[1, 1]).says(Program::Producer, "no-such-*");
}

#[test]
fn a_file_that_may_not_be_read_is_exit_1() {
    let scratch = Scratch::new();
    let log = Log::common(15, 10);
    scratch.write("good", log.text());
    let closed = scratch.write("closed", log.text());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&closed).is_ok() {
        // Root reads everything; then a directory stands for what cannot be read.
        fs::remove_file(&closed).unwrap();
        std::os::unix::fs::symlink("closed", &closed).unwrap();
    }
    let outcome = Pipeline::both(&["apache", "closed", "good"], &[COUNT]).dir(scratch.path()).run();
    outcome.exits(&[1, 1]).prints(totals(&[&log])).says(Program::Producer, "closed");
}

#[test]
fn empty_input_is_an_empty_answer() {
    let scratch = Scratch::new();
    scratch.write("empty", "");
    for args in [&["apache"][..], &["apache", "empty"], &["apache", "empty", "empty"], &["apache", "/dev/null"]] {
        Pipeline::both(args, &["count | csv"]).dir(scratch.path()).run().succeeds().prints("count\n0\n");
    }
}

#[test]
fn a_stream_can_be_saved_and_asked_again() {
    let scratch = Scratch::new();
    let log = Log::odd(16, 3000);
    scratch.write("log", log.text());
    Pipeline::producer(&["apache", "log", "--to", "saved.rec"]).dir(scratch.path()).run().succeeds().prints("");
    let piped = Pipeline::producer(&["apache", "log"]).dir(scratch.path()).run().succeeds().stdout;
    // A pipe is told where its records stand until its reader says that it does not ask; a file has no reader.
    let shown = Pipeline::consumer(&["--from", "saved.rec", "json"]).dir(scratch.path()).run().succeeds().stdout;
    assert!(Pipeline::consumer(&["json"]).input(piped.clone()).run().succeeds().stdout == shown, "a file gets what a pipe gets");
    let expect = totals(&[&log]);
    Pipeline::consumer(&["--from", "saved.rec", COUNT]).dir(scratch.path()).run().succeeds().prints(&expect);
    Pipeline::consumer(&[COUNT]).feed(Feed::File(scratch.path().join("saved.rec"))).run().succeeds().prints(&expect);
    Pipeline::consumer(&[COUNT]).input(piped).run().succeeds().prints(&expect);
    Pipeline::consumer(&["--from", "no-such.rec", COUNT]).dir(scratch.path()).run().exits(&[1]).says(Program::Consumer, "no-such.rec");
}

#[test]
fn through_another_program_places_are_told_where_the_producer_was_asked_for_them() {
    let scratch = Scratch::new();
    // More than are under way until it is looked at whether somebody has spoken.
    let log = Log::common(19, 500_000);
    fs::write(scratch.path().join("log"), log.text()).unwrap();
    let (last, query) = (format!("{}\n", log.len()), "max(_line) as n | print \"{n}\"");
    Pipeline::both(&["apache", "log"], &[query]).dir(scratch.path()).run().succeeds().prints(&last);
    // Here, this test is the other program.
    let passed_on = |options: &[&str]| {
        let piped = Pipeline::producer(&[options, &["apache", "log"]].concat()).dir(scratch.path()).run().succeeds().stdout;
        assert!(piped.len() > 24 << 20, "{} bytes could be what a pipe and its reader hold", piped.len());
        piped
    };
    let unasked = passed_on(&[]);
    Pipeline::consumer(&[COUNT]).input(unasked.clone()).run().succeeds().prints(totals(&[&log]));
    Pipeline::consumer(&[query]).input(unasked).run().exits(&[2]).says(Program::Consumer, "tells it with --lines");
    Pipeline::consumer(&[query]).input(passed_on(&["--lines"])).run().succeeds().prints(&last);
}

#[test]
fn a_line_over_the_limit_is_a_reject_and_reading_goes_on() {
    let log = Log::common(17, 500);
    let long = [&b"10.0.0.1 - - [x] \"GET /"[..], &vec![b'a'; 3 << 20], b" HTTP/1.0\" 200 1\n"].concat();
    let text = [&log.text()[..], &long, &log.text()].concat();
    let outcome = Pipeline::both(&["apache"], &[COUNT]).input(text).run();
    outcome.exits(&[0, 0]).prints(totals(&[&log, &log])).says(Program::Producer, "1 line rejected, first: (stdin):line 501");
}

#[test]
fn an_input_that_is_also_the_output_is_left_alone() {
    let scratch = Scratch::new();
    let text = Log::common(18, 100).text();
    for option in ["--to", "--rejects"] {
        scratch.write("access.log", &text);
        let outcome = Pipeline::producer(&["apache", "access.log", option, "access.log"]).dir(scratch.path()).run().without_panic();
        assert_ne!(outcome.ends[0].code(), Some(0), "{outcome}");
        assert!(scratch.read("access.log") == text, "`{option}` has overwritten the input\n{outcome}");
    }
}

#[test]
fn an_input_without_a_single_record_still_has_its_fields() {
    let long = vec![b'x'; 1_100_000];
    let run = |input: &[u8], query: &str| Pipeline::both(&["apache", "-q"], &[query]).input(input).run();
    run(b"", "count | csv").prints("count\n0\n").succeeds();
    assert_eq!(run(b"", "where nosuch == 1 | count").end(Program::Consumer).code(), Some(2));
    // Where no line at all is good, it was hardly the right format.
    for input in [&long[..], b"no record\n"] {
        run(input, "count | csv").prints("count\n0\n").exits(&[4, 4]).says(Program::Consumer, "no line is good");
        assert_eq!(run(input, "where nosuch == 1 | count").end(Program::Consumer).code(), Some(4));
    }
}

#[test]
fn lines_before_the_first_record_do_not_settle_the_fields() {
    let scratch = Scratch::new();
    scratch.write("banner", "==> access.log <==\n");
    scratch.write("combined", Log::combined(5, 50).text());
    let run =
        Pipeline::both(&["apache", "-q", "banner", "combined"], &["count(http_referer != null) as n | csv"]).dir(scratch.path()).run();
    run.prints("n\n50\n").succeeds();
}

#[test]
fn a_glob_reads_every_file_once() {
    let scratch = Scratch::new();
    for name in ["d/a.log", "d/sub/b.log", "d/sub/deeper/c.log"] {
        std::fs::create_dir_all(scratch.path().join(name).parent().unwrap()).unwrap();
        scratch.write(name, Log::common(1, 10).text());
    }
    for (glob, count) in [("d/**", 30), ("d/**/*", 30), ("d/**/**/*.log", 30), ("d/*", 30), ("d/*/*.log", 10)] {
        let run = Pipeline::both(&["apache", glob], &["count | csv"]).dir(scratch.path()).run();
        run.prints(format!("count\n{count}\n")).succeeds();
    }
    let run = Pipeline::producer(&["apache", "d", "--name", "nothing*"]).dir(scratch.path()).run();
    run.exits(&[1]).says(Program::Producer, "no file in it matches --name");
}
