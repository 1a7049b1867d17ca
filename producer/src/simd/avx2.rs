//! The vector instructions of x86-64 processors since 2013.
//!
//! # Safety
//!
//! This is the only file of the package with `unsafe` in it, for two reasons, and both are local:
//! - calling what is compiled for AVX2, BMI and POPCNT: [`Marker`] and [`Masker`] are made only after run-time detection said
//!   that all they name is there, and every function that needs it takes one of them;
//! - unaligned loads of 16 or 32 bytes: from a `&[u8; 16]`, or from a `&[u8; 64]` at offsets 0 and 32.

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __cpuid, __m128i, __m256i, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_set1_epi8,
    _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_shuffle_epi8,
    _pdep_u64, _pext_u64,
};
use std::sync::LazyLock;

use super::{ByteSet, Classes, Kernel, Separators, Simd};

/// Stands for a processor with AVX2, BMI1 and POPCNT.
#[derive(Clone, Copy)]
pub(super) struct Marker(());

impl Marker {
    pub(super) fn detect() -> Option<Marker> {
        let is_there =
            std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("bmi1") && std::is_x86_feature_detected!("popcnt");
        is_there.then_some(Marker(()))
    }

    /// As [`super::marks`].
    pub(super) fn marks(self, set: &ByteSet, text: &[u8], base: u32, out: &mut [u32]) -> usize {
        // SAFETY: the three features are there.
        unsafe { marks(set, text, base, out) }
    }
}

#[target_feature(enable = "avx2,bmi1,popcnt")]
fn marks(set: &ByteSet, text: &[u8], base: u32, out: &mut [u32]) -> usize {
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

/// Stands for a processor with AVX2, BMI1, BMI2, PCLMULQDQ and POPCNT, on which PEXT and PDEP are fast.
#[derive(Clone, Copy)]
pub(super) struct Masker(());

/// AMD's processors before Zen 3 (family 19h) take PEXT and PDEP apart bit by bit, up to 300 cycles for one ("Software
/// Optimization Guide for AMD Family 17h Processors", 2.10.2; uops.info).
static DEPOSITS_FAST: LazyLock<bool> = LazyLock::new(|| {
    // SAFETY: every x86-64 processor has CPUID, and the two leaves.
    #[allow(unused_unsafe, reason = "it is safe to call since Rust 1.94")]
    let (vendor, version) = unsafe { (__cpuid(0), __cpuid(1)) };
    let is = |name: &[u8; 12]| [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).as_flattened() == name;
    let (base, extended) = (version.eax >> 8 & 0xf, version.eax >> 20 & 0xff);
    !(is(b"AuthenticAMD") || is(b"HygonGenuine")) || base + extended >= 0x19
});

impl Masker {
    pub(super) fn detect() -> Option<Masker> {
        let is_there = std::is_x86_feature_detected!("avx2")
            && std::is_x86_feature_detected!("bmi1")
            && std::is_x86_feature_detected!("bmi2")
            && std::is_x86_feature_detected!("pclmulqdq")
            && std::is_x86_feature_detected!("popcnt");
        (is_there && *DEPOSITS_FAST).then_some(Masker(()))
    }

    /// Runs the kernel, compiled for this processor.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        #[target_feature(enable = "avx2,bmi1,bmi2,pclmulqdq,popcnt")]
        fn compiled<K: Kernel>(kernel: K, simd: Masker) -> K::Out {
            kernel.run(simd)
        }
        // SAFETY: the five features are there.
        unsafe { compiled(kernel, self) }
    }
}

// SAFETY, for each call of an instruction in here: there is a `Masker`, so the processor has it.
impl Simd for Masker {
    #[inline(always)]
    fn classes(self, chunk: &[u8; 64], separators: Separators) -> Classes {
        // SAFETY: see above; 32 bytes are read from 0 and from 32 of the 64.
        unsafe {
            let low = _mm256_loadu_si256(chunk.as_ptr().cast::<__m256i>());
            let high = _mm256_loadu_si256(chunk.as_ptr().add(32).cast::<__m256i>());
            let equal = |byte: u8| {
                let byte = _mm256_set1_epi8(byte as i8);
                let half = |bytes: __m256i| u64::from(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, byte)) as u32);
                half(low) | half(high) << 32
            };
            Classes::of(separators, equal)
        }
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        // SAFETY: see above. A product without carries by all ones has in each bit the parity of those up to it.
        unsafe { _mm_cvtsi128_si64(_mm_clmulepi64_si128::<0>(_mm_cvtsi64_si128(bits as i64), _mm_set1_epi8(-1))) as u64 }
    }

    #[inline(always)]
    fn extract(self, bits: u64, mask: u64) -> u64 {
        // SAFETY: see above.
        unsafe { _pext_u64(bits, mask) }
    }

    #[inline(always)]
    fn deposit(self, bits: u64, mask: u64) -> u64 {
        // SAFETY: see above.
        unsafe { _pdep_u64(bits, mask) }
    }
}
