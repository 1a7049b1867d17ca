//! What a stage needs of each record before it can look at others: evaluated in the workers.

use std::sync::Arc;

use recpipe::{Batch, Column, Error, Field, Flow, Schema, Stage, Type};

use super::numbered::Numbered;
use crate::{
    aggregate::Keys,
    expr::{Expr, Operand, Texts, Values, Vector},
    plan::{Read, Target},
    stage::{beyond::Beyond, relay},
};

/// Keys, each of none or more values, and expressions.
#[derive(Clone, Debug, Default)]
pub(in crate::stage) struct Needs {
    /// Of no values, all records have one key.
    pub(in crate::stage) keys: Vec<Vec<Expr>>,
    pub(in crate::stage) values: Vec<Expr>,
}

/// Columns that tell the key of each record: its number among those of the batch, and what it is.
const OF_A_KEY: usize = 2;

impl Needs {
    /// Adds the columns that are read.
    pub(in crate::stage) fn read(&self, wanted: &mut Read) {
        wanted.exprs(self.keys.iter().flatten().chain(&self.values));
    }

    /// The schema between the halves: the fields that the plan knows, those of the keys, and those of the values.
    fn schema(&self, input: &Schema) -> Arc<Schema> {
        let keys = self.keys.iter().filter(|key| !key.is_empty()).flat_map(|_| [(Type::Int, false), (Type::Text, false)]);
        behind(input, keys.chain(self.values.iter().map(|value| (value.kind(), value.is_open()))))
    }

    /// The half in each worker, in front of `target`.
    pub(in crate::stage) fn half(&self, input: &Arc<Schema>, target: Target) -> Target {
        let numbers = self.keys.iter().map(|key| Keys::new(key.iter().map(Expr::storage).collect())).collect();
        Box::new(Prepare { needs: self.clone(), numbers, beyond: Beyond::new(input, self.schema(input)), target })
    }

    /// What takes apart the batches of the half.
    pub(in crate::stage) fn needed(&self, input: &Schema) -> Needed {
        let mut place = input.len();
        let mut keys = Vec::new();
        for key in &self.keys {
            keys.push((place, Numbered::new(key.iter().map(Expr::storage).collect())));
            place += if key.is_empty() { 0 } else { OF_A_KEY };
        }
        Needed { known: input.len(), keys, values: place, width: place + self.values.len() }
    }
}

/// The half in each worker.
struct Prepare {
    needs: Needs,
    /// The distinct keys of the batch.
    numbers: Vec<Keys>,
    beyond: Beyond,
    target: Target,
}

impl Stage for Prepare {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let mut columns = self.beyond.known(&batch).to_vec();
        for (key, numbers) in self.needs.keys.iter().zip(&mut self.numbers).filter(|(key, _)| !key.is_empty()) {
            columns.extend(number(key, numbers, &batch)?);
        }
        for value in &self.needs.values {
            columns.push(value.eval_column(&batch)?);
        }
        let batch = self.beyond.with_columns(&batch, columns)?;
        self.target.send(batch)
    }

    relay!();
}

/// The number of each record's key among those of the batch, in the order of their first records, and the key.
fn number(key: &[Expr], numbers: &mut Keys, batch: &Batch) -> Result<[Column; OF_A_KEY], Error> {
    numbers.clear();
    let values = key.iter().map(|value| value.eval(batch)).collect::<Result<Vec<_>, _>>()?;
    let mut each = Vec::new();
    numbers.number(&values, batch.len(), &mut each)?;
    let mut bytes = Vec::with_capacity(numbers.key_bytes());
    let mut views = Vec::with_capacity(numbers.len());
    let mut null = None;
    for number in 0..numbers.len() as u32 {
        let text = numbers.get(number).unwrap_or_else(|| {
            null = Some(number);
            &[]
        });
        // The keys of a batch that was read are no more than its text, and its other values.
        views.push((u32::try_from(bytes.len()).map_err(|_| too_long())?, u32::try_from(text.len()).map_err(|_| too_long())?));
        bytes.extend_from_slice(text);
    }
    let len = each.len();
    let views = each.iter().map(|&number| views[number as usize]).collect();
    let keys = Values::Text(Texts { bytes: bytes.into(), views: Operand::Each(views) });
    let nulls = null.map(|null| each.iter().map(|&number| number == null).collect());
    let each = Values::Int(Operand::Each(each.into_iter().map(i64::from).collect()));
    Ok([
        Vector { len, values: each, nulls: None }.into_column(Type::Int, batch),
        Vector { len, values: keys, nulls }.into_column(Type::Text, batch),
    ])
}

fn too_long() -> Error {
    Error::Data("the keys of one batch take more than 4 GiB".into())
}

/// A schema with further fields of these types behind those that a plan knows: they are of the stage alone.
pub(in crate::stage) fn behind(input: &Schema, fields: impl Iterator<Item = (Type, bool)>) -> Arc<Schema> {
    // A name may be any text: one that no field has, and that none is likely to have that comes later.
    let mut mark = "\0of the stage\0".to_owned();
    while input.names().any(|name| name.starts_with(&mark)) {
        mark.push('\0');
    }
    let name = |i: usize| format!("{mark}{i}");
    let field = |(i, (kind, open)): (usize, (Type, bool))| if open { Field::open(name(i), kind) } else { Field::new(name(i), kind) };
    let fields: Vec<Field> = input.fields().iter().cloned().chain(fields.enumerate().map(field)).collect();
    match input.with_fields(fields) {
        Ok(schema) => Arc::new(schema),
        // Where there are more fields than a schema may have, the batches do not fit it, which is said then.
        Err(_) => Arc::new(input.clone()),
    }
}

/// The batches of the half, taken apart.
pub(in crate::stage) struct Needed {
    /// How many columns of the input the plan knows.
    known: usize,
    /// The keys, and where their columns begin.
    keys: Vec<(usize, Numbered)>,
    /// Where the values begin.
    values: usize,
    /// How many columns the half sends on, but for late ones.
    width: usize,
}

impl Needed {
    /// The columns of the input that the plan knows.
    pub(in crate::stage) fn known<'b>(&self, batch: &'b Batch) -> &'b [Column] {
        &batch.columns()[..self.known]
    }

    /// What puts the columns of the output in the place of all that the half sends on.
    pub(in crate::stage) fn beyond(&self, output: Arc<Schema>) -> Beyond {
        Beyond::behind(self.width, output)
    }

    /// Looks up the keys of the records.
    ///
    /// # Errors
    /// As for [`Numbered::read`].
    pub(in crate::stage) fn read(&mut self, batch: &Batch) -> Result<(), Error> {
        self.keys.iter_mut().try_for_each(|(place, keys)| keys.read(batch, *place))
    }

    /// How many keys each record has.
    pub(in crate::stage) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// One of the keys, of the records that were read last.
    pub(in crate::stage) fn key(&self, i: usize) -> &Numbered {
        &self.keys[i].1
    }

    /// The same, to forget some.
    pub(in crate::stage) fn key_mut(&mut self, i: usize) -> &mut Numbered {
        &mut self.keys[i].1
    }

    /// One of the values.
    pub(in crate::stage) fn value(&self, batch: &Batch, i: usize) -> Vector {
        Vector::from_column(batch.column(self.values + i), batch)
    }

    /// How many keys there are so far, and the memory that they take.
    pub(in crate::stage) fn held(&self) -> (usize, usize) {
        let of = |(_, keys): &(usize, Numbered)| (keys.len(), keys.bytes());
        self.keys.iter().map(of).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }
}
