//! Quantiles of any number of values in little memory, mergeable.

use std::cmp::Ordering;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use recpipe::Error;

use super::{
    rank::Rank,
    state::{CorruptState, add_counts, take},
};

/// What is needed to say any quantile: exactly of up to [`Sketch::EXACT`] different values, however often each is there; of more
/// within 0.1 %, with four digits.
///
/// Beyond that, values are counted by the leading bits of the float that they are: sign, exponent and ten bits after the leading
/// one. So a bucket is at most 1/1024 as wide as what is in it. It is the quantile sketch with relative error of Masson, Rim and Lee
/// ("DDSketch", PVLDB 12 (12), 2019), with the buckets of HdrHistogram: no logarithm, and the same on every machine.
/// (The crate `sketches-ddsketch` limits the number of its buckets and then throws the smallest together: what it says
/// depends on the order in which values come.)
///
/// What it says is a function of the values alone, not of their order or of how they were merged: whether there are more
/// different ones than are kept is, too.
#[derive(Clone, Debug)]
pub(super) enum Sketch {
    /// The values, while there are few.
    Few(Vec<f64>),
    /// How many there are of each.
    Exact(Box<Exact>),
    /// How many there are in each bucket.
    Counts(Box<Counts>),
}

/// Counts by the bits of the value, where there is one zero and one NaN.
#[derive(Clone, Debug, Default)]
pub(super) struct Exact {
    total: u64,
    counts: HashMap<u64, u64, RandomState>,
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

/// Counters of the buckets from the first in use to the last, and perhaps of some before.
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

/// The bits of a float that do not tell its bucket: 52 of the fraction but ten.
const LOW_BITS: u32 = 42;
/// The bucket of the size of infinity: all finite ones are below.
const BUCKETS: u32 = 0x7ff << (52 - LOW_BITS);

fn bucket(value: f64) -> Bucket {
    // Below 2²¹.
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

/// The value that stands for all of its bucket: the middle. Of the integers in it, so that integers up to 2048 stay.
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
        Sketch::Few(Vec::new())
    }
}

/// One zero, and one NaN: its sign bit depends on how it came about.
fn key(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

/// The order of quantiles: NaN counts as greater than all others.
fn in_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

impl Sketch {
    /// Quantiles of so many different values, or less, are exact.
    pub(super) const EXACT: usize = 65_536;

    /// So many are kept one by one.
    const FEW: usize = 256;

    /// How many digits there are of what is not exact.
    pub(super) const DIGITS: usize = 4;

    /// Adds a value; the bytes by which it grew.
    #[inline]
    pub(super) fn add(&mut self, value: f64) -> isize {
        let is_in = match self {
            Sketch::Counts(counts) => return counts.add(value, 1) as isize,
            Sketch::Exact(exact) => exact.has(value),
            Sketch::Few(values) if values.len() < values.capacity() => {
                values.push(value);
                true
            }
            Sketch::Few(_) => false,
        };
        if is_in { 0 } else { self.grow(value) }
    }

    #[cold]
    fn grow(&mut self, value: f64) -> isize {
        let before = self.heap();
        match self {
            Sketch::Few(values) if values.len() < Self::FEW => values.push(value),
            // A total that was added up one by one reaches no bound.
            _ => drop(self.add_many(value, 1)),
        }
        self.heap() as isize - before as isize
    }

    /// Adds a value so many times.
    fn add_many(&mut self, value: f64, count: u64) -> Result<(), CorruptState> {
        if let Sketch::Few(values) = self {
            let mut exact = Exact::default();
            for &value in values.iter() {
                exact.add(value, 1)?;
            }
            *self = Sketch::Exact(Box::new(exact));
        }
        if let Sketch::Exact(exact) = self {
            exact.add(value, count)?;
            if exact.counts.len() > Self::EXACT {
                self.condense()?;
            }
            return Ok(());
        }
        if let Sketch::Counts(counts) = self {
            add_counts(counts.total, count)?;
            counts.count(value, count);
        }
        Ok(())
    }

    /// From here on, buckets are counted.
    fn condense(&mut self) -> Result<&mut Counts, CorruptState> {
        let mut counts = Counts::default();
        match self {
            Sketch::Few(values) => values.iter().for_each(|&value| counts.count(value, 1)),
            // In order, so that how much memory it takes depends on the values alone, too, and not on how they are hashed.
            Sketch::Exact(exact) => {
                let mut sorted: Vec<(f64, u64)> = exact.counts.iter().map(|(&bits, &count)| (f64::from_bits(bits), count)).collect();
                sorted.sort_unstable_by(|(a, _), (b, _)| in_order(*a, *b));
                sorted.into_iter().for_each(|(value, count)| counts.count(value, count));
            }
            Sketch::Counts(_) => {}
        }
        if !matches!(self, Sketch::Counts(_)) {
            *self = Sketch::Counts(Box::new(counts));
        }
        match self {
            Sketch::Counts(counts) => Ok(counts),
            _ => Err(CorruptState),
        }
    }

    /// The bytes it has on the heap.
    fn heap(&self) -> usize {
        match self {
            Sketch::Few(values) => values.capacity() * size_of::<f64>(),
            Sketch::Exact(exact) => size_of::<Exact>() + exact.counts.allocation_size(),
            Sketch::Counts(counts) => {
                size_of::<Counts>() + (counts.negative.counts.capacity() + counts.positive.counts.capacity()) * size_of::<u64>()
            }
        }
    }

    /// The values below and above which lie the shares `q` and `1 - q`, from 0 to 1; `None` of nothing. Between two values it
    /// is what lies between them in proportion, as in NumPy and DuckDB (type 7 of Hyndman and Fan, 1996). NaN counts as
    /// greater than all others. 0 and 1 give the least and the greatest, exactly.
    pub(super) fn quantile(&self, q: f64, is_int: bool) -> Option<f64> {
        let total = match self {
            Sketch::Few(values) => values.len() as u64,
            Sketch::Exact(exact) => exact.total,
            Sketch::Counts(counts) => counts.total,
        };
        let rank = Rank::new(q, total)?;
        let ranks = rank.places;
        let values = match self {
            Sketch::Few(values) => {
                let mut sorted = values.clone();
                sorted.sort_unstable_by(|a, b| in_order(*a, *b));
                ranks.map(|rank| sorted[rank as usize] + 0.0)
            }
            Sketch::Exact(exact) => exact.ranked(ranks),
            Sketch::Counts(counts) => ranks.map(|rank| counts.ranked(rank, is_int)),
        };
        let between = rank.between(values);
        Some(match self {
            Sketch::Counts(counts) => counts.shortened(between),
            _ => between,
        })
    }

    /// Appends the values as bytes to the one, or the counts to the other.
    pub(super) fn write(&self, out: (&mut Vec<u8>, &mut Vec<u8>)) {
        match self {
            Sketch::Few(values) => values.iter().for_each(|value| out.0.extend_from_slice(&value.to_le_bytes())),
            Sketch::Exact(exact) => {
                out.1.push(OF_VALUES);
                for (value, count) in exact.sorted() {
                    out.1.extend_from_slice(&value.to_le_bytes());
                    out.1.extend_from_slice(&count.to_le_bytes());
                }
            }
            Sketch::Counts(counts) => {
                out.1.push(OF_BUCKETS);
                counts.write(out.1);
            }
        }
    }

    /// Adds what [`Sketch::write`] wrote; the bytes by which it grew.
    pub(super) fn merge(&mut self, mut values: &[u8], mut counts: &[u8]) -> Result<isize, Error> {
        let before = self.heap();
        while !values.is_empty() {
            self.add(f64::from_le_bytes(take(&mut values)?));
        }
        if !counts.is_empty() {
            match take(&mut counts)? {
                [OF_VALUES] => {
                    while !counts.is_empty() {
                        let value = f64::from_le_bytes(take(&mut counts)?);
                        self.add_many(value, u64::from_le_bytes(take(&mut counts)?))?;
                    }
                }
                [OF_BUCKETS] => self.condense()?.merge(&mut counts)?,
                _ => return Err(CorruptState.into()),
            }
        }
        Ok(self.heap() as isize - before as isize)
    }
}

/// What begins counts that are written.
const OF_VALUES: u8 = 0;
const OF_BUCKETS: u8 = 1;

impl Exact {
    /// Counts a value that is there already; whether it is.
    #[inline]
    fn has(&mut self, value: f64) -> bool {
        let Some(count) = self.counts.get_mut(&key(value)) else { return false };
        *count += 1;
        self.total += 1;
        true
    }

    fn add(&mut self, value: f64, count: u64) -> Result<(), CorruptState> {
        self.total = add_counts(self.total, count)?;
        // No more than the total.
        *self.counts.entry(key(value)).or_insert(0) += count;
        Ok(())
    }

    fn sorted(&self) -> Vec<(f64, u64)> {
        let mut sorted: Vec<_> = self.counts.iter().map(|(&bits, &count)| (f64::from_bits(bits), count)).collect();
        sorted.sort_unstable_by(|a, b| in_order(a.0, b.0));
        sorted
    }

    fn ranked(&self, ranks: [u64; 2]) -> [f64; 2] {
        let sorted = self.sorted();
        ranks.map(|rank| {
            let mut before = 0;
            let of_rank = sorted.iter().find(|(_, count)| {
                before += count;
                rank < before
            });
            of_rank.map_or(f64::NAN, |&(value, _)| value)
        })
    }
}

impl Counts {
    #[inline]
    fn add(&mut self, value: f64, times: u64) -> usize {
        self.total += times;
        if !value.is_nan() {
            self.widen(value);
        }
        let (count, grown) = self.counter(bucket(value));
        *count += times;
        grown
    }

    fn count(&mut self, value: f64, times: u64) {
        let _: usize = self.add(value, times);
    }

    /// No more digits than a bucket is good for; the least and the greatest value are known.
    fn shortened(&self, value: f64) -> f64 {
        let (low, high) = self.range.unwrap_or((value, value));
        if !value.is_finite() || value <= low || value >= high {
            return value;
        }
        let short = format!("{value:.0$e}", Sketch::DIGITS - 1).parse().unwrap_or(value);
        f64::clamp(short, low, high) + 0.0
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
                _ => return Err(CorruptState.into()),
            };
            self.total = add_counts(self.total, count)?;
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
            // At least as many again: values that fall bucket by bucket move the others but now and then.
            let first = size.min(self.first.saturating_sub(self.counts.len() as u32));
            self.counts.splice(0..0, std::iter::repeat_n(0, (self.first - first) as usize));
            self.first = first;
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
