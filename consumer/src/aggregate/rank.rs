//! Where a quantile lies among sorted values.

/// The two places, from 0, between which a quantile of so many sorted values lies, and how far it is from the first to the second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rank {
    /// The places, of which the second is never beyond the last value.
    pub(crate) places: [u64; 2],
    share: f64,
}

impl Rank {
    /// The place of the quantile that the share `q`, from 0 to 1, of `total` values lies below; `None` of nothing. It is that of NumPy
    /// and DuckDB (type 7 of Hyndman and Fan, 1996).
    pub(crate) fn new(q: f64, total: u64) -> Option<Self> {
        let last = total.checked_sub(1)?;
        let exact = q * last as f64;
        // A decimal fraction is not exact in binary: 0.07 of 100 is 7.000000000000001.
        let place = if (exact - exact.round()).abs() <= exact * 2.0 * f64::EPSILON { exact.round() } else { exact };
        let low = place.floor() as u64;
        Some(Rank { places: [low.min(last), (low + 1).min(last)], share: place - place.floor() })
    }

    /// The quantile, between the values at the two places in proportion.
    pub(crate) fn between(&self, [below, above]: [f64; 2]) -> f64 {
        let between = match (above - below) * self.share {
            _ if self.share == 0.0 || below == above => below,
            step if step.is_finite() => below + step,
            _ => below * (1.0 - self.share) + above * self.share,
        };
        // One NaN: its sign bit depends on how it came about.
        if between.is_nan() { f64::NAN } else { between }
    }
}
