//! Buckets of numbers whose range is not known before the last came: few, of round edges, and each number in one.
//!
//! Linear ones are a power of ten wide, ten times as wide whenever they would be more than [`Buckets::MOST`]: ten become one, so no number
//! has to be looked at again. What is shown is 1, 2 or 5 times a power of ten of them wide. Logarithmic ones have their edges at 1, 2 and
//! 5 of each power of ten; zero is one of its own, and so is all that is below.

use crate::picture::short;

/// Where numbers go.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    log: bool,
    /// Linear: a bucket is ten to this wide.
    power: i32,
    /// The first bucket and the last; of logarithmic ones, of what is above zero.
    range: Option<(i64, i64)>,
    /// Whether all numbers so far are integers.
    is_whole: bool,
}

/// Of logarithmic buckets, those of what has no logarithm.
const BELOW: i64 = i64::MIN;
const ZERO: i64 = i64::MIN + 1;

/// Buckets that are shown as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bin {
    /// What is in it.
    pub(super) label: String,
    /// The first bucket and the last.
    pub(super) buckets: (i64, i64),
}

impl Buckets {
    /// No more linear buckets than this.
    pub(super) const MOST: i64 = 1000;

    pub(super) fn new(log: bool) -> Self {
        Buckets { log, power: -300, range: None, is_whole: true }
    }

    /// The bucket of a number, which is finite; and where buckets became wider for it, how many are one now.
    pub(super) fn place(&mut self, value: f64, is_whole: bool) -> (i64, i64) {
        self.is_whole &= is_whole;
        if self.log {
            return (self.log_place(value), 1);
        }
        let mut merged = 1_i64;
        // Of what is far beyond, the bucket has no number.
        while scaled(value, self.power).abs() >= 1e15 {
            merged = merged.saturating_mul(self.widen());
        }
        loop {
            let place = scaled(value, self.power).floor() as i64;
            let range = self.range.map_or((place, place), |(low, high)| (low.min(place), high.max(place)));
            if range.1 - range.0 < Self::MOST {
                self.range = Some(range);
                return (place, merged);
            }
            merged = merged.saturating_mul(self.widen());
        }
    }

    fn widen(&mut self) -> i64 {
        self.power += 1;
        self.range = self.range.map(|(low, high)| (low.div_euclid(10), high.div_euclid(10)));
        10
    }

    fn log_place(&mut self, value: f64) -> i64 {
        if value <= 0.0 {
            return if value < 0.0 { BELOW } else { ZERO };
        }
        let mut power = libm::floor(libm::log10(value)) as i32;
        // The logarithm is rounded: its neighbour may be the power.
        if libm::pow(10.0, (power + 1).into()) <= value {
            power += 1;
        } else if libm::pow(10.0, power.into()) > value {
            power -= 1;
        }
        let first = libm::pow(10.0, power.into());
        let part = if value >= 5.0 * first { 2 } else { i64::from(value >= 2.0 * first) };
        let place = 3 * i64::from(power) + part;
        self.range = Some(self.range.map_or((place, place), |(low, high)| (low.min(place), high.max(place))));
        place
    }

    /// All that there is from the least number to the greatest, in at most so many bins and those of what has no logarithm; `has` says
    /// whether a bucket has something in it.
    pub(super) fn bins(&self, most: usize, has: impl Fn(i64) -> bool) -> Vec<Bin> {
        let mut bins = Vec::new();
        for (bucket, label) in [(BELOW, "below 0"), (ZERO, "0")] {
            if self.log && has(bucket) {
                bins.push(Bin { label: label.to_owned(), buckets: (bucket, bucket) });
            }
        }
        let Some((low, high)) = self.range else { return bins };
        let count = |step: i64| high.div_euclid(step) - low.div_euclid(step) + 1;
        let step = match self.log {
            // Whole powers of ten, where there are many.
            true => std::iter::once(1).chain((1..).map(|powers| 3 * powers)).find(|step| count(*step) <= most as i64),
            // Of integers, none is narrower than one.
            false => {
                let least = if self.is_whole { 10_i64.checked_pow(u32::try_from(-self.power).unwrap_or(0)).unwrap_or(1) } else { 1 };
                let steps = (0..19).flat_map(|power| [1, 2, 5].map(|times: i64| times.saturating_mul(10_i64.pow(power))));
                steps.filter(|step| *step >= least).find(|step| count(*step) <= most as i64)
            }
        };
        let step = step.unwrap_or(i64::MAX);
        let is_one = self.is_whole && !self.log && self.edge(step) - self.edge(0) == 1.0;
        let firsts = || (low.div_euclid(step)..=high.div_euclid(step)).map(|bin| bin * step);
        let edges: Vec<f64> = firsts().chain(std::iter::once((high.div_euclid(step) + 1) * step)).map(|first| self.edge(first)).collect();
        let mut labels: Vec<String> = edges.iter().copied().map(short).collect();
        if labels.windows(2).any(|two| two[0] == two[1]) {
            labels = edges.iter().map(ToString::to_string).collect();
        }
        for (at, first) in firsts().enumerate() {
            let label = if is_one { labels[at].clone() } else { format!("{}–{}", labels[at], labels[at + 1]) };
            bins.push(Bin { label, buckets: (first, first.saturating_add(step - 1)) });
        }
        bins
    }

    /// Where a bucket begins.
    fn edge(&self, bucket: i64) -> f64 {
        if self.log {
            let times = [1.0, 2.0, 5.0][bucket.rem_euclid(3) as usize];
            return times * libm::pow(10.0, bucket.div_euclid(3) as f64);
        }
        match self.power {
            power @ 0.. => bucket as f64 * libm::pow(10.0, power.into()),
            power => bucket as f64 / libm::pow(10.0, f64::from(-power)),
        }
    }
}

/// A number in widths of ten to this.
fn scaled(value: f64, power: i32) -> f64 {
    match power {
        0.. => value / libm::pow(10.0, power.into()),
        _ => value * libm::pow(10.0, f64::from(-power)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Bin, Buckets};

    fn labels(values: &[f64], log: bool, most: usize) -> Vec<String> {
        let mut buckets = Buckets::new(log);
        let mut seen = Vec::new();
        for value in values {
            let (place, merged) = buckets.place(*value, value.fract() == 0.0);
            seen.iter_mut().for_each(|seen: &mut i64| *seen = seen.div_euclid(merged));
            seen.push(place);
        }
        let bins = buckets.bins(most, |bucket| seen.contains(&bucket));
        for place in &seen {
            let within = |bin: &&Bin| (bin.buckets.0..=bin.buckets.1).contains(place);
            assert_eq!(bins.iter().filter(within).count(), 1, "{values:?} {place}: {bins:?}");
        }
        bins.into_iter().map(|bin| bin.label).collect()
    }

    #[test]
    fn edges_are_round() {
        assert_eq!(labels(&[1.0, 2.0, 4.0], false, 10), ["1", "2", "3", "4"]);
        assert_eq!(
            labels(&[0.0, 95.0, 12.0], false, 10),
            ["0–10", "10–20", "20–30", "30–40", "40–50", "50–60", "60–70", "70–80", "80–90", "90–100"]
        );
        assert_eq!(labels(&[-3.0, 1900.0], false, 5), ["-500–0", "0–500", "500–1k", "1k–1.5k", "1.5k–2k"]);
        assert_eq!(labels(&[0.001, 0.0031], false, 4), ["0.001–0.002", "0.002–0.003", "0.003–0.004"]);
        assert_eq!(labels(&[1.0, 3.0, 40.0], true, 20), ["1–2", "2–5", "5–10", "10–20", "20–50"]);
        assert_eq!(labels(&[1000.0, 0.0, -1.0, 999.0], true, 20), ["below 0", "0", "500–1k", "1k–2k"]);
        assert_eq!(labels(&[1e9 + 1.0, 1e9 + 3.0], false, 9), ["1000000001", "1000000002", "1000000003"]);
    }

    #[test]
    fn any_numbers_have_a_bin() {
        let some = [0.0, 5e-324, f64::MAX, f64::MIN, 1.0, -1e-9, 1e15, 1e-300, 0.1, 0.3, 7e22];
        for log in [false, true] {
            for first in some {
                for second in some {
                    let found = labels(&[first, second, 1.5], log, 20);
                    assert!((1..=22).contains(&found.len()), "{first} {second}: {found:?}");
                }
            }
        }
    }
}
