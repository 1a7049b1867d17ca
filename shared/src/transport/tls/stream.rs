//! A TLS connection that never waits.

use std::{
    io::{self, IoSlice, Read, Write},
    net::{Shutdown, TcpStream},
    os::fd::{AsFd, BorrowedFd},
};

use rustls::Connection;

use super::words;

/// What is read of the socket in one go.
const READ_BYTES: usize = 64 << 10;
/// What waits in ciphertext while the socket takes none.
const UNSENT_BYTES: usize = 256 << 10;

/// TLS over a non-blocking socket. Who polls it has to know two things that the descriptor does not tell: whether something
/// can be read without it (`has_input`), and whether something still has to be written
/// (`wants_write`) though every write has been taken.
#[derive(Debug)]
pub(crate) struct TlsStream {
    tcp: TcpStream,
    tls: Box<Connection>,
    /// Ciphertext that was read and not looked at: `arrived[at..to]`.
    arrived: Box<[u8]>,
    at: usize,
    to: usize,
    /// Plaintext that may be taken out.
    plain: usize,
    ended: bool,
}

impl TlsStream {
    pub(super) fn new(tcp: TcpStream, mut tls: Connection) -> Self {
        tls.set_buffer_limit(Some(UNSENT_BYTES));
        TlsStream { tcp, tls: Box::new(tls), arrived: vec![0; READ_BYTES].into(), at: 0, to: 0, plain: 0, ended: false }
    }

    /// The socket below.
    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Shakes hands as far as it goes.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while it is not done, [`io::ErrorKind::InvalidData`] when the other end is not accepted or
    /// does not accept us, and those of the system.
    pub(crate) fn handshake(&mut self) -> io::Result<()> {
        let cut = |error: io::Error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::InvalidData => error,
            kind => io::Error::new(kind, format!("the TLS handshake broke off: {error}")),
        };
        loop {
            self.drain().map_err(cut)?;
            if !self.tls.is_handshaking() {
                return Ok(());
            }
            self.fill().map_err(cut)?;
            if self.ended && self.tls.is_handshaking() {
                return Err(cut(io::Error::new(io::ErrorKind::UnexpectedEof, "the other end hung up")));
            }
        }
    }

    /// Whether a read may give something though the socket has nothing.
    pub(crate) fn has_input(&self) -> bool {
        self.plain > 0 || self.at < self.to
    }

    /// Whether what was written has not all reached the socket.
    pub(crate) fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    /// Says that nothing more comes, as far as there is room for that.
    pub(crate) fn shutdown_write(&mut self) {
        self.tls.send_close_notify();
        let _ = self.drain();
        let _ = self.tcp.shutdown(Shutdown::Write);
    }

    /// Takes in what has arrived, and answers what TLS itself has to answer.
    fn fill(&mut self) -> io::Result<()> {
        if self.at == self.to {
            (self.at, self.to) = (0, 0);
            self.to = self.tcp.read(&mut self.arrived)?;
            self.ended = self.to == 0;
        }
        let mut part = &self.arrived[self.at..self.to];
        self.tls.read_tls(&mut part)?;
        self.at = self.to - part.len();
        match self.tls.process_new_packets() {
            Ok(state) => {
                self.plain = state.plaintext_bytes_to_read();
                Ok(())
            }
            Err(error) => {
                // The alert that tells the other end why.
                let _ = self.drain();
                Err(io::Error::new(io::ErrorKind::InvalidData, words::explain(&error)))
            }
        }
    }

    /// Writes ciphertext until none is left or the socket takes no more.
    fn drain(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.tcp) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Read for TlsStream {
    /// Ends where the connection does, whether or not that was announced: a stream has an End of its own.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(into) {
                Ok(got) => {
                    self.plain = self.plain.saturating_sub(got);
                    return Ok(got);
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.fill()?,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    /// Takes no more while ciphertext waits, so that little does.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.drain()?;
        let written = self.tls.writer().write_vectored(parts)?;
        match self.drain() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(written),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drain()
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}
