//! `quantile(x, q)`, `median(x)`, `percentile(x, 95)`, `p95(x)`: by a [`Sketch`], exact of up to [`Sketch::EXACT`] different values a group, and within
//! 0.1 % of more. Null is skipped; of nothing it is null.

use recpipe::{Column, ColumnBuilder, Error, Type, Value};

use super::{number, other_type, sketch::Sketch, state};
use crate::{
    expr::{Constant, Expr, Node, Values, Vector},
    language::{
        AggregateWord, Catalog, Family,
        signature::{CheckedAggregate, Mistake},
    },
    plan::{Accumulator, Aggregate, AggregateFunction, Groups, Takes},
};

/// `median`
pub(crate) static MEDIAN: AggregateWord = AggregateWord {
    name: "median",
    syntax: "median(NUMBER)",
    doc: "half lie below: exact up to 65,536 different values, then within 0.1 %",
    example: "median(bytes) by host",
    args: 1..=1,
    family: None,
    check: |catalog, word, args| {
        number(catalog, word, &args, 0)?;
        Ok(CheckedAggregate::new(Share(0.5), args, Type::Float))
    },
};

/// `percentile`
pub(crate) static PERCENTILE_OF: AggregateWord = AggregateWord {
    name: "percentile",
    syntax: "percentile(NUMBER, PERCENT)",
    doc: "that percentage lies below, from 0 to 100; as exact as median",
    example: "percentile(bytes, 95) by host",
    args: 2..=2,
    family: None,
    check: |catalog, word, args| check_share(catalog, word, args, ("the percentage of a percentile", 100.0)),
};

/// `p95`, which stands for all percentiles
pub(crate) static PERCENTILE: AggregateWord = AggregateWord {
    name: "p95",
    syntax: "p50(NUMBER) | p95(NUMBER) | p999(NUMBER)",
    doc: "that percentage lies below, p1 to p99; p999 is 99.9 %; as exact as median",
    example: "p95(bytes), p999(bytes) by host",
    args: 1..=1,
    family: Some(Family { has: |word| percentile_share(word).is_some(), hint: percentiles }),
    check: check_percentile,
};

/// `quantile`
pub(crate) static QUANTILE: AggregateWord = AggregateWord {
    name: "quantile",
    syntax: "quantile(NUMBER, SHARE)",
    doc: "that share lies below, from 0 to 1; as exact as median",
    example: "quantile(bytes, 0.25) as quarter",
    args: 2..=2,
    family: None,
    check: |catalog, word, args| check_share(catalog, word, args, ("the share of a quantile", 1.0)),
};

fn check_percentile(catalog: &Catalog, word: &str, args: Vec<Expr>) -> Result<CheckedAggregate, Mistake> {
    number(catalog, word, &args, 0)?;
    let no_percentile = || Mistake { arg: 0, what: format!("`{word}` is no percentile"), label: String::new() };
    Ok(CheckedAggregate::new(Share(percentile_share(word).ok_or_else(no_percentile)?), args, Type::Float))
}

/// The share that a word such as `p95` means: two digits are percent, and what follows them, after a nine, is their fraction.
fn percentile_share(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('p').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let fraction = match digits.len() {
        1 => format!("0.0{digits}"),
        2 => format!("0.{digits}"),
        3..=9 if digits.starts_with('9') => format!("0.{digits}"),
        _ => return None,
    };
    fraction.parse().ok().filter(|&share| share > 0.0)
}

/// What to say of a word that looks like a percentile and is no aggregate.
fn percentiles(word: &str) -> Option<&'static str> {
    let is_one = word.strip_prefix('p').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    is_one.then_some("percentiles are `p1` to `p99` and `p999`; for others write `quantile(x, 0.5)`")
}

/// A use of a word whose second argument is so much of `whole`, below which values lie.
fn check_share(catalog: &Catalog, word: &str, mut args: Vec<Expr>, (what, whole): (&str, f64)) -> Result<CheckedAggregate, Mistake> {
    number(catalog, word, &args, 0)?;
    let written = match args.get(1).map(Expr::node) {
        Some(Node::Constant(Constant::Float(share))) => *share,
        Some(Node::Constant(Constant::Int(share))) => *share as f64,
        _ => {
            let what = format!("{what} must be known before data flows");
            let label = format!("write a number from 0 to {whole}, as in `{word}(x, {})`", 0.95 * whole);
            return Err(Mistake { arg: 1, what, label });
        }
    };
    let share = written / whole;
    if (0.0..=1.0).contains(&share) {
        // No value of each record.
        args.truncate(1);
        return Ok(CheckedAggregate::new(Share(share), args, Type::Float));
    }
    let label = match (args.first(), written) {
        // Percent, most likely.
        (Some(x), 1.0..=100.0) if whole == 1.0 => format!("write `{word}({}, {})`", catalog.written(x), written / 100.0),
        _ => String::new(),
    };
    Err(Mistake { arg: 1, what: format!("{what} is from 0 to {whole}, not {written}"), label })
}

/// What this share, from 0 to 1, lies below.
struct Share(f64);

impl AggregateFunction for Share {
    fn accumulator(&self, aggregate: &Aggregate) -> Box<dyn Accumulator> {
        Box::new(Quantile::new(aggregate.arg(0), self.0))
    }

    fn takes(&self) -> Takes {
        Takes::Numbers
    }

    fn exactness(&self) -> Option<String> {
        let (exact, digits) = (Sketch::EXACT, Sketch::DIGITS);
        Some(format!("quantiles of a group of up to {exact} different values; of more they are within 0.1 %, in {digits} digits"))
    }
}

/// The sketches of all groups.
struct Quantile {
    q: f64,
    is_int: bool,
    sketches: Vec<Sketch>,
    sketch_bytes: usize,
}

impl Quantile {
    /// The share `q` from 0 to 1; `kind` is the type of the argument.
    fn new(kind: Type, q: f64) -> Self {
        Quantile { q, is_int: kind == Type::Int, sketches: Vec::new(), sketch_bytes: 0 }
    }
}

impl Accumulator for Quantile {
    fn resize(&mut self, groups: usize) {
        self.sketches.resize_with(groups, Sketch::default);
    }

    fn add(&mut self, groups: &Groups<'_>, args: &[Vector], _: u64) -> Result<(), Error> {
        let [input] = args else { return Err(other_type()) };
        let (sketches, mut grown) = (&mut self.sketches, 0);
        for part in input.parts() {
            let mut add = |row: usize, group: usize, value: f64| {
                if !part.is_null(row) {
                    grown += sketches[group].add(value);
                }
            };
            match &part.values {
                Values::Null => {}
                Values::Int(values) => groups.for_each(|row, group| add(row, group, values.get(row) as f64)),
                Values::Wide(values) => groups.for_each(|row, group| add(row, group, values.get(row) as f64)),
                Values::Float(values) => groups.for_each(|row, group| add(row, group, values.get(row))),
                _ => return Err(other_type()),
            }
        }
        self.sketch_bytes = self.sketch_bytes.saturating_add_signed(grown);
        Ok(())
    }

    /// The bytes of values, or those of counts.
    fn state(&self, groups: &[u32]) -> Result<Vec<Column>, Error> {
        let (mut values, mut counts) = (ColumnBuilder::new(Type::Text), ColumnBuilder::new(Type::Text));
        let (mut value_bytes, mut count_bytes) = (Vec::new(), Vec::new());
        for &group in groups {
            value_bytes.clear();
            count_bytes.clear();
            self.sketches[group as usize].write((&mut value_bytes, &mut count_bytes));
            values.push(Value::Text(&value_bytes))?;
            counts.push(Value::Text(&count_bytes))?;
        }
        Ok(vec![values.finish(), counts.finish()])
    }

    fn merge_state(&mut self, state: &[Column], into: &[u32]) -> Result<(), Error> {
        let values = state::column(state, 0, Type::Text, into.len())?;
        let counts = state::column(state, 1, Type::Text, into.len())?;
        for (row, &group) in into.iter().enumerate() {
            let grown = self.sketches[group as usize].merge(state::bytes(values, row)?, state::bytes(counts, row)?)?;
            self.sketch_bytes = self.sketch_bytes.saturating_add_signed(grown);
        }
        Ok(())
    }

    fn finish(&self, groups: &[u32]) -> Result<Column, Error> {
        let mut column = ColumnBuilder::new(Type::Float);
        for &group in groups {
            let quantile = self.sketches[group as usize].quantile(self.q, self.is_int);
            column.push(quantile.map_or(Value::Null, Value::Float))?;
        }
        Ok(column.finish())
    }

    fn bytes(&self) -> usize {
        self.sketches.capacity() * size_of::<Sketch>() + self.sketch_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::percentile_share;

    #[test]
    fn percentiles_are_shares() {
        let check = |word: &str, share: Option<f64>| assert_eq!(percentile_share(word), share, "{word}");
        check("p1", Some(0.01));
        check("p05", Some(0.05));
        check("p50", Some(0.5));
        check("p99", Some(0.99));
        check("p975", Some(0.975));
        check("p999", Some(0.999));
        check("p9999", Some(0.9999));
        for word in ["p", "p0", "p00", "p100", "p123", "px", "P95", "p9x", "p-1", "q50", "p9999999999"] {
            check(word, None);
        }
    }
}
