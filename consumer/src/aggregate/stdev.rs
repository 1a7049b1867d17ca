//! `stdev(x)`, `var(x)`: the standard deviation and the variance of a sample, which divide by one less than the count. Null is
//! skipped; of fewer than two values they are null, and NaN where a value is NaN or infinite.
//!
//! Sum and sum of squares are kept exactly, and so is n · Σx² - (Σx)²: what is subtracted in it is nearly all of it where
//! the values are large and close together, and rounding before would leave nothing. After it three operations round.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    exact::ExactSum,
    number, other_type,
    state::{self, CorruptState, take},
};
use crate::{
    expr::{Values, Vector},
    language::{AggregateWord, signature::CheckedAggregate},
    plan::{Accumulator, Aggregate, AggregateFunction, Groups, Takes},
};

/// `stdev`
pub(crate) static STDEV: AggregateWord = AggregateWord {
    name: "stdev",
    syntax: "stdev(NUMBER)",
    doc: "the standard deviation of a sample (divided by n - 1)",
    example: "stdev(bytes) by status",
    args: 1..=1,
    family: None,
    check: |catalog, word, args| {
        number(catalog, word, &args, 0)?;
        Ok(CheckedAggregate::new(Spread::Deviation, args, Type::Float))
    },
};

/// `var`
pub(crate) static VAR: AggregateWord = AggregateWord {
    name: "var",
    syntax: "var(NUMBER)",
    doc: "the variance of a sample (divided by n - 1), the square of `stdev`",
    example: "var(bytes) by status",
    args: 1..=1,
    family: None,
    check: |catalog, word, args| {
        number(catalog, word, &args, 0)?;
        Ok(CheckedAggregate::new(Spread::Variance, args, Type::Float))
    },
};

#[derive(Clone, Copy)]
enum Spread {
    Deviation,
    Variance,
}

impl AggregateFunction for Spread {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(Stdev::new(aggregate.arg(0), *self))
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }
}

/// The moments of all groups.
struct Stdev {
    spread: Spread,
    counts: Vec<u64>,
    moments: Moments,
}

enum Moments {
    Int(Vec<IntMoments>),
    Float(Vec<FloatMoments>),
}

#[derive(Clone, Default)]
struct IntMoments {
    sum: i128,
    /// The sum of squares, modulo 2¹²⁸, and how often it went beyond.
    squares: u128,
    carries: u64,
}

#[derive(Clone, Default)]
struct FloatMoments {
    sum: ExactSum,
    squares: ExactSum,
}

impl Stdev {
    /// `kind` is the type of the argument; [`Type::Mixed`] where there may be whole numbers and floats.
    fn new(kind: Type, spread: Spread) -> Self {
        let moments = if matches!(kind, Type::Float | Type::Mixed) { Moments::Float(Vec::new()) } else { Moments::Int(Vec::new()) };
        Stdev { spread, counts: Vec::new(), moments }
    }

    fn value(&self, group: usize) -> Value<'_> {
        let count = self.counts[group];
        if count < 2 {
            return Value::Null;
        }
        Value::Float(match &self.moments {
            Moments::Float(moments) => self.spread.of(count, &moments[group].sum, &moments[group].squares),
            Moments::Int(moments) => {
                let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
                let moments = &moments[group];
                sum.add_int(moments.sum);
                squares.add_wide(moments.squares, 0);
                squares.add_wide(u128::from(moments.carries), 128);
                self.spread.of(count, &sum, &squares)
            }
        })
    }

    fn add_part(&mut self, groups: &Groups<'_>, input: &Vector) -> Result<(), Error> {
        let counts = &mut self.counts;
        match (&mut self.moments, &input.values) {
            (_, Values::Null) => {}
            (Moments::Int(moments), Values::Int(values)) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    let (value, size) = (values.get(row), u128::from(values.get(row).unsigned_abs()));
                    moments[group].add(i128::from(value), size * size, 0);
                    counts[group] += 1;
                }
            }),
            (Moments::Float(moments), Values::Float(values)) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    let (value, moments) = (values.get(row), &mut moments[group]);
                    moments.sum.add(value);
                    moments.squares.add_square(value);
                    counts[group] += 1;
                }
            }),
            (Moments::Float(moments), Values::Int(values)) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    let (value, size) = (values.get(row), u128::from(values.get(row).unsigned_abs()));
                    moments[group].sum.add_int(value.into());
                    moments[group].squares.add_wide(size * size, 0);
                    counts[group] += 1;
                }
            }),
            (Moments::Float(moments), Values::Wide(values)) => groups.for_each(|row, group| {
                if !input.is_null(row) {
                    let mut value = ExactSum::default();
                    value.add_int(values.get(row));
                    moments[group].sum.add_int(values.get(row));
                    moments[group].squares.add_product(false, &value, &value);
                    counts[group] += 1;
                }
            }),
            _ => return Err(other_type()),
        }
        Ok(())
    }
}

impl IntMoments {
    #[inline]
    fn add(&mut self, sum: i128, squares: u128, carries: u64) {
        self.sum += sum;
        let (squares, is_over) = self.squares.overflowing_add(squares);
        self.squares = squares;
        self.carries += carries + u64::from(is_over);
    }
}

impl Spread {
    fn of(self, count: u64, sum: &ExactSum, squares: &ExactSum) -> f64 {
        let (mut mantissa, mut exponent) = scaled_spread(count, sum, squares);
        let pairs = count as f64 * (count as f64 - 1.0);
        // A power of two beyond all floats goes in two steps.
        let scale = |value: f64, power: i32| value * 2.0_f64.powi(power / 2) * 2.0_f64.powi(power - power / 2);
        match self {
            Spread::Variance => scale(mantissa / pairs, exponent),
            Spread::Deviation => {
                if exponent % 2 != 0 {
                    mantissa *= 2.0;
                    exponent -= 1;
                }
                // The root of what may be beyond all floats is not.
                scale((mantissa / pairs).sqrt(), exponent / 2)
            }
        }
    }
}

/// n · Σx² - (Σx)², as a float and a power of two.
pub(super) fn scaled_spread(count: u64, sum: &ExactSum, squares: &ExactSum) -> (f64, i32) {
    let (mut n, mut numerator) = (ExactSum::default(), ExactSum::default());
    n.add_int(i128::from(count));
    numerator.add_product(false, &n, squares);
    numerator.add_product(true, sum, sum);
    numerator.scaled()
}

impl Accumulator for Stdev {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        match &mut self.moments {
            Moments::Int(moments) => moments.resize(groups, IntMoments::default()),
            Moments::Float(moments) => moments.resize(groups, FloatMoments::default()),
        }
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        input.parts().iter().try_for_each(|part| self.add_part(groups, part))
    }

    /// The count, and the bytes of the moments.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut counts, mut bytes, mut scratch) = (ColumnBuilder::new(Type::Int), ColumnBuilder::new(Type::Text), Vec::new());
        for group in groups.iter().map(|&group| group as usize) {
            counts.push(Value::Int(self.counts[group].into()))?;
            scratch.clear();
            match &self.moments {
                Moments::Float(moments) => {
                    moments[group].sum.write(&mut scratch);
                    moments[group].squares.write(&mut scratch);
                }
                Moments::Int(moments) => {
                    scratch.extend_from_slice(&moments[group].sum.to_le_bytes());
                    scratch.extend_from_slice(&moments[group].squares.to_le_bytes());
                    scratch.extend_from_slice(&moments[group].carries.to_le_bytes());
                }
            }
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
            match &mut self.moments {
                Moments::Float(moments) => {
                    moments[group].sum.add_bytes(&mut bytes)?;
                    moments[group].squares.add_bytes(&mut bytes)?;
                }
                Moments::Int(moments) => {
                    let sum = i128::from_le_bytes(take(&mut bytes)?);
                    let squares = u128::from_le_bytes(take(&mut bytes)?);
                    let carries = u64::from_le_bytes(take(&mut bytes)?);
                    let moments = &mut moments[group];
                    state::add_sums(moments.sum, sum)?;
                    state::add_counts(moments.carries, carries)?;
                    moments.add(sum, squares, carries);
                }
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
        let moments = match &self.moments {
            Moments::Int(moments) => moments.capacity() * size_of::<IntMoments>(),
            Moments::Float(moments) => moments.capacity() * size_of::<FloatMoments>() + moments.len() * 2 * ExactSum::USUAL_HEAP,
        };
        moments + self.counts.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use recpipe::Value;

    use super::{Accumulator, Groups, Spread, Stdev};
    use crate::expr::{Operand, Values, Vector};

    fn stdev(values: Values, len: usize) -> Option<f64> {
        of(Spread::Deviation, values, len)
    }

    fn of(spread: Spread, values: Values, len: usize) -> Option<f64> {
        let kind = if matches!(values, Values::Float(_)) { recpipe::Type::Float } else { recpipe::Type::Int };
        let mut stdev = Stdev::new(kind, spread);
        stdev.resize(1);
        stdev.add(&Groups::One(len), &[Vector { len, values, nulls: None }], 0).unwrap();
        match stdev.finish(&[0]).unwrap().value(0) {
            Value::Float(value) => Some(value),
            Value::Null => None,
            value => panic!("{value:?}"),
        }
    }

    fn of_floats(values: &[f64]) -> Option<f64> {
        stdev(Values::Float(Operand::Each(values.to_vec())), values.len())
    }

    fn of_ints(values: &[i64]) -> Option<f64> {
        stdev(Values::Int(Operand::Each(values.to_vec())), values.len())
    }

    /// Three roundings, after one of which comes a root.
    fn assert_near(got: Option<f64>, expect: f64, what: &str) {
        let got = got.unwrap();
        assert!((got - expect).abs() <= expect * 4.0 * f64::EPSILON, "{what}: {got}, not {expect}");
    }

    // What Python's `statistics.stdev` says, which calculates with fractions.
    #[test]
    fn as_python_says() {
        for (values, expect) in [
            (&[1_000_000_004.0, 1_000_000_007.0, 1_000_000_013.0, 1_000_000_016.0][..], 5.477225575051661),
            (&[1e9 + 4e-7, 1e9 + 7e-7, 1e9 + 13e-7, 1e9 + 16e-7], 5.452006154859957e-07),
            (&[0.1, 0.1, 0.1], 0.0),
            (&[1e300, -1e300], 1.4142135623730952e+300),
            (&[1e-200, 2e-200, 4e-200], 1.5275252316519466e-200),
            (&[5e-324, 1.5e-323], 5e-324),
            (&[1e16, 1e16 + 2.0, 1e16 + 4.0, 1.0], 5000000000000001.0),
            (&[2.5, 3.25, 5.5, 11.25, 11.75], 4.389618434442793),
        ] {
            assert_near(of_floats(values), expect, &format!("{values:?}"));
        }
        assert_near(of_ints(&[i64::MAX, i64::MIN, 5]), 9.223372036854776e18, "the largest integers");
        let close = [1, 2, 4].map(|i| 1_000_000_000_000_000_000 + i);
        assert_near(of_ints(&close), 1.5275252316519468, "large integers close together");
    }

    #[test]
    fn of_too_few_or_of_no_numbers() {
        assert_eq!(of_floats(&[]), None);
        assert_eq!(of_floats(&[1.0]), None);
        assert_eq!(of_ints(&[7, 7]), Some(0.0));
        assert!(of_floats(&[1.0, f64::INFINITY]).is_some_and(f64::is_nan));
        assert!(of_floats(&[f64::NAN, 1.0, 2.0]).is_some_and(f64::is_nan));
    }

    proptest! {
        #[test]
        fn of_integers_as_by_definition(values in prop::collection::vec(-1_000_000_000_000_i64..1_000_000_000_000, 2..40)) {
            let n = values.len() as i128;
            let sum: i128 = values.iter().map(|&value| i128::from(value)).sum();
            let squares: i128 = values.iter().map(|&value| i128::from(value).pow(2)).sum();
            let expect = ((n * squares - sum * sum) as f64 / (n * (n - 1)) as f64).sqrt();
            assert_near(of_ints(&values), expect, "integers");
            assert_near(of(Spread::Variance, Values::Int(Operand::Each(values.clone())), values.len()), expect * expect, "variance");
            assert_near(of_floats(&values.iter().map(|&value| value as f64).collect::<Vec<_>>()), expect, "floats");
        }
    }
}
