//! The law of aggregates: any split of the input, merged in any order, gives what adding everything to one gives.

use std::{fmt::Write, sync::Arc};

use proptest::prelude::*;
use recpipe::{Batch, BatchBuilder, Column, ColumnBuilder, Error, Field, Origin, Schema, Time, Type, Value};

use super::Table;
use crate::{
    catalog,
    expr::Vector,
    language::{self, Source},
    memory::Budget,
    plan::{Accumulator, Aggregate, Groups},
    stage::stats::StatsOp,
};

type Cells = (Option<u8>, Option<i8>, Option<i64>, Option<f64>, Option<bool>, Option<(i8, bool)>);

/// Floats that are special, equal and look different, or any.
fn float() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), prop::sample::select(vec![0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1, 1e308])]
}

fn cells() -> impl Strategy<Value = Cells> {
    (
        any::<Option<u8>>(),
        any::<Option<i8>>(),
        any::<Option<i64>>(),
        prop::option::of(float()),
        any::<Option<bool>>(),
        any::<Option<(i8, bool)>>(),
    )
}

fn schema() -> Arc<Schema> {
    let fields = [("k", Type::Text), ("n", Type::Int), ("i", Type::Int), ("f", Type::Float), ("b", Type::Bool), ("t", Type::Time)];
    Arc::new(Schema::new(fields.into_iter().map(|(name, kind)| Field::new(name, kind)).collect()).unwrap())
}

fn batch(rows: &[Cells]) -> Batch {
    let mut builder = BatchBuilder::new(schema());
    for (k, n, i, f, b, t) in rows {
        let key = k.map(|k| [b'a' + k % 3, 0xff]);
        // Few moments, in two offsets.
        let time = |(t, east): (i8, bool)| Value::Time(Time { nanos: i64::from(t % 3), offset_s: if east { 3600 } else { 0 } });
        builder
            .push(&[
                key.as_ref().map_or(Value::Null, |key| Value::Text(&key[..usize::from(k.unwrap_or(0)) % 3])),
                n.map_or(Value::Null, |n| Value::Int(i128::from(n % 3))),
                i.map_or(Value::Null, |i| Value::Int(i.into())),
                f.map_or(Value::Null, Value::Float),
                b.map_or(Value::Null, Value::Bool),
                t.map_or(Value::Null, time),
            ])
            .unwrap();
    }
    builder.finish().unwrap()
}

fn at(order: u64, batch: Batch) -> Batch {
    batch.with_origin(Origin { order, ..Origin::default() })
}

fn table(text: &str, schema: &Schema) -> Table {
    table_within(text, schema, &budget(1 << 30))
}

fn table_within(text: &str, schema: &Schema, budget: &Budget) -> Table {
    let source = Source::from_args(&[text]);
    let plan = language::check(&source, &catalog::parse(&source).unwrap(), schema).unwrap();
    let StatsOp { keys, aggregates, .. } = plan.stages[0].operator.is().unwrap();
    Table::new(keys, aggregates, plan.stages[0].output.clone(), budget)
}

const QUERIES: &[&str] = &[
    "stats count, count(b), count(i), sum(n), avg(n), sum(f), avg(f)",
    "stats count, count(k), sum(f) by k",
    "stats min(i), max(i), min(f), max(f), min(k), max(k), min(b), max(b), min(t), max(t)",
    "stats min(i), max(k), avg(f), max(t) by n",
    "stats count, max(f) by k, n",
    "stats count by f, b",
    "stats argmax(i, k), argmin(f, t), argmax(t, i), argmin(b, f), argmax(k, b), argmax(n, n) by n",
    "stats argmax(b, f), argmin(n, t), first(k), last(k), first(t), last(f), first(b), last(i)",
    "stats first(i), last(k), first(f), last(t), first(n) by k",
    "stats stdev(n), stdev(i), stdev(f), stdev(float(i))",
    "stats stdev(n), stdev(f), median(n), p95(f), quantile(i, 0.25) by b",
    "stats median(i), p50(f), p999(n), quantile(f, 0), quantile(f, 1)",
    "stats distinct(k), distinct(n), distinct(f), distinct(b), distinct(t), set(k), set(n), set(f), set(b), set(t)",
    "stats distinct(k), set(i), set(t), list(f) by n",
    "stats list(k), list(n), list(f), list(b), list(t)",
    "stats argmax(null, k), argmin(k, null), first(null), last(null), stdev(null), median(null), distinct(null), set(null), list(null) by b",
    "stats mode(k), mode(n), mode(i), mode(f), mode(b), mode(t), var(n), var(i), var(f), corr(n, i), corr(f, n), corr(i, f)",
    "stats mode(k), mode(t), mode(f), var(f), corr(n, i), approx_distinct(k), approx_distinct(t), percentile(f, 95) by n",
    "stats approx_distinct(k), approx_distinct(i), approx_distinct(f), approx_distinct(b), approx_distinct(t)",
    "stats count if b, sum(i) if b, list(k) if n == 1, argmax(i, k) if b, quantile(f, 0.5) if n != 0, first(t) if b, corr(n, i) if b by k",
    "stats mode(null), var(null), corr(null, f), corr(f, null), approx_distinct(null), sum(i) if null, count if null by b",
    "stats count(null), sum(null), avg(null), min(null), max(null) by n",
];

fn budget(limit: usize) -> Budget {
    Budget::new(limit, 3, 0, &std::env::temp_dir())
}

fn results(tables: Vec<Table>) -> Box<dyn Iterator<Item = Result<Batch, Error>>> {
    Table::merged(tables, &budget(1 << 30)).unwrap()
}

/// Every bit of the answer: equal values may look different.
fn shown(tables: Vec<Table>) -> String {
    shown_of(results(tables))
}

fn shown_of(batches: impl Iterator<Item = Result<Batch, Error>>) -> String {
    let mut out = String::new();
    for batch in batches {
        for row in batch.unwrap().rows() {
            for value in row.values() {
                match value {
                    Value::Float(value) => write!(out, "{:x} ", value.to_bits()).unwrap(),
                    value => write!(out, "{value:?} ").unwrap(),
                }
            }
            out.push('\n');
        }
    }
    out
}

/// What is tried with too little memory: all aggregates, and keys of all types.
const SPILLED: [&str; 8] = [
    "stats count, min(f), max(k), avg(i), max(t) by i",
    "stats count by f, k",
    "stats sum(n), count by f",
    "stats max(k) by k, n, b, t",
    "stats argmax(f, k), argmin(i, t), first(k), last(f) by i, k",
    "stats stdev(f), median(i), p95(f), distinct(k), set(n) by i",
    "stats list(k), set(k), distinct(f) by f",
    "stats mode(f), mode(k), corr(i, f), approx_distinct(k), var(f), sum(n) if b by i",
];

/// The rows in batches of a few, each at its place.
fn batches(rows: &[Cells], sizes: &[usize]) -> Vec<Batch> {
    let mut rest = rows;
    let cut = sizes.iter().cycle().map_while(|&size| {
        let (batch, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        (!batch.is_empty()).then_some(batch)
    });
    cut.enumerate().map(|(order, rows)| at(order as u64, batch(rows))).collect()
}

fn accumulators(text: &str) -> Vec<Box<dyn Accumulator>> {
    let source = Source::from_args(&[text]);
    let plan = language::check(&source, &catalog::parse(&source).unwrap(), &schema()).unwrap();
    let StatsOp { aggregates, .. } = plan.stages[0].operator.is().unwrap();
    aggregates.iter().map(Aggregate::accumulator).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_is_adding(rows in prop::collection::vec(cells(), 0..40), sizes in prop::collection::vec(1..5_usize, 1..4), parts in prop::collection::vec(0..3_usize, 40), backwards: bool) {
        let batches = batches(&rows, &sizes);
        for text in QUERIES {
            let mut whole = table(text, &schema());
            batches.iter().for_each(|batch| whole.add(batch).unwrap());
            // Each batch to one of three tables, which get theirs in the order of the input, as workers do.
            let mut tables: Vec<Table> = (0..3).map(|_| table(text, &schema())).collect();
            for (batch, &part) in batches.iter().zip(&parts) {
                tables[part].add(batch).unwrap();
            }
            if backwards {
                tables.reverse();
            }
            prop_assert_eq!(shown(tables), shown(vec![whole]), "{}", text);
        }
    }

    // Many groups, and so little memory that runs are merged in several passes.
    #[test]
    fn spilling_changes_nothing(rows in prop::collection::vec(cells(), 200..600), size in 1..100_usize, parts in prop::collection::vec(0..3_usize, 1..9), query: prop::sample::Index) {
        let batches = batches(&rows, &[size]);
        let text = *query.get(&SPILLED);
        let mut whole = table(text, &schema());
        batches.iter().for_each(|batch| whole.add(batch).unwrap());
        let small = budget(4 << 10);
        let mut tables: Vec<Table> = (0..3).map(|_| table_within(text, &schema(), &small)).collect();
        for (i, batch) in batches.iter().enumerate() {
            tables[parts[i % parts.len()]].add(batch).unwrap();
        }
        prop_assert_eq!(shown_of(Table::merged(tables, &small).unwrap()), shown(vec![whole]), "{}", text);
    }

    // Whatever a disk or a peer makes of a state: an answer or an error, never a panic.
    #[test]
    fn a_torn_state_is_no_panic(rows in prop::collection::vec(cells(), 1..20), at_byte: prop::sample::Index, with: u8, cut: prop::sample::Index, shift in 0..3_usize) {
        let all = batch(&rows);
        let number: Vec<u32> = (0..rows.len() as u32).map(|row| row % 3).collect();
        for text in QUERIES {
            for (i, mut one) in accumulators(text).into_iter().enumerate() {
                let args = args(text, i, &all);
                one.resize(3);
                one.add(&Groups::Each(&number), &args, 0).unwrap();
                let state = one.state(&[0, 1, 2]).unwrap();
                let torn: Vec<Column> = state.iter().map(|column| torn(column, at_byte, with, cut)).collect();
                let mut shifted = torn.clone();
                shifted.rotate_left(shift % torn.len());
                for state in [&torn[..], &shifted, &torn[1..], &[]] {
                    let mut other = accumulators(text).swap_remove(i);
                    other.resize(3);
                    if other.merge_state(state, &[2, 1, 0]).is_ok() {
                        other.merge_state(state, &[0, 0, 0]).ok();
                        other.add(&Groups::Each(&number), &args, 1 << 20).unwrap();
                        let _ = other.finish(&[0, 1, 2]).map_err(|error| error.to_string());
                        other.state(&[0, 1, 2]).unwrap();
                    }
                }
                prop_assert!(one.merge_state(&state, &[0, 1]).is_err(), "{}: another number of groups", text);
            }
        }
    }
}

fn args(text: &str, aggregate: usize, batch: &Batch) -> Vec<Vector> {
    let source = Source::from_args(&[text]);
    let plan = language::check(&source, &catalog::parse(&source).unwrap(), &schema()).unwrap();
    let StatsOp { aggregates, .. } = plan.stages[0].operator.is().unwrap();
    aggregates[aggregate].args.iter().map(|arg| arg.eval(batch).unwrap()).collect()
}

/// The column with its numbers changed, or one byte of its text, or its text cut.
fn torn(column: &Column, at: prop::sample::Index, with: u8, cut: prop::sample::Index) -> Column {
    let mut builder = ColumnBuilder::new(column.kind());
    for row in 0..column.len() {
        match column.value(row) {
            Value::Text(text) if !text.is_empty() => {
                let mut text = text.to_vec();
                let at = at.index(text.len());
                text[at] = with;
                text.truncate(if with.is_multiple_of(2) { cut.index(text.len() + 1) } else { text.len() });
                builder.push(Value::Text(&text)).unwrap();
            }
            Value::Int(value) => {
                let wrong = [value, -1, i64::MAX.into(), i64::MIN.into(), 0];
                builder.push(Value::Int(wrong[usize::from(with) % 5])).unwrap();
            }
            _ if with == 0 => builder.push(Value::Null).unwrap(),
            value => builder.push(value).unwrap(),
        }
    }
    builder.finish()
}

#[test]
fn memory_is_told() {
    let (records, text) = (2000, "x".repeat(50));
    let mut builder = BatchBuilder::new(schema());
    for i in 0..records {
        let key = format!("{text}{i}");
        builder
            .push(&[Value::Text(key.as_bytes()), Value::Int(i), Value::Int(i), Value::Float(i as f64), Value::Bool(true), Value::Null])
            .unwrap();
    }
    let all = builder.finish().unwrap();
    // At least what it must hold of a record, and a few times that.
    for (query, least) in [
        ("count", 8),
        ("sum(i)", 16),
        ("avg(f)", 40),
        ("max(k)", 50),
        ("argmin(f, k)", 66),
        ("last(k)", 50),
        ("stdev(f)", 80),
        ("p95(i)", 32),
        ("distinct(k)", 70),
        ("set(i)", 30),
        ("list(k)", 60),
        ("mode(i)", 48),
        ("var(f)", 80),
        ("corr(i, f)", 300),
        ("approx_distinct(i)", 30),
    ] {
        for groups in [1, records as usize] {
            let mut one = accumulators(query).remove(0);
            one.resize(groups);
            let empty = one.bytes();
            let numbers: Vec<u32> = (0..records as u32).map(|row| row % groups as u32).collect();
            one.add(&Groups::Each(&numbers), &args(query, 0, &all), 0).unwrap();
            let bytes = one.bytes();
            assert!(bytes >= empty, "{query}");
            let is_kept = groups > 1 || matches!(query, "distinct(k)" | "set(i)" | "list(k)" | "mode(i)");
            assert!(
                !is_kept || (bytes >= least * records as usize && bytes <= 5 * least * records as usize),
                "{query} of {groups} groups: {bytes}"
            );
        }
    }
}

/// [`spilling_changes_nothing`] would prove nothing if nothing were spilled, or in one pass.
#[test]
fn a_small_budget_needs_several_passes() {
    let small = budget(4 << 10);
    let mut table = table_within("stats count, max(k) by i", &schema(), &small);
    let rows: Vec<Cells> = (0..600).map(|i| (Some(1), None, Some(i * 7919), None, None, None)).collect();
    batches(&rows, &[20]).iter().for_each(|batch| table.add(batch).unwrap());
    assert!(table.spilled() > 2 * small.fan_in(), "{} runs", table.spilled());
}

#[test]
fn one_group_that_is_too_large_is_an_error() {
    let small = budget(4 << 10);
    let mut table = table_within("stats count, list(k)", &schema(), &small);
    let rows: Vec<Cells> = (0..20_000).map(|i| (Some(i as u8), None, None, None, None, None)).collect();
    let error = batches(&rows, &[1000]).iter().find_map(|batch| table.add(batch).err()).unwrap().to_string();
    assert!(error.contains("`stats` without `by` needs more memory") && error.contains("--memory SIZE"), "{error}");
}

#[test]
fn an_integer_sum_is_exact_beyond_64_bits() {
    let rows = |ints: &[i64]| batch(&ints.iter().map(|&i| (None, None, Some(i), None, None, None)).collect::<Vec<_>>());
    let check = |ints: &[i64], expect: i128| {
        let mut table = table("sum(i)", rows(ints).schema());
        table.add(&rows(ints)).unwrap();
        let got = results(vec![table]).next().unwrap();
        assert_eq!(got.unwrap().row(0).value(0), Value::Int(expect));
    };
    check(&[i64::MAX, i64::MAX, i64::MIN, i64::MIN, 5], 3);
    check(&[i64::MAX, 1], 1 << 63);
    check(&[i64::MIN, -1], -(1 << 63) - 1);
}

#[test]
fn of_nothing() {
    let none = batch(&[]);
    let mut one = table("stats count, sum(i), avg(f), min(k), max(n), count(b)", none.schema());
    one.add(&none).unwrap();
    let row = results(vec![one]).next().unwrap().unwrap();
    assert_eq!(row.row(0).values().collect::<Vec<_>>(), [Value::Int(0), Value::Null, Value::Null, Value::Null, Value::Null, Value::Int(0)]);
    assert_eq!(results(vec![table("count by k", none.schema())]).count(), 0);
}
