//! Texts that are copied out of a block.

use recpipe::record::{PackedInts, Text};

/// Copied at once, whatever the length: most texts are no longer, and a copy of a fixed size is one instruction.
const CHUNK: usize = 32;

/// The texts that begin at these places, each in its source, one after the other. `None` if one does not lie within it.
pub(super) fn copy_out<'t>(lens: &[u32], places: impl Iterator<Item = (&'t [u8], usize)>) -> Option<Text> {
    let total = lens.iter().map(|&len| len as usize).sum::<usize>();
    let (mut bytes, mut starts, mut at) = (vec![0; total + CHUNK], Vec::with_capacity(lens.len()), 0);
    for ((source, from), &len) in places.zip(lens) {
        let len = len as usize;
        starts.push(at as u32);
        match (source.get(from..).and_then(<[u8]>::first_chunk::<CHUNK>), bytes.get_mut(at..at + CHUNK)) {
            (Some(chunk), Some(to)) if len <= CHUNK => to.copy_from_slice(chunk),
            _ => bytes.get_mut(at..at + len)?.copy_from_slice(source.get(from..from + len)?),
        }
        at += len;
    }
    bytes.truncate(total);
    Text::new(bytes.into(), None, PackedInts::pack(&starts), PackedInts::pack(lens))
}
