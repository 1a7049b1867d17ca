//! `corr(x, y)`: Pearson's coefficient of correlation. Records in which either is null are skipped; of fewer than two, and where one
//! of them is the same in all, it is null, and NaN where a value is NaN or infinite.
//!
//! The sums, also those of squares and products, are exact, as for [`super::stdev`].

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    exact::ExactSum,
    number, other_type,
    state::{self, CorruptState},
    stdev::scaled_spread,
};
use crate::{
    expr::Vector,
    language::{AggregateWord, signature::CheckedAggregate},
    plan::{Accumulator, Aggregate, AggregateFunction, Groups, Takes},
};

/// `corr`
pub(crate) static CORR: AggregateWord = AggregateWord {
    name: "corr",
    syntax: "corr(NUMBER, NUMBER)",
    doc: "the coefficient of correlation of two numbers, from -1 to 1",
    example: "corr(bytes, status) by method",
    args: 2..=2,
    family: None,
    check: |catalog, word, args| {
        number(catalog, word, &args, 0)?;
        number(catalog, word, &args, 1)?;
        Ok(CheckedAggregate::new(Correlation, args, Type::Float))
    },
};

struct Correlation;

impl AggregateFunction for Correlation {
    fn accumulator(&self, _: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(Corr::default())
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }
}

/// The moments of all groups.
#[derive(Default)]
struct Corr {
    counts: Vec<u64>,
    moments: Vec<[ExactSum; MOMENTS]>,
}

/// The sums of x, y, x², y² and xy.
const MOMENTS: usize = 5;

impl Corr {
    fn value(&self, group: usize) -> Value<'_> {
        let (count, [x, y, xx, yy, xy]) = (self.counts[group], &self.moments[group]);
        if count < 2 {
            return Value::Null;
        }
        // n · Σxy - Σx · Σy, over the roots of the same of x and x and of y and y.
        let (mut n, mut both) = (ExactSum::default(), ExactSum::default());
        n.add_int(i128::from(count));
        both.add_product(false, &n, xy);
        both.add_product(true, x, y);
        let (over, exponent) = both.scaled();
        let [(of_x, exponent_x), (of_y, exponent_y)] = [scaled_spread(count, x, xx), scaled_spread(count, y, yy)].map(root);
        if of_x == 0.0 || of_y == 0.0 {
            return Value::Null;
        }
        let value = over / of_x / of_y * 2.0_f64.powi(exponent - exponent_x - exponent_y);
        Value::Float(if value.is_nan() { f64::NAN } else { value.clamp(-1.0, 1.0) })
    }
}

/// The root of a float times a power of two, as the same.
fn root((mut mantissa, mut exponent): (f64, i32)) -> (f64, i32) {
    if exponent % 2 != 0 {
        mantissa *= 2.0;
        exponent -= 1;
    }
    (mantissa.sqrt(), exponent / 2)
}

/// A number, exactly.
fn exactly(value: Value<'_>) -> Result<Option<ExactSum>, Error> {
    let mut sum = ExactSum::default();
    match value {
        Value::Null => return Ok(None),
        Value::Int(value) => sum.add_int(value),
        Value::Float(value) => sum.add(value),
        _ => return Err(other_type()),
    }
    Ok(Some(sum))
}

impl Accumulator for Corr {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        self.moments.resize_with(groups, Default::default);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let [x, y] = args else { return Err(other_type()) };
        groups.try_for_each(|row, group| {
            let (x, y) = (x.value(row), y.value(row));
            let moments = &mut self.moments[group];
            match (x, y) {
                (Value::Null, _) | (_, Value::Null) => return Ok(()),
                // The usual case without what others need: sums of their own.
                (Value::Int(x), Value::Int(y)) if i64::try_from(x).is_ok() && i64::try_from(y).is_ok() => {
                    moments[0].add_int(x);
                    moments[1].add_int(y);
                    moments[2].add_int(x * x);
                    moments[3].add_int(y * y);
                    moments[4].add_int(x * y);
                }
                (x, y) => {
                    let (Some(x), Some(y)) = (exactly(x)?, exactly(y)?) else { return Ok(()) };
                    let mut one = ExactSum::default();
                    one.add_int(1);
                    for (moment, (a, b)) in moments.iter_mut().zip([(&x, &one), (&y, &one), (&x, &x), (&y, &y), (&x, &y)]) {
                        moment.add_product(false, a, b);
                    }
                }
            }
            self.counts[group] += 1;
            Ok(())
        })
    }

    /// The count, and the bytes of the moments.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut counts, mut bytes, mut scratch) = (ColumnBuilder::new(Type::Int), ColumnBuilder::new(Type::Text), Vec::new());
        for group in groups.iter().map(|&group| group as usize) {
            counts.push(Value::Int(self.counts[group].into()))?;
            scratch.clear();
            self.moments[group].iter().for_each(|moment| moment.write(&mut scratch));
            bytes.push(Value::Text(&scratch))?;
        }
        Ok(vec![counts.finish(), bytes.finish()])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let counts = state::column(state, 0, Type::Int, into.len())?;
        let moments = state::column(state, 1, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let group = group as usize;
            self.counts[group] = state::add_counts(self.counts[group], state::count(counts, row)?)?;
            let mut bytes = state::bytes(moments, row)?;
            for moment in &mut self.moments[group] {
                moment.add_bytes(&mut bytes)?;
            }
            if !bytes.is_empty() {
                return Err(CorruptState.into());
            }
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(Type::Float);
        groups.iter().try_for_each(|&group| column.push(self.value(group as usize)))?;
        Ok(column.finish())
    }

    fn bytes(&self) -> usize {
        let moments = self.moments.capacity() * MOMENTS * size_of::<ExactSum>() + self.moments.len() * MOMENTS * ExactSum::USUAL_HEAP;
        moments + self.counts.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use recpipe::Value;

    use super::{Accumulator, Corr, Groups};
    use crate::expr::{Operand, Values, Vector};

    fn floats(values: &[f64]) -> Vector {
        Vector { len: values.len(), values: Values::Float(Operand::Each(values.to_vec())), nulls: None }
    }

    fn corr(x: &[f64], y: &[f64]) -> Option<f64> {
        let mut corr = Corr::default();
        corr.resize(1);
        corr.add(&Groups::One(x.len()), &[floats(x), floats(y)], 0).unwrap();
        match corr.finish(&[0]).unwrap().value(0) {
            Value::Float(value) => Some(value),
            Value::Null => None,
            value => panic!("{value:?}"),
        }
    }

    #[test]
    fn of_lines_and_of_what_has_none() {
        assert_eq!(corr(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]), Some(1.0));
        assert_eq!(corr(&[1.0, 2.0, 3.0], &[1e300, -1e300, -3e300]), Some(-1.0));
        assert_eq!(corr(&[1e-300, 2e-300, 4e-300], &[1.0, 2.0, 4.0]), Some(1.0));
        assert_eq!(corr(&[1.0, 2.0, 3.0], &[1.0, 0.0, 1.0]), Some(0.0));
        // statistics.correlation of Python.
        let got = corr(&[1.0, 2.0, 3.0, 5.0], &[2.0, 1.0, 4.0, 3.0]).unwrap();
        assert!((got - 0.529150262212918).abs() < 1e-15, "{got}");
        assert_eq!(corr(&[1.0], &[1.0]), None);
        assert_eq!(corr(&[], &[]), None);
        assert_eq!(corr(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert!(corr(&[1.0, f64::INFINITY], &[1.0, 2.0]).is_some_and(f64::is_nan));
    }

    proptest! {
        #[test]
        fn of_ints_as_of_the_same_floats(values in prop::collection::vec((-1_000_000..1_000_000_i64, -50..50_i64), 0..30)) {
            let (x, y): (Vec<i64>, Vec<i64>) = values.into_iter().unzip();
            let ints = |values: &[i64]| Vector { len: values.len(), values: Values::Int(Operand::Each(values.to_vec())), nulls: None };
            let mut of_ints = Corr::default();
            of_ints.resize(1);
            of_ints.add(&Groups::One(x.len()), &[ints(&x), ints(&y)], 0).unwrap();
            let got = match of_ints.finish(&[0]).unwrap().value(0) {
                Value::Float(value) => Some(value),
                _ => None,
            };
            let as_floats = |values: &[i64]| values.iter().map(|&value| value as f64).collect::<Vec<_>>();
            prop_assert_eq!(got, corr(&as_floats(&x), &as_floats(&y)));
        }
    }
}
