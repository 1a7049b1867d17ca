//! What each aggregate takes and what it gives: one check an aggregate, named in the table `words/aggregates.rs`.

use recpipe::Type;

use super::{
    Catalog,
    functions::{Mistake, name},
};
use crate::{
    expr::{Constant, Expr, Node},
    plan::AggregateFunction,
};

/// Checks the arguments of an aggregate, whose number is already known to fit: what it computes and the type of its result.
/// The word is given as it was written.
pub(super) type CheckAggregate = fn(&Catalog, &str, &[Expr]) -> Result<(AggregateFunction, Type), Mistake>;

type Checked = Result<(AggregateFunction, Type), Mistake>;

/// The type of an argument.
fn kind(args: &[Expr], arg: usize) -> Type {
    args.get(arg).map_or(Type::Null, Expr::kind)
}

/// The type of the first argument, which must be a number.
fn number(catalog: &Catalog, word: &str, args: &[Expr]) -> Result<Type, Mistake> {
    match args.first() {
        Some(arg) if !matches!(arg.kind(), Type::Int | Type::Float | Type::Null | Type::Mixed) => {
            let what = format!("`{}` is {}; `{word}` needs numbers", arg.text(), name(arg.kind()));
            Err(Mistake { arg: 0, what, label: catalog.cast(arg, Type::Int) })
        }
        _ => Ok(kind(args, 0)),
    }
}

pub(super) fn count(_: &Catalog, _: &str, args: &[Expr]) -> Checked {
    let function = match args {
        [] => AggregateFunction::Count,
        [condition] if condition.kind() == Type::Bool => AggregateFunction::CountTrue,
        _ => AggregateFunction::CountPresent,
    };
    Ok((function, Type::Int))
}

pub(super) fn sum(catalog: &Catalog, word: &str, args: &[Expr]) -> Checked {
    Ok((AggregateFunction::Sum, number(catalog, word, args)?))
}

pub(super) fn avg(catalog: &Catalog, word: &str, args: &[Expr]) -> Checked {
    number(catalog, word, args)?;
    Ok((AggregateFunction::Avg, Type::Float))
}

pub(super) fn stdev(catalog: &Catalog, word: &str, args: &[Expr]) -> Checked {
    number(catalog, word, args)?;
    Ok((AggregateFunction::Stdev, Type::Float))
}

pub(super) fn median(catalog: &Catalog, word: &str, args: &[Expr]) -> Checked {
    number(catalog, word, args)?;
    Ok((AggregateFunction::Quantile(0.5), Type::Float))
}

pub(super) fn percentile(catalog: &Catalog, word: &str, args: &[Expr]) -> Checked {
    number(catalog, word, args)?;
    let no_percentile = || Mistake { arg: 0, what: format!("`{word}` is no percentile"), label: String::new() };
    Ok((AggregateFunction::Quantile(percentile_share(word).ok_or_else(no_percentile)?), Type::Float))
}

/// The share that a word such as `p95` means: two digits are percent, and what follows them, after a nine, is their fraction.
pub(super) fn percentile_share(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('p').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let fraction = match digits.len() {
        1 => format!("0.0{digits}"),
        2 => format!("0.{digits}"),
        3..=9 if digits.starts_with('9') => format!("0.{digits}"),
        _ => return None,
    };
    fraction.parse().ok().filter(|&share| share > 0.0)
}

pub(super) fn quantile(catalog: &Catalog, word: &str, args: &[Expr]) -> Checked {
    number(catalog, word, args)?;
    let share = match args.get(1).map(Expr::node) {
        Some(Node::Constant(Constant::Float(share))) => *share,
        Some(Node::Constant(Constant::Int(share))) => *share as f64,
        _ => {
            let what = "the share of a quantile must be known before data flows".to_owned();
            return Err(Mistake { arg: 1, what, label: "write a number from 0 to 1, as in `quantile(x, 0.95)`".to_owned() });
        }
    };
    if (0.0..=1.0).contains(&share) {
        return Ok((AggregateFunction::Quantile(share), Type::Float));
    }
    let label = match (args.first(), share) {
        // Percent, most likely.
        (Some(x), 1.0..=100.0) => format!("write `quantile({}, {})`", catalog.written(x), share / 100.0),
        _ => String::new(),
    };
    Err(Mistake { arg: 1, what: format!("the share of a quantile is from 0 to 1, not {share}"), label })
}

pub(super) fn arg_min(_: &Catalog, _: &str, args: &[Expr]) -> Checked {
    Ok((AggregateFunction::ArgMin, kind(args, 1)))
}

pub(super) fn arg_max(_: &Catalog, _: &str, args: &[Expr]) -> Checked {
    Ok((AggregateFunction::ArgMax, kind(args, 1)))
}

/// An aggregate of values of any type: what it computes, and its type, that of the values if none is said.
macro_rules! of_any {
    ($($name:ident => $function:ident $(, $kind:ident)?;)*) => { $(
        pub(super) fn $name(_: &Catalog, _: &str, args: &[Expr]) -> Checked {
            let kinds = [$(Type::$kind,)? kind(args, 0)];
            Ok((AggregateFunction::$function, kinds[0]))
        }
    )* };
}

of_any! {
    min => Min;
    max => Max;
    first => First;
    last => Last;
    distinct => Distinct, Int;
    set => Set, Text;
    list => List, Text;
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
