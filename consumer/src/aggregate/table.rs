//! The table of a `stats` stage: a group for each key, and the aggregates of each group.

use std::sync::Arc;

use recpipe::{Batch, Error, Origin, Schema};

use super::{Accumulator, Groups, Keys, accumulator};
use crate::{
    expr::{Expr, Vector},
    query::plan::Aggregate,
};

/// Records of a batch of results: as many as a block of a log has, roughly.
const BATCH_ROWS: usize = 8192;

/// Groups and their aggregates. Each worker fills a table of its own; then they are merged.
pub struct Table {
    key_exprs: Vec<Expr>,
    arguments: Vec<Vec<Expr>>,
    accumulators: Vec<Box<dyn Accumulator>>,
    keys: Keys,
    numbers: Vec<u32>,
    /// Whether nothing was added yet.
    is_new: bool,
    schema: Arc<Schema>,
}

impl Table {
    /// An empty table for these keys and aggregates; `schema` is that of the result.
    pub fn new(keys: &[Expr], aggregates: &[Aggregate], schema: Arc<Schema>) -> Self {
        let mut accumulators: Vec<_> = aggregates.iter().map(accumulator).collect();
        if keys.is_empty() {
            // Without keys there is one group, also when no record comes.
            accumulators.iter_mut().for_each(|accumulator| accumulator.resize(1));
        }
        // The types of the schema, not of the expressions: they are the same, but for a column of nulls.
        let kinds = schema.fields()[..keys.len()].iter().map(|field| field.kind).collect();
        Table {
            key_exprs: keys.to_vec(),
            arguments: aggregates.iter().map(|aggregate| aggregate.args.clone()).collect(),
            accumulators,
            keys: Keys::new(kinds),
            numbers: Vec::new(),
            is_new: true,
            schema,
        }
    }

    /// Adds the records of a batch. Their places in the input follow from its origin's `order`.
    ///
    /// # Errors
    /// [`Error::Data`] from an expression or an aggregate.
    pub fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        let position = batch.origin().order.checked_mul(Batch::MAX_ROWS as u64).filter(|&position| position < 1 << 62);
        let Some(position) = position else { return Err(Error::Data("more batches than can be counted".into())) };
        self.is_new = false;
        let keys = self.key_exprs.iter().map(|key| key.eval(batch)).collect::<Result<Vec<Vector>, _>>()?;
        let groups = if keys.is_empty() {
            Groups::One(batch.len())
        } else {
            self.keys.number(&keys, batch.len(), &mut self.numbers)?;
            self.accumulators.iter_mut().for_each(|accumulator| accumulator.resize(self.keys.len()));
            Groups::Each(&self.numbers)
        };
        for (accumulator, arguments) in self.accumulators.iter_mut().zip(&self.arguments) {
            let arguments = arguments.iter().map(|argument| argument.eval(batch)).collect::<Result<Vec<_>, _>>()?;
            accumulator.add(&groups, &arguments, position)?;
        }
        Ok(())
    }

    /// Adds all that another table for the same stage has.
    ///
    /// # Errors
    /// As for [`Table::add`].
    pub fn merge(&mut self, other: Table) -> Result<(), Error> {
        if self.is_new {
            *self = other;
            return Ok(());
        }
        let into = if self.key_exprs.is_empty() { vec![0] } else { self.keys.merge(&other.keys)? };
        if !self.key_exprs.is_empty() {
            self.accumulators.iter_mut().for_each(|accumulator| accumulator.resize(self.keys.len()));
        }
        let groups: Vec<u32> = (0..into.len() as u32).collect();
        for (groups, into) in groups.chunks(BATCH_ROWS).zip(into.chunks(BATCH_ROWS)) {
            for (accumulator, other) in self.accumulators.iter_mut().zip(&other.accumulators) {
                accumulator.merge_state(&other.state(groups)?, into)?;
            }
        }
        Ok(())
    }

    /// The result: the keys and their aggregates, sorted by key, in batches.
    pub fn batches(&self) -> impl Iterator<Item = Result<Batch, Error>> + '_ {
        let sorted = if self.key_exprs.is_empty() { vec![0] } else { self.keys.sorted() };
        let parts = sorted.len().div_ceil(BATCH_ROWS);
        (0..parts).map(move |part| self.batch(&sorted[part * BATCH_ROWS..sorted.len().min((part + 1) * BATCH_ROWS)]))
    }

    fn batch(&self, groups: &[u32]) -> Result<Batch, Error> {
        let mut columns = if self.key_exprs.is_empty() { Vec::new() } else { self.keys.columns(groups)? };
        for accumulator in &self.accumulators {
            columns.push(accumulator.finish(groups)?);
        }
        Batch::new(self.schema.clone(), columns, groups.len(), Origin::default())
    }
}
