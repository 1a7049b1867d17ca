//! That records which a producer leaves out change nothing.

use proptest::prelude::*;
use recpipe::{
    Type, Value,
    record::{CompareOp, Condition, Constant},
};

use super::{Cell, batch, compare, schema, writer::Writer};
use crate::{
    catalog::parse,
    language::{Source, check},
    plan::conditions::conditions,
    stage::where_::WhereOp,
};

fn constant(kind: Type) -> BoxedStrategy<Constant> {
    let ints = vec![i64::MIN, -7, 0, 1, 3, 404, 500, i64::MAX];
    let floats = vec![f64::NEG_INFINITY, -0.5, -0.0, 0.0, 404.0, 1e300, f64::NAN];
    match kind {
        Type::Int => prop::sample::select(ints).prop_map(|int: i64| Constant::Int(int.into())).boxed(),
        Type::Float => prop::sample::select(floats).prop_map(Constant::Float).boxed(),
        Type::Text => prop::sample::select(vec!["", "a", "ab", "b", "é"]).prop_map(|text| Constant::Text(text.as_bytes().into())).boxed(),
        Type::Bool => any::<bool>().prop_map(Constant::Bool).boxed(),
        Type::Time => {
            let nanos = prop::sample::select(vec![i64::MIN, -1, 0, 1_203_833_339_000_000_000, i64::MAX]);
            nanos.prop_map(|nanos| Constant::Time(recpipe::Time { nanos, offset_s: 3600 })).boxed()
        }
        Type::Null | Type::Mixed => Just(Constant::Null).boxed(),
    }
}

fn condition() -> impl Strategy<Value = Condition> {
    let kinds = vec![Type::Int, Type::Float, Type::Text, Type::Bool, Type::Time, Type::Null];
    let fields: Vec<String> = schema().names().map(str::to_owned).chain(["none".to_owned()]).collect();
    let constant = prop::sample::select(kinds).prop_flat_map(constant);
    (prop::sample::select(fields), prop::sample::select(&CompareOp::ALL[..]), constant).prop_map(|(field, op, constant)| Condition {
        field,
        op,
        constant,
    })
}

fn cell(constant: &Constant) -> Cell {
    match constant {
        Constant::Null => Cell::Null,
        Constant::Bool(value) => Cell::Bool(*value),
        Constant::Int(value) => Cell::Int(*value),
        Constant::Float(value) => Cell::Float(*value),
        Constant::Time(value) => Cell::Time(*value),
        Constant::Text(text) => Cell::Text(text.to_vec()),
    }
}

proptest! {
    #[test]
    fn a_condition_holds_where_the_comparison_does(
        all in prop::collection::vec(condition(), 0..4),
        rows in prop::collection::vec(any::<[u8; 13]>(), 0..30),
        nulls: bool,
        selection in prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 0..20)),
    ) {
        let mut batch = batch(&rows, nulls);
        if let (Some(selection), false) = (selection, rows.is_empty()) {
            batch = batch.select(selection.iter().map(|index| index.index(rows.len()) as u32).collect());
        }
        let schema = schema();
        let holds = |row: usize, Condition { field, op, constant }: &Condition| {
            let Some(place) = schema.index_of(field) else { return true };
            let is_known = constant.kind() == Type::Null || schema.fields()[place].open || constant.kind() == schema.fields()[place].kind;
            !is_known || compare(*op, &Cell::of(batch.row(row).value(place)), &cell(constant))
        };
        let expect: Vec<_> =
            (0..batch.len()).filter(|&row| all.iter().all(|one| holds(row, one))).map(|row| batch.physical(row)).collect();
        let left = Condition::filter(&all, &batch);
        prop_assert_eq!((0..left.len()).map(|row| left.physical(row)).collect::<Vec<_>>(), expect);
    }

    /// Whatever the stages are: the answer to what is left is the answer to all, an error among them.
    #[test]
    fn what_is_left_out_changes_no_answer(
        choices in prop::collection::vec(any::<u8>(), 0..80),
        simple in prop::collection::vec(("[ijfgtubcmnxyz]", prop::sample::select(vec!["==", "!=", "<", ">="]), any::<[u8; 2]>(), 0..4_u8), 1..4),
        rows in prop::collection::vec(any::<[u8; 13]>(), 0..12),
        nulls: bool,
    ) {
        let mut writer = Writer { choices: choices.iter(), open: true };
        let text: Vec<String> = simple
            .iter()
            .map(|(field, op, bytes, odd)| {
                let kind = schema().fields()[schema().index_of(field).unwrap()].kind;
                let literal = Writer { choices: bytes.iter(), open: false }.write(kind, 0);
                match odd {
                    0 => format!("({}) and {field} {op} {literal}", writer.write(Type::Bool, 2)),
                    1 => "i in -7..404".to_owned(),
                    2 => "c and not b".to_owned(),
                    _ => format!("{field} {op} {literal}"),
                }
            })
            .collect();
        for text in [format!("where {}", text.join(" and ")), format!("where {}", text.join(" | where "))] {
            let source = Source::from_args(&[&text]);
            let plan = check(&source, &parse(&source).unwrap(), &schema()).unwrap();
            let whole = batch(&rows, nulls);
            let found = conditions(&plan);
            let answer = |mut batch: recpipe::Batch| {
                for stage in &plan.stages {
                    let WhereOp(predicate) = stage.operator.is().unwrap();
                    batch = predicate.filter(&batch).map_err(|error| error.to_string())?;
                }
                Ok::<_, String>((0..batch.len()).map(|row| batch.physical(row)).collect::<Vec<_>>())
            };
            let left = Condition::filter(&found, &whole);
            prop_assert_eq!(answer(left), answer(whole), "{}", text);
        }
    }
}

#[test]
fn the_property_has_something_to_say() {
    let rows: Vec<[u8; 13]> = (0..40).map(|n| [n; 13]).collect();
    let batch = batch(&rows, true);
    let condition = Condition { field: "f".into(), op: CompareOp::Lt, constant: Constant::Float(0.0) };
    let left = Condition::filter(&[condition], &batch);
    assert!(!left.is_empty() && left.len() < batch.len() / 2, "{left:?}");
    assert!(left.rows().all(|row| matches!(row.value(2), Value::Float(value) if value < 0.0)));
}
