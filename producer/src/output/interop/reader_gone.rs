//! Notices that nobody reads any more while nothing is written: a source that waits for input is then to end.

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;

use recpipe::Error;
use rustix::event::{PollFd, PollFlags, poll};

/// A thread that looks at the reading ends. It holds the writing ends open: it has to go before they can be closed.
pub(super) struct ReaderGone {
    /// Closed, it tells the thread to end.
    alive: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl ReaderGone {
    /// Calls `over` once, when all of `outputs` have lost their readers.
    ///
    /// # Errors
    /// No thread or descriptor is left.
    pub(super) fn over(mut outputs: Vec<OwnedFd>, over: impl FnOnce() + Send + 'static) -> Result<Self, Error> {
        let failed = |error| Error::io("cannot watch the outputs", error);
        let (gone, alive) = io::pipe().map_err(failed)?;
        let look = move || {
            while !outputs.is_empty() {
                let mut fds = vec![PollFd::new(&gone, PollFlags::IN)];
                // No event is asked for: an error or hang-up is always told.
                fds.extend(outputs.iter().map(|output| PollFd::new(output, PollFlags::empty())));
                match poll(&mut fds, None) {
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(_) => return,
                    Ok(_) if !fds[0].revents().is_empty() => return,
                    Ok(_) => {}
                }
                let mut read = fds[1..].iter().map(|fd| fd.revents().is_empty()).collect::<Vec<_>>().into_iter();
                outputs.retain(|_| read.next().unwrap_or(true));
            }
            over();
        };
        let thread = std::thread::Builder::new().name("reader-gone".into()).spawn(look).map_err(failed)?;
        Ok(ReaderGone { alive: Some(alive), thread: Some(thread) })
    }
}

impl Drop for ReaderGone {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn tells_when_the_last_reader_has_gone() {
        let (tell, told) = sync_channel(1);
        let (first, first_out) = io::pipe().unwrap();
        let (second, second_out) = io::pipe().unwrap();
        let reader_gone = ReaderGone::over(vec![first_out.into(), second_out.into()], move || tell.send(()).unwrap()).unwrap();
        drop(first);
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
        drop(second);
        told.recv_timeout(Duration::from_secs(10)).unwrap();
        drop(reader_gone);
        let (_reader, out) = io::pipe().unwrap();
        drop(ReaderGone::over(vec![out.into()], || panic!("it has a reader")).unwrap());
    }
}
