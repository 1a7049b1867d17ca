//! A plan cut in two: the part that each worker runs, and the part that runs once on what the workers give.
//!
//! The cut is at the first stage that needs all the records. `where`, `select` and `let` before it run in the workers;
//! `distinct`, `top`, `stats` and `sort` have a half on each side; everything after runs once. A query that does nothing but
//! filter and print has its output formatted by the workers too.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use recpipe::Error;

use crate::{
    aggregate::Table,
    gather::Gathered,
    memory::{Budget, Memory},
    output::{self, Counted, Null, Printer, Written},
    query::plan::{Output, Plan, PlanStage, Step},
    sort::{Keep, Sorter},
    stage::{
        Assign, Deliver, Delivered, Distinct, DistinctCandidates, Filter, Gather, GatherPart, Head, Select, Target, Top, TopCandidates,
    },
};

/// A plan and where it is cut. Workers and the once part are built from it, each on its own thread.
pub struct Split<'p> {
    plan: &'p Plan,
    /// Stages before this place run in the workers, and only there.
    cut: usize,
    output: &'p Output,
    budget: Budget,
    workers: usize,
}

/// A worker's part, built.
pub struct WorkerPart {
    /// Batches go in here.
    pub chain: Target,
    /// What came of them for the once part.
    pub delivered: Delivered,
    /// What came of them for the end, where the stage at the cut gathers.
    pub gathered: Rc<RefCell<Option<Gathered>>>,
}

impl<'p> Split<'p> {
    /// Cuts a plan for so many workers; `default` is the output of a query that names none.
    pub fn new(plan: &'p Plan, default: &'p Output, memory: &Memory, workers: usize) -> Self {
        let each_worker = |stage: &&PlanStage| matches!(stage.step, Step::Where(_) | Step::Select(_) | Step::Let(_));
        let cut = plan.stages.iter().take_while(each_worker).count();
        let holds = |stage: &&PlanStage| matches!(stage.step, Step::Distinct(_) | Step::Stats { .. } | Step::Sort(_));
        // What is beyond the cut may have two accounts: of what it knows and of what it sorts.
        let once = plan.stages[cut..].iter().filter(holds).count() * 2;
        let at_cut = if plan.stages.get(cut).as_ref().is_some_and(holds) { workers } else { 0 };
        let budget = memory.budget(once + at_cut, workers);
        Split { plan, cut, output: plan.sink().unwrap_or(default), budget, workers }
    }

    /// What the stages may hold.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether the workers format what is printed: nothing is left to run once.
    fn workers_format(&self) -> bool {
        let rest = &self.plan.stages[self.cut..];
        rest.iter().all(|stage| matches!(stage.step, Step::Output(_))) && *self.output != Output::Table
    }

    /// Builds the part of one worker.
    pub fn worker(&self) -> WorkerPart {
        let (delivered, gathered) = (Delivered::default(), Rc::new(RefCell::new(None)));
        let formatter = || output::format(self.output, self.plan.output()).filter(|_| self.workers_format());
        let deliver = |format| Box::new(Deliver::new(format, delivered.clone())) as Target;
        let mut chain: Target = match self.plan.stages.get(self.cut).map(|stage| &stage.step) {
            Some(Step::Stats { .. } | Step::Sort(_)) => {
                *gathered.borrow_mut() = self.gathered(self.cut);
                Box::new(GatherPart::new(gathered.clone()))
            }
            Some(Step::Distinct(exprs)) => Box::new(DistinctCandidates::new(exprs.clone(), &self.budget, self.workers, deliver(None))),
            Some(Step::Top { n, by }) => Box::new(TopCandidates::new(*n, by.clone(), deliver(None))),
            _ => deliver(formatter()),
        };
        for place in (0..self.cut).rev() {
            chain = self.link(place, chain);
        }
        WorkerPart { chain, delivered, gathered }
    }

    /// Builds the part that runs once. Where the workers format, it prints the header and gets no batches. `counted` grows by the records of the answer that it is sent.
    ///
    /// # Errors
    /// [`Error::Io`] when standard output cannot be written.
    pub fn once(&self, printer: &Rc<RefCell<Printer>>, counted: &Rc<Cell<u64>>, line_width: Option<usize>) -> Result<Target, Error> {
        let schema = self.plan.output();
        let sink: Target = match (output::format(self.output, schema), self.output) {
            (Some(format), _) => Box::new(Written::new(format, printer.clone())?),
            (None, Output::Table) => Box::new(output::Table::new(schema, printer.clone(), line_width)),
            (None, _) => Box::new(Null),
        };
        let mut chain: Target = Box::new(Counted::new(counted.clone(), sink));
        // What the workers gather at the cut goes to the stage after it.
        let gathers = self.gathered(self.cut).is_some();
        for place in (self.cut + usize::from(gathers)..self.plan.stages.len()).rev() {
            chain = self.link(place, chain);
        }
        Ok(chain)
    }

    /// What the stage at this place gathers, empty; `None` for other stages.
    fn gathered(&self, place: usize) -> Option<Gathered> {
        let stage = self.plan.stages.get(place)?;
        let schema = stage.output.clone();
        match &stage.step {
            Step::Stats { keys, aggregates } => Some(Gathered::Table(Table::new(keys, aggregates, schema, &self.budget))),
            Step::Sort(keys) => {
                // Of what is sorted, no more is kept than a `head` right after it takes.
                let keep = match self.plan.stages.get(place + 1).map(|next| &next.step) {
                    Some(Step::Head(n)) => Keep::First(usize::try_from(*n).unwrap_or(usize::MAX)),
                    _ => Keep::All,
                };
                Some(Gathered::Sorter(Sorter::new(keys.clone(), schema, keep, &self.budget)))
            }
            _ => None,
        }
    }

    /// A whole stage in front of its target.
    fn link(&self, place: usize, target: Target) -> Target {
        if let Some(gathered) = self.gathered(place) {
            return Box::new(Gather::new(gathered, self.budget.clone(), target));
        }
        let stage = &self.plan.stages[place];
        let schema = stage.output.clone();
        match &stage.step {
            Step::Where(predicate) => Box::new(Filter::new(predicate.clone(), target)),
            Step::Select(columns) => Box::new(Select::new(columns.clone(), schema, target)),
            Step::Let(assignments) => Box::new(Assign::new(assignments.clone(), target)),
            Step::Head(n) => Box::new(Head::new(*n, target)),
            Step::Distinct(exprs) => Box::new(Distinct::new(exprs.clone(), schema, &self.budget, target)),
            Step::Top { n, by } => Box::new(Top::new(*n, by.clone(), target)),
            // Those that gather were built above; the output is the last of the chain, built before the first link.
            Step::Stats { .. } | Step::Sort(_) | Step::Output(_) => target,
        }
    }
}
