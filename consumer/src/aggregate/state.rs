//! What accumulators have in common where their state goes out and comes in as columns.
//!
//! A state comes back from a disk or from another process, so nothing in it is believed: a wrong one is an [`Error`], and
//! nothing is allocated for a number that stands in it.

use recpipe::{Column, Type, Value};

pub(crate) use crate::sort::cell::{CorruptState, take};

/// The column at place `i` of a state; it must have `rows` rows of this type, or of any with [`Type::Mixed`].
pub(super) fn column(state: &[Column], i: usize, kind: Type, rows: usize) -> Result<&Column, CorruptState> {
    let is_kind = |found: Type| kind == Type::Mixed || found == kind || found == Type::Null;
    let fits = |column: &&Column| column.len() == rows && is_kind(column.kind());
    state.get(i).filter(fits).ok_or(CorruptState)
}

/// The number in a row of a column; `None` when it is null.
pub(super) fn int(column: &Column, row: usize) -> Result<Option<i64>, CorruptState> {
    match column.value(row) {
        Value::Null => Ok(None),
        Value::Int(value) => i64::try_from(value).map(Some).map_err(|_| CorruptState),
        _ => Err(CorruptState),
    }
}

/// The count in a row of a column.
pub(super) fn count(column: &Column, row: usize) -> Result<u64, CorruptState> {
    int(column, row)?.and_then(|value| u64::try_from(value).ok()).ok_or(CorruptState)
}

/// The bytes in a row of a column; none when it is null.
pub(super) fn bytes(column: &Column, row: usize) -> Result<&[u8], CorruptState> {
    match column.value(row) {
        Value::Null => Ok(&[]),
        Value::Text(text) => Ok(text),
        _ => Err(CorruptState),
    }
}

/// Two counts together, with as many again left to what is counted after.
pub(super) fn add_counts(a: u64, b: u64) -> Result<u64, CorruptState> {
    a.checked_add(b).filter(|&sum| sum <= 1 << 62).ok_or(CorruptState)
}

/// Two sums of 64-bit integers together, with room left: 2⁶² values do not reach the bound.
pub(super) fn add_sums(a: i128, b: i128) -> Result<i128, CorruptState> {
    a.checked_add(b).filter(|sum| sum.unsigned_abs() <= 1 << 125).ok_or(CorruptState)
}
