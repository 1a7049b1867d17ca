//! Aggregates: many records in, one value a group out; one aggregate per file.
//!
//! Each is `add / merge / finish`, column-wise over all groups of a table, and obeys one law: merging two is the same as
//! having added everything to one, in whatever order.

mod average;
mod count;
mod exact;
mod keys;
mod min_max;
mod sum;
mod table;

use std::any::Any;

use recpipe::{Column, Error};

pub use keys::Keys;
pub use table::Table;

use crate::{
    expr::Vector,
    query::plan::{Aggregate, AggregateFunction},
};

/// The group of each row of a batch.
pub enum Groups<'a> {
    /// All rows are of group 0.
    One(usize),
    /// One group a row.
    Each(&'a [u32]),
}

impl Groups<'_> {
    /// Calls `each` with every row and its group.
    #[inline]
    fn for_each(&self, mut each: impl FnMut(usize, usize)) {
        match self {
            Groups::One(rows) => (0..*rows).for_each(|row| each(row, 0)),
            Groups::Each(groups) => groups.iter().enumerate().for_each(|(row, &group)| each(row, group as usize)),
        }
    }
}

/// One aggregate over all the groups of a table.
pub trait Accumulator: Any + Send {
    /// Makes room for this many groups; there are never fewer than before.
    fn resize(&mut self, groups: usize);

    /// Adds rows. `input` is the value of the argument for each row; `None` where the aggregate has no argument.
    ///
    /// # Errors
    /// [`Error::Data`] when the aggregate cannot hold the result.
    fn add(&mut self, groups: &Groups<'_>, input: Option<&Vector>) -> Result<(), Error>;

    /// Adds what another of the same kind has; its group `i` is this one's group `into[i]`.
    ///
    /// # Errors
    /// As for [`Accumulator::add`], and [`Error::Protocol`] when the other is of another kind.
    fn merge(&mut self, other: Box<dyn Any>, into: &[u32]) -> Result<(), Error>;

    /// The results of these groups, in this order.
    ///
    /// # Errors
    /// [`Error::Data`] when a result does not fit its type: an integer overflow.
    fn finish(&self, groups: &[u32]) -> Result<Column, Error>;
}

/// An empty accumulator for an aggregate of a query.
pub fn accumulator(aggregate: &Aggregate) -> Box<dyn Accumulator> {
    let name = aggregate.name.clone();
    match aggregate.function {
        AggregateFunction::Count | AggregateFunction::CountTrue | AggregateFunction::CountPresent => {
            Box::new(count::Count::new(aggregate.function))
        }
        AggregateFunction::Sum => Box::new(sum::Sum::new(name, aggregate.kind)),
        AggregateFunction::Avg => Box::new(average::Average::new(name)),
        AggregateFunction::Min => Box::new(min_max::MinMax::new(aggregate.kind, std::cmp::Ordering::Less)),
        AggregateFunction::Max => Box::new(min_max::MinMax::new(aggregate.kind, std::cmp::Ordering::Greater)),
    }
}

/// The other accumulator of a merge as the kind it must be.
fn same_kind<T: 'static>(other: Box<dyn Any>) -> Result<Box<T>, Error> {
    other.downcast::<T>().map_err(|_| Error::Protocol("aggregates of different kinds merged"))
}

#[cfg(test)]
mod tests;
