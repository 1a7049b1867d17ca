//! A plan cut in two: the part that each worker runs, and the part that runs once on what the workers give.
//!
//! Where a stage may run stands in the table of stages ([`Runs`]). The cut is at the first that needs more than its own
//! batch: what is before it runs in the workers; it has a half on each side if its partial results can be merged; all
//! that comes after, and every branch, runs once. A query that does nothing but filter and print has its output formatted
//! by the workers too.

use std::{cell::RefCell, rc::Rc};

use recpipe::{Error, stage::Broadcast};

use crate::{
    aggregate::Table,
    output::{self, Outlet, Outlets},
    query::{
        plan::{Output, Plan, PlanStage, Step},
        words::Runs,
    },
    stage::{
        Assign, Deliver, Delivered, Distinct, DistinctCandidates, Dns, Filter, Head, Parse, Select, Skip, Stats, Tabulate, Tail, Target,
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
}

/// A worker's part, built.
pub struct WorkerPart {
    /// Batches go in here.
    pub chain: Target,
    /// What came of them for the once part.
    pub delivered: Delivered,
    /// What came of them for the end, where the query has a table.
    pub table: Rc<RefCell<Option<Table>>>,
}

impl<'p> Split<'p> {
    /// Cuts a plan; `default` is the output of a query that names none.
    pub fn new(plan: &'p Plan, default: &'p Output) -> Self {
        let each_worker = |stage: &&PlanStage| stage.word.runs == Runs::EachWorker && !stage.word.output;
        Split { plan, cut: plan.stages.iter().take_while(each_worker).count(), output: plan.sink().unwrap_or(default), default }
    }

    /// Whether the workers format what is printed: nothing is left to run once.
    fn workers_format(&self) -> bool {
        let rest = &self.plan.stages[self.cut..];
        rest.iter().all(|stage| matches!(stage.step, Step::Output(_)))
    }

    /// Builds the part of one worker.
    pub fn worker(&self) -> WorkerPart {
        let (delivered, table) = (Delivered::default(), Rc::new(RefCell::new(None)));
        let formatter = || output::format(self.output, self.plan.output()).filter(|_| self.workers_format());
        let deliver = |format| Box::new(Deliver::new(format, delivered.clone())) as Target;
        let mut chain: Target = match self.plan.stages.get(self.cut).map(|stage| &stage.step) {
            Some(Step::Stats { .. }) => {
                *table.borrow_mut() = self.table();
                Box::new(Tabulate::new(table.clone()))
            }
            Some(Step::Distinct(exprs)) => Box::new(DistinctCandidates::new(exprs.clone(), deliver(None))),
            Some(Step::Top { direction, n, by }) => Box::new(TopCandidates::new(*direction, *n, by.clone(), deliver(None))),
            _ => deliver(formatter()),
        };
        for stage in self.plan.stages[..self.cut].iter().rev() {
            chain = link(stage, chain);
        }
        WorkerPart { chain, delivered, table }
    }

    /// Builds the part that runs once: the first stage of its chain, and where lines go that workers have formatted. Where
    /// they do, it prints the header and gets no batches.
    ///
    /// # Errors
    /// [`Error::Io`] when an output cannot be written.
    pub fn once(&self, outlets: &Outlets) -> Result<Outlet, Error> {
        // The table at the cut is filled by the workers; what it holds at the end goes to the stage after it.
        let from = self.cut + usize::from(self.table().is_some());
        self.chain(self.plan, from, self.output, outlets)
    }

    /// The stages of a plan, or of a branch, from this place on, and its output.
    fn chain(&self, plan: &Plan, from: usize, output: &Output, outlets: &Outlets) -> Result<Outlet, Error> {
        let Outlet { stage: mut chain, printer } = outlets.open(output, plan.output())?;
        for stage in plan.stages[from..].iter().rev() {
            chain = match &stage.step {
                Step::Tee(branch) => {
                    let branch = self.chain(branch, 0, branch.sink().unwrap_or(self.default), outlets)?;
                    Box::new(Broadcast::new(vec![branch.stage, chain]))
                }
                _ => link(stage, chain),
            };
        }
        Ok(Outlet { stage: chain, printer })
    }

    /// An empty table to merge those of the workers into, where the query has one at the cut.
    pub fn table(&self) -> Option<Table> {
        self.plan.stages.get(self.cut).and_then(table_of)
    }
}

fn table_of(stage: &PlanStage) -> Option<Table> {
    match &stage.step {
        Step::Stats { keys, aggregates } => Some(Table::new(keys, aggregates, stage.output.clone())),
        _ => None,
    }
}

/// A whole stage in front of its target.
fn link(stage: &PlanStage, target: Target) -> Target {
    let schema = stage.output.clone();
    match &stage.step {
        Step::Where(predicate) => Box::new(Filter::new(predicate.clone(), target)),
        Step::Select(columns) => Box::new(Select::new(columns.clone(), schema, target)),
        Step::Let(assignments) => Box::new(Assign::new(assignments.clone(), target)),
        Step::Parse(parse) => Box::new(Parse::new(parse.clone(), target)),
        Step::Head(n) => Box::new(Head::new(*n, target)),
        Step::Tail(n) => Box::new(Tail::new(*n, target)),
        Step::Skip(n) => Box::new(Skip::new(*n, target)),
        Step::Distinct(exprs) => Box::new(Distinct::new(exprs.clone(), schema, target)),
        Step::Top { direction, n, by } => Box::new(Top::new(*direction, *n, by.clone(), target)),
        Step::Stats { keys, aggregates } => Box::new(Stats::new(Table::new(keys, aggregates, schema), target)),
        Step::Dns { field, place } => Box::new(Dns::new(*field, *place, schema, target)),
        Step::Trace(label) => Box::new(Trace::new(label.clone(), &schema, target)),
        // The output is the last of the chain, built before the first link; a branch is built by who knows the outputs.
        Step::Output(_) | Step::Tee(_) => target,
    }
}
