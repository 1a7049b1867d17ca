//! More peers than there is room for: those that are there are served, the others wait or are told, and nothing spins.

use std::{
    io::{PipeWriter, Read, Write},
    ops::RangeInclusive,
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use e2e::{
    Ended, Group, Pipeline, Port,
    Program::{Consumer, Producer},
    SOON,
    log::Log,
    proc::{count_of, of_threads, processor_time},
};
use recpipe::{
    Error,
    session::Progress,
    transport::{
        Security, Url,
        dial::{Dialer, Patience},
        handshake::Identity,
        link::{Readiness, SendLink, Settings},
    },
    wire::{Control, Hello, Role, frame},
};
use rustix::process::Signal;

const HOSTS: &str = "print \"{host}\"";

/// A sender that is let in, and says nothing; or why it is not.
fn sender(url: &str, patience: Duration) -> Result<SendLink, Error> {
    let patience = Patience { connect: patience, greeting: patience, ..Patience::default() };
    let url: Url = url.parse().unwrap();
    let identity = Identity::new(Role::Sender, Vec::new(), "a test");
    SendLink::open(Dialer::new(&url, &Security::default(), identity, patience, true)?, Settings::default(), Readiness::new(), |_| {})
}

/// What a sender of this number says first.
fn hello(number: u8) -> Control {
    Control::Hello(Hello {
        role: Role::Sender,
        instance: [number; 16],
        stream: [number; 16],
        progress: Progress::default(),
        token: Vec::new(),
        can: 0,
        program: "a test".into(),
    })
}

/// A consumer of whoever comes, and a producer whose lines it prints.
struct Served {
    group: Group,
    consumer: usize,
    lines: PipeWriter,
    written: usize,
}

impl Served {
    fn start(url: &str, files: u32, more: &[&str]) -> Self {
        let mut group = Group::new();
        let consumer =
            group.run_limited(&format!("ulimit -n {files}"), Consumer, &[&["--listen", url, "--senders", "0"], more, &[HOSTS]].concat());
        let (reader, lines) = std::io::pipe().unwrap();
        group.start(Producer, &["apache", "--to", url], reader);
        let mut served = Served { group, consumer, lines, written: 0 };
        served.serves();
        served
    }

    /// Asserts that the stream that runs goes on.
    #[track_caller]
    fn serves(&mut self) {
        self.lines.write_all(&Log::common(310, 10).text()).unwrap();
        self.written += 10;
        let (consumer, written) = (self.consumer, self.written);
        self.group.until("the records have come", SOON, |group| group.ended(consumer).stdout.lines().count() == written);
    }

    /// Asserts that a signal still ends it, with the answer to what came, and that so many senders were lost before.
    #[track_caller]
    fn ends(mut self, lost: RangeInclusive<usize>) -> Ended {
        let consumer = self.consumer;
        let losses = |group: &Group| group.ended(consumer).stderr.matches("it did not come back\n").count();
        self.group.until("the losses are known", SOON, |group| lost.contains(&losses(group)));
        self.group.signal(consumer, Signal::TERM);
        let ended = self.group.wait(consumer, SOON).exits(3);
        assert_eq!(ended.stdout.lines().count(), self.written, "{ended}");
        ended
    }
}

#[track_caller]
fn assert_once_a_minute(ended: &Ended, what: &str) {
    let said = ended.stderr.matches(what).count();
    assert!((1..=1 + ended.took.as_secs() as usize / 60).contains(&said), "{said} times: {what}\n{ended}");
}

#[test]
fn as_many_are_served_as_was_said_and_no_more() {
    let port = Port::new();
    let url = port.tcp();
    let mut served = Served::start(&url, 1024, &["--max-senders", "64"]);
    // With the producer they are 64.
    let mut senders: Vec<SendLink> = (1..64).map(|_| sender(&url, SOON).unwrap_or_else(|error| panic!("{error}"))).collect();
    for _ in 0..3 {
        let Err(refused) = sender(&url, Duration::from_secs(2)) else { panic!("one too many is let in") };
        assert!(refused.to_string().contains("too many are connected here"), "{refused}");
    }
    served.serves();
    // A place is free a while after its peer has gone: it might have come back.
    drop(senders.pop());
    senders.push(sender(&url, SOON).unwrap_or_else(|error| panic!("nobody is let in any more: {error}")));
    served.serves();
    let ended = served.ends(1..=1);
    assert_once_a_minute(&ended, "was turned away: too many are connected");
}

#[test]
fn two_hundred_senders_at_once() {
    let port = Port::new();
    let url = port.tcp();
    let mut served = Served::start(&url, 1024, &[]);
    let senders: Vec<SendLink> = (0..200).map(|_| sender(&url, SOON).unwrap_or_else(|error| panic!("{error}"))).collect();
    served.serves();
    assert!(senders.iter().all(|sender| sender.lost().is_none()));
    drop(senders);
    served.ends(200..=200);
}

#[test]
fn more_than_there_may_be_files_for_are_refused_before_they_come() {
    let mut group = Group::new();
    let run = |group: &mut Group, limits: &str, args: &[&str]| {
        let consumer = group.run_limited(limits, Consumer, &[&["--listen", "unix:s"], args, &["count"]].concat());
        group.wait(consumer, SOON).exits(2)
    };
    run(&mut group, "ulimit -n 256", &["--senders", "0", "--max-senders", "100"]).says("100 senders at once need 340 open files");
    run(&mut group, "ulimit -n 256", &["--senders", "100"]).says("`ulimit -Hn` allows 256");
    run(&mut group, ":", &["--senders", "2", "--max-senders", "9"]).says("is for --senders 0");
    // What the hard limit allows is taken.
    let consumer =
        group.run_limited("ulimit -Sn 256", Consumer, &["--listen", "unix:s", "--senders", "0", "--max-senders", "100", "count | csv"]);
    group.until_socket("s", SOON);
    group.signal(consumer, Signal::TERM);
    group.wait(consumer, SOON);
}

#[test]
fn without_file_descriptors_connections_wait_and_nothing_spins() {
    let port = Port::new();
    let url = port.tcp();
    let mut served = Served::start(&url, 48, &[]);
    let mut senders = Vec::new();
    let until = Instant::now() + SOON;
    let starved = loop {
        match sender(&url, Duration::from_secs(3)) {
            Ok(sender) => senders.push(sender),
            // Whoever is only late has not said that.
            Err(error) if served.group.ended(served.consumer).stderr.contains("cannot accept a connection") => break error,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        assert!(senders.len() < 48, "more links than descriptors");
    };
    // It was not turned away, and those before it are all there.
    assert!(starved.to_string().contains("no greeting came in time"), "{starved}");
    assert!(senders.len() > 5 && senders.iter().all(|sender| sender.lost().is_none()), "{}", senders.len());
    let pid = served.group.pid(served.consumer);
    let before = processor_time(pid);
    thread::sleep(Duration::from_secs(2));
    let spent = processor_time(pid) - before;
    assert!(spent < Duration::from_millis(500), "{spent:?} in two seconds in which nothing can be done");
    served.serves();
    thread::scope(|scope| {
        let waits = scope.spawn(|| sender(&url, SOON));
        senders.truncate(senders.len() - 3);
        waits.join().unwrap().unwrap_or_else(|error| panic!("accepting does not go on: {error}"));
    });
    served.serves();
    // Those that gave up while they were not taken are taken now, and some of them for senders that are lost.
    let ended = served.ends(3..=20);
    assert_once_a_minute(&ended, "cannot accept a connection, and tries again");
    assert!(ended.stderr.contains("`ulimit -n`"), "{ended}");
}

/// Of a sender that dies before its records are done with, nothing is left either.
#[test]
fn senders_that_came_and_died_take_no_file_descriptors() {
    let stream = Pipeline::producer(&["apache"]).input(Log::common(312, 5000).text()).run().succeeds().stdout;
    let mut group = Group::new();
    group.scratch().write("one", Log::common(313, 1).text());
    let (answer, theirs) = std::io::pipe().unwrap();
    let consumer = group.run_writing_to(Consumer, &["--listen", "unix:s", "--senders", "0", "json"], theirs);
    group.until_socket("s", SOON);
    let pid = group.pid(consumer);
    let files = || count_of(pid, "fd");
    // What there is when a first one has come and gone is the consumer's own.
    let first = group.run(Producer, &["apache", "one", "--to", "unix:s"]);
    group.wait(first, SOON).exits(0).quietly();
    let is_read = || of_threads(pid, "comm").iter().any(|name| name.trim() == "read");
    group.until("it is gone", SOON, |_| !is_read());
    let before = files();
    // The answer to one of them is more than the pipe holds, and nobody reads it.
    for n in 1..=8 {
        let mut socket = UnixStream::connect(group.dir().join("s")).unwrap();
        socket.write_all(&[&frame::preamble()[..], &hello(n).to_bytes().unwrap(), &stream[frame::preamble().len()..]].concat()).unwrap();
    }
    rustix::io::ioctl_fionbio(&answer, true).unwrap();
    let drain = || while (&answer).read(&mut [0; 1 << 16]).is_ok_and(|read| read > 0) {};
    group.until("nothing is left of them", SOON, |_| {
        drain();
        files() <= before
    });
    group.signal(consumer, Signal::TERM);
    group.wait(consumer, SOON).exits(143);
}

#[test]
fn a_sender_that_is_gone_before_it_is_greeted_is_not_waited_for() {
    let mut group = Group::new();
    group.scratch().write("log", Log::common(311, 100).text());
    let consumer = group.run(Consumer, &["--listen", "unix:s", "--senders", "2", "count | csv"]);
    group.until_socket("s", SOON);
    // What it said can be read after it has gone; what is said to it cannot be written.
    let mut socket = UnixStream::connect(group.dir().join("s")).unwrap();
    socket.write_all(&[&frame::preamble()[..], &hello(1).to_bytes().unwrap()].concat()).unwrap();
    drop(socket);
    let producer = group.run(Producer, &["apache", "log", "--to", "unix:s"]);
    group.wait(consumer, SOON).exits(3).says("is lost").prints("count\n100\n");
    group.wait(producer, SOON).exits(1);
}
