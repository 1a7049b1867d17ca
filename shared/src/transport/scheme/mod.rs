//! The schemes of URLs. Each is one row of `SCHEMES` and one file, which has the row, reads what a user writes, and makes and
//! accepts connections. Everything else asks the row, or the `Endpoint` behind a URL, and knows no scheme by its name.
//!
//! To add a scheme: a file here with a `SCHEME` and an `Endpoint`, and its place in the table.

pub mod exec;
pub mod file;
pub mod stdio;
mod tcp;
mod tls;
mod unix;

use std::{
    fmt, io,
    net::IpAddr,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Security, link::Wait, socket::Socket};
use crate::Error;

/// All schemes, in the order in which a text is held against them: a file is what is nothing else.
pub(crate) static SCHEMES: [&Scheme; 6] = [&stdio::SCHEME, &tcp::SCHEME, &tls::SCHEME, &unix::SCHEME, &exec::SCHEME, &file::SCHEME];

/// A kind of endpoint: how it is written, and what it can do.
pub struct Scheme {
    /// What its URLs begin with; empty where they begin with nothing of their own.
    pub prefix: &'static str,
    /// How its URLs are written, for help and messages.
    pub syntax: &'static str,
    /// What its URLs name.
    pub medium: Medium,
    /// Whether a connection that breaks can be made again. Within a host it breaks only when one of its ends dies.
    pub resumes: bool,
    /// Whether it can carry bytes without frames, to programs that know nothing of them.
    pub is_plain: bool,
    /// Reads a text; `None` where it is of another scheme.
    pub(crate) parse: fn(&str) -> Option<Parsed>,
}

/// The endpoint that a text names, or what is wrong with the text.
pub(crate) type Parsed = Result<Arc<dyn Endpoint>, String>;

/// What a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    /// Standard input or output.
    Stdio,
    /// A file.
    File,
    /// A child process.
    Child,
    /// A socket: one end listens, the other one calls.
    Socket,
}

impl fmt::Debug for Scheme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Scheme({})", self.syntax)
    }
}

impl Scheme {
    /// The syntax of all schemes that are so, as people list them, each in these quotes; those within a host come first.
    pub(crate) fn listed(is_so: impl Fn(&Scheme) -> bool, quote: &str) -> String {
        let mut schemes: Vec<_> = SCHEMES.iter().filter(|scheme| is_so(scheme)).collect();
        schemes.sort_by_key(|scheme| scheme.resumes);
        let mut names: Vec<_> = schemes.iter().map(|scheme| format!("{quote}{}{quote}", scheme.syntax)).collect();
        match names.pop() {
            Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
            last => last.unwrap_or_default(),
        }
    }
}

/// What a URL of some scheme names. It shows as the URL is written.
pub(crate) trait Endpoint: fmt::Debug + fmt::Display + Send + Sync {
    /// Its row.
    fn scheme(&self) -> &'static Scheme;

    /// The path, of a [`Medium::File`].
    fn path(&self) -> Option<&Path> {
        None
    }

    /// The command, of a [`Medium::Child`].
    fn command(&self) -> Option<&[String]> {
        None
    }

    /// How it is called.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is no socket, or cannot be called as safely as it has to be.
    fn dial(&self, security: &Security) -> Result<Box<dyn Dial>, Error> {
        let _ = security;
        Err(Error::Usage(format!("{self} is no socket that could be called")))
    }

    /// Listens at this endpoint. Warnings go to stderr in the name of `program`, unless `quiet`.
    ///
    /// # Errors
    /// Those of the system; [`Error::Usage`] where it is no socket, or one has to listen more safely.
    fn listen(&self, security: &Security, program: &str, quiet: bool) -> Result<Box<dyn Accept>, Error> {
        let _ = (security, program, quiet);
        let sockets = Scheme::listed(|scheme| scheme.medium == Medium::Socket, "");
        Err(Error::Usage(format!("--listen {self}: one can listen at {sockets}")))
    }

    /// The same endpoint for bytes without frames, where [`Scheme::is_plain`].
    fn plain(&self) -> Option<&dyn Plain> {
        None
    }
}

/// Calls a peer, again and again if need be.
pub(crate) trait Dial: fmt::Debug + Send {
    /// A new connection, unless that takes until then, or nobody waits for it any more.
    ///
    /// # Errors
    /// Why there is none, and whether another try may fare better.
    fn dial(&self, until: Instant, wait: Wait<'_>) -> Result<Socket, CallFailed>;
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) struct CallFailed {
    /// Another try will fail as this one did.
    pub(crate) is_final: bool,
    /// Nobody listens there.
    pub(crate) refused: bool,
    /// What happened.
    pub(crate) what: String,
}

impl CallFailed {
    /// A failure that another try will not mend.
    pub(crate) fn finally(what: String) -> Self {
        CallFailed { is_final: true, refused: false, what }
    }
}

impl From<io::Error> for CallFailed {
    fn from(error: io::Error) -> Self {
        let refused = matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound);
        CallFailed { is_final: false, refused, what: error.to_string() }
    }
}

/// Takes connections. It never waits: its descriptor says when there is one.
pub(crate) trait Accept: AsFd + Send {
    /// The next connection, and who made it.
    ///
    /// # Errors
    /// Those of accept(2), [`io::ErrorKind::WouldBlock`] among them.
    fn accept(&self) -> io::Result<(Socket, PeerAddress)>;
}

/// Where a connection comes from.
pub(crate) struct PeerAddress {
    /// For messages.
    pub(crate) name: String,
    /// For counting; `None` within a host.
    pub(crate) address: Option<IpAddr>,
}

/// Connections that carry bytes alone.
pub(crate) trait Plain {
    /// Connects within this time.
    ///
    /// # Errors
    /// Those of the system.
    fn connect(&self, within: Duration) -> io::Result<OwnedFd>;

    /// Listens there.
    ///
    /// # Errors
    /// Those of the system; [`Error::Usage`] at an address that other hosts can reach.
    fn listen(&self) -> Result<Box<dyn AcceptPlain>, Error>;
}

/// Takes connections that carry bytes alone.
pub(crate) trait AcceptPlain: AsFd + fmt::Debug + Send + Sync {
    /// The next connection, and the URL that it comes from. It waits.
    ///
    /// # Errors
    /// Those of accept(2).
    fn accept(&self) -> io::Result<(OwnedFd, String)>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Parsed> {
        SCHEMES.iter().find_map(|scheme| (scheme.parse)(text))
    }

    #[test]
    fn every_row_tells_the_truth_about_its_endpoint() {
        let examples = ["-", "tcp://127.0.0.1:1", "tls://127.0.0.1:1", "unix:socket", "exec:cat", "file.rec"];
        let security = Security::default();
        for (scheme, example) in SCHEMES.iter().zip(examples) {
            let endpoint = parse(example).unwrap().unwrap();
            assert_eq!(endpoint.scheme().syntax, scheme.syntax, "{example}");
            assert_eq!(endpoint.to_string(), example);
            assert!(example.starts_with(scheme.prefix) && scheme.syntax.starts_with(scheme.prefix), "{scheme:?}");
            assert_eq!(endpoint.path().is_some(), scheme.medium == Medium::File, "{scheme:?}");
            assert_eq!(endpoint.command().is_some(), scheme.medium == Medium::Child, "{scheme:?}");
            assert_eq!(endpoint.plain().is_some(), scheme.is_plain, "{scheme:?}");
            // A call of what is encrypted needs the certificates that it is checked against.
            let can_be_called = endpoint.dial(&security).is_ok() || scheme.prefix == "tls://";
            assert_eq!(can_be_called, scheme.medium == Medium::Socket, "{scheme:?}");
        }
    }

    #[test]
    fn lists_are_made_of_the_table() {
        assert_eq!(Scheme::listed(|scheme| scheme.medium == Medium::Socket, ""), "unix:PATH, tcp://HOST:PORT and tls://HOST:PORT");
        assert_eq!(Scheme::listed(|scheme| scheme.is_plain, "`"), "`unix:PATH` and `tcp://HOST:PORT`");
    }
}
