//! What a stage that waits for the end would give if the records so far were all, shown for the time being.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema};

use crate::{
    memory::Budget,
    plan::{
        Effect, Output, Plan, PlanStage, Sides, Start, Target,
        partial::{Show, SoFar},
    },
    writer::Canvas,
};

/// The stages after one that waits, and the picture at their end. Each time it is shown, they are built anew and thrown away.
pub(crate) struct Preview {
    /// The stage that waits, and those after it.
    stages: Vec<PlanStage>,
    /// What the last of them gives.
    schema: Arc<Schema>,
    output: Output,
    /// No more records than this come to the picture.
    limit: u64,
    budget: Budget,
    sides: Sides,
    canvas: Canvas,
}

impl Preview {
    /// For the first of these stages, the last of `plan`, which gives what `output` draws; `None` where there is no screen, or what
    /// follows does something besides, or is not known before the end.
    pub(crate) fn new(
        stages: &[PlanStage],
        plan: &Plan,
        output: &Output,
        (budget, sides): (&Budget, &Sides),
        canvas: &Canvas,
    ) -> Option<Self> {
        let (waits, rest) = stages.split_first()?;
        let does_more = |stage: &PlanStage| {
            stage.operator.effect() != Effect::None || stage.operator.settles() || !stage.operator.branches().is_empty()
        };
        // Of what is sorted only the first are copied; of anything else all.
        let limit = if waits.operator.copies_all() { u64::MAX } else { limit(rest)? };
        let is_seen = canvas.rows().is_some() || output.sink.is_watched();
        let can_be_shown = output.sink.is_picture() && is_seen && !rest.iter().any(does_more);
        can_be_shown.then(|| Preview {
            stages: stages.to_vec(),
            schema: plan.output().clone(),
            output: output.clone(),
            limit,
            budget: budget.clone(),
            sides: sides.clone(),
            canvas: canvas.clone(),
        })
    }

    fn draw(&self, batches: impl Iterator<Item = Result<Batch, Error>>, more: u64) -> Result<(), Error> {
        let Some(mut chain) = self.chain(more.min(self.limit.saturating_sub(SoFar::MOST as u64))) else { return Ok(()) };
        for batch in batches {
            if chain.send(batch?)? == Flow::Stop {
                break;
            }
        }
        chain.close()
    }

    fn chain(&self, more: u64) -> Option<Target> {
        let mut chain = self.output.sink.draft(&self.schema, &self.canvas, more)?;
        for place in (1..self.stages.len()).rev() {
            let start = Start::at(&self.stages, place, &self.budget, 1, &self.sides)?;
            chain = self.stages[place].operator.start(start, chain);
        }
        Some(chain)
    }
}

impl Show for Preview {
    /// Of `None`, which is too much to be looked at again and again, there is no picture, and what was shown before is no longer so.
    /// Nor is anything shown of what fails as yet (a sum that is too large before negative numbers come): only the end decides whether
    /// that is an error.
    fn show(&self, so_far: Option<SoFar>) -> Result<(), Error> {
        let Some(SoFar { batches, more }) = so_far else { return self.canvas.draw(Vec::new()) };
        match self.draw(batches, more) {
            Err(Error::Data(_)) => Ok(()),
            drawn => drawn,
        }
    }
}

/// How many records stages let through, of which only the first [`SoFar::MOST`] will be there; `None` where those are not enough
/// to know what comes of them.
fn limit(stages: &[PlanStage]) -> Option<u64> {
    let mut limit = u64::MAX;
    for stage in stages {
        match stage.operator.known(limit) {
            Some(known) => limit = known,
            None if limit <= SoFar::MOST as u64 => {}
            None => return None,
        }
    }
    Some(limit)
}
