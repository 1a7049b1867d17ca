//! A producer that follows, and consumers that are told to end, or killed, and started again: the new one is sent what the
//! one before it was not done with.

use std::{fs, io::Write, path::Path};

use e2e::{
    Ended, Group, Port,
    Program::{Consumer, Producer},
    SOON,
};
use rustix::process::Signal;

const LINES: &str = "print \"{line}\"";
const COUNT: &str = "tee [ print \"{line}\" ] | count | csv";

fn append(dir: &Path, text: &str) {
    fs::OpenOptions::new().append(true).create(true).open(dir.join("log")).unwrap().write_all(text.as_bytes()).unwrap();
}

fn comes(group: &mut Group, consumer: usize, line: &str) {
    group.until(&format!("{line} has come"), SOON, |group| group.ended(consumer).stdout.lines().any(|came| came == line));
}

/// What two consumers, one after the other, and the producer have to say; the first ended by this signal in the middle.
fn in_turn(ends: [[&str; 2]; 2], query: &str, signal: Signal) -> [Ended; 3] {
    let mut group = Group::new();
    append(group.dir(), "");
    let of_consumer = [ends[1][0], ends[1][1], query];
    let follow = ["lines", "-F", "log", "--from-start", "--stats", ends[0][0], ends[0][1]];
    let first = group.run(Consumer, &of_consumer);
    let producer = group.run(Producer, &follow);
    append(group.dir(), "1\n2\n");
    comes(&mut group, first, "2");
    group.signal(first, signal);
    let first = group.wait(first, SOON);
    append(group.dir(), "3\n");
    append(group.dir(), "4\n");
    let second = group.run(Consumer, &of_consumer);
    if signal == Signal::TERM || query == LINES {
        // Without another line.
        comes(&mut group, second, "4");
        append(group.dir(), "5\n");
        comes(&mut group, second, "5");
        group.signal(producer, Signal::TERM);
    }
    [first, group.wait(second, SOON), group.wait(producer, SOON)]
}

#[test]
fn the_next_consumer_goes_on_where_the_one_before_it_ended() {
    let port = Port::new();
    let url = port.tcp();
    for ends in
        [[["--to", "unix:s"], ["--listen", "unix:s"]], [["--listen", "unix:s"], ["--from", "unix:s"]], [["--to", &url], ["--listen", &url]]]
    {
        for signal in [Signal::TERM, Signal::KILL] {
            let [first, second, producer] = in_turn(ends, LINES, signal);
            let both = first.stdout.clone() + &second.stdout;
            // A kill may come between the writing of a line and the word of it.
            let mut lines: Vec<&str> = both.lines().collect();
            if signal == Signal::KILL {
                lines.dedup();
                lines.sort();
                lines.dedup();
            }
            assert_eq!(lines, ["1", "2", "3", "4", "5"], "{ends:?}\n{first}\n{second}\n{producer}");
            producer.exits(143).says("another consumer has come").says("5 records out");
        }
    }
}

#[test]
fn what_was_answered_is_not_counted_again_and_what_was_lost_is_said() {
    let ends = [["--to", "unix:s"], ["--listen", "unix:s"]];
    let [first, second, producer] = in_turn(ends, COUNT, Signal::TERM);
    let count = |ended: &Ended| ended.stdout.lines().last().and_then(|line| line.parse::<u32>().ok()).unwrap_or(0);
    assert_eq!(count(&first) + count(&second), 5, "{first}\n{second}\n{producer}");
    let [_, _, producer] = in_turn(ends, COUNT, Signal::KILL);
    producer.exits(3).says("it was not told to end, so what it had gathered is lost with it");
}

/// A producer that waits for ever is there before its consumer and between two of them, however often.
#[test]
fn consumers_may_come_and_go_for_ever() {
    let (port, mut group) = (Port::new(), Group::new());
    let url = port.tcp();
    append(group.dir(), "0\n");
    let forever = ["--retry-timeout", "forever", "--connect-timeout", "forever"];
    let producer = group.run(Producer, &[&["lines", "-F", "log", "--from-start", "--to", &url], &forever[..]].concat());
    let mut came = String::new();
    for turn in 0..5 {
        append(group.dir(), &format!("{}\n", turn * 2 + 1));
        if turn == 2 {
            // Longer than a moment, of which it speaks.
            group.until_it_says(producer, "or for another consumer, for as long as it takes", SOON);
        }
        let consumer = group.run(Consumer, &["--listen", &url, LINES]);
        append(group.dir(), &format!("{}\n", turn * 2 + 2));
        comes(&mut group, consumer, &(turn * 2 + 2).to_string());
        group.signal(consumer, Signal::TERM);
        came += &group.wait(consumer, SOON).exits(143).stdout;
    }
    assert_eq!(came, (0..=10).map(|line| format!("{line}\n")).collect::<String>());
    group.signal(producer, Signal::TERM);
    group.wait(producer, SOON).exits(143);
    for bad in ["never", "-1s", ""] {
        let producer = group.run(Producer, &["lines", "log", "--retry-timeout", bad]);
        group.wait(producer, SOON).exits(2);
    }
}
