//! A query that fits the stream: every name resolved to a column, every expression typed.
//!
//! Each stage says what it takes and what it gives, so that whoever runs the plan needs no other knowledge of the
//! language than [`Step`].

mod aggregate;
pub mod conditions;
pub mod fields;
mod operator;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use recpipe::{Schema, times::Zone, transport::Url};
use regex::bytes::Regex;

use crate::{
    expr::{Expr, Predicate},
    sort::SortKey,
    span::Span,
    time::format_spec::FormatSpec,
};

pub use aggregate::{Accumulator, Aggregate, AggregateFunction, Groups};
pub use fields::{advice, fields_read};
pub use operator::{About, Runs};

/// A checked query.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The schema of the stream that the query was checked against, with the fields that it awaits at its end.
    pub input: Arc<Schema>,
    /// The fields that the query names and that the stream's schema did not have, of a stream whose schema grows. A branch has none
    /// of its own.
    pub awaited: Vec<Awaited>,
    /// The zone whose offsets all times of the stream are given before the first stage.
    pub zone: Option<Zone>,
    /// The stages in the order they run.
    pub stages: Vec<PlanStage>,
}

/// A field that may come later in the stream, and is null until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// Its name.
    pub name: String,
    /// Whether the query says so itself, by `name?`: then it is no mistake if it never comes.
    pub may_not_come: bool,
}

/// A checked stage.
#[derive(Clone, Debug)]
pub struct PlanStage {
    /// What it does.
    pub step: Step,
    /// What is said of it: where it runs, what it keeps.
    pub about: &'static About,
    /// The schema of what it takes: of what the stage before it gives. Where it grows, records may have further fields behind these.
    pub input: Arc<Schema>,
    /// The schema of what it gives, which grows where it passes on such fields. An output stage gives what it takes.
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
    /// Columns of the groups that a regex captures.
    Parse(Parse),
    /// The first records.
    Head(u64),
    /// The last records.
    Tail(u64),
    /// All but the first records.
    Skip(u64),
    /// The first record of each distinct combination of these, which are the columns of the output, in order.
    Distinct(Vec<Expr>),
    /// Aggregates by keys; the columns of the output are the keys, then the aggregates.
    Stats {
        /// The keys; none for a single record of everything.
        keys: Vec<Expr>,
        /// The aggregates.
        aggregates: Vec<Aggregate>,
    },
    /// All records in the order of these.
    Sort(Vec<SortKey>),
    /// The records with the largest values, largest first, or the smallest, smallest first; NaN after all other numbers
    /// and nulls last; of equal ones those that came first.
    Top {
        /// Which end.
        direction: Direction,
        /// How many.
        n: u64,
        /// What is compared.
        by: Expr,
    },
    /// A column of the host names of the addresses in another.
    Dns {
        /// The column of the addresses: text.
        field: usize,
        /// The place of the names: that of the column they replace, or a free one.
        place: usize,
    },
    /// A copy of every record to this branch, too.
    Tee(Plan),
    /// Each record shown on stderr, after this label.
    Trace(String),
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

/// Which end of an order is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The largest, largest first.
    Largest,
    /// The smallest, smallest first.
    Smallest,
}

impl Direction {
    /// The stage that wants this end.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Largest => "top",
            Direction::Smallest => "bottom",
        }
    }
}

/// Columns made of the named groups of a regex.
#[derive(Clone, Debug)]
pub struct Parse {
    /// The column that is taken apart: text.
    pub field: usize,
    /// What it is matched with.
    pub regex: Regex,
    /// The number of each named group, and the place of its column: that of the column it replaces, or a free one.
    pub groups: Vec<(usize, usize)>,
    /// The schema with these columns.
    pub schema: Arc<Schema>,
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
    /// Into a file, in another of these ways: one that has a [`Format`](crate::writer::Format), or [`Output::Emit`].
    Write {
        /// The file.
        path: PathBuf,
        /// What is written there.
        output: Box<Output>,
    },
    /// Records, as frames.
    Emit,
    /// As frames to another consumer, at the other end of a link.
    EmitTo(Url),
    /// A bar for the value of the column at this place, in each record.
    Chart(usize),
    /// Counted and discarded.
    Null,
}

/// What `write` writes into a file with each extension.
pub(crate) const EXTENSIONS: &[(&str, Output)] = &[
    ("json", Output::Json),
    ("csv", Output::Csv),
    ("tsv", Output::Tsv),
    ("txt", Output::Print(None)),
    ("rec", Output::Emit),
    #[cfg(feature = "arrow")]
    ("arrow", Output::Arrow),
];

/// What `write` writes into this file, as its extension says.
pub(crate) fn extension(path: &str) -> Option<&'static Output> {
    let extension = Path::new(path).extension()?;
    EXTENSIONS.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known)).map(|(_, output)| output)
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
        format: FormatSpec,
    },
}

/// What the outputs of a plan use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// How many print on standard output.
    pub printers: usize,
    /// Whether frames go to standard output.
    pub emit: bool,
    /// Whether `arrow` goes to standard output.
    pub arrow: bool,
    /// Whether something goes elsewhere than to standard output: into files, or to other consumers.
    pub elsewhere: bool,
    /// How many outputs there are.
    pub outputs: usize,
}

impl Plan {
    /// Whether the stream told fields before the first record was looked at: then there was one.
    pub fn has_sample(&self) -> bool {
        self.input.len() > self.awaited.len()
    }

    /// The schema of the answer.
    pub fn output(&self) -> &Arc<Schema> {
        self.stages.last().map_or(&self.input, |stage| &stage.output)
    }

    /// Calls `each` with every output there is: those of the branches and of the query itself, in the order written;
    /// `None` where one is not said.
    pub fn for_each_output<'p>(&'p self, each: &mut dyn FnMut(Option<(&'p Output, Span)>)) {
        for stage in &self.stages {
            if let Step::Tee(branch) = &stage.step {
                branch.for_each_output(each);
            }
        }
        each(match self.stages.last() {
            Some(PlanStage { step: Step::Output(output), span, .. }) => Some((output, *span)),
            _ => None,
        });
    }

    /// What the outputs use, those of the branches with them.
    pub fn uses(&self) -> Uses {
        let mut uses = Uses::default();
        self.for_each_output(&mut |output| {
            uses.outputs += 1;
            match output {
                Some((Output::Write { .. } | Output::EmitTo(_), _)) => uses.elsewhere = true,
                Some((Output::Emit, _)) => uses.emit = true,
                Some((Output::Null, _)) => {}
                output => {
                    uses.arrow |= matches!(output, Some((Output::Arrow, _)));
                    uses.printers += 1;
                }
            }
        });
        uses
    }

    /// Where the output stands in the query, or where it would.
    pub fn output_at(&self) -> usize {
        self.stages.last().map_or(0, |stage| if self.sink().is_some() { stage.span.start } else { stage.span.end })
    }

    /// The plan whose output stands, or would stand, at this place of the query: this one or a branch.
    pub fn plan_of_output(&self, at: usize) -> Option<&Plan> {
        if self.output_at() == at {
            return Some(self);
        }
        self.stages.iter().find_map(|stage| if let Step::Tee(branch) = &stage.step { branch.plan_of_output(at) } else { None })
    }

    /// How the answer is written, if the query says so.
    pub fn sink(&self) -> Option<&Output> {
        match self.stages.last().map(|stage| &stage.step) {
            Some(Step::Output(output)) => Some(output),
            _ => None,
        }
    }
}
