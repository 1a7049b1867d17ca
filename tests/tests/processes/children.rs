//! `--to exec:…`: how a child is started, what it has, and how its end becomes ours.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    time::{Duration, Instant},
};

use e2e::{Ended, Feed, Group, Pipeline, Program, SOON, Scratch, log::Log, proc::zombies_of};
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, mknodat},
    process::Signal,
};

/// `producer apache --to exec:CHILD…` with a log of 3000 lines.
fn producer(scratch: &Scratch, children: &[&str]) -> e2e::Outcome {
    let urls = children.iter().flat_map(|child| ["--to".to_owned(), format!("exec:{child}")]);
    let args: Vec<String> = std::iter::once("apache".to_owned()).chain(urls).collect();
    Pipeline::producer(&args).dir(scratch.path()).input(Log::common(51, 3000).text()).run()
}

/// The path of the consumer, as a word of a command.
fn consumer() -> String {
    format!("'{}'", Program::Consumer.path().display())
}

#[test]
fn words_are_split_as_by_a_shell_and_none_is_run() {
    let scratch = Scratch::new();
    let child = "sh -c 'cat >/dev/null; printf \"%s|\" \"$@\" > words' sh 'a b' \"c'd\" \\$HOME * e\\ f ';' '' '$(id)'";
    producer(&scratch, &[child]).succeeds();
    assert_eq!(String::from_utf8_lossy(&scratch.read("words")), "a b|c'd|$HOME|*|e f|;||$(id)|");
    producer(&scratch, &["sh -c 'unclosed"]).exits(&[2]).says(Program::Producer, "exec:");
}

#[test]
fn the_end_of_a_child_is_told() {
    let scratch = Scratch::new();
    producer(&scratch, &["sh -c 'cat >/dev/null; exit 7'"]).exits(&[1]).says(Program::Producer, "ended with exit status 7");
    producer(&scratch, &["sh -c 'exit 8'"]).exits(&[1]).says(Program::Producer, "ended with exit status 8");
    producer(&scratch, &["sh -c 'kill -9 $$'"]).exits(&[3]).says(Program::Producer, "was ended by signal 9");
    producer(&scratch, &["no-such-program --x"]).exits(&[1]).says(Program::Producer, "no-such-program");
    let consumer = consumer();
    producer(&scratch, &[&format!("{consumer} 'where statuss == 1'")]).exits(&[1]).says(Program::Producer, "ended with exit status 2");
    producer(&scratch, &[&format!("{consumer} 'let x = bytes + 170141183460469231731687303715884105727 | null'")])
        .exits(&[1])
        .says(Program::Producer, "exit status 1");
}

#[test]
fn a_child_that_ends_well_before_the_end_has_had_enough() {
    // As `producer … | head` in a shell: for programs that are not ours there is no other way to say it.
    for child in ["true", "head -c 10", &format!("{} 'head 3 | print \"{{host}}\"'", consumer())] {
        let args = ["apache", "--to", &format!("exec:{child}")];
        let run = Pipeline::producer(&args).feed(Feed::Repeat(Log::common(52, 1000).text(), None));
        run.run().succeeds();
    }
}

#[test]
fn a_child_that_fails_in_the_middle_is_a_failure() {
    let consumer = consumer();
    for child in [
        format!("sh -c \"{consumer} json >/dev/full\""),
        format!("{consumer} 'where nosuch == 1'"),
        "sh -c 'head -c 100000 >/dev/null; exit 7'".to_owned(),
    ] {
        let to = format!("exec:{child}");
        for more in [&[][..], &["--spread", "broadcast", "--to", &format!("exec:{consumer} 'head 1 | null'")]] {
            let args = [&["apache", "--to", &to], more].concat();
            let run = Pipeline::producer(&args).feed(Feed::Repeat(Log::common(57, 1000).text(), None));
            run.run().exits(&[1]).says(Program::Producer, "ended with exit status");
        }
    }
    // Beside others too, one that is none of ours may have enough.
    let args = ["apache", "--spread", "broadcast", "--to", "exec:head -c 100000", "--to", &format!("exec:{consumer} 'head 9 | null'")];
    Pipeline::producer(&args).feed(Feed::Repeat(Log::common(58, 1000).text(), None)).run().succeeds();
}

/// Also where the input is silent, and nothing is written that could fail.
#[test]
fn where_one_of_several_is_missed_the_others_are_told_at_once() {
    let (consumer, lines) = (consumer(), Log::common(60, 20_000).text());
    let lines = &*lines;
    for (missed, code, why) in [
        (format!("{consumer} json > /dev/full"), 1, "exit status 1"),
        (format!("{consumer} 'sum(nosuch)'"), 1, "exit status 2"),
        ("head -c 1000 > /dev/null; kill -9 $$".to_owned(), 3, "signal 9"),
    ] {
        for spread in ["balance", "broadcast", "shard=host"] {
            let mut group = Group::new();
            group.scratch().write("missed", &missed);
            group.scratch().write("other", format!("{consumer} 'stats count | print'; echo $? > code"));
            let (reader, mut writer) = std::io::pipe().unwrap();
            let args = ["apache", "--spread", spread, "--to", "exec:sh missed", "--to", "exec:sh other"];
            let number = group.start(Program::Producer, &args, reader);
            let ended = std::thread::scope(|scope| {
                // The next batch is what shows that one has gone that had never said a word.
                let is_quiet = code == 1;
                let until = Instant::now() + SOON;
                let feeder = scope.spawn(move || {
                    while writer.write_all(lines).is_ok() && !is_quiet && Instant::now() < until {}
                    writer
                });
                let ended = group.wait(number, SOON);
                drop(feeder.join().unwrap());
                ended
            });
            let ended = ended.exits(code).says(why).says(&format!("the producer ended with exit {code}"));
            let said = ended.stderr.lines().filter(|line| line.starts_with("producer: ")).count();
            assert_eq!((ended.stdout.lines().count(), said), (1, 1), "{ended}");
            assert_eq!(group.scratch().read("code"), format!("{code}\n").as_bytes(), "{ended}");
            group.leaves_nothing(SOON);
        }
    }
}

#[test]
fn a_child_that_ends_as_it_was_told_to_is_not_said_to_fail() {
    let scratch = Scratch::new();
    scratch.write("child", format!("exec {} 'stats count | print'", consumer()));
    let lines = [Log::common(61, 500).text(), b"none\n".repeat(500)].concat();
    let to = ["--to", "exec:sh child"];
    for (pipeline, codes) in [
        (Pipeline::producer(&[&["apache"], &to[..]].concat()), &[4][..]),
        (Pipeline::producer(&[&["apache"], &to[..], &to[..]].concat()), &[4]),
        (Pipeline::both(&["apache"], &["emit \"exec:sh child\""]), &[4, 4]),
    ] {
        let outcome = pipeline.dir(scratch.path()).input(lines.clone()).run().exits(codes);
        assert!(!outcome.to_string().contains("the child"), "{outcome}");
    }
}

#[test]
fn a_child_has_three_files_and_no_more() {
    let scratch = Scratch::new();
    // It writes to the standard output of the producer: a shell that redirects keeps files of its own.
    let child = "sh -c 'ls -l /proc/$$/fd; cat >/dev/null'";
    let outcome = producer(&scratch, &[child, child, child]).succeeds();
    let listed = outcome.text();
    let files: Vec<(&str, &str)> = listed
        .lines()
        .filter_map(|line| line.split_once(" -> "))
        .map(|(before, target)| (before.rsplit(' ').next().unwrap_or_default(), target))
        .collect();
    let inputs: BTreeSet<&str> = files.iter().filter(|(fd, _)| *fd == "0").map(|(_, target)| *target).collect();
    assert!(inputs.len() == 3 && inputs.iter().all(|input| input.starts_with("socket:")), "each has a socket of its own\n{listed}");
    // What the test itself was given by whoever started it is inherited by all.
    let is_inherited = |fd: &str, target: &str| fs::read_link(format!("/proc/self/fd/{fd}")).is_ok_and(|to| to.as_os_str() == target);
    for (fd, target) in files {
        assert!(["0", "1", "2"].contains(&fd) || is_inherited(fd, target), "{fd} -> {target}\n{listed}");
    }
}

#[test]
fn a_grandchild_with_another_input_is_not_misled() {
    let scratch = Scratch::new();
    let stream = Pipeline::producer(&["apache"]).input(Log::common(53, 70).text()).run().succeeds().stdout;
    scratch.write("other.rec", stream);
    // It inherits the announcement of a socket that is not its standard input.
    let child = format!("sh -c \"{} 'count | csv' < other.rec > counted; cat > /dev/null\"", Program::Consumer.path().display());
    producer(&scratch, &[&child]).succeeds();
    assert_eq!(scratch.read("counted"), b"count\n70\n");
}

#[test]
fn children_share_the_work_and_none_is_left() {
    let mut group = Group::new();
    let log = group.scratch().write("log", Log::common(54, 40_000).text());
    let child = format!("exec:{} 'count | print'", consumer());
    let number = group.run(Program::Producer, &["apache", &log.display().to_string(), "--to", &child, "--to", &child, "--to", &child]);
    let ended = group.wait(number, SOON).exits(0).quietly();
    let sum: u64 = ended.stdout.lines().map(|line| line.parse::<u64>().unwrap()).sum();
    assert_eq!((sum, ended.stdout.lines().count()), (40_000, 3), "{ended}");
    group.leaves_nothing(Duration::ZERO);
}

#[test]
fn a_child_that_died_is_waited_for_while_others_go_on() {
    let mut group = Group::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let lines = Log::common(55, 4000).text();
    let consumer = consumer();
    let (dies, lives) =
        (format!("exec:{consumer} 'where bytes >= 0 | print \"{{host}}\"'"), format!("exec:{consumer} 'where bytes < 0 | null'"));
    let number = group.start(Program::Producer, &["apache", "--to", &dies, "--to", &lives], reader);
    writer.write_all(&lines).unwrap();
    group.until("both children run", SOON, |group| group.left().iter().filter(|(_, name)| name.contains("bytes")).count() >= 3);
    // One that dies before it has spoken may be any program, whose work nobody else can do.
    group.until("the one that dies has spoken", SOON, |group| !group.ended(number).stdout.is_empty());
    let (dead, _) = group.left().into_iter().find(|(_, name)| name.contains("print") && !name.contains("exec:")).unwrap();
    e2e::running::send(dead, Signal::KILL);
    // Its death is noticed by the next batch that it would be given.
    let ended = std::thread::scope(|scope| {
        let pid = group.pid(number);
        let feeder = scope.spawn(move || {
            let until = std::time::Instant::now() + SOON;
            while std::time::Instant::now() < until && fs::metadata(format!("/proc/{dead}")).is_ok() {
                writer.write_all(&lines)?;
            }
            let zombies = zombies_of(pid);
            drop(writer);
            Ok::<_, std::io::Error>(zombies)
        });
        let ended = group.wait(number, SOON);
        assert!(feeder.join().unwrap().unwrap().is_empty(), "{ended}");
        ended
    });
    let ended = ended.exits(3).says("signal 9").says("1 of 2 consumers died");
    assert_eq!((ended.stderr.matches("signal 9").count(), ended.stderr.matches("| print").count()), (1, 1), "it is said once\n{ended}");
    group.leaves_nothing(SOON);
}

#[test]
fn what_was_given_to_a_child_before_it_spoke_is_not_said_to_be_done() {
    let mut group = Group::new();
    mknodat(CWD, group.dir().join("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut slow = fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(group.dir().join("fifo")).unwrap();
    let consumer = consumer();
    // It begins late, and is held up by whoever reads what it writes: of one batch that is more than a pipe holds.
    let print = "{request}".repeat(20);
    let script = format!("echo $$ > pid\nuntil test -e go; do sleep 0.02; done\nexec {consumer} 'print \"{print}\"' > fifo\n");
    group.scratch().write("slow", script);
    group.scratch().write("fast", format!("exec {consumer} 'print \"{{host}}\"' > hosts\n"));
    let (reader, mut writer) = std::io::pipe().unwrap();
    let number = group.start(Program::Producer, &["apache", "--to", "exec:sh slow", "--to", "exec:sh fast"], reader);
    let lines = Log::common(59, 4000).text();
    std::thread::scope(|scope| {
        let until = Instant::now() + SOON;
        scope.spawn(move || while Instant::now() < until && writer.write_all(&lines).is_ok() {});
        let hosts = group.dir().join("hosts");
        group.until("the share of the slow one is larger than what waits for it", SOON, |_| {
            fs::metadata(&hosts).is_ok_and(|meta| meta.len() > 8 << 20)
        });
        group.scratch().write("go", "");
        let slow = std::cell::RefCell::new(&mut slow);
        group.until("it has begun", SOON, |_| slow.borrow_mut().read(&mut [0]).is_ok());
        let pid = String::from_utf8(group.scratch().read("pid")).unwrap().trim().parse().unwrap();
        e2e::running::send(pid, Signal::KILL);
        let ended = group.wait(number, SOON).exits(3).says("signal 9").says("before it said a word");
        assert!(!ended.stderr.contains("given to the others") && !ended.stderr.contains("are done with"), "{ended}");
    });
    group.leaves_nothing(SOON);
}

#[test]
fn children_of_a_killed_producer_say_so_and_end() {
    let mut group = Group::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let child = format!("exec:{} 'print \"{{host}}\"'", consumer());
    let number =
        group.start(Program::Producer, &["apache", "--to", &child, "--to", "exec:sh -c 'cat >/dev/null; echo ended > foreign'"], reader);
    writer.write_all(&Log::common(56, 4000).text()).unwrap();
    group.until("something was printed", SOON, |group| !group.ended(number).stdout.is_empty());
    group.signal(number, Signal::KILL);
    let ended: Ended = group.wait(number, SOON);
    assert_eq!(ended.signal, Some(9));
    group.leaves_nothing(SOON);
    let said = group.ended(number).stderr;
    assert!(said.contains("incomplete"), "{said}");
    assert_eq!(group.scratch().read("foreign"), b"ended\n");
}

#[test]
fn a_child_of_emit_that_ends_well_before_the_end_has_had_enough_too() {
    for child in ["true".to_owned(), "head -c 10".to_owned(), format!("{} 'head 3 | print \"{{host}}\"'", consumer())] {
        let quoted = child.replace('"', "\\\"");
        for query in [format!("emit \"exec:{quoted}\""), format!("tee [ null ] | where bytes >= 0 | emit \"exec:{quoted}\"")] {
            // One that gets all at once, and one that could go on for ever; where another branch goes on, so does the run.
            let few = Feed::Bytes(Log::common(53, 5).text());
            let many = if query.starts_with("tee") {
                Feed::Bytes(Log::common(53, 50_000).text())
            } else {
                Feed::Repeat(Log::common(53, 1000).text(), None)
            };
            for feed in [few, many] {
                let run = Pipeline::both(&["apache"], &[&query]).feed(feed).run();
                run.succeeds();
            }
        }
    }
}

#[test]
fn the_end_of_a_child_of_emit_is_told() {
    for (child, code, what) in [
        ("sh -c 'cat >/dev/null; exit 7'", 1, "ended with exit status 7"),
        ("sh -c 'exit 8'", 1, "ended with exit status 8"),
        ("sh -c 'kill -9 $$'", 3, "was ended by signal 9"),
    ] {
        for lines in [5, 50_000] {
            let query = format!("emit \"exec:{child}\"");
            let run = Pipeline::both(&["apache"], &[&query]).input(Log::common(54, lines).text()).run();
            let run = run.exits(&[0, code]).says(Program::Consumer, what);
            assert!(!run.consumer_says().contains("wrongly"), "{run}");
        }
    }
}
