//! The build side of a join: another input of a stage, which is read whole before the first record, and shared by all that run the stage.

use std::{any::Any, collections::BTreeMap, fmt::Debug, sync::Arc};

use bytes::Bytes;
use recpipe::{Batch, Error};

use super::{Feed, Plan, PlanStage, Runs, fields::Places};
use crate::memory::Budget;

/// What a stage needs whole of another input.
pub trait Build: Debug + Send + Sync {
    /// The plan of the input.
    fn input(&self) -> &Plan;

    /// The columns of the input that are read.
    fn reads(&self) -> Places;

    /// Whether the input is a file that is no stream of records.
    fn takes_bytes(&self) -> bool {
        false
    }

    /// What the stage runs with, made of the input and held within the budget.
    ///
    /// # Errors
    /// Those of the input; [`Error::Usage`] where the query does not fit it, or it does not fit the budget.
    fn build(&self, whole: Whole<'_>, budget: &Budget) -> Result<Built, Error>;
}

/// An input on its way to a stage that needs it whole.
pub enum Whole<'i> {
    /// Its records, in batches of the fields of [`Build::input`].
    Records(&'i mut dyn Iterator<Item = Result<Batch, Error>>),
    /// A file that is no stream of records.
    Bytes(Bytes),
}

/// What a stage runs with: it alone knows what that is.
pub type Side = Arc<dyn Any + Send + Sync>;

/// What was made of an input.
#[derive(Clone)]
pub struct Built {
    /// What the stage runs with.
    pub side: Side,
    /// Where the stage runs with it, whatever is said of its word.
    pub runs: Runs,
}

/// What was made for the stages of a plan, by the places where the query names the inputs. Clones are the same.
#[derive(Clone, Default)]
pub struct Sides(Arc<BTreeMap<usize, Built>>);

impl Sides {
    /// These.
    pub fn new(built: BTreeMap<usize, Built>) -> Self {
        Sides(Arc::new(built))
    }

    /// What was made for this stage.
    pub fn of(&self, stage: &PlanStage) -> Option<&Built> {
        let Feed { at, .. } = stage.operator.build()?.input().feed.as_ref()?;
        self.0.get(at)
    }

    /// Where this stage runs.
    pub fn runs(&self, stage: &PlanStage) -> Runs {
        self.of(stage).map_or(stage.about.runs, |built| built.runs)
    }
}
