//! A target on a thread of its own (the seeds' `threaded(target)`).

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{Flow, Stage};
use crate::{Batch, Error, Time};

/// Batches that may wait before the thread: one it works on, one that is ready, and one to smooth out jitter.
const WAITING: usize = 3;

/// See [`threaded`].
pub struct Threaded {
    /// `None` when the thread has been told to end.
    to: Option<Sender<Sent>>,
    has_enough: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

enum Sent {
    Batch(Batch),
    Flush,
    Punctuate(Time),
    Close,
    Fail(String),
}

/// A stage whose target runs on another thread, to which a bounded queue leads: whoever sends waits while it is full.
///
/// `make` makes the target there, so it need not be [`Send`]. Its errors come back with the next call, at the latest with `close`,
/// which waits for the thread; that it has enough is known a few batches later. Dropping the stage without `close` ends the thread without
/// closing the target. An error that [`Stage::fail`] passes on is [`Error::Data`] there, with its words.
///
/// # Errors
/// [`Error::Io`] when the system starts no thread.
///
/// # Examples
/// ```
/// use recpipe::{Stage, stage::{Collect, threaded}};
///
/// let (collect, got) = Collect::new();
/// let mut stage = threaded(move || Ok(collect))?;
/// stage.close()?;
/// assert!(got.is_closed());
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn threaded<S: Stage>(make: impl FnOnce() -> Result<S, Error> + Send + 'static) -> Result<Threaded, Error> {
    let (to, from) = bounded(WAITING);
    let has_enough = Arc::new(AtomicBool::new(false));
    let says_enough = has_enough.clone();
    let thread = std::thread::Builder::new()
        .name("recpipe-stage".into())
        .spawn(move || run(make()?, &from, &says_enough))
        .map_err(|error| Error::io("cannot start a thread", error))?;
    Ok(Threaded { to: Some(to), has_enough, thread: Some(thread) })
}

/// What the thread does.
fn run(mut target: impl Stage, from: &Receiver<Sent>, says_enough: &AtomicBool) -> Result<(), Error> {
    for sent in from {
        let goes_on = !says_enough.load(Ordering::Relaxed);
        let flow = match sent {
            Sent::Batch(batch) if goes_on => target.send(batch)?,
            Sent::Punctuate(time) if goes_on => target.punctuate(time)?,
            Sent::Batch(_) | Sent::Punctuate(_) => Flow::Stop,
            Sent::Flush => target.flush().map(|()| Flow::Continue)?,
            Sent::Close => return target.close(),
            Sent::Fail(what) => {
                target.fail(&Error::Data(what));
                return Ok(());
            }
        };
        if flow == Flow::Stop {
            says_enough.store(true, Ordering::Relaxed);
        }
    }
    Ok(())
}

impl Threaded {
    fn pass(&mut self, sent: Sent) -> Result<Flow, Error> {
        let Some(to) = &self.to else { return Err(Error::Protocol("send after close")) };
        if to.send(sent).is_err() {
            // It ended before its time: with an error.
            self.join()?;
            return Ok(Flow::Stop);
        }
        Ok(if self.has_enough.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue })
    }

    fn join(&mut self) -> Result<(), Error> {
        self.to = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
    }
}

impl fmt::Debug for Threaded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Threaded").field("is_open", &self.to.is_some()).finish_non_exhaustive()
    }
}

impl Stage for Threaded {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.pass(Sent::Batch(batch))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.pass(Sent::Flush).map(|_| ())
    }

    fn close(&mut self) -> Result<(), Error> {
        let _ = self.pass(Sent::Close)?;
        self.join()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }

    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        self.pass(Sent::Punctuate(time))
    }

    fn fail(&mut self, error: &Error) {
        // One failure is being told already; what the thread says of it would be another's.
        let _ = self.pass(Sent::Fail(error.to_string()));
        let _ = self.join();
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        // Nobody else waits for it.
        let _ = self.join();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::threaded;
    use crate::{
        Error, Flow, Stage, co_sendto, gen_recvfrom,
        stage::{Collect, collect::tests::batch, from_fn},
    };

    #[test]
    fn all_comes_in_order_and_close_waits() {
        let (collect, got) = Collect::new();
        let mut stage = threaded(move || Ok(collect)).unwrap();
        for n in 0..100 {
            assert_eq!(stage.send(batch(n..n + 1)).unwrap(), Flow::Continue);
        }
        stage.flush().unwrap();
        stage.close().unwrap();
        assert!(got.is_closed());
        let numbers: Vec<_> = got.batches().iter().map(|batch| batch.row(0).value(0).to_string()).collect();
        assert_eq!(numbers, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
        assert!(matches!(stage.send(batch(0..1)), Err(Error::Protocol(_))));
    }

    #[test]
    fn enough_and_errors_come_back() {
        let mut stage = threaded(|| Ok(from_fn(|_| Ok(Flow::Stop)))).unwrap();
        while stage.send(batch(0..1)).unwrap() == Flow::Continue {}
        stage.close().unwrap();

        let mut stage = threaded(|| Ok(from_fn(|_| Err(Error::Data("no".into()))))).unwrap();
        let error = loop {
            if let Err(error) = stage.send(batch(0..1)) {
                break error;
            }
        };
        assert_eq!(error.to_string(), "no");

        let mut stage = threaded(|| -> Result<Collect, _> { Err(Error::Data("not made".into())) }).unwrap();
        assert_eq!(stage.close().unwrap_err().to_string(), "not made");
    }

    #[test]
    fn a_failure_is_told_and_closes_nothing() {
        let stream = Arc::new(Mutex::new(Vec::new()));
        struct Into(Arc<Mutex<Vec<u8>>>);
        impl std::io::Write for Into {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let into = Into(stream.clone());
        let mut stage = threaded(move || co_sendto(into)).unwrap();
        assert_eq!(stage.send(batch(0..3)).unwrap(), Flow::Continue);
        stage.fail(&Error::lost("the cable"));
        drop(stage);
        let stream = stream.lock().unwrap();
        let last = gen_recvfrom(&stream[..]).last().unwrap().unwrap_err().to_string();
        assert_eq!(last, "the producer ended with exit 1: the cable");
    }
}
