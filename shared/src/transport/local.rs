//! A stream within one process: who makes the records hands over batches as they are, and nothing is encoded, copied or checksummed.
//!
//! It is what a pipe is between two processes: bounded, so that a slow reader slows the writer down; with an [`Ending`], without
//! which nobody takes what came for the whole; and closed when either end goes. What the reader needs goes the other way
//! ([`Receiver::advise`]), and that it has gone wakes a writer that waits for its own input ([`Sender::when_gone`]).

use std::{
    fmt, io,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use crossbeam_channel::{self as channel, select};

use super::watch::{self, Guard};
use crate::{
    Batch, Error, Schema,
    wire::{Ending, Incoming, Pushdown, RawBatch, Warning},
};

/// Batches that may wait: one that is taken, one that is ready, and one to smooth out jitter.
const WAITING: usize = 3;

/// Makes both ends.
///
/// # Examples
/// ```
/// use recpipe::{transport::local, wire::{Ending, Incoming}};
///
/// let (sender, mut receiver) = local::channel();
/// sender.end(&Ending::default())?;
/// assert!(matches!(receiver.read()?, Some(Incoming::End(_))));
/// assert!(receiver.read()?.is_none());
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn channel() -> (Sender, Receiver) {
    let (to, from) = channel::bounded(WAITING);
    let (stop, stopped) = channel::bounded(1);
    let shared = Arc::<Mutex<Shared>>::default();
    let receiver =
        Receiver { from, stop, stopped, shared: shared.clone(), batches: 0, records: 0, at_rest: false, is_over: false, reader_gone: None };
    (Sender { to, shared }, receiver)
}

/// What both ends know.
#[derive(Default)]
struct Shared {
    /// What the receiver needs, until it was heard.
    pushdown: Option<Pushdown>,
    gone: bool,
    when_gone: Option<Box<dyn Fn() + Send>>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of whoever makes the records. Clones are the same.
#[derive(Clone)]
pub struct Sender {
    to: channel::Sender<Message>,
    shared: Arc<Mutex<Shared>>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Sender")
    }
}

#[derive(Debug)]
enum Message {
    Schema { schema: Arc<Schema>, at_rest: bool },
    Batch(Batch),
    Warning(Warning),
    End(Ending),
}

impl Sender {
    /// Announces the fields of what follows. `at_rest`: all records were there before
    /// ([`Writer::set_at_rest`](crate::wire::Writer::set_at_rest)).
    ///
    /// # Errors
    /// The receiver has gone ([`Error::is_broken_pipe`]).
    pub fn schema(&self, schema: &Arc<Schema>, at_rest: bool) -> Result<(), Error> {
        self.send(Message::Schema { schema: schema.clone(), at_rest })
    }

    /// Hands over a batch, whose fields were announced; waits while too many wait already.
    ///
    /// # Errors
    /// As for [`Sender::schema`].
    pub fn batch(&self, batch: Batch) -> Result<(), Error> {
        self.send(Message::Batch(batch))
    }

    /// Tells of a failure after which the stream goes on.
    ///
    /// # Errors
    /// As for [`Sender::schema`].
    pub fn warn(&self, warning: &Warning) -> Result<(), Error> {
        self.send(Message::Warning(warning.clone()))
    }

    /// The proven end.
    ///
    /// # Errors
    /// As for [`Sender::schema`].
    pub fn end(&self, ending: &Ending) -> Result<(), Error> {
        self.send(Message::End(ending.clone()))
    }

    fn send(&self, message: Message) -> Result<(), Error> {
        self.to.send(message).map_err(|_| Error::io("cannot hand over the records", io::ErrorKind::BrokenPipe.into()))
    }

    /// What the receiver needs, if it has said so by now; it is given once. Never waits.
    pub fn hear(&self) -> Option<Pushdown> {
        lock(&self.shared).pushdown.take()
    }

    /// Calls `wake` when the receiver has gone, at once where it has: a writer that waits for input would not notice.
    pub fn when_gone(&self, wake: impl Fn() + Send + 'static) {
        let mut shared = lock(&self.shared);
        if shared.gone {
            drop(shared);
            wake();
        } else {
            shared.when_gone = Some(Box::new(wake));
        }
    }
}

/// The end of whoever takes the records.
pub struct Receiver {
    from: channel::Receiver<Message>,
    stop: channel::Sender<()>,
    stopped: channel::Receiver<()>,
    shared: Arc<Mutex<Shared>>,
    batches: u64,
    records: u64,
    at_rest: bool,
    /// Nothing more is read: after the end, or a [`Stopper`].
    is_over: bool,
    reader_gone: Option<(watch::Stopper, JoinHandle<()>)>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Receiver").field("batches", &self.batches).finish_non_exhaustive()
    }
}

/// Ends the reads of a [`Receiver`], from any thread.
#[derive(Clone, Debug)]
pub struct Stopper(channel::Sender<()>);

impl Stopper {
    /// The read that waits, and every one after it, fails with [`io::ErrorKind::BrokenPipe`].
    pub fn stop(&self) {
        // That it is full says that it was done already.
        let _ = self.0.try_send(());
    }
}

impl Receiver {
    /// What comes next; `None` after the end.
    ///
    /// # Errors
    /// A broken pipe where it was stopped; [`Error::Lost`] where the sender has gone without an end.
    pub fn read(&mut self) -> Result<Option<Incoming>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let stopped = || Error::io("cannot take the records", io::ErrorKind::BrokenPipe.into());
        // A reason to stop counts before what is there.
        let received = match self.stopped.try_recv() {
            Ok(()) => None,
            Err(_) => select! {
                recv(self.stopped) -> _ => None,
                recv(self.from) -> message => Some(message),
            },
        };
        let Some(received) = received else {
            self.is_over = true;
            return Err(stopped());
        };
        let Ok(message) = received else {
            self.is_over = true;
            return Err(Error::lost("what makes the records has ended without an end of their stream"));
        };
        Ok(Some(match message {
            Message::Schema { schema, at_rest } => {
                self.at_rest = at_rest;
                Incoming::Schema(schema)
            }
            Message::Batch(batch) => {
                let order = self.batches;
                self.batches += 1;
                self.records += batch.len() as u64;
                Incoming::Batch(RawBatch::whole(batch, order))
            }
            Message::Warning(warning) => Incoming::Warning(warning),
            Message::End(ending) => {
                self.is_over = true;
                Incoming::End(ending)
            }
        }))
    }

    /// Tells the sender what is needed of the records: advice, which may come too late for the first of them.
    pub fn advise(&self, pushdown: &Pushdown) {
        lock(&self.shared).pushdown = Some(pushdown.clone());
    }

    /// Records so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Whether all records were there when the stream began; known from its first schema on.
    pub fn is_at_rest(&self) -> bool {
        self.at_rest
    }

    /// What ends the reads.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// From now on, reads also end when `output` has no reader any more.
    ///
    /// # Errors
    /// When the system has no file descriptors or threads left.
    pub fn watch_output(&mut self, output: OwnedFd) -> Result<(), Error> {
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
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some((stopper, thread)) = self.reader_gone.take() {
            stopper.stop();
            // That it panicked changes nothing for whoever wants no more.
            let _ = thread.join();
        }
        let mut shared = lock(&self.shared);
        shared.gone = true;
        let wake = shared.when_gone.take();
        drop(shared);
        if let Some(wake) = wake {
            wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    use super::channel;
    use crate::{
        Batch, BatchBuilder, Exit, Field, Schema, Type, Value,
        wire::{Ending, Incoming, Pushdown},
    };

    fn batch(n: i128) -> Batch {
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap()));
        builder.push(&[Value::Int(n)]).unwrap();
        builder.finish().unwrap()
    }

    #[test]
    fn what_is_handed_over_comes_in_order_with_its_place() {
        thread::scope(|scope| {
            let (sender, mut receiver) = channel();
            let sending = scope.spawn(move || {
                for n in 0..20 {
                    let batch = batch(n);
                    sender.schema(batch.schema(), true).unwrap();
                    sender.batch(batch).unwrap();
                }
                sender.end(&Ending { exit: Exit::Rejects, cause: "why".into(), rejected: 1 }).unwrap();
            });
            let mut came = Vec::new();
            loop {
                match receiver.read().unwrap().unwrap() {
                    Incoming::Schema(schema) => assert_eq!(schema.len(), 1),
                    Incoming::Batch(raw) => {
                        assert_eq!((raw.place().order, raw.records()), (came.len() as u64, 1));
                        let batch = raw.decode().unwrap();
                        assert_eq!(batch.origin().order, came.len() as u64);
                        came.push(batch.row(0).get("n").unwrap().to_string());
                    }
                    Incoming::End(ending) => break assert_eq!((ending.exit, &*ending.cause), (Exit::Rejects, "why")),
                    Incoming::Warning(_) => unreachable!("there was none"),
                }
            }
            assert_eq!(came, (0..20).map(|n: i32| n.to_string()).collect::<Vec<_>>());
            assert!(receiver.is_at_rest() && receiver.records() == 20 && receiver.read().unwrap().is_none());
            sending.join().unwrap();
        });
    }

    #[test]
    fn a_sender_that_goes_without_an_end_is_no_end() {
        let (sender, mut receiver) = channel();
        sender.batch(batch(1)).unwrap();
        drop(sender);
        assert!(matches!(receiver.read().unwrap(), Some(Incoming::Batch(_))));
        assert_eq!(receiver.read().unwrap_err().exit(), Exit::Incomplete);
        assert!(receiver.read().unwrap().is_none());
    }

    #[test]
    fn a_receiver_that_goes_wakes_the_sender_and_breaks_its_pipe() {
        let (sender, receiver) = channel();
        let (woken, again) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let note = |flag: &Arc<AtomicBool>| {
            let flag = flag.clone();
            move || flag.store(true, Ordering::Relaxed)
        };
        sender.when_gone(note(&woken));
        drop(receiver);
        assert!(woken.load(Ordering::Relaxed));
        sender.when_gone(note(&again));
        assert!(again.load(Ordering::Relaxed), "it has gone already");
        assert!(sender.batch(batch(1)).unwrap_err().is_broken_pipe());
    }

    #[test]
    fn a_read_that_waits_is_stopped_and_advice_is_heard_once() {
        thread::scope(|scope| {
            let (sender, mut receiver) = channel();
            assert_eq!(sender.hear(), None);
            let pushdown = Pushdown { columns: Some(vec!["n".into()]), ..Pushdown::default() };
            receiver.advise(&pushdown);
            assert_eq!((sender.hear(), sender.hear()), (Some(pushdown), None));
            let stopper = receiver.stopper();
            let reading = scope.spawn(move || receiver.read().map(|_| ()));
            stopper.stop();
            stopper.stop();
            assert!(reading.join().unwrap().unwrap_err().is_broken_pipe());
        });
    }

    #[test]
    fn a_reader_that_goes_ends_the_reads() {
        thread::scope(|scope| {
            let (_sender, mut receiver) = channel();
            let (their_input, our_output) = std::io::pipe().unwrap();
            receiver.watch_output(our_output.into()).unwrap();
            let reading = scope.spawn(move || receiver.read().map(|_| ()));
            drop(their_input);
            assert!(reading.join().unwrap().unwrap_err().is_broken_pipe());
        });
    }
}
