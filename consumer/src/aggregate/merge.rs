//! The merge of sorted runs of groups: equal keys become one group.

use std::{collections::VecDeque, sync::Arc};

use recpipe::{Batch, Column, Error, Text, record::column};

use super::{
    shape::{BATCH_ROWS, Shape},
    state::CorruptState,
};
use crate::{
    memory::{Budget, ReadRun, Run},
    plan::Accumulator,
    sort::{
        key::{Prefix, prefix},
        tournament::Tournament,
    },
};

/// Merges runs, a block of groups at a time.
pub(super) struct GroupMerge {
    shape: Arc<Shape>,
    runs: Vec<Cursor>,
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

/// A sorted run of groups, as batches of a key and the states of the aggregates.
pub(super) enum GroupRun {
    /// In memory.
    Memory(Vec<Batch>),
    /// In a temporary file.
    Spilled(Run),
    /// With another process.
    Remote(Box<dyn ReadRun>),
}

/// A run that is being read.
struct Cursor {
    source: Source,
    /// The groups at hand.
    batch: Option<Batch>,
    /// Their keys.
    views: Vec<(u32, u32)>,
    next: usize,
    /// Groups at hand that the block has taken and whose states are still to be merged: their places here, and there.
    taken: Vec<u32>,
    into: Vec<u32>,
}

enum Source {
    Memory(std::vec::IntoIter<Batch>),
    Read(Box<dyn ReadRun>),
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

impl Cursor {
    fn new(run: GroupRun) -> Result<Self, Error> {
        let source = match run {
            GroupRun::Memory(batches) => Source::Memory(batches.into_iter()),
            GroupRun::Spilled(run) => Source::Read(Box::new(run.read()?)),
            GroupRun::Remote(run) => Source::Read(run),
        };
        let mut cursor = Cursor { source, batch: None, views: Vec::new(), next: 0, taken: Vec::new(), into: Vec::new() };
        cursor.refill()?;
        Ok(cursor)
    }

    /// Whether the groups at hand are used up.
    #[inline]
    fn is_empty(&self) -> bool {
        self.next >= self.views.len()
    }

    /// The next key, unless it is null. Only where there is one.
    #[inline]
    fn key(&self) -> Option<&[u8]> {
        let batch = self.batch.as_ref().filter(|batch| !batch.column(0).is_null(self.next))?;
        let (start, len) = self.views[self.next];
        texts(batch).map(|texts| &texts.bytes()[start as usize..start as usize + len as usize])
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
        let columns = self.batch.iter().flat_map(|batch| &batch.columns()[1..]);
        let mut columns = columns.map(|column| column.gather(&self.taken));
        for accumulator in accumulators {
            let state: Vec<Column> = columns.by_ref().take(accumulator.state(&[])?.len()).collect();
            accumulator.merge_state(&state, &self.into)?;
        }
        self.taken.clear();
        self.into.clear();
        Ok(())
    }

    /// The next groups; nothing at the end.
    fn refill(&mut self) -> Result<(), Error> {
        // Before the next is read, so that its buffer is used again.
        self.batch = None;
        self.views.clear();
        self.next = 0;
        self.batch = match &mut self.source {
            Source::Memory(batches) => batches.next(),
            Source::Read(reader) => reader.read()?,
        };
        if let Some(batch) = &self.batch {
            // What another process says is not believed: groups without keys would be lost.
            self.views = texts(batch).ok_or(CorruptState)?.views(None);
        }
        Ok(())
    }
}

/// The keys of a batch of a run.
fn texts(batch: &Batch) -> Option<&Text> {
    match batch.columns().first()?.values() {
        column::Values::Text(texts) => Some(texts),
        _ => None,
    }
}

impl GroupMerge {
    /// Merges runs; where there are more in files than can be read side by side, some of them are merged first.
    pub(super) fn new(shape: &Arc<Shape>, runs: Vec<GroupRun>, budget: &Budget) -> Result<Self, Error> {
        let (mut spilled, mut cursors) = (VecDeque::new(), Vec::new());
        for run in runs {
            match run {
                GroupRun::Spilled(run) => spilled.push_back(run),
                other => cursors.push(Cursor::new(other)?),
            }
        }
        let fan_in = budget.fan_in();
        while spilled.len() > fan_in {
            // As few as leave a full merge for every later pass.
            let some = if spilled.len() < 2 * fan_in { spilled.len() - fan_in + 1 } else { fan_in };
            let part = spilled.drain(..some).map(|run| Cursor::new(GroupRun::Spilled(run))).collect::<Result<_, _>>()?;
            let mut merge = GroupMerge::of(shape, part, budget);
            let mut spill = budget.spill()?;
            let mut run = spill.write()?;
            while let Some(states) = merge.state()? {
                run.batch(&states)?;
            }
            spilled.push_back(run.finish()?);
        }
        for run in spilled {
            cursors.push(Cursor::new(GroupRun::Spilled(run))?);
        }
        Ok(GroupMerge::of(shape, cursors, budget))
    }

    fn of(shape: &Arc<Shape>, runs: Vec<Cursor>, budget: &Budget) -> Self {
        let heads: Vec<_> = runs.iter().map(Cursor::head).collect();
        let tournament = Tournament::new(runs.len(), |a, b| less(&runs, &heads, a, b));
        let (shape, block_bytes) = (shape.clone(), 16 * budget.piece());
        GroupMerge { shape, runs, heads, tournament, block: Block::default(), block_bytes }
    }

    /// The next batch of the result.
    pub(super) fn result(&mut self) -> Result<Option<Batch>, Error> {
        let shape = self.shape.clone();
        let Some(block) = self.next_block()? else { return Ok(None) };
        shape.result(block.keys(), &block.accumulators, &block.groups).map(Some)
    }

    /// The next batch of what a run of the merged groups holds.
    pub(super) fn state(&mut self) -> Result<Option<Batch>, Error> {
        let shape = self.shape.clone();
        let Some(block) = self.next_block()? else { return Ok(None) };
        shape.state(block.keys(), &block.accumulators, &block.groups).map(Some)
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
fn less(runs: &[Cursor], heads: &[Head], a: usize, b: usize) -> bool {
    heads[a].cmp(&heads[b]).then_with(|| if heads[a].1 { std::cmp::Ordering::Equal } else { runs[a].key().cmp(&runs[b].key()) }).is_lt()
}
