//! `stdev(x)`: the standard deviation of a sample, which divides by one less than the count. Null is skipped; of fewer
//! than two values it is null, and NaN where a value is NaN or infinite.
//!
//! Sum and sum of squares are kept exactly, and so is n · Σx² - (Σx)²: what is subtracted in it is nearly all of it where
//! the values are large and close together, and rounding before would leave nothing. After it three operations round.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{
    Accumulator, Groups,
    exact::ExactSum,
    other_type,
    state::{self, Torn, take},
};
use crate::expr::{Values, Vector};

/// The moments of all groups.
pub(super) struct Stdev {
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
    /// `kind` is the type of the argument.
    pub(super) fn new(kind: Type) -> Self {
        let moments = if kind == Type::Float { Moments::Float(Vec::new()) } else { Moments::Int(Vec::new()) };
        Stdev { counts: Vec::new(), moments }
    }

    fn value(&self, group: usize) -> Value<'_> {
        let count = self.counts[group];
        if count < 2 {
            return Value::Null;
        }
        Value::Float(match &self.moments {
            Moments::Float(moments) => deviation(count, &moments[group].sum, &moments[group].squares),
            Moments::Int(moments) => {
                let (mut sum, mut squares) = (ExactSum::default(), ExactSum::default());
                let moments = &moments[group];
                sum.add_int(moments.sum);
                squares.add_wide(moments.squares, 0);
                squares.add_wide(u128::from(moments.carries), 128);
                deviation(count, &sum, &squares)
            }
        })
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

fn deviation(count: u64, sum: &ExactSum, squares: &ExactSum) -> f64 {
    let (mut n, mut numerator) = (ExactSum::default(), ExactSum::default());
    n.add_int(i128::from(count));
    numerator.add_product(false, &n, squares);
    numerator.add_product(true, sum, sum);
    let (mut mantissa, mut exponent) = numerator.scaled();
    if exponent % 2 != 0 {
        mantissa *= 2.0;
        exponent -= 1;
    }
    let (n, power) = (count as f64, exponent / 2);
    // The root of what may be beyond all floats is not; a power of two beyond them goes in two steps.
    let root = (mantissa / (n * (n - 1.0))).sqrt();
    root * 2.0_f64.powi(power / 2) * 2.0_f64.powi(power - power / 2)
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
            _ => return Err(other_type()),
        }
        Ok(())
    }

    /// The count, and the bytes of the moments.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut counts, mut bytes, mut scratch) = (ColumnBuilder::new(Type::Int), ColumnBuilder::new(Type::Text), Vec::new());
        for group in groups.iter().map(|&group| group as usize) {
            counts.push(Value::Int(self.counts[group] as i64))?;
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
                return Err(Torn.into());
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
