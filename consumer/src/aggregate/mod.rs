//! Aggregates: many records in, one value a group out; one aggregate per file.
//!
//! Each is `add / merge / finish`, column-wise over all groups of a table, and obeys one law: merging two is the same as
//! having added everything to one, in whatever order. There is one way to merge, by the *state*: columns that say all that
//! a group has so far. It is the same between threads and between processes, and what is written to a disk.

mod arg_best;
mod count;
mod distinct;
mod exact;
mod first_last;
mod held;
mod json;
mod keys;
mod list;
mod merge;
mod min_max;
pub(crate) mod quantile;
mod sketch;
mod state;
mod stdev;
mod sum;
mod table;
mod value_sets;

use std::cmp::Ordering;

use recpipe::{Column, Error, Type};

pub use keys::Keys;
pub use table::Table;

use crate::sort::cell;
use crate::{
    expr::{Expr, Vector},
    plan::{Aggregate, AggregateFunction},
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

    /// Calls `each` with every row and its group, up to the first error.
    #[inline]
    fn try_for_each(&self, mut each: impl FnMut(usize, usize) -> Result<(), Error>) -> Result<(), Error> {
        match self {
            Groups::One(rows) => (0..*rows).try_for_each(|row| each(row, 0)),
            Groups::Each(groups) => groups.iter().enumerate().try_for_each(|(row, &group)| each(row, group as usize)),
        }
    }
}

/// One aggregate over all the groups of a table.
///
/// The driver, [`Table`], numbers groups from 0 and calls [`Accumulator::resize`] before it names a new one; a group below
/// that is never wrong. Any number of `add` and `merge_state` may come in any order.
pub trait Accumulator: Send {
    /// Makes room for this many groups; there are never fewer than before.
    fn resize(&mut self, groups: usize);

    /// Adds rows. `args` has one vector for each argument. `position` is the place of the first row in the whole input, and
    /// the others follow: "first", "last" and "the earlier record" are told by it, whichever worker has the record.
    /// Positions are below 2⁶³, and none comes twice.
    ///
    /// # Errors
    /// [`Error::Data`] when the aggregate cannot hold the result, [`Error::Protocol`] for other arguments than were checked.
    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], position: u64) -> Result<(), Error>;

    /// All that these groups have so far, a row each, in this order, as columns of types that depend on the aggregate alone:
    /// for no group too. They can be the columns of a batch.
    ///
    /// # Errors
    /// [`Error::Schema`] when the text of a column would pass 4 GiB: fewer groups at a time are needed.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error>;

    /// Adds what the state of another has; its row `i` goes to group `into[i]`. A group may be named more than once.
    ///
    /// # Errors
    /// As for [`Accumulator::add`], and [`Error::Data`] when these are not columns that [`Accumulator::state`] of the same
    /// aggregate gave, as far as that can be seen. Part of them may have been added then.
    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error>;

    /// The results of these groups, in this order.
    ///
    /// # Errors
    /// [`Error::Data`] when a result does not fit its type: an integer overflow.
    fn finish(&self, groups: &[u32]) -> Result<Column, Error>;

    /// The memory it takes, in bytes, near enough for a budget. Costs nothing: it may be asked after each batch.
    fn bytes(&self) -> usize;
}

/// An empty accumulator for an aggregate of a query.
pub fn accumulator(aggregate: &Aggregate) -> Box<dyn Accumulator> {
    use AggregateFunction as Function;
    let arg = |i: usize| aggregate.args.get(i).map_or(Type::Null, Expr::storage);
    let extreme = |wanted| -> Box<dyn Accumulator> {
        match arg(0) {
            kind @ (Type::Time | Type::Mixed) => Box::new(arg_best::ArgBest::new(kind, kind, wanted)),
            kind => Box::new(min_max::MinMax::new(kind, wanted)),
        }
    };
    match aggregate.function {
        Function::Count | Function::CountTrue | Function::CountPresent => Box::new(count::Count::new(aggregate.function)),
        Function::Sum | Function::Avg => Box::new(sum::Sum::new(aggregate)),
        Function::Min => extreme(Ordering::Less),
        Function::Max => extreme(Ordering::Greater),
        Function::ArgMin => Box::new(arg_best::ArgBest::new(arg(0), arg(1), Ordering::Less)),
        Function::ArgMax => Box::new(arg_best::ArgBest::new(arg(0), arg(1), Ordering::Greater)),
        Function::First => Box::new(first_last::FirstLast::new(arg(0), false)),
        Function::Last => Box::new(first_last::FirstLast::new(arg(0), true)),
        Function::Stdev => Box::new(stdev::Stdev::new(arg(0))),
        Function::Quantile(q) => Box::new(quantile::Quantile::new(arg(0), q)),
        Function::Distinct => Box::new(distinct::Distinct::new(arg(0), false)),
        Function::Set => Box::new(distinct::Distinct::new(arg(0), true)),
        Function::List => Box::new(list::List::new(arg(0))),
    }
}

/// Arguments that the check of the query does not let pass.
fn other_type() -> Error {
    Error::Protocol("an aggregate got other arguments than were checked")
}

#[cfg(test)]
mod tests;
