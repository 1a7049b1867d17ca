//! Quantiles of any number of values in little memory, mergeable.

use recpipe::Error;

use super::state::{Torn, take};

/// What is needed to say any quantile: exactly of few values, within 0.4 % of many.
///
/// Values are counted by the leading bits of the float that they are: sign, exponent and seven bits after the leading one.
/// So a bucket is at most 1/128 as wide as what is in it. It is the quantile sketch with relative error of Masson, Rim and Lee
/// ("DDSketch", PVLDB 12 (12), 2019), with the buckets of HdrHistogram: no logarithm, and the same on every machine.
/// (The crate `sketches-ddsketch` limits the number of its buckets and then throws the smallest together: what it says
/// depends on the order in which values come.)
///
/// What it says is a function of the values alone, not of their order or of how they were merged. Values that are less than
/// [`Sketch::EXACT`] are kept as they are, and so are more while their buckets would take more memory.
#[derive(Clone, Debug)]
pub(super) enum Sketch {
    /// The values.
    Values(Vec<f64>),
    /// How many there are of each.
    Counts(Box<Counts>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// In all.
    total: u64,
    negative_infinite: u64,
    negative: Window,
    zero: u64,
    positive: Window,
    infinite: u64,
    nan: u64,
    /// The least and greatest of the values that are numbers.
    range: Option<(f64, f64)>,
}

/// Counters of the buckets from the first in use to the last.
#[derive(Clone, Debug, Default)]
struct Window {
    first: u32,
    counts: Vec<u64>,
}

/// Where a value is counted. The order is that of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bucket {
    NegativeInfinite,
    /// The complement of the bucket of the size.
    Negative(u32),
    Zero,
    Positive(u32),
    Infinite,
    Nan,
}

/// The bits of a float that do not tell its bucket: 52 of the fraction but seven.
const LOW_BITS: u32 = 45;
/// The bucket of the size of infinity: all finite ones are below.
const BUCKETS: u32 = 0x7ff << (52 - LOW_BITS);

fn bucket(value: f64) -> Bucket {
    // Below 2¹⁸.
    let size = (value.abs().to_bits() >> LOW_BITS) as u32;
    match value {
        _ if value.is_nan() => Bucket::Nan,
        0.0 => Bucket::Zero,
        f64::INFINITY => Bucket::Infinite,
        f64::NEG_INFINITY => Bucket::NegativeInfinite,
        _ if value < 0.0 => Bucket::Negative(!size),
        _ => Bucket::Positive(size),
    }
}

/// The value that stands for all of its bucket: the middle. Of the integers in it, so that integers up to 256 stay.
fn representative(bucket: Bucket, is_int: bool) -> f64 {
    let middle = |size: u32| {
        let low = f64::from_bits(u64::from(size) << LOW_BITS);
        let width = f64::from_bits(u64::from(size + 1) << LOW_BITS) - low;
        match is_int {
            true => low + ((width - 1.0) / 2.0).max(0.0).floor(),
            // The last bucket ends at infinity.
            false if width.is_finite() => low + width / 2.0,
            false => low,
        }
    };
    match bucket {
        Bucket::NegativeInfinite => f64::NEG_INFINITY,
        Bucket::Negative(size) => -middle(!size),
        Bucket::Zero => 0.0,
        Bucket::Positive(size) => middle(size),
        Bucket::Infinite => f64::INFINITY,
        Bucket::Nan => f64::NAN,
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Sketch::Values(Vec::new())
    }
}

impl Sketch {
    /// Quantiles of so many values, or less, are exact.
    pub(super) const EXACT: usize = 256;

    /// Adds a value; the bytes by which it grew.
    #[inline]
    pub(super) fn add(&mut self, value: f64) -> usize {
        match self {
            Sketch::Counts(counts) => counts.add(value),
            Sketch::Values(values) if values.len() < values.capacity() => {
                values.push(value);
                0
            }
            Sketch::Values(_) => self.grow(value),
        }
    }

    #[cold]
    fn grow(&mut self, value: f64) -> usize {
        let before = self.heap();
        let Sketch::Values(values) = self else { return 0 };
        if values.len() >= Self::EXACT && buckets_of(values) <= values.len() {
            let mut counts = Counts::default();
            for value in values.iter().chain([&value]) {
                counts.add(*value);
            }
            *self = Sketch::Counts(Box::new(counts));
            return self.heap().saturating_sub(before);
        }
        values.push(value);
        self.heap() - before
    }

    /// The bytes it has on the heap.
    fn heap(&self) -> usize {
        match self {
            Sketch::Values(values) => values.capacity() * size_of::<f64>(),
            Sketch::Counts(counts) => {
                size_of::<Counts>() + (counts.negative.counts.capacity() + counts.positive.counts.capacity()) * size_of::<u64>()
            }
        }
    }

    /// The values below and above which lie the shares `q` and `1 - q`, from 0 to 1; `None` of nothing. Between two values it
    /// is what lies between them in proportion, as in NumPy and DuckDB (type 7 of Hyndman and Fan, 1996). NaN counts as
    /// greater than all others. 0 and 1 give the least and the greatest, exactly.
    pub(super) fn quantile(&self, q: f64, is_int: bool) -> Option<f64> {
        let last = match self {
            Sketch::Values(values) => values.len() as u64,
            Sketch::Counts(counts) => counts.total,
        }
        .checked_sub(1)?;
        let exact = q * last as f64;
        // A decimal fraction is not exact in binary: 0.07 of 100 is 7.000000000000001.
        let place = if (exact - exact.round()).abs() <= exact * 2.0 * f64::EPSILON { exact.round() } else { exact };
        let (low, share) = (place.floor() as u64, place - place.floor());
        let at = |ranks: [u64; 2]| match self {
            Sketch::Values(values) => ranked(values, ranks, is_int),
            Sketch::Counts(counts) => ranks.map(|rank| counts.ranked(rank, is_int)),
        };
        let [below, above] = at([low.min(last), (low + 1).min(last)]);
        let between = match (above - below) * share {
            _ if share == 0.0 || below == above => below,
            step if step.is_finite() => below + step,
            _ => below * (1.0 - share) + above * share,
        };
        // One NaN: its sign bit depends on how it came about.
        Some(if between.is_nan() { f64::NAN } else { between })
    }

    /// Appends the values as bytes to the one, or the counts to the other.
    pub(super) fn write(&self, out: (&mut Vec<u8>, &mut Vec<u8>)) {
        match self {
            Sketch::Values(values) => values.iter().for_each(|value| out.0.extend_from_slice(&value.to_le_bytes())),
            Sketch::Counts(counts) => counts.write(out.1),
        }
    }

    /// Adds what [`Sketch::write`] wrote; the bytes by which it grew.
    pub(super) fn merge(&mut self, mut values: &[u8], mut counts: &[u8]) -> Result<usize, Error> {
        let mut grown = 0;
        while !values.is_empty() {
            grown += self.add(f64::from_le_bytes(take(&mut values)?));
        }
        if !counts.is_empty() {
            let before = self.heap();
            if let Sketch::Values(values) = self {
                let mut mine = Counts::default();
                for &value in values.iter() {
                    mine.add(value);
                }
                *self = Sketch::Counts(Box::new(mine));
            }
            if let Sketch::Counts(mine) = self {
                mine.merge(&mut counts)?;
            }
            grown += self.heap().saturating_sub(before);
        }
        Ok(grown)
    }
}

/// How many counters these values would need.
fn buckets_of(values: &[f64]) -> usize {
    let mut ranges = [(u32::MAX, 0), (u32::MAX, 0)];
    for &value in values {
        let (range, size) = match bucket(value) {
            Bucket::Negative(size) => (&mut ranges[0], !size),
            Bucket::Positive(size) => (&mut ranges[1], size),
            _ => continue,
        };
        *range = (range.0.min(size), range.1.max(size));
    }
    ranges.iter().filter(|range| range.0 <= range.1).map(|range| (range.1 - range.0) as usize + 1).sum()
}

/// The values of these ranks, which are exact if they are few and else what counts would say.
fn ranked(values: &[f64], ranks: [u64; 2], is_int: bool) -> [f64; 2] {
    let order = |a: &f64, b: &f64| a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(order);
    if values.len() <= Sketch::EXACT {
        return ranks.map(|rank| sorted[rank as usize] + 0.0);
    }
    let mut counts = Counts::default();
    sorted.iter().filter(|value| !value.is_nan()).for_each(|&value| counts.widen(value));
    let nans = sorted.iter().rev().take_while(|value| value.is_nan()).count();
    ranks.map(|rank| {
        let value = bucket(sorted[rank as usize]);
        counts.within(rank, (sorted.len() - nans) as u64, representative(value, is_int))
    })
}

impl Counts {
    #[inline]
    fn add(&mut self, value: f64) -> usize {
        self.total += 1;
        if !value.is_nan() {
            self.widen(value);
        }
        let (count, grown) = self.counter(bucket(value));
        *count += 1;
        grown
    }

    #[inline]
    fn widen(&mut self, value: f64) {
        let (low, high) = self.range.unwrap_or((value, value));
        self.range = Some((if value < low { value } else { low }, if value > high { value } else { high }));
    }

    /// The counter of a bucket, and the bytes by which its window grew.
    #[inline]
    fn counter(&mut self, bucket: Bucket) -> (&mut u64, usize) {
        match bucket {
            Bucket::NegativeInfinite => (&mut self.negative_infinite, 0),
            Bucket::Negative(size) => self.negative.counter(!size),
            Bucket::Zero => (&mut self.zero, 0),
            Bucket::Positive(size) => self.positive.counter(size),
            Bucket::Infinite => (&mut self.infinite, 0),
            Bucket::Nan => (&mut self.nan, 0),
        }
    }

    /// All buckets that have values, in the order of values.
    fn buckets(&self) -> impl Iterator<Item = (Bucket, u64)> {
        let one = |bucket, count| std::iter::once((bucket, count));
        one(Bucket::NegativeInfinite, self.negative_infinite)
            .chain(self.negative.sizes().rev().map(|(size, count)| (Bucket::Negative(!size), count)))
            .chain(one(Bucket::Zero, self.zero))
            .chain(self.positive.sizes().map(|(size, count)| (Bucket::Positive(size), count)))
            .chain(one(Bucket::Infinite, self.infinite))
            .chain(one(Bucket::Nan, self.nan))
            .filter(|&(_, count)| count > 0)
    }

    fn ranked(&self, rank: u64, is_int: bool) -> f64 {
        let mut before = 0;
        let of_rank = self.buckets().find(|&(_, count)| {
            before += count;
            rank < before
        });
        let Some((bucket, _)) = of_rank else { return f64::NAN };
        self.within(rank, self.total - self.nan, representative(bucket, is_int))
    }

    /// What stands for the value of a rank among `numbers` that are no NaN: the least and the greatest are known.
    fn within(&self, rank: u64, numbers: u64, value: f64) -> f64 {
        match self.range {
            _ if value.is_nan() => value,
            Some((low, _)) if rank == 0 => low + 0.0,
            Some((_, high)) if rank + 1 >= numbers => high + 0.0,
            Some((low, high)) => value.max(low).min(high),
            None => value,
        }
    }

    /// The least and the greatest, and each bucket with its count.
    fn write(&self, out: &mut Vec<u8>) {
        let (low, high) = self.range.unwrap_or((f64::NAN, f64::NAN));
        out.extend_from_slice(&low.to_le_bytes());
        out.extend_from_slice(&high.to_le_bytes());
        for (bucket, count) in self.buckets() {
            let (tag, size) = match bucket {
                Bucket::NegativeInfinite => (0, 0),
                Bucket::Negative(size) => (1, !size),
                Bucket::Zero => (2, 0),
                Bucket::Positive(size) => (3, size),
                Bucket::Infinite => (4, 0),
                Bucket::Nan => (5, 0),
            };
            out.push(tag);
            out.extend_from_slice(&size.to_le_bytes());
            out.extend_from_slice(&count.to_le_bytes());
        }
    }

    fn merge(&mut self, bytes: &mut &[u8]) -> Result<(), Error> {
        for value in [f64::from_le_bytes(take(bytes)?), f64::from_le_bytes(take(bytes)?)] {
            if !value.is_nan() {
                self.widen(value);
            }
        }
        while !bytes.is_empty() {
            let [tag] = take(bytes)?;
            let size = u32::from_le_bytes(take(bytes)?);
            let count = u64::from_le_bytes(take(bytes)?);
            let bucket = match tag {
                0 => Bucket::NegativeInfinite,
                1 if size < BUCKETS => Bucket::Negative(!size),
                2 => Bucket::Zero,
                3 if size < BUCKETS => Bucket::Positive(size),
                4 => Bucket::Infinite,
                5 => Bucket::Nan,
                _ => return Err(Torn.into()),
            };
            self.total = super::state::add_counts(self.total, count)?;
            // No more than the total.
            *self.counter(bucket).0 += count;
        }
        Ok(())
    }
}

impl Window {
    #[inline]
    fn counter(&mut self, size: u32) -> (&mut u64, usize) {
        let mut grown = 0;
        if size < self.first || (size - self.first) as usize >= self.counts.len() {
            grown = self.widen(size);
        }
        (&mut self.counts[(size - self.first) as usize], grown)
    }

    #[cold]
    fn widen(&mut self, size: u32) -> usize {
        let before = self.counts.capacity();
        if self.counts.is_empty() {
            self.first = size;
        }
        if size < self.first {
            self.counts.splice(0..0, std::iter::repeat_n(0, (self.first - size) as usize));
            self.first = size;
        }
        let len = (size - self.first) as usize + 1;
        if len > self.counts.len() {
            self.counts.resize(len, 0);
        }
        (self.counts.capacity() - before) * size_of::<u64>()
    }

    fn sizes(&self) -> impl DoubleEndedIterator<Item = (u32, u64)> {
        let first = self.first;
        self.counts.iter().enumerate().map(move |(i, &count)| (first + i as u32, count))
    }
}

#[cfg(test)]
mod tests;
