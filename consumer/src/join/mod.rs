//! Records of two inputs that belong together: the tables that the stages `lookup` and `join` find partners in.
//!
//! One side, the other input, is held: its columns, and an index of row numbers over the keys ([`Table`]); records of the main input
//! are looked up in it, a batch at a time (a hash join: Graefe, "Query Evaluation Techniques for Large Databases", ACM Computing
//! Surveys 25(2), 1993, §5). What a join cannot hold is sorted by key in temporary files, and both sides are merged ([`SortedSide`]).
//! Nothing is allocated for a row.

mod builder;
mod database;
mod equal;
mod keys;
mod near;
mod networks;
mod sorted;
mod table;
#[cfg(test)]
mod tests;

pub use builder::{Held, TableBuilder};
pub use database::Database;
pub use sorted::{Joined, MergeJoin, SortedBuilder, SortedSide};
pub use table::Table;

use recpipe::Batch;

use crate::expr::{Expr, Vector};

/// Stands for the row of a record that has no partner.
pub const NONE: u32 = u32::MAX;

/// Which records belong together.
#[derive(Clone, Debug)]
pub struct Match {
    /// What must be equal.
    pub equal: Vec<Pair>,
    /// What else there is to it.
    pub(crate) nearby: Option<Nearby>,
    /// Which of several rows with one key is meant.
    pub(crate) partners: Partners,
}

/// A value of our records, and the value of the other input's that it is compared with.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Of the main input.
    pub ours: Expr,
    /// Of the other one.
    pub theirs: Expr,
}

/// What is compared in another way than by being equal.
#[derive(Clone, Debug)]
pub(crate) enum Nearby {
    /// Two times.
    Time {
        /// Those.
        pair: Pair,
        /// On which side of ours theirs is.
        side: TimeSide,
        /// How far apart they may be, in nanoseconds.
        within: Option<u64>,
    },
    /// An address of ours, and the network of theirs that it is in.
    Network(Pair),
}

/// On which side of a time another one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeSide {
    /// The latest that is not later.
    Before,
    /// The earliest that is not earlier.
    After,
    /// The one with the least time between them; of two, the earlier.
    Nearest,
}

/// Which of several rows with one key is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partners {
    /// There must not be several.
    One,
    /// The first of them.
    First,
    /// The last of them.
    Last,
    /// All of them: a record for each.
    Each,
}

/// Which records of the main input are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All: without a partner, with nulls.
    All,
    /// Those with a partner.
    Only,
    /// Those without one, as they are.
    None,
}

impl Match {
    /// The values of our records that are compared, in the order of [`Match::theirs`].
    pub fn ours(&self) -> impl Iterator<Item = &Expr> {
        self.pairs().map(|pair| &pair.ours)
    }

    /// The values of the other input that are compared.
    pub fn theirs(&self) -> impl Iterator<Item = &Expr> {
        self.pairs().map(|pair| &pair.theirs)
    }

    fn pairs(&self) -> impl Iterator<Item = &Pair> {
        let last = self.nearby.as_ref().map(|nearby| match nearby {
            Nearby::Time { pair, .. } | Nearby::Network(pair) => pair,
        });
        self.equal.iter().chain(last)
    }

    /// The values of these records that are compared.
    ///
    /// # Errors
    /// Those of the expressions.
    pub(crate) fn of_ours(&self, batch: &Batch) -> Result<Vec<Vector>, recpipe::Error> {
        self.ours().map(|expr| expr.eval(batch)).collect()
    }
}
