//! Sums that do not depend on the order of what is added.

/// An exact sum of floats, rounded once, at the end.
///
/// Kept as a sum of floats that do not overlap (Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust
/// Geometric Predicates", 1997; the way of Python's `math.fsum`): seldom more than three of them. Plain addition gives
/// other last digits for another order, and with several workers the order is nobody's to choose.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ExactSum {
    /// Ascending in magnitude.
    parts: Vec<f64>,
    /// Infinities, NaN, and what has overflowed: once there, nothing finite changes it.
    special: f64,
}

impl ExactSum {
    pub(super) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.special += value;
            return;
        }
        let mut carry = value;
        let mut kept = 0;
        for i in 0..self.parts.len() {
            let (mut large, mut small) = (carry, self.parts[i]);
            if large.abs() < small.abs() {
                (large, small) = (small, large);
            }
            let high = large + small;
            let low = small - (high - large);
            if low != 0.0 {
                self.parts[kept] = low;
                kept += 1;
            }
            carry = high;
        }
        self.parts.truncate(kept);
        if carry.is_finite() {
            self.parts.push(carry);
        } else {
            self.special += carry;
        }
    }

    pub(super) fn merge(&mut self, other: &ExactSum) {
        other.parts.iter().for_each(|&part| self.add(part));
        self.special += other.special;
    }

    /// The sum, correctly rounded.
    pub(super) fn value(&self) -> f64 {
        if self.special != 0.0 || self.special.is_nan() {
            return self.special;
        }
        let mut parts = self.parts.iter().rev().copied();
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
    }

    proptest! {
        #[test]
        fn any_order_and_any_split_give_the_same(values in prop::collection::vec(-1e300..1e300_f64, 0..50), tiny in prop::collection::vec(any::<f32>(), 0..50), seed: u64, cut: prop::sample::Index) {
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
