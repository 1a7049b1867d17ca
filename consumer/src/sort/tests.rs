//! The law of sorting: whatever the budget and whoever got which batch, the records are those of a plain stable sort.

use std::{cmp::Ordering, sync::Arc};

use proptest::prelude::*;
use recpipe::{Batch, BatchBuilder, Field, Origin, Schema, Time, Type, Value};

use super::{FirstSeen, Keep, SortKey, Sorter};
use crate::{
    expr::{Expr, Vector},
    memory::Budget,
};

type Cells = (Option<i8>, Option<f64>, Option<Vec<u8>>, Option<(i8, bool)>, Option<bool>);

const FIELDS: [(&str, Type); 6] =
    [("i", Type::Int), ("f", Type::Float), ("s", Type::Text), ("t", Type::Time), ("b", Type::Bool), ("n", Type::Null)];

fn cells() -> impl Strategy<Value = Cells> {
    let float = prop_oneof![Just(f64::NAN), Just(0.0), Just(-0.0), any::<f64>(), -2.0..2.0_f64];
    let text = prop_oneof![prop::collection::vec(0..3_u8, 0..4), prop::collection::vec(any::<u8>(), 0..40)];
    (any::<Option<i8>>(), prop::option::of(float), prop::option::of(text), any::<Option<(i8, bool)>>(), any::<Option<bool>>())
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(FIELDS.iter().map(|&(name, kind)| Field::new(name, kind)).collect()).unwrap())
}

fn values((i, f, s, t, b): &Cells) -> Vec<Value<'_>> {
    let time = |(t, east): (i8, bool)| Value::Time(Time { nanos: i64::from(t % 3), offset_s: if east { 3600 } else { -60 } });
    vec![
        i.map_or(Value::Null, |i| Value::Int(i128::from(i))),
        f.map_or(Value::Null, Value::Float),
        s.as_ref().map_or(Value::Null, |s| Value::Text(s)),
        t.map_or(Value::Null, time),
        b.map_or(Value::Null, Value::Bool),
        Value::Null,
    ]
}

/// The records in batches of so many, each at its place; of some batches a part is not selected.
fn batches(rows: &[Cells], size: usize) -> Vec<Batch> {
    let batch = |(order, rows): (usize, &[Cells])| {
        let mut builder = BatchBuilder::new(schema());
        for row in rows {
            builder.push(&values(row)).unwrap();
            if order % 2 == 1 {
                builder.push(&values(&(Some(7), None, None, None, None))).unwrap();
            }
        }
        let batch = builder.finish().unwrap();
        let batch = if order % 2 == 1 { batch.select((0..batch.len() as u32).step_by(2).collect()) } else { batch };
        batch.with_origin(Origin { order: order as u64, ..Origin::default() })
    };
    rows.chunks(size).enumerate().map(batch).collect()
}

/// Every bit of the values: equal ones may look different.
fn shown(values: &[Value<'_>]) -> String {
    let one = |value: &Value<'_>| match value {
        Value::Float(value) => format!("{:x}", value.to_bits()),
        value => format!("{value:?}"),
    };
    values.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn shown_batches(batches: impl Iterator<Item = Result<Batch, recpipe::Error>>) -> Vec<String> {
    let row = |batch: Batch| batch.rows().map(|row| shown(&row.values().collect::<Vec<_>>())).collect::<Vec<_>>();
    batches.flat_map(|batch| row(batch.unwrap())).collect()
}

fn order(a: &Value<'_>, b: &Value<'_>, descending: bool) -> Ordering {
    let last = |value: &Value<'_>| match value {
        Value::Null => 2,
        Value::Float(value) if value.is_nan() => 1,
        _ => 0,
    };
    let values = a.total_cmp(b);
    last(a).cmp(&last(b)).then(if descending { values.reverse() } else { values })
}

fn budget(limit: usize) -> Budget {
    Budget::new(limit, 4, 0, &std::env::temp_dir())
}

fn rows() -> impl Strategy<Value = Vec<Cells>> {
    prop_oneof![prop::collection::vec(cells(), 0..40), prop::collection::vec(cells(), 300..900)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sorts_whatever_the_budget(
        rows in rows(), size in 1..60_usize, by in prop::collection::vec((0..6_usize, any::<bool>()), 1..3),
        workers in prop::collection::vec(0..3_usize, 1..50), limit in prop_oneof![Just(4 << 10), Just(8 << 10), Just(1 << 24)],
        first in prop::option::of(prop_oneof![0..5_usize, 0..1000_usize]), most in prop_oneof![0..5_usize, 0..1000_usize],
    ) {
        let budget = budget(limit);
        let keys: Vec<_> = by.iter().map(|&(i, descending)| SortKey { expr: Expr::column(i, FIELDS[i].1, FIELDS[i].0), descending }).collect();
        let keep = first.map_or(Keep::All, Keep::First);
        let mut sorters: Vec<_> = (0..3).map(|_| Sorter::new(keys.clone(), schema(), keep, &budget)).collect();
        for (i, batch) in batches(&rows, size).iter().enumerate() {
            sorters[workers[i % workers.len()]].add(batch).unwrap();
        }
        let so_far: Option<Vec<_>> = sorters.iter().map(|sorter| sorter.first(most)).collect();
        let so_far = so_far.map(|all| sorters[0].of_first(all, most).unwrap());
        sorters.iter_mut().for_each(Sorter::seal);
        let mut expect: Vec<Vec<Value<'_>>> = rows.iter().map(values).collect();
        expect.sort_by(|a, b| by.iter().map(|&(i, down)| order(&a[i], &b[i], down)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal));
        expect.truncate(first.unwrap_or(usize::MAX));
        let expect: Vec<_> = expect.iter().map(|row| shown(row)).collect();
        if let Some((batch, more)) = so_far {
            let known = shown_batches(batch.into_iter().map(Ok));
            prop_assert_eq!(&known[..], &expect[..most.min(expect.len())]);
            prop_assert_eq!(known.len() + more as usize, expect.len());
        }
        prop_assert_eq!(shown_batches(Sorter::merge(sorters, &budget).unwrap()), expect);
    }

    #[test]
    fn the_first_of_each_value_in_their_order(rows in rows(), size in 1..60_usize, limit in prop_oneof![Just(4 << 10), Just(1 << 24)]) {
        let budget = budget(limit);
        let mut late = FirstSeen::new(schema(), &budget);
        let mut seen = std::collections::HashSet::new();
        let mut expect = Vec::new();
        for batch in batches(&rows, size) {
            let values: Vec<Vector> = batch.columns().iter().map(|column| Vector::from_column(column, &batch)).collect();
            late.add(&values, &batch, batch.origin().order).unwrap();
            for row in batch.rows() {
                let row = shown(&row.values().collect::<Vec<_>>());
                // One zero and one NaN, and one moment, whatever its offset.
                let key = row.replace("8000000000000000", "0").replace("offset_s: -60", "offset_s: 3600");
                if seen.insert(key) {
                    expect.push(row);
                }
            }
        }
        prop_assert_eq!(shown_batches(late.first(&budget).unwrap()), expect);
    }
}

/// The cases above would prove nothing if none of them spilled more runs than are merged at once.
#[test]
fn a_small_budget_needs_several_passes() {
    let budget = budget(4 << 10);
    let mut sorter = Sorter::new(vec![SortKey { expr: Expr::column(0, Type::Int, "i"), descending: true }], schema(), Keep::All, &budget);
    let rows: Vec<Cells> = (0..900_i64).map(|i| (Some((i * 7919 % 256 - 128) as i8), None, Some(vec![1; 20]), None, None)).collect();
    batches(&rows, 50).iter().for_each(|batch| sorter.add(batch).unwrap());
    assert!(sorter.pairs.runs().len() > 2 * budget.fan_in(), "{} runs", sorter.pairs.runs().len());
}
