//! How many records have which numbers, along the time.

use std::collections::BTreeMap;

use recpipe::Time;

use super::buckets::Buckets;
use crate::picture;

/// Lengths of columns, each a multiple of the one before it, in nanoseconds; beyond them, each twice the one before.
const STEPS: [i64; 20] = [
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
    300_000_000_000,
    600_000_000_000,
    1_800_000_000_000,
    3_600_000_000_000,
    10_800_000_000_000,
    21_600_000_000_000,
    43_200_000_000_000,
    86_400_000_000_000,
];

/// Counts by time and number.
#[derive(Clone, Debug)]
pub(super) struct Heat {
    buckets: Buckets,
    step: i64,
    /// The first column and the last, in steps since 1970 on the clock.
    range: Option<(i64, i64)>,
    /// What the clock of the first record is ahead of UTC, in seconds: the columns begin by it.
    offset_s: i32,
    counts: BTreeMap<(i64, i64), u64>,
}

impl Heat {
    /// Columns at most.
    pub(super) const COLUMNS: i64 = 60;

    /// Rows that are shown.
    const ROWS: usize = 16;

    pub(super) fn new(log: bool) -> Self {
        Heat { buckets: Buckets::new(log), step: STEPS[0], range: None, offset_s: 0, counts: BTreeMap::new() }
    }

    /// Counts a number, which is finite.
    pub(super) fn push(&mut self, at: Time, value: f64, is_whole: bool) {
        if self.range.is_none() {
            self.offset_s = at.offset_s;
        }
        let local = i128::from(at.nanos) + i128::from(self.offset_s) * 1_000_000_000;
        let (row, merged_rows) = self.buckets.place(value, is_whole);
        let mut merged_columns = 1_i64;
        let column = loop {
            // What is there in microseconds fits.
            let column = local.div_euclid(self.step.into()) as i64;
            let (first, last) = self.range.map_or((column, column), |(first, last)| (first.min(column), last.max(column)));
            if last - first < Self::COLUMNS {
                self.range = Some((first, last));
                break column;
            }
            let step = STEPS.into_iter().find(|step| *step > self.step).unwrap_or(self.step * 2);
            let of_one = step / self.step;
            self.range = self.range.map(|(first, last)| (first.div_euclid(of_one), last.div_euclid(of_one)));
            self.step = step;
            merged_columns *= of_one;
        };
        if merged_rows > 1 || merged_columns > 1 {
            for ((column, row), count) in std::mem::take(&mut self.counts) {
                *self.counts.entry((column.div_euclid(merged_columns), row.div_euclid(merged_rows))).or_default() += count;
            }
        }
        *self.counts.entry((column, row)).or_default() += 1;
    }

    /// What is drawn; `None` of nothing.
    pub(super) fn drawn(&self) -> Option<picture::Heat> {
        let (first, last) = self.range?;
        let has = |bucket| self.counts.keys().any(|(_, row)| *row == bucket);
        let bins = self.buckets.bins(Self::ROWS, has);
        let mut columns = vec![vec![0; bins.len()]; (last - first + 1) as usize];
        for ((column, row), count) in &self.counts {
            let bin = bins.iter().position(|bin| (bin.buckets.0..=bin.buckets.1).contains(row));
            if let Some(cell) = bin.and_then(|bin| columns.get_mut((column - first) as usize)?.get_mut(bin)) {
                *cell += count;
            }
        }
        let from = i128::from(first) * i128::from(self.step) - i128::from(self.offset_s) * 1_000_000_000;
        Some(picture::Heat {
            from: i64::try_from(from).unwrap_or(if from < 0 { i64::MIN } else { i64::MAX }),
            step: self.step,
            offset_s: self.offset_s,
            rows: bins.into_iter().map(|bin| bin.label).collect(),
            columns,
        })
    }
}

#[cfg(test)]
mod tests {
    use recpipe::Time;

    use super::{Heat, STEPS};

    #[test]
    fn columns_become_longer_and_keep_what_is_in_them() {
        assert!(STEPS.windows(2).all(|two| two[1] % two[0] == 0));
        let mut heat = Heat::new(true);
        for second in [0_i64, 1, 59, 60, 3600, 7199, 100_000, -1, -4_000_000_000, 4_000_000_000] {
            heat.push(Time { nanos: second * 1_000_000_000, offset_s: 3600 }, 5.0, true);
        }
        let drawn = heat.drawn().unwrap();
        assert!(drawn.columns.len() <= 60);
        assert_eq!(drawn.columns.iter().flatten().sum::<u64>(), 10);
        let mut heat = Heat::new(false);
        for (nanos, value) in [(i64::MIN, f64::MAX), (i64::MAX, f64::MIN), (0, 0.0)] {
            heat.push(Time { nanos, offset_s: 0 }, value, false);
        }
        assert_eq!(heat.drawn().unwrap().columns.iter().flatten().sum::<u64>(), 3);
    }
}
