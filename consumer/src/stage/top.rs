//! `top N by EXPR`: the records with the largest values, largest first; of equal ones those that came first; NaN after
//! all numbers, values of other kinds after those, and nulls last. `bottom N by EXPR`: the smallest, smallest first, and the rest alike.
//!
//! Runs:   in each worker, which sends on only what is among the best that it has seen, then once.
//! Order:  by value; stable.  Memory: O(N) records.  Blocks: nothing comes out before the end.
//! Stops:  no.
//! Errors: those of the expression.

use std::{cmp::Ordering, sync::Arc};

use recpipe::{Batch, Column, ColumnBuilder, Error, Flow, Origin, Stage, Value};

use super::{Target, relay};
use crate::{
    expr::Expr,
    left_out::noted,
    preview::{Preview, SoFar},
    query::plan::Direction,
};

/// Candidates are weighed against each other when this many have come together, or `N` if that is more.
const WEIGH_AT: usize = 4096;
/// Records of a batch of results.
const BATCH_ROWS: usize = 8192;

/// The half that runs once.
pub struct Top {
    best: Best,
    preview: Option<Preview>,
    target: Target,
}

/// The half in each worker: passes on what could be among the best.
pub struct TopCandidates {
    best: Best,
    target: Target,
}

struct Best {
    direction: Direction,
    n: usize,
    by: Expr,
    /// The best so far, then candidates in the order in which they came.
    batches: Vec<Batch>,
    rows: usize,
    /// A batch that holds nothing but the last of `n` records: a candidate must come before it.
    last: Option<Batch>,
    /// What the expression leaves out of the records was noted before they came.
    is_noted: bool,
}

impl Best {
    fn new(direction: Direction, n: u64, by: Expr, is_noted: bool) -> Self {
        Best { direction, n: usize::try_from(n).unwrap_or(usize::MAX), by, batches: Vec::new(), rows: 0, last: None, is_noted }
    }

    /// The records of the batch that could be among the best; they are kept.
    fn admit(&mut self, batch: &Batch) -> Result<Batch, Error> {
        // All records are looked at once, so that what is left out of them is noted once.
        let values = if self.is_noted { self.by.eval(&noted(batch))? } else { self.by.eval(batch)? };
        let candidates = match &self.last {
            None => batch.clone(),
            Some(last) => {
                let last = self.by.eval(&noted(last))?;
                let last = last.value(0);
                let keep: Vec<bool> = (0..batch.len()).map(|row| self.compare(&values.value(row), &last) == Ordering::Less).collect();
                batch.filter(&keep)
            }
        };
        if !candidates.is_empty() && self.n > 0 {
            // Without what was not selected: a view would hold on to the whole block.
            self.rows += candidates.len();
            self.batches.push(candidates.compact());
            if self.rows >= self.n.saturating_add(self.n.max(WEIGH_AT)) {
                self.weigh()?;
            }
        }
        Ok(candidates)
    }

    /// What comes first is less: the larger or the smaller number, then NaN, then values of other kinds, then null.
    fn compare(&self, a: &Value<'_>, b: &Value<'_>) -> Ordering {
        let rank = |value: &Value<'_>| match value {
            Value::Float(value) if value.is_nan() => 1,
            Value::Int(_) | Value::Float(_) => 0,
            Value::Time(_) => 2,
            Value::Bool(_) => 3,
            Value::Text(_) => 4,
            Value::Null => 5,
        };
        rank(a).cmp(&rank(b)).then_with(|| match self.direction {
            Direction::Largest => b.total_cmp(a),
            Direction::Smallest => a.total_cmp(b),
        })
    }

    /// Sorts what there is and keeps the best.
    fn weigh(&mut self) -> Result<(), Error> {
        if self.batches.is_empty() {
            return Ok(());
        }
        let values = self.batches.iter().map(|batch| self.by.eval(&noted(batch))).collect::<Result<Vec<_>, _>>()?;
        let mut rows: Vec<(usize, usize)> =
            self.batches.iter().enumerate().flat_map(|(i, batch)| (0..batch.len()).map(move |row| (i, row))).collect();
        rows.sort_by(|a, b| self.compare(&values[a.0].value(a.1), &values[b.0].value(b.1)));
        rows.truncate(self.n);
        self.last = match rows.last() {
            Some(&(i, row)) if rows.len() == self.n => Some(self.batches[i].select(vec![row as u32]).compact()),
            _ => None,
        };
        self.rows = rows.len();
        self.batches = rows.chunks(BATCH_ROWS).map(|rows| gather(&self.batches, rows)).collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// Records of several batches as one: each is the number of a batch and of one of its records. Fields that only some of the batches
/// have are missing in the records of the others.
fn gather(batches: &[Batch], rows: &[(usize, usize)]) -> Result<Batch, Error> {
    let mut schema = batches[0].schema().clone();
    for batch in &batches[1..] {
        if !Arc::ptr_eq(batch.schema(), &schema) && *batch.schema() != schema {
            let new = batch.schema().fields().iter().filter(|field| schema.index_of(&field.name).is_none());
            let fields: Vec<_> = schema.fields().iter().chain(new).cloned().collect();
            schema = Arc::new(schema.with_fields(fields)?);
        }
    }
    let mut columns = Vec::with_capacity(schema.len());
    for field in schema.fields() {
        let mut builder = ColumnBuilder::of(field);
        let sources: Vec<Option<&Column>> =
            batches.iter().map(|batch| batch.schema().index_of(&field.name).map(|place| batch.column(place))).collect();
        for &(i, row) in rows {
            let row = batches[i].physical(row);
            match sources[i] {
                Some(column) if !column.is_missing(row) => builder.push(column.value(row))?,
                _ => builder.push_missing()?,
            }
        }
        columns.push(builder.finish());
    }
    Batch::new(schema, columns, rows.len(), Origin::default())
}

impl Top {
    /// The `n` records with the largest, or smallest, values of `by`; of what workers have passed on, or of all.
    pub fn new(direction: Direction, n: u64, by: Expr, is_passed_on: bool, preview: Option<Preview>, target: Target) -> Self {
        Top { best: Best::new(direction, n, by, is_passed_on), preview, target }
    }
}

impl Stage for Top {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.best.admit(&batch)?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let Some(preview) = &self.preview {
            self.best.weigh()?;
            preview.show(Some(SoFar { batches: Box::new(self.best.batches.clone().into_iter().map(Ok)), more: 0 }))?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.best.weigh()?;
        for batch in std::mem::take(&mut self.best.batches) {
            if self.target.send(batch)? == Flow::Stop {
                break;
            }
        }
        self.target.close()
    }
}

impl TopCandidates {
    /// See [`Top::new`].
    pub fn new(direction: Direction, n: u64, by: Expr, target: Target) -> Self {
        TopCandidates { best: Best::new(direction, n, by, false), target }
    }
}

impl Stage for TopCandidates {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let candidates = self.best.admit(&batch)?;
        if candidates.is_empty() { Ok(Flow::Continue) } else { self.target.send(candidates) }
    }

    relay!();
}
