//! `approx_distinct(x)`: about how many distinct values there are, in little memory; null is none.

use recpipe::{Column, ColumnBuilder, Error, PackedInts, Type, Value};
use twox_hash::XxHash3_64;

use super::{cell, hyperloglog::HyperLogLog, other_type, state};
use crate::{
    expr::Vector,
    language::{AggregateWord, signature::CheckedAggregate},
    plan::{Accumulator, Aggregate, AggregateFunction, Groups},
};

/// `approx_distinct`
pub(crate) static WORD: AggregateWord = AggregateWord {
    name: "approx_distinct",
    syntax: "approx_distinct(EXPR)",
    doc: "about how many different values, in 16 KiB: exact up to 1024, then within 2.5 %",
    example: "approx_distinct(host) by status",
    args: 1..=1,
    family: None,
    check: |_, _, args| Ok(CheckedAggregate::new(Approximately, args, Type::Int)),
};

struct Approximately;

impl AggregateFunction for Approximately {
    fn accumulator(&self, _: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(ApproxDistinct::default())
    }

    fn exactness(&self) -> Option<String> {
        Some("`approx_distinct` of a group of up to 1024 different values; of more it is within 2.5 %, nearly always".to_owned())
    }
}

/// What is kept of the values of all groups.
#[derive(Default)]
struct ApproxDistinct {
    sketches: Vec<HyperLogLog>,
    sketch_bytes: usize,
    scratch: Vec<u8>,
}

impl ApproxDistinct {
    fn change<T>(&mut self, group: usize, change: impl FnOnce(&mut HyperLogLog) -> T) -> T {
        let sketch = &mut self.sketches[group];
        let before = sketch.bytes();
        let result = change(sketch);
        // What was counted of it before is in the sum.
        self.sketch_bytes = self.sketch_bytes - before + sketch.bytes();
        result
    }
}

impl Accumulator for ApproxDistinct {
    fn resize(&mut self, groups: usize) {
        self.sketches.resize(groups, HyperLogLog::default());
    }

    /// Equal values have one hash, whatever type their column has.
    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        let mut scratch = std::mem::take(&mut self.scratch);
        groups.for_each(|row, group| {
            let value = input.value(row);
            if !matches!(value, Value::Null) {
                scratch.clear();
                cell::write(Type::Mixed, cell::canonical(Type::Mixed, value), &mut scratch);
                self.change(group, |sketch| sketch.add(XxHash3_64::oneshot(&scratch)));
            }
        });
        self.scratch = scratch;
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut column, mut bytes) = (ColumnBuilder::new(Type::Text), Vec::new());
        for &group in groups {
            bytes.clear();
            self.sketches[group as usize].write(&mut bytes);
            column.push(Value::Text(&bytes))?;
        }
        Ok(vec![column.finish()])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let column = state::column(state, 0, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let bytes = state::bytes(column, row)?;
            self.change(group as usize, |sketch| sketch.merge(bytes))?;
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let estimate = |&group: &u32| i64::try_from(self.sketches[group as usize].estimate()).unwrap_or(i64::MAX);
        Ok(Column::int(PackedInts::pack(&groups.iter().map(estimate).collect::<Vec<_>>())))
    }

    fn bytes(&self) -> usize {
        self.sketches.capacity() * size_of::<HyperLogLog>() + self.sketch_bytes
    }
}
