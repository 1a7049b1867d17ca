//! What takes long: a child killed at any frame, a reader that pauses for a minute, strangers by the thousand.
//!
//! Each is small in a run of all tests; `ENDURANCE=1`, with release builds of both programs, makes it the whole, and the figures
//! are printed (`--nocapture`).

use std::{
    env,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use e2e::{
    Feed, Group, Outcome, Pipeline, Port, Program, SOON, Take,
    log::{Log, Random},
    proc::peak_bytes,
    running::send,
};
use rustix::process::Signal;

use crate::{memory::assert_small, strangers::connect};

/// The first in a run of all tests, the second with `ENDURANCE=1`.
pub fn sized<T>(small: T, whole: T) -> T {
    if env::var_os("ENDURANCE").is_some_and(|value| value == "1") { whole } else { small }
}

/// How long something may take: this at its full size, when the machine does nothing else. In a run of all tests it is only
/// to come to an end: how fast a machine is that does much else says nothing of the programs.
pub fn bound(whole: Duration) -> Duration {
    sized(SOON, whole)
}

#[allow(clippy::disallowed_macros, reason = "whoever runs the tests is to see the figures")]
pub fn show(figures: String) {
    eprintln!("{figures}");
}

/// One of four children is killed when so many pieces of input were written; then comes the rest, and the end. The time from
/// the kill to the end, and whether the others were given its work.
fn kill_at(frame: usize, held: bool) -> (Duration, bool) {
    const AFTER: usize = 5;
    let mut group = Group::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let piece = Log::common(frame as u64, 20);
    let child = format!("exec:'{}' '{}'", Program::Consumer.path().display(), if held { "count | print" } else { "print \"{host}\"" });
    let to: Vec<&str> = ["--to", &child].repeat(4);
    let number = group.start(Program::Producer, &[&["apache"], &to[..]].concat(), reader);
    let pid = group.pid(number);
    for _ in 0..frame {
        writer.write_all(&piece.text()).unwrap();
    }
    let children = |group: &Group| group.left().into_iter().map(|(pid, _)| pid).filter(|&left| left != pid).collect::<Vec<_>>();
    group.until("four children run", SOON, |group| children(group).len() == 4);
    if !held && frame > 0 {
        group.until("something was printed", SOON, |group| !group.ended(number).stdout.is_empty());
    }
    let victim = children(&group)[Random::new(frame as u64).below(4) as usize];
    send(victim, Signal::KILL);
    let killed = Instant::now();
    // It may have ended by now, and closed its input.
    let fed = (0..AFTER).try_for_each(|_| writer.write_all(&piece.text()));
    drop(writer);
    let ended = group.wait(number, SOON).exits(3).says("signal 9");
    let took = killed.elapsed();
    assert!(fed.is_ok() || held, "frame {frame}: the others could have gone on\n{ended}");
    let printed = ended.stdout.lines().count();
    // One that had not said a word yet may have been any program, whose work nobody else can do.
    let spoke = ended.stderr.contains("are given to the others");
    assert!(held || !spoke || printed >= (frame + AFTER) * piece.len(), "frame {frame}: {printed} lines are not at least once\n{ended}");
    group.leaves_nothing(SOON);
    (took, spoke)
}

#[test]
fn a_child_may_be_killed_at_any_frame() {
    let (mut slowest, mut given) = (Duration::ZERO, 0);
    let frames = sized(10, 1000);
    // On a machine with too much to do, few of those that are killed early have spoken: then more are.
    let mut frame = 0;
    while frame < frames || given <= frames / 3 && frame < frames * 10 {
        for held in [false, true] {
            let (took, spoke) = kill_at(frame, held);
            slowest = slowest.max(took);
            given += usize::from(spoke);
        }
        frame += 1;
    }
    show(format!("{frame} frames: the end came at the latest {slowest:?} after the kill; {given} times the others did its work"));
    assert!(given > frames / 3, "{given} of {frames}");
    assert!(slowest < bound(Duration::from_secs(5)), "{slowest:?}");
}

#[test]
fn children_come_and_go() {
    let child = format!("exec:'{}' 'head 1 | print \"{{status}}\"'", Program::Consumer.path().display());
    let runs = sized(20, 10_000);
    let log = Log::common(80, 3);
    let expect = format!("{}\n", log.0[0].status);
    let mut slowest = Duration::ZERO;
    for _ in 0..runs {
        let run = Pipeline::producer(&["apache", "--to", &child]).input(log.text()).run().succeeds().prints(&expect);
        slowest = slowest.max(run.took);
    }
    show(format!("{runs} runs with a child, the longest {slowest:?}"));
}

#[test]
fn a_reader_that_pauses_loses_nothing_and_costs_nothing() {
    let log = Log::common(81, 20_000);
    let (pause, times) = sized((Duration::from_secs(2), 20), (Duration::from_secs(60), 200));
    let expect = log.len() as u64 * times;
    let feed = || Feed::Repeat(log.text(), Some(times));
    let deadline = pause + SOON;
    let by_pipe = |take: Take| {
        let run = Pipeline::both(&["apache", "-j", "2"], &["-j", "2", "print \"{host}\""])
            .feed(feed())
            .take(take)
            .deadline(deadline)
            .run()
            .succeeds();
        vec![run]
    };
    let by_tcp = |take: Take| {
        let port = Port::new();
        let url = port.tcp();
        let consumer = Pipeline::consumer(&["-j", "2", "--listen", &url, "print \"{host}\""]).take(take).deadline(deadline);
        thread::scope(|scope| {
            let consumer = scope.spawn(|| consumer.run().succeeds());
            let producer = Pipeline::producer(&["apache", "-j", "2", "--to", &url]).feed(feed()).deadline(deadline).run().succeeds();
            vec![consumer.join().unwrap(), producer]
        })
    };
    for (name, run) in [("pipe", &by_pipe as &dyn Fn(Take) -> Vec<Outcome>), ("tcp", &by_tcp)] {
        let straight = run(Take::All)[0].took;
        let outcomes = run(Take::Pause(pause));
        let after = outcomes[0].took.saturating_sub(pause);
        let lines = outcomes[0].stdout.iter().filter(|&&byte| byte == b'\n').count() as u64;
        assert_eq!(lines, expect, "{name}");
        outcomes.iter().for_each(assert_small);
        let peaks: Vec<u64> =
            outcomes.iter().flat_map(|outcome| &outcome.ends).filter_map(|end| end.peak_bytes).map(|peak| peak >> 20).collect();
        show(format!("{name}: {after:?} after a pause of {pause:?}, {straight:?} without one; the most memory, in MiB: {peaks:?}"));
        assert!(after < bound(straight * 2 + Duration::from_secs(5)), "{name}: {after:?} after the pause, and {straight:?} without one");
    }
}

/// Connections that are never anybody: half of them say nothing, half of them a byte a second. Whoever is hung up on comes
/// back at the next second.
struct Swarm {
    port: u16,
    /// With the moment it was opened; the odd ones speak.
    open: Vec<Option<(TcpStream, Instant)>>,
    /// The age of the oldest that was seen open: when one was closed is known only to a look, and looks may be late.
    oldest: Duration,
    closed: usize,
}

impl Swarm {
    fn new(port: u16, size: usize) -> Self {
        Swarm { port, open: (0..size).map(|_| None).collect(), oldest: Duration::ZERO, closed: 0 }
    }

    fn tick(&mut self) {
        for (number, place) in self.open.iter_mut().enumerate() {
            if let Some((stream, since)) = place {
                let wrote = number % 2 == 0 || stream.write_all(&[0x89]).is_ok();
                let is_open = wrote && matches!(stream.read(&mut [0; 64]), Err(error) if error.kind() == ErrorKind::WouldBlock);
                if is_open {
                    self.oldest = self.oldest.max(since.elapsed());
                } else {
                    self.closed += 1;
                    *place = None;
                }
            }
            if place.is_none()
                && let Some(stream) = connect(self.port, Ipv4Addr::new(127, 0, 0, 2))
            {
                stream.set_nonblocking(true).unwrap();
                *place = Some((stream, Instant::now()));
            }
        }
    }
}

#[test]
fn thousands_who_say_little_do_not_disturb_a_stream() {
    let (size, least) = sized((60, Duration::from_secs(4)), (2000, Duration::from_secs(60)));
    let log = Log::common(82, 5000).text();
    /// Each stream is some seconds of work.
    const TIMES: u64 = 100;
    let stream = |url: &str| {
        let began = Instant::now();
        let feed = Feed::Repeat(log.clone(), Some(TIMES));
        Pipeline::producer(&["apache", "--to", url]).feed(feed).run().succeeds();
        began.elapsed()
    };
    // Streams one after the other for so long, and until something is so; their mean.
    let streams = |url: &str, least: Duration, is_so: &AtomicBool| {
        let began = Instant::now();
        let mut number = 0;
        while began.elapsed() < least || !is_so.load(Ordering::Relaxed) && began.elapsed() < SOON {
            stream(url);
            number += 1;
        }
        began.elapsed() / number
    };
    let run = |with: usize, least: Duration| {
        let port = Port::new();
        let url = port.tcp();
        let mut group = Group::new();
        let consumer = group.run(Program::Consumer, &["--listen", &url, "--senders", "0", "print \"{host}\""]);
        let mut swarm = Swarm::new(port.number(), with);
        let all_were_met = AtomicBool::new(with == 0);
        let mean = thread::scope(|scope| {
            let streams = scope.spawn(|| {
                stream(&url);
                streams(&url, least, &all_were_met)
            });
            while !streams.is_finished() {
                let next = Instant::now() + Duration::from_secs(1);
                swarm.tick();
                all_were_met.fetch_or(swarm.closed > with, Ordering::Relaxed);
                thread::sleep(next.saturating_duration_since(Instant::now()));
            }
            streams.join().unwrap()
        });
        let peak = peak_bytes(group.pid(consumer));
        group.signal(consumer, Signal::TERM);
        let ended = group.wait(consumer, SOON).exits(143);
        assert!(ended.stderr.lines().filter(|line| line.contains("turned away")).count() <= 1 + least.as_secs() as usize / 60, "{ended}");
        (mean, peak.unwrap_or(0) >> 20, swarm)
    };
    let (alone, peak_alone, _) = run(0, least.min(Duration::from_secs(10)));
    let (disturbed, peak, swarm) = run(size, least);
    show(format!(
        "{size} connections, {} times hung up on, none seen open after more than {:?}; a stream takes {disturbed:?}, and {alone:?} when left alone; {peak} MiB, and {peak_alone}",
        swarm.closed, swarm.oldest
    ));
    assert!(swarm.closed > size, "they were let be");
    // Two seconds to say who they are, and what a busy machine adds.
    assert!(swarm.oldest < bound(Duration::from_secs(4)), "{:?}", swarm.oldest);
    assert!(peak < peak_alone + 64, "{peak} MiB, and {peak_alone} MiB when left alone");
    assert!(disturbed < bound(alone * 13 / 10), "{disturbed:?}, and {alone:?} when left alone");
}
