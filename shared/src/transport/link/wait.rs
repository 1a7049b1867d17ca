//! Waiting for a connection, for as long as somebody wants it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    time::Instant,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::Notify;

/// Lets whoever waits for a connection know that nobody wants it any more.
#[derive(Clone, Copy, Default)]
pub struct Wait<'a>(Option<(&'a Notify, &'a dyn Fn() -> bool)>);

/// What has ended a turn of a [`Wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The socket can do what was asked for, or has failed.
    Socket,
    /// Something has happened elsewhere.
    Notified,
    /// The time is up.
    Late,
}

impl<'a> Wait<'a> {
    /// Until `is_over`, which is looked at whenever the notify rings.
    pub(crate) fn until(notify: &'a Notify, is_over: &'a dyn Fn() -> bool) -> Self {
        Wait(Some((notify, is_over)))
    }

    /// The same, which looks at this instead.
    pub(super) fn looking_at(self, is_over: &'a dyn Fn() -> bool) -> Self {
        Wait(self.0.map(|(notify, _)| (notify, is_over)))
    }

    /// Whether nobody wants the connection any more.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_some_and(|(_, is_over)| is_over())
    }

    /// Waits until something happens, or until then.
    ///
    /// # Errors
    /// Nobody wants the connection any more; and those of the system.
    pub(crate) fn turn(&self, socket: Option<(BorrowedFd<'_>, PollFlags)>, until: Instant) -> io::Result<Woken> {
        if self.is_over() {
            return Err(io::Error::other("nobody waits for it any more"));
        }
        // The socket comes first.
        let mut fds: Vec<PollFd<'_>> = socket.into_iter().map(|(socket, events)| PollFd::from_borrowed_fd(socket, events)).collect();
        fds.extend(self.0.map(|(notify, _)| PollFd::from_borrowed_fd(notify.as_fd(), PollFlags::IN)));
        let left = until.saturating_duration_since(Instant::now());
        match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
            Ok(0) => Ok(Woken::Late),
            Ok(_) if socket.is_some() && !fds[0].revents().is_empty() => Ok(Woken::Socket),
            Ok(_) => {
                // Not before it was heard: what it rang for since the caller has looked would be missed.
                self.0.into_iter().for_each(|(notify, _)| notify.clear());
                Ok(Woken::Notified)
            }
            Err(Errno::INTR) => Ok(Woken::Notified),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until then.
    ///
    /// # Errors
    /// As [`Wait::turn`].
    pub(crate) fn pause(&self, until: Instant) -> io::Result<()> {
        while self.turn(None, until)? != Woken::Late {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_ring_before_the_wait_is_heard_once() {
        let notify = Notify::new().unwrap();
        let wait = Wait::until(&notify, &|| false);
        notify.waker().wake();
        assert_eq!(wait.turn(None, Instant::now() + Duration::from_secs(60)).unwrap(), Woken::Notified);
        assert_eq!(wait.turn(None, Instant::now() + Duration::from_millis(1)).unwrap(), Woken::Late);
        let over = Wait::until(&notify, &|| true);
        assert!(over.is_over() && over.turn(None, Instant::now() + Duration::from_secs(60)).is_err());
    }
}
