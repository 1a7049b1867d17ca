//! What a stage that waits for the end would give if the records so far were all, shown for the time being.

use recpipe::{Batch, Error, Flow};

use crate::{
    gather::Batches,
    memory::Budget,
    output,
    plan::{Output, PlanStage, Step},
    split,
    stage::Target,
    writer::Canvas,
};

/// What would be given, as far as it is wanted.
pub struct SoFar {
    /// The first of it.
    pub batches: Batches,
    /// Records after those.
    pub more: u64,
}

/// The stages after one that waits, and the picture at their end. Each time it is shown, they are built anew and thrown away.
pub struct Preview {
    /// The stage that waits, and those after it.
    stages: Vec<PlanStage>,
    output: Output,
    /// No more records than this come to the picture.
    limit: u64,
    budget: Budget,
    canvas: Canvas,
}

impl Preview {
    /// No more records than this are looked at of what is sorted; no picture shows more.
    pub const MOST: usize = 1000;

    /// For the first of these stages, the last of which gives what `output` draws; `None` where there is no screen, or what
    /// follows does something besides, or is not known before the end.
    pub fn new(stages: &[PlanStage], output: &Output, budget: &Budget, canvas: &Canvas) -> Option<Self> {
        let (waits, rest) = stages.split_first()?;
        let does_more = |stage: &PlanStage| matches!(stage.step, Step::Tee(_) | Step::Trace(_) | Step::Dns { .. });
        let limit = if matches!(waits.step, Step::Sort(_)) { limit(rest)? } else { u64::MAX };
        let can_be_shown = output::is_picture(output) && canvas.rows().is_some() && !rest.iter().any(does_more);
        can_be_shown.then(|| Preview {
            stages: stages.to_vec(),
            output: output.clone(),
            limit,
            budget: budget.clone(),
            canvas: canvas.clone(),
        })
    }

    /// Shows the picture of what there is so far; of `None`, which is too much to be looked at again and again, there is none, and
    /// what was shown before is no longer so. Nor is anything shown of what fails as yet (a sum that is too large before negative
    /// numbers come): only the end decides whether that is an error.
    ///
    /// # Errors
    /// Those of the output, and of temporary files.
    pub fn show(&self, so_far: Option<SoFar>) -> Result<(), Error> {
        let Some(SoFar { batches, more }) = so_far else { return self.canvas.draw(Vec::new()) };
        match self.draw(batches, more) {
            Err(Error::Data(_)) => Ok(()),
            drawn => drawn,
        }
    }

    fn draw(&self, batches: impl Iterator<Item = Result<Batch, Error>>, more: u64) -> Result<(), Error> {
        let Some(mut chain) = self.chain(more.min(self.limit.saturating_sub(Self::MOST as u64))) else { return Ok(()) };
        for batch in batches {
            if chain.send(batch?)? == Flow::Stop {
                break;
            }
        }
        chain.close()
    }

    fn chain(&self, more: u64) -> Option<Target> {
        let schema = &self.stages.last()?.output;
        let mut chain = output::picture_for_now(&self.output, schema, &self.canvas, more)?;
        for place in (1..self.stages.len()).rev() {
            chain = split::link(&self.stages, place, &self.budget, None, chain);
        }
        Some(chain)
    }
}

/// How many records stages let through, of which only the first [`Preview::MOST`] will be there; `None` where those are not enough
/// to know what comes of them.
fn limit(stages: &[PlanStage]) -> Option<u64> {
    let mut limit = u64::MAX;
    for stage in stages {
        match stage.step {
            Step::Select(_) | Step::Let(_) | Step::Parse(_) | Step::Output(_) => {}
            Step::Head(n) => limit = limit.min(n),
            _ if limit <= Preview::MOST as u64 => {}
            _ => return None,
        }
    }
    Some(limit)
}
