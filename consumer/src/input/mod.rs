//! Where the records come from: a pipe or file, or links to one or more producers.
//!
//! An [`Input`] gives the frames of its streams, tells the producers what the query needs and how far it is, and at the
//! end how it went.

mod child;
mod hosts;
mod interop;
mod merged;
mod open;
mod second;
mod sequence;
mod unite;

use std::{fs::File, io::Read, os::fd::AsFd, sync::Arc};

use anyhow::anyhow;
use recpipe::{
    Error, Exit, Schema, say,
    transport::{exec::Child, link::Steering, local, pipe_backchannel, watch::Stopper},
    wire::{Ending, Incoming, Pushdown, Reader},
};

use child::Pipe;
use merged::Merged;
pub use open::{open, open_file};
pub use second::{SecondOptions, open_second};
use sequence::Part;
pub use sequence::Sequence;
pub use unite::unite;

use crate::senders::{News, SenderId};

/// What came.
pub struct Arrived {
    /// A batch, or a word about a stream.
    pub what: Came,
    /// Of which stream.
    pub sender: SenderId,
    /// What who sent it is called, for `sender`.
    pub name: Arc<str>,
    /// For whoever sent it: to be told when it is done with.
    pub(crate) receipt: Option<Receipt>,
}

/// What may come.
pub enum Came {
    /// A frame of a stream.
    Frame(Incoming),
    /// A stream has begun, or ended.
    News(News),
}

impl Arrived {
    /// A frame of the only stream, whose sender need not be told.
    fn frame(what: Incoming) -> Self {
        Arrived::of("".into(), what)
    }

    /// A frame of a stream that is called so.
    fn of(name: Arc<str>, what: Incoming) -> Self {
        Arrived { what: Came::Frame(what), sender: 0, name, receipt: None }
    }
}

/// Tells a producer that a frame is done with: what it led to has been written and flushed.
pub struct Receipt {
    steering: Steering,
    before: u64,
}

impl Receipt {
    /// This frame of the stream, and all before it, are done with.
    pub fn done(&self) {
        self.steering.done(self.before);
    }
}

/// Gives the frames of one or more streams in turn.
pub trait Frames: Send {
    /// What comes next; `None` after the end.
    ///
    /// # Errors
    /// Those of [`Reader::read`]; nothing comes after one.
    fn read(&mut self) -> Result<Option<Arrived>, Error>;

    /// Records that came.
    fn records(&self) -> u64;
}

impl<R: Read + Send> Frames for Reader<R> {
    fn read(&mut self) -> Result<Option<Arrived>, Error> {
        Ok(Reader::read(self)?.map(Arrived::frame))
    }

    fn records(&self) -> u64 {
        self.totals().records
    }
}

/// What a stream begins with.
pub enum Begun {
    /// The fields of its records, which a query is checked against.
    Schema(Arc<Schema>),
    /// It ended without any: the producer failed.
    Ended(Ending),
}

/// The streams that are read.
pub enum Input {
    /// A pipe, or files.
    Plain {
        /// What reads them.
        streams: Box<Sequence>,
        /// Whether somebody may listen for advice at the other end.
        is_heard: bool,
        /// The `producer` that we have started, which writes it.
        child: Option<Child>,
    },
    /// Producers at the other ends of links.
    Links(Merged),
    /// A producer in this process.
    Local(local::Receiver),
}

/// Ends the reads of an input, from any thread.
#[derive(Clone)]
pub enum Stop {
    /// Of a pipe, or files.
    Plain {
        /// They end a read that waits.
        stoppers: Arc<[Stopper]>,
        /// Whether whoever writes it hears the same signals, as in a shell's pipe or of a parent.
        is_shared: bool,
    },
    /// Of links.
    Links(merged::StopLinks),
    /// Of a producer in this process, which hears the same signals.
    Local(local::Stopper),
}

impl Stop {
    /// Reads that wait end, and later ones find nothing.
    pub fn stop(&self) {
        match self {
            Stop::Plain { stoppers, .. } => stoppers.iter().for_each(Stopper::stop),
            Stop::Links(links) => links.stop(),
            Stop::Local(local) => local.stop(),
        }
    }

    /// A signal is to end the reading: whether it does, or whoever writes ends the stream at the same signal.
    pub(crate) fn interrupt(&self, signal: u8) -> bool {
        match self {
            Stop::Plain { is_shared, .. } => *is_shared,
            Stop::Links(links) => {
                links.interrupt(signal);
                true
            }
            Stop::Local(_) => true,
        }
    }
}

impl Input {
    /// What one `producer` writes that we have started.
    fn of_child(pipe: Pipe) -> anyhow::Result<Self> {
        let Pipe { records, stopper, mut children, peer } = pipe;
        let streams = Box::new(Sequence::new(Part::of(peer, records, stopper)?, []));
        Ok(Input::Plain { streams, is_heard: true, child: children.pop() })
    }

    /// Waits for the `producer` that we have started, where there is one and its stream has ended.
    pub(crate) fn reap(&mut self) {
        if let Input::Plain { child, .. } = self {
            child.take().into_iter().for_each(child::reap);
        }
    }

    /// What it can be stopped with.
    pub fn stop(&self) -> Stop {
        match self {
            Input::Plain { streams, .. } => Stop::Plain { stoppers: streams.stoppers(), is_shared: self.is_pipe() },
            Input::Links(links) => Stop::Links(links.stopper()),
            Input::Local(receiver) => Stop::Local(receiver.stopper()),
        }
    }

    /// Whether whoever writes it may stand beside us, as in a shell's pipe or as our parent, or in this process.
    pub fn is_pipe(&self) -> bool {
        let Input::Plain { streams, is_heard, .. } = self else { return matches!(self, Input::Local(_)) };
        let file = streams.input().as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
        *is_heard && !file.is_ok_and(|meta| meta.is_file())
    }

    /// How the streams end, if nothing comes before that.
    pub(crate) fn ends_without_records(&mut self) -> Option<Ending> {
        loop {
            match self.read().ok()??.what {
                Came::Frame(Incoming::End(ending)) => return Some(ending),
                Came::Frame(Incoming::Batch(_)) => return None,
                Came::Frame(Incoming::Schema(_) | Incoming::Warning(_)) | Came::News(_) => {}
            }
        }
    }

    /// Whether records may come that were not there when the streams began, as far as that is known when their fields are.
    pub fn is_live(&self) -> bool {
        match self {
            Input::Plain { streams, .. } => streams.is_live(),
            Input::Links(links) => links.is_live(),
            Input::Local(receiver) => !receiver.is_at_rest(),
        }
    }

    /// The signal that has ended the reading, if one has.
    pub fn signal(&self) -> Option<u8> {
        match self {
            Input::Plain { .. } | Input::Local(_) => None,
            Input::Links(links) => links.signal(),
        }
    }

    /// Reads as far as the fields of the records; of several streams, those of all.
    ///
    /// # Errors
    /// When a stream is none, or has no fields, or those of two do not fit each other.
    pub fn begin(&mut self, quiet: bool) -> anyhow::Result<Begun> {
        if let Input::Links(links) = self {
            return links.begin(quiet);
        }
        loop {
            match self.advance()? {
                Some(Incoming::Schema(schema)) => {
                    let Input::Plain { streams, .. } = self else { return Ok(Begun::Schema(schema)) };
                    return Ok(Begun::Schema(streams.united(schema)?));
                }
                Some(Incoming::Warning(warning)) if quiet => drop(warning),
                Some(Incoming::Warning(warning)) => say!("consumer: the producer says: {}", warning.message),
                // A producer that is well says what its fields are, also when there are no records.
                Some(Incoming::End(ending)) if ending.exit == Exit::Done => {
                    return Err(anyhow!("the stream ended without saying what its fields are"));
                }
                Some(Incoming::End(ending)) => return Ok(Begun::Ended(ending)),
                Some(Incoming::Batch(_)) | None => return Err(anyhow!("the stream has records before it has fields")),
            }
        }
    }

    /// What comes next of a single stream.
    fn advance(&mut self) -> Result<Option<Incoming>, Error> {
        match self {
            Input::Plain { streams, .. } => streams.advance(),
            Input::Local(receiver) => receiver.read(),
            Input::Links(_) => Err(Error::Protocol("several streams are not read as one")),
        }
    }

    /// Tells the producers what is needed of the records, where they can be told.
    pub fn advise(&self, plan: &Pushdown) {
        match self {
            // Whoever wrote into a pipe may be listening at it; of a file, nobody is. Who hears nothing sends more than is read.
            Input::Plain { streams, is_heard: true, .. } => {
                pipe_backchannel::advise(streams.input(), plan);
            }
            Input::Plain { .. } => {}
            Input::Links(links) => links.advise(plan),
            Input::Local(receiver) => receiver.advise(plan),
        }
    }

    /// From now on, reads also end when standard output has no reader any more.
    ///
    /// # Errors
    /// When standard output is closed, or there is no thread that could watch it.
    pub fn watch_output(&mut self) -> Result<(), Error> {
        match self {
            Input::Plain { streams, .. } => {
                for input in streams.inputs_mut() {
                    input.watch_output(recpipe::transport::stdio::stdout()?.into());
                }
            }
            Input::Links(links) => links.watch_output(recpipe::transport::stdio::stdout()?.into())?,
            Input::Local(receiver) => receiver.watch_output(recpipe::transport::stdio::stdout()?.into())?,
        }
        Ok(())
    }

    /// Tells the producers how it went, and waits until they know.
    ///
    /// # Errors
    /// [`Error::Lost`] when one cannot be told.
    pub fn close(self, ending: &Ending) -> Result<(), Error> {
        match self {
            Input::Plain { streams, child, .. } => {
                // It sees then that nothing more is wanted.
                drop(streams);
                child.into_iter().for_each(child::reap);
                Ok(())
            }
            Input::Links(links) => links.close(ending),
            // It sees then that nothing more is wanted.
            Input::Local(receiver) => {
                drop(receiver);
                Ok(())
            }
        }
    }
}

impl Frames for Input {
    fn read(&mut self) -> Result<Option<Arrived>, Error> {
        match self {
            Input::Plain { streams, .. } => streams.read(),
            Input::Links(links) => links.read(),
            Input::Local(receiver) => Ok(receiver.read()?.map(Arrived::frame)),
        }
    }

    fn records(&self) -> u64 {
        match self {
            Input::Plain { streams, .. } => streams.records(),
            Input::Links(links) => links.records(),
            Input::Local(receiver) => receiver.records(),
        }
    }
}
