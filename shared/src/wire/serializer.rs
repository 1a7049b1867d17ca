//! Payloads to and from values. The only file that names the serializer.
//!
//! bincode 2.0.1 through serde, fixed-width little-endian integers. It is declared complete and unmaintained
//! (RUSTSEC-2025-0141), so the rules here leave it little to do: one decode function, on a slice whose length and
//! checksum were verified first, with a limit, borrowing text and arrays from the slice; flat types only; and all
//! bytes must be consumed.

use std::{fmt, io::Write, marker::PhantomData};

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};

use super::frame::MAX_PAYLOAD;
use crate::{Error, record::Schema};

// The limit counts bytes claimed, and with fixed-width integers that is what is on the wire; what follows it has slack
// for the containers that are counted before they are filled.
const CONFIG: Configuration<LittleEndian, Fixint, Limit<{ 2 * MAX_PAYLOAD }>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<{ 2 * MAX_PAYLOAD }>();

/// A value as bytes.
pub(super) fn to_vec(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    bincode::serde::encode_to_vec(value, CONFIG).map_err(|error| Error::Data(format!("cannot encode: {error}")))
}

/// What a payload begins with.
pub(super) fn from_beginning<'de, T: Deserialize<'de>>(payload: &'de [u8]) -> Result<T, String> {
    bincode::serde::borrow_decode_from_slice(payload, CONFIG).map(|(value, _)| value).map_err(|error| error.to_string())
}

/// Decodes a whole payload; the message says what is wrong with it.
pub(super) fn from_slice<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, String> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(payload, CONFIG).map_err(|error| error.to_string())?;
    if used != payload.len() {
        return Err(format!("{} bytes are left over in a payload", payload.len() - used));
    }
    Ok(value)
}

/// Appends what [`to_vec`] gives.
pub(super) fn write_to(value: &impl Serialize, out: &mut impl Write) -> Result<(), Error> {
    bincode::serde::encode_into_std_write(value, out, CONFIG).map(|_| ()).map_err(|error| Error::Data(format!("cannot encode: {error}")))
}

/// A list with no more elements than `MOST`, which is that of fields where nothing else is said: in memory they are many times
/// what they are on the wire.
#[derive(Serialize)]
pub(super) struct Each<T, const MOST: usize = { Schema::MAX_FIELDS }>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Each<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(EachOf::<T, MOST>(PhantomData))
    }
}

struct EachOf<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for EachOf<T, MOST> {
    type Value = Each<T, MOST>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "up to {MOST} of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(next) = from.next_element()? {
            if all.len() == MOST {
                return Err(A::Error::custom(format_args!("more than {MOST} of them")));
            }
            all.push(next);
        }
        Ok(Each(all))
    }
}
