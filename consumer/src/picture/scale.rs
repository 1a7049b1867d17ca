//! Where numbers go on an axis, and at which of them there is a mark.

/// An axis of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    log: bool,
}

impl Scale {
    /// For these numbers, with zero among them; or by the logarithm of those that are greater.
    pub(crate) fn new(values: impl Iterator<Item = f64>, log: bool) -> Self {
        if log {
            let (low, high) =
                values.filter(|value| *value > 0.0).fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
            let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
            let (low, high) = (libm::floor(libm::log10(low)), libm::ceil(libm::log10(high)));
            return Scale { low, high: if high > low { high } else { low + 1.0 }, log };
        }
        let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let high = if low == high { 1.0 } else { high };
        let step = nice(high / 2.0 - low / 2.0);
        // Of numbers near the greatest there are, the next mark would be none.
        let outward =
            |value: f64, round: fn(f64) -> f64| Some(round(value / step) * step).filter(|found| found.is_finite()).unwrap_or(value);
        Scale { low: outward(low, f64::floor), high: outward(high, f64::ceil), log }
    }

    /// Where a number goes, from 0 to 1; `None` where it has no place.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let value = if self.log { if value > 0.0 { libm::log10(value) } else { return None } } else { value };
        // Halves: the difference of two floats may be too large for one.
        Some(((value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0)).clamp(0.0, 1.0))
    }

    /// Where bars begin.
    pub(super) fn base(&self) -> f64 {
        if self.log { 0.0 } else { self.place(0.0).unwrap_or(0.0) }
    }

    /// The numbers that have a mark.
    pub(super) fn marks(&self) -> Vec<f64> {
        if self.log {
            let every = (((self.high - self.low) / 6.0).ceil() as i32).max(1);
            let powers = (self.low as i32..=self.high as i32).step_by(every.unsigned_abs() as usize);
            return powers.map(|power| libm::pow(10.0, power.into())).collect();
        }
        let step = nice(self.high / 2.0 - self.low / 2.0);
        let count = ((self.high / step - self.low / step).round() as usize).min(12);
        (0..=count).map(|mark| self.low + step * mark as f64).filter(|mark| mark.is_finite()).collect()
    }
}

/// A step of 1, 2 or 5 by a power of ten, of which there are 2 to 6 in twice this length.
fn nice(half: f64) -> f64 {
    let rough = half / 2.5;
    if !(rough.is_finite() && rough > 0.0) {
        return 1.0;
    }
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= rough * 0.999);
    step.filter(|step| step.is_normal()).unwrap_or(rough)
}

/// A number in few letters, for a mark: 1.5k, 20M.
pub(crate) fn short(value: f64) -> String {
    const UNITS: [(f64, &str); 5] = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let size = value.abs();
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| size >= *unit).unwrap_or((1.0, ""));
    if size >= 1e18 || (size < 1e-3 && size > 0.0) {
        return format!("{value:.0e}");
    }
    let text = format!("{:.3}", value / unit);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{}{name}", if text == "-0" { "0" } else { text })
}

/// A number as it is told.
pub(crate) fn exact(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if value != 0.0 && (text == "0" || text == "-0" || value.abs() >= 1e21) { format!("{value:e}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Scale, short};

    #[test]
    fn marks_are_round_and_few() {
        let check = |values: &[f64], log, expect: &[&str]| {
            let marks = Scale::new(values.iter().copied(), log).marks();
            assert_eq!(marks.into_iter().map(short).collect::<Vec<_>>(), expect, "{values:?}");
        };
        check(&[97.0], false, &["0", "20", "40", "60", "80", "100"]);
        check(&[1_234_567.0], false, &["0", "500k", "1M", "1.5M"]);
        check(&[-3.0, 4.0], false, &["-4", "-2", "0", "2", "4"]);
        check(&[], false, &["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        check(&[3.0, 0.0, 70_000.0], true, &["1", "10", "100", "1k", "10k", "100k"]);
    }

    #[test]
    fn any_numbers_have_a_place() {
        for values in
            [vec![f64::MAX, f64::MIN], vec![5e-324, -5e-324], vec![0.0], vec![], vec![f64::MAX], vec![1e300, -1e-300], vec![1e-300]]
        {
            for log in [false, true] {
                let scale = Scale::new(values.iter().copied(), log);
                let marks = scale.marks();
                assert!(marks.len() <= 13, "{values:?} {marks:?}");
                for value in values.iter().copied().chain(marks) {
                    assert!(scale.place(value).is_none_or(|place| (0.0..=1.0).contains(&place)), "{values:?} {value}");
                }
            }
        }
    }
}
