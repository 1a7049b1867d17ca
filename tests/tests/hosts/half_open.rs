//! The cable is cut for good, and no system says so: each end has to find out by itself, and in time.

use std::{
    env, fmt,
    io::Write,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use e2e::{SOON, hosts::Plug, log::Log};

use crate::{
    figure,
    lines::{Feeds, PRINT, TOTALS},
    measures, side_by_side,
    topology::{LAST, Shape, Source},
};

/// What is silent for so long is dead.
const SILENCE: Duration = Duration::from_secs(15);

/// An end that has nothing to say says so as often.
const BEAT: Duration = Duration::from_secs(5);

/// Runs that go on side by side.
const AT_ONCE: usize = 8;

/// Of each producer, where no more come.
const LINES: usize = 1000;

/// Records that are under way, or none.
#[derive(Clone, Copy, Debug)]
struct Case {
    shape: Shape,
    plug: Plug,
    flows: bool,
    number: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { shape, plug, flows, number } = self;
        write!(out, "{number}: {shape}; cut at the {plug:?}, {}", if *flows { "in full flow" } else { "idle" })
    }
}

fn cases() -> Vec<Case> {
    let runs = env::var("HOSTS_RUNS").map_or(4, |text| text.parse().expect("HOSTS_RUNS: a number"));
    let case = |number: usize| Case {
        shape: if number.is_multiple_of(2) { Shape::Called } else { Shape::Calls },
        plug: if (number / 2).is_multiple_of(2) { Plug::Host } else { Plug::Switch },
        flows: number % 4 == 1 || number % 4 == 2,
        number,
    };
    (0..runs).map(case).collect()
}

#[test]
fn a_half_open_connection_is_found_by_both_ends_in_time() {
    let found = Mutex::new(Vec::new());
    let run = |case: &Case| {
        let mut pipes = Vec::new();
        let query = if case.flows { TOTALS } else { PRINT };
        // Nobody waits for it to come back: the end of a program is what it has found.
        let started = case.shape.start(query, &["--retry-timeout", "0s"], |_| Source::pipe(&mut pipes));
        let Some(mut running) = started else { return };
        let text = Log::common(103, LINES).text();
        let consumer = running.consumer;
        let (_feeds, _silent) = if case.flows {
            let feeds = Feeds::flood(pipes, text);
            running.until_sent();
            (Some(feeds), Vec::new())
        } else {
            pipes.iter_mut().for_each(|pipe| pipe.write_all(&text).unwrap());
            running.group.until("all has come", SOON, |group| group.ended(consumer).stdout.lines().count() == 2 * LINES);
            (None, pipes)
        };
        running.hosts[LAST].cut(case.plug);
        let at = Instant::now();
        let (mut ends, mut times) = (running.all(), Vec::new());
        while !ends.is_empty() {
            ends.retain(|&number| {
                running.group.wait_until(number, Instant::now()).is_none() || {
                    times.push(at.elapsed());
                    false
                }
            });
            assert!(at.elapsed() < SOON, "not found\n{}", running.group.ended(consumer));
            thread::sleep(Duration::from_millis(5));
        }
        for number in running.all() {
            running.group.ended(number).exits(3).says("nothing was heard for 15 s");
        }
        // The last word may be as old as a beat when the cable is cut; a machine with too much to do is late with its words, and
        // with whatever it finds.
        let late = if measures() { Duration::from_millis(100) } else { BEAT };
        let in_time = SILENCE - BEAT - late..=SILENCE + late * 10;
        assert!(times.iter().all(|time| in_time.contains(time)), "found after {times:?}\n{}", running.group.ended(consumer));
        found.lock().unwrap().extend(times);
    };
    // A machine that has too much to do is late with everything.
    cases().chunks(AT_ONCE).for_each(|cases| side_by_side(cases, run));
    let mut found = found.into_inner().unwrap();
    found.sort();
    if let [first, .., last] = found[..] {
        figure(&format!("{} ends, found after {first:.1?} to {last:.1?}, median {:.1?}", found.len(), found[found.len() / 2]));
    }
}
