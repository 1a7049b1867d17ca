//! Where a link gets its connections from.

use bytes::Bytes;

use super::{Cut, parser::Parser};
use crate::{Error, session::Progress, transport::socket::Socket, wire::Hello};

/// A connection on which both ends know who they are.
pub struct Connected {
    pub(crate) socket: Socket,
    /// What has come of the other's direction goes on here.
    pub(crate) parser: Parser,
    /// What the other end said of itself; `None` where nobody greets: a child's standard input.
    pub(crate) hello: Option<Hello>,
    /// What we still have to say before all else.
    pub(crate) say: Bytes,
}

/// Gives a link its first connection, and others when one breaks.
pub trait Connections: Send {
    /// A connection; `after` says why the one before it is no more. It may take its time, and retry. `progress` is how far
    /// a receiver is, to be said in its Hello; one that has finished need not wait for long.
    ///
    /// # Errors
    /// [`Error::Lost`] or another error that says why there will be none.
    fn next(&mut self, after: Option<&Cut>, progress: Progress) -> Result<Connected, Error>;

    /// Who is at the other end, for messages.
    fn peer(&self) -> String;

    /// Whether the other end has called again: then the connection that it had is no more, though nothing says so here.
    /// It is looked at whenever something happens on the connection, and with each Beat.
    fn has_returned(&self) -> bool {
        false
    }
}

/// One connection and no other: to a child, over a Unix socket.
pub struct Once {
    /// The connection, until it is given.
    pub connected: Option<Connected>,
    /// Who is at the other end.
    pub peer: String,
}

impl Connections for Once {
    fn next(&mut self, after: Option<&Cut>, _: Progress) -> Result<Connected, Error> {
        self.connected.take().ok_or_else(|| {
            let why = after.map_or_else(String::new, |cut| format!(": {cut}"));
            Error::Lost(format!("{} has gone{why}", self.peer))
        })
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }
}
