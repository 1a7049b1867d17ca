//! How a TCP connection is made, and what it is set to.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use rustix::{event::PollFlags, io::Errno, net::sockopt};
use socket2::{Domain, Protocol, Socket, Type};

use super::link::{Wait, Woken};

/// Bytes that wait for an answer for longer make the connection fail, instead of after the quarter of an hour that is
/// usual.
const USER_TIMEOUT: Duration = Duration::from_secs(20);

/// Small frames are not held back, and a peer that has vanished is found out.
///
/// # Errors
/// Those of the system.
pub fn set_up(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    #[cfg(target_os = "linux")]
    {
        sockopt::set_tcp_keepidle(stream, Duration::from_secs(10))?;
        sockopt::set_tcp_keepintvl(stream, Duration::from_secs(5))?;
        sockopt::set_tcp_keepcnt(stream, 3)?;
        sockopt::set_tcp_user_timeout(stream, USER_TIMEOUT.as_millis() as u32)?;
    }
    Ok(())
}

/// Connects, unless that takes until then, or nobody wants it any more. What comes of it does not wait when it is read or
/// written.
///
/// # Errors
/// Those of connect(2), and of `wait`.
pub fn connect(address: SocketAddr, until: Instant, wait: Wait<'_>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
        connected => return connected.map(|()| socket.into()),
    }
    loop {
        match wait.turn(Some((socket.as_fd(), PollFlags::OUT)), until)? {
            Woken::Bell => {}
            Woken::Late => return Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out")),
            Woken::Socket => return socket.take_error()?.map_or_else(|| Ok(socket.into()), Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;
    use crate::transport::link::Bell;

    #[test]
    fn a_peer_that_has_vanished_is_found_out_in_twenty_five_seconds() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set_up(&stream).unwrap();
        assert!(stream.nodelay().unwrap() && sockopt::socket_keepalive(&stream).unwrap());
        #[cfg(target_os = "linux")]
        {
            let (idle, every) = (sockopt::tcp_keepidle(&stream).unwrap(), sockopt::tcp_keepintvl(&stream).unwrap());
            assert_eq!(idle + every * sockopt::tcp_keepcnt(&stream).unwrap(), Duration::from_secs(25));
            assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 20_000);
        }
    }

    #[test]
    fn a_call_that_nobody_answers_ends_when_nobody_waits_for_it() {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let soon = |time| Instant::now() + Duration::from_millis(time);
        // Nobody accepts: when its queue is full, the system does not answer either.
        let mut queue = Vec::new();
        let late = loop {
            match connect(address, soon(200), Wait::default()) {
                Ok(stream) => queue.push(stream),
                Err(error) => break error,
            }
        };
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        let (bell, began) = (Bell::new().unwrap(), Instant::now());
        let waker = bell.waker();
        let is_over = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            let looks = || is_over.load(std::sync::atomic::Ordering::SeqCst);
            scope.spawn(|| {
                is_over.store(true, std::sync::atomic::Ordering::SeqCst);
                waker.wake();
            });
            assert!(connect(address, soon(1_200_000), Wait::until(&bell, &looks)).is_err());
        });
        assert!(began.elapsed() < Duration::from_secs(600), "{:?}", began.elapsed());
        drop(listener);
        assert_eq!(connect(address, soon(60_000), Wait::default()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
