//! `distinct [f, …] [per KEY]`: the first record of each distinct value, within each key; which stands before the fields. Without keys all fields are compared, also those that come later than
//! the plan was made, and stay.
//!
//! Runs:   in each worker, which leaves out what that worker has already sent on, then once.  Order: of first occurrence.
//! Memory: O(distinct values), in each worker too; what goes beyond the budget is in temporary files.
//! Streams: a record is passed on when it is seen first, as long as all values fit in memory; the others at the end.
//! Stops:  when its target does.
//! Errors: those of the expressions; temporary files that cannot be written.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage, Time, Type};

use super::{
    beyond::{Beyond, late_key},
    relay, relay_flush,
};
use crate::{
    aggregate::Keys,
    expr::{Expr, Vector},
    language::{Checker, Parsed, Parser, StageWord, Syntax, Upstream, ast::Item, parsed},
    memory::{Account, Budget},
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    sort::FirstSeen,
    span::Span,
};

/// `distinct`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "distinct",
        synonyms: &["uniq"],
        syntax: "distinct [EXPR [as NAME], …] [per KEY]",
        doc: "the first record of each distinct value; with fields, only these columns",
        example: "distinct host, user",
        runs: Runs::WorkersThenMerge,
        memory: "O(distinct values)",
        spills: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let mut items = if parser.at_stage_end() { Vec::new() } else { parser.list(Parser::item)? };
    // The same as `distinct KEY, f`: each value of the key has its first records.
    if let Some(keys) = parser.per_at_end()? {
        items.splice(0..0, keys.into_iter().map(|expr| Item { expr, name: None }));
    }
    Ok(parsed(DistinctSyntax(items)))
}

/// The keys as they were written; none for all fields.
#[derive(Debug)]
struct DistinctSyntax(Vec<Item>);

impl Syntax for DistinctSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let exprs = if self.0.is_empty() {
            let all: Vec<_> = (0..checker.scope.columns.len()).collect();
            checker.each(&all, |checker, &place| checker.column_at(place))
        } else {
            let (exprs, columns) = checker.items(&self.0);
            upstream.aggregates = None;
            checker.enter(columns);
            exprs
        };
        checker.push(upstream, &WORD, span, exprs.map(DistinctOp));
    }
}

/// The first record of each distinct combination of these, which are the columns of the output, in order.
#[derive(Clone, Debug)]
struct DistinctOp(Vec<Expr>);

impl Operator for DistinctOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        // Without keys, all fields of a record are compared.
        *wanted = Read { late: stage.output.grows(), ..Read::default() };
        wanted.exprs(&self.0);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn half(&self, start: &Start<'_>, target: Target) -> Target {
        Box::new(DistinctCandidates::new(self.0.clone(), start.output, start.budget, start.workers, target))
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let distinct = Distinct::new(self.0.clone(), start.input, start.output.clone(), start.budget, target);
        Box::new(Distinct { is_settled: start.is_settled, ..distinct })
    }
}

/// The half that runs once: passes on first occurrences, with only the columns that were compared.
struct Distinct {
    seen: Seen,
    /// What came after the values did not fit any more, and is not among them.
    late: Option<FirstSeen>,
    /// Batches so far.
    batches: u64,
    budget: Budget,
    schema: Arc<Schema>,
    /// Whether all that is passed on has the same fields.
    is_settled: bool,
    beyond: Beyond,
    target: Target,
}

/// The half in each worker: passes on the first occurrences in what this worker sees, or what may be such. Batches come
/// to a worker in the order of the input, so the first occurrence of all is among them.
struct DistinctCandidates {
    seen: Seen,
    target: Target,
}

struct Seen {
    exprs: Vec<Expr>,
    /// Where the schema grows: how many columns the plan knows. What batches have behind them is compared too.
    known: Option<usize>,
    keys: Keys,
    numbers: Vec<u32>,
    account: Account,
    /// The most that it may hold, whatever there is.
    most: usize,
    /// Whether there was no room for more: from then on no value is added.
    is_full: bool,
}

impl Seen {
    /// For a stage with this output: only one that compares all columns has one that grows.
    fn new(exprs: Vec<Expr>, output: &Schema, account: Account, most: usize) -> Self {
        let known = output.grows().then(|| output.len());
        let keys = Keys::new(exprs.iter().map(Expr::storage).chain(known.map(|_| Type::Text)).collect());
        Seen { exprs, known, keys, numbers: Vec::new(), account, most, is_full: false }
    }

    /// What is compared: the columns of the output and, where it grows, one more for all late fields.
    fn values(&self, batch: &Batch) -> Result<Vec<Vector>, Error> {
        let late = self.known.map(|known| late_key(batch, known));
        self.exprs.iter().map(|expr| expr.eval(batch)).chain(late).collect()
    }

    /// The records of the batch that are the first of their value, or, once it is full, those whose value is not known.
    fn first(&mut self, batch: &Batch) -> Result<Batch, Error> {
        let columns = self.values(batch)?;
        let wanted = self.keys.bytes_with(batch.len());
        // One batch there is always room for.
        self.is_full |= !self.keys.is_empty() && (wanted > self.most || !self.account.hold(wanted));
        if self.is_full {
            let known = self.keys.contain(&columns, batch.len())?;
            return Ok(batch.filter(&known.iter().map(|&known| !known).collect::<Vec<_>>()));
        }
        let mut next = self.keys.len();
        self.keys.number(&columns, batch.len(), &mut self.numbers)?;
        // Numbers are given in the order of first occurrence, so a new one is always the next.
        let is_first = |&number: &u32| {
            let first = number as usize == next;
            next += usize::from(first);
            first
        };
        Ok(batch.filter(&self.numbers.iter().map(is_first).collect::<Vec<_>>()))
    }
}

impl Distinct {
    /// Compares records of `input` by these expressions, which are the columns of the output; its `schema` grows only where these are
    /// all columns of the input.
    fn new(exprs: Vec<Expr>, input: &Schema, schema: Arc<Schema>, budget: &Budget, target: Target) -> Self {
        // The other half is for sorting what comes later.
        let seen = Seen::new(exprs, &schema, budget.account(), budget.limit() / 2);
        let beyond = Beyond::new(input, schema.clone());
        Distinct { seen, late: None, batches: 0, budget: budget.clone(), schema, is_settled: false, beyond, target }
    }
}

impl Stage for Distinct {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let first = self.seen.first(&batch)?;
        self.batches += 1;
        if first.is_empty() {
            return Ok(Flow::Continue);
        }
        let values = if self.seen.is_full { self.seen.values(&first)? } else { Vec::new() };
        let columns = self.seen.exprs.iter().map(|expr| expr.eval_column(&first)).collect::<Result<_, _>>()?;
        let first = self.beyond.with_columns(&first, columns)?;
        if !self.seen.is_full {
            return self.target.send(first);
        }
        let late = self.late.get_or_insert_with(|| {
            let late = FirstSeen::new(self.schema.clone(), &self.budget);
            if self.is_settled { late.settled() } else { late }
        });
        late.add(&values, &first, self.batches)?;
        Ok(Flow::Continue)
    }

    relay_flush!();

    fn close(&mut self) -> Result<(), Error> {
        if let Some(late) = self.late.take() {
            for batch in late.first(&self.budget)? {
                if self.target.send(batch?)? == Flow::Stop {
                    break;
                }
            }
        }
        self.target.close()
    }

    /// Not true of what is sent at the end, once there is some.
    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        if self.late.is_some() { Ok(Flow::Continue) } else { self.target.punctuate(time) }
    }
}

impl DistinctCandidates {
    /// As [`Distinct::new`], with an equal part of the budget for each of so many `workers`.
    fn new(exprs: Vec<Expr>, schema: &Schema, budget: &Budget, workers: usize, target: Target) -> Self {
        DistinctCandidates { seen: Seen::new(exprs, schema, budget.account(), budget.limit() / 4 / workers.max(1)), target }
    }
}

impl Stage for DistinctCandidates {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let first = self.seen.first(&batch)?;
        if first.is_empty() { Ok(Flow::Continue) } else { self.target.send(first) }
    }

    relay!();
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, HashSet},
        sync::Arc,
    };

    use proptest::prelude::*;
    use recpipe::{Batch, ColumnBuilder, Field, Origin, Schema, Stage, Type, Value, stage::Collect};

    use super::{Distinct, DistinctCandidates};
    use crate::{expr::Expr, memory::Budget};

    /// The fields that a record has.
    type Record = Vec<(&'static str, Value<'static>)>;

    const ONE: Value<'_> = Value::Int(1);
    const TWO: Value<'_> = Value::Int(2);

    /// What the plan knows of every batch.
    fn known() -> Schema {
        Schema::new(vec![Field::open("a", Type::Int)]).unwrap().growing()
    }

    /// A batch of these records, whose late columns are in the order of `late`.
    fn batch(late: &[&'static str], records: &[Record]) -> Batch {
        let names = || std::iter::once("a").chain(late.iter().copied());
        let column = |name: &str| {
            let mut builder = ColumnBuilder::new(Type::Mixed);
            for record in records {
                match record.iter().find(|field| field.0 == name) {
                    Some(field) => builder.push(field.1).unwrap(),
                    None => builder.push_missing().unwrap(),
                }
            }
            builder.finish()
        };
        let schema = known().with_fields(names().map(|name| Field::open(name, Type::Mixed)).collect()).unwrap();
        Batch::new(Arc::new(schema), names().map(column).collect(), records.len(), Origin::default()).unwrap()
    }

    /// The fields that each record has, sorted by name.
    fn shown(batch: &Batch) -> Vec<String> {
        let record = |row: usize| {
            let row = batch.physical(row);
            let there = batch.schema().names().zip(batch.columns()).filter(|(_, column)| !column.is_missing(row));
            let mut fields: Vec<_> = there.map(|(name, column)| format!("{name}={}", column.value(row))).collect();
            fields.sort();
            fields.join(" ")
        };
        (0..batch.len()).map(record).collect()
    }

    /// The answer for these batches, which come to so many workers in turn; with a budget of so many bytes.
    fn distinct(batches: &[Batch], workers: usize, limit: usize) -> Vec<String> {
        let budget = Budget::new(limit, 4, 0, &std::env::temp_dir());
        let exprs = vec![Expr::column(0, Type::Mixed, "a")];
        let part = |_| {
            let (end, candidates) = Collect::new();
            (DistinctCandidates::new(exprs.clone(), &known(), &budget, workers, Box::new(end)), candidates)
        };
        let mut parts: Vec<_> = (0..workers).map(part).collect();
        let (end, answer) = Collect::new();
        let mut whole = Distinct::new(exprs.clone(), &known(), Arc::new(known()), &budget, Box::new(end));
        for (i, batch) in batches.iter().enumerate() {
            let (part, candidates) = &mut parts[i % workers];
            let before = candidates.batches().len();
            let _ = part.send(batch.clone()).unwrap();
            for batch in &candidates.batches()[before..] {
                let _ = whole.send(batch.clone()).unwrap();
            }
        }
        whole.close().unwrap();
        answer.batches().iter().flat_map(shown).collect()
    }

    /// By any number of workers, in memory and with room for one batch.
    fn distinct_in_any_way(batches: &[Batch]) -> Vec<String> {
        let expect = distinct(batches, 1, 1 << 24);
        for (workers, limit) in [(1, 1), (2, 1 << 24), (2, 1), (3, 4 << 10)] {
            assert_eq!(distinct(batches, workers, limit), expect, "{workers} workers, {limit} bytes");
        }
        expect
    }

    #[test]
    fn late_fields_are_compared_and_stay() {
        let plain = || batch(&[], &[vec![("a", ONE)], vec![("a", ONE)], vec![("a", TWO)]]);
        let with = |late: &[&'static str], fields: &[(&'static str, Value<'static>)]| {
            batch(late, &[[&[("a", ONE)], fields].concat(), [&[("a", ONE)], fields].concat()])
        };
        let one: fn(&'static str) -> (&'static str, Value<'static>) = |name| (name, ONE);
        for (batches, expect) in [
            (vec![plain(), plain()], &["a=1", "a=2"][..]),
            (vec![plain(), with(&["b"], &[one("b")]), plain(), with(&["b"], &[one("b")])], &["a=1", "a=2", "a=1 b=1"]),
            (vec![with(&["b"], &[one("b")]), plain()], &["a=1 b=1", "a=1", "a=2"]),
            // A column in which no record has a value is none.
            (vec![plain(), with(&["b", "c"], &[])], &["a=1", "a=2"]),
            (vec![with(&["b", "c"], &[one("c")]), with(&["c"], &[one("c")]), with(&["d", "b"], &[one("b")])], &["a=1 c=1", "a=1 b=1"]),
            // Whatever order the columns came in.
            (
                vec![with(&["b", "c"], &[one("b"), ("c", TWO)]), with(&["c", "b"], &[("c", TWO), one("b")]), with(&["c"], &[("c", TWO)])],
                &["a=1 b=1 c=2", "a=1 c=2"],
            ),
            // What is the same as a key is the same here; what is shown is the first.
            (
                vec![
                    with(&["b"], &[("b", Value::Float(1.0))]),
                    with(&["b"], &[one("b")]),
                    with(&["b"], &[("b", Value::Text(b"1"))]),
                    with(&["b"], &[("b", Value::Bool(true))]),
                    with(&["b"], &[("b", Value::Float(f64::NAN))]),
                    with(&["b"], &[("b", Value::Float(-f64::NAN))]),
                ],
                &["a=1 b=1.0", "a=1 b=1", "a=1 b=true", "a=1 b=NaN"],
            ),
            // A field that is missing counts as null, as it does among those that the plan knows.
            (vec![plain(), with(&["b"], &[("b", Value::Null)])], &["a=1", "a=2"]),
            (vec![with(&["b"], &[("b", Value::Null)]), plain()], &["a=1 b=", "a=2"]),
            // Names and values do not run into each other.
            (
                vec![
                    with(&["b"], &[("b", Value::Text(b"\0\x01c"))]),
                    with(&["b", "b\0"], &[("b", Value::Text(b"")), ("b\0", Value::Text(b"\x01c"))]),
                    with(&["b", "c"], &[("b", Value::Text(b"")), ("c", Value::Text(b""))]),
                ],
                &["a=1 b=\0\x01c", "a=1 b\0=\x01c b=", "a=1 b= c="],
            ),
        ] {
            assert_eq!(distinct_in_any_way(&batches), expect);
        }
    }

    fn value() -> impl Strategy<Value = Value<'static>> {
        let one = [Value::Null, ONE, Value::Float(1.0), TWO, Value::Float(2.5), Value::Bool(true), Value::Text(b"1"), Value::Text(b"")];
        prop::sample::select(one.to_vec())
    }

    /// What tells a record apart.
    fn key(record: &Record) -> String {
        let there = record.iter().filter(|field| !matches!(field.1, Value::Null));
        let canonical = |value: &Value<'_>| match value {
            Value::Float(1.0) => format!("{ONE:?}"),
            value => format!("{value:?}"),
        };
        format!("{:?}", there.map(|(name, value)| (*name, canonical(value))).collect::<BTreeMap<_, _>>())
    }

    fn record() -> impl Strategy<Value = Record> {
        (value(), prop::collection::vec((prop::sample::select(vec!["b", "c", "d"]), value()), 0..3)).prop_map(|(a, late)| {
            let late: BTreeMap<_, _> = late.into_iter().collect();
            std::iter::once(("a", a)).chain(late).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn however_the_stream_is_cut(
            records in prop::collection::vec(record(), 0..300), size in 1..40_usize, turn in 0..3_usize,
            workers in 1..4_usize, limit in prop_oneof![Just(1), Just(8 << 10), Just(1 << 24)],
        ) {
            let batches: Vec<_> = records.chunks(size).enumerate().map(|(i, records)| {
                let mut late = ["b", "c", "d"];
                late.rotate_left((i * turn) % 3);
                let has = |name: &&str| records.iter().any(|record| record.iter().any(|field| field.0 == *name));
                batch(&late.into_iter().filter(has).collect::<Vec<_>>(), records)
            }).collect();
            let mut seen = HashSet::new();
            let firsts = records.iter().filter(|record| seen.insert(key(record)));
            let expect: Vec<_> = firsts.flat_map(|record| shown(&batch(&["b", "c", "d"], std::slice::from_ref(record)))).collect();
            prop_assert_eq!(distinct(&batches, workers, limit), expect);
        }
    }
}
