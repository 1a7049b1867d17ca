//! The merge of sorted runs of groups: equal keys become one group.

use std::{collections::VecDeque, sync::Arc};

use recpipe::{Batch, Column, Error, Text, record::column};

use super::{
    Accumulator,
    table::{BATCH_ROWS, Shape, Table},
};
use crate::{
    memory::{Budget, Run, RunReader},
    normalized::{Prefix, prefix},
    sort::tournament::Tournament,
};

/// Merges runs, a block of groups at a time.
pub(super) struct GroupMerge {
    shape: Arc<Shape>,
    runs: Vec<GroupRun>,
    /// What is compared first of each run's next key.
    heads: Vec<Head>,
    tournament: Tournament,
    block: Block,
    /// The states of one block may take so many bytes; it ends with the group that passes it.
    block_bytes: usize,
}

/// Of the next key: whether it is none, whether it is null, and how it begins. The end comes last, before it null.
type Head = (bool, bool, Prefix);

/// Groups that are being merged.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Whether the last of them is the single null.
    has_null: bool,
    accumulators: Vec<Box<dyn Accumulator>>,
    groups: Vec<u32>,
}

/// A sorted run of groups: of a table that is in memory, or of one that was written.
pub(super) struct GroupRun {
    groups: Source,
    next: usize,
    /// Groups that the block has taken and whose states are still to be merged: their places here, and there.
    taken: Vec<u32>,
    into: Vec<u32>,
}

enum Source {
    Memory(Box<Table>),
    Spilled { reader: RunReader, batch: Option<Batch>, views: Vec<(u32, u32)> },
}

impl Block {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn key(&self, group: usize) -> Option<&[u8]> {
        let start = if group == 0 { 0 } else { self.ends[group - 1] };
        if self.has_null && group + 1 == self.ends.len() { None } else { Some(&self.bytes[start..self.ends[group]]) }
    }

    fn push(&mut self, key: Option<&[u8]>) {
        self.bytes.extend_from_slice(key.unwrap_or_default());
        self.ends.push(self.bytes.len());
        self.has_null = key.is_none();
    }

    fn keys(&self) -> impl Iterator<Item = Option<&[u8]>> + Clone {
        (0..self.len()).map(|group| self.key(group))
    }

    fn reset(&mut self, shape: &Shape) {
        self.bytes.clear();
        self.ends.clear();
        self.has_null = false;
        self.accumulators = shape.accumulators();
    }
}

impl GroupRun {
    pub(super) fn spilled(run: &Run) -> Result<Self, Error> {
        let source = Source::Spilled { reader: run.read()?, batch: None, views: Vec::new() };
        let mut run = GroupRun { groups: source, next: 0, taken: Vec::new(), into: Vec::new() };
        run.refill()?;
        Ok(run)
    }

    pub(super) fn memory(table: Table) -> Self {
        GroupRun { groups: Source::Memory(Box::new(table)), next: 0, taken: Vec::new(), into: Vec::new() }
    }

    /// Whether the groups at hand are used up.
    #[inline]
    fn is_empty(&self) -> bool {
        match &self.groups {
            Source::Memory(table) => self.next >= table.len(),
            Source::Spilled { views, .. } => self.next >= views.len(),
        }
    }

    /// The next key, unless it is null. Only where there is one.
    #[inline]
    fn key(&self) -> Option<&[u8]> {
        match &self.groups {
            Source::Memory(table) => table.key(self.next),
            Source::Spilled { batch: Some(batch), views, .. } if !batch.column(0).is_null(self.next) => {
                let (start, len) = views[self.next];
                texts(batch).map(|texts| &texts.bytes()[start as usize..start as usize + len as usize])
            }
            Source::Spilled { .. } => None,
        }
    }

    #[inline]
    fn head(&self) -> Head {
        match self.is_empty() {
            true => (true, true, [0; 2]),
            false => self.key().map_or((false, true, [0; 2]), |key| (false, false, prefix(key))),
        }
    }

    /// Merges the states of the groups that were taken.
    fn flush(&mut self, accumulators: &mut [Box<dyn Accumulator>]) -> Result<(), Error> {
        if self.taken.is_empty() {
            return Ok(());
        }
        match &self.groups {
            Source::Memory(table) => {
                for (accumulator, state) in accumulators.iter_mut().zip(table.states(&self.taken)?) {
                    accumulator.merge_state(&state, &self.into)?;
                }
            }
            Source::Spilled { batch, .. } => {
                let columns = batch.iter().flat_map(|batch| &batch.columns()[1..]);
                let mut columns = columns.map(|column| column.gather(&self.taken));
                for accumulator in accumulators {
                    let state: Vec<Column> = columns.by_ref().take(accumulator.state(&[])?.len()).collect();
                    accumulator.merge_state(&state, &self.into)?;
                }
            }
        }
        self.taken.clear();
        self.into.clear();
        Ok(())
    }

    /// The next groups of a run that was written; nothing at its end.
    fn refill(&mut self) -> Result<(), Error> {
        if let Source::Spilled { reader, batch, views } = &mut self.groups {
            // Before the next is read, so that its buffer is used again.
            *batch = None;
            views.clear();
            self.next = 0;
            *batch = reader.read()?;
            if let Some(texts) = batch.as_ref().and_then(texts) {
                *views = texts.views(None);
            }
        }
        Ok(())
    }
}

/// The keys of a batch of a run.
fn texts(batch: &Batch) -> Option<&Text> {
    match batch.column(0).values() {
        column::Values::Text(texts) => Some(texts),
        _ => None,
    }
}

impl GroupMerge {
    pub(super) fn new(shape: &Arc<Shape>, runs: Vec<GroupRun>, budget: &Budget) -> Self {
        let heads: Vec<_> = runs.iter().map(GroupRun::head).collect();
        let tournament = Tournament::new(runs.len(), |a, b| less(&runs, &heads, a, b));
        let (shape, block_bytes) = (shape.clone(), 16 * budget.piece());
        GroupMerge { shape, runs, heads, tournament, block: Block::default(), block_bytes }
    }

    /// Merges runs until there are so few that they can be read side by side.
    pub(super) fn narrow(shape: &Arc<Shape>, runs: Vec<Run>, budget: &Budget) -> Result<Vec<Run>, Error> {
        let (mut runs, fan_in) = (VecDeque::from(runs), budget.fan_in());
        while runs.len() > fan_in {
            // As few as leave a full merge for every later pass.
            let some = if runs.len() < 2 * fan_in { runs.len() - fan_in + 1 } else { fan_in };
            let part = runs.drain(..some).map(|run| GroupRun::spilled(&run)).collect::<Result<_, _>>()?;
            let mut merge = GroupMerge::new(shape, part, budget);
            let mut spill = budget.spill()?;
            let mut run = spill.write()?;
            while let Some(block) = merge.next_block()? {
                run.batch(&shape.state(block.keys(), &block.accumulators, &block.groups)?)?;
            }
            runs.push_back(run.finish()?);
        }
        Ok(runs.into())
    }

    /// The next batch of the result.
    pub(super) fn result(&mut self) -> Result<Option<Batch>, Error> {
        let shape = self.shape.clone();
        let Some(block) = self.next_block()? else { return Ok(None) };
        shape.result(block.keys(), &block.accumulators, &block.groups).map(Some)
    }

    fn next_block(&mut self) -> Result<Option<&Block>, Error> {
        self.block.reset(&self.shape);
        loop {
            let winner = self.tournament.winner();
            let Some(run) = self.runs.get_mut(winner).filter(|run| !run.is_empty()) else { break };
            let key = run.key();
            let groups = self.block.len();
            if groups == 0 || self.block.key(groups - 1) != key {
                if groups == BATCH_ROWS
                    || self.block.accumulators.iter().map(|accumulator| accumulator.bytes()).sum::<usize>() > self.block_bytes
                {
                    break;
                }
                self.block.push(key);
            }
            run.taken.push(run.next as u32);
            run.into.push(self.block.len() as u32 - 1);
            run.next += 1;
            if run.is_empty() {
                resize(&mut self.block);
                run.flush(&mut self.block.accumulators)?;
                run.refill()?;
            }
            self.heads[winner] = run.head();
            let (runs, heads) = (&self.runs, &self.heads);
            self.tournament.replay(|a, b| less(runs, heads, a, b));
        }
        resize(&mut self.block);
        for run in &mut self.runs {
            run.flush(&mut self.block.accumulators)?;
        }
        Ok(if self.block.len() == 0 { None } else { Some(&self.block) })
    }
}

fn resize(block: &mut Block) {
    let groups = block.len();
    block.groups = (0..groups as u32).collect();
    block.accumulators.iter_mut().for_each(|accumulator| accumulator.resize(groups));
}

/// Whether the next key of run `a` comes before that of `b`.
#[inline]
fn less(runs: &[GroupRun], heads: &[Head], a: usize, b: usize) -> bool {
    heads[a].cmp(&heads[b]).then_with(|| if heads[a].1 { std::cmp::Ordering::Equal } else { runs[a].key().cmp(&runs[b].key()) }).is_lt()
}
