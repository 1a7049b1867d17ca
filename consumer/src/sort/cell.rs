//! Single values as bytes, one after the other: what lists and sets are made of, and the rows of records of any types.

use recpipe::{Error, Time, Type, Value};

/// What stands before a value where values are of several types.
const BOOL: u8 = 0;
const INT: u8 = 1;
const WIDE: u8 = 2;
const FLOAT: u8 = 3;
const TIME: u8 = 4;
const TEXT: u8 = 5;

/// Bytes or columns that no accumulator wrote.
#[derive(Debug)]
pub(crate) struct CorruptState;

impl From<CorruptState> for Error {
    fn from(_: CorruptState) -> Self {
        Error::Data("the partial result of an aggregate is damaged: it is not what was written".into())
    }
}

/// The first `N` of the bytes, which move on.
#[inline]
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], CorruptState> {
    let (first, rest) = bytes.split_first_chunk::<N>().ok_or(CorruptState)?;
    *bytes = rest;
    Ok(*first)
}

/// Appends a value of this type. Null is none and leaves nothing; what is equal and looks the same has the same bytes.
#[inline]
pub(crate) fn write(kind: Type, value: Value<'_>, out: &mut Vec<u8>) {
    let is_mixed = kind == Type::Mixed;
    let mut mark = |mark: u8| {
        if is_mixed {
            out.push(mark);
        }
    };
    match value {
        Value::Null => {}
        Value::Bool(value) => {
            mark(BOOL);
            out.push(u8::from(value));
        }
        Value::Int(value) => match i64::try_from(value) {
            Ok(value) => {
                mark(INT);
                out.extend_from_slice(&value.to_le_bytes());
            }
            // Only among mixed values.
            Err(_) => {
                mark(WIDE);
                out.extend_from_slice(&value.to_le_bytes());
            }
        },
        Value::Float(value) => {
            mark(FLOAT);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Value::Time(time) => {
            mark(TIME);
            out.extend_from_slice(&time.nanos.to_le_bytes());
            out.extend_from_slice(&time.offset_s.to_le_bytes());
        }
        // The text of a batch is below 4 GiB.
        Value::Text(text) => {
            mark(TEXT);
            out.extend_from_slice(&(text.len() as u32).to_le_bytes());
            out.extend_from_slice(text);
        }
    }
}

/// The value of this type at the front of the bytes, which move on.
#[inline]
pub(crate) fn read<'a>(kind: Type, bytes: &mut &'a [u8]) -> Result<Value<'a>, CorruptState> {
    let kind = match kind {
        Type::Mixed => match take::<1>(bytes)? {
            [BOOL] => Type::Bool,
            [INT] => Type::Int,
            [WIDE] => return Ok(Value::Int(i128::from_le_bytes(take(bytes)?))),
            [FLOAT] => Type::Float,
            [TIME] => Type::Time,
            [TEXT] => Type::Text,
            _ => return Err(CorruptState),
        },
        kind => kind,
    };
    Ok(match kind {
        Type::Null | Type::Mixed => return Err(CorruptState),
        Type::Bool => Value::Bool(take::<1>(bytes)? != [0]),
        Type::Int => Value::Int(i64::from_le_bytes(take(bytes)?).into()),
        Type::Float => Value::Float(f64::from_le_bytes(take(bytes)?)),
        Type::Time => Value::Time(Time { nanos: i64::from_le_bytes(take(bytes)?), offset_s: i32::from_le_bytes(take(bytes)?) }),
        Type::Text => {
            let len = u32::from_le_bytes(take(bytes)?) as usize;
            let (text, rest) = bytes.split_at_checked(len).ok_or(CorruptState)?;
            *bytes = rest;
            Value::Text(text)
        }
    })
}

/// One of the values that are equal to this one, and the same for all of them: 1 for 1.0 where values are of several types, a time
/// in UTC, one zero and one NaN.
pub(crate) fn canonical(kind: Type, value: Value<'_>) -> Value<'_> {
    const TWO_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    match value {
        Value::Float(value) if value.is_nan() => Value::Float(f64::NAN),
        Value::Float(value) if kind == Type::Mixed && value.trunc() == value && (-TWO_127..TWO_127).contains(&value) => {
            Value::Int(value as i128)
        }
        Value::Float(value) => Value::Float(value + 0.0),
        Value::Time(time) => Value::Time(Time { offset_s: 0, ..time }),
        value => value,
    }
}
