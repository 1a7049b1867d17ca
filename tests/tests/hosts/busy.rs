//! A cable is cut while the consumer does not read, because nobody reads what it writes: it cannot tell silence from its own.

use std::{
    fmt,
    io::Read,
    thread,
    time::{Duration, Instant},
};

use e2e::{
    Group, Hosts,
    Program::{Consumer, Producer},
    SOON,
    hosts::Plug,
    log::Log,
    proc::bytes_read,
};

use crate::{lines::Feeds, side_by_side};

/// Longer than the silence after which the producer gives the connection up.
const CUT: Duration = Duration::from_secs(16);

/// By then whoever knows has called again.
const CALLED: Duration = Duration::from_secs(8);

struct Case {
    consumer_calls: bool,
    plug: Plug,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.consumer_calls { "the consumer" } else { "the producer" };
        write!(out, "{who} calls; the producer's cable is cut at the {:?}", self.plug)
    }
}

/// Waits until a process has read nothing for a second: all that is to take it is full.
fn until_it_stands_still(group: &Group, number: usize) {
    let read = || bytes_read(group.pid(number)).unwrap();
    let until = Instant::now() + SOON;
    let (mut before, mut since) = (read(), Instant::now());
    while before < 1 << 20 || since.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(20));
        let now = read();
        if now != before {
            (before, since) = (now, Instant::now());
        }
        assert!(Instant::now() < until, "it reads on");
    }
}

#[test]
fn a_consumer_that_does_not_read_loses_nothing_either() {
    let cases = [Case { consumer_calls: false, plug: Plug::Host }, Case { consumer_calls: true, plug: Plug::Switch }];
    side_by_side(&cases, |case| {
        let Some(hosts) = Hosts::new(2) else { return };
        let mut group = Group::new();
        let log = Log::common(105, 5000);
        let (feed, writer) = std::io::pipe().unwrap();
        let (mut answer, stdout) = std::io::pipe().unwrap();
        let url = |host: usize| format!("tcp://{}:7000", hosts[host].address());
        let (called, consumer_says, producer_says) = match case.consumer_calls {
            true => (url(0), "--from", "--listen"),
            false => (url(1), "--listen", "--to"),
        };
        let consumer = group.run_into(&hosts[1], Consumer, &[consumer_says, &called, "--insecure", "json"], stdout);
        let producer = group.start_at(&hosts[0], Producer, &["apache", producer_says, &called, "--insecure"], feed);
        let feeds = Feeds::flood(vec![writer], log.text());
        until_it_stands_still(&group, producer);
        hosts[0].cut(case.plug);
        thread::sleep(CUT);
        hosts[0].join(case.plug);
        thread::sleep(CALLED);
        let reader = thread::Builder::new().spawn(move || {
            let mut text = String::new();
            answer.read_to_string(&mut text).map(|_| text)
        });
        let times = feeds.stop()[0];
        group.wait(producer, SOON).exits(0);
        group.wait(consumer, SOON).exits(0);
        let text = reader.unwrap().join().unwrap().unwrap();
        let lines: Vec<String> = log.0.iter().map(|entry| entry.json()).collect();
        assert_eq!(text.lines().count() as u64, log.len() as u64 * times);
        assert!(text.lines().eq(lines.iter().cycle().take(log.len() * times as usize)), "not the lines of the log");
    });
}
