//! Gathers the rows of the side that is held, and makes a [`Table`] of them.

use std::sync::Arc;

use recpipe::{Batch, Column, ColumnBuilder, Error, PackedInts, Schema, Value, record};

use super::{
    Match, NONE, Nearby, Partners,
    equal::{Chain, EqualIndex, Twice},
    near::NearIndex,
    networks::{NetworkIndex, NoNetwork},
    table::{Index, Table},
};
use crate::memory::{Account, Budget};

/// The rows so far.
#[derive(Debug)]
pub struct TableBuilder {
    on: Match,
    /// What the stage is called in messages.
    name: String,
    /// The places of the columns that are kept.
    kept: Vec<usize>,
    columns: Vec<ColumnBuilder>,
    keys: Vec<ColumnBuilder>,
    rows: usize,
    places: Places,
    account: Account,
}

/// Rows that were gathered, in columns.
#[derive(Debug)]
pub struct Held {
    /// The columns that are kept.
    pub columns: Vec<Column>,
    /// What is compared.
    pub keys: Vec<Column>,
    /// How many rows there are.
    pub rows: usize,
}

/// Bytes of a value while columns are built, besides those of text.
const VALUE_BYTES: usize = 14;

impl TableBuilder {
    /// For the columns at these places of `schema`; it is held on an account of `budget`.
    pub fn new(on: &Match, name: String, schema: &Schema, kept: &[usize], budget: &Budget) -> Self {
        let columns = kept.iter().filter_map(|&place| schema.fields().get(place)).map(ColumnBuilder::of).collect();
        let keys = on.theirs().map(|key| ColumnBuilder::new(key.storage())).collect();
        let may_be_named = on.partners == Partners::One || matches!(on.nearby, Some(Nearby::Network(_)));
        let places = if may_be_named { Places::kept() } else { Places::default() };
        TableBuilder { on: on.clone(), name, kept: kept.to_vec(), columns, keys, rows: 0, places, account: budget.account() }
    }

    /// Adds rows; whether they are within the budget, as are those before them.
    ///
    /// # Errors
    /// Those of the keys' expressions; [`Error::Schema`] beyond 4 GiB of text in a column, or too many rows.
    pub fn add(&mut self, batch: &Batch) -> Result<bool, Error> {
        if self.rows + batch.len() >= NONE as usize {
            return Err(Error::Data(format!("{}: more than {} rows", self.name, NONE - 1)));
        }
        for (key, builder) in self.on.theirs().zip(&mut self.keys) {
            let values = key.eval(batch)?;
            (0..batch.len()).try_for_each(|row| builder.push(values.value(row)))?;
        }
        for (&place, builder) in self.kept.iter().zip(&mut self.columns) {
            let column = batch.column(place);
            for row in 0..batch.len() {
                let row = batch.physical(row);
                if column.is_missing(row) { builder.push_missing()? } else { builder.push(column.value(row))? }
            }
        }
        self.places.add(self.rows, batch)?;
        self.rows += batch.len();
        Ok(self.account.hold(self.bytes()))
    }

    /// What the builders may take: each has room for some more than it has.
    fn bytes(&self) -> usize {
        let all = self.columns.iter().chain(&self.keys);
        all.map(|builder| builder.len() * VALUE_BYTES + builder.text_bytes()).sum::<usize>() / 2 * 3 + self.places.bytes
    }

    /// The rows in columns, in which nobody finds them as yet.
    pub(crate) fn into_columns(mut self) -> Held {
        let finish = |builders: &mut Vec<ColumnBuilder>| builders.drain(..).map(|mut builder| builder.finish()).collect();
        Held { columns: finish(&mut self.columns), keys: finish(&mut self.keys), rows: self.rows }
    }

    /// The table of the rows; the rows themselves where its index is more than the budget has.
    ///
    /// # Errors
    /// [`Error::Usage`] where a key is there twice and must not be, or what should be a network is none.
    pub fn finish(mut self) -> Result<Result<Table, Held>, Error> {
        // What is found for a record without a partner.
        self.columns.iter_mut().try_for_each(|column| column.push(Value::Null))?;
        let (name, on, places) = (std::mem::take(&mut self.name), self.on.clone(), std::mem::take(&mut self.places));
        let budget = self.account.budget().clone();
        let mut account = std::mem::replace(&mut self.account, budget.account());
        let mut held = self.into_columns();
        let rows = held.rows;
        let index_bytes = match &on.nearby {
            None => EqualIndex::bytes(&held.keys, rows),
            Some(Nearby::Time { .. }) => EqualIndex::bytes(&held.keys[..held.keys.len() - 1], rows) + NearIndex::bytes(rows),
            Some(Nearby::Network(_)) => NetworkIndex::bytes(rows),
        };
        let chain_bytes = if on.partners == Partners::Each { 4 * rows } else { 0 };
        let column_bytes: usize = held.columns.iter().chain(&held.keys).map(Column::bytes).sum();
        if !account.hold(column_bytes + index_bytes + chain_bytes + places.bytes) {
            held.columns.iter_mut().for_each(|column| *column = column.head(rows));
            return Ok(Err(held));
        }
        let keys = &held.keys;
        let twice = |twice: Twice| {
            let key = keys.iter().map(|key| key.value(twice.first as usize).to_string()).collect::<Vec<_>>().join(", ");
            let [first, second] = [twice.first, twice.second].map(|row| places.of(row as usize));
            Error::Usage(format!(
                "{name}: the key {key} is there twice, at {first} and at {second}; write `first`, `last` or `each` after the key, for what is meant"
            ))
        };
        let made: Result<(Index, Chain), Twice> = match &on.nearby {
            None => EqualIndex::new(keys, rows, on.partners)?.map(|(index, chain)| (Index::Equal(index), chain)),
            Some(Nearby::Time { side, within, .. }) => {
                let Some((times, equal)) = keys.split_last() else { return Err(Error::Protocol("a time that is not there")) };
                let near = NearIndex::new(equal, times, rows, on.partners, *side, *within)?;
                near.map(|(index, chain)| (Index::Near(index), chain))
            }
            Some(Nearby::Network(_)) => {
                let Some(networks) = keys.last() else { return Err(Error::Protocol("networks that are not there")) };
                let found = NetworkIndex::new(networks, on.partners)
                    .map_err(|NoNetwork { row, what }| Error::Usage(format!("{name}: at {}, {what}", places.of(row))))?;
                found.map(|(index, chain)| (Index::Network(index), chain))
            }
        };
        let (index, chain) = made.map_err(twice)?;
        // What was only needed on the way is given back.
        let _ = account.hold(held.columns.iter().map(Column::bytes).sum::<usize>() + index_bytes + chain_bytes);
        Ok(Ok(Table::new(held.columns, rows, index, chain, account)))
    }
}

/// Where rows were read.
#[derive(Debug, Default)]
struct Places {
    /// Of batches, without their columns: the number of the first row; `None` where nobody will ask.
    batches: Option<Vec<(usize, Batch)>>,
    bytes: usize,
}

impl Places {
    fn kept() -> Self {
        Places { batches: Some(Vec::new()), bytes: 0 }
    }

    fn add(&mut self, first: usize, batch: &Batch) -> Result<(), Error> {
        let Some(batches) = &mut self.batches else { return Ok(()) };
        // In memory of their own: they would keep the whole frame that they came in.
        let lines = batch.lines().map(|lines| PackedInts::pack(&lines.to_vec()));
        self.bytes += size_of::<(usize, Batch)>() + lines.as_ref().map_or(0, |lines| lines.parts().2.len());
        let bare = batch.with_columns(Arc::new(Schema::new(Vec::new())?), Vec::new())?;
        batches.push((first, bare.with_places(lines.map_or(record::Places::Unknown, record::Places::Lines))));
        Ok(())
    }

    /// For people.
    fn of(&self, row: usize) -> String {
        let batches = self.batches.as_deref().unwrap_or_default();
        let of_row = batches.partition_point(|(first, _)| *first <= row).checked_sub(1).map(|place| &batches[place]);
        match of_row {
            Some((first, batch)) if batch.lines().is_some() && batch.origin().line > 0 => batch.place(batch.physical(row - first)),
            _ => format!("record {}", row + 1),
        }
    }
}
