//! Single values as bytes, one after the other: what lists and sets are made of.

use recpipe::{Time, Type, Value};

use super::state::{Torn, take};

/// Appends a value. Null is none and leaves nothing; what is equal and looks the same has the same bytes.
#[inline]
pub(super) fn write(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.push(u8::from(value)),
        Value::Int(value) => out.extend_from_slice(&(value as i64).to_le_bytes()),
        Value::Float(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::Time(time) => {
            out.extend_from_slice(&time.nanos.to_le_bytes());
            out.extend_from_slice(&time.offset_s.to_le_bytes());
        }
        // The text of a batch is below 4 GiB.
        Value::Text(text) => {
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text);
        }
    }
}

/// The value of this type at the front of the bytes, which move on.
#[inline]
pub(super) fn read<'a>(kind: Type, bytes: &mut &'a [u8]) -> Result<Value<'a>, Torn> {
    Ok(match kind {
        Type::Null | Type::Mixed => return Err(Torn),
        Type::Bool => Value::Bool(take::<1>(bytes)? != [0]),
        Type::Int => Value::Int(i64::from_le_bytes(take(bytes)?).into()),
        Type::Float => Value::Float(f64::from_le_bytes(take(bytes)?)),
        Type::Time => Value::Time(Time { nanos: i64::from_le_bytes(take(bytes)?), offset_s: i32::from_le_bytes(take(bytes)?) }),
        Type::Text => {
            let len = u32::from_le_bytes(take(bytes)?) as usize;
            let (text, rest) = bytes.split_at_checked(len).ok_or(Torn)?;
            *bytes = rest;
            Value::Text(text)
        }
    })
}
