//! Cuts bytes into frames, straight into the buffers that keep them.

use std::io::{self, Read};

use bytes::Bytes;

use crate::{
    Buffer, Pool,
    wire::frame::{Decoder, HEADER_LEN, Header, PREAMBLE_LEN, Step},
};

/// A frame, its header verified; its payload only by length.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) header: Header,
    pub(crate) payload: Bytes,
}

impl Frame {
    pub(crate) fn bytes(&self) -> usize {
        HEADER_LEN + self.payload.len()
    }
}

/// Why [`Parser::read`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// As much as was asked for is there.
    Enough,
    /// The input has no more at the moment.
    Blocked,
    /// The input has ended.
    Ended,
}

/// Takes one direction of a connection apart: a preamble, then frames in whatever order.
pub(crate) struct Parser {
    state: State,
    pool: Pool,
    /// Payloads beyond this are refused before anything is allocated.
    limit: usize,
}

enum State {
    Preamble { bytes: [u8; PREAMBLE_LEN], have: usize },
    Header { bytes: [u8; HEADER_LEN], have: usize },
    Payload { header: Header, buffer: Buffer, have: usize },
}

const HEADER: State = State::Header { bytes: [0; HEADER_LEN], have: 0 };

impl Parser {
    pub(crate) fn new(limit: usize) -> Self {
        Parser { state: State::Preamble { bytes: [0; PREAMBLE_LEN], have: 0 }, pool: Pool::new(), limit }
    }

    /// From now on, payloads of this size are taken.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Reads from `input` until it blocks or ends, or frames of `enough` bytes have come.
    ///
    /// # Errors
    /// Those of the input, and [`io::ErrorKind::InvalidData`] for what is no frame.
    pub(crate) fn read(&mut self, input: &mut impl Read, enough: usize, frames: &mut Vec<Frame>) -> io::Result<Stopped> {
        let mut came = 0;
        while came < enough {
            let (into, have) = match &mut self.state {
                State::Preamble { bytes, have } => (&mut bytes[..], have),
                State::Header { bytes, have } => (&mut bytes[..], have),
                State::Payload { buffer, have, .. } => (buffer.as_mut(), have),
            };
            if *have < into.len() {
                match input.read(&mut into[*have..]) {
                    Ok(0) => return Ok(Stopped::Ended),
                    Ok(got) => *have += got,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Stopped::Blocked),
                    Err(error) => return Err(error),
                }
            }
            if let Some(frame) = self.complete()? {
                came += frame.bytes();
                frames.push(frame);
            }
        }
        Ok(Stopped::Enough)
    }

    /// Goes on to the next part when one is whole. (A payload may be empty.)
    fn complete(&mut self) -> io::Result<Option<Frame>> {
        match &self.state {
            State::Preamble { bytes, have } => {
                // A stranger's first bytes are judged as they come.
                let step = Decoder::new().decode(&bytes[..*have]).map_err(invalid)?;
                if step == Step::Preamble {
                    self.state = HEADER;
                }
                Ok(None)
            }
            State::Header { bytes, have } if *have == HEADER_LEN => {
                let header = Header::from_bytes(bytes).map_err(invalid)?;
                let len = header.payload_len as usize;
                if len > self.limit {
                    return Err(invalid(format!("a frame of {len} bytes, where the limit is {}", self.limit)));
                }
                self.state = State::Payload { header, buffer: self.pool.take(len), have: 0 };
                if len == 0 { self.complete() } else { Ok(None) }
            }
            State::Payload { buffer, have, .. } if *have == buffer.as_ref().len() => match std::mem::replace(&mut self.state, HEADER) {
                State::Payload { header, buffer, .. } => Ok(Some(Frame { header, payload: buffer.freeze() })),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }
}

fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        session::Progress,
        wire::{Control, Kind, frame},
    };

    #[test]
    fn any_split_gives_the_same_frames() {
        let ack = |received| Control::Ack(Progress { received, ..Progress::default() }).to_bytes().unwrap();
        let beat = Control::Beat.to_bytes().unwrap();
        let bytes = [&frame::preamble()[..], &ack(1), &beat, &beat, &ack(2), &beat].concat();
        for split in 1..bytes.len() {
            let (mut parser, mut frames) = (Parser::new(1000), Vec::new());
            for mut part in bytes.chunks(split) {
                assert_eq!(parser.read(&mut part, usize::MAX, &mut frames).unwrap(), Stopped::Ended);
            }
            let kinds: Vec<Kind> = frames.iter().map(|frame| frame.header.kind).collect();
            assert_eq!(kinds, [Kind::Ack, Kind::Beat, Kind::Beat, Kind::Ack, Kind::Beat], "split by {split}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused_early() {
        let refuse = |mut bytes: &[u8]| Parser::new(10).read(&mut bytes, usize::MAX, &mut Vec::new()).unwrap_err().kind();
        assert_eq!(refuse(b"GE"), io::ErrorKind::InvalidData);
        let ack = Control::Ack(Progress::default()).to_bytes().unwrap();
        assert_eq!(refuse(&[&frame::preamble()[..], &ack].concat()), io::ErrorKind::InvalidData, "longer than the limit");
        assert_eq!(refuse(&[&frame::preamble()[..], &[0; HEADER_LEN]].concat()), io::ErrorKind::InvalidData);
    }
}
