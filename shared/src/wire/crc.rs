//! The checksum of two runs of bytes that follow each other, from the checksums of each: of a payload that is made in a worker,
//! and whose first bytes, its line, are known only when its turn comes.
//!
//! `crc32c::crc32c_combine` gives the same. It makes its matrices anew for each call, 30 µs that were a twentieth of a stream.
//! Here the powers of x are a table, as in zlib since 1.2.12 (`crc32_combine_op`).

/// CRC-32C's polynomial, its bits reflected (RFC 3720, appendix B.4).
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// x to the power of 2^n, for each n.
const POWERS: [u32; 64] = {
    let mut powers = [1 << 30; 64];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = product(powers[n - 1], powers[n - 1]);
        n += 1;
    }
    powers
};

/// The product of two polynomials, modulo the checksum's.
const fn product(one: u32, mut other: u32) -> u32 {
    let (mut bit, mut sum) = (1 << 31, 0);
    while bit != 0 {
        if one & bit != 0 {
            sum ^= other;
        }
        other = if other & 1 == 0 { other >> 1 } else { (other >> 1) ^ POLYNOMIAL };
        bit >>= 1;
    }
    sum
}

/// The checksum of bytes whose first have the checksum `first`, and whose others, `rest_len` of them, have `rest`.
pub(super) fn combined(first: u32, rest: u32, rest_len: usize) -> u32 {
    // A byte is a power of x^8.
    let shifted = |crc, bit: usize| if rest_len >> bit & 1 == 0 { crc } else { product(POWERS[bit + 3], crc) };
    (0..usize::BITS as usize - 3).fold(first, shifted) ^ rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_that_of_all_bytes(bytes in prop::collection::vec(any::<u8>(), 0..3000), cut in any::<prop::sample::Index>()) {
            let (first, rest) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(combined(crc32c::crc32c(first), crc32c::crc32c(rest), rest.len()), crc32c::crc32c(&bytes));
        }

        #[test]
        fn any_length(first in any::<u32>(), rest in any::<u32>(), len in 0_usize..1 << 40) {
            prop_assert_eq!(combined(first, rest, len), crc32c::crc32c_combine(first, rest, len));
        }
    }
}
