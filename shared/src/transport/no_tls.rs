//! What stands for [`tls`](super::tls) in a build without the feature `tls`: a `tls://` URL is known, and refused with the reason. No
//! connection of this kind can be made, which the types say: they have no values.

use std::{
    fmt::Display,
    io::{self, IoSlice, Read, Write},
    net::TcpStream,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use crate::Error;

/// Who we are, and whom we believe: nobody.
#[derive(Clone, Debug, Default)]
pub struct Credentials;

/// A connection.
#[derive(Debug)]
pub enum TlsStream {}

/// How we call one host.
#[derive(Clone, Debug)]
pub enum Caller {}

/// How we listen.
#[derive(Clone, Debug)]
pub enum Host {}

impl Credentials {
    /// Of no files.
    ///
    /// # Errors
    /// When there is one.
    pub fn read(cert: Option<&Path>, key: Option<&Path>, ca: Option<&Path>) -> Result<Self, Error> {
        let given = [("--cert", cert), ("--key", key), ("--ca", ca)].into_iter().find_map(|(option, path)| path.map(|_| option));
        given.map_or(Ok(Credentials), |option| Err(absent(option)))
    }

    /// No option was given.
    pub fn option(&self) -> Option<&'static str> {
        None
    }
}

impl TlsStream {
    pub(crate) fn tcp(&self) -> &TcpStream {
        match *self {}
    }

    pub(crate) fn handshake(&mut self) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn shutdown_write(&mut self) {
        match *self {}
    }

    pub(crate) fn has_input(&self) -> bool {
        match *self {}
    }

    pub(crate) fn wants_write(&self) -> bool {
        match *self {}
    }
}

impl Read for TlsStream {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match *self {}
    }
}

impl Write for TlsStream {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    fn write_vectored(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        match *self {}
    }

    fn flush(&mut self) -> io::Result<()> {
        match *self {}
    }
}

impl AsFd for TlsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}

impl Caller {
    pub(super) fn begin(&self, _: TcpStream) -> Result<TlsStream, String> {
        match *self {}
    }
}

impl Host {
    pub(super) fn begin(&self, _: TcpStream) -> Result<TlsStream, String> {
        match *self {}
    }
}

pub(super) fn caller(_: &Credentials, host: &str) -> Result<Caller, Error> {
    Err(absent(format_args!("tls://{host}")))
}

pub(super) fn host(_: &Credentials) -> Result<Host, Error> {
    Err(absent("tls://"))
}

fn absent(what: impl Display) -> Error {
    Error::Unsupported(format!("{what}: this program was built without TLS; the feature `tls` of the library has it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_tls_is_refused_with_the_reason() {
        let credentials = Credentials::read(None, None, None).unwrap();
        for error in [
            caller(&credentials, "a").unwrap_err(),
            host(&credentials).unwrap_err(),
            Credentials::read(None, None, Some(Path::new("ca.pem"))).unwrap_err(),
        ] {
            assert!(error.to_string().contains("built without TLS"), "{error}");
        }
    }
}
