//! The law of aggregates: any split of the input, merged in any order, gives what adding everything to one gives.

use std::sync::Arc;

use proptest::prelude::*;
use recpipe::{Batch, BatchBuilder, Field, Schema, Type, Value};

use super::Table;
use crate::query::{self, Source, plan::Step};

type Cells = (Option<u8>, Option<i8>, Option<i64>, Option<f64>, Option<bool>);

fn batch(rows: &[Cells]) -> Batch {
    let fields = [("k", Type::Text), ("n", Type::Int), ("i", Type::Int), ("f", Type::Float), ("b", Type::Bool)];
    let schema = Schema::new(fields.into_iter().map(|(name, kind)| Field::new(name, kind)).collect()).unwrap();
    let mut builder = BatchBuilder::new(Arc::new(schema));
    for (k, n, i, f, b) in rows {
        let key = k.map(|k| [b'a' + k % 3, 0xff]);
        builder
            .push(&[
                key.as_ref().map_or(Value::Null, |key| Value::Text(&key[..usize::from(k.unwrap_or(0)) % 3])),
                n.map_or(Value::Null, |n| Value::Int(i64::from(n % 3))),
                i.map_or(Value::Null, Value::Int),
                f.map_or(Value::Null, Value::Float),
                b.map_or(Value::Null, Value::Bool),
            ])
            .unwrap();
    }
    builder.finish().unwrap()
}

fn table(text: &str, schema: &Schema) -> Table {
    let source = Source::from_args(&[text]);
    let plan = query::check(&source, &query::parse(&source).unwrap(), schema).unwrap();
    match &plan.stages[0].step {
        Step::Stats { keys, aggregates } => Table::new(keys, aggregates, plan.stages[0].output.clone()),
        step => panic!("not stats: {step:?}"),
    }
}

const QUERIES: [&str; 6] = [
    "stats count, count(b), count(i), sum(n), avg(n), sum(f), avg(f)",
    "stats count, sum(f) by k",
    "stats min(i), max(i), min(f), max(f), min(k), max(k), min(b), max(b)",
    "stats min(i), max(k), avg(f) by n",
    "stats count, max(f) by k, n",
    "stats count by f, b",
];

fn shown(table: &Table) -> String {
    table.batches().map(|batch| format!("{:?}", batch.unwrap())).collect()
}

proptest! {
    #[test]
    fn merging_is_adding(rows in prop::collection::vec(any::<Cells>(), 0..40), parts in prop::collection::vec(0..3_usize, 40)) {
        let all = batch(&rows);
        for text in QUERIES {
            let mut whole = table(text, all.schema());
            whole.add(&all).unwrap();
            // Each row to one of three tables, as one batch with a selection or as batches of one row.
            let mut tables: Vec<Table> = (0..3).map(|_| table(text, all.schema())).collect();
            for (part, table) in tables.iter_mut().enumerate() {
                let mine: Vec<u32> = (0..rows.len()).filter(|&row| parts[row] == part).map(|row| row as u32).collect();
                if part == 0 {
                    mine.iter().for_each(|&row| table.add(&all.select(vec![row])).unwrap());
                } else {
                    table.add(&all.select(mine)).unwrap();
                }
            }
            let mut merged = tables.pop().unwrap();
            for table in tables {
                merged.merge(table).unwrap();
            }
            prop_assert_eq!(shown(&merged), shown(&whole), "{}", text);
        }
    }
}

#[test]
fn an_integer_sum_is_exact_or_an_error() {
    let rows = |ints: &[i64]| batch(&ints.iter().map(|&i| (None, None, Some(i), None, None)).collect::<Vec<_>>());
    let check = |ints: &[i64], expect: Option<i64>| {
        let mut table = table("sum(i)", rows(ints).schema());
        table.add(&rows(ints)).unwrap();
        let got = table.batches().next().unwrap();
        match expect {
            Some(sum) => assert_eq!(got.unwrap().row(0).value(0), Value::Int(sum)),
            None => assert!(got.unwrap_err().to_string().contains("overflow")),
        }
    };
    check(&[i64::MAX, i64::MAX, i64::MIN, i64::MIN, 5], Some(3));
    check(&[i64::MAX, 1], None);
    check(&[i64::MIN, -1], None);
}

#[test]
fn of_nothing() {
    let none = batch(&[]);
    let mut one = table("stats count, sum(i), avg(f), min(k), max(n), count(b)", none.schema());
    one.add(&none).unwrap();
    let row = one.batches().next().unwrap().unwrap();
    assert_eq!(row.row(0).values().collect::<Vec<_>>(), [Value::Int(0), Value::Null, Value::Null, Value::Null, Value::Null, Value::Int(0)]);
    assert_eq!(table("count by k", none.schema()).batches().count(), 0);
}
