//! What of a table is complete while records still come: the groups of windows of time that are closed.

use recpipe::{Batch, Error, Flow, Time, Value};

use super::{
    Table,
    keys::columns,
    merge::{GroupMerge, GroupRun},
    shape::{BATCH_ROWS, Keyed},
};
use crate::memory::Budget;

impl Table {
    /// Takes out the groups whose first key is a time that `is_closed`, as are all before it, and gives what comes of them to `each`, sorted, until that
    /// answers [`Flow::Stop`].
    ///
    /// # Errors
    /// Those of the aggregates, of `each`, and of temporary files.
    pub(crate) fn take_closed(
        &mut self,
        is_closed: &dyn Fn(Time) -> bool,
        budget: &Budget,
        each: &mut dyn FnMut(Batch) -> Result<Flow, Error>,
    ) -> Result<Flow, Error> {
        if self.runs.is_empty() { self.take_from_memory(is_closed, each) } else { self.take_from_runs(is_closed, budget, each) }
    }

    fn take_from_memory(
        &mut self,
        is_closed: &dyn Fn(Time) -> bool,
        each: &mut dyn FnMut(Batch) -> Result<Flow, Error>,
    ) -> Result<Flow, Error> {
        let sorted = self.keys.sorted();
        let shape = self.shape.clone();
        let mut closed = 0;
        for groups in sorted.chunks(BATCH_ROWS) {
            let found = self.closed_of(groups.iter().map(|&group| self.keys.get(group)), is_closed)?;
            closed += found;
            if found < groups.len() {
                break;
            }
        }
        if closed == 0 {
            return Ok(Flow::Continue);
        }
        let (closed, open) = sorted.split_at(closed);
        let mut flow = Flow::Continue;
        for groups in closed.chunks(BATCH_ROWS) {
            flow = each(shape.result(groups.iter().map(|&group| self.keys.get(group)), &self.accumulators, groups)?)?;
            if flow == Flow::Stop {
                break;
            }
        }
        let (mut keys, mut accumulators) = (self.keys.like(), shape.accumulators());
        for groups in open.chunks(BATCH_ROWS) {
            let into = groups.iter().map(|&group| keys.insert_key(self.keys.get(group))).collect::<Result<Vec<u32>, _>>()?;
            for (new, old) in accumulators.iter_mut().zip(&self.accumulators) {
                new.resize(keys.len());
                new.merge_state(&old.state(groups)?, &into)?;
            }
        }
        self.records = keys.len();
        (self.keys, self.accumulators) = (keys, accumulators);
        let _ = self.account.hold(self.bytes_with(0));
        Ok(flow)
    }

    /// What is in runs is merged into one, without what is closed.
    fn take_from_runs(
        &mut self,
        is_closed: &dyn Fn(Time) -> bool,
        budget: &Budget,
        each: &mut dyn FnMut(Batch) -> Result<Flow, Error>,
    ) -> Result<Flow, Error> {
        if !self.keys.is_empty() {
            self.make_run()?;
        }
        let shape = self.shape.clone();
        let mut spill = budget.spill()?;
        let mut open = spill.write()?;
        let mut flow = Flow::Continue;
        let mut merge = GroupMerge::new(&shape, std::mem::take(&mut self.runs), budget)?;
        while let Some(states) = merge.state()? {
            let keys = Keyed::of(&states);
            let closed = self.closed_of((0..states.len()).map(|row| keys.get(row)), is_closed)?;
            let rows: Vec<u32> = (0..states.len() as u32).collect();
            if closed > 0 && flow == Flow::Continue {
                flow = each(shape.result_of(&states, &rows[..closed])?)?;
            }
            if closed < rows.len() {
                open.batch(&states.select(rows[closed..].to_vec()))?;
            }
        }
        drop(merge);
        self.runs = vec![GroupRun::Spilled(open.finish()?)];
        // What was written before is read no more: its file goes.
        self.spill = None;
        self.run_bytes = 0;
        let _ = self.account.hold(self.bytes_with(0));
        Ok(flow)
    }

    /// How many of these keys, which are sorted, are closed: those are the first.
    fn closed_of<'k>(&self, keys: impl Iterator<Item = Option<&'k [u8]>>, is_closed: &dyn Fn(Time) -> bool) -> Result<usize, Error> {
        let columns = columns(&self.shape.kinds, keys)?;
        let closed = |row: &usize| matches!(columns[0].value(*row), Value::Time(time) if is_closed(time));
        Ok((0..columns[0].len()).take_while(closed).count())
    }
}
