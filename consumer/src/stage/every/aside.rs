//! `tee late` where nothing can come late: the branch is there, and gets no record.

use recpipe::{Batch, Error, Flow, Stage};

use crate::plan::{Operator, Plan, PlanStage, Read, Start, Target, conditions::Found};

/// All records go on; none goes to the branch.
#[derive(Clone, Debug)]
pub(super) struct AsideOp(pub(super) [Plan; 1]);

impl Operator for AsideOp {
    fn reads(&self, _: &PlanStage, _: &mut Read) {}

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        true
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn branches(&self) -> &[Plan] {
        &self.0
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Aside { branches: start.branches, target })
    }
}

struct Aside {
    branches: Vec<Target>,
    target: Target,
}

impl Stage for Aside {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.target.send(batch)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.branches.iter_mut().try_for_each(|branch| branch.flush())?;
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.branches.iter_mut().try_for_each(|branch| branch.close())?;
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    fn fail(&mut self, error: &Error) {
        self.branches.iter_mut().for_each(|branch| branch.fail(error));
        self.target.fail(error);
    }
}
