//! Why a connection is no more.

use std::{fmt, io, time::Duration};

/// Why a connection is no more.
#[derive(Clone, Debug)]
pub enum Cut {
    /// The other end closed it.
    Closed,
    /// Nothing was heard for this long.
    Silent(Duration),
    /// The system says why.
    Failed(String, io::ErrorKind),
    /// The other end does not keep to the protocol.
    Protocol(String),
    /// The other end takes no more, and says why.
    Left(String),
    /// The other end has called again.
    Returned,
}

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Closed => out.write_str("the connection was closed"),
            Cut::Silent(time) => write!(out, "nothing was heard for {} s", time.as_secs()),
            Cut::Failed(what, _) => write!(out, "the connection broke: {what}"),
            Cut::Left(why) => write!(out, "it says: {why}"),
            Cut::Returned => out.write_str("it has called again"),
            Cut::Protocol(what) => write!(out, "it does not keep to the protocol: {what}"),
        }
    }
}

impl From<io::Error> for Cut {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => Cut::Protocol(error.to_string()),
            kind => Cut::Failed(error.to_string(), kind),
        }
    }
}
