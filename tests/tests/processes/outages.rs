//! Connections that break and come back, or do not: what people are told meanwhile, and that nothing is lost.

use std::io::Write;

use e2e::{
    Ended, Group,
    Program::{self, Consumer, Producer},
    SOON,
    log::Log,
    relay::Relay,
};
use rustix::process::Signal;

use super::links::HOSTS;

/// A producer of lines that are written by and by, and a consumer that prints their hosts; one of them calls the other through
/// a relay.
struct Connected {
    group: Group,
    relay: Relay,
    url: String,
    log: Log,
    writer: Option<std::io::PipeWriter>,
    caller: usize,
    listener: usize,
    consumer: usize,
}

impl Connected {
    /// The caller is this program. Half of the lines have come when it returns.
    fn new(caller: Program, options: &[&str]) -> Self {
        Connected::with(caller, options, options)
    }

    /// The same with options for the caller and for the listener.
    fn with(caller: Program, of_caller: &[&str], of_listener: &[&str]) -> Self {
        let mut group = Group::new();
        let (relay, log) = (Relay::new(), Log::common(401, 200));
        let (url, listens_at) = (relay.url(), relay.listener_url());
        let (reader, writer) = std::io::pipe().unwrap();
        let (to, from) = if caller == Producer { ("--to", "--listen") } else { ("--listen", "--from") };
        let at = |is_caller: bool| if is_caller { &*url } else { &*listens_at };
        let options = |program| if program == caller { of_caller } else { of_listener };
        let consumer = group.run(Consumer, &[options(Consumer), &[from, at(caller == Consumer), HOSTS]].concat());
        let producer = group.start(Producer, &[&["apache"], options(Producer), &[to, at(caller == Producer)]].concat(), reader);
        let (caller, listener) = if caller == Producer { (producer, consumer) } else { (consumer, producer) };
        let mut connected = Connected { group, relay, url, log, writer: Some(writer), caller, listener, consumer };
        connected.write(0);
        connected
    }

    /// Writes this half of the lines, and waits until they have come.
    fn write(&mut self, half: usize) {
        let text = self.log.text();
        let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
        let part = lines[half * 100..][..100].concat();
        self.writer.as_mut().unwrap().write_all(&part).unwrap();
        let consumer = self.consumer;
        self.group.until("the lines have come", SOON, |group| group.ended(consumer).stdout.lines().count() == (half + 1) * 100);
    }

    /// Sends the rest, and asserts that all has come, once; what the caller and the listener said.
    fn ends_well(mut self) -> [Vec<String>; 2] {
        self.write(1);
        self.writer = None;
        let ended: [Ended; 2] = [self.caller, self.listener].map(|number| self.group.wait(number, SOON).exits(0));
        let hosts: String = self.log.0.iter().map(|entry| entry.host.clone() + "\n").collect();
        self.group.ended(self.consumer).prints(&hosts);
        ended.map(|ended| ended.stderr.lines().map(str::to_owned).collect())
    }
}

#[test]
fn a_connection_that_breaks_is_spoken_of_once_and_so_is_its_return() {
    for caller in [Producer, Consumer] {
        let connected = Connected::new(caller, &[]);
        connected.relay.cut();
        connected.group.until_it_says(connected.caller, "calls again for up to 30s", SOON);
        connected.relay.join();
        connected.group.until_it_says(connected.caller, "is connected again", SOON);
        let who = format!("{}: {}", caller.name(), connected.url);
        let [called, listened] = connected.ends_well();
        assert!(called.len() == 2 && called[0].starts_with(&format!("{who}: the connection ")), "{called:?}");
        assert!(called[1].starts_with(&format!("{who} is connected again, after ")), "{called:?}");
        assert!(called[1].ends_with(" s; nothing was lost"), "{called:?}");
        // There it was the caller that came back, before anything else was noticed.
        assert!(listened.is_empty(), "{listened:?}");
    }
}

#[test]
fn one_that_is_mended_at_once_is_not_spoken_of_nor_any_to_whoever_wants_no_words() {
    for caller in [Producer, Consumer] {
        // On a machine that has too much to do it may take longer than the second after which it is spoken of.
        let is_quiet = (0..20).any(|_| {
            let connected = Connected::new(caller, &[]);
            connected.relay.blink();
            let said = connected.ends_well();
            let lasted = said.iter().flatten().filter_map(|line| line.split_once(" is connected again, after "));
            for (_, lasted) in lasted {
                assert!(lasted.split_once(" s; ").is_some_and(|(s, _)| s.parse::<f64>().is_ok_and(|s| s >= 1.0)), "{said:?}");
            }
            said.iter().all(Vec::is_empty)
        });
        assert!(is_quiet, "each of twenty was spoken of");
    }
    // The other one shows that it was noticed.
    let [quiet, other] = [&["-q"][..], &[]].map(|options| Connected::new(Producer, options));
    [&quiet, &other].iter().for_each(|connected| connected.relay.cut());
    other.group.until_it_says(other.caller, "calls again", SOON);
    [&quiet, &other].iter().for_each(|connected| connected.relay.join());
    assert_eq!(quiet.ends_well(), [Vec::<String>::new(), Vec::new()]);
    assert_eq!(other.ends_well()[0].len(), 2);
}

/// What the one before it has sent is not known to the new one: that is no return.
#[test]
fn a_producer_that_was_started_again_is_not_taken_for_the_one_before_it() {
    let Connected { mut group, relay, caller: consumer, listener: producer, log, writer: _open, .. } = Connected::new(Consumer, &[]);
    relay.cut();
    group.signal(producer, Signal::KILL);
    group.wait(producer, SOON);
    group.scratch().write("log", log.text());
    let again = group.run(Producer, &["apache", "log", "--listen", &relay.listener_url()]);
    group.until_it_says(consumer, "calls again", SOON);
    relay.join();
    let ended = group.wait(consumer, SOON).exits(3).says("was started again");
    assert!(ended.stdout.lines().count() == 100 && !ended.stderr.contains("nothing was lost"), "{ended}");
    group.wait(again, SOON).exits(3);
}

#[test]
fn one_that_does_not_come_back_is_spoken_of_by_both_ends() {
    for (caller, listener) in [(Producer, Consumer), (Consumer, Producer)] {
        let Connected { mut group, relay, url, caller: calls, listener: listens, writer: _open, .. } =
            Connected::new(caller, &["--retry-timeout", "2s"]);
        relay.sever();
        let said = |ended: &Ended| ended.stderr.lines().next().unwrap_or_default().to_owned();
        let ended = group.wait(calls, SOON).exits(3).says("it could not be reached again");
        let first = said(&ended);
        assert!(first.starts_with(&format!("{}: {url}: the connection ", caller.name())), "{ended}");
        assert!(first.ends_with("; calls again for up to 2s"), "{ended}");
        let ended = group.wait(listens, SOON).exits(3).says("did not come back");
        let first = said(&ended);
        assert!(first.starts_with(&format!("{}: 127.0.0.1:", listener.name())), "{ended}");
        assert!(first.ends_with("; waits up to 2s for it to call again"), "{ended}");
    }
}

#[test]
fn a_signal_ends_a_consumer_whose_sender_is_away() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let Connected { mut group, relay, caller: consumer, listener: producer, writer: _open, .. } =
            Connected::with(Consumer, &["--retry-timeout", "1h"], &[]);
        relay.cut();
        group.until_it_says(consumer, "calls again for up to 3600s", SOON);
        group.signal(consumer, signal);
        let ended = group.wait(consumer, SOON).exits(code).says("it is waited for no longer");
        assert_eq!(ended.stdout.lines().count(), 100, "{ended}");
        // Its producer hears nothing, until it is told that the way is closed.
        relay.sever();
        group.wait(producer, SOON).exits(3);
    }
}

/// What it has read is sent if it can be: it waits on, and what is lost then is not the signal's doing alone.
#[test]
fn a_producer_that_was_told_to_end_waits_for_its_consumer_and_tells_what_became_of_it() {
    for (comes_back, code) in [(true, 143), (false, 3)] {
        let Connected { mut group, relay, caller: producer, listener: consumer, writer: _open, .. } =
            Connected::new(Producer, &["--retry-timeout", if comes_back { "1h" } else { "3s" }]);
        relay.cut();
        group.until_it_says(producer, "calls again", SOON);
        group.signal(producer, Signal::TERM);
        if comes_back {
            relay.join();
        }
        let ended = group.wait(producer, SOON).exits(code);
        assert_eq!(ended.stderr.contains("could not be reached again"), !comes_back, "{ended}");
        relay.sever();
        let ended = group.wait(consumer, SOON).exits(code);
        assert_eq!(ended.stdout.lines().count(), 100, "{ended}");
    }
}
