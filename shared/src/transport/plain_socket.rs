//! Connections that carry bytes alone, without handshake or frames, to programs that know neither.
//!
//! Such a connection does not say who is at its other end, cannot be resumed, and ends the same way whether its peer is done or has
//! died. So [`listen`] accepts them from this host only.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    Url,
    scheme::{AcceptPlain, Plain, Scheme},
};
use crate::Error;

/// Between two tries to connect.
const PAUSE: Duration = Duration::from_millis(100);

/// Connects, and tries again for as long as `within`.
///
/// # Errors
/// [`Error::Refused`] if nobody answers in time; [`Error::Usage`] if the scheme of `url` is not plain.
///
/// # Examples
/// ```no_run
/// use std::{fs::File, io::Write, time::Duration};
/// use recpipe::transport::plain_socket;
///
/// let connection = plain_socket::connect(&"tcp://127.0.0.1:7000".parse()?, Duration::from_secs(10))?;
/// File::from(connection).write_all(b"bytes").ok();
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn connect(url: &Url, within: Duration) -> Result<OwnedFd, Error> {
    let (plain, began) = (plain(url)?, Instant::now());
    loop {
        let left = within.saturating_sub(began.elapsed());
        match plain.connect(left) {
            Ok(connection) => return Ok(connection),
            Err(error) if left <= PAUSE => {
                let seconds = began.elapsed().as_secs_f64().round();
                return Err(Error::Refused(format!("cannot connect to {url}: {error} (tried for {seconds} s)")));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

fn plain(url: &Url) -> Result<&dyn Plain, Error> {
    url.endpoint().plain().ok_or_else(|| {
        let known = Scheme::listed(|scheme| scheme.is_plain, "`");
        Error::Usage(format!("{url}: without frames, only {known} can be connected to"))
    })
}

/// A listening socket for plain connections. Dropping it removes a Unix socket's file.
#[derive(Debug)]
pub struct Door {
    listener: Box<dyn AcceptPlain>,
    name: String,
}

/// Listens at `url`.
///
/// # Errors
/// If the address is taken; [`Error::Usage`] if other hosts can reach it, or the scheme of `url` is not plain.
pub fn listen(url: &Url) -> Result<Door, Error> {
    Ok(Door { listener: plain(url)?.listen()?, name: url.to_string() })
}

impl Door {
    /// Waits for the next connection; it comes with the URL of its peer.
    ///
    /// # Errors
    /// Those of the system.
    pub fn accept(&self) -> Result<(OwnedFd, String), Error> {
        self.listener.accept().map_err(|error| Error::io(format!("cannot accept a connection at {}", self.name), error))
    }
}

impl AsFd for Door {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Ends our direction, and waits up to `within` until the other end has closed too; whether it has. A connection closed before the
/// other end has read may lose what is under way.
///
/// # Errors
/// [`Error::Lost`] if the connection was cut: what was under way may be lost.
pub fn hang_up(connection: OwnedFd, name: &str, within: Duration) -> Result<bool, Error> {
    let lost = |error: io::Error| Error::lost(format!("{name}: the connection was cut before all was read: {error}"));
    let until = Instant::now() + within;
    rustix::net::shutdown(&connection, rustix::net::Shutdown::Write).map_err(|error| lost(error.into()))?;
    let mut connection = File::from(connection);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).ok();
        match poll(&mut [PollFd::new(&connection, PollFlags::IN)], timeout.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(lost(error.into())),
        }
        match connection.read(&mut [0; 4096]) {
            Ok(0) => return Ok(true),
            // Whatever it says, nobody here understands it.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(error) => return Err(lost(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_this_host_may_connect() {
        for url in ["tcp://0.0.0.0:0", "tcp://[::]:0"] {
            let error = listen(&url.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains("other hosts"), "{error}");
        }
        for url in ["tls://127.0.0.1:0", "exec:cat", "file"] {
            assert!(listen(&url.parse().unwrap()).is_err(), "{url}");
        }
    }

    #[test]
    fn bytes_arrive_and_both_ends_know_it() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("unix:{}", directory.path().join("socket").display()).parse().unwrap();
        let door = listen(&url).unwrap();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut text = String::new();
                File::from(door.accept().unwrap().0).read_to_string(&mut text).map(|_| text)
            });
            let connection = connect(&url, Duration::from_secs(10)).unwrap();
            File::from(connection.try_clone().unwrap()).write_all(b"abc").unwrap();
            assert!(hang_up(connection, "it", Duration::from_secs(10)).unwrap());
            assert_eq!(reader.join().unwrap().unwrap(), "abc");
        });
        drop(door);
        assert!(connect(&url, Duration::ZERO).unwrap_err().to_string().contains("cannot connect to unix:"));
    }
}
