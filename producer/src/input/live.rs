//! Reading from what may never end: a pipe or a terminal, watched together with the reader of our output.
//!
//! `tail -f x | producer apache | consumer 'head 1'`: when the consumer has gone, nothing is written any more that
//! could fail, and a blocked `read` would wait for the next line for ever. So a live input is read through
//! [`Watched`], which ends the read as soon as our output has no reader, or [`Watch::stop`] is called.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use recpipe::Error;
use recpipe::transport::watch::{Guard, Stopper, Watched};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::block::Feed;

/// Ends the reading, whichever input it is at: because the output's reader has gone, or somebody said so.
///
/// Clones act as one.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    output: Option<Arc<OwnedFd>>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    signal: Option<u8>,
    current: Option<Stopper>,
    waits: Option<Waits>,
}

/// Ends what is waited for; false where that cannot be ended gently.
struct Waits(Box<dyn Fn() -> bool + Send>);

impl std::fmt::Debug for Waits {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Waits")
    }
}

impl Watch {
    /// Watches over nobody; the reading ends when [`Watch::stop`] is called.
    pub fn nothing() -> Self {
        Watch::default()
    }

    /// Watches over the reader of `output`.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn over(output: impl AsFd) -> io::Result<Self> {
        Ok(Watch { output: Some(Arc::new(output.as_fd().try_clone_to_owned()?)), ..Watch::default() })
    }

    /// Whether the reading has been ended.
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Ends the reading; a read that waits wakes up.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        if let Some(current) = state.current.take() {
            current.stop();
        }
    }

    /// Ends the reading because this signal came. False where something is waited for that cannot be ended gently.
    pub(crate) fn stop_by(&self, signal: u8) -> bool {
        let mut state = self.state();
        state.signal = Some(signal);
        let gently = state.waits.as_ref().is_none_or(|waits| waits.0());
        drop(state);
        self.stop();
        gently
    }

    /// Runs `wait`, before anything is read: should a signal come meanwhile, `end` ends it, or answers that it cannot.
    ///
    /// # Errors
    ///
    /// Those of `wait`; and a signal has come before.
    pub fn waiting<T>(&self, end: impl Fn() -> bool + Send + 'static, wait: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let mut state = self.state();
        if state.signal.is_some() {
            return Err(Error::Refused("nothing was opened: a signal came before".into()));
        }
        state.waits = Some(Waits(Box::new(end)));
        drop(state);
        let waited = wait();
        self.state().waits = None;
        waited
    }

    /// A signal also ends what else is waited for from now on, or has come before and does so at once.
    pub(crate) fn also_ends(&self, end: impl Fn() + Send + 'static) {
        let mut state = self.state();
        if state.signal.is_some() {
            end();
        }
        state.waits = Some(Waits(Box::new(move || {
            end();
            true
        })));
    }

    /// The reading begins anew, unless a signal has ended it.
    pub fn again(&self) -> bool {
        let mut state = self.state();
        if state.signal.is_none() {
            (state.stopped, state.current) = (false, None);
        }
        !state.stopped
    }

    /// The signal that ended the reading, if one did.
    pub fn signal(&self) -> Option<u8> {
        self.state().signal
    }

    /// What waits for other things than one file, and is ended as the reads of a file are.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn guard(&self) -> io::Result<Guard> {
        let (guard, stopper) = Guard::new(self.output()?)?;
        self.set_current(stopper);
        Ok(guard)
    }

    fn watched(&self, file: &Arc<File>) -> io::Result<Watched<Arc<File>>> {
        let (watched, stopper) = Watched::new(file.clone(), self.output()?)?;
        self.set_current(stopper);
        Ok(watched)
    }

    fn output(&self) -> io::Result<Option<OwnedFd>> {
        self.output.as_ref().map(|fd| fd.try_clone()).transpose()
    }

    fn set_current(&self, stopper: Stopper) {
        let mut state = self.state();
        if state.stopped {
            stopper.stop();
        }
        state.current = Some(stopper);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that is read: as it is when it is a regular one, watched when it is live.
#[derive(Debug)]
pub(crate) struct LiveFile {
    file: Arc<File>,
    live: Option<(Watched<Arc<File>>, Watch)>,
}

/// How long a live input must be silent before a block is cut early.
///
/// Not zero: `cat big | producer` outruns `cat` now and then, and cutting there makes small batches of a fast stream.
const LULL: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// While something is waited for, it is looked so often whether the reading was ended.
const LOOK: Duration = Duration::from_millis(20);

impl LiveFile {
    /// Finds out what `file` is, and watches a live one.
    ///
    /// # Errors
    ///
    /// The file cannot be looked at, or no file descriptor is left to watch it.
    pub(crate) fn new(file: File, watch: &Watch) -> io::Result<Self> {
        let file = Arc::new(file);
        if file.metadata()?.is_file() {
            return Ok(LiveFile { file, live: None });
        }
        let watched = watch.watched(&file)?;
        Ok(LiveFile { file, live: Some((watched, watch.clone())) })
    }

    fn is_silent_for(&self, time: &Timespec) -> bool {
        matches!(poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(time)), Ok(0))
    }
}

impl Feed for LiveFile {
    /// Reads what is there; waits when nothing is.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::BrokenPipe`] when the reading was ended; otherwise the file's own.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let done = match &mut self.live {
                Some((watched, _)) => watched.read(buf),
                None => self.file.read(buf),
            };
            match (done, &self.live) {
                (Err(e), _) if e.kind() == io::ErrorKind::Interrupted => {}
                (Err(e), Some((_, watch))) if e.kind() == io::ErrorKind::BrokenPipe => {
                    watch.stop();
                    return Err(e);
                }
                (done, _) => return done,
            }
        }
    }

    /// Whether there is nothing to read for now, and no end either. Never so for a regular file.
    fn is_idle(&self) -> bool {
        self.live.is_some() && self.is_silent_for(&LULL)
    }

    /// Whether there is nothing to read until then, and no end either, unless the reading is ended meanwhile. Never so for a
    /// regular file.
    fn is_silent(&self, until: Instant) -> bool {
        let Some((_, watch)) = &self.live else { return false };
        while !watch.is_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            let look = Timespec { tv_sec: 0, tv_nsec: left.min(LOOK).as_nanos() as i64 };
            if !self.is_silent_for(&look) {
                return false;
            }
            if left.is_zero() {
                return true;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn pipe(watch: &Watch) -> (LiveFile, File) {
        let (reader, writer) = io::pipe().unwrap();
        (LiveFile::new(File::from(OwnedFd::from(reader)), watch).unwrap(), File::from(OwnedFd::from(writer)))
    }

    #[test]
    fn an_empty_pipe_is_idle_until_something_or_the_end_comes() {
        let (mut live, mut writer) = pipe(&Watch::nothing());
        assert!(live.is_idle());
        writer.write_all(b"a line\n").unwrap();
        assert!(!live.is_idle());
        let mut buf = [0; 64];
        assert_eq!(live.read(&mut buf).unwrap(), 7);
        assert!(live.is_idle());
        drop(writer);
        assert!(!live.is_idle());
        assert_eq!(live.read(&mut buf).unwrap(), 0);
    }

    #[test]
    fn a_regular_file_is_never_idle() {
        let live = LiveFile::new(tempfile::tempfile().unwrap(), &Watch::nothing()).unwrap();
        assert!(!live.is_idle());
    }

    #[test]
    fn a_stop_ends_the_read_that_waits_and_those_to_come() {
        let watch = Watch::nothing();
        let (mut live, _writer) = pipe(&watch);
        let ended = std::thread::scope(|scope| {
            let reading = scope.spawn(|| live.read(&mut [0; 8]));
            watch.stop();
            reading.join().unwrap()
        });
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let (mut next, _writer) = pipe(&watch);
        assert_eq!(next.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn what_is_waited_for_is_ended_by_a_signal_also_by_one_that_came_before() {
        let watch = Watch::nothing();
        let (ended, is_ended) = std::sync::mpsc::sync_channel(1);
        let waited = watch.waiting(
            move || ended.send(()).is_ok(),
            || {
                assert!(watch.stop_by(2), "it can be ended gently");
                is_ended.recv().map_err(|_| Error::Protocol("it was not ended"))
            },
        );
        assert!(waited.is_ok() && watch.signal() == Some(2));
        assert!(watch.waiting(|| true, || Ok(())).is_err(), "nobody is called after it");
        let watch = Watch::nothing();
        assert!(watch.waiting(|| false, || Ok(watch.stop_by(15))).is_ok_and(|gently| !gently));
        assert!(!watch.again(), "a signal is the end");
        let watch = Watch::nothing();
        watch.stop();
        assert!(watch.again() && !watch.is_stopped());
    }

    #[test]
    fn the_reading_ends_when_the_outputs_reader_goes() {
        let (their_end, output) = io::pipe().unwrap();
        let watch = Watch::over(&output).unwrap();
        let (mut live, _writer) = pipe(&watch);
        drop(their_end);
        assert!(!watch.is_stopped());
        assert_eq!(live.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(watch.is_stopped());
    }
}
