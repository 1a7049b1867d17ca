//! Who sends to whom, on three hosts.

use std::{
    fmt, fs,
    io::{PipeReader, PipeWriter},
};

use e2e::{
    Group, Hosts,
    Program::{Consumer, Producer},
    SOON, certificates,
    hosts::CABLE,
};

use crate::lines::printed;

/// The host of the last consumer.
pub const LAST: usize = 2;

const PORT: u16 = 7000;

/// Who calls whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Producers on hosts 0 and 1 call a consumer on host 2.
    Called,
    /// A consumer on host 2 calls producers on hosts 0 and 1.
    Calls,
    /// A producer on host 0 calls a consumer on host 1, which calls another on host 2; encrypted, and each shows who it is.
    Chain,
}

/// The programs of a run.
pub struct Running {
    /// Declared first, so that the programs are gone before their hosts.
    pub group: Group,
    pub hosts: Hosts,
    /// On hosts 0, and 1 if there are two.
    pub producers: Vec<usize>,
    /// The one that answers.
    pub consumer: usize,
    /// Between the two.
    pub between: Option<usize>,
}

/// What a producer reads.
pub enum Source {
    Pipe(PipeReader),
    File(String),
}

impl Source {
    /// A pipe, whose other end is added to these.
    pub fn pipe(writers: &mut Vec<PipeWriter>) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        writers.push(writer);
        Source::Pipe(reader)
    }
}

impl Shape {
    /// The names of the producers' lines.
    pub fn names(self) -> &'static [&'static str] {
        if self == Shape::Chain { &["zero"] } else { &["zero", "one"] }
    }

    /// Starts the programs; `None` where there can be no hosts. `source` says what the producer on a host reads.
    pub fn start(self, query: &str, options: &[&str], mut source: impl FnMut(usize) -> Source) -> Option<Running> {
        let hosts = Hosts::new(3)?;
        let mut group = Group::new();
        let scheme = if self == Shape::Chain { "tls" } else { "tcp" };
        let at = |host: usize| format!("{scheme}://{}:{PORT}", hosts[host].address());
        let mut options = options.to_vec();
        if self == Shape::Chain {
            certificates::write(group.scratch(), "ca.pem", &["host"], &[&hosts[1].address(), &hosts[LAST].address()]);
            options.extend(["--ca", "ca.pem", "--cert", "host.pem", "--key", "host.key"]);
        } else {
            options.push("--insecure");
        }
        let mut producer = |group: &mut Group, host: usize, how: [&str; 2]| {
            let args = [&["apache"][..], &options, &how].concat();
            match source(host) {
                Source::Pipe(pipe) => group.start_at(&hosts[host], Producer, &args, pipe),
                Source::File(path) => group.run_at(&hosts[host], Producer, &[&args[..], &[&path]].concat()),
            }
        };
        let consumer = |group: &mut Group, host: usize, how: &[&str], query: &str| {
            group.run_at(&hosts[host], Consumer, &[&options, how, &[query]].concat())
        };
        let (producers, consumer, between) = match self {
            Shape::Called => {
                let last = consumer(&mut group, LAST, &["--listen", &at(LAST), "--senders", "2"], query);
                ([0, 1].map(|host| producer(&mut group, host, ["--to", &at(LAST)])).to_vec(), last, None)
            }
            Shape::Calls => {
                let producers = [0, 1].map(|host| producer(&mut group, host, ["--listen", &at(host)])).to_vec();
                (producers, consumer(&mut group, LAST, &["--from", &at(0), "--from", &at(1)], query), None)
            }
            Shape::Chain => {
                let last = consumer(&mut group, LAST, &["--listen", &at(LAST)], query);
                let between = consumer(&mut group, 1, &["--listen", &at(1)], &format!("where status > 0 | emit {}", at(LAST)));
                (vec![producer(&mut group, 0, ["--to", &at(1)])], last, Some(between))
            }
        };
        Some(Running { group, hosts, producers, consumer, between })
    }
}

impl Running {
    /// Waits until the consumer has printed so many lines of each.
    #[track_caller]
    pub fn until_printed(&self, names: &[&str], lines: u64) {
        let are_there = |stdout: &str| names.iter().all(|name| printed(stdout, name) >= lines);
        self.group.until("lines of all have come", SOON, |group| are_there(&group.ended(self.consumer).stdout));
    }

    /// Waits until each producer's host has sent a megabyte.
    #[track_caller]
    pub fn until_sent(&self) {
        let is_sending = |&producer: &usize| {
            // The system counts for the network that the process is in: in ours there is no such cable.
            let counts = fs::read_to_string(format!("/proc/{}/net/dev", self.group.pid(producer))).unwrap_or_default();
            let cable = counts.lines().find_map(|line| line.trim().strip_prefix(CABLE)?.strip_prefix(':'));
            // Eight numbers about what came are first.
            let bytes = cable.and_then(|counts| counts.split_whitespace().nth(8)?.parse::<u64>().ok());
            bytes.is_some_and(|bytes| bytes > 1 << 20)
        };
        self.group.until("a megabyte of each is under way", SOON, |_| self.producers.iter().all(is_sending));
    }

    /// All programs, in the order in which they end.
    pub fn all(&self) -> Vec<usize> {
        self.producers.iter().copied().chain(self.between).chain([self.consumer]).collect()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Shape::Called => "producers call",
            Shape::Calls => "the consumer calls",
            Shape::Chain => "a chain",
        })
    }
}
