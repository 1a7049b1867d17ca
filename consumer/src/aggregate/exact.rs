//! Sums that do not depend on the order of what is added.

use std::cmp::Ordering;

use super::state::{CorruptState, take};

/// An exact sum of floats, of integers, and of their squares, rounded once, at the end.
///
/// A binary fixed-point number that is as long as what was added needs: limbs of 32 bits, each in an `i64`, so that carries
/// wait for thousands of millions of additions (Neal, "Fast Exact Summation Using Small and Large Superaccumulators",
/// 2015). Three limbs of a float's sum are touched at a time, and seldom more than five are there. Plain addition gives
/// other last digits for another order, and with several workers the order is nobody's to choose; the way of Python's
/// `math.fsum` (Shewchuk, 1997) does sums as well, but overflows and underflows on squares.
#[derive(Clone, Debug, Default)]
pub(super) struct ExactSum {
    /// Limb `i` counts multiples of 2 to the power of 32 · (`low` + `i`).
    limbs: Vec<i64>,
    low: i32,
    /// Additions since carries were carried.
    pending: u32,
    /// The sum of infinities and NaNs: once there, nothing finite changes it.
    special: f64,
}

/// So many additions of less than 2³² each fit in a limb beside what a carry leaves there.
const MAX_PENDING: u32 = 1 << 30;
/// The limbs of sums of squares of floats lie within ± this many: those from elsewhere are held against it.
const MAX_LIMB: i32 = 80;

/// The bits of a number: `limbs` times 2 to the power of 32 · `low`, without zeros at either end.
struct Magnitude {
    negative: bool,
    low: i32,
    limbs: Vec<u32>,
}

impl ExactSum {
    /// The heap bytes that one most often has.
    pub(super) const USUAL_HEAP: usize = 64;

    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        match parts(value) {
            Some((mantissa, exponent)) => self.add_scaled(value.is_sign_negative(), mantissa, exponent),
            None => self.special += value,
        }
    }

    /// Adds the square of a float, all its bits.
    #[inline]
    pub(super) fn add_square(&mut self, value: f64) {
        match parts(value) {
            Some((mantissa, exponent)) => self.add_wide(u128::from(mantissa) * u128::from(mantissa), 2 * exponent),
            None => self.special += value * value,
        }
    }

    /// Adds `value` times 2 to the power of `exponent`.
    #[inline]
    pub(super) fn add_wide(&mut self, value: u128, exponent: i32) {
        self.add_scaled(false, value as u64, exponent);
        self.add_scaled(false, (value >> 64) as u64, exponent + 64);
    }

    /// Adds an integer.
    pub(super) fn add_int(&mut self, value: i128) {
        let size = value.unsigned_abs();
        self.add_scaled(value < 0, size as u64, 0);
        self.add_scaled(value < 0, (size >> 64) as u64, 64);
    }

    /// Adds the product of two sums, or takes it away.
    pub(super) fn add_product(&mut self, negative: bool, a: &ExactSum, b: &ExactSum) {
        self.special += a.special * b.special;
        let (a, b) = (a.magnitude(), b.magnitude());
        let negative = negative ^ a.negative ^ b.negative;
        for (i, &x) in (a.low..).zip(&a.limbs) {
            for (j, &y) in (b.low..).zip(&b.limbs) {
                self.add_scaled(negative, u64::from(x) * u64::from(y), 32 * (i + j));
            }
        }
    }

    #[inline]
    fn add_scaled(&mut self, negative: bool, mantissa: u64, exponent: i32) {
        if mantissa == 0 {
            return;
        }
        let place = exponent >> 5;
        let mut from = (place - self.low) as usize;
        if place < self.low || from + 3 > self.limbs.len() {
            self.widen(place);
            from = (place - self.low) as usize;
        }
        let shifted = u128::from(mantissa) << (exponent & 31);
        // Without a branch, which random signs would make dear: minus one is all ones.
        let sign = -i64::from(negative);
        let signed = |limb: u128| (i64::from(limb as u32) ^ sign) - sign;
        if let [a, b, c, ..] = &mut self.limbs[from..] {
            *a += signed(shifted);
            *b += signed(shifted >> 32);
            *c += signed(shifted >> 64);
        }
        self.pending += 1;
        if self.pending >= MAX_PENDING {
            self.carry();
        }
    }

    /// Makes room for three limbs from `place`.
    #[cold]
    fn widen(&mut self, place: i32) {
        if self.limbs.is_empty() {
            self.low = place;
        }
        let before = (self.low - place).max(0) as usize;
        if before > 0 {
            self.limbs.splice(0..0, std::iter::repeat_n(0, before));
            self.low = place;
        }
        let end = (place - self.low) as usize + 3;
        if end > self.limbs.len() {
            self.limbs.resize(end, 0);
        }
    }

    /// Makes all limbs small; the last keeps the sign.
    #[cold]
    fn carry(&mut self) {
        let last = self.limbs.pop().unwrap_or(0);
        let last = last + carry(&mut self.limbs);
        self.limbs.push(last as u32 as i64);
        if last >> 32 == -1 {
            // The sign stays in the last limb that there is.
            if let Some(limb) = self.limbs.last_mut() {
                *limb -= 1 << 32;
            }
        } else if last >> 32 != 0 {
            self.limbs.push(last >> 32);
        }
        self.pending = 1;
    }

    fn magnitude(&self) -> Magnitude {
        let mut limbs = self.limbs.clone();
        let mut top = carry(&mut limbs);
        let negative = top < 0;
        if negative {
            limbs = self.limbs.iter().map(|limb| -limb).collect();
            top = carry(&mut limbs);
        }
        limbs.push(top);
        let used = limbs.iter().rposition(|&limb| limb != 0).map_or(0, |last| last + 1);
        let zeros = limbs.iter().position(|&limb| limb != 0).unwrap_or(0);
        // Each is below 2³² now.
        Magnitude { negative, low: self.low + zeros as i32, limbs: limbs[zeros..used.max(zeros)].iter().map(|&limb| limb as u32).collect() }
    }

    /// The sum, correctly rounded (to even in the middle), zero always positive.
    pub(super) fn value(&self) -> f64 {
        if let Some(special) = self.special() {
            return special;
        }
        let magnitude = self.magnitude();
        let Some((mut top, exponent)) = magnitude.leading() else { return 0.0 };
        let scale = exponent.max(MIN_EXPONENT);
        if scale > exponent {
            top = shift_sticky(top, (scale - exponent) as u32);
        }
        if scale > 1023 {
            return if magnitude.negative { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        // 53 of the 64 bits stay.
        let (kept, rest) = (top >> 11, top & 0x7ff);
        let up = match rest.cmp(&0x400) {
            Ordering::Less => 0,
            Ordering::Equal => kept & 1,
            Ordering::Greater => 1,
        };
        // The leading bit of a normal number adds one to the exponent's field, and so does one that rounding carries there.
        let bits = (((scale - MIN_EXPONENT) as u64) << 52) + kept + up;
        let value = f64::from_bits(bits);
        if magnitude.negative { -value } else { value }
    }

    /// The sum of whole numbers; `None` where 128 bits do not hold it.
    pub(super) fn to_int(&self) -> Option<i128> {
        let Magnitude { negative, low, limbs } = self.magnitude();
        let mut size = 0_u128;
        for (place, &limb) in (low..).zip(&limbs) {
            let shift = u32::try_from(place).ok()?.checked_mul(32)?;
            let shifted = u128::from(limb).checked_shl(shift).filter(|shifted| shifted >> shift == u128::from(limb))?;
            size = size.checked_add(shifted)?;
        }
        if negative { 0_i128.checked_sub_unsigned(size) } else { i128::try_from(size).ok() }
    }

    /// Whether nothing was added, or nothing is left of it.
    pub(super) fn is_zero(&self) -> bool {
        self.special == 0.0 && self.limbs.iter().all(|&limb| limb == 0)
    }

    /// The value as a float and a power of two, for what may be beyond all floats: (m, e) is m · 2ᵉ, and m is rounded.
    pub(super) fn scaled(&self) -> (f64, i32) {
        if let Some(special) = self.special() {
            return (special, 0);
        }
        let magnitude = self.magnitude();
        let Some((top, exponent)) = magnitude.leading() else { return (0.0, 0) };
        let top = top as f64;
        (if magnitude.negative { -top } else { top }, exponent - 63)
    }

    fn special(&self) -> Option<f64> {
        if self.special.is_nan() {
            // One NaN: its sign bit depends on what came first.
            return Some(f64::NAN);
        }
        (self.special != 0.0).then_some(self.special)
    }

    /// Appends the sum as bytes; equal sums have equal bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Magnitude { negative, low, limbs } = self.magnitude();
        out.push(u8::from(negative));
        out.extend_from_slice(&self.special().unwrap_or(0.0).to_le_bytes());
        // Within the bounds that `add_bytes` checks.
        out.push((low + MAX_LIMB) as u8);
        out.push(limbs.len() as u8);
        limbs.iter().for_each(|limb| out.extend_from_slice(&limb.to_le_bytes()));
    }

    /// Adds a sum that [`ExactSum::write`] wrote at the front of `bytes`, and moves them on.
    pub(super) fn add_bytes(&mut self, bytes: &mut &[u8]) -> Result<(), CorruptState> {
        let [negative] = take(bytes)?;
        let special = f64::from_le_bytes(take(bytes)?);
        let [low] = take(bytes)?;
        let [count] = take(bytes)?;
        let low = i32::from(low) - MAX_LIMB;
        if low + i32::from(count) > MAX_LIMB {
            return Err(CorruptState);
        }
        for place in low..low + i32::from(count) {
            self.add_scaled(negative != 0, u64::from(u32::from_le_bytes(take(bytes)?)), 32 * place);
        }
        self.special += special;
        Ok(())
    }
}

/// The exponent of the least normal float.
const MIN_EXPONENT: i32 = -1022;

impl Magnitude {
    /// The first 64 bits from the leading one on, the last of them set if any bit after them is, and the power of two of the
    /// leading bit; `None` for zero.
    fn leading(&self) -> Option<(u64, i32)> {
        let (&top, rest) = self.limbs.split_last()?;
        let limb = |i: usize| rest.len().checked_sub(i).map_or(0, |at| u128::from(rest[at]));
        let shift = top.leading_zeros();
        let bits = (u128::from(top) << 64 | limb(1) << 32 | limb(2)) << shift;
        let sticky = bits as u32 != 0 || rest.iter().rev().skip(2).any(|&limb| limb != 0);
        let exponent = 32 * (self.low + rest.len() as i32) + 31 - shift as i32;
        Some(((bits >> 32) as u64 | u64::from(sticky), exponent))
    }
}

/// Mantissa and exponent of a finite float: its size is mantissa · 2^exponent.
#[inline]
fn parts(value: f64) -> Option<(u64, i32)> {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52 & 0x7ff) as i32 {
        0x7ff => None,
        0 => Some((fraction, MIN_EXPONENT - 52)),
        field => Some((fraction | 1 << 52, field - 1075)),
    }
}

/// Carries through all limbs, which are from 0 up to 2³² then; what is left over.
fn carry(limbs: &mut [i64]) -> i64 {
    let mut over = 0;
    for limb in limbs {
        let sum = *limb + over;
        *limb = i64::from(sum as u32);
        over = sum >> 32;
    }
    over
}

fn shift_sticky(bits: u64, by: u32) -> u64 {
    match bits.checked_shr(by) {
        Some(shifted) => shifted | u64::from(shifted << by != bits),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ExactSum;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        values.iter().for_each(|&value| sum.add(value));
        sum.value()
    }

    #[test]
    fn sums_as_math_fsum_does() {
        assert_eq!(sum(&[]), 0.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[1e100, 1.0, -1e100]), 1.0);
        assert_eq!(sum(&[1e16, 1.0, 1e-16]), 10_000_000_000_000_002.0);
        assert_eq!(sum(&[2.0_f64.powi(53), -0.5, -(2.0_f64.powi(-54))]), 2.0_f64.powi(53) - 1.0);
        assert_eq!(sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(sum(&[f64::NAN, 1.0]).is_nan());
        assert_eq!(sum(&[1e308, 1e308]), f64::INFINITY);
        assert_eq!(sum(&[-1e308, -1e308]), f64::NEG_INFINITY);
        assert_eq!(sum(&[1e308, 1e308, -1e308]), 1e308);
        assert_eq!(sum(&[f64::MAX, f64::MAX, 3.0, -f64::MAX, -f64::MAX]), 3.0);
        assert_eq!(sum(&[f64::MAX, 1e290]), f64::MAX);
        assert_eq!(sum(&[f64::MAX, 2.0_f64.powi(970)]), f64::INFINITY);
        assert_eq!(sum(&[1e200, 1.0, -1e200]), 1.0);
        assert_eq!(sum(&[5e-324, 5e-324]), 1e-323);
        assert_eq!(sum(&[f64::MIN_POSITIVE, -5e-324]), f64::from_bits(f64::MIN_POSITIVE.to_bits() - 1));
        assert_eq!(sum(&[-0.0]).to_bits(), 0);
    }

    #[test]
    fn squares_of_anything_are_exact() {
        let check = |values: &[f64], expect: f64| {
            let mut sum = ExactSum::default();
            values.iter().for_each(|&value| sum.add_square(value));
            assert_eq!(sum.value(), expect, "{values:?}");
        };
        check(&[3.0, -4.0], 25.0);
        check(&[1e200], f64::INFINITY);
        check(&[2.0_f64.powi(-537)], 5e-324);
        // Three quarters of the least float round up to it.
        check(&[2.0_f64.powi(-538); 3], 5e-324);
        let mut huge = ExactSum::default();
        huge.add_square(f64::MAX);
        assert_eq!(huge.scaled(), (f64::from_bits(f64::MAX.to_bits() - 1) * 2.0_f64.powi(63 - 1023), 1023 - 63 + 1024));
    }

    #[test]
    fn carries_keep_the_value() {
        for values in [&[1e300, -1e-300, 3.5][..], &[-1.0, -2.0_f64.powi(80)], &[2.0_f64.powi(95); 3], &[-5e-324]] {
            let mut plain = ExactSum::default();
            let mut carried = ExactSum::default();
            for _ in 0..5 {
                for &value in values {
                    plain.add(value);
                    carried.add(value);
                    carried.carry();
                }
            }
            assert_eq!(carried.value().to_bits(), plain.value().to_bits(), "{values:?}");
            assert!(carried.limbs.len() <= plain.limbs.len() + 1);
        }
    }

    #[test]
    fn torn_bytes_are_refused() {
        let mut sum = ExactSum::default();
        [1e300, -1.0].iter().for_each(|&value| sum.add(value));
        let mut bytes = Vec::new();
        sum.write(&mut bytes);
        for len in 0..bytes.len() {
            assert!(ExactSum::default().add_bytes(&mut &bytes[..len]).is_err(), "{len}");
        }
        bytes[9..11].copy_from_slice(&[255, 255]);
        assert!(ExactSum::default().add_bytes(&mut &bytes[..]).is_err());
    }

    proptest! {
        #[test]
        fn any_order_and_any_split_give_the_same(values in prop::collection::vec(prop_oneof![-1e300..1e300_f64, -f64::MAX..f64::MAX], 0..50), tiny in prop::collection::vec(any::<f32>(), 0..50), seed: u64, cut: prop::sample::Index) {
            let mut values: Vec<f64> = values.into_iter().chain(tiny.into_iter().filter(|f| f.is_finite()).map(f64::from)).collect();
            let first = sum(&values);
            // A shuffle that needs no dependency: by a hash of place and seed.
            let mut keyed: Vec<(u64, f64)> = values.iter().enumerate().map(|(i, &v)| ((i as u64 + 1).wrapping_mul(seed | 1).rotate_left(29), v)).collect();
            keyed.sort_by_key(|pair| pair.0);
            values = keyed.into_iter().map(|pair| pair.1).collect();
            prop_assert_eq!(sum(&values).to_bits(), first.to_bits());
            let at = cut.index(values.len() + 1);
            let (mut a, mut b) = (ExactSum::default(), ExactSum::default());
            values[..at].iter().for_each(|&v| a.add(v));
            values[at..].iter().for_each(|&v| b.add(v));
            let mut bytes = Vec::new();
            b.write(&mut bytes);
            let mut rest = &bytes[..];
            prop_assert!(a.add_bytes(&mut rest).is_ok() && rest.is_empty());
            prop_assert_eq!(a.value().to_bits(), first.to_bits());
        }

        // One rounding of two operands is what the machine's addition does.
        #[test]
        fn two_are_added_as_by_the_machine(a: f64, b: f64) {
            prop_assume!(!(a + b).is_nan());
            prop_assert_eq!(sum(&[a, b]), a + b);
        }
    }
}
