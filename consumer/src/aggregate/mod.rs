//! Aggregates: many records in, one value a group out. One aggregate, or a few that share what they keep, in a file: what is said of
//! it, what it takes, what it computes. The list of them is in [`crate::catalog`].
//!
//! Each is `add / merge / finish`, column-wise over all groups of a table, and obeys one law: merging two is the same as
//! having added everything to one, in whatever order. There is one way to merge, by the *state*: columns that say all that
//! a group has so far. It is the same between threads and between processes, and what is written to a disk.

pub(crate) mod approx_distinct;
pub(crate) mod arg_best;
mod closed;
pub(crate) mod corr;
pub(crate) mod count;
pub(crate) mod distinct;
mod exact;
pub(crate) mod first_last;
mod hyperloglog;
mod json;
mod keys;
pub(crate) mod list;
mod merge;
pub(crate) mod min_max;
pub(crate) mod mode;
mod panes;
pub(crate) mod quantile;
pub(crate) mod rank;
mod shape;
mod sketch;
mod state;
pub(crate) mod stdev;
pub(crate) mod sum;
mod table;
mod value_sets;
mod value_store;

use recpipe::{Error, Type};

pub use keys::Keys;
pub(crate) use panes::Panes;
pub use table::Table;
pub(crate) use value_store::ValueStore;

use crate::{
    expr::Expr,
    language::{
        Catalog,
        signature::{Mistake, kind, name},
    },
    sort::cell,
};

/// The type of an argument, which must be a number.
fn number(catalog: &Catalog, word: &str, args: &[Expr], arg: usize) -> Result<Type, Mistake> {
    match args.get(arg) {
        Some(found) if !matches!(found.kind(), Type::Int | Type::Float | Type::Null | Type::Mixed) => {
            let what = format!("`{}` is {}; `{word}` needs numbers", found.text(), name(found.kind()));
            Err(Mistake { arg, what, label: catalog.cast(found, Type::Int) })
        }
        _ => Ok(kind(args, arg)),
    }
}

/// Arguments that the check of the query does not let pass.
fn other_type() -> Error {
    Error::Protocol("an aggregate got other arguments than were checked")
}

#[cfg(test)]
mod tests;
