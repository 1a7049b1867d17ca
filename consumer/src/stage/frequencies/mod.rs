//! How often each field has each value: what `describe`, `facets` and `compare` are made of.
//!
//! Three stages stand for each of them. [`split`] makes of a batch one for each of its fields, in the workers and without a copy; a
//! `stats` counts them by field and value, within its memory and beyond it in temporary files, exactly; [`digest`] reads the counts of
//! one field after the other, its values in the order of values. (Aggregates by field would hold the distinct values of each field
//! in memory, and quantiles of many values would not be exact.)

mod digest;
mod split;

pub(super) use digest::{Digest, DigestOp, OfField, Rows, Times};

use recpipe::Type;

use self::split::{SPLIT, SplitOp};
use super::stats::{self, StatsOp};
use crate::{
    expr::Expr,
    language::{Checked, Checker, Failed, NewColumn, Seen, Upstream},
    span::Span,
};

/// The fields whose values are counted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// What they are called, and their values.
    pub(super) fields: Vec<(String, Expr)>,
    /// Whether those that come later are counted, too.
    pub(super) late: bool,
    /// What tells some of the records from the others, which are counted apart.
    pub(super) inside: Option<Expr>,
}

impl Wanted {
    /// All fields that are in scope, and those that come later.
    pub(super) fn all(checker: &mut Checker<'_>) -> Checked<Self> {
        let places: Vec<usize> = (0..checker.scope.columns.len()).collect();
        let exprs = checker.each(&places, |checker, &place| checker.column_at(place))?;
        let fields = exprs.into_iter().map(|expr| (expr.text().to_owned(), expr)).collect();
        Ok(Wanted { fields, late: checker.scope.input.is_some(), inside: None })
    }
}

/// The columns of what is counted: the field, its value, how many records have it, and how many of them are inside.
const COLUMNS: [(&str, Type); 4] = [("field", Type::Text), ("value", Type::Mixed), ("all", Type::Int), ("inside", Type::Int)];

/// The first place of a field that was not known when the query was checked.
const LATE: usize = 99_999;

/// What a field is counted under: fields are in the order of these, and those that come late in the order of their names.
fn id(place: usize, name: &str) -> Vec<u8> {
    format!("{place:05}{name}").into_bytes()
}

/// The name of the field that is counted under this.
fn name_of(id: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(id.get(5..).unwrap_or_default())
}

/// Adds the stages that count; a [`DigestOp`] of the fields that it gives is to follow.
pub(super) fn count(checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span, wanted: Checked<Wanted>) -> Checked<Vec<String>> {
    upstream.aggregates = None;
    let names = wanted.as_ref().map(|wanted| wanted.fields.iter().map(|(name, _)| name.clone()).collect()).map_err(|_| Failed);
    enter(checker, &COLUMNS, span);
    checker.push(upstream, &SPLIT, span, wanted.map(SplitOp));
    let column = |place: usize| Expr::column(place, COLUMNS[place].1, COLUMNS[place].0);
    let sum = |checker: &mut Checker<'_>, &place: &usize| stats::aggregate(checker, "sum", vec![column(place)], COLUMNS[place].0, span);
    let counted = checker.each(&[2, 3], sum).map(|aggregates| StatsOp::new(vec![column(0), column(1)], aggregates));
    if let Ok(counted) = &counted {
        let sums = counted.aggregates.iter().map(|sum| (sum.name.clone(), Some(Seen::of_aggregate(sum))));
        checker.scope.columns.splice(2.., sums);
    }
    checker.push(upstream, &stats::WORD, span, counted);
    names
}

/// Makes columns of these types the only ones in scope.
pub(super) fn enter(checker: &mut Checker<'_>, columns: &[(&str, Type)], span: Span) {
    let seen = |kind| Some(Seen { kind, open: kind == Type::Mixed });
    checker.enter(columns.iter().map(|&(name, kind)| NewColumn { name: name.to_owned(), span, seen: seen(kind) }).collect());
}

/// What part of `whole` this is, of 1 or of 100, in four digits; `None` of nothing. What is not the whole is never shown as the whole,
/// and what is not nothing never as nothing.
pub(super) fn share(part: u64, whole: u64, of: f64) -> Option<f64> {
    let exact = (whole > 0).then(|| part as f64 / whole as f64 * of)?;
    let rounded = in_four_digits(exact);
    Some(if rounded == of && part != whole { exact } else { rounded })
}

/// A number in four digits, as many as a person reads.
pub(super) fn in_four_digits(exact: f64) -> f64 {
    format!("{exact:.3e}").parse().unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_short_and_never_looks_whole_or_like_nothing() {
        let check = |part, whole, of, expect: Option<f64>| assert_eq!(share(part, whole, of), expect, "{part} of {whole}");
        check(2053, 7298, 100.0, Some(28.13));
        check(1, 3, 1.0, Some(0.3333));
        check(0, 3, 1.0, Some(0.0));
        check(3, 3, 100.0, Some(100.0));
        check(1, 10_000_000, 1.0, Some(1e-7));
        check(99_999, 100_000, 1.0, Some(0.99999));
        check(0, 0, 1.0, None);
    }
}
