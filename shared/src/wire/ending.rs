//! What a stream says of failures: a warning while it goes on, an ending at its end; and their payloads.

use serde::{Deserialize, Serialize};

use super::{
    frame::Totals,
    serializer::{from_slice, to_vec},
};
use crate::{Error, Exit};

/// Something failed on the other side, and the stream went on: a file that could not be read, say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The exit code it will lead to.
    pub exit: Exit,
    /// What failed, for people.
    pub message: String,
}

#[derive(Serialize, Deserialize)]
struct WarningWire<'a> {
    exit: u8,
    message: &'a str,
}

pub(super) fn encode_warning(warning: &Warning) -> Result<Vec<u8>, Error> {
    to_vec(&WarningWire { exit: warning.exit.code(), message: &warning.message })
}

pub(super) fn decode_warning(payload: &[u8]) -> Result<Warning, String> {
    let wire: WarningWire<'_> = from_slice(payload)?;
    Ok(Warning { exit: Exit::from_code(wire.exit), message: wire.message.to_owned() })
}

/// How a stream ended, as its producer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The producer's exit code.
    pub exit: Exit,
    /// Why it is not [`Exit::Done`]; empty if it is.
    pub cause: String,
    /// Input that was no record.
    pub rejected: u64,
}

impl Ending {
    /// The end of both: the first that is not well counts, with the rejects of both.
    #[must_use]
    pub fn and(self, other: Ending) -> Ending {
        let rejected = self.rejected.saturating_add(other.rejected);
        Ending { rejected, ..if self.exit == Exit::Done { other } else { self } }
    }
}

#[derive(Serialize, Deserialize)]
struct EndWire<'a> {
    exit: u8,
    frames: u64,
    records: u64,
    digest: u32,
    rejected: u64,
    cause: &'a str,
}

pub(super) fn encode_end(ending: &Ending, totals: Totals) -> Result<Vec<u8>, Error> {
    let Totals { frames, records, digest } = totals;
    to_vec(&EndWire { exit: ending.exit.code(), frames, records, digest, rejected: ending.rejected, cause: &ending.cause })
}

pub(super) fn decode_end(payload: &[u8]) -> Result<(Ending, Totals), String> {
    let EndWire { exit, frames, records, digest, rejected, cause } = from_slice(payload)?;
    Ok((Ending { exit: Exit::from_code(exit), cause: cause.to_owned(), rejected }, Totals { frames, records, digest }))
}
