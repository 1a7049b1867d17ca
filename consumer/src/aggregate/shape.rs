//! What all tables of a `stats` stage, and the merges of their runs, have in common.

use std::sync::Arc;

use recpipe::{
    Batch, Column, Error, Field, Origin, Schema, Text, Type,
    record::{Bits, column},
};

use super::{first_last::FirstLast, keys, panes::Panes};
use crate::{
    expr::Expr,
    plan::{Accumulator, Aggregate},
};

/// Records of a batch of results: as many as a block of a log has, roughly.
pub(super) const BATCH_ROWS: usize = 8192;

/// The keys and aggregates of a stage.
pub(super) struct Shape {
    pub(super) key_exprs: Vec<Expr>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) kinds: Vec<Type>,
    /// The keys of which equal values may look different: what is shown of each is the first, which an accumulator of its own, after
    /// those of the aggregates, finds.
    pub(super) shown: Vec<usize>,
    /// The schema of the result.
    pub(super) schema: Arc<Schema>,
    /// The steps of time that each record is in, where it is in several.
    pub(super) panes: Option<Panes>,
}

impl Shape {
    /// Accumulators without groups.
    pub(super) fn accumulators(&self) -> Vec<Box<dyn Accumulator>> {
        let shown = self.shown.iter().map(|&key| Box::new(FirstLast::new(self.kinds[key], false)) as Box<dyn Accumulator>);
        self.aggregates.iter().map(Aggregate::accumulator).chain(shown).collect()
    }

    /// A batch of the result: these keys, and the aggregates of these groups.
    pub(super) fn result<'k>(
        &self,
        keys: impl Iterator<Item = Option<&'k [u8]>>,
        accumulators: &[Box<dyn Accumulator>],
        groups: &[u32],
    ) -> Result<Batch, Error> {
        let mut columns = keys::columns(&self.kinds, keys)?;
        let (aggregates, shown) = accumulators.split_at(self.aggregates.len().min(accumulators.len()));
        for (&key, first) in self.shown.iter().zip(shown) {
            columns[key] = first.finish(groups)?;
        }
        for accumulator in aggregates {
            columns.push(accumulator.finish(groups)?);
        }
        Batch::new(self.schema.clone(), columns, groups.len(), Origin::default())
    }

    /// A batch of the result, of these rows of a batch of a run.
    pub(super) fn result_of(&self, states: &Batch, rows: &[u32]) -> Result<Batch, Error> {
        let mut accumulators = self.accumulators();
        let groups: Vec<u32> = (0..rows.len() as u32).collect();
        let mut columns = states.columns()[1..].iter().map(|column| column.gather(rows));
        for accumulator in &mut accumulators {
            accumulator.resize(rows.len());
            let state: Vec<Column> = columns.by_ref().take(accumulator.state(&[])?.len()).collect();
            accumulator.merge_state(&state, &groups)?;
        }
        let keys = Keyed::of(states);
        self.result(rows.iter().map(|&row| keys.get(row as usize)), &accumulators, &groups)
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
        // Open, so that the states of all groups have one schema.
        let fields = (0..columns.len()).map(|i| Field::open(i.to_string(), Type::Mixed));
        Batch::new(Arc::new(Schema::new(fields.collect())?), columns, groups.len(), Origin::default())
    }
}

/// The keys of the groups in a batch of a run.
pub(super) struct Keyed<'b> {
    batch: &'b Batch,
    texts: Option<(&'b Text, Vec<(u32, u32)>)>,
}

impl<'b> Keyed<'b> {
    pub(super) fn of(batch: &'b Batch) -> Self {
        let texts = match batch.column(0).values() {
            column::Values::Text(texts) => Some((texts, texts.views(None))),
            _ => None,
        };
        Keyed { batch, texts }
    }

    /// That of a group, as [`super::Keys::get`] gives it.
    pub(super) fn get(&self, row: usize) -> Option<&'b [u8]> {
        let (texts, views) = self.texts.as_ref().filter(|_| !self.batch.column(0).is_null(row))?;
        let (start, len) = views[row];
        Some(&texts.bytes()[start as usize..start as usize + len as usize])
    }
}
