//! Finds the bytes that give a line its structure, 64 bytes at a time.
//!
//! This is the first step of simdjson (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28,
//! 2019): compare many bytes at once, and turn the answers into a list of positions, which a parser then walks without
//! looking at the bytes between them. There is an AVX2 version, used where the processor has it, and a portable one,
//! which is also the oracle in the tests.
//!
//! # Safety
//!
//! This is the only file of the package with `unsafe` in it, for two reasons, and both are local:
//! - calling a function compiled for AVX2, BMI1 and POPCNT: only after run-time detection said that all three are there;
//! - unaligned 32-byte loads: from a `&[u8; 64]`, at offsets 0 and 32.

#![allow(unsafe_code)]

/// A set of bytes to be found, no two of them with the same low four bits.
///
/// That restriction makes the test two instructions for 32 bytes: a table, looked up by the low four bits of each byte,
/// holds the one member of the set that ends in these bits, to be compared with the byte itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteSet([u8; 16]);

impl ByteSet {
    /// The set of these bytes.
    ///
    /// # Panics
    ///
    /// When two of them have the same low four bits, or one is not ASCII; in a `const`, that is a compile error.
    pub(crate) const fn new(members: &[u8]) -> ByteSet {
        let set = ByteSet::try_new(members);
        assert!(set.is_some(), "two members with the same low four bits, or one beyond ASCII");
        match set {
            Some(set) => set,
            None => ByteSet([0xff; 16]),
        }
    }

    /// The set of these bytes, if they can be told apart by their low four bits and are ASCII (the vector lookup yields 0 for others).
    pub(crate) const fn try_new(members: &[u8]) -> Option<ByteSet> {
        // What stands for "no member" ends in other bits than its place, so that no byte is equal to it.
        let mut table = [0xff; 16];
        table[15] = 0;
        let mut i = 0;
        while i < members.len() {
            let place = (members[i] & 15) as usize;
            if table[place] & 15 == members[i] & 15 || members[i] >= 0x80 {
                return None;
            }
            table[place] = members[i];
            i += 1;
        }
        Some(ByteSet(table))
    }

    /// Whether `byte` is a member.
    #[inline]
    pub(crate) const fn has(&self, byte: u8) -> bool {
        self.0[(byte & 15) as usize] == byte
    }
}

/// How many places beyond the last mark [`marks`] may write to.
pub(crate) const SLACK: usize = 64;

/// Writes the position of each member of `set` in `text`, counted from `base`, into `out`; answers how many there are.
///
/// What `out` holds beyond them is unspecified.
///
/// # Panics
///
/// When `out` is not longer than `text` by [`SLACK`].
pub(crate) fn marks(set: &ByteSet, text: &[u8], base: u32, out: &mut [u32]) -> usize {
    assert!(out.len() >= text.len() + SLACK, "no room for the marks");
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("bmi1") && std::is_x86_feature_detected!("popcnt") {
        // SAFETY: the three features are there.
        return unsafe { avx2::marks(set, text, base, out) };
    }
    marks_portable(set, text, base, out)
}

fn marks_portable(set: &ByteSet, text: &[u8], base: u32, out: &mut [u32]) -> usize {
    let mut n = 0;
    for (at, &byte) in text.iter().enumerate() {
        // Written whether it is one or not: the loop has no branch to guess wrong.
        out[n] = base.wrapping_add(at as u32);
        n += usize::from(set.has(byte));
    }
    n
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::ByteSet;
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_loadu_si128, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8,
        _mm256_shuffle_epi8,
    };

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    pub(super) fn marks(set: &ByteSet, text: &[u8], base: u32, out: &mut [u32]) -> usize {
        // SAFETY: 16 bytes are read from an array of 16.
        let table = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(set.0.as_ptr().cast::<__m128i>()) });
        let (chunks, rest) = text.as_chunks::<64>();
        let (mut n, mut at) = (0, base);
        for chunk in chunks {
            n = spread(members(table, chunk), at, out, n);
            at = at.wrapping_add(64);
        }
        let mut last = [0; 64];
        last[..rest.len()].copy_from_slice(rest);
        spread(members(table, &last) & ((1_u64 << rest.len()) - 1), at, out, n)
    }

    /// One bit for each byte of the chunk: whether it is a member.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn members(table: __m256i, chunk: &[u8; 64]) -> u64 {
        let half = |at: usize| {
            // SAFETY: `at` is 0 or 32, and 32 bytes are read from there of the 64.
            let bytes = unsafe { _mm256_loadu_si256(chunk.as_ptr().add(at).cast::<__m256i>()) };
            let expected = _mm256_shuffle_epi8(table, bytes);
            u64::from(_mm256_movemask_epi8(_mm256_cmpeq_epi8(expected, bytes)) as u32)
        };
        half(0) | half(32) << 32
    }

    /// Writes the positions of the set bits, eight at a time: how often the loop runs is then guessed right nearly always,
    /// which costs less than the positions written in vain.
    #[inline]
    #[target_feature(enable = "bmi1,popcnt")]
    fn spread(mut bits: u64, at: u32, out: &mut [u32], n: usize) -> usize {
        let count = bits.count_ones() as usize;
        let mut done = 0;
        while done < count {
            if let Some(eight) = out.get_mut(n + done..n + done + 8) {
                for place in eight {
                    *place = at.wrapping_add(bits.trailing_zeros());
                    bits &= bits.wrapping_sub(1);
                }
            }
            done += 8;
        }
        n + count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SET: ByteSet = ByteSet::new(b" \"\\\n");

    #[test]
    fn a_set_has_its_members_and_no_others() {
        let members: Vec<u8> = (0..=255).filter(|&b| SET.has(b)).collect();
        assert_eq!(members, b"\n \"\\");
        assert_eq!((0..=255).filter(|&b| ByteSet::new(&[]).has(b)).count(), 0);
    }

    #[test]
    #[should_panic(expected = "same low four bits")]
    fn members_that_cannot_be_told_apart_are_refused() {
        let _ = ByteSet::new(b"\"2");
    }

    proptest! {
        #[test]
        fn both_versions_find_the_same(text in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b' '), Just(b'\n'), Just(0)], 0..300), base in 0_u32..1000) {
            let mut fast = vec![7; text.len() + SLACK];
            let mut plain = fast.clone();
            let n = marks(&SET, &text, base, &mut fast);
            prop_assert_eq!(n, marks_portable(&SET, &text, base, &mut plain));
            prop_assert_eq!(&fast[..n], &plain[..n]);
            let want: Vec<u32> = (0..text.len()).filter(|&i| b" \"\\\n".contains(&text[i])).map(|i| base + i as u32).collect();
            prop_assert_eq!(&fast[..n], &want[..]);
        }
    }
}
