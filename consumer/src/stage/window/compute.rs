//! What a `let` computes of other records, batch after batch.

use recpipe::{Batch, Column, Error};

use super::{
    Needed, Needs,
    history::{History, Past},
    vectors::{NONE, concat_all, gather},
};
use crate::{
    expr::{Expr, Operand, Values, Vector},
    plan::{Accumulator, Aggregate, Computes, Groups, Window},
};

/// All that is computed, each from what was before the batch.
pub(in crate::stage) struct Compute {
    needed: Needed,
    windows: Vec<Running>,
    histories: Vec<KeyHistory>,
    /// The place of the next record.
    position: u64,
}

/// One of them.
struct Running {
    window: Window,
    /// The first of the values that it is given.
    value: usize,
    state: State,
}

enum State {
    Numbers(Vec<i64>),
    Accumulator(Box<dyn Accumulator>),
    /// What was before is in this history, its values from this one on.
    History(usize, usize),
}

/// The last so many records of one of the keys.
struct KeyHistory {
    key: usize,
    depth: u64,
    /// The values that are kept.
    values: Vec<usize>,
    history: Option<History>,
}

/// A frame's records are put together for no more than so many at a time.
const FRAMED_AT_ONCE: usize = 1 << 16;

impl Compute {
    /// Nothing yet; `needed` is of the [`Compute::needs`] of these.
    pub(in crate::stage) fn new(windows: &[Window], needed: Needed) -> Self {
        let mut histories: Vec<KeyHistory> = Vec::new();
        let mut value = 0;
        let mut running = Vec::new();
        for window in windows {
            let args = value..value + window.args().len();
            let mut kept = |depth: u64| {
                let found = histories.iter().position(|one| one.key == window.keys && one.depth == depth);
                let place = found.unwrap_or_else(|| {
                    histories.push(KeyHistory { key: window.keys, depth, values: Vec::new(), history: None });
                    histories.len() - 1
                });
                let first = histories[place].values.len();
                histories[place].values.extend(args.clone());
                State::History(place, first)
            };
            let state = match &window.computes {
                Computes::Number => State::Numbers(Vec::new()),
                Computes::SoFar(aggregate) | Computes::Total(aggregate) => State::Accumulator(aggregate.accumulator()),
                Computes::Before(_, n) => kept(*n),
                Computes::Last(_, n) => kept(n - 1),
            };
            running.push(Running { window: window.clone(), value, state });
            value = args.end;
        }
        let kinds: Vec<_> = windows.iter().flat_map(Window::args).map(Expr::storage).collect();
        for one in &mut histories {
            one.history = Some(History::new(one.depth, one.values.iter().map(|&value| kinds[value])));
        }
        Compute { needed, windows: running, histories, position: 0 }
    }

    /// What all need of each record.
    pub(in crate::stage) fn needs(windows: &[Window], keys: &[Vec<Expr>]) -> Needs {
        Needs { keys: keys.to_vec(), values: windows.iter().flat_map(Window::args).cloned().collect() }
    }

    /// The batches of the half, taken apart.
    pub(in crate::stage) fn needed(&self) -> &Needed {
        &self.needed
    }

    /// The values for the records of the next batch, a column each; of totals, which are not known yet, nulls.
    ///
    /// # Errors
    /// Those of the aggregates; [`Error::Data`] beyond what can be counted.
    pub(in crate::stage) fn advance(&mut self, batch: &Batch) -> Result<Vec<Column>, Error> {
        self.needed.read(batch)?;
        let (needed, position) = (&self.needed, self.position);
        let mut pasts = Vec::with_capacity(self.histories.len());
        for KeyHistory { key, values, history, .. } in &mut self.histories {
            let values: Vec<Vector> = values.iter().map(|&value| needed.value(batch, value)).collect();
            let past = history.as_mut().map(|history| history.advance(needed.key(*key), &values)).transpose()?;
            pasts.push(past.ok_or(Error::Protocol("a history that was not begun"))?);
        }
        let mut columns = Vec::with_capacity(self.windows.len());
        for Running { window, value, state } in &mut self.windows {
            let keys = needed.key(window.keys);
            let args = || (*value..*value + window.args().len()).map(|value| needed.value(batch, value)).collect::<Vec<_>>();
            let vector = match (state, &window.computes) {
                (State::Numbers(numbers), _) => {
                    numbers.resize(keys.len(), 0);
                    let next = |&key: &u32| {
                        let number = &mut numbers[key as usize];
                        *number += 1;
                        *number
                    };
                    let values = Values::Int(Operand::Each(keys.all().iter().map(next).collect()));
                    Vector { len: batch.len(), values, nulls: None }
                }
                (State::Accumulator(accumulator), Computes::Total(_)) => {
                    accumulator.resize(keys.len());
                    accumulator.add(&Groups::Each(keys.all()), &args(), position)?;
                    Vector::null(batch.len())
                }
                (State::Accumulator(accumulator), _) => {
                    accumulator.resize(keys.len());
                    accumulator.running(keys.all(), &args(), position)?
                }
                (State::History(place, first), Computes::Before(_, n)) => before(&pasts[*place], *first, *n, batch.len()),
                (State::History(place, first), Computes::Last(aggregate, n)) => last(&pasts[*place], *first, aggregate, *n, batch.len())?,
                (State::History(..), _) => return Err(Error::Protocol("a history of nothing")),
            };
            columns.push(vector.into_column(window.storage(), batch));
        }
        self.position += batch.len() as u64;
        Ok(columns)
    }

    /// The totals of these keys, in the place of one of the columns that [`Compute::advance`] gave; `None` where it is no total.
    ///
    /// # Errors
    /// Those of the aggregates.
    pub(in crate::stage) fn total(&self, window: usize, keys: &[u32]) -> Result<Option<Column>, Error> {
        match self.windows.get(window) {
            Some(Running { window, state: State::Accumulator(accumulator), .. }) if window.needs_all() => {
                accumulator.finish(keys).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// How many keys there are so far, and the memory that all takes.
    pub(in crate::stage) fn held(&self) -> (usize, usize) {
        let state = |running: &Running| match &running.state {
            State::Numbers(numbers) => numbers.capacity() * size_of::<i64>(),
            State::Accumulator(accumulator) => accumulator.bytes(),
            State::History(..) => 0,
        };
        let histories = self.histories.iter().flat_map(|one| &one.history).map(History::bytes).sum::<usize>();
        let (keys, bytes) = self.needed.held();
        (keys, bytes + histories + self.windows.iter().map(state).sum::<usize>())
    }
}

/// The value of each record that was so many before.
fn before(past: &Past, value: usize, n: u64, rows: usize) -> Vector {
    let records: Vec<u32> = (0..rows).map(|row| past.before((past.kept + row) as u32, n)).collect();
    gather(&past.values[value], &records)
}

/// The aggregate of the last so many records up to each: a group for each.
fn last(past: &Past, value: usize, aggregate: &Aggregate, n: u64, rows: usize) -> Result<Vector, Error> {
    let args = &past.values[value..value + aggregate.args.len()];
    let (mut results, mut row) = (Vec::new(), 0);
    let (mut records, mut groups) = (Vec::new(), Vec::new());
    while row < rows {
        records.clear();
        groups.clear();
        let from = row;
        while row < rows && (row == from || records.len() < FRAMED_AT_ONCE) {
            let begins = records.len();
            let mut record = (past.kept + row) as u32;
            for _ in 0..n {
                if record == NONE {
                    break;
                }
                records.push(record);
                record = past.before(record, 1);
            }
            // The oldest first, as they came.
            records[begins..].reverse();
            groups.resize(records.len(), (row - from) as u32);
            row += 1;
        }
        let mut accumulator = aggregate.accumulator();
        accumulator.resize(row - from);
        let args: Vec<Vector> = args.iter().map(|arg| gather(arg, &records)).collect();
        accumulator.add(&Groups::Each(&groups), &args, 0)?;
        let all: Vec<u32> = (0..(row - from) as u32).collect();
        results.push(Vector::from_rows(&accumulator.finish(&all)?, None));
    }
    concat_all(results)
}
