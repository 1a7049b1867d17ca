//! What a stage has to answer, whoever it is: the plan, the driver and `--explain` know no stage by its name.

use std::{
    any::Any,
    fmt::{self, Debug},
    sync::Arc,
};

use recpipe::{Schema, Stage};

use super::{
    Plan, PlanStage, Senders,
    build::{Build, Side, Sides},
    conditions::Found,
    fields::Read,
    partial::{Batches, Partial, Show},
};
use crate::{memory::Budget, writer::Rule};

/// The stage after a running one.
pub type Target = Box<dyn Stage>;

/// Where a stage runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// In each worker, on the batches that it has: needs no other batch.
    EachWorker,
    /// In each worker, whose partial results are merged.
    WorkersThenMerge,
    /// Once, on all the batches in order.
    Once,
}

/// What is said of a stage, by help and by `--explain`.
#[derive(Debug)]
pub struct About {
    /// The canonical word.
    pub name: &'static str,
    /// Other words taken for it.
    pub synonyms: &'static [&'static str],
    /// How it is written.
    pub syntax: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// A stage as it might stand in a query over a web server's log.
    pub example: &'static str,
    /// Where it runs.
    pub runs: Runs,
    /// How much it keeps in memory.
    pub memory: &'static str,
    /// Whether it keeps more than a bounded number of records, and what is beyond its part of the memory in temporary files.
    pub spills: bool,
    /// Whether nothing comes out of it before the end of the input.
    pub blocks: bool,
    /// Whether it writes the answer, so that nothing can come after it.
    pub output: bool,
    /// Of an output, whether it is a picture that a `write` after it puts into a file.
    pub is_drawn: bool,
}

impl About {
    /// A stage that says nothing else: it runs in each worker and keeps nothing.
    pub const PLAIN: About = About {
        name: "",
        synonyms: &[],
        syntax: "",
        doc: "",
        example: "",
        runs: Runs::EachWorker,
        memory: "O(1)",
        spills: false,
        blocks: false,
        output: false,
        is_drawn: false,
    };

    /// The canonical word and its synonyms.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.synonyms.iter().copied())
    }

    /// How much it keeps in memory, and what becomes of the rest.
    pub(crate) fn keeps(&self) -> String {
        format!("{}{}", self.memory, if self.spills { ", beyond --memory in temporary files" } else { "" })
    }
}

/// What a stage does besides giving records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// It asks somebody outside of this program, and waits for the answer.
    Asks,
    /// It writes about the records while they pass.
    Speaks,
    /// It says at the end what is wrong with them.
    Judges,
}

/// A stage that fits its input. Columns are places in the schema of its input: the output of the stage before.
///
/// There is one for the whole run, shared by the threads; what runs is made by [`Operator::start`]. What a stage reads, and whether
/// records may be left out before it, has no default: a wrong answer there would be a wrong answer to the query.
pub trait Operator: Any + Debug + Send + Sync {
    /// Turns what is wanted of its output into what it reads of its input. An expression is evaluated, and may fail, whether its
    /// column is wanted or not; only a plain column is left out with it.
    fn reads(&self, stage: &PlanStage, wanted: &mut Read);

    /// Notes the conditions without which a record leads to nothing; whether the stages after this one may be asked, too.
    fn narrows(&self, found: &mut Found<'_>) -> bool;

    /// How many records come out when so many come in; `None` where that depends on the records.
    fn known(&self, records: u64) -> Option<u64> {
        let _ = records;
        None
    }

    /// No more records than this are ever taken from the stage before; then the source is stopped.
    fn takes(&self) -> Option<u64> {
        None
    }

    /// How rows look of which something is true, where it says that and passes all on.
    #[doc(hidden)]
    fn rule(&self) -> Option<&Rule> {
        None
    }

    /// What it does besides giving records.
    #[doc(hidden)]
    fn effect(&self) -> Effect {
        Effect::None
    }

    /// What is to be known of its results, for `--explain`: the name of a line, and the line.
    fn facts(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Whether all that it gives has the fields of its first batch, which are known only then: outputs that name their columns wait for it.
    fn settles(&self) -> bool {
        false
    }

    /// Whether what it gives when it takes a batch may be of other batches: records that it held back, or results.
    fn mixes(&self) -> bool {
        false
    }

    /// The plans of the branches that it feeds besides the stage after it.
    #[doc(hidden)]
    fn branches(&self) -> &[Plan] {
        &[]
    }

    /// The plans that feed it besides the stage before it.
    #[doc(hidden)]
    fn inputs(&self) -> &[Plan] {
        &[]
    }

    /// What it needs whole of another input before the first record.
    #[doc(hidden)]
    fn build(&self) -> Option<&dyn Build> {
        None
    }

    /// What is gathered of the records, with nothing in it, where the stage needs all of them before it gives one: each worker
    /// fills one, and they are merged once.
    #[doc(hidden)]
    fn partial(&self, start: &Start<'_>) -> Option<Box<dyn Partial>> {
        let _ = start;
        None
    }

    /// How many of what [`Operator::partial`] gives a memory of its own there are, where it is several.
    #[doc(hidden)]
    fn holders(&self) -> usize {
        1
    }

    /// Whether what is shown of it before the end is made of all records so far, and not of the first alone.
    #[doc(hidden)]
    fn copies_all(&self) -> bool {
        true
    }

    /// Of a stage that runs in the workers and then once, and has no [`Operator::partial`]: the half in each worker, which leaves
    /// out what can be no part of the result.
    fn half(&self, start: &Start<'_>, target: Target) -> Target {
        let _ = start;
        target
    }

    /// The whole stage, running in front of its target.
    fn start(&self, start: Start<'_>, target: Target) -> Target;
}

impl dyn Operator {
    /// The operator itself, for the tests of what it was made of.
    #[cfg(test)]
    pub(crate) fn is<T: Operator>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// What a stage is started with.
pub struct Start<'a> {
    /// The schema of what comes.
    pub input: &'a Arc<Schema>,
    /// The schema of what it gives.
    pub output: &'a Arc<Schema>,
    /// No more records than this are taken of what it gives.
    pub taken: Option<u64>,
    /// What it may hold.
    #[doc(hidden)]
    pub budget: &'a Budget,
    /// How many workers share the budget.
    #[doc(hidden)]
    pub workers: usize,
    /// Shows what would come of the records so far, where that is wanted.
    pub(crate) preview: Option<Box<dyn Show>>,
    /// Whether what comes was passed on by its half in the workers.
    pub follows_half: bool,
    /// Whether a stage before it [settles](Operator::settles) the fields: then all that it gives is to have the same, too.
    #[doc(hidden)]
    pub is_settled: bool,
    /// The branches, running: as many as [`Operator::branches`].
    #[doc(hidden)]
    pub branches: Vec<Target>,
    /// What comes of [`Operator::inputs`], to be sent on at the end; nothing where somebody else sees to that: in workers, of which each
    /// would read all, and in what is shown for the time being.
    #[doc(hidden)]
    pub inputs: Vec<Batches>,
    /// What was made of [`Operator::build`]; nothing where nothing is run, as in tests.
    #[doc(hidden)]
    pub side: Option<Side>,
    /// Who sends the records, where it is known of which sender each batch is, which it is not behind a stage that [mixes](Operator::mixes)
    /// them.
    #[doc(hidden)]
    pub senders: Option<Senders>,
}

impl fmt::Debug for Start<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Start")
            .field("input", &self.input)
            .field("output", &self.output)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl<'a> Start<'a> {
    /// Of the stage at this place; `None` where there is none.
    pub(crate) fn at(stages: &'a [PlanStage], place: usize, budget: &'a Budget, workers: usize, sides: &Sides) -> Option<Self> {
        let PlanStage { input, output, .. } = stages.get(place)?;
        let side = sides.of(&stages[place]).map(|built| built.side.clone());
        let taken = stages.get(place + 1).and_then(|next| next.operator.takes());
        Some(Start {
            input,
            output,
            taken,
            budget,
            workers,
            preview: None,
            follows_half: false,
            is_settled: false,
            branches: Vec::new(),
            inputs: Vec::new(),
            side,
            senders: None,
        })
    }
}
