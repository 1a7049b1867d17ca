//! The table of a `stats` stage: a group for each key, and the aggregates of each group.

use std::sync::Arc;

use recpipe::{Batch, Error, Schema, Type};

use super::{
    Keys,
    merge::{GroupMerge, GroupRun},
    panes::Panes,
    shape::{BATCH_ROWS, Shape},
};
use crate::{
    expr::{Expr, Vector},
    left_out::noted,
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
    pub(super) shape: Arc<Shape>,
    pub(super) accumulators: Vec<Box<dyn Accumulator>>,
    pub(super) keys: Keys,
    numbers: Vec<u32>,
    /// Records in the groups that are in the table.
    pub(super) records: usize,
    /// At so many groups it is asked whether they are worth keeping in the table.
    judge_at: usize,
    pub(super) runs: Vec<GroupRun>,
    /// Bytes of the runs that are in memory.
    pub(super) run_bytes: usize,
    pub(super) account: Account,
    pub(super) spill: Option<Spill>,
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
        Table::of_panes(keys, aggregates, schema, None, budget)
    }

    /// The same; the first key is the step of time that a record is in, and where there are `panes` it is in the groups of as many
    /// steps: that one and those before it.
    pub(crate) fn of_panes(keys: &[Expr], aggregates: &[Aggregate], schema: Arc<Schema>, panes: Option<Panes>, budget: &Budget) -> Self {
        // The types of the schema, not of the expressions: they are the same, but for a column of nulls.
        let kinds: Vec<Type> =
            schema.fields()[..keys.len()].iter().map(|field| if field.open { Type::Mixed } else { field.kind }).collect();
        let shown = (0..kinds.len()).filter(|&key| matches!(kinds[key], Type::Time | Type::Mixed)).collect();
        let shape = Shape { key_exprs: keys.to_vec(), aggregates: aggregates.to_vec(), kinds: kinds.clone(), shown, schema, panes };
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
        self.add_to(batch, usize::MAX)
    }

    /// The same to no more than so many panes, the latest.
    ///
    /// # Errors
    /// As for [`Table::add`].
    pub(crate) fn add_to(&mut self, batch: &Batch, most: usize) -> Result<(), Error> {
        let position = serial(batch)?;
        let shape = self.shape.clone();
        if shape.panes.is_some()
            && let Some(key) = shape.key_exprs.first()
        {
            // What has no time is in one group.
            let times = key.eval(&noted(batch))?;
            let without: Vec<bool> = (0..batch.len()).map(|row| times.is_null(row)).collect();
            let mut at = 0;
            for run in without.chunk_by(|a, b| a == b) {
                let rows = (at..at + run.len()).map(|row| batch.physical(row) as u32).collect();
                self.add_panes(&batch.select(rows), if run[0] { 1 } else { most }, position + at as u64)?;
                at += run.len();
            }
            return self.judge();
        }
        self.add_panes(batch, 1, position)?;
        self.judge()
    }

    /// Adds records to so many panes; `position` is that of the first.
    fn add_panes(&mut self, batch: &Batch, most: usize, position: u64) -> Result<(), Error> {
        let shape = self.shape.clone();
        let mut keys = shape.key_exprs.iter().map(|key| key.eval(batch)).collect::<Result<Vec<Vector>, _>>()?;
        let of_aggregate = |aggregate: &Aggregate| aggregate.args.iter().map(|argument| argument.eval(batch)).collect();
        let arguments = shape.aggregates.iter().map(of_aggregate).collect::<Result<Vec<Vec<Vector>>, Error>>()?;
        for pane in 0..shape.panes.as_ref().map_or(1, |panes| panes.count.min(most)) {
            if let Some(panes) = shape.panes.as_ref().filter(|_| pane > 0) {
                keys[0] = panes.before(&keys[0])?;
            }
            self.add_keyed(&keys, &arguments, batch.len(), position)?;
        }
        Ok(())
    }

    /// Adds records whose keys and arguments are these.
    fn add_keyed(&mut self, keys: &[Vector], arguments: &[Vec<Vector>], records: usize, position: u64) -> Result<(), Error> {
        self.make_room(if keys.is_empty() { 0 } else { records })?;
        let groups = if keys.is_empty() {
            Groups::One(records)
        } else {
            self.keys.number(keys, records, &mut self.numbers)?;
            self.records += records;
            self.accumulators.iter_mut().for_each(|accumulator| accumulator.resize(self.keys.len()));
            Groups::Each(&self.numbers)
        };
        let (aggregates, shown) = self.accumulators.split_at_mut(arguments.len());
        for (accumulator, arguments) in aggregates.iter_mut().zip(arguments) {
            accumulator.add(&groups, arguments, position)?;
        }
        for (accumulator, &key) in shown.iter_mut().zip(&self.shape.shown) {
            accumulator.add(&groups, std::slice::from_ref(&keys[key]), position)?;
        }
        Ok(())
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
    pub(super) fn bytes_with(&self, more: usize) -> usize {
        let states = self.state_bytes();
        self.keys.bytes_with(more) + states + states / self.keys.len().max(1) * more + self.run_bytes
    }

    fn state_bytes(&self) -> usize {
        self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum()
    }

    /// Makes a run of the groups in the table, in memory if there is room for it, and empties the table.
    pub(super) fn make_run(&mut self) -> Result<(), Error> {
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
    pub(crate) fn of_copies(
        &self,
        copies: Vec<Vec<Batch>>,
        budget: &Budget,
    ) -> Result<impl Iterator<Item = Result<Batch, Error>> + use<>, Error> {
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
    pub(crate) fn into_run(mut tables: Vec<Table>, budget: &Budget) -> Result<Box<dyn Iterator<Item = Result<Batch, Error>>>, Error> {
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
    pub(crate) fn merged_runs(
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
