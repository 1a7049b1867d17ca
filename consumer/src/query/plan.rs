//! A query that fits the stream: every name resolved to a column, every expression typed.
//!
//! Each stage says what it takes and what it gives, so that whoever runs the plan needs no other knowledge of the
//! language than [`Step`].

use std::sync::Arc;

use recpipe::{Schema, Type};

use super::{diagnose::Span, format::Format, words::StageWord};
use crate::expr::{Expr, Predicate};

/// A checked query.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The schema of the stream that the query was checked against.
    pub input: Arc<Schema>,
    /// The stages in the order they run.
    pub stages: Vec<PlanStage>,
}

/// A checked stage.
#[derive(Clone, Debug)]
pub struct PlanStage {
    /// What it does.
    pub step: Step,
    /// Its row in the table of stages: where it runs, what it keeps.
    pub word: &'static StageWord,
    /// The schema of what it gives. An output stage gives what it takes.
    pub output: Arc<Schema>,
    /// Where it stands in the query.
    pub span: Span,
    /// Its text in the query, on one line.
    pub text: String,
}

/// What a checked stage does. Columns are places in the schema of its input: the output of the stage before.
#[derive(Clone, Debug)]
pub enum Step {
    /// Keeps what the predicate is true for.
    Where(Predicate),
    /// The columns of the output, in order.
    Select(Vec<Expr>),
    /// Columns added or replaced, one after the other.
    Let(Vec<Assignment>),
    /// The first records.
    Head(u64),
    /// The first record of each distinct combination of these, which are the columns of the output, in order.
    Distinct(Vec<Expr>),
    /// Aggregates by keys; the columns of the output are the keys, then the aggregates.
    Stats {
        /// The keys; none for a single record of everything.
        keys: Vec<Expr>,
        /// The aggregates.
        aggregates: Vec<Aggregate>,
    },
    /// The records with the largest values, largest first, nulls last; of equal ones those that came first.
    Top {
        /// How many.
        n: u64,
        /// What is compared.
        by: Expr,
    },
    /// Where the answer goes.
    Output(Output),
}

/// One column that a `let` makes.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The place of the column: that of the column it replaces, or the first free one.
    pub place: usize,
    /// Its values, computed from the input with the earlier assignments applied.
    pub expr: Expr,
    /// The schema with this assignment applied.
    pub schema: Arc<Schema>,
}

/// One aggregate.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Which.
    pub function: AggregateFunction,
    /// What it is given.
    pub args: Vec<Expr>,
    /// The type of its result.
    pub kind: Type,
    /// The name of its column.
    pub name: String,
}

/// What an aggregate computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    /// The number of records.
    Count,
    /// The number of records for which the argument is true.
    CountTrue,
    /// The number of records for which the argument is not null.
    CountPresent,
    /// The sum of what is not null; null when all is. Exact for integers, else an error.
    Sum,
    /// The mean of what is not null; null when all is.
    Avg,
    /// The least of what is not null.
    Min,
    /// The greatest of what is not null.
    Max,
}

/// How the answer is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// One line a record; without a template, all fields separated by tabs.
    Print(Option<Vec<Piece>>),
    /// One JSON object a line.
    Json,
    /// RFC 4180.
    Csv,
    /// Tab-separated.
    Tsv,
    /// An Apache Arrow IPC stream.
    Arrow,
    /// Aligned columns.
    Table,
    /// A bar for the value of the column at this place, in each record.
    Chart(usize),
    /// Counted and discarded.
    Null,
}

/// A piece of a line that `print` writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// The value of a column.
    Column {
        /// Its place.
        place: usize,
        /// How it is shown.
        format: Format,
    },
}

impl Plan {
    /// The schema of the answer.
    pub fn output(&self) -> &Arc<Schema> {
        self.stages.last().map_or(&self.input, |stage| &stage.output)
    }

    /// How the answer is written, if the query says so.
    pub fn sink(&self) -> Option<&Output> {
        match self.stages.last().map(|stage| &stage.step) {
            Some(Step::Output(output)) => Some(output),
            _ => None,
        }
    }
}
