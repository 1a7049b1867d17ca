//! What is held and what is sorted, compared with every pair of records.

use std::sync::Arc;

use proptest::prelude::*;
use recpipe::{Batch, BatchBuilder, Field, Schema, Type, Value};

use super::{Keep, Match, MergeJoin, NONE, Pair, Partners, SortedBuilder, TableBuilder};
use crate::{expr::Expr, memory::Budget};

/// Records of a key and a number.
fn batch(keys: &[Option<i64>], first: usize) -> Batch {
    let schema = Schema::new(vec![Field::new("k", Type::Int), Field::new("n", Type::Int)]).unwrap();
    let mut builder = BatchBuilder::new(Arc::new(schema));
    for (i, key) in keys.iter().enumerate() {
        let key = key.map_or(Value::Null, |key| Value::Int(key.into()));
        builder.push(&[key, Value::Int((first + i) as i128)]).unwrap();
    }
    builder.finish().unwrap()
}

fn on(partners: Partners) -> Match {
    let key = || Expr::column(0, Type::Int, "k");
    Match { equal: vec![Pair { ours: key(), theirs: key() }], nearby: None, partners }
}

type Pairs = Vec<(usize, Option<usize>)>;

/// Each pair is looked at.
fn expected(ours: &[Option<i64>], theirs: &[Option<i64>], partners: Partners, keep: Keep) -> Pairs {
    let mut pairs = Vec::new();
    for (i, key) in ours.iter().enumerate() {
        let mut found: Vec<usize> = (0..theirs.len()).filter(|&row| key.is_some() && theirs[row] == *key).collect();
        match partners {
            Partners::First => found.truncate(1),
            Partners::Last => drop(found.drain(..found.len().saturating_sub(1))),
            Partners::One | Partners::Each => {}
        }
        match keep {
            Keep::None if found.is_empty() => pairs.push((i, None)),
            Keep::All if found.is_empty() => pairs.push((i, None)),
            Keep::None => {}
            Keep::All | Keep::Only => pairs.extend(found.into_iter().map(|row| (i, Some(row)))),
        }
    }
    pairs
}

fn number(batch: &Batch, row: usize, field: usize) -> Option<usize> {
    match batch.row(row).value(field) {
        Value::Int(number) => Some(number as usize),
        _ => None,
    }
}

/// What a builder has, of batches of so many rows.
fn builder(theirs: &[Option<i64>], partners: Partners, cut: usize, budget: &Budget) -> (TableBuilder, Schema) {
    let schema = batch(&[], 0).schema().as_ref().clone();
    let mut builder = TableBuilder::new(&on(partners), "join".to_owned(), &schema, &[1], budget);
    for (i, keys) in theirs.chunks(cut).enumerate() {
        builder.add(&batch(keys, i * cut)).unwrap();
    }
    (builder, schema)
}

fn held(ours: &[Option<i64>], theirs: &[Option<i64>], partners: Partners, keep: Keep, cut: usize, budget: &Budget) -> Pairs {
    let table = builder(theirs, partners, cut, budget).0.finish().unwrap().unwrap();
    let mut pairs = Vec::new();
    for (i, keys) in ours.chunks(cut).enumerate() {
        let batch = batch(keys, i * cut);
        let rows = table.find(on(partners).of_ours(&batch).unwrap(), batch.len()).unwrap();
        for (record, &first) in rows.iter().enumerate() {
            let record = i * cut + record;
            match (first == NONE, keep) {
                (true, Keep::All | Keep::None) => pairs.push((record, None)),
                (true, Keep::Only) | (false, Keep::None) => {}
                (false, _) => {
                    let mut row = first;
                    while row != NONE {
                        let columns = table.columns(vec![row]);
                        let Value::Int(number) = columns[0].value(0) else { panic!("row {row} has no number") };
                        pairs.push((record, Some(number as usize)));
                        row = table.next(row);
                    }
                }
            }
        }
    }
    pairs
}

fn sorted(ours: &[Option<i64>], theirs: &[Option<i64>], partners: Partners, keep: Keep, cut: usize, budget: &Budget) -> Pairs {
    // Half of them were held before there was no more room.
    let (before, rest) = theirs.split_at(theirs.len() / 2);
    let (builder, schema) = builder(before, partners, cut, budget);
    let mut side = SortedBuilder::new(&on(partners), &schema, &[1], &builder.into_columns(), budget).unwrap();
    for (i, keys) in rest.chunks(cut).enumerate() {
        side.add(&batch(keys, before.len() + i * cut)).unwrap();
    }
    let mut merge = MergeJoin::new(keep, 1, Arc::new(schema), Arc::new(side.finish().unwrap()), budget);
    for (i, keys) in ours.chunks(cut).enumerate() {
        let batch = batch(keys, i * cut);
        merge.add(&batch, &on(partners).of_ours(&batch).unwrap()).unwrap();
    }
    let mut pairs = Vec::new();
    for pair in merge.finish().unwrap() {
        let (ours, theirs) = pair.unwrap();
        pairs.extend((0..ours.len()).map(|row| (number(&ours, row, 1).unwrap(), number(&theirs, row, 0))));
    }
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn held_or_sorted_it_is_every_pair(
        ours in prop::collection::vec(prop::option::weighted(0.9, 0..12_i64), 0..60),
        theirs in prop::collection::vec(prop::option::weighted(0.9, 0..12_i64), 0..60),
        partners in prop::sample::select(&[Partners::First, Partners::Last, Partners::Each][..]),
        keep in prop::sample::select(&[Keep::All, Keep::Only, Keep::None][..]),
        cut in 1..20_usize,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let budget = Budget::new(1 << 20, 4, 0, directory.path());
        let expect = expected(&ours, &theirs, partners, keep);
        prop_assert_eq!(held(&ours, &theirs, partners, keep, cut, &budget), &expect[..]);
        prop_assert_eq!(sorted(&ours, &theirs, partners, keep, cut, &budget), &expect[..]);
    }
}

#[test]
fn a_key_with_more_rows_than_fit_is_in_files_too() {
    let directory = tempfile::tempdir().unwrap();
    let budget = Budget::new(Budget::LEAST, 4, 0, directory.path());
    let theirs = vec![Some(7); 20_000];
    let ours = [Some(7), Some(8), Some(7)];
    let pairs = sorted(&ours, &theirs, Partners::Each, Keep::All, 500, &budget);
    assert_eq!(pairs, expected(&ours, &theirs, Partners::Each, Keep::All));
}

#[test]
fn what_does_not_fit_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let budget = Budget::new(Budget::LEAST, 4, 0, directory.path());
    let theirs: Vec<_> = (0..20_000).map(Some).collect();
    let schema = batch(&[], 0).schema().as_ref().clone();
    let mut builder = TableBuilder::new(&on(Partners::One), "join".to_owned(), &schema, &[1], &budget);
    assert!(!builder.add(&batch(&theirs, 0)).unwrap());
    assert_eq!(builder.into_columns().rows, 20_000);
}
