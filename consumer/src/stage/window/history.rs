//! The last records of each key.

use recpipe::{ColumnBuilder, Error, Type};

use super::{
    numbered::Numbered,
    vectors::{NONE, concat},
};
use crate::{aggregate::ValueStore, expr::Vector};

/// Values of the last so many records of each key, which the batches before had.
pub(super) struct History {
    depth: usize,
    rings: Rings,
    values: Vec<ValueStore>,
}

/// The records of a batch behind those that were kept of their keys.
pub(super) struct Past {
    /// The values of all of these.
    pub(super) values: Vec<Vector>,
    /// How many were kept: the first records of the batch are behind them.
    pub(super) kept: usize,
    /// Of each, the record before it with the same key; [`NONE`] where none was kept.
    before: Vec<u32>,
}

impl History {
    /// Nothing yet, of values of these types.
    pub(super) fn new(depth: u64, kinds: impl Iterator<Item = Type>) -> Self {
        let depth = usize::try_from(depth).unwrap_or(usize::MAX);
        History { depth, rings: Rings::default(), values: kinds.map(ValueStore::new).collect() }
    }

    /// Takes the records of a batch.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 2³² records that are kept; [`Error::Schema`] for more than 4 GiB of text.
    pub(super) fn advance(&mut self, keys: &Numbered, values: &[Vector]) -> Result<Past, Error> {
        self.rings.resize(keys.len());
        let mut latest = vec![NONE; keys.of_batch().len()];
        let mut before = Vec::with_capacity(keys.all().len());
        let mut builders: Vec<ColumnBuilder> = self.values.iter().map(|held| ColumnBuilder::new(held.kind())).collect();
        for (latest, &key) in latest.iter_mut().zip(keys.of_batch()) {
            for slot in self.rings.oldest_first(key as usize) {
                for (builder, held) in builders.iter_mut().zip(&self.values) {
                    builder.push(held.get(slot as usize))?;
                }
                before.push(*latest);
                *latest = before.len() as u32 - 1;
            }
        }
        let kept = before.len();
        for &key in keys.in_batch() {
            let latest = &mut latest[key as usize];
            before.push(*latest);
            *latest = before.len() as u32 - 1;
        }
        self.keep(&latest, &before, kept, keys, values)?;
        let whole = |(mut builder, own): (ColumnBuilder, &Vector)| match kept {
            0 => Ok(own.clone()),
            _ => concat(Vector::from_rows(&builder.finish(), None), own),
        };
        let values = builders.into_iter().zip(values).map(whole).collect::<Result<_, Error>>()?;
        Ok(Past { values, kept, before })
    }

    /// Keeps the last records of each key of the batch.
    fn keep(&mut self, latest: &[u32], before: &[u32], kept: usize, keys: &Numbered, values: &[Vector]) -> Result<(), Error> {
        let mut last = Vec::new();
        for (&latest, &key) in latest.iter().zip(keys.of_batch()) {
            last.clear();
            let mut record = latest;
            while record != NONE && record as usize >= kept && last.len() < self.depth {
                last.push(record as usize - kept);
                record = before[record as usize];
            }
            for &row in last.iter().rev() {
                let slot = self.rings.next(key as usize, self.depth)? as usize;
                for (held, own) in self.values.iter_mut().zip(values) {
                    if slot >= held.len() {
                        held.resize(slot + 1);
                    }
                    held.set(slot, own.value(row))?;
                }
            }
        }
        Ok(())
    }

    /// The memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.rings.bytes() + self.values.iter().map(ValueStore::bytes).sum::<usize>()
    }
}

impl Past {
    /// The record so many before this one with the same key; [`NONE`] where there is none.
    #[inline]
    pub(super) fn before(&self, record: u32, n: u64) -> u32 {
        let mut record = record;
        for _ in 0..n {
            match self.before.get(record as usize) {
                Some(&before) => record = before,
                None => return NONE,
            }
        }
        record
    }
}

/// Places for the last so many records of each key, which are made when there is something to keep: those of a key are in a circle, in
/// which the oldest stands behind the newest and is the next to be used again.
#[derive(Default)]
struct Rings {
    /// Of each key the place of its newest record.
    newest: Vec<u32>,
    /// Of each key how many places it has.
    counts: Vec<u32>,
    /// Of each place the one behind it in its circle.
    behind: Vec<u32>,
}

impl Rings {
    fn resize(&mut self, keys: usize) {
        self.newest.resize(keys, NONE);
        self.counts.resize(keys, 0);
    }

    fn oldest_first(&self, key: usize) -> impl Iterator<Item = u32> {
        let mut place = self.newest[key];
        (0..self.counts[key]).map(move |_| {
            place = self.behind[place as usize];
            place
        })
    }

    /// The place of the record that is the newest from now on.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 2³² places.
    fn next(&mut self, key: usize, depth: usize) -> Result<u32, Error> {
        let (newest, count) = (self.newest[key], self.counts[key]);
        let place = if (count as usize) < depth {
            let place = u32::try_from(self.behind.len()).ok().filter(|&place| place != NONE);
            let place = place.ok_or_else(|| Error::Data("more than 4294967295 records are to be kept".into()))?;
            match newest {
                NONE => self.behind.push(place),
                newest => {
                    self.behind.push(self.behind[newest as usize]);
                    self.behind[newest as usize] = place;
                }
            }
            self.counts[key] = count + 1;
            place
        } else {
            self.behind[newest as usize]
        };
        self.newest[key] = place;
        Ok(place)
    }

    fn bytes(&self) -> usize {
        (self.newest.capacity() + self.counts.capacity() + self.behind.capacity()) * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::Rings;

    #[test]
    fn the_oldest_place_is_used_again() {
        let mut rings = Rings::default();
        rings.resize(2);
        let mut next = |key| rings.next(key, 3).unwrap();
        assert_eq!([next(0), next(1), next(0), next(0)], [0, 1, 2, 3], "a place for each as long as there are fewer");
        assert_eq!([next(0), next(1), next(0)], [0, 4, 2]);
        let kept = |key| rings.oldest_first(key).collect::<Vec<_>>();
        assert_eq!((kept(0), kept(1)), (vec![3, 0, 2], vec![1, 4]));
    }
}
