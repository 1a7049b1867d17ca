//! The side of a join that is held, and how it is asked.

use recpipe::{Column, Error};

use super::{
    NONE,
    equal::{Chain, EqualIndex},
    near::NearIndex,
    networks::NetworkIndex,
};
use crate::{expr::Vector, memory::Account};

/// Columns, and an index of their rows. Workers share it.
#[derive(Debug)]
pub struct Table {
    /// The columns; behind the last row stands one of nulls.
    columns: Vec<Column>,
    rows: usize,
    index: Index,
    chain: Chain,
    _account: Account,
}

/// What finds rows.
#[derive(Debug)]
pub(super) enum Index {
    Equal(EqualIndex),
    Near(NearIndex),
    Network(NetworkIndex),
}

impl Table {
    pub(super) fn new(columns: Vec<Column>, rows: usize, index: Index, chain: Chain, account: Account) -> Self {
        Table { columns, rows, index, chain, _account: account }
    }

    /// The row that goes with each of `len` records, of the values that are compared; [`NONE`] where there is none. Where several do,
    /// it is the first of them.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 4 GiB of keys.
    pub fn find(&self, mut values: Vec<Vector>, len: usize) -> Result<Vec<u32>, Error> {
        match &self.index {
            Index::Equal(index) => index.find(values, len),
            Index::Near(index) => match values.pop() {
                Some(times) => index.find(values, &times, len),
                None => Ok(vec![NONE; len]),
            },
            Index::Network(index) => Ok(values.pop().map_or_else(|| vec![NONE; len], |addresses| index.find(&addresses, len))),
        }
    }

    /// Whether a record may go with several rows.
    pub(crate) fn has_several(&self) -> bool {
        self.chain.is_some()
    }

    /// The row after this one that the same records go with; [`NONE`] after the last.
    pub fn next(&self, row: u32) -> u32 {
        self.chain.as_ref().map_or(NONE, |chain| chain[row as usize])
    }

    /// The columns of these rows; nulls for [`NONE`].
    pub fn columns(&self, mut rows: Vec<u32>) -> Vec<Column> {
        let none = self.rows as u32;
        rows.iter_mut().filter(|row| **row == NONE).for_each(|row| *row = none);
        self.columns.iter().map(|column| column.pick(&rows)).collect()
    }
}
