//! A hash that is the same for every run, version, machine and number of threads: XXH3, 64 bits, seed 0.
//!
//! Of text it is that of its bytes; of anything else that of the text which `str` makes of it, so that any language with an
//! XXH3 can compute it. Values that are equal have the same: a float that is a whole number is written as the integer that
//! it is, and a time in UTC.

use std::io::Write;

use recpipe::{Time, Value};
use twox_hash::XxHash3_64;

use super::functions::to_int;

/// The hash of a value; `scratch` is overwritten. `None` for null.
pub(super) fn hash(value: Value<'_>, scratch: &mut Vec<u8>) -> Option<i64> {
    let value = match value {
        Value::Null => return None,
        Value::Text(text) => return Some(of_bytes(text)),
        Value::Float(float) if float.trunc() == float => to_int(float).map_or(value, Value::Int),
        Value::Time(time) => Value::Time(Time { offset_s: 0, ..time }),
        value => value,
    };
    scratch.clear();
    // Writing to a vector does not fail.
    write!(scratch, "{value}").ok();
    Some(of_bytes(scratch))
}

/// The bits of the hash as a signed integer.
fn of_bytes(bytes: &[u8]) -> i64 {
    XxHash3_64::oneshot(bytes).cast_signed()
}
