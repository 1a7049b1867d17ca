//! What can go wrong with a stream and its stages, and the exit code each ends in.

use std::{any::Any, io};

use crate::Exit;

/// An error of a stream, a stage or a record. It says what, where, and where one can, how to mend it.
///
/// # Examples
/// ```
/// use recpipe::{Error, Exit, gen_recvfrom};
///
/// let cut: &[u8] = b"\x89RECPIPE";
/// let error = gen_recvfrom(cut).next().and_then(Result::err).expect("a stream that was cut ends with an error");
/// assert!(matches!(error, Error::Truncated { at: 8, records: 0, .. }));
/// assert_eq!(error.exit(), Exit::Incomplete);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed; `what` names the file, pipe or peer.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, and to what.
        what: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The first bytes are not those of a stream.
    #[error("not a record stream: it begins with {begins:?}, not with the recpipe magic; is a `producer` missing before this?")]
    NotAStream {
        /// The first bytes, made printable.
        begins: String,
    },
    /// The stream stopped without an End frame.
    #[error("{}", truncated(*.at, *.wanted, *.got, *.frames, *.records))]
    Truncated {
        /// Bytes that came, from the start of the stream.
        at: u64,
        /// Bytes that the next piece needed.
        wanted: usize,
        /// Bytes of it that came.
        got: usize,
        /// Frames that came whole.
        frames: u64,
        /// Records in those frames.
        records: u64,
    },
    /// A child process did not end well.
    #[error("{what}")]
    Child {
        /// The exit code that it leads to.
        exit: Exit,
        /// Which, and how it ended.
        what: String,
    },
    /// The command line, a URL or a configuration asks for what cannot be done, or not safely.
    #[error("{0}")]
    Usage(String),
    /// No connection could be made: no peer answered, or the peer refused.
    #[error("{0}")]
    Refused(String),
    /// The other end of a connection is gone for good, or what is left of an input or of its readers is not all of it.
    #[error("{}", lost(peer.as_deref(), what))]
    Lost {
        /// Who is gone, where the error is of one peer: the subject of the message.
        peer: Option<String>,
        /// What became of the peer; without a peer, the whole message.
        what: String,
    },
    /// The other end of a connection was started again and knows nothing of the stream. The stream may be sent again from its
    /// beginning: the connection is kept for that (see [`Replay`](crate::transport::link::Replay)).
    #[error("{0}")]
    Restarted(String),
    /// The bytes are not those of a valid stream: they changed on the way, or were written wrongly.
    #[error("the stream is corrupt: {what}, in frame {frame} at byte {at}")]
    Corrupt {
        /// What does not fit.
        what: String,
        /// The frame's number, from 0.
        frame: u64,
        /// The frame's first byte in the stream.
        at: u64,
    },
    /// A stream of a version, codec or frame kind that this program does not know.
    #[error("unsupported stream: {0}")]
    Unsupported(String),
    /// A record or frame beyond a limit.
    #[error("{what} is {size} bytes; the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// What happened to one of several inputs.
    #[error("{name}: {error}")]
    In {
        /// What the input is called.
        name: String,
        /// What happened.
        error: Box<Error>,
    },
    /// Fields, columns or values do not fit each other.
    #[error("{0}")]
    Schema(String),
    /// A stage could not go on with the data it got (an integer overflow, say).
    #[error("{0}")]
    Data(String),
    /// What a query expects of its records does not hold.
    #[error("{0}")]
    Unmet(String),
    /// A stage was driven against the protocol of [`crate::stage`]: a mistake in the program.
    #[error("a stage was used wrongly: {0}")]
    Protocol(&'static str),
    /// A worker thread panicked: a mistake in the program.
    #[error("a worker thread panicked: {0}")]
    Panicked(String),
}

fn lost(peer: Option<&str>, what: &str) -> String {
    peer.map_or_else(|| what.to_owned(), |peer| format!("{peer} {what}"))
}

fn truncated(at: u64, wanted: usize, got: usize, frames: u64, records: u64) -> String {
    if at == 0 {
        return "the stream is incomplete: the producer sent nothing; it failed at once, or what stands before this is no `producer`"
            .into();
    }
    format!(
        "the stream is incomplete: it was truncated at byte {at} ({wanted} bytes wanted, {got} came), after {records} records in {frames} frames; its producer died or was cut off"
    )
}

impl Error {
    /// That this peer is gone for good: a message with the peer as its subject.
    ///
    /// ```
    /// use recpipe::Error;
    /// assert_eq!(Error::lost_peer("tcp://h:1", "has gone").to_string(), "tcp://h:1 has gone");
    /// ```
    pub fn lost_peer(peer: impl Into<String>, what: impl Into<String>) -> Self {
        Error::Lost { peer: Some(peer.into()), what: what.into() }
    }

    /// That something is not whole, in a message that names what.
    pub fn lost(what: impl Into<String>) -> Self {
        Error::Lost { peer: None, what: what.into() }
    }

    /// That a thread panicked, with its words.
    #[doc(hidden)]
    pub fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        Error::Panicked(text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into()))
    }

    /// An I/O error on `what`; if it carries one of these errors inside, that one.
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        source.downcast().unwrap_or_else(|source| Error::Io { what: what.into(), source })
    }

    /// Whether the error only says that the reader of our output has gone, which is a stop and no failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self.what_happened(), Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The error, as one of the input with this name among several.
    #[must_use]
    pub fn of_input(self, name: &str) -> Self {
        Error::In { name: name.to_owned(), error: Box::new(self) }
    }

    /// The error, whichever of several inputs it is of.
    pub fn what_happened(&self) -> &Self {
        match self {
            Error::In { error, .. } => error.what_happened(),
            error => error,
        }
    }

    /// Whether the message begins with the name of the peer that it is about: whoever adds that name need not.
    ///
    /// ```
    /// use recpipe::Error;
    /// assert!(Error::lost_peer("tcp://h:1", "has gone").names_peer());
    /// assert!(!Error::Schema("tcp://h:1 is a field".into()).names_peer());
    /// ```
    #[doc(hidden)]
    pub fn names_peer(&self) -> bool {
        matches!(self, Error::Lost { .. } | Error::Restarted(_) | Error::In { .. })
    }

    /// The byte of the stream that it is about, where it is about one.
    ///
    /// ```
    /// let error = recpipe::gen_recvfrom(&b"\x89RECPIPE"[..]).find_map(Result::err);
    /// assert_eq!(error.and_then(|error| error.position()), Some(8));
    /// ```
    pub fn position(&self) -> Option<u64> {
        match self.what_happened() {
            Error::Truncated { at, .. } | Error::Corrupt { at, .. } => Some(*at),
            _ => None,
        }
    }

    /// The input or the peer that it is about, where it is one of several or names one.
    ///
    /// ```
    /// use recpipe::Error;
    /// assert_eq!(Error::Data("no number".into()).of_input("b.log").subject(), Some("b.log"));
    /// assert_eq!(Error::lost_peer("tcp://h:1", "has gone").subject(), Some("tcp://h:1"));
    /// assert_eq!(Error::Data("no number".into()).subject(), None);
    /// ```
    pub fn subject(&self) -> Option<&str> {
        match self {
            Error::In { name, .. } => Some(name),
            Error::Lost { peer, .. } => peer.as_deref(),
            _ => None,
        }
    }

    /// The exit code of a program that ends because of it.
    pub fn exit(&self) -> Exit {
        match self {
            Error::NotAStream { .. } | Error::Truncated { .. } | Error::Corrupt { .. } => Exit::Incomplete,
            Error::Lost { .. } | Error::Restarted(_) => Exit::Incomplete,
            Error::Usage(_) => Exit::Usage,
            Error::Unmet(_) => Exit::Unmet,
            Error::Child { exit, .. } => *exit,
            Error::In { error, .. } => error.exit(),
            _ => Exit::Failed,
        }
    }
}
