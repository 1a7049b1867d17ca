//! Sums that do not depend on the order of what is added.

/// An exact sum of floats, rounded once, at the end.
///
/// Kept as a sum of floats that do not overlap (Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust
/// Geometric Predicates", 1997; the way of Python's `math.fsum`): seldom more than three of them. Plain addition gives
/// other last digits for another order, and with several workers the order is nobody's to choose.
///
/// Values from 2⁵¹² on are summed apart, scaled down by as much: so nothing overflows on the way, and a sum is infinite
/// only if it is too large as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ExactSum {
    small: Parts,
    /// In units of [`LARGE`].
    large: Parts,
    /// The sum of infinities and NaNs: once there, nothing finite changes it.
    special: f64,
}

/// 2⁵¹².
const LARGE: f64 = f64::from_bits((1023 + 512) << 52);

impl ExactSum {
    pub(super) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.special += value;
        } else if value.abs() >= LARGE {
            // By a power of two, and far from underflow: exact.
            self.large.add(value / LARGE);
        } else {
            self.small.add(value);
        }
    }

    pub(super) fn merge(&mut self, other: &ExactSum) {
        other.small.0.iter().for_each(|&part| self.small.add(part));
        other.large.0.iter().for_each(|&part| self.large.add(part));
        self.special += other.special;
    }

    /// The sum, correctly rounded.
    pub(super) fn value(&self) -> f64 {
        if self.special != 0.0 || self.special.is_nan() {
            return self.special;
        }
        if self.large.0.is_empty() {
            return self.small.value();
        }
        // What is so small that it underflows here is far below the last bit of the result.
        let mut both = self.large.clone();
        self.small.0.iter().for_each(|&part| both.add(part / LARGE));
        both.value() * LARGE
    }
}

/// Floats that do not overlap, ascending in magnitude, none of them zero. They stay below 2⁵⁷⁶: 2⁶⁴ values below 2⁵¹².
#[derive(Clone, Debug, Default, PartialEq)]
struct Parts(Vec<f64>);

impl Parts {
    fn add(&mut self, value: f64) {
        let mut carry = value;
        let mut kept = 0;
        for i in 0..self.0.len() {
            let (mut large, mut small) = (carry, self.0[i]);
            if large.abs() < small.abs() {
                (large, small) = (small, large);
            }
            let high = large + small;
            let low = small - (high - large);
            if low != 0.0 {
                self.0[kept] = low;
                kept += 1;
            }
            carry = high;
        }
        self.0.truncate(kept);
        if carry != 0.0 {
            self.0.push(carry);
        }
    }

    fn value(&self) -> f64 {
        let mut parts = self.0.iter().rev().copied();
        let Some(mut high) = parts.next() else { return 0.0 };
        let mut low = 0.0;
        for part in parts.by_ref() {
            let before = high;
            high = before + part;
            low = part - (high - before);
            if low != 0.0 {
                break;
            }
        }
        // Half-way cases: what is left below decides to which side the last bit goes.
        if parts.next().is_some_and(|next| (low < 0.0 && next < 0.0) || (low > 0.0 && next > 0.0)) {
            let twice = low * 2.0;
            let rounded = high + twice;
            if rounded - high == twice {
                return rounded;
            }
        }
        high
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
        assert_eq!(sum(&[1e308, 1e308, -1e308]), 1e308);
        assert_eq!(sum(&[f64::MAX, f64::MAX, 3.0, -f64::MAX, -f64::MAX]), 3.0);
        assert_eq!(sum(&[f64::MAX, 1e290]), f64::MAX);
        assert_eq!(sum(&[1e200, 1.0, -1e200]), 1.0);
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
            a.merge(&b);
            prop_assert_eq!(a.value().to_bits(), first.to_bits());
        }
    }
}
