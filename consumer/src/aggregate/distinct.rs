//! `distinct(x)`: how many distinct values there are, exactly; null is none. `set(x)`: what they are, as [`json`] text, in
//! the order of values.

use recpipe::{Column, ColumnBuilder, Error, PackedInts, Type, Value};

use super::{Accumulator, Groups, json, value_sets::ValueSets};
use crate::expr::Vector;

/// The distinct values of all groups.
pub(super) struct Distinct {
    shows_values: bool,
    sets: ValueSets,
}

impl Distinct {
    /// `kind` is the type of the argument; with `shows_values` it is `set`.
    pub(super) fn new(kind: Type, shows_values: bool) -> Self {
        Distinct { shows_values, sets: ValueSets::new(kind, shows_values) }
    }
}

impl Accumulator for Distinct {
    fn resize(&mut self, groups: usize) {
        self.sets.resize(groups);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], position: u64) -> Result<(), Error> {
        self.sets.add(groups, args, position)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        self.sets.state(groups)
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        self.sets.merge_state(state, into)
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        if !self.shows_values {
            let counts: Vec<i64> = groups.iter().map(|&group| self.sets.count(group)).collect();
            return Ok(Column::int(PackedInts::pack(&counts)));
        }
        let mut column = ColumnBuilder::new(Type::Text);
        for &group in groups {
            column.push(Value::Text(&json::array(self.sets.sorted(group)?)))?;
        }
        Ok(column.finish())
    }

    fn bytes(&self) -> usize {
        self.sets.bytes()
    }
}
