//! `sum(x)`: exact for integers, or an overflow error; for floats exact and then rounded, so independent of the order.
//! Null is skipped; the sum of nothing is null.

use std::any::Any;

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{Accumulator, Groups, exact::ExactSum, same_kind};
use crate::expr::{Operand, Values, Vector};

/// The sums of all groups.
pub(super) struct Sum {
    name: String,
    kind: Type,
    sums: Sums,
    any: Vec<bool>,
}

enum Sums {
    /// 2⁶⁴ integers of 64 bits cannot overflow it.
    Int(Vec<i128>),
    Float(Vec<ExactSum>),
}

impl Sum {
    pub(super) fn new(name: String, kind: Type) -> Self {
        let sums = if kind == Type::Float { Sums::Float(Vec::new()) } else { Sums::Int(Vec::new()) };
        Sum { name, kind, sums, any: Vec::new() }
    }
}

impl Accumulator for Sum {
    fn resize(&mut self, groups: usize) {
        self.any.resize(groups, false);
        match &mut self.sums {
            Sums::Int(sums) => sums.resize(groups, 0),
            Sums::Float(sums) => sums.resize(groups, ExactSum::default()),
        }
    }

    fn add(&mut self, groups: &Groups<'_>, input: Option<&Vector>) -> Result<(), Error> {
        let Some(input) = input else { return Err(Error::Protocol("sum without an argument")) };
        let any = &mut self.any;
        match (&mut self.sums, &input.values) {
            (_, Values::Null) => {}
            (Sums::Int(sums), Values::Int(Operand::Each(values))) if input.nulls.is_none() && matches!(groups, Groups::One(_)) => {
                sums[0] += values.iter().map(|&value| i128::from(value)).sum::<i128>();
                any[0] |= !values.is_empty();
            }
            (Sums::Int(sums), Values::Int(values)) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    sums[group] += i128::from(values.get(row));
                    any[group] = true;
                }
            }),
            (Sums::Float(sums), Values::Float(values)) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    sums[group].add(values.get(row));
                    any[group] = true;
                }
            }),
            _ => return Err(Error::Protocol("sum of another type than was checked")),
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Any>, into: &[u32]) -> Result<(), Error> {
        let other = same_kind::<Self>(other)?;
        for (from, &group) in into.iter().enumerate() {
            let group = group as usize;
            self.any[group] |= other.any[from];
            match (&mut self.sums, &other.sums) {
                (Sums::Int(sums), Sums::Int(others)) => sums[group] += others[from],
                (Sums::Float(sums), Sums::Float(others)) => sums[group].merge(&others[from]),
                _ => return Err(Error::Protocol("sums of different types merged")),
            }
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(self.kind);
        for group in groups.iter().map(|&group| group as usize) {
            column.push(match &self.sums {
                _ if !self.any[group] => Value::Null,
                Sums::Float(sums) => Value::Float(sums[group].value()),
                Sums::Int(sums) => Value::Int(i64::try_from(sums[group]).map_err(|_| {
                    let sum = sums[group];
                    Error::Data(format!(
                        "integer overflow: `{}` is {sum}, which does not fit in 64 bits; write `sum(float(…))` for a rounded sum",
                        self.name
                    ))
                })?),
            })?;
        }
        Ok(column.finish())
    }
}
