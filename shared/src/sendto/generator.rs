//! Streams that are pulled.

use std::{
    collections::VecDeque,
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

/// See [`RecvFrom::records`].
pub struct Records<T, R: Read> {
    batches: RecvFrom<R>,
    /// The records of the batch that came last.
    ready: VecDeque<Result<T, Error>>,
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
