//! The clocks that show times: their offsets from UTC.

use std::sync::Arc;

use recpipe::{Batch, Time, times::Zone};

use super::vector::{Values, Vector};
use crate::left_out::Counter;

/// The times with the offsets of a zone.
pub(crate) fn in_zone(vector: Vector, zone: &Zone) -> Vector {
    match &vector.values {
        Values::Time(times) => Vector { values: Values::Time(times.map(|time| zone.at(time.nanos))), ..vector },
        _ => vector,
    }
}

/// The range of offsets with this one in it.
#[inline]
pub(crate) fn widened(range: Option<(i64, i64)>, number: i64) -> Option<(i64, i64)> {
    range.map_or(Some((number, number)), |(low, high)| Some((low.min(number), high.max(number))))
}

/// Looks whether times have an offset of their own beside a literal that says none, and is taken in UTC.
#[derive(Clone, Debug)]
pub(crate) struct BesideLiteral {
    /// What the literal is in UTC.
    pub(crate) literal: Time,
    /// How it is written.
    pub(crate) text: Arc<str>,
    pub(crate) other_offset: Counter,
}

impl BesideLiteral {
    pub(super) fn look(&self, vector: Vector, batch: &Batch) -> Vector {
        if let Values::Time(times) = &vector.values {
            let is_other = |row: &usize| !vector.is_null(*row) && times.get(*row).clock_offset_s() != 0;
            let mut others = (0..vector.len).filter(is_other);
            if let Some(first) = others.next() {
                self.other_offset.note(batch, 1 + others.count() as u64, first, || self.other(times.get(first)));
            }
        }
        vector
    }

    /// The literal on the clock of this time.
    fn other(&self, time: Time) -> String {
        let offset_s = time.clock_offset_s();
        let nanos = self.literal.nanos.saturating_sub(offset_s.saturating_mul(1_000_000_000));
        let there = Time { nanos, offset_s: time.offset_s };
        format!("{time}, on whose clock `{}` is {there}", self.text)
    }
}
