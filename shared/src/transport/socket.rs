//! A connection: a Unix, TCP or TLS socket behind one type.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, TcpStream},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

use super::tls::TlsStream;

/// A two-way byte stream that can be polled.
#[derive(Debug)]
pub(crate) enum Socket {
    /// To a process of this host.
    Unix(UnixStream),
    /// To any host, in the clear.
    Tcp(TcpStream),
    /// To any host, encrypted.
    Tls(TlsStream),
}

impl Socket {
    /// Whether reads and writes answer [`io::ErrorKind::WouldBlock`] instead of waiting.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Socket::Unix(socket) => socket.set_nonblocking(nonblocking),
            Socket::Tcp(socket) => socket.set_nonblocking(nonblocking),
            Socket::Tls(socket) => socket.tcp().set_nonblocking(nonblocking),
        }
    }

    /// Ends our direction. A failure is ignored: the other end is gone then, which the next read tells.
    pub(crate) fn shutdown_write(&mut self) {
        let _ = match self {
            Socket::Unix(socket) => socket.shutdown(Shutdown::Write),
            Socket::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Socket::Tls(socket) => {
                socket.shutdown_write();
                Ok(())
            }
        };
    }

    /// The handshake of TLS, as far as it goes without waiting; other sockets have none.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while it is not done; those of [`TlsStream`].
    pub(crate) fn handshake(&mut self) -> io::Result<()> {
        match self {
            Socket::Unix(_) | Socket::Tcp(_) => Ok(()),
            Socket::Tls(socket) => socket.handshake(),
        }
    }

    /// Whether a read may succeed though the descriptor is not ready: TLS has read ahead.
    pub(crate) fn has_input(&self) -> bool {
        matches!(self, Socket::Tls(socket) if socket.has_input())
    }

    /// Whether a flush has something to write once the descriptor is ready.
    pub(crate) fn wants_write(&self) -> bool {
        matches!(self, Socket::Tls(socket) if socket.wants_write())
    }

    /// Reads and drops some bytes.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn discard(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        match self {
            Socket::Unix(socket) => socket.read(&mut bytes),
            Socket::Tcp(socket) => socket.read(&mut bytes),
            Socket::Tls(socket) => socket.tcp().read(&mut bytes),
        }
    }
}

impl From<UnixStream> for Socket {
    fn from(socket: UnixStream) -> Self {
        Socket::Unix(socket)
    }
}

impl From<TcpStream> for Socket {
    fn from(socket: TcpStream) -> Self {
        Socket::Tcp(socket)
    }
}

impl From<TlsStream> for Socket {
    fn from(socket: TlsStream) -> Self {
        Socket::Tls(socket)
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.read(into),
            Socket::Tcp(socket) => socket.read(into),
            Socket::Tls(socket) => socket.read(into),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.write(bytes),
            Socket::Tcp(socket) => socket.write(bytes),
            Socket::Tls(socket) => socket.write(bytes),
        }
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.write_vectored(parts),
            Socket::Tcp(socket) => socket.write_vectored(parts),
            Socket::Tls(socket) => socket.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Socket::Unix(_) | Socket::Tcp(_) => Ok(()),
            Socket::Tls(socket) => socket.flush(),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Unix(socket) => socket.as_fd(),
            Socket::Tcp(socket) => socket.as_fd(),
            Socket::Tls(socket) => socket.as_fd(),
        }
    }
}
