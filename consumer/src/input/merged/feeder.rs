//! One of several streams: the thread that reads it, and how its sender hears of the end.

use std::{
    io::{self, Read},
    net::Shutdown,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use recpipe::{
    Error, Exit,
    transport::{
        exec::Child,
        link::{RecvLink, Steering},
    },
    wire::{Ending, Incoming, Reader},
};

use super::{
    Event,
    desk::{Fed, Shared},
    sender_name,
};
use crate::{
    input::{
        Receipt,
        child::{Pipe, reap, settle},
        hosts::Called,
    },
    senders::SenderId,
};

/// What calls a host may take so long to end when it was hung up on.
const A_MOMENT: Duration = Duration::from_millis(500);

/// What one stream is read from.
pub(super) enum Stream {
    Link(RecvLink),
    Host(Called),
    Pipe(Pipe),
}

impl Stream {
    pub(super) fn peer(&self) -> &str {
        match self {
            Stream::Link(recv_link) | Stream::Host(Called { recv_link, .. }) => recv_link.peer(),
            Stream::Pipe(pipe) => &pipe.peer,
        }
    }

    /// Whoever sends is told, and has gone when it returns.
    pub(super) fn close(self, ending: &Ending, until: Instant) -> Result<(), Error> {
        match self {
            Stream::Link(recv_link) => recv_link.close(ending.clone()),
            Stream::Host(Called { recv_link, child, socket }) => {
                let told = recv_link.close(ending.clone());
                let _ = socket.shutdown(Shutdown::Both);
                // How its stream ended tells more than its exit does.
                told.and(child.end_by(until + A_MOMENT))
            }
            Stream::Pipe(Pipe { records, children, .. }) => {
                drop(records);
                children.into_iter().for_each(reap);
                Ok(())
            }
        }
    }

    /// The children that write it.
    fn children(&mut self) -> Option<&mut Vec<Child>> {
        match self {
            Stream::Link(_) | Stream::Host(_) => None,
            Stream::Pipe(pipe) => Some(&mut pipe.children),
        }
    }

    /// How it ended, with the children that wrote it.
    fn settle(&mut self, read: Result<Ending, Error>) -> Result<Ending, Error> {
        match self.children() {
            Some(children) => settle(children, read),
            None => read,
        }
    }

    /// A pipe or a file may hold several streams.
    fn begin(self) -> Result<Reader<Self>, Error> {
        match self {
            Stream::Link(_) | Stream::Host(_) => Reader::new(self),
            Stream::Pipe(_) => Reader::of_several(self),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Link(recv_link) | Stream::Host(Called { recv_link, .. }) => recv_link.read(into),
            Stream::Pipe(pipe) => pipe.records.read(into),
        }
    }
}

/// Starts the thread that reads a stream. One that cannot be read, for want of a thread, does not count as begun.
pub(super) fn feed(shared: &Arc<Shared>, stream: Stream, to: Sender<Event>) -> Result<(), Error> {
    let peer: Arc<str> = stream.peer().into();
    let name = sender_name(&peer);
    let (gate, opened) = bounded::<()>(1);
    let mut desk = shared.desk();
    if desk.signal.is_some() || desk.closing {
        // It came too late: it is hung up on.
        return Ok(());
    }
    let steering = match &stream {
        Stream::Link(recv_link) | Stream::Host(Called { recv_link, .. }) => {
            let steering = recv_link.steering();
            if desk.stopped {
                steering.stop();
            }
            if let Some(plan) = &desk.plan {
                steering.pushdown(plan.clone());
            }
            if let Stream::Host(Called { socket, .. }) = &stream {
                desk.hosts.extend(socket.try_clone().ok());
            }
            Some(steering)
        }
        Stream::Pipe(pipe) => {
            desk.stoppers.push(pipe.stopper.clone());
            None
        }
    };
    let number = desk.begun + 1;
    let (mine, told) = (shared.clone(), steering.clone());
    let read = move || {
        let (reader, over) = read_all(stream, (number, &peer, &name), told.as_ref(), &opened, &to);
        if mine.is_endless { part(&mine, number, reader, over) } else { reader }
    };
    let feeder = std::thread::Builder::new().name("read".into()).spawn(read);
    let feeder = feeder.map_err(|error| Error::io("cannot start a thread", error))?;
    desk.begun = number;
    if desk.is_open {
        let _ = gate.send(());
    } else {
        desk.gates.push(gate);
    }
    desk.streams.insert(number, Fed { steering, feeder });
    Ok(())
}

/// How the reading of a stream ended.
enum Over {
    /// At its end. The number of frames up to its last batch.
    Whole(u64),
    /// It was lost, or is no stream: why.
    Broken(String),
    /// That is our doing: nobody takes more.
    Left,
}

/// Reads a stream to its end, or until nobody takes what it gives.
fn read_all(
    mut stream: Stream,
    (sender, peer, name): (SenderId, &Arc<str>, &Arc<str>),
    steering: Option<&Steering>,
    opened: &Receiver<()>,
    to: &Sender<Event>,
) -> (Option<Reader<Stream>>, Over) {
    let event = |what, before, at_rest| {
        let receipt = steering.map(|steering| Receipt { steering: steering.clone(), before });
        Event { peer: peer.clone(), sender, name: name.clone(), at_rest, what, receipt }
    };
    let mut children = stream.children().map(std::mem::take).unwrap_or_default();
    let mut reader = match stream.begin() {
        Ok(reader) => reader,
        Err(error) => {
            let error = settle(&mut children, Err(error)).err().unwrap_or(Error::Protocol("what has failed has ended well"));
            let over = Over::of(&error);
            return (None, if to.send(event(Err(error), 0, false)).is_ok() { over } else { Over::Left });
        }
    };
    if let Some(kept) = reader.input_mut().children() {
        *kept = children;
    }
    let (mut begun, mut last) = (false, 0);
    loop {
        let what = match reader.read() {
            Ok(Some(Incoming::End(ending))) => reader.input_mut().settle(Ok(ending)).map(|ending| Some(Incoming::End(ending))),
            Err(error) => reader.input_mut().settle(Err(error)).map(|_| None),
            what => what,
        };
        if matches!(what, Ok(Some(Incoming::Batch(_)))) {
            last = reader.totals().frames;
        }
        let is_schema = matches!(what, Ok(Some(Incoming::Schema(_))));
        let over = match &what {
            Ok(Some(Incoming::End(_))) => Some(Over::Whole(last)),
            Ok(None) => Some(Over::Left),
            Ok(Some(_)) => None,
            Err(error) => Some(Over::of(error)),
        };
        // What nobody took was not taken.
        let over = if to.send(event(what, reader.totals().frames, reader.is_at_rest())).is_ok() { over } else { Some(Over::Left) };
        if let Some(over) = over {
            return (Some(reader), over);
        }
        if is_schema && !std::mem::replace(&mut begun, true) && opened.recv().is_err() {
            return (Some(reader), Over::Left);
        }
    }
}

impl Over {
    fn of(error: &Error) -> Self {
        if error.is_broken_pipe() { Over::Left } else { Over::Broken(error.to_string()) }
    }
}

/// Lets go of a stream that is over, of any number: nobody knows when the answer will be there. The sender of a whole one is
/// told that all is well, once its records are done with; that of a broken one, if it is there, that it is not. The reader,
/// where the end of all came first.
fn part(shared: &Shared, number: usize, reader: Option<Reader<Stream>>, over: Over) -> Option<Reader<Stream>> {
    let settled = match (reader.as_ref().map(Reader::input), &over) {
        (Some(Stream::Link(recv_link)), Over::Whole(last)) => recv_link.settle(*last),
        _ => false,
    };
    let (leaves, closing) = {
        let desk = shared.desk();
        (desk.leaves(), desk.closing)
    };
    let ending = match over {
        // One that has gone before its records were done with is told nothing, and nothing is kept of it.
        Over::Whole(_) if settled || !leaves && !closing => Ending::default(),
        // Whoever is told to leave breaks off: that one is told of the end of all.
        Over::Broken(cause) if !leaves => Ending { exit: Exit::Incomplete, cause, rejected: 0 },
        _ => return reader,
    };
    if let Some(reader) = reader {
        // A sender that has gone meanwhile has lost nothing by it.
        let _ = reader.into_input().close(&ending, Instant::now() + A_MOMENT);
    }
    // This thread, which is done, is nobody's to be waited for.
    shared.desk().streams.remove(&number);
    None
}
