//! `quantile(x, q)`, `median(x)`, `p95(x)`: by a [`Sketch`], exact of up to [`EXACT`] different values a group, and within 0.1 % of
//! more. Null is skipped; of nothing it is null.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{Accumulator, Groups, other_type, sketch::Sketch, state};
use crate::expr::{Values, Vector};

/// Quantiles of so many different values of a group, or less, are exact.
pub(crate) const EXACT: usize = Sketch::EXACT;

/// How many digits others have.
pub(crate) const DIGITS: usize = Sketch::DIGITS;

/// The sketches of all groups.
pub(super) struct Quantile {
    q: f64,
    is_int: bool,
    sketches: Vec<Sketch>,
    sketch_bytes: usize,
}

impl Quantile {
    /// The share `q` from 0 to 1; `kind` is the type of the argument.
    pub(super) fn new(kind: Type, q: f64) -> Self {
        Quantile { q, is_int: kind == Type::Int, sketches: Vec::new(), sketch_bytes: 0 }
    }
}

impl Accumulator for Quantile {
    fn resize(&mut self, groups: usize) {
        self.sketches.resize_with(groups, Sketch::default);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        let (sketches, mut grown) = (&mut self.sketches, 0);
        for part in input.parts() {
            let mut add = |row: usize, group: usize, value: f64| {
                if !part.is_null(row) {
                    grown += sketches[group].add(value);
                }
            };
            match &part.values {
                Values::Null => {}
                Values::Int(values) => groups.for_each(|row, group| add(row, group, values.get(row) as f64)),
                Values::Wide(values) => groups.for_each(|row, group| add(row, group, values.get(row) as f64)),
                Values::Float(values) => groups.for_each(|row, group| add(row, group, values.get(row))),
                _ => return Err(other_type()),
            }
        }
        self.sketch_bytes = self.sketch_bytes.saturating_add_signed(grown);
        Ok(())
    }

    /// The bytes of values, or those of counts.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut values, mut counts) = (ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Text));
        let (mut value_bytes, mut count_bytes) = (Vec::new(), Vec::new());
        for &group in groups {
            value_bytes.clear();
            count_bytes.clear();
            self.sketches[group as usize].write((&mut value_bytes, &mut count_bytes));
            values.push(Value::Text(&value_bytes))?;
            counts.push(Value::Text(&count_bytes))?;
        }
        Ok(vec![values.finish(), counts.finish()])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let values = state::column(state, 0, Type::Text, into.len())?;
        let counts = state::column(state, 1, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let grown = self.sketches[group as usize].merge(state::bytes(values, row)?, state::bytes(counts, row)?)?;
            self.sketch_bytes = self.sketch_bytes.saturating_add_signed(grown);
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(Type::Float);
        for &group in groups {
            let quantile = self.sketches[group as usize].quantile(self.q, self.is_int);
            column.push(quantile.map_or(Value::Null, Value::Float))?;
        }
        Ok(column.finish())
    }

    fn bytes(&self) -> usize {
        self.sketches.capacity() * size_of::<Sketch>() + self.sketch_bytes
    }
}
