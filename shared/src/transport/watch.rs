//! Reading that can be stopped while it waits.
//!
//! A thread in `read(2)` on a silent pipe cannot be told that nobody wants its data any more. So before each read it
//! waits, with `poll(2)`, for its input or for a reason to stop: a [`Stopper`] elsewhere in the program, or the reader of
//! our own output having gone, which on a pipe shows without writing to it.

use std::{
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Ends the waiting of a [`Guard`] and the reads of a [`Watched`], from any thread.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<OwnedFd>);

impl Stopper {
    /// The read that waits, and every one after it, fails with [`io::ErrorKind::BrokenPipe`].
    pub fn stop(&self) {
        // One byte is enough for ever; that the pipe is full or closed says that it has been done already.
        let _ = rustix::io::write(&self.0, &[1]);
    }
}

/// Waits for something to read, or for a reason to stop.
#[derive(Debug)]
pub struct Guard {
    stop: OwnedFd,
    output: Option<OwnedFd>,
}

impl Guard {
    /// Watches over the readers of `output`, if it is given.
    ///
    /// # Errors
    /// When the system has no file descriptors left.
    pub fn new(output: Option<OwnedFd>) -> io::Result<(Self, Stopper)> {
        let (stop, stopper) = io::pipe()?;
        Ok((Guard { stop: stop.into(), output }, Stopper(Arc::new(stopper.into()))))
    }

    /// Waits until one of `inputs` has data, its end, or an error; false if `timeout` is over first.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] if there is a reason to stop, even if there is input as well.
    pub fn wait(&self, inputs: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<bool> {
        let mut fds = vec![PollFd::new(&self.stop, PollFlags::IN)];
        // No event is asked for: an error or hang-up is always told.
        fds.extend(self.output.as_ref().map(|output| PollFd::new(output, PollFlags::empty())));
        let reasons = fds.len();
        fds.extend(inputs.iter().map(|input| PollFd::new(input, PollFlags::IN)));
        // A time that no timespec can hold is for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        loop {
            match poll(&mut fds, timeout.as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_) if fds[..reasons].iter().any(|fd| !fd.revents().is_empty()) => return Err(io::ErrorKind::BrokenPipe.into()),
                Ok(_) => return Ok(true),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// An input whose reads a [`Stopper`] can end.
#[derive(Debug)]
pub struct Watched<R> {
    input: R,
    guard: Guard,
}

impl<R: Read + AsFd> Watched<R> {
    /// Watches over reads of `input`, and over the readers of `output` if it is given.
    ///
    /// # Errors
    /// When the system has no file descriptors left.
    pub fn new(input: R, output: Option<OwnedFd>) -> io::Result<(Self, Stopper)> {
        let (guard, stopper) = Guard::new(output)?;
        Ok((Watched { input, guard }, stopper))
    }

    /// From now on, reads also end when `output` has no reader any more.
    pub fn watch_output(&mut self, output: OwnedFd) {
        self.guard.output = Some(output);
    }

    /// Whether a read would find something at once: data, the end, or an error.
    pub fn is_ready(&self) -> bool {
        self.wait(Some(Duration::ZERO)).is_ok_and(|ready| ready)
    }

    fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        self.guard.wait(&[self.input.as_fd()], timeout)
    }
}

impl<R: AsFd> AsFd for Watched<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}

impl<R: Read + AsFd> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait(None)?;
            match self.input.read(into) {
                // Somebody has made it non-blocking, and somebody else has read what there was.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};

    use super::Watched;

    #[test]
    fn reads_until_it_is_stopped() {
        let (input, mut output) = io::pipe().unwrap();
        let (mut watched, stopper) = Watched::new(input, None).unwrap();
        let mut into = [0; 8];
        assert!(!watched.is_ready());
        output.write_all(b"abc").unwrap();
        assert!(watched.is_ready());
        assert_eq!(watched.read(&mut into).unwrap(), 3);
        let reading = std::thread::scope(|scope| {
            let reading = scope.spawn(|| watched.read(&mut into));
            stopper.stop();
            reading.join().unwrap()
        });
        assert_eq!(reading.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn notices_that_its_own_reader_has_gone() {
        let (input, output) = io::pipe().unwrap();
        let (their_input, our_output) = io::pipe().unwrap();
        let (mut watched, _stopper) = Watched::new(input, Some(our_output.into())).unwrap();
        assert!(!watched.is_ready());
        let reading = std::thread::scope(|scope| {
            let reading = scope.spawn(|| watched.read(&mut [0; 8]));
            // Whether the reader is gone before or while the read waits is the same to it.
            drop(their_input);
            reading.join().unwrap()
        });
        assert_eq!(reading.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        drop(output);
    }

    #[test]
    fn the_end_of_the_input_is_the_end() {
        let (input, output) = io::pipe().unwrap();
        let (mut watched, _stopper) = Watched::new(input, None).unwrap();
        drop(output);
        assert_eq!(watched.read(&mut [0; 8]).unwrap(), 0);
    }
}
