//! Which rows of a table are next to a time, among those of one key.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use recpipe::{Column, Error, Value};

use super::{
    NONE, Partners, TimeSide,
    equal::{Chain, EqualIndex, Twice},
};
use crate::expr::{Values, Vector};

/// Finds rows by what is equal and by the time that is nearest.
#[derive(Debug)]
pub(super) struct NearIndex {
    /// What must be equal, where something must.
    equal: Option<EqualIndex>,
    /// Where the times of each group begin and end; a group is named by the row that [`EqualIndex`] finds.
    groups: HashMap<u32, (usize, usize), FixedState>,
    /// The different times of each group, ascending.
    times: Vec<i64>,
    /// The row of each.
    rows: Vec<u32>,
    side: TimeSide,
    within: Option<u64>,
}

impl NearIndex {
    /// Bytes that it takes for so many rows, at the most on the way, besides [`EqualIndex::bytes`].
    pub(super) fn bytes(rows: usize) -> usize {
        rows * (size_of::<(u32, i64, u32)>() + size_of::<(u32, (usize, usize))>() + 16)
    }

    /// Of these columns, that of the times and those of what must be equal.
    ///
    /// # Errors
    /// As for [`EqualIndex::new`].
    pub(super) fn new(
        equal: &[Column],
        times: &Column,
        rows: usize,
        partners: Partners,
        side: TimeSide,
        within: Option<u64>,
    ) -> Result<Result<(Self, Chain), Twice>, Error> {
        let mut of_group = vec![0; rows];
        let mut index = None;
        if !equal.is_empty() {
            // With the first of each key there are no two.
            if let Ok((found, _)) = EqualIndex::new(equal, rows, Partners::First)? {
                of_group = found.groups(equal, rows)?;
                index = Some(found);
            }
        }
        let time = |row: usize| match times.value(row) {
            Value::Time(time) => Some(time.nanos),
            _ => None,
        };
        let mut all: Vec<(u32, i64, u32)> =
            (0..rows).filter(|&row| of_group[row] != NONE).filter_map(|row| Some((of_group[row], time(row)?, row as u32))).collect();
        all.sort_unstable();
        let mut near = NearIndex { equal: index, groups: HashMap::default(), times: Vec::new(), rows: Vec::new(), side, within };
        let mut chain: Chain = None;
        for same in all.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (Some(&(group, nanos, first)), Some(&(.., last))) = (same.first(), same.last()) else { continue };
            if let (Partners::One, [_, (.., second), ..]) = (partners, same) {
                return Ok(Err(Twice { first, second: *second }));
            }
            if partners == Partners::Each && same.len() > 1 {
                let chain = chain.get_or_insert_with(|| vec![NONE; rows]);
                same.windows(2).for_each(|pair| chain[pair[0].2 as usize] = pair[1].2);
            }
            let place = near.times.len();
            near.groups.entry(group).or_insert((place, place)).1 = place + 1;
            near.times.push(nanos);
            near.rows.push(if partners == Partners::Last { last } else { first });
        }
        Ok(Ok((near, chain)))
    }

    /// The row of each of `len` records: the vectors of what must be equal, and that of the times.
    ///
    /// # Errors
    /// As for [`EqualIndex::find`].
    pub(super) fn find(&self, equal: Vec<Vector>, times: &Vector, len: usize) -> Result<Vec<u32>, Error> {
        let groups = match &self.equal {
            Some(index) => index.find(equal, len)?,
            None => vec![0; len],
        };
        let parts = times.parts();
        let time = |row: usize| {
            parts.iter().find_map(|part| match &part.values {
                Values::Time(times) if !part.is_null(row) => Some(times.get(row).nanos),
                _ => None,
            })
        };
        // Records of one group often follow each other.
        let mut last = (NONE, (0, 0));
        let one = |(row, group): (usize, u32)| {
            let (Some(time), true) = (time(row), group != NONE) else { return NONE };
            if last.0 != group {
                last = (group, self.groups.get(&group).copied().unwrap_or_default());
            }
            let (from, to) = last.1;
            self.near(from, to, time).map_or(NONE, |place| self.rows[place])
        };
        Ok(groups.into_iter().enumerate().map(one).collect())
    }

    /// The place of the time that is meant among those of a group.
    fn near(&self, from: usize, to: usize, time: i64) -> Option<usize> {
        let times = &self.times[from..to];
        let before = || times.partition_point(|&other| other <= time).checked_sub(1);
        let after = || Some(times.partition_point(|&other| other < time)).filter(|&place| place < times.len());
        let place = match self.side {
            TimeSide::Before => before(),
            TimeSide::After => after(),
            TimeSide::Nearest => match (before(), after()) {
                (Some(before), Some(after)) if times[after].abs_diff(time) < times[before].abs_diff(time) => Some(after),
                (before, after) => before.or(after),
            },
        }?;
        self.within.is_none_or(|within| times[place].abs_diff(time) <= within).then_some(from + place)
    }
}
