//! Aggregates by keys: what `stats` is, and what other stages are made of.
//!
//! Runs:   in each worker, then merged.  Order: by key.
//! Memory: O(groups); what goes beyond the budget is in temporary files.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: those of the expressions; an integer sum that does not fit; temporary files that cannot be written.

use super::gather::Gathering;
use crate::{
    aggregate::{Panes, Table},
    expr::Expr,
    plan::{Aggregate, Operator, PlanStage, Read, Start, Target, conditions::Found, partial::Partial},
};

/// Aggregates by keys; the columns of the output are the keys, then the aggregates.
#[derive(Clone, Debug)]
pub(crate) struct StatsOp {
    /// The keys; none for a single record of everything.
    pub(crate) keys: Vec<Expr>,
    /// The aggregates.
    pub(crate) aggregates: Vec<Aggregate>,
    /// The windows of time that each record is in, of which the first key is the latest, where it is in several.
    pub(super) panes: Option<Panes>,
}

impl StatsOp {
    /// Aggregates by these keys.
    pub(super) fn new(keys: Vec<Expr>, aggregates: Vec<Aggregate>) -> Self {
        StatsOp { keys, aggregates, panes: None }
    }

    /// An empty table for it.
    pub(super) fn table(&self, start: &Start<'_>) -> Table {
        Table::of_panes(&self.keys, &self.aggregates, start.output.clone(), self.panes.clone(), start.budget)
    }
}

impl Operator for StatsOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        wanted.places.clear();
        wanted.exprs(self.keys.iter().chain(self.aggregates.iter().flat_map(|aggregate| &aggregate.args)));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let exactness = self.aggregates.iter().find_map(|aggregate| aggregate.function.exactness());
        exactness.map(|exactness| ("exact", exactness)).into_iter().collect()
    }

    fn partial(&self, start: &Start<'_>) -> Option<Box<dyn Partial>> {
        Some(Box::new(self.table(start)))
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Gathering::stage(self.partial(&start), start, target)
    }
}
