//! One process of a topology is killed, or stopped for a while, at a random moment. However it comes, each run ends in
//! time, and either with the whole answer or with an exit that says that it is not; and nothing is left over.
//!
//! `CHAOS_RUNS` is the number of runs of each topology, `CHAOS_SEED` the first seed: a failure names its own.

use std::{
    thread,
    time::{Duration, Instant},
};

use e2e::{
    Ended, Group, Port,
    Program::{Consumer, Producer},
    SOON,
    log::{Log, Random},
    proc::of_threads,
    running::send,
};
use rustix::process::Signal;

const LINES: usize = 30_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    Kill,
    /// Stopped, and continued after so long.
    Stop(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Child,
    TwoChildren,
    Unix,
    Tcp,
    TcpBack,
}

const SHAPES: [Shape; 5] = [Shape::Child, Shape::TwoChildren, Shape::Unix, Shape::Tcp, Shape::TcpBack];

/// What all consumers together have printed: the hosts, or how many there were.
fn query(held: bool) -> &'static str {
    if held { "count | print" } else { "print \"{host}\"" }
}

/// The records that were answered for.
fn answered(outputs: &[String], held: bool) -> usize {
    let lines = outputs.iter().flat_map(|output| output.split_inclusive('\n')).filter(|line| line.ends_with('\n'));
    if held { lines.map(|line| line.trim().parse::<usize>().unwrap()).sum() } else { lines.count() }
}

/// Whether a stream was begun with this process: it has a thread for it.
fn has_link(pid: u32) -> bool {
    of_threads(pid, "comm").iter().any(|name| name.trim() == "link")
}

fn run(shape: Shape, seed: u64, log: &[u8]) {
    let mut random = Random::new(seed);
    let held = random.below(2) == 0;
    let harm = if random.below(3) == 0 { Harm::Stop(Duration::from_millis(random.below(300))) } else { Harm::Kill };
    let delay = Duration::from_micros(random.below(500_000));
    let which = random.below(3);
    let told = format!("{shape:?}, seed {seed}: {harm:?} of process {which} after {delay:?}; `{}`", query(held));

    let mut group = Group::new();
    group.scratch().write("log", log);
    let port = Port::new();
    let url = match shape {
        Shape::Child | Shape::TwoChildren => format!("exec:'{}' '{}'", Consumer.path().display(), query(held)),
        Shape::Unix => "unix:s".to_owned(),
        Shape::Tcp | Shape::TcpBack => port.tcp(),
    };
    let consumer = match shape {
        Shape::Child | Shape::TwoChildren => None,
        Shape::TcpBack => Some(group.run(Consumer, &["--retry-timeout", "5s", "--from", &url, query(held)])),
        Shape::Unix | Shape::Tcp => Some(group.run(Consumer, &["--retry-timeout", "5s", "--listen", &url, query(held)])),
    };
    let producer = match shape {
        Shape::TwoChildren => group.run(Producer, &["apache", "log", "--to", &url, "--to", &url]),
        Shape::TcpBack => group.run(Producer, &["apache", "log", "--retry-timeout", "5s", "--listen", &url]),
        Shape::Child | Shape::Unix | Shape::Tcp => group.run(Producer, &["apache", "log", "--retry-timeout", "5s", "--to", &url]),
    };
    let began = Instant::now();
    thread::sleep(delay);
    let mut pids: Vec<u32> = group.left().into_iter().map(|(pid, _)| pid).collect();
    pids.sort_unstable();
    let victim = pids.get(which as usize % pids.len().max(1)).copied();
    if let Some(victim) = victim {
        match harm {
            Harm::Kill => send(victim, Signal::KILL),
            Harm::Stop(pause) => {
                send(victim, Signal::STOP);
                thread::sleep(pause);
                send(victim, Signal::CONT);
            }
        }
    }
    let until = began + SOON;
    // Whoever listens and was never called waits on, which is right.
    let listener = match shape {
        Shape::Child | Shape::TwoChildren => None,
        Shape::Unix | Shape::Tcp => consumer.map(|consumer| (consumer, producer)),
        Shape::TcpBack => consumer.map(|consumer| (producer, consumer)),
    };
    if let Some((listener, caller)) = listener
        && harm == Harm::Kill
        && victim == Some(group.pid(caller))
    {
        let calls_over = Instant::now() + Duration::from_secs(3);
        group.wait_until(caller, until);
        while Instant::now() < calls_over && group.wait_until(listener, Instant::now()).is_none() && !has_link(group.pid(listener)) {
            thread::sleep(Duration::from_millis(10));
        }
        if group.wait_until(listener, Instant::now()).is_none() && !has_link(group.pid(listener)) {
            return;
        }
    }
    let numbers: Vec<usize> = [Some(producer), consumer].into_iter().flatten().collect();
    let mut ends: Vec<Ended> = Vec::new();
    for &number in &numbers {
        let ended = group.wait_until(number, until);
        let all = || numbers.iter().map(|&number| group.ended(number).to_string()).collect::<Vec<_>>().join("\n");
        ends.push(ended.unwrap_or_else(|| panic!("{told}\nnot over in time\n{}", all())));
    }
    while !group.left().is_empty() {
        assert!(Instant::now() < until, "{told}\nleft over: {:?}", group.left());
        thread::sleep(Duration::from_millis(2));
    }
    let all = || ends.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(ends.iter().all(|end| !end.stderr.contains("panicked")), "{told}\n{}", all());
    // Children print to the producer's own output.
    let outputs: Vec<String> = numbers.iter().map(|&number| group.ended(number).stdout).collect();
    let answered = answered(&outputs, held);
    let is_twice = ends.iter().any(|end| end.stderr.contains("is there twice"));
    assert!(answered <= LINES || is_twice, "{told}\n{answered} of {LINES} records\n{}", all());
    let killed = |end: &Ended| end.signal == Some(9);
    for end in &ends {
        match end.code {
            // Whoever says that all is well has seen the whole of it.
            Some(0) if answered == LINES => {}
            // The answer was given before the other one was killed, or the other one died with nothing left to say.
            Some(0) => panic!("{told}\nexit 0 with {answered} of {LINES} records\n{}", all()),
            Some(1 | 3) => assert!(harm == Harm::Kill && !end.stderr.is_empty(), "{told}\n{}", all()),
            _ => assert!(killed(end) && harm == Harm::Kill, "{told}\n{}", all()),
        }
    }
}

#[test]
fn whoever_is_killed_or_stopped_the_others_end_and_tell_the_truth() {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (runs, first) = (number("CHAOS_RUNS", 2), number("CHAOS_SEED", 1));
    let log = Log::common(91, LINES).text();
    for seed in first..first + runs {
        for shape in SHAPES {
            run(shape, seed, &log);
        }
    }
}
