//! `sum(x)` and `avg(x)`: whole numbers are summed exactly, an error beyond 128 bits; floats exactly, and then rounded, so
//! independently of the order. The sum of both is a float, rounded once; a mean is the exact sum divided by the count, rounded
//! once each. Null is skipped; the sum and the mean of nothing are null.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    exact::ExactSum,
    number, other_type,
    state::{self, CorruptState},
};
use crate::{
    expr::{Expr, Operand, Values, Vector},
    language::{AggregateWord, signature::CheckedAggregate},
    plan::{Accumulator, Aggregate, AggregateFunction, Groups, Takes},
};

/// `sum`
pub(crate) static SUM: AggregateWord = AggregateWord {
    name: "sum",
    syntax: "sum(NUMBER)",
    doc: "the sum; an integer sum is exact or an error",
    example: "sum(bytes) as total by host",
    args: 1..=1,
    family: None,
    check: |catalog, word, args| {
        let kind = number(catalog, word, &args, 0)?;
        Ok(CheckedAggregate::new(OfNumbers { is_mean: false }, args, kind))
    },
};

/// `avg`
pub(crate) static AVG: AggregateWord = AggregateWord {
    name: "avg",
    syntax: "avg(NUMBER)",
    doc: "the mean",
    example: "avg(bytes) by status",
    args: 1..=1,
    family: None,
    check: |catalog, word, args| {
        number(catalog, word, &args, 0)?;
        Ok(CheckedAggregate::new(OfNumbers { is_mean: true }, args, Type::Float))
    },
};

struct OfNumbers {
    is_mean: bool,
}

impl AggregateFunction for OfNumbers {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(Sum::new(aggregate, self.is_mean))
    }

    fn is_open(&self, aggregate: &Aggregate) -> bool {
        !self.is_mean && (aggregate.kind == Type::Int || aggregate.args.iter().any(Expr::is_open))
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }
}

/// Sums of whole numbers below this are far from the bound.
const FAR: u128 = 1 << 125;

/// The sums of all groups, and of how many values they are.
struct Sum {
    name: String,
    kind: Type,
    is_mean: bool,
    counts: Vec<u64>,
    /// Whole numbers, as far as 128 bits hold their sum: 2⁶³ of 64 bits cannot overflow it.
    ints: Vec<i128>,
    /// Everything else: the floats, and whole numbers that would have gone beyond. Empty until there is such a value.
    others: Vec<ExactSum>,
    /// How many of the values were floats; as long as `others`.
    floats: Vec<u64>,
}

impl Sum {
    fn new(aggregate: &Aggregate, is_mean: bool) -> Self {
        Sum {
            name: aggregate.name.clone(),
            kind: aggregate.storage(),
            is_mean,
            counts: Vec::new(),
            ints: Vec::new(),
            others: Vec::new(),
            floats: Vec::new(),
        }
    }

    fn value(&self, group: usize) -> Result<Value<'_>, Error> {
        let count = self.counts[group];
        if count == 0 {
            return Ok(Value::Null);
        }
        let (ints, others) = (self.ints[group], self.others.get(group).filter(|sum| !sum.is_zero() || self.floats[group] > 0));
        let Some(others) = others else {
            return Ok(if self.is_mean { Value::Float(ints as f64 / count as f64) } else { Value::Int(ints) });
        };
        let mut sum = others.clone();
        sum.add_int(ints);
        if self.is_mean {
            return Ok(Value::Float(sum.value() / count as f64));
        }
        if self.floats[group] > 0 {
            return Ok(Value::Float(sum.value()));
        }
        let name = &self.name;
        let beyond = || {
            Error::Data(format!(
                "integer overflow: `{name}` is about {:e}, which does not fit in 128 bits; write `sum(float(…))` for a rounded sum",
                sum.value()
            ))
        };
        sum.to_int().map(Value::Int).ok_or_else(beyond)
    }

    /// Makes sure that there is a place for what is no whole number of a usual size.
    fn make_others(&mut self) {
        self.others.resize(self.counts.len(), ExactSum::default());
        self.floats.resize(self.counts.len(), 0);
    }

    /// Adds a whole number of any size to a group's sum.
    fn add_wide(&mut self, group: usize, value: i128) {
        match self.ints[group].checked_add(value) {
            Some(sum) => self.ints[group] = sum,
            None => {
                self.make_others();
                self.others[group].add_int(value);
            }
        }
    }

    fn add_one(&mut self, group: usize, value: Value<'_>) -> Result<(), Error> {
        match value {
            Value::Null => return Ok(()),
            Value::Int(value) => {
                // As a wide one: from here on, every sum is held against the bound.
                self.make_others();
                self.add_wide(group, value);
            }
            Value::Float(value) => {
                self.make_others();
                self.floats[group] += 1;
                self.others[group].add(value);
            }
            _ => return Err(other_type()),
        }
        self.counts[group] += 1;
        Ok(())
    }

    fn add_part(&mut self, groups: &Groups<'_>, part: &Vector) -> Result<(), Error> {
        let counts = &mut self.counts;
        match &part.values {
            Values::Null => {}
            Values::Int(Operand::Each(values)) if part.nulls.is_none() && matches!(groups, Groups::One(_)) => {
                let sum = values.iter().map(|&value| i128::from(value)).sum::<i128>();
                counts[0] += values.len() as u64;
                self.add_wide(0, sum);
            }
            // Sums are far from the bound as long as nothing larger was added, and 2⁶² values of 64 bits do not reach it.
            Values::Int(values) if self.others.is_empty() => {
                let ints = &mut self.ints;
                groups.for_each(|row, group| {
                    if !part.is_null(row) {
                        ints[group] += i128::from(values.get(row));
                        counts[group] += 1;
                    }
                });
            }
            Values::Int(values) => groups.for_each(|row, group| {
                if !part.is_null(row) {
                    self.counts[group] += 1;
                    self.add_wide(group, values.get(row).into());
                }
            }),
            Values::Wide(values) => {
                // From here on, every sum is held against the bound.
                self.make_others();
                groups.for_each(|row, group| {
                    if !part.is_null(row) {
                        self.counts[group] += 1;
                        self.add_wide(group, values.get(row));
                    }
                });
            }
            Values::Float(values) => {
                self.make_others();
                groups.for_each(|row, group| {
                    if !part.is_null(row) {
                        self.counts[group] += 1;
                        self.floats[group] += 1;
                        self.others[group].add(values.get(row));
                    }
                });
            }
            _ => return Err(other_type()),
        }
        Ok(())
    }
}

impl Accumulator for Sum {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        self.ints.resize(groups, 0);
        if !self.others.is_empty() {
            self.make_others();
        }
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        input.parts().iter().try_for_each(|part| self.add_part(groups, part))
    }

    fn running(&mut self, groups: &[u32], args: &[Vector], _: u64) -> Result<Vector, Error> {
        let [input] = args else { return Err(other_type()) };
        let len = groups.len();
        // As in `add_part`.
        if let (Values::Int(values), true) = (&input.values, self.others.is_empty()) {
            let (counts, ints) = (&mut self.counts, &mut self.ints);
            let add = |(row, &group): (usize, &u32)| {
                let group = group as usize;
                if !input.is_null(row) {
                    ints[group] += i128::from(values.get(row));
                    counts[group] += 1;
                }
                (ints[group], counts[group])
            };
            let sums: Vec<(i128, u64)> = groups.iter().enumerate().map(add).collect();
            let nulls = Some(sums.iter().map(|sum| sum.1 == 0).collect::<Vec<_>>()).filter(|nulls| nulls.contains(&true));
            let values = match self.is_mean {
                true => Values::Float(Operand::Each(sums.iter().map(|&(sum, count)| sum as f64 / count.max(1) as f64).collect())),
                false => match sums.iter().map(|sum| i64::try_from(sum.0)).collect() {
                    Ok(narrow) => Values::Int(Operand::Each(narrow)),
                    Err(_) => Values::Wide(Operand::Each(sums.iter().map(|sum| sum.0).collect())),
                },
            };
            return Ok(Vector { len, values, nulls });
        }
        let mut results = ColumnBuilder::new(Type::Mixed);
        for (row, &group) in groups.iter().enumerate() {
            self.add_one(group as usize, input.value(row))?;
            results.push(self.value(group as usize)?)?;
        }
        Ok(Vector::from_rows(&results.finish(), None))
    }

    /// The count; the whole number; how many floats there are, and the bytes of the exact sum of all others.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let [mut counts, mut ints, mut floats] = [Type::Int; 3].map(ColumnBuilder::new);
        let (mut others, mut scratch) = (ColumnBuilder::new(Type::Text), Vec::new());
        for group in groups.iter().map(|&group| group as usize) {
            counts.push(Value::Int(self.counts[group].into()))?;
            ints.push(Value::Int(self.ints[group]))?;
            floats.push(Value::Int(self.floats.get(group).copied().unwrap_or(0).into()))?;
            match self.others.get(group).filter(|sum| !sum.is_zero()) {
                Some(sum) => {
                    scratch.clear();
                    sum.write(&mut scratch);
                    others.push(Value::Text(&scratch))?;
                }
                None => others.push(Value::Null)?,
            }
        }
        Ok([counts, ints, floats, others].iter_mut().map(ColumnBuilder::finish).collect())
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let counts = state::column(state, 0, Type::Int, into.len())?;
        let ints = state::column(state, 1, Type::Int, into.len())?;
        let floats = state::column(state, 2, Type::Int, into.len())?;
        let others = state::column(state, 3, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let group = group as usize;
            self.counts[group] = state::add_counts(self.counts[group], state::count(counts, row)?)?;
            let Value::Int(int) = ints.value(row) else { return Err(CorruptState.into()) };
            if int.unsigned_abs() >= FAR {
                self.make_others();
            }
            self.add_wide(group, int);
            let (floats, mut bytes) = (state::count(floats, row)?, state::bytes(others, row)?);
            if floats > 0 || !bytes.is_empty() {
                self.make_others();
                self.floats[group] = state::add_counts(self.floats[group], floats)?;
            }
            if !bytes.is_empty() {
                self.others[group].add_bytes(&mut bytes)?;
                if !bytes.is_empty() {
                    return Err(CorruptState.into());
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
        let others = self.others.capacity() * size_of::<ExactSum>() + self.others.len() * ExactSum::USUAL_HEAP;
        others + self.ints.capacity() * size_of::<i128>() + (self.counts.capacity() + self.floats.capacity()) * size_of::<u64>()
    }
}
