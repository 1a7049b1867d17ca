//! How many records have which numbers.

use super::buckets::{Bin, Buckets};

use std::collections::BTreeMap;

/// Counts of numbers.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    buckets: Buckets,
    counts: BTreeMap<i64, u64>,
}

impl Histogram {
    /// Bins that are shown.
    const MOST: usize = 24;

    pub(super) fn new(log: bool) -> Self {
        Histogram { buckets: Buckets::new(log), counts: BTreeMap::new() }
    }

    /// Counts a number, which is finite.
    pub(super) fn push(&mut self, value: f64, is_whole: bool) {
        let (place, merged) = self.buckets.place(value, is_whole);
        if merged > 1 {
            for (bucket, count) in std::mem::take(&mut self.counts) {
                *self.counts.entry(bucket.div_euclid(merged)).or_default() += count;
            }
        }
        *self.counts.entry(place).or_default() += 1;
    }

    /// What is in each bin, and how many numbers.
    pub(super) fn bins(&self) -> Vec<(String, u64)> {
        let of = |Bin { label, buckets: (from, to) }: Bin| (label, self.counts.range(from..=to).map(|(_, count)| count).sum());
        self.buckets.bins(Self::MOST, |bucket| self.counts.contains_key(&bucket)).into_iter().map(of).collect()
    }
}
