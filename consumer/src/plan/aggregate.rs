//! What an aggregate must offer to stand in a plan, which knows none of them by name.

use std::{fmt, sync::Arc};

use recpipe::{Column, ColumnBuilder, Error, Type};

use crate::expr::{Expr, Vector};

/// One aggregate of a `stats`.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// What it computes.
    pub function: Arc<dyn AggregateFunction>,
    /// What it is given.
    pub args: Vec<Expr>,
    /// The type of its result.
    pub kind: Type,
    /// The name of its column.
    pub name: String,
}

impl Aggregate {
    /// Whether its results may be of other types than its kind, or whole numbers beyond 64 bits.
    pub fn is_open(&self) -> bool {
        self.function.is_open(self)
    }

    /// An empty accumulator for it.
    pub(crate) fn accumulator(&self) -> Box<dyn Accumulator> {
        self.function.accumulator(self)
    }

    /// The type that whatever keeps its results has to be made for: [`Type::Mixed`] where it is open.
    pub(crate) fn storage(&self) -> Type {
        if self.is_open() { Type::Mixed } else { self.kind }
    }

    /// The type that whatever keeps the values of an argument has to be made for; null where there is no such argument.
    pub(crate) fn arg(&self, i: usize) -> Type {
        self.args.get(i).map_or(Type::Null, Expr::storage)
    }
}

/// What an aggregate computes: with what of its arguments is known before data flows, such as the share of a quantile.
pub trait AggregateFunction: Send + Sync {
    /// An empty accumulator for an aggregate that computes this.
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator>;

    /// Whether the results of an aggregate that computes this may be of other types than its kind, or whole numbers beyond 64 bits.
    fn is_open(&self, _aggregate: &Aggregate) -> bool {
        false
    }

    /// The values that it is computed of.
    fn takes(&self) -> Takes {
        Takes::Any
    }

    /// How exact it is, where there is more to say than that it is; for `--explain`.
    fn exactness(&self) -> Option<String> {
        None
    }
}

/// The values that an aggregate is computed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// All values.
    Any,
    /// Numbers alone: other values are left out, and noted.
    Numbers,
    /// Numbers where there are any: then other values are left out, and noted.
    NumbersFirst,
}

impl fmt::Debug for dyn AggregateFunction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AggregateFunction")
    }
}

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
    pub(crate) fn for_each(&self, mut each: impl FnMut(usize, usize)) {
        match self {
            Groups::One(rows) => (0..*rows).for_each(|row| each(row, 0)),
            Groups::Each(groups) => groups.iter().enumerate().for_each(|(row, &group)| each(row, group as usize)),
        }
    }

    /// Calls `each` with every row and its group, up to the first error.
    #[inline]
    pub(crate) fn try_for_each(&self, mut each: impl FnMut(usize, usize) -> Result<(), Error>) -> Result<(), Error> {
        match self {
            Groups::One(rows) => (0..*rows).try_for_each(|row| each(row, 0)),
            Groups::Each(groups) => groups.iter().enumerate().try_for_each(|(row, &group)| each(row, group as usize)),
        }
    }
}

/// One aggregate over all the groups of a table.
///
/// The driver numbers groups from 0 and calls [`Accumulator::resize`] before it names a new one; a group below
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

    /// Adds rows one by one, and gives what the group of each is then. `position` is as for [`Accumulator::add`].
    ///
    /// # Errors
    /// As for [`Accumulator::add`] and [`Accumulator::finish`].
    fn running(&mut self, groups: &[u32], args: &[Vector], position: u64) -> Result<Vector, Error> {
        let mut results = ColumnBuilder::new(Type::Mixed);
        for (row, &group) in groups.iter().enumerate() {
            let one = args.iter().map(|arg| Vector::collect(std::iter::once(arg.value(row)))).collect::<Result<Vec<_>, _>>()?;
            self.add(&Groups::Each(&[group]), &one, position + row as u64)?;
            results.push(self.finish(&[group])?.value(0))?;
        }
        Ok(Vector::from_rows(&results.finish(), None))
    }

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
