//! The fields of a batch, one after the other, as batches of their values: columns are shared, not copied.

use std::sync::Arc;

use recpipe::{Batch, BatchBuilder, Column, Error, Flow, PackedInts, Schema, Stage, Text, Type, Value, record::column};

use super::{LATE, Wanted, id};
use crate::{
    language::{Parsed, Parser, StageWord},
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    stage::relay,
};

/// What is said of it where a plan is explained. It is no word of the language.
pub(super) static SPLIT: StageWord =
    StageWord { about: About { name: "split", syntax: "split", doc: "a record for each field", example: "split", ..About::PLAIN }, parse };

fn parse(parser: &mut Parser<'_>) -> Parsed {
    Err(parser.unexpected("another stage"))
}

/// What is counted under the empty id is all records; under an id after this, the numbers of a field, whose values they are the more;
/// a field that has no value has this alone.
pub(super) const HEAD: u8 = b'0';
/// Under an id after this, the values of a field.
pub(super) const VALUES: u8 = b'1';

/// Gives of each record the values of these fields that are not null, field by field.
#[derive(Clone, Debug)]
pub(super) struct SplitOp(pub(super) Wanted);

impl Operator for SplitOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        let Wanted { fields, late, inside } = &self.0;
        let reads_all = fields.iter().map(|(_, expr)| expr).chain(inside).any(|expr| expr.reads_all());
        *wanted = Read { late: stage.input.grows() && (*late || reads_all), ..Read::default() };
        wanted.exprs(fields.iter().map(|(_, expr)| expr).chain(inside));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let ids = self.0.fields.iter().enumerate().map(|(place, (name, _))| id(place, name)).collect();
        Box::new(Split { wanted: self.0.clone(), ids, known: start.input.len(), schema: start.output.clone(), target })
    }
}

/// The running stage.
struct Split {
    wanted: Wanted,
    /// Of each field that is known.
    ids: Vec<Vec<u8>>,
    /// How many columns the plan knows.
    known: usize,
    schema: Arc<Schema>,
    target: Target,
}

impl Split {
    /// Which of the physical rows are inside, as numbers.
    fn inside(&self, batch: &Batch) -> Result<PackedInts, Error> {
        let Some(condition) = &self.wanted.inside else { return Ok(PackedInts::constant(0, batch.physical_rows())) };
        let truth = condition.eval(batch)?.truth();
        let mut inside = vec![0_u8; batch.physical_rows()];
        (0..batch.len()).for_each(|row| inside[batch.physical(row)] = u8::from(truth.get(row)));
        Ok(PackedInts::pack(&inside))
    }
}

impl Stage for Split {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        if batch.is_empty() {
            return Ok(Flow::Continue);
        }
        let inside = self.inside(&batch)?;
        let known = self.ids.iter().zip(&self.wanted.fields).map(|(id, (_, expr))| Ok((id.clone(), expr.eval_column(&batch)?)));
        let mut fields = known.collect::<Result<Vec<_>, Error>>()?;
        if self.wanted.late {
            let late = batch.schema().names().zip(batch.columns()).skip(self.known);
            let is_there = |column: &Column| (0..batch.len()).any(|row| !column.is_missing(batch.physical(row)));
            fields.extend(late.filter(|(_, column)| is_there(column)).map(|(name, column)| (id(LATE, name), column.clone())));
        }
        let mut heads = BatchBuilder::new(self.schema.clone());
        let insiders: i64 = (0..batch.len()).map(|row| inside.get(batch.physical(row))).sum();
        heads.push(&[Value::Text(b""), Value::Null, Value::Int(batch.len() as i128), Value::Int(insiders.into())])?;
        for (id, column) in &fields {
            let numbers = numbers(column, &batch);
            heads.push(&[Value::Text(&tagged(HEAD, id)), Value::Null, Value::Int(numbers as i128), Value::Int(0)])?;
        }
        let mut flow = self.target.send(heads.finish()?.with_origin(batch.origin().clone()))?;
        for (id, column) in fields {
            if flow == Flow::Stop {
                break;
            }
            if column.kind() == Type::Null {
                continue;
            }
            let has_nulls = column.nulls().is_some();
            let rows = batch.physical_rows();
            let columns = vec![
                constant(&tagged(VALUES, &id), rows)?,
                column,
                Column::int(PackedInts::constant(1, rows)),
                Column::int(inside.clone()),
            ];
            let mut values = batch.with_columns(self.schema.clone(), columns)?;
            if has_nulls {
                let keep: Vec<bool> = (0..batch.len()).map(|row| !values.column(1).is_null(batch.physical(row))).collect();
                values = values.filter(&keep);
            }
            if !values.is_empty() {
                flow = self.target.send(values)?;
            }
        }
        Ok(flow)
    }

    relay!();
}

fn tagged(tag: u8, id: &[u8]) -> Vec<u8> {
    [&[tag], id].concat()
}

/// The same text in all rows, which takes no more bytes than one.
fn constant(text: &[u8], rows: usize) -> Result<Column, Error> {
    let views = [0, text.len() as i64].map(|number| PackedInts::constant(number, rows));
    let [starts, lens] = views;
    let text = Text::new(text.to_vec().into(), None, starts, lens).ok_or(Error::Protocol("a text outside of its bytes"))?;
    Ok(Column::new(column::Values::Text(text)))
}

/// How many of the records have a number there.
fn numbers(column: &Column, batch: &Batch) -> usize {
    let of_part = |part: &Column| match part.nulls() {
        None => batch.len(),
        Some(nulls) => (0..batch.len()).filter(|&row| !nulls.get(batch.physical(row))).count(),
    };
    column.parts().iter().filter(|part| matches!(part.kind(), Type::Int | Type::Float)).map(of_part).sum()
}
