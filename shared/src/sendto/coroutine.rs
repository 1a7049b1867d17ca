//! Streams that are pushed.

use std::io::{Read, Write};

use super::gen_recvfrom;
use crate::{
    Batch, Error, Flow, Stage,
    wire::{Ending, Writer},
};

/// A stage at the end of a chain that writes what it is sent as one stream; closing it writes the end.
///
/// A reader that has had enough and has gone answers [`Flow::Stop`]. [`Stage::fail`] ends the stream with the cause; dropping it without
/// a word leaves it without an end, which every reader notices.
///
/// # Errors
/// [`Error::Io`] when the beginning cannot be written.
///
/// # Examples
/// ```
/// use recpipe::{Stage, co_sendto, gen_recvfrom};
///
/// let mut stream = Vec::new();
/// co_sendto(&mut stream)?.close()?;
/// assert_eq!(gen_recvfrom(&stream[..]).count(), 0);
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn co_sendto<W: Write>(to: W) -> Result<SendTo<W>, Error> {
    Ok(SendTo { writer: Writer::new(to)?, has_gone: false })
}

/// See [`co_sendto`].
#[derive(Debug)]
pub struct SendTo<W: Write> {
    writer: Writer<W>,
    /// Whether the reader has.
    has_gone: bool,
}

impl<W: Write> SendTo<W> {
    fn write(&mut self, write: impl FnOnce(&mut Writer<W>) -> Result<(), Error>) -> Result<Flow, Error> {
        if self.has_gone {
            return Ok(Flow::Stop);
        }
        match write(&mut self.writer) {
            Ok(()) => Ok(Flow::Continue),
            Err(error) if error.is_broken_pipe() => {
                self.has_gone = true;
                Ok(Flow::Stop)
            }
            Err(error) => Err(error),
        }
    }
}

impl<W: Write> Stage for SendTo<W> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.write(|writer| writer.batch(&batch))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.write(Writer::flush).map(|_| ())
    }

    fn close(&mut self) -> Result<(), Error> {
        self.write(|writer| writer.end(&Ending::default())).map(|_| ())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }

    fn fail(&mut self, error: &Error) {
        let ending = Ending { exit: error.exit(), cause: error.to_string(), rejected: 0 };
        // The failure is being told already.
        let _ = self.write(|writer| writer.end(&ending));
    }
}

/// Sends the batches of a stream to a stage until either has enough; whether the stream's end was reached.
///
/// The target is closed when the stream has ended, or when it has had enough. Where the End says that the producer failed, the target is
/// closed all the same, for what came is true, and the failure is given back. A stream that was cut or damaged, or an error of the target,
/// is told to it by [`Stage::fail`]; it is not closed then.
///
/// # Errors
/// Those of the target; as the last item of [`gen_recvfrom`] for the stream.
///
/// # Examples
/// ```
/// use recpipe::{Batch, co_recvfrom, gen_sendto, stage::Collect};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Hit { host: String }
///
/// let mut stream = Vec::new();
/// gen_sendto([Batch::of(&[Hit { host: "10.0.0.1".into() }])], &mut stream)?;
/// let (collect, got) = Collect::new();
/// assert!(co_recvfrom(&stream[..], collect)?);
/// assert!(got.is_closed() && got.records() == 1);
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn co_recvfrom(from: impl Read, mut target: impl Stage) -> Result<bool, Error> {
    let mut batches = gen_recvfrom(from);
    loop {
        let sent = match batches.next() {
            None => return target.close().map(|()| true),
            Some(Err(failed @ Error::Child { .. })) => return target.close().and(Err(failed)),
            Some(batch) => batch.and_then(|batch| target.send(batch)),
        };
        match sent {
            Ok(Flow::Continue) => {}
            Ok(Flow::Stop) => return target.close().map(|()| false),
            Err(error) => {
                target.fail(&error);
                return Err(error);
            }
        }
    }
}
