//! A plan cut in two: the part that each worker runs, and the part that runs once on what the workers give.
//!
//! Where a stage may run stands in the table of stages ([`Runs`]). The cut is at the first that needs more than its own
//! batch: what is before it runs in the workers; it has a half on each side if its partial results can be merged; all
//! that comes after, and every branch, runs once. A query that does nothing but filter and print has its output formatted
//! by the workers too.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex, PoisonError},
};

use recpipe::{Error, Schema};

use super::{
    deliver::{Deliver, Delivered, GatherPart},
    form::Form,
    preview::Preview,
    state_name::StateName,
};
use crate::{
    memory::{Budget, Memory},
    output::{OpenOutput, Sinks},
    plan::{
        Feed, Output, Plan, PlanStage, Runs, Senders, Sides, Start, Target,
        partial::{Batches, Partial, SharedPartial, Show, SoFar},
    },
    writer::{Canvas, Format, Notes},
};

/// A plan and where it is cut. Workers and the once part are built from it, each on its own thread.
pub struct Cut<'p> {
    plan: &'p Plan,
    /// Stages before this place run in the workers, and only there.
    cut: usize,
    output: &'p Output,
    /// The output of a branch that names none.
    default: &'p Output,
    budget: Budget,
    sides: Sides,
    workers: usize,
    notes: Notes,
    /// What all workers gather.
    parts: Mutex<Vec<SharedPartial>>,
}

/// What a plan runs with: what its stages may hold, and what they have of other inputs.
pub struct Prepared {
    /// What the stages may hold.
    pub budget: Budget,
    /// What was made of other inputs.
    pub sides: Sides,
}

impl Prepared {
    /// The memory for so many workers, and no other inputs as yet.
    pub fn new(plan: &Plan, memory: &Memory, workers: usize) -> Self {
        let cut = plan.stages.iter().take_while(|stage| stage.about.runs == Runs::EachWorker).count();
        // What runs once may have two accounts: of what it knows and of what it sorts.
        let once = holders(&plan.stages) * 2;
        let at_cut = plan.stages.get(cut).filter(|stage| stage.about.spills).map_or(0, |stage| workers * stage.operator.holders());
        Prepared { budget: memory.budget(once + at_cut, workers), sides: Sides::default() }
    }
}

/// A worker's part, built.
pub struct WorkerPart {
    /// Batches go in here: those of the main input first, then those of each of [`Cut::feeds`].
    pub chains: Vec<Target>,
    /// What came of them for the once part.
    pub(crate) delivered: Delivered,
    /// What came of them for the end, where the stage at the cut gathers.
    pub partial: SharedPartial,
}

impl<'p> Cut<'p> {
    /// Cuts a plan for so many workers; `default` is the output of a query that names none, `notes` are taken of what outputs cannot
    /// write as it is.
    pub fn new(plan: &'p Plan, default: &'p Output, built: Prepared, workers: usize, notes: Notes) -> Self {
        let Prepared { budget, sides } = built;
        let cut = plan.stages.iter().take_while(|stage| sides.runs(stage) == Runs::EachWorker).count();
        Cut { plan, cut, output: plan.sink().unwrap_or(default), default, budget, sides, workers, notes, parts: Mutex::default() }
    }

    /// What the stages may hold.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The schema of what the stage at this place gives.
    pub fn output(&self, place: usize) -> &'p Arc<Schema> {
        &self.plan.stages[place].output
    }

    /// Where a stage of the plan runs, cut as it is.
    pub fn runs(&self, place: usize) -> Runs {
        let stage = &self.plan.stages[place];
        let can_be_halved = self.sides.runs(stage) == Runs::WorkersThenMerge;
        match place.cmp(&self.cut) {
            Ordering::Less => Runs::EachWorker,
            Ordering::Equal if can_be_halved => Runs::WorkersThenMerge,
            _ => Runs::Once,
        }
    }

    /// Whether the workers make the lines that the output writes.
    pub(crate) fn lines_are_made_by_workers(&self) -> bool {
        self.workers_format() && self.format().is_some()
    }

    /// Whether the workers format what is printed: nothing is left to run once.
    fn workers_format(&self) -> bool {
        self.cut == self.plan.stages.len() && !self.output.sink.is_picture()
    }

    fn format(&self) -> Option<Box<dyn Format>> {
        self.output.sink.format(self.plan.output(), &self.notes.at(self.plan.output_at()))
    }

    /// What workers gather at the cut, if they do, with nothing in it.
    pub fn empty(&self) -> Option<Box<dyn Partial>> {
        let start = self.start(self.plan, self.cut)?;
        self.plan.stages.get(self.cut)?.operator.partial(&start)
    }

    /// What is gathered at the cut, if something is.
    pub(crate) fn state_name(&self) -> Option<StateName> {
        self.empty().map(|_| StateName::new(self.plan, self.cut))
    }

    fn start<'s>(&'s self, plan: &'s Plan, place: usize) -> Option<Start<'s>> {
        Start::at(&plan.stages, place, &self.budget, self.workers, &self.sides)
    }

    /// Builds the part of one worker.
    pub fn worker(&self) -> WorkerPart {
        let (delivered, partial) = (Delivered::default(), SharedPartial::default());
        if let Some(empty) = self.empty() {
            partial.put(Some(empty));
            self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(partial.clone());
        }
        let begins = std::iter::once(0).chain(self.feeds().map(|(place, ..)| place + 1));
        let chains = begins.map(|from| self.worker_chain(from, &delivered, &partial)).collect();
        WorkerPart { chains, delivered, partial }
    }

    /// The stages of a worker from this place on, and the end of its part.
    fn worker_chain(&self, from: usize, delivered: &Delivered, partial: &SharedPartial) -> Target {
        let format = self.format().filter(|_| self.workers_format());
        let mut chain: Target = Box::new(Deliver::new(format, delivered.clone()));
        if self.empty().is_some() {
            chain = Box::new(GatherPart::new(partial.clone()));
        } else if let (Some(at_cut), Some(start)) = (self.plan.stages.get(self.cut), self.start(self.plan, self.cut)) {
            chain = at_cut.operator.half(&start, chain);
        }
        for place in (from..self.cut).rev() {
            if let Some(start) = self.start(self.plan, place) {
                chain = self.plan.stages[place].operator.start(start, chain);
            }
        }
        chain
    }

    /// The plans that feed the stages of the workers besides the main input, in the order in which they do: the place of the stage,
    /// its plan, and the file. A stage after the cut reads its own.
    pub fn feeds(&self) -> impl Iterator<Item = (usize, &'p Plan, &'p Feed)> {
        let stages = self.plan.stages[..self.cut].iter().enumerate();
        let inputs = stages.flat_map(|(place, stage)| stage.operator.inputs().iter().map(move |input| (place, input)));
        inputs.filter_map(|(place, input)| Some((place, input, input.feed.as_ref()?)))
    }

    /// The form of the records that enter the chains of a worker, in the order of the chains.
    pub fn forms(&self) -> Vec<Form> {
        let main = Form::new(&self.plan.input, self.plan, None);
        let of_feed = |(place, input, feed): (usize, &Plan, &Feed)| Form::new(&self.plan.stages[place].output, input, Some(feed));
        std::iter::once(main).chain(self.feeds().map(of_feed)).collect()
    }

    /// Builds the part that runs once: the first stage of its chain, and where lines go that workers have formatted. Where
    /// they do, it prints the header and gets no batches. `feeds` gives what a file has for a stage of it.
    ///
    /// # Errors
    /// [`Error::Io`] when an output cannot be written.
    pub fn once(
        &self,
        outlets: &Sinks,
        senders: &Senders,
        feeds: &mut dyn FnMut(&Plan, &Feed, &PlanStage) -> Batches,
    ) -> Result<OpenOutput, Error> {
        // What the workers gather at the cut goes to the stage after it.
        let gathers = self.empty().is_some();
        self.chain(self.plan, self.cut + usize::from(gathers), self.output, &mut Ends { sinks: outlets, senders, feeds }, Before::default())
    }

    /// The stages of a plan, or of a branch, from this place on, and its output; `before` is what stands before the plan.
    fn chain(&self, plan: &Plan, from: usize, output: &Output, ends: &mut Ends<'_>, before: Before) -> Result<OpenOutput, Error> {
        let is_settled = before.and(&plan.stages).is_settled;
        let OpenOutput { stage: mut chain, printer, canvas } = ends.sinks.open(output, plan, is_settled)?;
        for place in (from..plan.stages.len()).rev() {
            let (operator, before) = (&plan.stages[place].operator, before.and(&plan.stages[..place]));
            let Some(mut start) = self.start(plan, place) else { continue };
            start.follows_half = std::ptr::eq(plan, self.plan) && place == self.cut;
            start.is_settled = before.is_settled;
            start.senders = (!before.mixes).then(|| ends.senders.clone());
            for branch in operator.branches() {
                let output = branch.sink().unwrap_or(self.default);
                start.branches.push(self.chain(branch, 0, output, ends, before)?.stage);
            }
            let feeds = operator.inputs().iter().filter_map(|input| Some((input, input.feed.as_ref()?)));
            start.inputs = feeds.map(|(input, feed)| (ends.feeds)(input, feed, &plan.stages[place])).collect();
            if let (Some(canvas), false, true) = (&canvas, before.waits, plan.stages[place].about.blocks) {
                let preview = Preview::new(&plan.stages[place..], plan, output, (&self.budget, &self.sides), canvas);
                start.preview = preview.map(|preview| Box::new(preview) as Box<dyn Show>);
            }
            chain = operator.start(start, chain);
        }
        Ok(OpenOutput { stage: chain, printer, canvas })
    }

    /// What shows the answer of what the workers gather, while they do; `None` where they do not, or that cannot be known.
    pub(crate) fn preview(&self, canvas: &Canvas) -> Option<Preview> {
        self.empty()?;
        Preview::new(&self.plan.stages[self.cut..], self.plan, self.output, (&self.budget, &self.sides), canvas)
    }

    /// What the workers have partial so far, merged; `None` where it is too much to be copied now and then.
    ///
    /// # Errors
    /// Those of the merge.
    pub fn so_far(&self) -> Result<Option<SoFar>, Error> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(empty) = self.empty() else { return Ok(None) };
        let mut copies = Vec::new();
        for part in parts.iter() {
            match part.copy()? {
                Some(copy) => copies.push(copy),
                None => return Ok(None),
            }
        }
        empty.of_copies(copies, &self.budget).map(Some)
    }

    /// What is noted of values that outputs cannot write as they are.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }
}

/// What the stages before a place do to what comes there.
#[derive(Clone, Copy, Default)]
struct Before {
    /// One of them waits for the end. Behind it nothing comes before that: what is there to be shown, the first of them has.
    waits: bool,
    /// One of them settles the fields.
    is_settled: bool,
    /// One of them mixes the records of batches.
    mixes: bool,
}

impl Before {
    /// With these stages.
    fn and(self, stages: &[PlanStage]) -> Self {
        let waits = self.waits || stages.iter().any(|stage| stage.about.blocks);
        let is_settled = self.is_settled || stages.iter().any(|stage| stage.operator.settles());
        Before { waits, is_settled, mixes: self.mixes || stages.iter().any(|stage| stage.operator.mixes()) }
    }
}

/// What the part that runs once ends in, and what feeds its stages besides the workers.
struct Ends<'e> {
    sinks: &'e Sinks,
    senders: &'e Senders,
    feeds: &'e mut dyn FnMut(&Plan, &Feed, &PlanStage) -> Batches,
}

/// How many of these stages keep more than a bounded number of records, of theirs or of another input, and of their branches.
fn holders(stages: &[PlanStage]) -> usize {
    let of = |stage: &PlanStage| {
        let branches: usize = stage.operator.branches().iter().map(|branch| holders(&branch.stages)).sum();
        let holds = stage.about.spills || stage.operator.build().is_some();
        branches + if holds { stage.operator.holders() } else { 0 }
    };
    stages.iter().map(of).sum()
}
