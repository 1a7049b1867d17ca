//! `range A B [STEP]`, `count N`: whole numbers, made here: `value:int`. Nothing is read.
//!
//! A range has what Python's has: A, A + STEP, and so on, without B. `count N` is N records, from 1 to N. With `inf` for B or N there is
//! no end but that of whoever reads.

use std::sync::Arc;

use recpipe::record::{BatchBuilder, Field, Origin, Places, Schema, Type, Value};

use super::source::{Pulled, Source, Unparsed};
use super::{Args, FormatSpec, Start, Unit, Wanted};
use crate::input::event::Event;

pub(super) const RANGE: FormatSpec = FormatSpec {
    name: "range",
    args: &["A", "B", "[STEP]"],
    options: &[],
    about: "whole numbers from A up to B, or down with a negative STEP, without B; B may be inf",
    start: Start::Made(|args| Ok(Box::new(Range::between(args)?))),
    fields: "value:int",
    sample: "producer range 10 0 -1",
};

pub(super) const COUNT: FormatSpec = FormatSpec {
    name: "count",
    args: &["N"],
    options: &[],
    about: "the numbers from 1 to N; N may be inf",
    start: Start::Made(|args| Ok(Box::new(Range::up_to(args)?))),
    fields: "value:int",
    sample: "producer count 100",
};

/// Numbers in a batch.
const BATCH_ROWS: usize = 8192;

/// The numbers that are still to come.
struct Range {
    /// `None` when it would be too large.
    next: Option<i64>,
    /// The first that does not come; `None` where there is no end.
    end: Option<i64>,
    step: i64,
    name: &'static str,
    batch_rows: usize,
    given_out: u64,
    schema: Arc<Schema>,
}

/// A whole number.
fn number(name: &str, typed: &str) -> Result<i64, String> {
    typed.parse().map_err(|_| format!("{name}: `{typed}` is no whole number of 64 bits"))
}

/// A whole number; none is for ever.
fn end(name: &str, typed: &str) -> Result<Option<i64>, String> {
    if typed == "inf" { Ok(None) } else { number(name, typed).map(Some) }
}

impl Range {
    fn new(name: &'static str, first: i64, end: Option<i64>, step: i64, args: &Args) -> Self {
        let schema = Schema::new(vec![Field::new("value", Type::Int)]).unwrap_or_else(|_| unreachable!("one field is never too many"));
        let batch_rows = args.batch.map_or(BATCH_ROWS, |rows| rows.get().min(BATCH_ROWS));
        Range { next: Some(first), end, step, name, batch_rows, given_out: 0, schema: Arc::new(schema) }
    }

    fn between(args: &Args) -> Result<Self, String> {
        let step = if args.get(2).is_empty() { 1 } else { number("STEP", args.get(2))? };
        if step == 0 {
            return Err("STEP: 0 leads nowhere".to_owned());
        }
        Ok(Range::new("range", number("A", args.get(0))?, end("B", args.get(1))?, step, args))
    }

    fn up_to(args: &Args) -> Result<Self, String> {
        let end = match end("N", args.get(0))? {
            Some(..0) => return Err("N: it is negative; `range` counts down, as in: producer range 10 0 -1".to_owned()),
            Some(i64::MAX) => return Err(format!("N: it has to be less than {}", i64::MAX)),
            end => end.map(|last| last + 1),
        };
        Ok(Range::new("count", 1, end, 1, args))
    }

    /// The next of them.
    fn number(&mut self) -> Option<i64> {
        let number = self.next.filter(|&next| self.end.is_none_or(|end| if self.step > 0 { next < end } else { next > end }))?;
        self.next = number.checked_add(self.step);
        Some(number)
    }
}

impl Source for Range {
    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        Some(self.schema.names().map(str::to_owned).collect())
    }

    fn next(&mut self, _: &Wanted) -> Option<Pulled> {
        let mut numbers = BatchBuilder::new(self.schema.clone());
        while numbers.len() < self.batch_rows
            && let Some(number) = self.number()
        {
            numbers.push(&[Value::Int(number.into())]).ok()?;
        }
        if numbers.is_empty() {
            return None;
        }
        let (start, rows) = (self.given_out, numbers.len() as u64);
        self.given_out += rows;
        let batch = numbers.finish().ok()?;
        let batch = batch
            .with_origin(Origin { source: self.name.into(), start, end: self.given_out, line: 0, order: 0 })
            .with_places(Places::Nowhere);
        Some(Ok(Event::Block(Unparsed::Batch(batch))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(mut range: Range, most: usize) -> Vec<i64> {
        std::iter::from_fn(|| range.number()).take(most).collect()
    }

    fn args(typed: &[&str]) -> Args {
        Args { positional: typed.iter().map(ToString::to_string).collect(), ..Args::default() }
    }

    #[test]
    fn the_numbers_are_those_of_python() {
        let check = |typed: &[&str], want: &[i64]| assert_eq!(numbers(Range::between(&args(typed)).unwrap(), 5), want, "{typed:?}");
        check(&["0", "3"], &[0, 1, 2]);
        check(&["10", "0", "-3"], &[10, 7, 4, 1]);
        check(&["3", "0"], &[]);
        check(&["0", "3", "-1"], &[]);
        check(&["5", "inf", "5"], &[5, 10, 15, 20, 25]);
        check(&["9223372036854775806", "inf"], &[i64::MAX - 1, i64::MAX]);
        check(&["-9223372036854775807", "-9223372036854775808", "-5"], &[i64::MIN + 1]);
        assert_eq!(numbers(Range::up_to(&args(&["3"])).unwrap(), 5), [1, 2, 3]);
        assert!(numbers(Range::up_to(&args(&["0"])).unwrap(), 5).is_empty());
        assert_eq!(numbers(Range::up_to(&args(&["inf"])).unwrap(), 2), [1, 2]);
    }

    #[test]
    fn mistakes_are_named() {
        let check = |made: Result<Range, String>, part: &str| assert!(made.err().unwrap().contains(part), "{part}");
        check(Range::between(&args(&["1", "2", "0"])), "STEP: 0");
        check(Range::between(&args(&["a", "2"])), "A: `a`");
        check(Range::between(&args(&["1", "2.5"])), "B: `2.5`");
        check(Range::up_to(&args(&["-1"])), "producer range 10 0 -1");
        check(Range::up_to(&args(&["9223372036854775807"])), "less than");
    }

    #[test]
    fn a_batch_has_as_many_as_were_asked_for() {
        let mut args = args(&["20000"]);
        let rows = |args: &Args| {
            let mut range = Range::up_to(args).unwrap();
            let batches = std::iter::from_fn(|| match range.next(&Wanted::all())? {
                Ok(Event::Block(Unparsed::Batch(batch))) => Some(batch.len()),
                _ => None,
            });
            batches.take(3).collect::<Vec<_>>()
        };
        assert_eq!(rows(&args), [8192, 8192, 3616]);
        args.batch = std::num::NonZeroUsize::new(2);
        assert_eq!(rows(&args), [2, 2, 2]);
    }
}
