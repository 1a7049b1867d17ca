//! `--state`: a producer that follows, and is ended, killed and started again, while its files are written to and rotated.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use e2e::{
    Ended, Group,
    Program::{self, Consumer, Producer},
    SOON,
};
use rustix::process::Signal;

const LINES: &str = "print \"{line}\"";

fn append(dir: &Path, name: &str, text: &str) {
    File::options().append(true).create(true).open(dir.join(name)).unwrap().write_all(text.as_bytes()).unwrap();
}

fn consumer(group: &mut Group) -> usize {
    let consumer = group.run(Consumer, &["--listen", "unix:s", "--senders", "0", LINES]);
    group.until_socket("s", SOON);
    consumer
}

fn producer(group: &mut Group, more: &[&str]) -> usize {
    group.run(Producer, &[&["lines", "-F", "log", "--state", "state", "--to", "unix:s"], more].concat())
}

/// Waits until this line has come, and nothing is said to be amiss.
fn comes(group: &Group, consumer: usize, line: &str) {
    group.until(&format!("{line} has come"), SOON, |group| group.ended(consumer).stdout.lines().any(|came| came == line));
}

fn stop(group: &mut Group, number: usize) -> Ended {
    group.signal(number, Signal::TERM);
    group.wait(number, SOON).exits(143)
}

/// What the consumer has printed, when it was told to end.
fn printed(group: &mut Group, consumer: usize) -> String {
    group.signal(consumer, Signal::TERM);
    group.wait(consumer, SOON).stdout
}

#[test]
fn it_goes_on_where_it_was_told_to_end() {
    let mut group = Group::new();
    append(group.dir(), "log", "old\n");
    let consumer = consumer(&mut group);
    // The first time it begins at the end, as it does without a state.
    let first = producer(&mut group, &[]);
    group.until("it follows", SOON, |group| {
        fs::read_to_string(group.dir().join("state")).is_ok_and(|state| state.contains("\"offset\": 4"))
    });
    append(group.dir(), "log", "1\n2\nhalf");
    comes(&group, consumer, "2");
    stop(&mut group, first).says("");
    append(group.dir(), "log", " of it\n3\n");
    let second = producer(&mut group, &[]);
    comes(&group, consumer, "3");
    append(group.dir(), "log", "4\n");
    comes(&group, consumer, "4");
    let ended = stop(&mut group, second);
    assert!(!ended.stderr.contains("comes again"), "{ended}");
    // Nothing new, nothing twice; and what comes while it is away under a name that there was not.
    let third = producer(&mut group, &[]);
    append(group.dir(), "log", "5\n");
    comes(&group, consumer, "5");
    stop(&mut group, third);
    assert_eq!(printed(&mut group, consumer), "1\n2\nhalf of it\n3\n4\n5\n");
}

/// What became of the files while nobody was there.
#[test]
fn rotation_meanwhile_loses_nothing_and_doubles_nothing() {
    let rename = |dir: &Path, from: &str, to: &str| fs::rename(dir.join(from), dir.join(to)).unwrap();
    let pack = |group: &mut Group, name: &str| {
        let packed = group.run(Program::Shell, &["-c", &format!("gzip {name}")]);
        group.wait(packed, SOON).exits(0);
    };
    type Rotate<'r> = &'r dyn Fn(&mut Group);
    let once: Rotate<'_> = &|group| {
        rename(group.dir(), "log", "log.1");
        append(group.dir(), "log", "new\n");
    };
    let late: Rotate<'_> = &|group| {
        // The writer has it open still.
        let mut writer = File::options().append(true).open(group.dir().join("log")).unwrap();
        rename(group.dir(), "log", "log.1");
        writer.write_all(b"late\n").unwrap();
        append(group.dir(), "log", "new\n");
    };
    let thrice: Rotate<'_> = &|group| {
        for (number, text) in ["second\n", "third\n", "new\n"].into_iter().enumerate() {
            for old in (1..=number).rev() {
                rename(group.dir(), &format!("log.{old}"), &format!("log.{}", old + 1));
            }
            rename(group.dir(), "log", "log.1");
            append(group.dir(), "log", text);
        }
    };
    let packed: Rotate<'_> = &|group| {
        thrice(group);
        pack(group, "log.3");
        pack(group, "log.2");
    };
    let copied: Rotate<'_> = &|group| {
        fs::copy(group.dir().join("log"), group.dir().join("log.1")).unwrap();
        File::options().write(true).truncate(true).open(group.dir().join("log")).unwrap();
        append(group.dir(), "log", "new\n");
    };
    let copied_and_packed: Rotate<'_> = &|group| {
        copied(group);
        pack(group, "log.1");
    };
    let gone_for_now: Rotate<'_> = &|group| rename(group.dir(), "log", "log.1");
    for (what, rotate, between) in [
        ("once", once, ""),
        ("late", late, "late\n"),
        ("thrice", thrice, "second\nthird\n"),
        ("packed", packed, "second\nthird\n"),
        ("copied", copied, ""),
        ("copied and packed", copied_and_packed, ""),
        ("gone for now", gone_for_now, ""),
    ] {
        let mut group = Group::new();
        append(group.dir(), "log", "a first line\n");
        // An older one was read and forgotten long ago.
        append(group.dir(), "log.9", "long ago\n");
        let consumer = consumer(&mut group);
        let first = producer(&mut group, &["--from-start"]);
        comes(&group, consumer, "a first line");
        stop(&mut group, first);
        append(group.dir(), "log", "unread\n");
        rotate(&mut group);
        let second = producer(&mut group, &[]);
        if what == "gone for now" {
            comes(&group, consumer, "unread");
            append(group.dir(), "log", "new\n");
        }
        comes(&group, consumer, "new");
        let ended = stop(&mut group, second);
        assert!(!ended.stderr.contains("lost"), "{what}: {ended}");
        // And once more: what was rotated is not read again.
        append(group.dir(), "log", "last\n");
        let third = producer(&mut group, &[]);
        comes(&group, consumer, "last");
        let ended = stop(&mut group, third);
        assert!(!ended.stderr.contains("lost"), "{what}: {ended}");
        let came = printed(&mut group, consumer);
        assert_eq!(came, format!("a first line\nunread\n{between}new\nlast\n"), "{what}");
    }
}

#[test]
fn what_is_gone_is_said_to_be_lost() {
    let mut group = Group::new();
    append(group.dir(), "log", "1\n");
    let consumer = consumer(&mut group);
    let first = producer(&mut group, &["--from-start"]);
    comes(&group, consumer, "1");
    stop(&mut group, first);
    fs::remove_file(group.dir().join("log")).unwrap();
    append(group.dir(), "log", "another one\n");
    let second = producer(&mut group, &[]);
    comes(&group, consumer, "another one");
    stop(&mut group, second).says("log: was read to byte 2 before").says("is lost");
    assert_eq!(printed(&mut group, consumer), "1\nanother one\n");
}

/// What a consumer has not said to be done with is not remembered to be.
#[test]
fn it_is_never_ahead_of_what_was_confirmed() {
    let mut group = Group::new();
    append(group.dir(), "log", "1\n");
    let consumer = consumer(&mut group);
    let first = producer(&mut group, &["--from-start"]);
    comes(&group, consumer, "1");
    let offset = |group: &Group, offset: &str| {
        let state = fs::read_to_string(group.dir().join("state")).unwrap_or_default();
        state.contains(&format!("\"offset\": {offset},"))
    };
    group.until("the first line is confirmed", SOON, |group| offset(group, "2"));
    group.signal(consumer, Signal::STOP);
    append(group.dir(), "log", "2\n");
    // Long enough to be read, sent and written down, if it were.
    std::thread::sleep(Duration::from_secs(2));
    assert!(offset(&group, "2"));
    group.signal(first, Signal::KILL);
    group.wait(first, SOON);
    group.signal(consumer, Signal::CONT);
    let second = producer(&mut group, &[]);
    comes(&group, consumer, "2");
    group.until("the second line is confirmed", SOON, |group| offset(group, "4"));
    group.signal(second, Signal::KILL);
    group.wait(second, SOON).says("what it had sent and was not confirmed comes again");
    // Whether the one that was killed had sent it, nobody knows.
    let came = printed(&mut group, consumer);
    assert!(["1\n2\n", "1\n2\n2\n"].contains(&&*came), "{came:?}");
}

/// What a query holds is confirmed by its end alone: a consumer that is killed is sent all of it again.
#[test]
fn what_a_killed_consumer_had_gathered_is_sent_again() {
    let mut group = Group::new();
    append(group.dir(), "log", "1\n2\n");
    let count = ["--listen", "unix:s", "--senders", "0", "tee [ print \"{line}\" ] | count | csv"];
    let first = group.run(Consumer, &count);
    group.until_socket("s", SOON);
    let sends = producer(&mut group, &["--from-start"]);
    comes(&group, first, "2");
    group.signal(first, Signal::KILL);
    group.wait(first, SOON);
    let second = group.run(Consumer, &count);
    group.wait(sends, SOON).exits(3).says("what it had gathered is lost with it");
    // Of one whose sender was lost the answer is not whole: the next sender would be told that.
    group.signal(second, Signal::TERM);
    group.wait(second, SOON);
    let second = group.run(Consumer, &count);
    append(group.dir(), "log", "3\n");
    let sends = producer(&mut group, &["--from-start"]);
    comes(&group, second, "3");
    group.signal(second, Signal::TERM);
    let ended = group.wait(second, SOON);
    assert!(ended.stdout.ends_with("count\n3\n"), "{ended}");
    // It was told to end, and has answered: the next one is not sent that again.
    let third = group.run(Consumer, &count);
    append(group.dir(), "log", "4\n");
    comes(&group, third, "4");
    stop(&mut group, sends);
    let sends = producer(&mut group, &[]);
    append(group.dir(), "log", "5\n");
    comes(&group, third, "5");
    stop(&mut group, sends);
    group.signal(third, Signal::TERM);
    let ended = group.wait(third, SOON);
    assert!(ended.stdout.ends_with("count\n2\n"), "{ended}");
}

#[test]
fn what_cannot_be_remembered_is_refused() {
    let mut group = Group::new();
    append(group.dir(), "log", "1\n");
    fs::write(group.dir().join("bad"), "{}").unwrap();
    for (args, code, why) in [
        (&["lines", "log", "--state", "s", "--to", "unix:x"][..], 2, "--follow"),
        (&["lines", "-F", "log", "--state", "s"], 2, "one consumer at a socket"),
        (&["lines", "-F", "log", "--state", "s", "--to", "exec:cat"], 2, "one consumer at a socket"),
        (&["lines", "-F", "log", "--state", "s", "--to", "unix:x", "--to", "unix:y"], 2, "one consumer at a socket"),
        (&["lines", "-F", "log", "--state", "s", "--as", "json", "--to", "unix:x"], 2, "only a `consumer`"),
        (&["apache", "-F", "log", "--merge", "--state", "s", "--to", "unix:x"], 2, "without --merge"),
        (&["lines", "-F", "log", "--state", "bad", "--to", "unix:x"], 1, "no state of a producer"),
        (&["lines", "-F", "log", "--state", "no/dir", "--to", "unix:x"], 1, "No such file"),
    ] {
        let producer = group.run(Producer, args);
        group.wait(producer, SOON).exits(code).says(why);
    }
    let consumer = consumer(&mut group);
    let first = producer(&mut group, &[]);
    group.until("it has the state", SOON, |group| group.dir().join("state").exists());
    let second = producer(&mut group, &[]);
    group.wait(second, SOON).exits(1).says("another producer has it");
    stop(&mut group, first);
    printed(&mut group, consumer);
}

/// Kills at random moments, with a log that is written to and rotated all the while: nothing is lost, and what comes twice was said to.
#[test]
fn kills_at_any_moment_lose_nothing() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_nanos() as u64));
    let kills = std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(12);
    recpipe::say!("SEED={seed}");
    let mut state = seed;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut group = Group::new();
    append(group.dir(), "log", "");
    let consumer = consumer(&mut group);
    // What was rotated away before it was there the first time, it does not know of.
    let first = producer(&mut group, &[]);
    group.until("it follows", SOON, |group| {
        fs::read_to_string(group.dir().join("state")).is_ok_and(|state| state.contains("\"offset\": 0"))
    });
    group.signal(first, Signal::KILL);
    group.wait(first, SOON);
    let (mut written, mut rotated) = (0_u32, 0);
    let mut last_rotated = Instant::now();
    let mut said = 0;
    for kill in 0..kills {
        let running = producer(&mut group, &["--from-start"]);
        let until = Instant::now() + Duration::from_millis(20 + random(800));
        while Instant::now() < until {
            let lines: String = (0..1 + random(200)).map(|line| format!("{}\n", u64::from(written) + line)).collect();
            written += lines.lines().count() as u32;
            append(group.dir(), "log", &lines);
            std::thread::sleep(Duration::from_micros(500));
            // A machine that is too slow for more is told that files came and went.
            if random(40) == 0 && last_rotated.elapsed() > Duration::from_millis(60) {
                last_rotated = Instant::now();
                rotated += 1;
                // A name that tells its turn, as logrotate makes with `dateformat -%s`.
                fs::rename(group.dir().join("log"), group.dir().join(format!("log-{}", 1_700_000_000 + rotated))).unwrap();
                append(group.dir(), "log", "");
            }
        }
        group.signal(running, Signal::KILL);
        let ended = group.wait(running, SOON);
        if ended.stderr.lines().any(|line| line.contains("lost") || line.contains("came and went")) {
            recpipe::say!("kill {kill}: {}", ended.stderr);
        }
        said += u32::from(ended.stderr.contains("comes again"));
        if random(2) == 0 {
            let line = format!("{written}\n");
            written += 1;
            append(group.dir(), "log", &line);
            if kill % 2 == 0 {
                rotated += 1;
                fs::rename(group.dir().join("log"), group.dir().join(format!("log-{}", 1_700_000_000 + rotated))).unwrap();
                append(group.dir(), "log", "");
            }
        }
    }
    let running = producer(&mut group, &["--from-start"]);
    append(group.dir(), "log", "the end\n");
    comes(&group, consumer, "the end");
    stop(&mut group, running);
    let came = printed(&mut group, consumer);
    let mut times = BTreeMap::new();
    came.lines().for_each(|line| *times.entry(line).or_insert(0_u32) += 1);
    let lost: Vec<u32> = (0..written).filter(|line| !times.contains_key(&*line.to_string())).collect();
    let bounds: Vec<u32> =
        lost.iter().enumerate().filter(|(at, line)| *at == 0 || lost[at - 1] + 1 != **line).map(|(_, line)| *line).collect();
    let twice = times.values().filter(|times| **times > 1).count();
    recpipe::say!(
        "{written} lines, {rotated} rotations, {kills} kills: {} lost, {twice} came again, of which {said} runs were told",
        lost.len()
    );
    assert!(lost.is_empty(), "SEED={seed}: {} lost of {written}: from {bounds:?}", lost.len());
}
