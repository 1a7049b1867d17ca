//! `tls://HOST:PORT`: a TCP connection, encrypted. What is believed of whom is in [`crate::transport::tls`].

use std::{
    fmt, io,
    net::TcpListener,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
    time::Instant,
};

use super::{
    Accept, CallFailed, Dial, Endpoint, Medium, PeerAddress, Scheme,
    tcp::{self, Address},
};
use crate::{
    Error,
    transport::{
        Security,
        link::Wait,
        socket::Socket,
        tls::{self, Caller, Host},
    },
};

/// The row.
pub(super) static SCHEME: Scheme = Scheme {
    prefix: "tls://",
    syntax: "tls://HOST:PORT",
    medium: Medium::Socket,
    resumes: true,
    is_plain: false,
    parse: |text| {
        let address = text.strip_prefix(SCHEME.prefix)?;
        Some(address.parse().map(|address| Arc::new(Tls(address)) as Arc<dyn Endpoint>))
    },
};

/// A port of some host, where TLS is spoken.
#[derive(Debug)]
struct Tls(Address);

impl fmt::Display for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", SCHEME.prefix, self.0)
    }
}

impl Endpoint for Tls {
    fn scheme(&self) -> &'static Scheme {
        &SCHEME
    }

    fn dial(&self, security: &Security) -> Result<Box<dyn Dial>, Error> {
        let caller = tls::caller(security.credentials(), &self.0.host)?;
        Ok(Box::new(TlsDial { address: self.0.clone(), caller }))
    }

    fn listen(&self, security: &Security, _: &str, _: bool) -> Result<Box<dyn Accept>, Error> {
        let host = tls::host(security.credentials())?;
        let listener = self.0.listen().map_err(|error| Error::io(format!("cannot listen at {self}"), error))?;
        Ok(Box::new(TlsAccept { listener, host }))
    }
}

#[derive(Debug)]
struct TlsDial {
    address: Address,
    caller: Caller,
}

impl Dial for TlsDial {
    fn dial(&self, until: Instant, wait: Wait<'_>) -> Result<Socket, CallFailed> {
        // The token is shown in the encrypted connection only.
        let stream = self.address.reach(until, wait, |_| Ok(()))?;
        Ok(self.caller.begin(stream).map_err(CallFailed::finally)?.into())
    }
}

struct TlsAccept {
    listener: TcpListener,
    host: Host,
}

impl Accept for TlsAccept {
    fn accept(&self) -> io::Result<(Socket, PeerAddress)> {
        let (stream, from) = tcp::accept(&self.listener)?;
        Ok((self.host.begin(stream).map_err(io::Error::other)?.into(), from))
    }
}

impl AsFd for TlsAccept {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}
