//! Streams of bytes to programs that know no frames.
//!
//! Such a program can say one thing: that it reads no more. From a child that is success if it exits well; from a pipe it is, as
//! for every program in a pipe; from a socket it may be a death as well, and is taken for one.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use recpipe::transport::exec::{self, Child, Feed};
use recpipe::transport::{BlockingWriter, Url, plain_socket};
use recpipe::wire::{Ending, Warning};
use recpipe::{Error, Schema, say};
use rustix::event::{PollFd, PollFlags, poll};

use super::reader_gone::ReaderGone;
use super::{EncodedBytes, Encoding, header};
use crate::input::live::Watch;
use crate::output::{Content, Options, Outgoing, Spread, Target};

/// One program.
struct Destination {
    name: String,
    /// `None` when it reads no more.
    out: Option<File>,
    end: End,
}

/// How it is found out how it ended.
enum End {
    /// It is not.
    Unknown,
    /// It has an exit.
    Child(Child),
    /// It closes too.
    Socket,
}

impl Destination {
    fn write(&mut self, bytes: &[u8], records: u64) -> Result<(), Error> {
        let Some(out) = &self.out else { return Ok(()) };
        let Err(error) = BlockingWriter::new(out).write_all(bytes) else { return Ok(()) };
        self.out = None;
        match (error.kind(), &self.end) {
            (std::io::ErrorKind::BrokenPipe, End::Unknown | End::Child(_)) => Ok(()),
            (_, End::Socket) => Err(Error::lost(format!(
                "{} reads no more, after about {records} records; whether it has had enough or has died, it did not say: {error}",
                self.name
            ))),
            _ => Err(Error::io(format!("cannot write to {}", self.name), error)),
        }
    }

    fn close(&mut self, patience: Duration) -> Result<(), Error> {
        let out = self.out.take();
        match (std::mem::replace(&mut self.end, End::Unknown), out) {
            (End::Child(child), out) => {
                // That is its end of input.
                drop(out);
                child.wait()
            }
            (End::Socket, Some(out)) => match plain_socket::hang_up(out.into(), &self.name, patience)? {
                true => Ok(()),
                false => {
                    say!("producer: {} has not closed its end {patience:?} after all was sent; it is left to itself", self.name);
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }
}

/// All the programs that the records go to.
pub struct Streams {
    encoding: Encoding,
    destinations: Vec<Destination>,
    spread: Spread,
    patience: Duration,
    /// Whose turn it is.
    turn: usize,
    /// The fields that the header names.
    announced: Option<Arc<Schema>>,
    records: u64,
    reader_gone: Option<ReaderGone>,
}

impl Streams {
    /// To a pipe or a file.
    pub(crate) fn to_file(encoding: Encoding, out: File) -> Self {
        let destination = Destination { name: "the output".into(), out: Some(out), end: End::Unknown };
        Streams::new(encoding, vec![destination], Spread::Balance, Duration::ZERO)
    }

    fn new(encoding: Encoding, destinations: Vec<Destination>, spread: Spread, patience: Duration) -> Self {
        Streams { encoding, destinations, spread, patience, turn: 0, announced: None, records: 0, reader_gone: None }
    }

    /// # Errors
    /// A broken pipe when nobody reads any more.
    fn anybody(&self) -> Result<(), Error> {
        match self.destinations.iter().any(|destination| destination.out.is_some()) {
            true => Ok(()),
            false => Err(Error::io("the output", std::io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let records = self.records;
        self.destinations.iter_mut().try_for_each(|destination| destination.write(bytes, records))?;
        self.anybody()
    }

    /// To whoever has room, waiting until one has.
    fn balance(&mut self, bytes: &[u8]) -> Result<(), Error> {
        loop {
            self.anybody()?;
            let at = self.ready()?;
            self.turn = (at + 1) % self.destinations.len();
            self.destinations[at].write(bytes, self.records)?;
            if self.destinations[at].out.is_some() {
                return Ok(());
            }
        }
    }

    /// One that can be written to at once, or has something to say about that.
    fn ready(&self) -> Result<usize, Error> {
        let count = self.destinations.len();
        let open: Vec<(usize, &File)> = (0..count)
            .map(|step| (self.turn + step) % count)
            .filter_map(|at| self.destinations[at].out.as_ref().map(|out| (at, out)))
            .collect();
        let mut fds: Vec<_> = open.iter().map(|(_, out)| PollFd::new(*out, PollFlags::OUT)).collect();
        while fds.len() > 1 {
            match poll(&mut fds, None) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Error::io("cannot wait for the outputs", error.into())),
                Ok(_) => match fds.iter().position(|fd| !fd.revents().is_empty()) {
                    Some(first) => return Ok(open[first].0),
                    None => continue,
                },
            }
        }
        Ok(open.first().map_or(0, |(at, _)| *at))
    }

    /// # Errors
    /// The header names other fields.
    fn announce(&mut self, schema: &Arc<Schema>) -> Result<(), Error> {
        match &self.announced {
            Some(known) if self.encoding == Encoding::Csv && !known.names().eq(schema.names()) => {
                let names = |schema: &Schema| schema.names().collect::<Vec<_>>().join(", ");
                return Err(Error::Schema(format!(
                    "csv names the fields once, on its first line, and they were `{}` and are now `{}`; say with --fields which are wanted",
                    names(known),
                    names(schema)
                )));
            }
            Some(_) => return Ok(()),
            None => {}
        }
        self.announced = Some(schema.clone());
        let header = header(self.encoding, schema);
        if header.is_empty() { Ok(()) } else { self.all(&header) }
    }

    fn close(&mut self) -> Result<(), Error> {
        self.reader_gone = None;
        // All are told before the first is waited for.
        for destination in &mut self.destinations {
            if let End::Child(_) = destination.end {
                destination.out = None;
            }
        }
        let mut failed = None;
        for destination in &mut self.destinations {
            if let Err(error) = destination.close(self.patience) {
                match &failed {
                    Some(_) => say!("producer: {error}"),
                    None => failed = Some(error),
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Target for Streams {
    fn schema(&mut self, schema: &Arc<Schema>) -> Result<(), Error> {
        self.announce(schema)
    }

    fn send(&mut self, outgoing: &Outgoing) -> Result<(), Error> {
        let Content::Bytes(EncodedBytes { schema, records, bytes }) = &outgoing.content else {
            return Err(Error::Protocol("frames for a program that knows none"));
        };
        self.announce(schema)?;
        match (&self.spread, outgoing.to) {
            (Spread::Broadcast, _) => self.all(bytes)?,
            (Spread::Shard(_), Some(to)) => {
                self.destinations[to].write(bytes, self.records)?;
                self.anybody()?;
            }
            _ => self.balance(bytes)?,
        }
        self.records += records;
        Ok(())
    }

    fn warn(&mut self, _: &Warning) -> Result<(), Error> {
        // There is no place for it in these formats; it has been said.
        Ok(())
    }

    fn records(&self) -> u64 {
        self.records
    }

    fn finish(mut self: Box<Self>, _: &Ending) -> Result<(), Error> {
        self.close()
    }

    fn leave(mut self: Box<Self>, _: &Ending) -> Result<(), Error> {
        self.close()
    }

    /// They take any end for that of all records: a child is not left to go on.
    fn fail(self: Box<Self>, _: &Ending) -> Result<(), Error> {
        Ok(())
    }
}

/// Opens streams to all of `to`, or waits for programs to connect at `listen`, until `watch` ends that.
///
/// # Errors
/// When one cannot be reached or started, or does not take bytes.
pub fn open(encoding: Encoding, to: &[Url], listen: Option<(&Url, usize)>, options: &Options, watch: &Watch) -> Result<Streams, Error> {
    let mut destinations = Vec::new();
    let socket = |name, connection| Destination { name, out: Some(File::from(connection)), end: End::Socket };
    if let Some((url, count)) = listen {
        let door = plain_socket::listen(url)?;
        let waits = |error| Error::io(format!("nobody connected at {url}"), error);
        let guard = watch.guard().map_err(waits)?;
        while destinations.len() < count {
            guard.wait(&[door.as_fd()], None).map_err(waits)?;
            let (connection, name) = door.accept()?;
            destinations.push(socket(name, connection));
        }
    }
    let reach = |url: &Url| -> Result<Destination, Error> {
        Ok(match url.command() {
            Some(argv) => {
                let (child, feed) = exec::spawn(argv, false)?;
                let Feed::Pipe(out) = feed else { return Err(Error::Protocol("a pipe was asked for")) };
                Destination { name: format!("the child `{}`", child.name()), out: Some(out), end: End::Child(child) }
            }
            None => socket(url.to_string(), plain_socket::connect(url, options.connect_timeout)?),
        })
    };
    if !to.is_empty() {
        watch.waiting(|| false, || to.iter().try_for_each(|url| reach(url).map(|reached| destinations.push(reached))))?;
    }
    let outs = destinations.iter().filter_map(|destination| destination.out.as_ref()).map(|out| out.as_fd().try_clone_to_owned());
    let outs = outs.collect::<Result<Vec<_>, _>>().map_err(|error| Error::io("cannot watch the outputs", error))?;
    let mut streams = Streams::new(encoding, destinations, options.spread.clone(), options.retry_timeout);
    let watch = watch.clone();
    streams.reader_gone = Some(ReaderGone::over(outs, move || watch.stop())?);
    Ok(streams)
}
