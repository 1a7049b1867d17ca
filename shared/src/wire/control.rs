//! The frames with which the two ends of a connection talk about it, besides those of the stream.
//!
//! Each direction of a connection begins with a preamble and a Hello. After it the sender's direction carries the frames
//! of its stream, and the receiver's a Pushdown, Acks and at last an End with its own exit, which the sender answers with a
//! Bye; Beats go both ways where there is nothing else to say. An Error frame in place of a Hello says why a peer is refused.

use bytes::Bytes;

use serde::{Deserialize, Serialize};

use super::{
    ending::{self, Ending, Warning},
    frame::{Header, Kind, MAX_PAYLOAD, Totals},
    pushdown::{self, Pushdown},
    serializer::{from_slice, to_vec},
};
use crate::{
    Error,
    session::{Instance, Progress},
};

/// Which way the stream goes, seen from one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The stream comes from here.
    Sender,
    /// The stream goes here.
    Receiver,
}

/// The first frame of either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Whether it sends or receives.
    pub role: Role,
    /// Who it is, as long as it runs.
    pub instance: Instance,
    /// Which stream it is about: drawn by the sender; all zero from a receiver that has none yet.
    pub stream: [u8; 16],
    /// How far the receiver is with that stream; of a sender, nothing.
    pub progress: Progress,
    /// The shared secret, from whoever called; empty where none was given.
    pub token: Vec<u8>,
    /// What it can do beyond what all of this version can, a bit each; those that are not known are ignored.
    pub can: u32,
    /// The program and its version, for people.
    pub program: String,
}

impl Hello {
    /// A sender acts on the conditions of a [`Pushdown`]. They are not sent to others.
    pub const CONDITIONS: u32 = 1;
}

/// A frame about the connection, decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// Who is at this end.
    Hello(Hello),
    /// What the receiver needs.
    Pushdown(Pushdown),
    /// How far the receiver is.
    Ack(Progress),
    /// This end is alive.
    Beat,
    /// The sender has heard how the receiver ended.
    Bye,
    /// Why the other end is refused.
    Refusal(Warning),
    /// How the receiver ended.
    End(Ending),
}

impl Control {
    /// The bytes on the wire: header and payload.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a frame that no peer would take.
    pub fn to_bytes(&self) -> Result<Bytes, Error> {
        let (kind, payload) = match self {
            Control::Hello(hello) => (Kind::Hello, encode_hello(hello)?),
            Control::Pushdown(pushdown) => (Kind::Pushdown, pushdown::encode_pushdown(pushdown)?),
            Control::Ack(progress) => (Kind::Ack, encode_progress(*progress)?),
            Control::Beat => (Kind::Beat, Vec::new()),
            Control::Bye => (Kind::Bye, Vec::new()),
            Control::Refusal(warning) => (Kind::Error, ending::encode_warning(warning)?),
            Control::End(ending) => (Kind::End, ending::encode_end(ending, Totals::default())?),
        };
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::TooLarge { what: "a frame".into(), size: payload.len() as u64, limit: MAX_PAYLOAD as u64 });
        }
        let payload_crc = crc32c::crc32c(&payload);
        let header =
            Header { kind, flags: 0, schema: 0, records: 0, stream: 0, payload_len: payload.len() as u32, sequence: 0, payload_crc };
        Ok([&header.to_bytes()[..], &payload].concat().into())
    }

    /// The frame with this header and this payload, whose checksum is verified here.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_frame(header: &Header, payload: &[u8]) -> Result<Self, String> {
        if crc32c::crc32c(payload) != header.payload_crc {
            return Err("the checksum of a payload differs".into());
        }
        match header.kind {
            Kind::Hello => decode_hello(payload).map(Control::Hello),
            Kind::Pushdown => pushdown::decode_pushdown(payload).map(Control::Pushdown),
            Kind::Ack => decode_progress(payload).map(Control::Ack),
            Kind::Beat if payload.is_empty() => Ok(Control::Beat),
            Kind::Bye if payload.is_empty() => Ok(Control::Bye),
            Kind::Beat | Kind::Bye => Err("a payload where there is to be none".into()),
            Kind::Error => ending::decode_warning(payload).map(Control::Refusal),
            Kind::End => ending::decode_end(payload).map(|(ending, _)| Control::End(ending)),
            Kind::Schema | Kind::Batch => Err("a frame of a stream came the wrong way".into()),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ProgressWire {
    received: u64,
    done: u64,
    enough: bool,
    finished: bool,
}

fn progress_wire(Progress { received, done, enough, finished }: Progress) -> ProgressWire {
    ProgressWire { received, done, enough, finished }
}

fn progress(ProgressWire { received, done, enough, finished }: ProgressWire) -> Progress {
    Progress { received, done, enough, finished }
}

fn encode_progress(progress: Progress) -> Result<Vec<u8>, Error> {
    to_vec(&progress_wire(progress))
}

fn decode_progress(payload: &[u8]) -> Result<Progress, String> {
    from_slice(payload).map(progress)
}

#[derive(Serialize, Deserialize)]
struct HelloWire<'a> {
    sends: bool,
    instance: [u8; 16],
    stream: [u8; 16],
    progress: ProgressWire,
    #[serde(with = "serde_bytes", borrow)]
    token: &'a [u8],
    can: u32,
    program: &'a str,
}

fn encode_hello(hello: &Hello) -> Result<Vec<u8>, Error> {
    let Hello { role, instance, stream, progress, token, can, program } = hello;
    let (instance, stream, progress, can) = (*instance, *stream, progress_wire(*progress), *can);
    to_vec(&HelloWire { sends: *role == Role::Sender, instance, stream, progress, token, can, program })
}

fn decode_hello(payload: &[u8]) -> Result<Hello, String> {
    let HelloWire { sends, instance, stream, progress: said, token, can, program } = from_slice(payload)?;
    let role = if sends { Role::Sender } else { Role::Receiver };
    Ok(Hello { role, instance, stream, progress: progress(said), token: token.to_vec(), can, program: program.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exit;

    fn all() -> Vec<Control> {
        let progress = Progress { received: 9, done: 7, enough: false, finished: true };
        vec![
            Control::Hello(Hello {
                role: Role::Receiver,
                instance: [1; 16],
                stream: [2; 16],
                progress,
                token: b"s3cret".to_vec(),
                can: Hello::CONDITIONS,
                program: "consumer 0.1".into(),
            }),
            Control::Pushdown(Pushdown { columns: Some(vec!["host".into()]), holds_state: true, ..Pushdown::default() }),
            Control::Ack(progress),
            Control::Beat,
            Control::Bye,
            Control::Refusal(Warning { exit: Exit::Failed, message: "no".into() }),
            Control::End(Ending { exit: Exit::Incomplete, cause: "cut".into(), rejected: 0 }),
        ]
    }

    fn parse(bytes: &[u8]) -> Result<Control, String> {
        let header = Header::from_bytes(bytes.first_chunk().ok_or("short")?)?;
        Control::from_frame(&header, &bytes[crate::wire::frame::HEADER_LEN..])
    }

    #[test]
    fn reads_back() {
        for control in all() {
            assert_eq!(parse(&control.to_bytes().unwrap()), Ok(control));
        }
    }

    #[test]
    fn golden_bytes() {
        let ack = Control::Ack(Progress { received: 9, done: 7, enough: false, finished: true }).to_bytes().unwrap();
        assert_eq!(ack[..4], [18, 0, 0, 0]);
        assert_eq!(ack[32..], *b"\x09\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\x01");
        let hello = all()[0].to_bytes().unwrap();
        assert_eq!(hello[32..66], *b"\0\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x09");
    }

    #[test]
    fn every_flipped_bit_is_found_and_every_cut() {
        for control in all() {
            let bytes = control.to_bytes().unwrap();
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(parse(&changed).is_err(), "{control:?}, bit {bit}");
            }
            for len in 0..bytes.len() {
                assert!(parse(&bytes[..len]).is_err(), "{control:?}, {len} bytes");
            }
        }
    }
}
