//! When records were written, as their bytes tell it: what `--since`, `--until` and `--merge` go by, and the order of rotated sets.

use std::sync::Arc;

use recpipe::record::Time;
use recpipe::times::Times;

/// Tells when a record of a format was written. Each format that has times has one.
pub trait Clock: Send + Sync {
    /// The text of the time of the record that these bytes begin with; others may follow it. `None` where it has none.
    fn stamp<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]>;

    /// Whether the reading may begin in the middle of an input, where a line begins: no record needs what stands before it.
    fn begins_anywhere(&self) -> bool {
        true
    }

    /// The moment that such a text is.
    fn read(&self, stamp: &[u8], times: &Times) -> Option<Time> {
        times.read(stamp).ok().map(|read| read.time)
    }
}

/// What a text of an input of this name does not say of its time.
pub(crate) type TimesOf = Arc<dyn Fn(&Arc<str>) -> Times + Send + Sync>;

/// Reads the times of the records of one input, most of which have the time of the one before.
#[derive(Clone)]
pub struct Hand {
    clock: Arc<dyn Clock>,
    times: Times,
    last: Vec<u8>,
    nanos: Option<i64>,
}

impl Hand {
    /// Of an input whose times are read so.
    pub fn new(clock: Arc<dyn Clock>, times: Times) -> Self {
        Hand { clock, times, last: Vec::new(), nanos: None }
    }

    /// When the record was written that these bytes begin with: nanoseconds since 1970.
    #[inline]
    pub fn when(&mut self, record: &[u8]) -> Option<i64> {
        let stamp = self.clock.stamp(record)?;
        if stamp != self.last {
            self.last.clear();
            self.last.extend_from_slice(stamp);
            self.nanos = self.clock.read(stamp, &self.times).map(|time| time.nanos);
        }
        self.nanos
    }

    /// The first time that a record of these has; `end` finds where the first record of some ends.
    pub fn first(&mut self, mut bytes: &[u8], end: impl Fn(&[u8]) -> usize) -> Option<i64> {
        while !bytes.is_empty() {
            if let Some(nanos) = self.when(bytes) {
                return Some(nanos);
            }
            bytes = &bytes[end(bytes).clamp(1, bytes.len())..];
        }
        None
    }
}
