//! A plan cut in two: the part that each worker runs, and the part that runs once on what the workers give.
//!
//! The cut is at the first stage that needs all the records. `where`, `select` and `let` before it run in the workers;
//! `distinct`, `top` and `stats` have a half on each side; everything after runs once. A query that does nothing but
//! filter and print has its output formatted by the workers too.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Mutex, PoisonError},
};

use recpipe::Error;

use crate::{
    aggregate::Table,
    output::{self, Counted, Null, Printer, Replaced, Written},
    query::plan::{Output, Plan, PlanStage, Step},
    stage::{
        Assign, Deliver, Delivered, Distinct, DistinctCandidates, Filter, Head, Select, SharedTable, Stats, Tabulate, Target, Top,
        TopCandidates,
    },
};

/// A plan and where it is cut. Workers and the once part are built from it, each on its own thread.
pub struct Split<'p> {
    plan: &'p Plan,
    /// Stages before this place run in the workers, and only there.
    cut: usize,
    output: &'p Output,
    replaced: Replaced,
    /// The tables of all workers so far.
    tables: Mutex<Vec<SharedTable>>,
}

/// A worker's part, built.
pub struct WorkerPart {
    /// Batches go in here.
    pub chain: Target,
    /// What came of them for the once part.
    pub delivered: Delivered,
    /// What came of them for the end, where the query has a table.
    pub table: SharedTable,
}

impl<'p> Split<'p> {
    /// Cuts a plan; `default` is the output of a query that names none.
    pub fn new(plan: &'p Plan, default: &'p Output) -> Self {
        let each_worker = |stage: &&PlanStage| matches!(stage.step, Step::Where(_) | Step::Select(_) | Step::Let(_));
        let cut = plan.stages.iter().take_while(each_worker).count();
        let output = plan.sink().unwrap_or(default);
        Split { plan, cut, output, replaced: Replaced::default(), tables: Mutex::default() }
    }

    /// Whether the workers format what is printed: nothing is left to run once.
    fn workers_format(&self) -> bool {
        let rest = &self.plan.stages[self.cut..];
        rest.iter().all(|stage| matches!(stage.step, Step::Output(_))) && !self.is_picture()
    }

    /// Builds the part of one worker.
    pub fn worker(&self) -> WorkerPart {
        let (delivered, table) = (Delivered::default(), SharedTable::default());
        let formatter = || output::format(self.output, self.plan.output(), &self.replaced).filter(|_| self.workers_format());
        let deliver = |format| Box::new(Deliver::new(format, delivered.clone())) as Target;
        let mut chain: Target = match self.plan.stages.get(self.cut).map(|stage| &stage.step) {
            Some(Step::Stats { .. }) => {
                table.replace(self.table());
                self.tables.lock().unwrap_or_else(PoisonError::into_inner).push(table.clone());
                Box::new(Tabulate::new(table.clone()))
            }
            Some(Step::Distinct(exprs)) => Box::new(DistinctCandidates::new(exprs.clone(), deliver(None))),
            Some(Step::Top { n, by }) => Box::new(TopCandidates::new(*n, by.clone(), deliver(None))),
            _ => deliver(formatter()),
        };
        for stage in self.plan.stages[..self.cut].iter().rev() {
            chain = link(stage, chain);
        }
        WorkerPart { chain, delivered, table }
    }

    /// Builds the part that runs once. Where the workers format, it prints the header and gets no batches. `counted` grows by the records of the answer that it is sent.
    ///
    /// # Errors
    /// [`Error::Io`] when standard output cannot be written.
    pub fn once(&self, printer: &Rc<RefCell<Printer>>, counted: &Rc<Cell<u64>>) -> Result<Target, Error> {
        let schema = self.plan.output();
        let sink: Target = match output::format(self.output, schema, &self.replaced) {
            Some(format) => Box::new(Written::new(format, printer.clone())?),
            None => output::picture(self.output, schema, printer, false).unwrap_or_else(|| Box::new(Null)),
        };
        Ok(self.rest(Box::new(Counted::new(counted.clone(), sink))))
    }

    /// Builds the part that runs once with a picture at its end that is drawn for the time being: what goes into it when the
    /// records so far were all. `None` where the answer is no picture, or does not come out of a table.
    pub fn for_now(&self, printer: &Rc<RefCell<Printer>>) -> Option<Target> {
        self.table()?;
        Some(self.rest(output::picture(self.output, self.plan.output(), printer, true)?))
    }

    /// The stages after the cut in front of `sink`.
    fn rest(&self, sink: Target) -> Target {
        let mut chain = sink;
        // The table at the cut is filled by the workers; what it holds at the end goes to the stage after it.
        let from = self.cut + usize::from(self.table().is_some());
        for stage in self.plan.stages[from..].iter().rev() {
            chain = link(stage, chain);
        }
        chain
    }

    /// Whether the answer is a picture, which can be drawn before the end.
    pub fn is_picture(&self) -> bool {
        matches!(self.output, Output::Table | Output::Chart(_))
    }

    /// What the output has no exact form for.
    pub fn replaced(&self) -> &Replaced {
        &self.replaced
    }

    /// Takes what the workers have in their tables, which go on with empty ones.
    pub fn take_tables(&self) -> Vec<Table> {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.iter().filter_map(|table| table.replace(self.table())).collect()
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
        Step::Head(n) => Box::new(Head::new(*n, target)),
        Step::Distinct(exprs) => Box::new(Distinct::new(exprs.clone(), schema, target)),
        Step::Top { n, by } => Box::new(Top::new(*n, by.clone(), target)),
        Step::Stats { keys, aggregates } => Box::new(Stats::new(Table::new(keys, aggregates, schema), target)),
        // The output is the last of the chain, built before the first link.
        Step::Output(_) => target,
    }
}
