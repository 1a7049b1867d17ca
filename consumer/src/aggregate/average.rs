//! `avg(x)`: the exact sum divided by the count, rounded once each. Null is skipped; the mean of nothing is null.

use std::any::Any;

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{Accumulator, Groups, exact::ExactSum, same_kind};
use crate::expr::{Values, Vector};

/// The means of all groups.
pub(super) struct Average {
    name: String,
    means: Vec<Mean>,
}

#[derive(Clone, Default)]
struct Mean {
    ints: i128,
    floats: ExactSum,
    count: u64,
}

impl Average {
    pub(super) fn new(name: String) -> Self {
        Average { name, means: Vec::new() }
    }
}

impl Accumulator for Average {
    fn resize(&mut self, groups: usize) {
        self.means.resize(groups, Mean::default());
    }

    fn add(&mut self, groups: &Groups<'_>, input: Option<&Vector>) -> Result<(), Error> {
        let Some(input) = input else { return Err(Error::Protocol("avg without an argument")) };
        let means = &mut self.means;
        match &input.values {
            Values::Null => {}
            Values::Int(values) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    means[group].ints += i128::from(values.get(row));
                    means[group].count += 1;
                }
            }),
            Values::Float(values) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    means[group].floats.add(values.get(row));
                    means[group].count += 1;
                }
            }),
            _ => return Err(Error::Data(format!("`{}` of what is no number", self.name))),
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Any>, into: &[u32]) -> Result<(), Error> {
        let other = same_kind::<Self>(other)?;
        for (from, &group) in other.means.iter().zip(into) {
            let mean = &mut self.means[group as usize];
            mean.ints += from.ints;
            mean.floats.merge(&from.floats);
            mean.count += from.count;
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(Type::Float);
        for &group in groups {
            let mean = &self.means[group as usize];
            // One of the two is zero: a column is of one type.
            let sum = mean.ints as f64 + mean.floats.value();
            column.push(if mean.count == 0 { Value::Null } else { Value::Float(sum / mean.count as f64) })?;
        }
        Ok(column.finish())
    }
}
