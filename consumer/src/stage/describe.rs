//! `describe`: what there is in each field, a record a field: its type, the share of nulls, how many distinct values, the least, the
//! greatest, the median, what 95 % lie below, and the commonest value. All of it is exact: it is read off the values of each field,
//! sorted, and how often each came.
//!
//! Runs:   in each worker, then merged.  Order: of the fields; those that came later than the sample by name.
//! Memory: O(distinct values of all fields); what goes beyond the budget is in temporary files.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: temporary files that cannot be written.

use recpipe::{Error, Type, Value};

use super::frequencies::{self, Digest, DigestOp, OfField, Rows, Times, Wanted};
use crate::{
    aggregate::rank::Rank,
    expr::Constant,
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, parsed},
    plan::{About, Runs},
    span::Span,
};

/// `describe`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "describe",
        syntax: "describe",
        doc: "a row a field: type, share of nulls, distinct, min, max, median, p95, commonest",
        example: "describe",
        runs: Runs::WorkersThenMerge,
        memory: "O(distinct values)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

/// What is said of the last of the stages that it is made of.
static DIGEST: StageWord =
    StageWord { about: About { runs: Runs::Once, memory: "O(fields)", spills: false, blocks: false, ..WORD.about }, parse };

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(DescribeSyntax))
}

#[derive(Debug)]
struct DescribeSyntax;

const COLUMNS: [(&str, Type); 9] = [
    ("field", Type::Text),
    ("type", Type::Text),
    ("nulls", Type::Float),
    ("distinct", Type::Int),
    ("min", Type::Mixed),
    ("max", Type::Mixed),
    ("median", Type::Float),
    ("p95", Type::Float),
    ("common", Type::Mixed),
];

impl Syntax for DescribeSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let wanted = Wanted::all(checker);
        let names = frequencies::count(checker, upstream, span, wanted);
        frequencies::enter(checker, &COLUMNS, span);
        checker.push(upstream, &DIGEST, span, names.map(|names| DigestOp { names, digest: Description::default() }));
    }
}

/// What is known of a field so far, whose values come sorted.
#[derive(Clone, Debug, Default)]
struct Description {
    /// The only type of its values, or [`Type::Mixed`].
    kind: Option<Type>,
    distinct: u64,
    min: Option<Constant>,
    max: Option<Constant>,
    /// The commonest, and how often it came; of several the first in the order of values.
    common: Option<(Constant, u64)>,
    /// How many numbers came, but for NaN, which is the greatest.
    numbers: u64,
    quantiles: [Quantile; 2],
}

/// The values at the two places of a quantile, as far as they have come.
#[derive(Clone, Copy, Debug, Default)]
struct Quantile([Option<f64>; 2]);

/// The quantiles that are given.
const SHARES: [f64; 2] = [0.5, 0.95];

impl Description {
    /// Notes a number, of which so many come.
    fn number(&mut self, number: f64, times: u64, total: u64) {
        let next = self.numbers + times;
        for (Quantile(found), share) in self.quantiles.iter_mut().zip(SHARES) {
            let places = Rank::new(share, total).map_or([u64::MAX; 2], |rank| rank.places);
            let is_here = |place| (self.numbers..next).contains(&place);
            found.iter_mut().zip(places).filter(|(_, place)| is_here(*place)).for_each(|(found, _)| *found = Some(number + 0.0));
        }
        self.numbers = next;
    }

    /// The quantile of this number among [`SHARES`], of so many numbers. What was not among those that came is NaN.
    fn quantile(&self, which: usize, total: u64) -> Value<'static> {
        let rank = Rank::new(SHARES[which], total);
        let values = self.quantiles[which].0.map(|value| value.unwrap_or(f64::NAN));
        rank.map_or(Value::Null, |rank| Value::Float(rank.between(values)))
    }
}

/// Whether two values are compared with each other: the greatest is one of those that the least can be compared with.
fn are_alike(a: &Value<'_>, b: &Value<'_>) -> bool {
    let is_number = |value: &Value<'_>| matches!(value, Value::Int(_) | Value::Float(_));
    is_number(a) && is_number(b) || a.kind() == b.kind()
}

impl Digest for Description {
    fn value(&mut self, field: &OfField<'_>, value: Value<'_>, times: Times, _: &mut Rows) -> Result<(), Error> {
        let kind = value.kind();
        self.kind = Some(self.kind.filter(|known| *known != kind).map_or(kind, |_| Type::Mixed));
        self.distinct += 1;
        if self.common.as_ref().is_none_or(|common| times.all > common.1) {
            self.common = Some((Constant::of(&value), times.all));
        }
        if self.min.is_none() {
            self.min = Some(Constant::of(&value));
        }
        if self.min.as_ref().is_some_and(|min| are_alike(&min.value(), &value)) {
            self.max = Some(Constant::of(&value));
        }
        match value {
            Value::Int(number) => self.number(number as f64, times.all, field.numbers),
            Value::Float(number) if !number.is_nan() => self.number(number, times.all, field.numbers),
            _ => {}
        }
        Ok(())
    }

    fn end(self, field: &OfField<'_>, nulls: Times, rows: &mut Rows) -> Result<(), Error> {
        let shown = |value: &'_ Option<Constant>| value.clone().unwrap_or(Constant::Null);
        let (min, max, common) = (shown(&self.min), shown(&self.max), shown(&self.common.as_ref().map(|common| common.0.clone())));
        rows.push(&[
            Value::Text(field.name.as_bytes()),
            Value::Text(self.kind.unwrap_or(Type::Null).to_string().as_bytes()),
            frequencies::share(nulls.all, field.records.all, 1.0).map_or(Value::Null, Value::Float),
            Value::Int(self.distinct.into()),
            min.value(),
            max.value(),
            self.quantile(0, field.numbers),
            self.quantile(1, field.numbers),
            common.value(),
        ])
    }
}
