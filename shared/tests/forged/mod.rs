//! Frames and payloads put together by the words of `docs/wire-format.md` alone, behind checksums that are right: what
//! somebody can send who means harm.

#![allow(dead_code, reason = "each test uses some of it")]

use recpipe::wire::{Header, Kind};

/// The forms of a part.
pub const BOOL: u32 = 0;
pub const INT: u32 = 1;
pub const WIDE: u32 = 2;
pub const FLOAT: u32 = 3;
pub const TIME: u32 = 4;
pub const VIEWS: u32 = 5;
pub const TEXT: u32 = 6;

/// A frame with this payload: the first of its stream where it is a schema, the second where it is not.
pub fn header(kind: Kind, records: u32, payload: &[u8]) -> Header {
    let (payload_len, payload_crc) = (payload.len() as u32, crc32c::crc32c(payload));
    let sequence = u64::from(!kind.is_control() && kind != Kind::Schema);
    Header { kind, flags: 0, schema: 0, records, stream: 0, payload_len, sequence, payload_crc }
}

pub fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat()
}

pub fn optional(present: Option<Vec<u8>>) -> Vec<u8> {
    present.map_or(vec![0], |present| [vec![1], present].concat())
}

pub fn list(all: &[Vec<u8>]) -> Vec<u8> {
    [&(all.len() as u64).to_le_bytes()[..], &all.concat()].concat()
}

pub fn ints(base: i64, width: u8, data: &[u8]) -> Vec<u8> {
    [&base.to_le_bytes()[..], &[width], &bytes(data)].concat()
}

pub fn part(nulls: Option<&[u8]>, form: u32, values: &[u8]) -> Vec<u8> {
    [&optional(nulls.map(bytes))[..], &form.to_le_bytes(), values].concat()
}

pub fn column(missing: Option<&[u8]>, parts: &[Vec<u8>]) -> Vec<u8> {
    [optional(missing.map(bytes)), list(parts)].concat()
}

/// A batch of the lines from 1 on, of no source.
pub fn batch(lines: Option<Vec<u8>>, anchors: Option<Vec<u8>>, columns: &[Vec<u8>], block: &[u8]) -> Vec<u8> {
    [&1_u64.to_le_bytes()[..], &bytes(b""), &[0; 16], &optional(lines), &optional(anchors), &list(columns), &bytes(block)].concat()
}
