//! `fill FIELD, … with previous [per KEY]`: where there is no value, the last one before, of the records with the same key.
//!
//! Runs:   once.  Order: kept.  Memory: O(keys): the last value of each.
//! Stops:  when its target does.
//! Errors: those of the keys; more keys than there is memory for.

use recpipe::{Batch, ColumnBuilder, Error, Flow, Stage, Value};

use super::{
    beyond::{Beyond, put},
    relay,
};
use crate::{
    aggregate::Keys,
    expr::{Constant, Expr, Vector},
    memory::Account,
    plan::{Operator, PlanStage, Read, Start, Target, conditions::Found},
};

/// Columns that are filled.
#[derive(Clone, Debug)]
pub(super) struct FillPreviousOp {
    /// The columns.
    pub(super) fields: Vec<Expr>,
    /// Records with the same values of these follow each other; of none, all do.
    pub(super) keys: Vec<Expr>,
}

impl Operator for FillPreviousOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.exprs(self.fields.iter().chain(&self.keys));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let numbers = match &self.keys[..] {
            [] => Keys::of_no_values(),
            keys => Keys::new(keys.iter().map(Expr::storage).collect()),
        };
        let fields = self.fields.iter().map(|field| Field::new(field.clone())).collect();
        let beyond = Beyond::new(start.input, start.output.clone());
        Box::new(FillPrevious { keys: self.keys.clone(), numbers, fields, beyond, account: start.budget.account(), target })
    }
}

/// The running stage.
struct FillPrevious {
    keys: Vec<Expr>,
    numbers: Keys,
    fields: Vec<Field>,
    beyond: Beyond,
    account: Account,
    target: Target,
}

/// One of the columns, and the last value of each key.
struct Field {
    column: Expr,
    last: Vec<Constant>,
    /// The row of each key's last value in the batch that is being filled; of all keys none between two batches.
    latest: Vec<u32>,
    /// Bytes of text.
    bytes: usize,
}

/// No row.
const NONE: u32 = u32::MAX;

impl Field {
    fn new(column: Expr) -> Self {
        Field { column, last: Vec::new(), latest: Vec::new(), bytes: 0 }
    }

    /// The column with what was before where it has nothing; `keys` are the numbers of the records' keys, of so many in all.
    fn fill(&mut self, batch: &Batch, keys: &[u32], all: usize) -> Result<recpipe::Column, Error> {
        self.last.resize(all, Constant::Null);
        self.latest.resize(all, NONE);
        let values = self.column.eval(batch)?;
        let mut filled = ColumnBuilder::new(self.column.storage());
        let mut touched = Vec::new();
        for (row, &key) in keys.iter().enumerate() {
            let value = match values.value(row) {
                Value::Null => match self.latest[key as usize] {
                    NONE => self.last[key as usize].value(),
                    row => values.value(row as usize),
                },
                value => {
                    if std::mem::replace(&mut self.latest[key as usize], row as u32) == NONE {
                        touched.push(key);
                    }
                    value
                }
            };
            filled.push(value)?;
        }
        let bytes = |value: &Constant| if let Constant::Text(text) = value { text.len() } else { 0 };
        for key in touched {
            let last = &mut self.last[key as usize];
            self.bytes -= bytes(last);
            let row = std::mem::replace(&mut self.latest[key as usize], NONE);
            *last = Constant::of(&values.value(row as usize));
            self.bytes += bytes(last);
        }
        Ok(Vector::from_rows(&filled.finish(), None).into_column(self.column.storage(), batch))
    }
}

impl Stage for FillPrevious {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let mut keys = vec![0; batch.len()];
        if !self.keys.is_empty() {
            let values = self.keys.iter().map(|key| key.eval(&batch)).collect::<Result<Vec<_>, _>>()?;
            self.numbers.number(&values, batch.len(), &mut keys)?;
        }
        let mut columns = self.beyond.known(&batch).to_vec();
        let mut bytes = self.numbers.bytes_with(0);
        for field in &mut self.fields {
            let filled = field.fill(&batch, &keys, self.numbers.len())?;
            if let Some(place) = field.column.as_column() {
                put(&mut columns, place, filled);
            }
            bytes += field.bytes + field.last.capacity() * size_of::<Constant>() + field.latest.capacity() * size_of::<u32>();
        }
        if !self.account.hold(bytes) {
            return Err(Error::Data(format!(
                "`fill … with previous` keeps the last value of each of {} keys so far, which is more than its part of the {} bytes of \
                 memory; give it more with `--memory SIZE`, or leave records out before it",
                self.numbers.len(),
                self.account.budget().limit()
            )));
        }
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
