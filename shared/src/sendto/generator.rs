//! Streams that are pulled.

use std::{
    collections::VecDeque,
    fmt,
    io::{Read, Write},
    iter::FusedIterator,
};

use serde::de::DeserializeOwned;

use super::proven;
use crate::{
    Batch, Error,
    wire::{Ending, Incoming, Reader, Writer, frame::Totals},
};

/// Writes all batches as one stream, and its end; how many frames and records those were.
///
/// A reader that has had enough and has gone is no failure: what it took is counted. An error of the iterator ends the stream with its
/// cause, which the reader is told, and is given back.
///
/// # Errors
/// Those of the iterator, and of [`Writer`].
///
/// # Examples
/// ```
/// use recpipe::{Batch, gen_recvfrom, gen_sendto};
///
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct Hit { host: String }
///
/// let mut stream = Vec::new();
/// let totals = gen_sendto([Batch::of(&[Hit { host: "10.0.0.1".into() }])], &mut stream)?;
/// assert_eq!(totals.records, 1);
/// let hits = gen_recvfrom(&stream[..]).records::<Hit>().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(hits, [Hit { host: "10.0.0.1".into() }]);
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn gen_sendto(batches: impl IntoIterator<Item = Result<Batch, Error>>, to: impl Write) -> Result<Totals, Error> {
    let mut writer = Writer::new(to)?;
    for batch in batches {
        match batch.and_then(|batch| writer.batch(&batch)) {
            Ok(()) => {}
            Err(error) if error.is_broken_pipe() => return Ok(writer.totals()),
            Err(error) => {
                // The first failure is the one to be told; a reader that has gone, too, is none.
                let _ = writer.end(&Ending { exit: error.exit(), cause: error.to_string(), rejected: 0 });
                return Err(error);
            }
        }
    }
    match writer.end(&Ending::default()) {
        Err(error) if !error.is_broken_pipe() => Err(error),
        _ => Ok(writer.totals()),
    }
}

/// The batches of a stream, one by one; nothing is read before the first is asked for.
///
/// The last item is an error where the stream was cut or damaged, or where its End says that the producer failed: what came before it is
/// true, and not all. `None` comes after a proven end alone, or after that error.
///
/// # Examples
/// ```
/// use recpipe::{Exit, gen_recvfrom, gen_sendto};
///
/// let mut stream = Vec::new();
/// gen_sendto([], &mut stream)?;
/// assert!(gen_recvfrom(&stream[..]).next().is_none());
/// // Without its end, a stream is none.
/// let cut = &stream[..stream.len() - 1];
/// assert!(gen_recvfrom(cut).any(|batch| batch.is_err_and(|error| error.exit() == Exit::Incomplete)));
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn gen_recvfrom<R: Read>(from: R) -> RecvFrom<R> {
    RecvFrom { state: State::Unopened(from) }
}

/// See [`gen_recvfrom`].
pub struct RecvFrom<R: Read> {
    state: State<R>,
}

enum State<R: Read> {
    Unopened(R),
    Open(Reader<R>),
    Ended,
}

impl<R: Read> RecvFrom<R> {
    /// The records as structs, one by one; see [`Row::to`](crate::Row::to). A record that is no such struct is an error, after which the
    /// next one comes.
    pub fn records<T: DeserializeOwned>(self) -> Records<T, R> {
        Records { batches: self, ready: VecDeque::new() }
    }

    fn pull(&mut self) -> Result<Option<Batch>, Error> {
        if let State::Unopened(_) = self.state
            && let State::Unopened(from) = std::mem::replace(&mut self.state, State::Ended)
        {
            self.state = State::Open(Reader::new(from)?);
        }
        let State::Open(reader) = &mut self.state else { return Ok(None) };
        loop {
            match reader.read()? {
                Some(Incoming::Batch(raw)) => return raw.decode().map(Some),
                // What went wrong on the other side is in its End, too.
                Some(Incoming::Schema(_) | Incoming::Warning(_)) => {}
                Some(Incoming::End(ending)) => return proven(ending).map(|_| None),
                None => return Ok(None),
            }
        }
    }
}

impl<R: Read> Iterator for RecvFrom<R> {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let pulled = self.pull().transpose();
        if !matches!(pulled, Some(Ok(_))) {
            self.state = State::Ended;
        }
        pulled
    }
}

impl<R: Read> FusedIterator for RecvFrom<R> {}

impl<R: Read> fmt::Debug for RecvFrom<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RecvFrom").field("has_ended", &matches!(self.state, State::Ended)).finish_non_exhaustive()
    }
}

/// See [`RecvFrom::records`].
pub struct Records<T, R: Read> {
    batches: RecvFrom<R>,
    /// The records of the batch that came last.
    ready: VecDeque<Result<T, Error>>,
}

impl<T, R: Read> fmt::Debug for Records<T, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Records").field("batches", &self.batches).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned, R: Read> Iterator for Records<T, R> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(record);
            }
            match self.batches.next()? {
                Ok(batch) => self.ready.extend(batch.to::<T>()),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<T: DeserializeOwned, R: Read> FusedIterator for Records<T, R> {}
