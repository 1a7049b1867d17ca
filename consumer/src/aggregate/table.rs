//! The table of a `stats` stage: a group for each key, and the aggregates of each group.

use std::sync::Arc;

use recpipe::{Batch, Column, Error, Field, Origin, Schema, Text, Type, record::Bits};

use super::{
    Accumulator, Groups, Keys, accumulator, keys,
    merge::{GroupMerge, GroupRun},
};
use crate::{
    expr::{Expr, Vector},
    memory::{Account, Budget, Run, Spill},
    query::plan::Aggregate,
    sort::serial,
};

/// Records of a batch of results: as many as a block of a log has, roughly.
pub(super) const BATCH_ROWS: usize = 8192;

/// Groups and their aggregates. Each worker fills a table of its own; then they are merged.
///
/// What does not fit into the budget is written to a sorted run of keys and states. So the result, which is sorted by
/// key in any case, is one merge of runs, in memory and out of it. (Runs by hash would have to be sorted once more when
/// each is finished.)
pub struct Table {
    shape: Arc<Shape>,
    accumulators: Vec<Box<dyn Accumulator>>,
    keys: Keys,
    numbers: Vec<u32>,
    /// The groups in the order of their keys, once no more come.
    sorted: Vec<u32>,
    account: Account,
    spill: Option<Spill>,
    runs: Vec<Run>,
}

/// What all tables of a stage have in common.
pub(super) struct Shape {
    key_exprs: Vec<Expr>,
    aggregates: Vec<Aggregate>,
    kinds: Vec<Type>,
    /// The schema of the result.
    schema: Arc<Schema>,
}

impl Shape {
    /// Accumulators without groups.
    pub(super) fn accumulators(&self) -> Vec<Box<dyn Accumulator>> {
        self.aggregates.iter().map(accumulator).collect()
    }

    /// A batch of the result: these keys, and the aggregates of these groups.
    pub(super) fn result<'k>(
        &self,
        keys: impl Iterator<Item = Option<&'k [u8]>>,
        accumulators: &[Box<dyn Accumulator>],
        groups: &[u32],
    ) -> Result<Batch, Error> {
        let mut columns = keys::columns(&self.kinds, keys)?;
        for accumulator in accumulators {
            columns.push(accumulator.finish(groups)?);
        }
        Batch::new(self.schema.clone(), columns, groups.len(), Origin::default())
    }

    /// A batch of a run: the key, then the states of the aggregates.
    pub(super) fn state<'k>(
        &self,
        keys: impl Iterator<Item = Option<&'k [u8]>> + Clone,
        accumulators: &[Box<dyn Accumulator>],
        groups: &[u32],
    ) -> Result<Batch, Error> {
        let nulls: Vec<bool> = keys.clone().map(|key| key.is_none()).collect();
        let text = Text::collect(keys.map(Option::unwrap_or_default));
        let mut columns = vec![Column::text(text).with_nulls(Bits::collect(nulls.len(), |row| nulls[row]))];
        for accumulator in accumulators {
            columns.append(&mut accumulator.state(groups)?);
        }
        let fields = columns.iter().enumerate().map(|(i, column)| Field::new(i.to_string(), column.kind()));
        Batch::new(Arc::new(Schema::new(fields.collect())?), columns, groups.len(), Origin::default())
    }
}

impl Table {
    /// An empty table for these keys and aggregates, with an account of its own; `schema` is that of the result.
    pub fn new(keys: &[Expr], aggregates: &[Aggregate], schema: Arc<Schema>, budget: &Budget) -> Self {
        let mut accumulators: Vec<_> = aggregates.iter().map(accumulator).collect();
        // The types of the schema, not of the expressions: they are the same, but for a column of nulls.
        let kinds: Vec<Type> = schema.fields()[..keys.len()].iter().map(|field| field.kind).collect();
        let mut groups = Keys::new(kinds.clone());
        if keys.is_empty() {
            // Without keys there is one group, also when no record comes.
            groups = Keys::of_no_values();
            accumulators.iter_mut().for_each(|accumulator| accumulator.resize(1));
        }
        Table {
            shape: Arc::new(Shape { key_exprs: keys.to_vec(), aggregates: aggregates.to_vec(), kinds, schema }),
            accumulators,
            keys: groups,
            numbers: Vec::new(),
            sorted: Vec::new(),
            account: budget.account(),
            spill: None,
            runs: Vec::new(),
        }
    }

    /// Adds the records of a batch. Their places in the input follow from its origin's `order`.
    ///
    /// # Errors
    /// [`Error::Data`] from an expression or an aggregate, or when a single group is more than the budget; those of a
    /// [`Spill`].
    pub fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        let position = serial(batch)?;
        let shape = self.shape.clone();
        let keys = shape.key_exprs.iter().map(|key| key.eval(batch)).collect::<Result<Vec<Vector>, _>>()?;
        self.make_room(if keys.is_empty() { 0 } else { batch.len() })?;
        let groups = if keys.is_empty() {
            Groups::One(batch.len())
        } else {
            self.keys.number(&keys, batch.len(), &mut self.numbers)?;
            self.accumulators.iter_mut().for_each(|accumulator| accumulator.resize(self.keys.len()));
            Groups::Each(&self.numbers)
        };
        for (accumulator, aggregate) in self.accumulators.iter_mut().zip(&shape.aggregates) {
            let arguments = aggregate.args.iter().map(|argument| argument.eval(batch)).collect::<Result<Vec<_>, _>>()?;
            accumulator.add(&groups, &arguments, position)?;
        }
        Ok(())
    }

    /// Makes sure that so many groups more would fit, if need be by spilling all that there are.
    fn make_room(&mut self, more: usize) -> Result<(), Error> {
        if self.account.hold(self.bytes_with(more)) {
            return Ok(());
        }
        if self.shape.key_exprs.is_empty() {
            // The only group cannot be written away: the next record is of it, too.
            let limit = self.account.budget().limit();
            return Err(Error::Data(format!(
                "`stats` without `by` needs more memory than its part of {limit} bytes; give it more with `--memory SIZE`"
            )));
        }
        if !self.keys.is_empty() {
            self.spill()?;
            // With nothing in it there is always room for one batch.
            let _ = self.account.hold(self.bytes_with(more));
        }
        Ok(())
    }

    fn bytes_with(&self, more: usize) -> usize {
        let states: usize = self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum();
        self.keys.bytes_with(more) + states + states / self.keys.len().max(1) * more
    }

    fn spill(&mut self) -> Result<(), Error> {
        let budget = self.account.budget().clone();
        let sorted = self.keys.sorted();
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(budget.spill()?),
        };
        let mut run = spill.write()?;
        let bytes = self.keys.key_bytes() + self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum::<usize>();
        let rows = (budget.piece() / (bytes / sorted.len().max(1)).max(1)).clamp(1, BATCH_ROWS);
        for groups in sorted.chunks(rows) {
            let keys = groups.iter().map(|&group| self.keys.get(group));
            run.batch(&self.shape.state(keys, &self.accumulators, groups)?)?;
        }
        self.runs.push(run.finish()?);
        self.keys.clear();
        self.accumulators = self.shape.accumulators();
        Ok(())
    }

    /// No more records come: sorts the groups by key.
    pub fn seal(&mut self) {
        self.sorted = self.keys.sorted();
    }

    /// The result of several tables for the same stage, which must be sealed: the keys and their aggregates, sorted by
    /// key, in batches.
    ///
    /// # Errors
    /// [`Error::Data`] from an aggregate; those of a [`Spill`].
    pub fn merged(tables: Vec<Table>, budget: &Budget) -> Result<Box<dyn Iterator<Item = Result<Batch, Error>>>, Error> {
        let Some(shape) = tables.first().map(|table| table.shape.clone()) else { return Ok(Box::new(std::iter::empty())) };
        let mut runs: Vec<Run> = Vec::new();
        let mut in_memory = Vec::new();
        for mut table in tables {
            runs.append(&mut table.runs);
            // Without keys the only group is there also when nothing was added to it; one such group is enough.
            if !table.keys.is_empty() {
                in_memory.push(table);
            }
        }
        if runs.is_empty() && in_memory.len() == 1 {
            return Ok(Box::new(in_memory.into_iter().flat_map(Table::into_batches)));
        }
        let spilled = GroupMerge::narrow(&shape, runs, budget)?;
        let spilled = spilled.iter().map(GroupRun::spilled);
        let runs = spilled.chain(in_memory.into_iter().map(|table| Ok(GroupRun::memory(table)))).collect::<Result<_, _>>()?;
        let mut merge = GroupMerge::new(&shape, runs, budget);
        Ok(Box::new(std::iter::from_fn(move || merge.result().transpose())))
    }

    /// The result of this table alone.
    pub fn into_batches(self) -> impl Iterator<Item = Result<Batch, Error>> {
        (0..self.sorted.len().div_ceil(BATCH_ROWS)).map(move |part| {
            let groups = &self.sorted[part * BATCH_ROWS..self.sorted.len().min((part + 1) * BATCH_ROWS)];
            self.shape.result(groups.iter().map(|&group| self.keys.get(group)), &self.accumulators, groups)
        })
    }

    /// The runs that were spilled.
    #[cfg(test)]
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How many groups it has in memory.
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The key of the group at this place in the order of keys.
    #[inline]
    pub(super) fn key(&self, place: usize) -> Option<&[u8]> {
        self.keys.get(self.sorted[place])
    }

    /// The states of the groups at these places, aggregate by aggregate.
    pub(super) fn states(&self, places: &[u32]) -> Result<Vec<Vec<Column>>, Error> {
        let groups: Vec<u32> = places.iter().map(|&place| self.sorted[place as usize]).collect();
        self.accumulators.iter().map(|accumulator| accumulator.state(&groups)).collect()
    }
}
