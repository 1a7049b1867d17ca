//! A plan cut in two: the part that each worker runs, and the part that runs once on what the workers give.
//!
//! Where a stage may run stands in the table of stages ([`Runs`]). The cut is at the first that needs more than its own
//! batch: what is before it runs in the workers; it has a half on each side if its partial results can be merged; all
//! that comes after, and every branch, runs once. A query that does nothing but filter and print has its output formatted
//! by the workers too.

use std::{
    cmp::Ordering,
    sync::{Mutex, PoisonError},
};

use recpipe::{Error, stage::Broadcast};

use crate::{
    aggregate::Table,
    gather::{Gathered, SharedGathered},
    memory::{Budget, Memory},
    output::{self, Canvas, Notes, Outlet, Outlets},
    preview::{Preview, SoFar},
    query::{
        plan::{Output, Plan, PlanStage, Step},
        words::Runs,
    },
    sort::{Keep, Sorter},
    stage::{
        Assign, Deliver, Delivered, Distinct, DistinctCandidates, Dns, Filter, Gather, GatherPart, Head, Parse, Select, Skip, Tail, Target,
        Top, TopCandidates, Trace,
    },
};

/// A plan and where it is cut. Workers and the once part are built from it, each on its own thread.
pub struct Split<'p> {
    plan: &'p Plan,
    /// Stages before this place run in the workers, and only there.
    cut: usize,
    output: &'p Output,
    /// The output of a branch that names none.
    default: &'p Output,
    budget: Budget,
    workers: usize,
    notes: Notes,
    /// What all workers gather.
    parts: Mutex<Vec<SharedGathered>>,
}

/// A worker's part, built.
pub struct WorkerPart {
    /// Batches go in here.
    pub chain: Target,
    /// What came of them for the once part.
    pub delivered: Delivered,
    /// What came of them for the end, where the stage at the cut gathers.
    pub gathered: SharedGathered,
}

impl<'p> Split<'p> {
    /// Cuts a plan for so many workers; `default` is the output of a query that names none, `notes` are taken of what outputs cannot
    /// write as it is.
    pub fn new(plan: &'p Plan, default: &'p Output, memory: &Memory, workers: usize, notes: Notes) -> Self {
        let each_worker = |stage: &&PlanStage| stage.word.runs == Runs::EachWorker && !stage.word.output;
        let cut = plan.stages.iter().take_while(each_worker).count();
        // What is beyond the cut may have two accounts: of what it knows and of what it sorts.
        let once = holders(&plan.stages[cut..]) * 2;
        let at_cut = if plan.stages.get(cut).is_some_and(holds) { workers } else { 0 };
        let budget = memory.budget(once + at_cut, workers);
        Split { plan, cut, output: plan.sink().unwrap_or(default), default, budget, workers, notes, parts: Mutex::default() }
    }

    /// What the stages may hold.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Where a stage of the plan runs, cut as it is.
    pub fn runs(&self, place: usize) -> Runs {
        let stage = &self.plan.stages[place];
        let can_be_halved = stage.word.runs == Runs::WorkersThenMerge && !stage.word.output;
        match place.cmp(&self.cut) {
            Ordering::Less => Runs::EachWorker,
            Ordering::Equal if can_be_halved => Runs::WorkersThenMerge,
            _ => Runs::Once,
        }
    }

    /// Whether the workers make the lines that the output writes.
    pub fn lines_are_made_by_workers(&self) -> bool {
        self.workers_format() && self.format().is_some()
    }

    /// Whether the workers format what is printed: nothing is left to run once.
    fn workers_format(&self) -> bool {
        let rest = &self.plan.stages[self.cut..];
        rest.iter().all(|stage| matches!(stage.step, Step::Output(_))) && !output::is_picture(self.output)
    }

    fn format(&self) -> Option<Box<dyn output::Format>> {
        output::format(self.output, self.plan.output(), &self.notes.at(self.plan.output_at()))
    }

    /// What workers gather at the cut, if they do, with nothing in it.
    pub fn empty(&self) -> Option<Gathered> {
        gathered(&self.plan.stages, self.cut, &self.budget)
    }

    /// Builds the part of one worker.
    pub fn worker(&self) -> WorkerPart {
        let (delivered, gathered) = (Delivered::default(), SharedGathered::default());
        let formatter = || self.format().filter(|_| self.workers_format());
        let deliver = |format| Box::new(Deliver::new(format, delivered.clone())) as Target;
        let mut chain: Target = match self.plan.stages.get(self.cut).map(|stage| (&stage.step, &stage.output)) {
            Some((Step::Stats { .. } | Step::Sort(_), _)) => {
                gathered.put(self.empty());
                self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(gathered.clone());
                Box::new(GatherPart::new(gathered.clone()))
            }
            Some((Step::Distinct(exprs), schema)) => {
                Box::new(DistinctCandidates::new(exprs.clone(), schema, &self.budget, self.workers, deliver(None)))
            }
            Some((Step::Top { direction, n, by }, _)) => Box::new(TopCandidates::new(*direction, *n, by.clone(), deliver(None))),
            _ => deliver(formatter()),
        };
        for place in (0..self.cut).rev() {
            chain = link(&self.plan.stages, place, &self.budget, None, chain);
        }
        WorkerPart { chain, delivered, gathered }
    }

    /// Builds the part that runs once: the first stage of its chain, and where lines go that workers have formatted. Where
    /// they do, it prints the header and gets no batches.
    ///
    /// # Errors
    /// [`Error::Io`] when an output cannot be written.
    pub fn once(&self, outlets: &Outlets) -> Result<Outlet, Error> {
        // What the workers gather at the cut goes to the stage after it.
        let gathers = self.empty().is_some();
        self.chain(self.plan, self.cut + usize::from(gathers), self.output, outlets, false)
    }

    /// The stages of a plan, or of a branch, from this place on, and its output. What comes to them `is_late` where a stage before
    /// them waits for the end.
    fn chain(&self, plan: &Plan, from: usize, output: &Output, outlets: &Outlets, is_late: bool) -> Result<Outlet, Error> {
        let Outlet { stage: mut chain, printer, canvas } = outlets.open(output, plan)?;
        // Behind a stage that waits for the end nothing comes before it: what is there to be shown, the first of them has.
        let is_late = |place: usize| is_late || plan.stages[..place].iter().any(|stage| waits(&stage.step));
        let preview = |place: usize| {
            if is_late(place) {
                return None;
            }
            Preview::new(&plan.stages[place..], output, &self.budget, canvas.as_ref()?)
        };
        for place in (from..plan.stages.len()).rev() {
            chain = match &plan.stages[place].step {
                Step::Tee(branch) => {
                    let branch = self.chain(branch, 0, branch.sink().unwrap_or(self.default), outlets, is_late(place))?;
                    Box::new(Broadcast::new(vec![branch.stage, chain]))
                }
                // The workers have passed on what could be among the best.
                Step::Top { direction, n, by } if std::ptr::eq(plan, self.plan) && place == self.cut => {
                    Box::new(Top::new(*direction, *n, by.clone(), true, preview(place), chain))
                }
                _ => link(&plan.stages, place, &self.budget, preview(place), chain),
            };
        }
        Ok(Outlet { stage: chain, printer, canvas })
    }

    /// What shows the answer of what the workers gather, while they do; `None` where they do not, or that cannot be known.
    pub fn preview(&self, canvas: &Canvas) -> Option<Preview> {
        self.empty()?;
        Preview::new(&self.plan.stages[self.cut..], self.output, &self.budget, canvas)
    }

    /// What the workers have gathered so far, merged; `None` where it is too much to be copied now and then.
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

/// What the stage at this place gathers, empty; `None` for other stages.
fn gathered(stages: &[PlanStage], place: usize, budget: &Budget) -> Option<Gathered> {
    let stage = stages.get(place)?;
    let schema = stage.output.clone();
    match &stage.step {
        Step::Stats { keys, aggregates } => Some(Gathered::Table(Table::new(keys, aggregates, schema, budget))),
        Step::Sort(keys) => {
            // Of what is sorted, no more is kept than a `head` right after it takes.
            let keep = match stages.get(place + 1).map(|next| &next.step) {
                Some(Step::Head(n)) => Keep::First(usize::try_from(*n).unwrap_or(usize::MAX)),
                _ => Keep::All,
            };
            Some(Gathered::Sorter(Sorter::new(keys.clone(), schema, keep, budget)))
        }
        _ => None,
    }
}

/// A whole stage of a plan, or of a branch, in front of its target. One that waits for the end shows a `preview` until then.
pub(crate) fn link(stages: &[PlanStage], place: usize, budget: &Budget, preview: Option<Preview>, target: Target) -> Target {
    if let Some(gathered) = gathered(stages, place, budget) {
        return Box::new(Gather::new(gathered, budget.clone(), preview, target));
    }
    let stage = &stages[place];
    let (input, schema) = (&stage.input, stage.output.clone());
    match &stage.step {
        Step::Where(predicate) => Box::new(Filter::new(predicate.clone(), target)),
        Step::Select(columns) => Box::new(Select::new(columns.clone(), input, schema, target)),
        Step::Let(assignments) => Box::new(Assign::new(assignments.clone(), input, target)),
        Step::Parse(parse) => Box::new(Parse::new(parse.clone(), input, target)),
        Step::Head(n) => Box::new(Head::new(*n, target)),
        Step::Tail(n) => Box::new(Tail::new(*n, preview, target)),
        Step::Skip(n) => Box::new(Skip::new(*n, target)),
        Step::Distinct(exprs) => Box::new(Distinct::new(exprs.clone(), input, schema, budget, target)),
        Step::Top { direction, n, by } => Box::new(Top::new(*direction, *n, by.clone(), false, preview, target)),
        Step::Dns { field, place } => Box::new(Dns::new(*field, *place, input, schema, target)),
        Step::Trace(label) => Box::new(Trace::new(label.clone(), &schema, target)),
        // Those that gather were built above; the output is the last of the chain, built before the first link; a branch
        // is built by who knows the outputs.
        Step::Stats { .. } | Step::Sort(_) | Step::Output(_) | Step::Tee(_) => target,
    }
}

/// Whether a stage gives nothing before the end.
pub(crate) fn waits(step: &Step) -> bool {
    matches!(step, Step::Stats { .. } | Step::Sort(_) | Step::Top { .. } | Step::Tail(_))
}

/// Whether a stage holds more than a bounded number of records.
fn holds(stage: &PlanStage) -> bool {
    matches!(stage.step, Step::Distinct(_) | Step::Stats { .. } | Step::Sort(_))
}

/// How many of these stages do, and of their branches.
fn holders(stages: &[PlanStage]) -> usize {
    let of = |stage: &PlanStage| match &stage.step {
        Step::Tee(branch) => holders(&branch.stages),
        _ => usize::from(holds(stage)),
    };
    stages.iter().map(of).sum()
}
