//! `sum(x)` and `avg(x)`: sums are exact for integers, or an overflow error; for floats exact and then rounded, so
//! independent of the order. A mean is the exact sum divided by the count, rounded once each. Null is skipped; the sum
//! and the mean of nothing are null.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    Accumulator, Groups,
    exact::ExactSum,
    other_type,
    state::{self, Torn},
};
use crate::{
    expr::{Operand, Values, Vector},
    query::plan::{Aggregate, AggregateFunction},
};

/// The sums of all groups, and of how many values they are.
pub(super) struct Sum {
    name: String,
    kind: Type,
    is_mean: bool,
    sums: Sums,
    counts: Vec<u64>,
}

enum Sums {
    /// 2⁶³ integers of 64 bits cannot overflow it.
    Int(Vec<i128>),
    Float(Vec<ExactSum>),
}

impl Sum {
    pub(super) fn new(aggregate: &Aggregate) -> Self {
        let is_float = aggregate.args.first().is_some_and(|arg| arg.kind() == Type::Float);
        Sum {
            name: aggregate.name.clone(),
            kind: aggregate.kind,
            is_mean: aggregate.function == AggregateFunction::Avg,
            sums: if is_float { Sums::Float(Vec::new()) } else { Sums::Int(Vec::new()) },
            counts: Vec::new(),
        }
    }

    fn value(&self, group: usize) -> Result<Value<'_>, Error> {
        let count = self.counts[group] as f64;
        Ok(match &self.sums {
            _ if self.counts[group] == 0 => Value::Null,
            Sums::Float(sums) if self.is_mean => Value::Float(sums[group].value() / count),
            Sums::Float(sums) => Value::Float(sums[group].value()),
            Sums::Int(sums) if self.is_mean => Value::Float(sums[group] as f64 / count),
            Sums::Int(sums) => Value::Int(sums[group]),
        })
    }
}

impl Accumulator for Sum {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        match &mut self.sums {
            Sums::Int(sums) => sums.resize(groups, 0),
            Sums::Float(sums) => sums.resize(groups, ExactSum::default()),
        }
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        let counts = &mut self.counts;
        match (&mut self.sums, &input.values) {
            (_, Values::Null) => {}
            (Sums::Int(sums), Values::Int(Operand::Each(values))) if input.nulls.is_none() && matches!(groups, Groups::One(_)) => {
                sums[0] += values.iter().map(|&value| i128::from(value)).sum::<i128>();
                counts[0] += values.len() as u64;
            }
            (Sums::Int(sums), Values::Int(values)) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    sums[group] += i128::from(values.get(row));
                    counts[group] += 1;
                }
            }),
            (Sums::Float(sums), Values::Float(values)) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    sums[group].add(values.get(row));
                    counts[group] += 1;
                }
            }),
            _ => return Err(other_type()),
        }
        Ok(())
    }

    /// The count; then an integer in two halves, or the bytes of an exact sum.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let groups = groups.iter().map(|&group| group as usize);
        let mut counts = ColumnBuilder::new(Type::Int);
        groups.clone().try_for_each(|group| counts.push(Value::Int(self.counts[group].into())))?;
        let mut columns = vec![counts.finish()];
        match &self.sums {
            Sums::Int(sums) => {
                let (mut high, mut low) = (ColumnBuilder::new(Type::Int), ColumnBuilder::new(Type::Int));
                for group in groups {
                    high.push(Value::Int(sums[group] >> 64))?;
                    low.push(Value::Int((sums[group] as i64).into()))?;
                }
                columns.extend([high.finish(), low.finish()]);
            }
            Sums::Float(sums) => {
                let (mut bytes, mut scratch) = (ColumnBuilder::new(Type::Text), Vec::new());
                for group in groups {
                    scratch.clear();
                    sums[group].write(&mut scratch);
                    bytes.push(Value::Text(&scratch))?;
                }
                columns.push(bytes.finish());
            }
        }
        Ok(columns)
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let counts = state::column(state, 0, Type::Int, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let count = &mut self.counts[group as usize];
            *count = state::add_counts(*count, state::count(counts, row)?)?;
        }
        match &mut self.sums {
            Sums::Int(sums) => {
                let high = state::column(state, 1, Type::Int, into.len())?;
                let low = state::column(state, 2, Type::Int, into.len())?;
                for (row, &group) in into.iter().enumerate() {
                    let (high, low) = (state::int(high, row)?.ok_or(Torn)?, state::int(low, row)?.ok_or(Torn)?);
                    let sum = &mut sums[group as usize];
                    *sum = state::add_sums(*sum, i128::from(high) << 64 | i128::from(low as u64))?;
                }
            }
            Sums::Float(sums) => {
                let bytes = state::column(state, 1, Type::Text, into.len())?;
                for (row, &group) in into.iter().enumerate() {
                    let mut bytes = state::bytes(bytes, row)?;
                    sums[group as usize].add_bytes(&mut bytes)?;
                    if !bytes.is_empty() {
                        return Err(Torn.into());
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(self.kind);
        groups.iter().try_for_each(|&group| column.push(self.value(group as usize)?))?;
        Ok(column.finish())
    }

    fn bytes(&self) -> usize {
        let sums = match &self.sums {
            Sums::Int(sums) => sums.capacity() * size_of::<i128>(),
            Sums::Float(sums) => sums.capacity() * size_of::<ExactSum>() + sums.len() * ExactSum::USUAL_HEAP,
        };
        sums + self.counts.capacity() * size_of::<u64>()
    }
}
