//! The table of a `stats` stage: a group for each key, and the aggregates of each group.

use std::sync::Arc;

use recpipe::{Batch, Error, Schema, Type};

use super::{
    Keys,
    merge::{GroupMerge, GroupRun},
    shape::{BATCH_ROWS, Shape},
};
use crate::{
    expr::{Expr, Vector},
    memory::{Account, Budget, ReadRun, Run, Spill},
    plan::{
        Accumulator, Aggregate, Groups,
        partial::{Batches, Gather, SoFar},
    },
    sort::serial,
};

/// Groups and their aggregates. Each worker fills a table of its own; then they are merged.
///
/// A table that has grown large without having met many of its keys again is made a sorted run of keys and states, and
/// begins anew: runs take half of the memory, a small table is in the processor's caches, and what the budget has no
/// room for can be written to a temporary file. The result, which is sorted by key in any case, is one merge of all
/// runs. (Parts by hash, instead of runs, would have to be sorted once more when each is finished.)
pub struct Table {
    shape: Arc<Shape>,
    accumulators: Vec<Box<dyn Accumulator>>,
    keys: Keys,
    numbers: Vec<u32>,
    /// Records in the groups that are in the table.
    records: usize,
    /// At so many groups it is asked whether they are worth keeping in the table.
    judge_at: usize,
    runs: Vec<GroupRun>,
    /// Bytes of the runs that are in memory.
    run_bytes: usize,
    account: Account,
    spill: Option<Spill>,
}

/// A table of fewer groups is never made a run for its size.
const JUDGE_AT: usize = 1 << 18;
/// A table of more groups is not copied, to be shown before the end.
const MOST_COPIED: usize = 1 << 16;
/// A group with fewer records than this, on the average, is not worth keeping in the table.
const RECORDS_A_GROUP: usize = 3;

impl Table {
    /// An empty table for these keys and aggregates, with an account of its own; `schema` is that of the result.
    pub fn new(keys: &[Expr], aggregates: &[Aggregate], schema: Arc<Schema>, budget: &Budget) -> Self {
        // The types of the schema, not of the expressions: they are the same, but for a column of nulls.
        let kinds: Vec<Type> =
            schema.fields()[..keys.len()].iter().map(|field| if field.open { Type::Mixed } else { field.kind }).collect();
        let shown = (0..kinds.len()).filter(|&key| matches!(kinds[key], Type::Time | Type::Mixed)).collect();
        let shape = Shape { key_exprs: keys.to_vec(), aggregates: aggregates.to_vec(), kinds: kinds.clone(), shown, schema };
        let mut accumulators = shape.accumulators();
        let mut groups = Keys::new(kinds);
        if keys.is_empty() {
            // Without keys there is one group, also when no record comes.
            groups = Keys::of_no_values();
            accumulators.iter_mut().for_each(|accumulator| accumulator.resize(1));
        }
        Table {
            shape: Arc::new(shape),
            accumulators,
            keys: groups,
            numbers: Vec::new(),
            records: 0,
            judge_at: JUDGE_AT,
            runs: Vec::new(),
            run_bytes: 0,
            account: budget.account(),
            spill: None,
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
            self.records += batch.len();
            self.accumulators.iter_mut().for_each(|accumulator| accumulator.resize(self.keys.len()));
            Groups::Each(&self.numbers)
        };
        for (accumulator, aggregate) in self.accumulators.iter_mut().zip(&shape.aggregates) {
            let arguments = aggregate.args.iter().map(|argument| argument.eval(batch)).collect::<Result<Vec<_>, _>>()?;
            accumulator.add(&groups, &arguments, position)?;
        }
        for (accumulator, &key) in self.accumulators[shape.aggregates.len()..].iter_mut().zip(&shape.shown) {
            accumulator.add(&groups, std::slice::from_ref(&keys[key]), position)?;
        }
        self.judge()
    }

    /// Makes a large table a run if its groups have few records each.
    fn judge(&mut self) -> Result<(), Error> {
        if self.keys.len() < self.judge_at {
            return Ok(());
        }
        self.judge_at = 2 * self.keys.len();
        if self.records < RECORDS_A_GROUP * self.keys.len() { self.make_run() } else { Ok(()) }
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
        self.spill_runs()?;
        if !self.account.hold(self.bytes_with(more)) && !self.keys.is_empty() {
            self.make_run()?;
            self.spill_runs()?;
            // With nothing in it there is always room for one batch.
            let _ = self.account.hold(self.bytes_with(more));
        }
        Ok(())
    }

    /// The bytes it takes when so many groups more are in it.
    fn bytes_with(&self, more: usize) -> usize {
        let states = self.state_bytes();
        self.keys.bytes_with(more) + states + states / self.keys.len().max(1) * more + self.run_bytes
    }

    fn state_bytes(&self) -> usize {
        self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum()
    }

    /// Makes a run of the groups in the table, in memory if there is room for it, and empties the table.
    fn make_run(&mut self) -> Result<(), Error> {
        let sorted = self.keys.sorted();
        let bytes = self.keys.key_bytes() + self.state_bytes();
        let batch_rows = (self.account.budget().piece() / (bytes / sorted.len().max(1)).max(1)).clamp(1, BATCH_ROWS);
        let (shape, keys, accumulators) = (&self.shape, &self.keys, &self.accumulators);
        let batches = sorted.chunks(batch_rows).map(|groups| {
            let keys = groups.iter().map(|&group| keys.get(group));
            shape.state(keys, accumulators, groups)
        });
        // The places and lengths of keys and states come to less than half of the table's own.
        if self.account.hold(self.bytes_with(0) + bytes + bytes / 2) {
            let batches = batches.collect::<Result<Vec<_>, _>>()?;
            self.run_bytes += batches.iter().map(Batch::bytes).sum::<usize>();
            self.runs.push(GroupRun::Memory(batches));
        } else {
            let run = write(&mut self.spill, self.account.budget(), batches)?;
            self.runs.push(GroupRun::Spilled(run));
        }
        self.keys.clear();
        self.accumulators = self.shape.accumulators();
        (self.records, self.judge_at) = (0, JUDGE_AT);
        let _ = self.account.hold(self.bytes_with(0));
        Ok(())
    }

    /// A copy of the groups, as a run in memory; `None` when that would take long, or some are in runs already.
    ///
    /// # Errors
    /// Those of the aggregates.
    pub fn copy(&self) -> Result<Option<Vec<Batch>>, Error> {
        if !self.runs.is_empty() || self.keys.len() > MOST_COPIED {
            return Ok(None);
        }
        let states = self.keys.sorted();
        let batch = |groups: &[u32]| self.shape.state(groups.iter().map(|&group| self.keys.get(group)), &self.accumulators, groups);
        states.chunks(BATCH_ROWS).map(batch).collect::<Result<_, _>>().map(Some)
    }

    /// The result of what was copied of tables for the same stage as this one, which is empty.
    ///
    /// # Errors
    /// As for [`Table::merged`].
    pub fn of_copies(&self, copies: Vec<Vec<Batch>>, budget: &Budget) -> Result<impl Iterator<Item = Result<Batch, Error>> + use<>, Error> {
        let runs = copies.into_iter().filter(|copy| !copy.is_empty()).map(GroupRun::Memory).collect();
        let mut merge = GroupMerge::new(&self.shape, runs, budget)?;
        Ok(std::iter::from_fn(move || merge.result().transpose()))
    }

    /// Writes the runs that are in memory.
    fn spill_runs(&mut self) -> Result<(), Error> {
        for run in &mut self.runs {
            if let GroupRun::Memory(batches) = run {
                let batches = std::mem::take(batches);
                *run = GroupRun::Spilled(write(&mut self.spill, self.account.budget(), batches.into_iter().map(Ok))?);
            }
        }
        self.run_bytes = 0;
        Ok(())
    }

    /// The result of several tables for the same stage: the keys and their aggregates, sorted by key, in batches.
    ///
    /// # Errors
    /// [`Error::Data`] from an aggregate; those of a [`Spill`].
    pub fn merged(mut tables: Vec<Table>, budget: &Budget) -> Result<Box<dyn Iterator<Item = Result<Batch, Error>>>, Error> {
        Table::retain_filled(&mut tables);
        let Some(shape) = tables.first().map(|table| table.shape.clone()) else { return Ok(Box::new(std::iter::empty())) };
        if tables.len() == 1 && tables[0].runs.is_empty() {
            return Ok(Box::new(tables.into_iter().flat_map(Table::into_batches)));
        }
        let (runs, accounts) = Table::all_runs(tables)?;
        let mut merge = GroupMerge::new(&shape, runs, budget)?;
        Ok(Box::new(std::iter::from_fn(move || {
            // What the runs take is theirs until they are merged.
            let _ = &accounts;
            merge.result().transpose()
        })))
    }

    /// What several tables hold, as one run: its batches, which [`Table::merged_runs`] of another process takes.
    ///
    /// # Errors
    /// As for [`Table::merged`].
    pub fn into_run(mut tables: Vec<Table>, budget: &Budget) -> Result<Box<dyn Iterator<Item = Result<Batch, Error>>>, Error> {
        Table::retain_filled(&mut tables);
        let Some(shape) = tables.first().map(|table| table.shape.clone()) else { return Ok(Box::new(std::iter::empty())) };
        let (runs, accounts) = Table::all_runs(tables)?;
        let mut merge = GroupMerge::new(&shape, runs, budget)?;
        Ok(Box::new(std::iter::from_fn(move || {
            let _ = &accounts;
            merge.state().transpose()
        })))
    }

    /// The result of runs that [`Table::into_run`] gave elsewhere, for the stage that this table, an empty one, is of.
    ///
    /// # Errors
    /// As for [`Table::merged`], and those of the runs.
    pub fn merged_runs(
        self,
        runs: Vec<Box<dyn ReadRun>>,
        budget: &Budget,
    ) -> Result<Box<dyn Iterator<Item = Result<Batch, Error>>>, Error> {
        let runs = runs.into_iter().map(GroupRun::Remote).collect();
        let mut merge = GroupMerge::new(&self.shape, runs, budget)?;
        Ok(Box::new(std::iter::from_fn(move || merge.result().transpose())))
    }

    /// A worker that got no record has nothing to add. (Without keys there is a group all the same.)
    fn retain_filled(tables: &mut Vec<Table>) {
        if tables.len() > 1 {
            tables.retain(|table| !table.runs.is_empty() || table.records > 0 || table.shape.key_exprs.is_empty());
        }
    }

    /// All that the tables hold, as runs, and the accounts that the runs are on.
    fn all_runs(tables: Vec<Table>) -> Result<(Vec<GroupRun>, Vec<Account>), Error> {
        let (mut runs, mut accounts) = (Vec::new(), Vec::new());
        for mut table in tables {
            if !table.keys.is_empty() {
                table.make_run()?;
            }
            runs.append(&mut table.runs);
            let _ = table.account.hold(table.run_bytes);
            accounts.push(table.account);
        }
        Ok((runs, accounts))
    }

    /// The result of this table alone.
    fn into_batches(self) -> impl Iterator<Item = Result<Batch, Error>> {
        let sorted = self.keys.sorted();
        (0..sorted.len().div_ceil(BATCH_ROWS)).map(move |part| {
            let groups = &sorted[part * BATCH_ROWS..sorted.len().min((part + 1) * BATCH_ROWS)];
            self.shape.result(groups.iter().map(|&group| self.keys.get(group)), &self.accumulators, groups)
        })
    }

    /// How many runs were spilled.
    #[cfg(test)]
    pub(super) fn spilled(&self) -> usize {
        self.runs.iter().filter(|run| matches!(run, GroupRun::Spilled(_))).count()
    }
}

impl Gather for Table {
    type Copy = Vec<Batch>;

    fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        Table::add(self, batch)
    }

    /// What is left to do needs all tables, or is little.
    fn seal(&mut self) {}

    fn merge(all: Vec<Self>, budget: &Budget) -> Result<Batches, Error> {
        Table::merged(all, budget)
    }

    fn into_run(all: Vec<Self>, budget: &Budget) -> Result<Batches, Error> {
        Table::into_run(all, budget)
    }

    fn merge_runs(self, runs: Vec<Box<dyn ReadRun>>, budget: &Budget) -> Result<Batches, Error> {
        self.merged_runs(runs, budget)
    }

    fn copy(&self) -> Result<Option<Vec<Batch>>, Error> {
        Table::copy(self)
    }

    fn of_copies(&self, copies: Vec<Vec<Batch>>, budget: &Budget) -> Result<SoFar, Error> {
        Ok(SoFar { batches: Box::new(Table::of_copies(self, copies, budget)?), more: 0 })
    }
}

/// Writes a run, to a file that is made where there is none.
fn write(spill: &mut Option<Spill>, budget: &Budget, batches: impl Iterator<Item = Result<Batch, Error>>) -> Result<Run, Error> {
    let spill = match spill {
        Some(spill) => spill,
        none => none.insert(budget.spill()?),
    };
    let mut run = spill.write()?;
    for batch in batches {
        run.batch(&batch?)?;
    }
    run.finish()
}
