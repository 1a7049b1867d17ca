//! A cable is cut while records travel, and is whole again after a while: nothing is lost and nothing comes twice. Or it is
//! not whole again in time: each end says so, and what it says is true.

use std::{
    env, fmt, thread,
    time::{Duration, Instant},
};

use e2e::{
    Ended, Group, Hosts, Pipeline,
    Program::{Consumer, Producer},
    SOON,
    hosts::Plug,
    log::Log,
};
use regex::Regex;

use crate::{
    figure,
    lines::{Feeds, PRINT, TOTALS, printed, totals},
    measures, side_by_side,
    topology::{LAST, Running, Shape, Source},
};

/// What is silent for so long is dead.
const SILENCE: Duration = Duration::from_secs(15);

/// Whose cable is cut, where, and for how long.
#[derive(Clone, Copy, Debug)]
struct Cut {
    shape: Shape,
    host: usize,
    plug: Plug,
    lasts: Duration,
}

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { shape, host, plug, lasts } = self;
        write!(out, "{shape}; the cable of host {host} is cut for {lasts:?} at the {plug:?}")
    }
}

fn seconds() -> Vec<Duration> {
    let text = env::var("HOSTS_SECONDS").unwrap_or_else(|_| "1,3,8".to_owned());
    text.split(',').map(|number| Duration::from_secs(number.trim().parse().expect("HOSTS_SECONDS: numbers"))).collect()
}

/// On either side, both ways of calling, and in the middle of a chain.
const PLACES: [(Shape, usize, Plug); 5] = [
    (Shape::Called, 1, Plug::Host),
    (Shape::Called, LAST, Plug::Switch),
    (Shape::Calls, 1, Plug::Switch),
    (Shape::Calls, LAST, Plug::Host),
    (Shape::Chain, 1, Plug::Switch),
];

/// What programs are told where a cable is cut for so long. The usual 30 seconds after the 15 of silence are just enough for
/// 40; on a busy machine a few more are needed. Not many: the system's own repeat of a call would come only at 50.
fn patience(lasts: Duration) -> &'static [&'static str] {
    if lasts > SILENCE { &["--retry-timeout", "33s"] } else { &[] }
}

/// Each of the places for each of the times.
fn cuts() -> Vec<Cut> {
    let each = |lasts| PLACES.map(|(shape, host, plug)| Cut { shape, host, plug, lasts });
    seconds().into_iter().flat_map(each).collect()
}

/// A cut while lines trickle, or at full speed.
struct Case(Cut, bool);

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.0, if self.1 { ", at full speed" } else { "" })
    }
}

/// Asserts that all was well, and that nobody said anything but that it listens in the clear, and of each outage that it began
/// and that it is over.
#[track_caller]
fn well(ended: Ended) -> Ended {
    let ended = ended.exits(0);
    let mut away = Vec::new();
    for line in ended.stderr.lines().filter(|line| !line.contains("--insecure:") && !line.contains("waits for 1 more sender")) {
        match line.split_once(" is connected again, after ") {
            Some((who, rest)) if rest.ends_with(" s; nothing was lost") => {
                let began = away.iter().position(|began: &&str| began.starts_with(who));
                away.remove(began.unwrap_or_else(|| panic!("it was not away: {line}\n{ended}")));
            }
            _ => away.push(line),
        }
    }
    assert!(away.is_empty(), "{ended}");
    ended
}

/// The outages that a program has spoken of.
fn outages(ended: &Ended) -> usize {
    ended.stderr.matches("is connected again").count()
}

/// Cuts the cable, and makes it whole again; `meanwhile` may take as long as it is cut.
fn cut_and_join(running: &Running, cut: &Cut, meanwhile: impl FnOnce()) {
    let cable = &running.hosts[cut.host];
    let began = Instant::now();
    cable.cut(cut.plug);
    meanwhile();
    thread::sleep(cut.lasts.saturating_sub(began.elapsed()));
    cable.join(cut.plug);
}

/// One host is cut off: the other one's lines come as before.
fn others_go_on(running: &Running) {
    // What was under way has arrived by then.
    thread::sleep(Duration::from_secs(1));
    let before = running.group.written(running.consumer);
    running.group.until("the others go on", SOON, |group| group.written(running.consumer) > before + 100);
}

/// Lines that trickle all the while.
fn trickles(cut: &Cut) {
    let mut pipes = Vec::new();
    let Some(mut running) = cut.shape.start(PRINT, patience(cut.lasts), |_| Source::pipe(&mut pipes)) else { return };
    let (names, consumer) = (cut.shape.names(), running.consumer);
    let feeds = Feeds::trickle(pipes, names);
    running.until_printed(names, 1);
    cut_and_join(&running, cut, || {
        if cut.host != LAST && names.len() > 1 && cut.lasts > Duration::from_secs(6) {
            others_go_on(&running);
        }
    });
    let written = feeds.stop();
    let joined = Instant::now();
    let spoken: Vec<usize> = running.all().into_iter().map(|number| outages(&well(running.group.wait(number, SOON)))).collect();
    if cut.lasts > SILENCE + Duration::from_secs(2) {
        // The two ends of each connection through the cable, and nobody else.
        let connections = if cut.host == LAST || cut.shape == Shape::Chain { 2 } else { 1 };
        assert_eq!(spoken.iter().sum::<usize>(), 2 * connections, "{spoken:?}");
    }
    let ended = running.group.ended(consumer);
    for (name, written) in names.iter().zip(written) {
        assert_eq!(printed(&ended.stdout, name), written, "{name}: {ended}");
    }
    figure(&format!("{cut}: {} lines; over {:.1} s after that", ended.stdout.lines().count(), joined.elapsed().as_secs_f64()));
}

/// The answer of one log where so many have been sent.
fn several(answer: &str, times: u64) -> String {
    let (head, row) = answer.trim_end().rsplit_once('\n').unwrap();
    let [count, sum, most] = row.splitn(3, ',').collect::<Vec<_>>()[..] else { panic!("{answer}") };
    let times = |number: &str| number.parse::<u64>().unwrap() * times;
    format!("{head}\n{},{},{most}\n", times(count), times(sum))
}

/// All that can be sent, with the cable cut when some of it has come.
fn floods(cut: &Cut, file: Option<&(String, String)>) {
    let log = Log::common(102, 2000);
    let mut pipes = Vec::new();
    let source = |_| file.map_or_else(|| Source::pipe(&mut pipes), |(path, _)| Source::File(path.clone()));
    let Some(mut running) = cut.shape.start(TOTALS, patience(cut.lasts), source) else { return };
    let began = Instant::now();
    let feeds = Feeds::flood(pipes, log.text());
    running.until_sent();
    cut_and_join(&running, cut, || ());
    let sender = *running.producers.get(cut.host).unwrap_or(&running.producers[0]);
    assert!(running.group.wait_until(sender, Instant::now()).is_none(), "all was sent before\n{}", running.group.ended(sender));
    let times: u64 = feeds.stop().into_iter().sum();
    let expect = match file {
        Some((_, answer)) => several(answer, running.producers.len() as u64),
        None => totals(&log, times),
    };
    let joined = Instant::now();
    for number in running.all() {
        well(running.group.wait(number, SOON * 2));
    }
    running.group.ended(running.consumer).prints(&expect);
    let (took, after) = (began.elapsed().as_secs_f64(), joined.elapsed().as_secs_f64());
    figure(&format!("{cut}, at full speed: exact; {took:.1} s, {after:.1} s of them after that"));
}

#[test]
fn a_cable_that_is_cut_for_a_while_costs_no_record_and_doubles_none() {
    let file = env::var("HOSTS_LOG").ok().map(|path| {
        // What it holds, by a way that has no cable.
        let both = Pipeline::both(&["apache", &path], &[TOTALS]).deadline(SOON * 2).run().succeeds();
        (path, both.text())
    });
    let trickling = cuts();
    let mut flooding = trickling.clone();
    if file.is_none() {
        // One for each length is enough for every day, each elsewhere.
        flooding = flooding.chunks(PLACES.len()).enumerate().map(|(n, cuts)| cuts[(n * 2 + 1) % cuts.len()]).collect();
    }
    let cases: Vec<_> = trickling.into_iter().map(|cut| Case(cut, false)).chain(flooding.into_iter().map(|cut| Case(cut, true))).collect();
    side_by_side(&cases, |Case(cut, at_full_speed)| if *at_full_speed { floods(cut, file.as_ref()) } else { trickles(cut) });
}

/// The account that a sender gives: frames, confirmed, done.
fn account(stderr: &str) -> [u64; 3] {
    let account = Regex::new("of (\\d+) frames it has confirmed (\\d+), and (\\d+) are done with").unwrap();
    let found = account.captures(stderr).unwrap_or_else(|| panic!("no account: {stderr}"));
    [1, 2, 3].map(|n| found[n].parse().unwrap())
}

#[test]
fn a_cable_that_is_not_whole_again_in_time_is_accounted_for() {
    let retry = Duration::from_secs(1);
    let places = [(Shape::Called, Plug::Host), (Shape::Called, Plug::Switch), (Shape::Calls, Plug::Host), (Shape::Calls, Plug::Switch)];
    let cuts = places.map(|(shape, plug)| Cut { shape, host: 1, plug, lasts: SILENCE + retry });
    side_by_side(&cuts, |cut| {
        let mut pipes = Vec::new();
        let started = cut.shape.start(PRINT, &["--retry-timeout", "1s"], |_| Source::pipe(&mut pipes));
        let Some(mut running) = started else { return };
        let (names, consumer, stays, lost) = (cut.shape.names(), running.consumer, running.producers[0], running.producers[1]);
        let feeds = Feeds::trickle(pipes, names);
        // So many that those before them have been confirmed.
        running.until_printed(names, 300);
        running.hosts[cut.host].cut(cut.plug);
        let at = Instant::now();
        running.group.wait(lost, SOON);
        // The other end as well gives up, though it has more to read.
        let gives_up = |group: &Group| {
            let said = group.ended(consumer).stderr;
            said.contains("did not come back") || said.contains("could not be reached again")
        };
        running.group.until("the consumer has given up", SOON, gives_up);
        let took = at.elapsed();
        assert!(!measures() || took < SILENCE + retry + Duration::from_secs(1), "{took:?}");
        let written = feeds.stop();
        // It has sent all it had, and hears that the answer is not whole.
        running.group.wait(stays, SOON).exits(1).says("exit 3");
        let ended = running.group.wait(consumer, SOON).exits(3).says("incomplete");
        let lost = running.group.ended(lost).exits(3);
        assert_eq!(printed(&ended.stdout, names[0]), written[0], "{ended}");
        // Each frame but the schema holds a line or more; a frame that was confirmed is one whose lines have been printed.
        let lines = printed(&ended.stdout, names[1]);
        let [frames, confirmed, done] = account(&lost.stderr);
        assert!(frames >= confirmed && confirmed >= done && done > 1, "{lost}");
        assert!(written[1] >= lines && lines + 1 >= confirmed, "{} lines printed of {}\n{lost}", lines, written[1]);
        assert!(frames > confirmed && written[1] > lines, "what was made since cannot have come: {lines} lines\n{lost}");
        figure(&format!("{cut}: {lines} lines of {}; {}", written[1], lost.stderr.lines().last().unwrap_or_default()));
    });
}

#[test]
fn a_host_that_is_not_there_yet_is_called_until_it_is() {
    let cases = [(Plug::Host, Some(2)), (Plug::Switch, Some(5)), (Plug::Host, None), (Plug::Switch, None)];
    let cases = cases.map(|(plug, joined_after)| Late { plug, joined_after });
    side_by_side(&cases, |Late { plug, joined_after }| {
        let Some(hosts) = Hosts::new(2) else { return };
        let mut group = Group::new();
        let log = Log::common(104, 100);
        group.scratch().write("log", log.text());
        let url = format!("tcp://{}:7000", hosts[1].address());
        hosts[0].cut(*plug);
        let consumer = group.run_at(&hosts[1], Consumer, &["--listen", &url, "--insecure", TOTALS]);
        // Where it is never joined it is called for a short while only.
        let patience = if joined_after.is_some() { "1m" } else { "2s" };
        let producer = group.run_at(&hosts[0], Producer, &["apache", "log", "--to", &url, "--connect-timeout", patience]);
        let Some(seconds) = joined_after else {
            let ended = group.wait(producer, SOON).exits(1).says("cannot connect to tcp://10.231.0.2:7000");
            assert!(!measures() || ended.took < Duration::from_secs(3), "{ended}");
            return;
        };
        thread::sleep(Duration::from_secs(*seconds));
        assert!(group.wait_until(producer, Instant::now()).is_none(), "{}", group.ended(producer));
        hosts[0].join(*plug);
        group.wait(producer, SOON).exits(0).quietly();
        well(group.wait(consumer, SOON)).prints(&totals(&log, 1));
    });
}

/// A cable that is no cable at first.
#[derive(Debug)]
struct Late {
    plug: Plug,
    joined_after: Option<u64>,
}

impl fmt::Display for Late {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}
