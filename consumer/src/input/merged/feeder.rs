//! One of several streams: the thread that reads it, and how its sender hears of the end.

use std::{
    io::{self, Read},
    sync::Arc,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use recpipe::{
    Error,
    transport::link::{Inlet, Steering},
    wire::{Ending, Incoming, Reader},
};

use super::{Event, Fed, Shared};
use crate::input::{
    Receipt,
    foreign::{Pipe, reap},
};

/// What one stream is read from.
pub(super) enum Stream {
    Link(Inlet),
    Child(Pipe),
}

impl Stream {
    pub(super) fn peer(&self) -> &str {
        match self {
            Stream::Link(inlet) => inlet.peer(),
            Stream::Child(pipe) => &pipe.peer,
        }
    }

    /// Whoever sends is told, and has gone when it returns.
    pub(super) fn close(self, ending: &Ending) -> Result<(), Error> {
        match self {
            Stream::Link(inlet) => inlet.close(ending.clone()),
            Stream::Child(Pipe { records, child, .. }) => {
                drop(records);
                reap(child);
                Ok(())
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Link(inlet) => inlet.read(into),
            Stream::Child(pipe) => pipe.records.read(into),
        }
    }
}

/// Starts the thread that reads a stream.
pub(super) fn feed(shared: &Arc<Shared>, stream: Stream, to: Sender<Event>) -> Result<(), Error> {
    let peer: Arc<str> = stream.peer().into();
    let (gate, opened) = bounded::<()>(1);
    let mut desk = shared.desk();
    for number in std::mem::take(&mut desk.parted) {
        if let Some(fed) = desk.streams.remove(&number) {
            let _ = fed.feeder.join();
        }
    }
    if desk.signal.is_some() {
        // It came too late: it is hung up on.
        return Ok(());
    }
    let steering = match &stream {
        Stream::Link(inlet) => {
            let steering = inlet.steering();
            if desk.stopped {
                steering.stop();
            }
            if let Some(plan) = &desk.plan {
                steering.plan(plan.clone());
            }
            Some(steering)
        }
        Stream::Child(pipe) => {
            desk.stoppers.push(pipe.stopper.clone());
            None
        }
    };
    if desk.is_open {
        let _ = gate.send(());
    } else {
        desk.gates.push(gate);
    }
    desk.begun += 1;
    let number = desk.begun;
    let (mine, told) = (shared.clone(), steering.clone());
    let read = move || {
        let (reader, last) = read_all(stream, &peer, told.as_ref(), &opened, &to);
        match (reader, last) {
            (Some(reader), Some(last)) if mine.is_endless => part(&mine, number, reader, last),
            (reader, _) => reader,
        }
    };
    let feeder = std::thread::Builder::new().name("read".into()).spawn(read);
    let feeder = feeder.map_err(|error| Error::io("cannot start a thread", error))?;
    desk.streams.insert(number, Fed { steering, feeder });
    Ok(())
}

/// Reads a stream to its end, or until nobody takes what it gives; for a whole one, the number of
/// frames up to its last batch, too.
fn read_all(
    stream: Stream,
    peer: &Arc<str>,
    steering: Option<&Steering>,
    opened: &Receiver<()>,
    to: &Sender<Event>,
) -> (Option<Reader<Stream>>, Option<u64>) {
    let event = |what, before| {
        let receipt = steering.map(|steering| Receipt { steering: steering.clone(), before });
        Event { peer: peer.clone(), what, receipt }
    };
    let mut reader = match Reader::new(stream) {
        Ok(reader) => reader,
        Err(error) => {
            let _ = to.send(event(Err(error), 0));
            return (None, None);
        }
    };
    let (mut begun, mut last) = (false, 0);
    loop {
        let what = reader.read();
        if matches!(what, Ok(Some(Incoming::Batch(_)))) {
            last = reader.totals().frames;
        }
        let is_schema = matches!(what, Ok(Some(Incoming::Schema(_))));
        let is_end = matches!(what, Ok(Some(Incoming::End(_)) | None) | Err(_));
        let is_whole = matches!(what, Ok(Some(Incoming::End(_))));
        if to.send(event(what, reader.totals().frames)).is_err() || is_end {
            return (Some(reader), is_whole.then_some(last));
        }
        if is_schema && !std::mem::replace(&mut begun, true) && opened.recv().is_err() {
            return (Some(reader), None);
        }
    }
}

/// Tells the sender of a whole stream that all is well, once its records are done with: nobody knows when the answer will be
/// there. The reader, where that was not to be waited for.
fn part(shared: &Shared, number: usize, reader: Reader<Stream>, last: u64) -> Option<Reader<Stream>> {
    if !matches!(reader.input(), Stream::Link(inlet) if inlet.settle(last)) {
        return Some(reader);
    }
    // A sender that has gone meanwhile has lost nothing.
    let _ = reader.into_input().close(&Ending::default());
    shared.desk().parted.push(number);
    None
}
