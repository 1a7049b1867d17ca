//! Finds the bytes that give a line its structure, 64 bytes at a time.
//!
//! This is the first step of simdjson (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", VLDB Journal 28,
//! 2019): compare many bytes at once, and turn the answers into a list of positions, which a parser then walks without
//! looking at the bytes between them. There is an AVX2 version, used where the processor has it, and a portable one,
//! which is also the oracle in the tests.
//!
//! Where all lines have their marks in one order, even that list is more than is needed: [`pattern`] compares the answers
//! themselves, and writes only the positions that somebody wants.
//!
//! What is `unsafe` of it is in `simd/avx2.rs`.

#[cfg(target_arch = "x86_64")]
mod avx2;
pub(crate) mod pattern;

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
    if let Some(marker) = avx2::Marker::detect() {
        return marker.marks(set, text, base, out);
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

/// What some kernels are made of; all of it is about the 64 bytes of a chunk, a bit for each, the first the lowest.
pub(crate) trait Simd: Copy {
    /// Which bytes are what.
    fn classes(self, chunk: &[u8; 64], separators: Separators) -> Classes;
    /// Each bit the parity of the bits up to it, itself included.
    fn prefix_xor(self, bits: u64) -> u64;
    /// The bits where `mask` has ones, moved together at the low end.
    fn extract(self, bits: u64, mask: u64) -> u64;
    /// The low bits, moved apart to where `mask` has ones.
    fn deposit(self, bits: u64, mask: u64) -> u64;
}

/// The bytes, beside quotes and newlines, that part the fields of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Separators {
    /// Of [`pattern::Kind::Space`].
    pub space: u8,
    /// Of [`pattern::Kind::Opening`].
    pub opening: u8,
    /// Of [`pattern::Kind::Closing`].
    pub closing: u8,
    /// One that no usual line has outside of quotes.
    pub odd: u8,
    /// Nor in quotes in which spaces are marks.
    pub is_odd_beside_spaces: bool,
}

/// Which bytes of a chunk are these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Classes {
    pub(crate) space: u64,
    pub(crate) quote: u64,
    pub(crate) newline: u64,
    pub(crate) opening: u64,
    pub(crate) closing: u64,
    pub(crate) odd: u64,
    pub(crate) backslash: u64,
}

impl Classes {
    #[inline(always)]
    fn of(separators: Separators, equal: impl Fn(u8) -> u64) -> Classes {
        Classes {
            space: equal(separators.space),
            quote: equal(b'"'),
            newline: equal(b'\n'),
            opening: equal(separators.opening),
            closing: equal(separators.closing),
            odd: equal(separators.odd),
            backslash: equal(b'\\'),
        }
    }
}

/// A loop over chunks, to be compiled for what a processor has. Its functions have to be inlined, or they are not.
pub(crate) trait Kernel {
    type Out;
    fn run<S: Simd>(self, simd: S) -> Self::Out;
}

/// Whether [`run`] is fast here. It is slower elsewhere than what it is there to replace.
pub(crate) fn has_masks() -> bool {
    #[cfg(target_arch = "x86_64")]
    return avx2::Masker::detect().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Runs the kernel as fast as this processor can.
pub(crate) fn run<K: Kernel>(kernel: K) -> K::Out {
    #[cfg(target_arch = "x86_64")]
    if let Some(masker) = avx2::Masker::detect() {
        return masker.run(kernel);
    }
    kernel.run(Portable)
}

/// Any processor.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    fn classes(self, chunk: &[u8; 64], separators: Separators) -> Classes {
        Classes::of(separators, |byte| chunk.iter().enumerate().fold(0, |bits, (i, &b)| bits | u64::from(b == byte) << i))
    }

    fn prefix_xor(self, bits: u64) -> u64 {
        [1, 2, 4, 8, 16, 32].iter().fold(bits, |bits, &by| bits ^ bits << by)
    }

    fn extract(self, bits: u64, mask: u64) -> u64 {
        places(mask).enumerate().fold(0, |out, (i, place)| out | (bits >> place & 1) << i)
    }

    fn deposit(self, bits: u64, mask: u64) -> u64 {
        places(mask).enumerate().fold(0, |out, (i, place)| out | (bits >> i & 1) << place)
    }
}

/// The places of the ones.
fn places(mut mask: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let place = (mask != 0).then(|| mask.trailing_zeros());
        mask &= mask.wrapping_sub(1);
        place
    })
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

    proptest! {
        #[test]
        fn what_kernels_are_made_of_is_the_same_everywhere(chunk in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(b" \"\n[],\\".to_vec())], 64), bits: u64, mask: u64) {
            #[derive(Clone)]
            struct All([u8; 64], u64, u64, Separators);
            impl Kernel for All {
                type Out = (Classes, [u64; 3]);
                #[inline(always)]
                fn run<S: Simd>(self, simd: S) -> Self::Out {
                    (simd.classes(&self.0, self.3), [simd.prefix_xor(self.1), simd.extract(self.1, self.2), simd.deposit(self.1, self.2)])
                }
            }
            let separators = Separators { space: b' ', opening: b'[', closing: b']', odd: b',', is_odd_beside_spaces: false };
            let all = All(chunk.try_into().unwrap(), bits, mask, separators);
            let slow = all.clone().run(Portable);
            prop_assert_eq!(run(all.clone()), slow);
            let [prefix, extracted, deposited] = slow.1;
            prop_assert!((0..64).all(|i| u64::from((bits << (63 - i)).count_ones() % 2) == prefix >> i & 1));
            let places: Vec<u32> = (0..64).filter(|i| mask >> i & 1 == 1).collect();
            prop_assert!(places.iter().enumerate().all(|(i, place)| extracted >> i & 1 == bits >> place & 1 && deposited >> place & 1 == bits >> i & 1));
            prop_assert_eq!((deposited & !mask, extracted.checked_shr(mask.count_ones()).unwrap_or(0)), (0, 0));
        }
    }
}
