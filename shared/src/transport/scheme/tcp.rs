//! `tcp://HOST:PORT`: another host, in the clear. How a TCP connection is made, and what it is set to.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    io::Errno,
    net::{self, sockopt},
};
use socket2::{Domain, Protocol, Type};

use super::{Accept, AcceptPlain, CallFailed, Dial, Endpoint, Medium, PeerAddress, Plain, Scheme};
use crate::{
    Error, say,
    transport::{
        Security,
        link::{Wait, Woken},
        security::is_loopback,
        socket::Socket,
    },
};

/// The row.
pub(super) static SCHEME: Scheme = Scheme {
    prefix: "tcp://",
    syntax: "tcp://HOST:PORT",
    medium: Medium::Socket,
    resumes: true,
    is_plain: true,
    parse: |text| {
        let address = text.strip_prefix(SCHEME.prefix)?;
        Some(address.parse().map(|address| Arc::new(Tcp(address)) as Arc<dyn Endpoint>))
    },
};

/// The most that one call may take to be answered. The system repeats one that is not at intervals that double: after half a
/// minute of a cut cable it would be silent for as long again, though the network is back.
const LONGEST_CALL: Duration = Duration::from_secs(3);
/// Connections that wait to be taken: with less, a crowd of strangers would keep a peer's first packet from being heard, and that
/// is sent again only a second later. The system may allow less.
const BACKLOG: i32 = 1024;
/// Bytes that wait for an answer for longer make the connection fail, instead of after the quarter of an hour that is
/// usual.
const USER_TIMEOUT: Duration = Duration::from_secs(20);

/// Small frames are not held back, and a peer that has vanished is found out.
///
/// # Errors
/// Those of the system.
fn set_up(stream: &TcpStream) -> io::Result<()> {
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
fn connect(address: SocketAddr, until: Instant, wait: Wait<'_>) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
        connected => return connected.map(|()| socket.into()),
    }
    loop {
        match wait.turn(Some((socket.as_fd(), PollFlags::OUT)), until)? {
            Woken::Notified => {}
            Woken::Late => return Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out")),
            Woken::Socket => return socket.take_error()?.map_or_else(|| Ok(socket.into()), Err),
        }
    }
}

/// `HOST:PORT`, which may be written without a host.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) host: String,
    port: u16,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(address: &str) -> Result<Self, String> {
        let (host, port) = address.rsplit_once(':').ok_or("it is written HOST:PORT, as in 127.0.0.1:7000")?;
        let port = port.parse().map_err(|_| "the port is a number up to 65535")?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        // Without a host it is this host: what is open to others has to be said.
        let host = if host.is_empty() { "127.0.0.1" } else { host }.to_owned();
        Ok(Address { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { host, port } = self;
        if host.contains(':') { write!(out, "[{host}]:{port}") } else { write!(out, "{host}:{port}") }
    }
}

impl Address {
    fn resolve(&self) -> io::Result<impl Iterator<Item = SocketAddr>> {
        (self.host.as_str(), self.port).to_socket_addrs()
    }

    /// Connects to the first of its addresses that answers; `may_be_called` is asked before each.
    pub(super) fn reach(
        &self,
        until: Instant,
        wait: Wait<'_>,
        may_be_called: impl Fn(IpAddr) -> Result<(), String>,
    ) -> Result<TcpStream, CallFailed> {
        let mut failed = no_address();
        for address in self.resolve()? {
            may_be_called(address.ip()).map_err(CallFailed::finally)?;
            match connect(address, until.min(Instant::now() + LONGEST_CALL), wait) {
                Ok(stream) => {
                    set_up(&stream)?;
                    return Ok(stream);
                }
                Err(error) => failed = error,
            }
        }
        Err(failed.into())
    }

    /// Listens there without ever waiting.
    pub(super) fn listen(&self) -> io::Result<TcpListener> {
        let listener = TcpListener::bind((self.host.as_str(), self.port))?;
        net::listen(&listener, BACKLOG)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
}

/// The next connection, set up, and who made it.
pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, PeerAddress)> {
    let (stream, from) = listener.accept()?;
    set_up(&stream)?;
    Ok((stream, PeerAddress { name: from.to_string(), address: Some(from.ip()) }))
}

/// A port of some host.
#[derive(Debug)]
struct Tcp(Address);

impl fmt::Display for Tcp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", SCHEME.prefix, self.0)
    }
}

impl Tcp {
    /// Certificates with a URL that has no use for them: somebody believes that it is encrypted.
    fn refuse_credentials(&self, security: &Security) -> Result<(), Error> {
        let Some(option) = security.credentials().option() else { return Ok(()) };
        let Address { host, port } = &self.0;
        Err(Error::Usage(format!("{self} is not encrypted, but there is {option}; is tls://{host}:{port} meant?")))
    }

    fn cannot_listen(&self, error: io::Error) -> Error {
        Error::io(format!("cannot listen at {self}"), error)
    }

    /// Whether other hosts can reach it.
    fn is_open(&self) -> Result<bool, Error> {
        let mut addresses = self.0.resolve().map_err(|error| self.cannot_listen(error))?;
        Ok(addresses.any(|address| !is_loopback(address.ip())))
    }
}

impl Endpoint for Tcp {
    fn scheme(&self) -> &'static Scheme {
        &SCHEME
    }

    fn dial(&self, security: &Security) -> Result<Box<dyn Dial>, Error> {
        self.refuse_credentials(security)?;
        Ok(Box::new(TcpDial { address: self.0.clone(), security: security.clone() }))
    }

    /// For this host alone, unless `--insecure` is said.
    fn listen(&self, security: &Security, program: &str, quiet: bool) -> Result<Box<dyn Accept>, Error> {
        self.refuse_credentials(security)?;
        if self.is_open()? {
            if !security.is_insecure() {
                return Err(Error::Usage(format!(
                    "--listen {self} is open to other hosts, and not encrypted: use tls:// with --cert and --key, or --insecure if that is meant"
                )));
            }
            if !quiet {
                let who = if security.token().is_empty() { "whoever reaches it is served" } else { "whoever listens in learns the token" };
                say!("{program}: --insecure: {self} is open to other hosts, and not encrypted; {who}");
            }
        }
        Ok(Box::new(TcpAccept(self.0.listen().map_err(|error| self.cannot_listen(error))?)))
    }

    fn plain(&self) -> Option<&dyn Plain> {
        Some(self)
    }
}

#[derive(Debug)]
struct TcpDial {
    address: Address,
    security: Security,
}

impl Dial for TcpDial {
    fn dial(&self, until: Instant, wait: Wait<'_>) -> Result<Socket, CallFailed> {
        Ok(self.address.reach(until, wait, |address| self.security.may_be_told(address))?.into())
    }
}

#[derive(Debug)]
struct TcpAccept(TcpListener);

impl Accept for TcpAccept {
    fn accept(&self) -> io::Result<(Socket, PeerAddress)> {
        accept(&self.0).map(|(stream, from)| (stream.into(), from))
    }
}

impl AcceptPlain for TcpAccept {
    fn accept(&self) -> io::Result<(OwnedFd, String)> {
        accept(&self.0).map(|(stream, from)| (stream.into(), format!("{}{}", SCHEME.prefix, from.name)))
    }
}

impl AsFd for TcpAccept {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Plain for Tcp {
    fn connect(&self, within: Duration) -> io::Result<OwnedFd> {
        let mut failed = no_address();
        for address in self.0.resolve()? {
            match TcpStream::connect_timeout(&address, within.max(Duration::from_millis(1))) {
                Ok(stream) => {
                    set_up(&stream)?;
                    return Ok(stream.into());
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn listen(&self) -> Result<Box<dyn AcceptPlain>, Error> {
        if self.is_open()? {
            return Err(Error::Usage(format!(
                "--listen {self} is open to other hosts, and without frames nobody there can be told from anybody else; \
                 listen at 127.0.0.1 and let ssh or the like bring them there"
            )));
        }
        let addresses: Vec<_> = self.0.resolve().map_err(|error| self.cannot_listen(error))?.collect();
        Ok(Box::new(TcpAccept(TcpListener::bind(&addresses[..]).map_err(|error| self.cannot_listen(error))?)))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{
        Exit,
        transport::{link::Notify, security::Options},
    };

    #[test]
    fn what_others_can_hear_has_to_be_meant() {
        let listen = |url: &str, insecure| {
            let security = Security::read(&Options { insecure, ..Options::default() }).unwrap();
            (SCHEME.parse)(url).unwrap().unwrap().listen(&security, "consumer", true).map(drop)
        };
        for url in ["tcp://127.0.0.1:0", "tcp://localhost:0", "tcp://:0", "tcp://[::ffff:127.0.0.1]:0"] {
            listen(url, false).unwrap();
        }
        for url in ["tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://192.0.2.1:0", "tcp://[::ffff:192.0.2.1]:0"] {
            let error = listen(url, false).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
            assert!(error.to_string().contains("--insecure") && error.to_string().contains("tls://"), "{error}");
            // That nobody of this host has the address is found out only by who may listen there.
            assert!(!listen(url, true).is_err_and(|error| error.exit() == Exit::Usage), "{url}");
        }
    }

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
        let listener = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
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
        let (notify, began) = (Notify::new().unwrap(), Instant::now());
        let waker = notify.waker();
        let is_over = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            let looks = || is_over.load(std::sync::atomic::Ordering::SeqCst);
            scope.spawn(|| {
                is_over.store(true, std::sync::atomic::Ordering::SeqCst);
                waker.wake();
            });
            assert!(connect(address, soon(1_200_000), Wait::until(&notify, &looks)).is_err());
        });
        assert!(began.elapsed() < Duration::from_secs(600), "{:?}", began.elapsed());
        drop(listener);
        assert_eq!(connect(address, soon(60_000), Wait::default()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
