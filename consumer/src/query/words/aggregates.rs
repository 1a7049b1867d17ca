//! The table of aggregates.

use recpipe::Type;

use super::AggregateWord;
use crate::query::plan::AggregateFunction;

/// All aggregates.
pub static AGGREGATES: &[AggregateWord] = &[
    AggregateWord {
        name: "count",
        syntax: "count | count(CONDITION) | count(EXPR)",
        doc: "records; those for which the condition is true; those that have the value",
        example: "count(status >= 400) as errors",
        args: 0..=1,
        check: |args| {
            let function = match args {
                [] => AggregateFunction::Count,
                [Type::Bool] => AggregateFunction::CountTrue,
                _ => AggregateFunction::CountPresent,
            };
            Some((function, Type::Int))
        },
    },
    AggregateWord {
        name: "sum",
        syntax: "sum(NUMBER)",
        doc: "the sum; an integer sum is exact or an error",
        example: "sum(bytes) as total by host",
        args: 1..=1,
        check: |args| match args {
            [kind @ (Type::Int | Type::Float | Type::Null)] => Some((AggregateFunction::Sum, *kind)),
            _ => None,
        },
    },
    AggregateWord {
        name: "avg",
        syntax: "avg(NUMBER)",
        doc: "the mean",
        example: "avg(bytes) by status",
        args: 1..=1,
        check: |args| match args {
            [Type::Int | Type::Float | Type::Null] => Some((AggregateFunction::Avg, Type::Float)),
            _ => None,
        },
    },
    AggregateWord {
        name: "min",
        syntax: "min(EXPR)",
        doc: "the least value",
        example: "min(bytes), max(bytes) by status",
        args: 1..=1,
        check: |args| args.first().map(|kind| (AggregateFunction::Min, *kind)),
    },
    AggregateWord {
        name: "max",
        syntax: "max(EXPR)",
        doc: "the greatest value",
        example: "max(bytes) as largest",
        args: 1..=1,
        check: |args| args.first().map(|kind| (AggregateFunction::Max, *kind)),
    },
];
