//! The hashes that data and fields are found by: SipHash-2-4 with the file's id as its key, in old files Bob Jenkins' lookup3.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use super::header::Header;

/// The hash of a datum `FIELD=value`, or of a field's name, in this file.
pub(super) fn hash(header: &Header, text: &[u8]) -> u64 {
    if !header.is_keyed {
        return jenkins(text);
    }
    let mut hasher = SipHasher24::new_with_key(&header.file_id);
    hasher.write(text);
    hasher.finish()
}

/// `hashlittle2` of lookup3, its first half above its second. Source: <https://burtleburtle.net/bob/c/lookup3.c>
pub(super) fn jenkins(text: &[u8]) -> u64 {
    let start = 0xdead_beef_u32.wrapping_add(text.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let mut rest = text;
    while rest.len() > 12 {
        let word = |at: usize| u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        (a, b, c) = (a.wrapping_add(word(0)), b.wrapping_add(word(4)), c.wrapping_add(word(8)));
        (a, c) = (a.wrapping_sub(c) ^ c.rotate_left(4), c.wrapping_add(b));
        (b, a) = (b.wrapping_sub(a) ^ a.rotate_left(6), a.wrapping_add(c));
        (c, b) = (c.wrapping_sub(b) ^ b.rotate_left(8), b.wrapping_add(a));
        (a, c) = (a.wrapping_sub(c) ^ c.rotate_left(16), c.wrapping_add(b));
        (b, a) = (b.wrapping_sub(a) ^ a.rotate_left(19), a.wrapping_add(c));
        (c, b) = (c.wrapping_sub(b) ^ b.rotate_left(4), b.wrapping_add(a));
        rest = &rest[12..];
    }
    if !rest.is_empty() {
        let mut last = [0_u8; 12];
        last[..rest.len()].copy_from_slice(rest);
        let word = |at: usize| u32::from_le_bytes([last[at], last[at + 1], last[at + 2], last[at + 3]]);
        (a, b, c) = (a.wrapping_add(word(0)), b.wrapping_add(word(4)), c.wrapping_add(word(8)));
        c = (c ^ b).wrapping_sub(b.rotate_left(14));
        a = (a ^ c).wrapping_sub(c.rotate_left(11));
        b = (b ^ a).wrapping_sub(a.rotate_left(25));
        c = (c ^ b).wrapping_sub(b.rotate_left(16));
        a = (a ^ c).wrapping_sub(c.rotate_left(4));
        b = (b ^ a).wrapping_sub(a.rotate_left(14));
        c = (c ^ b).wrapping_sub(b.rotate_left(24));
    }
    u64::from(c) << 32 | u64::from(b)
}

#[cfg(test)]
mod tests {
    use super::jenkins;

    #[test]
    fn as_lookup3_has_it() {
        // Of lookup3.c's own driver5: hashlittle2 of these texts with no seeds, c above b.
        assert_eq!(jenkins(b""), 0xdead_beef_dead_beef);
        assert_eq!(jenkins(b"Four score and seven years ago") >> 32, 0x1777_0551);
        assert_eq!(jenkins(b"Four score and seven years ago") as u32, 0xce72_26e6);
    }
}
