//! Several streams as one: whichever has something is next, and each keeps its own order.
//!
//! Each stream has a thread that reads it; what it reads waits in a bounded queue that all share, so a stream waits for its
//! turn. The fields of all streams are known before the first record is looked at, except of those that begin later.

mod awaited;
mod begin;
mod desk;
mod feeder;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use crossbeam_channel::{Receiver, after, at, bounded, never, select};
use recpipe::{
    Error, Exit, Schema, say, signals,
    transport::{
        link::{Settings, Steering},
        watch::{Guard, Stopper},
    },
    wire::{Ending, Incoming, Pushdown},
};

pub(super) use self::begin::Origin;
pub(super) use self::desk::StopLinks;
use self::{
    awaited::Awaited,
    begin::{begin, sender_name},
    desk::{Desk, Shared, hang_up_later},
};
use super::{Arrived, Begun, Came, Receipt, hosts::GRACE, unite};
use crate::senders::{News, SenderId};

/// Somebody who has to come is spoken of when nothing has come for so long.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nothing has come in time.
struct Late;

/// Frames that wait to be taken, of all streams together.
const WAITING: usize = 8;

struct Event {
    peer: Arc<str>,
    sender: SenderId,
    /// What `sender` says of its records.
    name: Arc<str>,
    /// Whether all that its sender has was there when it began.
    at_rest: bool,
    what: Result<Option<Incoming>, Error>,
    receipt: Option<Receipt>,
}

impl Event {
    /// A stream that could not be begun.
    fn failed(peer: Arc<str>, sender: SenderId, error: Error) -> Self {
        Event { name: peer.clone(), peer, sender, at_rest: false, what: Err(error), receipt: None }
    }
}

/// Streams that are read as one.
pub struct Merged {
    events: Receiver<Event>,
    shared: Arc<Shared>,
    /// Streams whose fields are waited for; `None`: of one, whoever else may come.
    senders: Option<usize>,
    /// Streams that have not ended yet, of those that are expected.
    left: Option<usize>,
    /// Streams that have ended.
    over: usize,
    /// Somebody has called [`StopLinks::interrupt`] or [`StopLinks::stop`].
    interrupted: Receiver<()>,
    /// What notices that nobody reads the answer any more.
    reader_gone: Option<(Stopper, JoinHandle<()>)>,
    records: u64,
    /// The worst of the ends.
    ending: Ending,
    broken: Option<Error>,
    is_over: bool,
    /// Whether messages name the stream that they are about.
    names: bool,
    /// What is to be told of senders.
    news: VecDeque<News>,
    /// Those that have begun, and not all of whose records were there then.
    live: bool,
    known: BTreeSet<SenderId>,
    /// What came after the news that are told first.
    held: Option<Arrived>,
    /// So many senders have to be there for the answer to be one; `None`: all.
    at_least: Option<usize>,
    /// Those that never were.
    away: Vec<String>,
}

impl Merged {
    /// Reads the streams of these origins; `senders` is how many there will be, `None` if nobody knows.
    pub(super) fn new(origins: Vec<Origin>, senders: Option<usize>, settings: Settings) -> Result<Self, Error> {
        let (to, events) = bounded(WAITING);
        let names = senders != Some(1) || origins.iter().any(|origin| matches!(origin, Origin::Pipe(_) | Origin::Hosts(_)));
        let at_least = origins.iter().find_map(|origin| if let Origin::Hosts(caller) = origin { caller.at_least() } else { None });
        let desk = Desk {
            streams: BTreeMap::new(),
            plan: None,
            stoppers: Vec::new(),
            gates: Vec::new(),
            is_open: false,
            stopped: false,
            closing: false,
            signal: None,
            begun: 0,
            hang_up_at: None,
            porter: None,
            hosts: Vec::new(),
            callers: Vec::new(),
            listener: None,
        };
        let (interrupt, interrupted) = bounded(1);
        let has_parent = origins.iter().any(|origin| matches!(origin, Origin::Parent(_)));
        let shared = Arc::new(Shared { desk: Mutex::new(desk), interrupt, has_parent, is_endless: senders.is_none() });
        for origin in origins {
            begin(&shared, origin, settings, &to)?;
        }
        drop(to);
        let ending = Ending::default();
        Ok(Merged {
            events,
            shared,
            senders,
            left: senders,
            over: 0,
            interrupted,
            reader_gone: None,
            records: 0,
            ending,
            broken: None,
            is_over: false,
            names,
            news: VecDeque::new(),
            live: senders.is_none(),
            known: BTreeSet::new(),
            held: None,
            at_least,
            away: Vec::new(),
        })
    }

    pub(super) fn stopper(&self) -> StopLinks {
        StopLinks(self.shared.clone())
    }

    pub(super) fn signal(&self) -> Option<u8> {
        self.shared.desk().signal
    }

    /// What comes next; `None` when nothing does: when all is over, or a signal has come and all that had come before it
    /// is taken. Then streams that have not ended are waited for where `to_the_end`.
    fn event(&self, to_the_end: bool) -> Option<Event> {
        self.event_within(to_the_end, None).ok().flatten()
    }

    /// The same, if it comes in time.
    fn event_within(&self, to_the_end: bool, time: Option<Duration>) -> Result<Option<Event>, Late> {
        let late = time.map_or_else(never, after);
        loop {
            self.shared.desk().hang_up();
            if let Ok(event) = self.events.try_recv() {
                return Ok(Some(event));
            }
            let Desk { signal, stopped, begun, hang_up_at, .. } = *self.shared.desk();
            let hang_up = hang_up_at.map_or_else(never, at);
            if signal.is_some() && !to_the_end || (signal.is_some() || stopped) && self.over >= begun {
                return Ok(None);
            }
            select! {
                recv(self.events) -> event => return Ok(event.ok()),
                recv(self.interrupted) -> _ => {}
                recv(late) -> _ => return Err(Late),
                recv(hang_up) -> _ => {}
            }
        }
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    pub(super) fn begin(&mut self, quiet: bool) -> anyhow::Result<Begun> {
        let mut united: Option<(Arc<Schema>, Arc<str>)> = None;
        let (mut known, mut awaited) = (0, Awaited::default());
        // Of any number, one that ends before it has said what its fields are says nothing of the others.
        while self.senders.map_or(united.is_none(), |senders| known < senders) {
            let waited = if quiet { Ok(self.event(false)) } else { self.event_within(false, Some(PATIENCE)) };
            let Ok(event) = waited else {
                awaited.say(&self.shared.desk(), self.senders);
                continue;
            };
            let Some(Event { peer, what, sender, at_rest, .. }) = event else {
                if self.signal().is_some() {
                    break;
                }
                return Err(anyhow!("nobody connected"));
            };
            match what {
                Ok(Some(Incoming::Schema(schema))) => {
                    self.knows(sender, &peer, at_rest);
                    united = Some(match united {
                        None => (schema, peer),
                        Some((before, first)) => (Arc::new(unite(&before, &first, &schema, &peer)?), first),
                    });
                    known += 1;
                }
                Ok(Some(Incoming::Warning(warning))) => {
                    if !quiet {
                        say!("consumer: {peer} says: {}", warning.message);
                    }
                }
                Ok(Some(Incoming::End(ending))) => {
                    known += 1;
                    self.ended((sender, &peer), Ok(ending));
                }
                Ok(Some(Incoming::Batch(_)) | None) => return Err(anyhow!("{peer}: the stream has records before it has fields")),
                Err(error) => {
                    known += 1;
                    self.ended((sender, &peer), Err(error));
                }
            }
        }
        let mut desk = self.shared.desk();
        desk.is_open = true;
        desk.gates.drain(..).for_each(|gate| {
            // A feeder that has gone needs no gate.
            let _ = gate.send(());
        });
        drop(desk);
        if united.is_none() && self.broken.is_none() {
            self.broken = self.too_few();
        }
        match (united, self.broken.take()) {
            (Some((schema, _)), broken) => {
                self.broken = broken;
                Ok(Begun::Schema(schema))
            }
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(Begun::Ended(self.conclusion())),
        }
    }

    pub(super) fn advise(&self, plan: &Pushdown) {
        let mut desk = self.shared.desk();
        desk.steerings().for_each(|steering| steering.pushdown(plan.clone()));
        desk.plan = Some(plan.clone());
    }

    /// From now on, reads also end when `output` has no reader any more.
    pub(super) fn watch_output(&mut self, output: OwnedFd) -> Result<(), Error> {
        let (guard, stopper) = Guard::new(Some(output)).map_err(|error| Error::io("cannot make a pipe", error))?;
        let stop = self.stopper();
        let watch = move || {
            // Also where it cannot be waited for, the next write tells.
            if guard.wait(&[], None).is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
                stop.stop();
            }
        };
        let thread = std::thread::Builder::new().name("reader_gone".into()).spawn(watch);
        self.reader_gone = Some((stopper, thread.map_err(|error| Error::io("cannot start a thread", error))?));
        Ok(())
    }

    /// Says whose records the answer lacks, where enough others are there.
    ///
    /// That there are not is answered.
    fn too_few(&mut self) -> Option<Error> {
        let (least, all) = self.at_least.zip(self.senders)?;
        let away = std::mem::take(&mut self.away);
        if away.is_empty() {
            return None;
        }
        let (here, away) = (all - away.len(), away.join(", "));
        if here < least {
            return Some(Error::lost(format!("{here} of {all} hosts are there, and --at-least asks for {least}; away: {away}")));
        }
        say!("consumer: the answer is that of {here} of {all} hosts; away: {away}");
        None
    }

    /// The end of all streams.
    fn conclusion(&self) -> Ending {
        let mut ending = self.ending.clone();
        if let Some(signal) = self.signal() {
            let before = if ending.exit == Exit::Done { String::new() } else { format!("; before that, {}", ending.cause) };
            ending.exit = Exit::Signal(signal).or(ending.exit);
            ending.cause = format!("ended by {}{before}", signals::name(signal));
        }
        ending
    }

    /// Notes how a stream ended.
    fn ended(&mut self, (sender, peer): (SenderId, &str), how: Result<Ending, Error>) {
        let has_begun = self.known.remove(&sender);
        if has_begun {
            self.news.push_back(News::Ended(sender));
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.over += 1;
        match how {
            // That it was not read to its end is our doing, but not that it was lost before.
            Err(error) if self.signal().is_some() && !matches!(error, Error::Lost { .. }) => {}
            Ok(ending) => {
                self.ending.rejected += ending.rejected;
                if ending.exit != Exit::Done && self.ending.exit == Exit::Done {
                    let cause = if self.names { format!("{peer}: {}", ending.cause) } else { ending.cause };
                    (self.ending.exit, self.ending.cause) = (ending.exit, cause);
                }
            }
            Err(error) => {
                if self.senders != Some(1) {
                    match error.names_peer() {
                        true => say!("consumer: {error}"),
                        false => say!("consumer: {peer}: {error}"),
                    }
                }
                // What came of one that was lost later is in the answer, which is that of no number of senders then.
                if self.at_least.is_some() && !has_begun && matches!(error, Error::Lost { .. }) {
                    self.away.push(peer.to_owned());
                    return;
                }
                let is_named = !self.names || self.senders != Some(1) || matches!(error, Error::Child { .. }) || error.names_peer();
                self.broken.get_or_insert(if is_named { error } else { error.of_input(peer) });
            }
        }
    }

    /// A sender has said what its fields are.
    fn knows(&mut self, sender: SenderId, name: &Arc<str>, at_rest: bool) {
        if self.known.insert(sender) {
            self.live |= !at_rest;
            self.news.push_back(News::Begun { sender, name: name.clone(), at_rest });
        }
    }

    /// See [`super::Input::is_live`].
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    pub(super) fn read(&mut self) -> Result<Option<Arrived>, Error> {
        loop {
            if let Some(news) = self.news.pop_front() {
                let (News::Begun { sender, .. } | News::Ended(sender)) = news;
                return Ok(Some(Arrived { what: Came::News(news), sender, name: "".into(), receipt: None }));
            }
            if let Some(held) = self.held.take() {
                return Ok(Some(held));
            }
            if self.left == Some(0) {
                if std::mem::replace(&mut self.is_over, true) {
                    return Ok(None);
                }
                // One that was lost makes the whole incomplete, when all the others have been read to their ends.
                return match self.broken.take().or_else(|| self.too_few()) {
                    Some(error) => Err(error),
                    None => Ok(Some(Arrived::frame(Incoming::End(self.conclusion())))),
                };
            }
            let Some(Event { peer, sender, name, at_rest, what, receipt }) = self.event(true) else {
                self.left = Some(0);
                continue;
            };
            match what {
                Ok(Some(Incoming::End(ending))) => self.ended((sender, &peer), Ok(ending)),
                Ok(Some(what)) => {
                    match &what {
                        Incoming::Batch(raw) => self.records += u64::from(raw.records()),
                        Incoming::Schema(_) => self.knows(sender, &peer, at_rest),
                        _ => {}
                    }
                    self.held = Some(Arrived { what: Came::Frame(what), sender, name, receipt });
                }
                Ok(None) => {}
                Err(error) if error.is_broken_pipe() => return Err(error),
                Err(error) => self.ended((sender, &peer), Err(error)),
            }
        }
    }

    pub(super) fn close(self, ending: &Ending) -> Result<(), Error> {
        let Merged { events, shared, reader_gone, .. } = self;
        let (listener, porter, callers) = {
            let mut desk = shared.desk();
            desk.closing = true;
            desk.gates.clear();
            desk.steerings().for_each(Steering::hurry);
            desk.stoppers.iter().for_each(Stopper::stop);
            (desk.listener.take(), desk.porter.take(), std::mem::take(&mut desk.callers))
        };
        if let Some((stopper, thread)) = reader_gone {
            stopper.stop();
            let _ = thread.join();
        }
        // Those that are known may still come back, and hear of the end.
        if let Some(listener) = &listener {
            listener.expect_nobody();
        }
        // Whoever waits to hand something over finds nobody there.
        drop(events);
        if let Some(porter) = porter {
            let _ = porter.join();
        }
        for caller in callers {
            let _ = caller.join();
        }
        let (streams, hosts) = {
            let mut desk = shared.desk();
            (std::mem::take(&mut desk.streams), std::mem::take(&mut desk.hosts))
        };
        let (_told, until) = (hang_up_later(hosts), Instant::now() + GRACE);
        let mut closed = Ok(());
        for fed in streams.into_values() {
            if let Ok(Some(reader)) = fed.feeder.join() {
                let told = reader.into_input().close(ending, until);
                closed = closed.and(told);
            }
        }
        closed
    }
}
