//! A query that fits the stream: every name resolved to a column, every expression typed.
//!
//! A plan is stages, one after the other, and an output; a stage may feed branches, which are plans of their own. Each stage is an
//! [`Operator`], which answers what is asked of it: whoever runs a plan knows no stage by its name.

mod aggregate;
mod build;
pub mod conditions;
pub mod fields;
mod fold;
mod operator;
pub mod partial;
mod sink;
mod unite;
mod window;

use std::{path::PathBuf, sync::Arc};

use recpipe::{Schema, times::Zone};

pub use crate::senders::{News, SenderId, Senders};
pub use aggregate::{Accumulator, Aggregate, AggregateFunction, Groups, Takes};
pub use build::{Build, Built, Side, Sides, Whole};
pub use fields::{Read, fields_read, pushdown};
pub use fold::Fold;
pub(crate) use fold::Folds;
pub use operator::{About, Effect, Operator, Runs, Start, Target};
pub use sink::{Output, Place, PlanOutput, Sink};
pub use unite::Unite;
pub use window::{Computes, Window};

use crate::{given::Given, span::Span, writer::Rule};

/// A checked query.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The schema of the stream that the query was checked against, with the fields that it awaits at its end.
    pub input: Arc<Schema>,
    /// The fields that the query names and that the stream's schema did not have, of a stream whose schema grows. A branch has none
    /// of its own.
    pub(crate) awaited: Vec<Awaited>,
    /// The zone whose offsets all times of the stream are given before the first stage.
    pub zone: Option<Zone>,
    /// The stages in the order they run.
    pub stages: Vec<PlanStage>,
    /// Where the answer goes, if the query says so.
    pub sink: Option<PlanOutput>,
    /// The file whose records come in, where this plan feeds a stage of another one.
    pub feed: Option<Feed>,
    /// Whether records come that were not there when the stream began: windows of time are given when they close.
    pub live: bool,
    /// Whether `sender` is the field that says who sent a record, and none of the stream.
    pub(crate) gives_sender: bool,
}

/// A file that a query reads besides the main input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Where it is.
    pub path: PathBuf,
    /// Where it is named in the query, which tells it from others: one that is named twice is read twice.
    pub at: usize,
}

/// A field that may come later in the stream, and is null until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Awaited {
    /// Its name.
    pub name: String,
    /// Whether the query says so itself, by `name?`: then it is no mistake if it never comes.
    pub(crate) may_not_come: bool,
}

/// A checked stage.
#[derive(Clone, Debug)]
pub struct PlanStage {
    /// What it does.
    pub operator: Arc<dyn Operator>,
    /// What is said of it: where it runs, what it keeps.
    pub about: &'static About,
    /// The schema of what it takes: of what the stage before it gives. Where it grows, records may have further fields behind these.
    pub input: Arc<Schema>,
    /// The schema of what it gives, which grows where it passes on such fields.
    pub output: Arc<Schema>,
    /// Where it stands in the query.
    pub span: Span,
    /// Its text in the query, on one line.
    pub text: String,
}

/// What the outputs of a plan use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// How many print on standard output, which they share.
    pub(crate) printers: usize,
    /// If standard output is needed by one alone, what to say where it is a terminal.
    pub alone: Option<&'static str>,
    /// Whether something goes elsewhere than to standard output: into files, or to other consumers.
    pub elsewhere: bool,
    /// How many outputs there are.
    pub outputs: usize,
}

impl Plan {
    /// Whether the stream told fields before the first record was looked at: then there was one.
    pub(crate) fn has_sample(&self) -> bool {
        let given = self.input.names().filter(|name| Given::named(name, self.gives_sender).is_some()).count();
        self.input.len() > self.awaited.len() + given
    }

    /// The schema of the answer.
    pub fn output(&self) -> &Arc<Schema> {
        self.stages.last().map_or(&self.input, |stage| &stage.output)
    }

    /// The rules by which rows of its answer have colours.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules: Vec<_> = self.stages.iter().rev().map_while(|stage| stage.operator.rule().cloned()).collect();
        rules.reverse();
        rules
    }

    /// Calls `each` with every output there is: those of the branches and of the query itself, in the order written;
    /// `None` where one is not said.
    pub(crate) fn for_each_output<'p>(&'p self, each: &mut dyn FnMut(Option<&'p PlanOutput>)) {
        for branch in self.stages.iter().flat_map(|stage| stage.operator.branches()) {
            branch.for_each_output(each);
        }
        each(self.sink.as_ref());
    }

    /// Calls `each` with every plan that feeds a stage besides the main input, and with its file.
    pub(crate) fn for_each_feed<'p>(&'p self, each: &mut dyn FnMut(&'p Plan, &'p Feed)) {
        for stage in &self.stages {
            for input in stage.operator.inputs() {
                input.feed.iter().for_each(|feed| each(input, feed));
            }
            if let Some(input) = stage.operator.build().map(Build::input) {
                input.feed.iter().for_each(|feed| each(input, feed));
            }
            stage.operator.branches().iter().for_each(|branch| branch.for_each_feed(each));
        }
    }

    /// Calls `each` with what each stage needs whole of another input, in the order of the query; ends with the first error.
    ///
    /// # Errors
    /// Those of `each`.
    pub(crate) fn try_for_each_build<'p, E>(&'p self, each: &mut dyn FnMut(&'p dyn Build, &'p Feed) -> Result<(), E>) -> Result<(), E> {
        for stage in &self.stages {
            if let Some(build) = stage.operator.build()
                && let Some(feed) = &build.input().feed
            {
                each(build, feed)?;
            }
            stage.operator.branches().iter().try_for_each(|branch| branch.try_for_each_build(each))?;
        }
        Ok(())
    }

    /// What the outputs use, those of the branches with them.
    pub fn uses(&self) -> Uses {
        let mut uses = Uses::default();
        self.for_each_output(&mut |sink| {
            uses.outputs += 1;
            match sink.map_or(Place::Shared, |sink| sink.output.sink.place()) {
                Place::File(_) | Place::Appended(_) | Place::Own(_) | Place::Link => uses.elsewhere = true,
                Place::Alone(refusal) => uses.alone = Some(refusal),
                Place::Nowhere => {}
                Place::Shared => uses.printers += 1,
            }
        });
        uses
    }

    /// Whether somebody looks at one of its outputs while records come, wherever that is.
    pub(crate) fn is_watched(&self) -> bool {
        let mut is_watched = false;
        self.for_each_output(&mut |sink| is_watched |= sink.is_some_and(|sink| sink.output.sink.is_watched()));
        is_watched
    }

    /// Where the output stands in the query, or where it would.
    pub(crate) fn output_at(&self) -> usize {
        match &self.sink {
            Some(sink) => sink.span.start,
            None => self.stages.last().map_or(0, |stage| stage.span.end),
        }
    }

    /// The plan whose output stands, or would stand, at this place of the query: this one or a branch.
    pub(crate) fn plan_of_output(&self, at: usize) -> Option<&Plan> {
        if self.output_at() == at {
            return Some(self);
        }
        self.stages.iter().flat_map(|stage| stage.operator.branches()).find_map(|branch| branch.plan_of_output(at))
    }

    /// How the answer is written, if the query says so.
    pub fn sink(&self) -> Option<&Output> {
        self.sink.as_ref().map(|sink| &sink.output)
    }
}
