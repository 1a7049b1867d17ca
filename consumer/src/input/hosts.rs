//! `--hosts … --run COMMAND`: programs on other hosts whose records are read, over `ssh` or a command that is called as it is.
//!
//! Each host is called on a thread of its own. Its stream is a link, as of a child: the `producer` over there learns what the query
//! needs, when it has enough, and how it ended. A program that knows nothing of links may write a plain stream.

mod command;
mod install;

use std::{
    os::{fd::AsFd, unix::net::UnixStream},
    time::Duration,
};

use recpipe::{
    Error, Exit,
    transport::{
        exec::{self, Child},
        handshake::Identity,
        link::{Once, RecvLink, Settings},
        watch::{Guard, Stopper},
    },
    wire::frame::MAGIC,
};
use rustix::net::RecvFlags;

use self::command::Missing;
use crate::{config, hosts::Host};

/// What calls a host may take so long to end when nothing is wanted of it any more, and a program over there to hear of that.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// So much of what is no stream is shown.
const SHOWN: usize = 120;

/// What is run on hosts, and how they are called.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    hosts: config::Hosts,
    identity: Identity,
    settings: Settings,
}

/// A host whose stream has begun.
pub(super) struct Called {
    pub(super) recv_link: RecvLink,
    /// What calls it.
    pub(super) child: Child,
    /// The socket of both, to hang up by.
    pub(super) socket: UnixStream,
}

impl Caller {
    pub(super) fn new(hosts: config::Hosts, identity: Identity) -> Self {
        let settings = Settings::kin().among(hosts.names.len());
        Caller { hosts, identity, settings }
    }

    /// All of them.
    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts.names
    }

    /// How many have to answer.
    pub(super) fn at_least(&self) -> Option<usize> {
        self.hosts.at_least
    }

    /// Calls a host, and waits for the first that it says, or until its waiting is stopped. `producer` is installed there, where it is
    /// missing and may be.
    ///
    /// # Errors
    /// [`Error::Lost`] that names the host, and why nothing came.
    pub(super) fn call(&self, host: &Host, guard: &Guard) -> Result<Called, Error> {
        match self.try_once(host, guard)? {
            Ok(called) => Ok(called),
            Err(missing) if self.hosts.may_install => {
                install::install(&self.hosts, host, guard).map_err(|why| lacks(host, format!("{}, and {why}", missing.what())))?;
                self.try_once(host, guard)?.map_err(|missing| lacks(host, format!("{} after it was installed", missing.what())))
            }
            Err(missing) => Err(lacks(host, format!("{}; {}", missing.what(), missing.advice(host)))),
        }
    }

    /// The same without installing anything.
    fn try_once(&self, host: &Host, guard: &Guard) -> Result<Result<Called, Missing>, Error> {
        let argv = self.hosts.argv(host, &command::run(&self.hosts.run));
        let (child, socket) = exec::spawn_two_way(&argv)?;
        let first = peeked(&socket, guard).map_err(|error| lacks(host, format!("was not waited for: {error}")))?;
        if first.is_empty() {
            drop(socket);
            let status = child.wait_status()?;
            return match Missing::of(status).filter(|_| command::is_producer(&self.hosts.run)) {
                Some(missing) => Ok(Err(missing)),
                None => Err(self.silent(host, status)),
            };
        }
        let known = first.len().min(MAGIC.len());
        if first[..known] != MAGIC[..known] {
            let line = first.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let shown: String = String::from_utf8_lossy(line).chars().take(SHOWN).flat_map(char::escape_debug).collect();
            return Err(lacks(
                host,
                format!(
                    "answers with \"{shown}\", which is no stream of records; what is run there has to be a `producer`, and its shell must \
                     print nothing at its start"
                ),
            ));
        }
        let unsaid = || Error::Protocol("there is too much to say in a greeting");
        let hang_up = socket.try_clone().map_err(|error| lacks(host, format!("cannot be spoken with: {error}")))?;
        let connection: Once = exec::receiving(socket, &self.identity, &host.name).ok_or_else(unsaid)?;
        Ok(Ok(Called { recv_link: RecvLink::open(connection, self.settings)?, child, socket: hang_up }))
    }

    /// That nothing came of a host.
    fn silent(&self, host: &Host, status: Option<i32>) -> Error {
        let (ssh, run) = (self.hosts.ssh.join(" "), &self.hosts.run);
        match status {
            // As ssh has it; what was wrong it has said itself.
            Some(255) => lacks(host, format!("could not be reached: `{ssh}` ended with exit status 255")),
            Some(2) => {
                Error::Child { exit: Exit::Usage, what: format!("{}: `{run}` ended with exit status 2 before it sent anything", host.name) }
            }
            Some(code) => lacks(host, format!("sent nothing: `{run}` ended with exit status {code}")),
            None => lacks(host, format!("sent nothing: `{ssh}` was ended by a signal")),
        }
    }
}

/// What can end the waiting for a host.
///
/// # Errors
/// When the system has no file descriptors left.
pub(super) fn guard() -> Result<(Guard, Stopper), Error> {
    Guard::new(None).map_err(|error| Error::io("cannot make a pipe", error))
}

fn lacks(host: &Host, what: String) -> Error {
    Error::lost_peer(&host.name, what)
}

/// The first bytes that come, which stay to be read; none where nothing does.
fn peeked(socket: &UnixStream, guard: &Guard) -> std::io::Result<Vec<u8>> {
    guard.wait(&[socket.as_fd()], None)?;
    let mut first = vec![0; 4 * SHOWN];
    let (len, _) = match rustix::net::recv(socket, &mut first[..], RecvFlags::PEEK) {
        // Whoever has gone without reading what it was sent has sent nothing either.
        Err(rustix::io::Errno::CONNRESET) => return Ok(Vec::new()),
        came => came?,
    };
    first.truncate(len);
    Ok(first)
}
