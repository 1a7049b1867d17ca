//! A query as a stage.

use std::fmt;

use recpipe::{Batch, Error, Flow, Stage};

use crate::execute::Stepwise;

/// A query as a stage that owns the one after it; see [`Query::stage`](super::Query::stage).
///
/// The target gets the answer, and nothing after it has said that it has enough. Where the query has enough by itself, `send` says so.
///
/// # Examples
/// ```
/// use recpipe::{Batch, Flow, Stage, stage::Collect};
/// use recpipe_consumer::Query;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Number { n: i64 }
///
/// let numbers = Batch::of(&[1, 2, 3].map(|n| Number { n }))?;
/// let (collect, got) = Collect::new();
/// let mut stage = Query::parse("head 2")?.stage(numbers.schema(), collect)?;
/// assert_eq!(stage.send(numbers)?, Flow::Stop);
/// stage.close()?;
/// assert_eq!(got.records(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct QueryStage<S> {
    steps: Box<Stepwise>,
    target: S,
    has_enough: bool,
}

impl<S: Stage> QueryStage<S> {
    pub(super) fn new(steps: Stepwise, target: S) -> Self {
        QueryStage { steps: Box::new(steps), target, has_enough: false }
    }

    /// What is to be said of the answer so far; see [`Answer::warnings`](super::Answer::warnings).
    pub fn warnings(&self) -> Vec<String> {
        self.steps.warnings()
    }

    /// The stage after it.
    pub fn into_target(self) -> S {
        self.target
    }

    /// Passes on what has come out.
    fn pass(&mut self) -> Result<(), Error> {
        while !self.has_enough
            && let Some(batch) = self.steps.take()?
        {
            self.has_enough = self.target.send(batch)? == Flow::Stop;
        }
        Ok(())
    }
}

impl<S: fmt::Debug> fmt::Debug for QueryStage<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("QueryStage").field("target", &self.target).field("has_enough", &self.has_enough).finish_non_exhaustive()
    }
}

impl<S: Stage> Stage for QueryStage<S> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let flow = self.steps.send(batch)?;
        self.pass()?;
        Ok(if self.has_enough { Flow::Stop } else { flow })
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.steps.flush()?;
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        while self.steps.finish()? {
            self.pass()?;
        }
        self.target.close()
    }

    // Not the target: what is punctuated here is not true of what comes out of a query.
    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }

    fn fail(&mut self, error: &Error) {
        self.steps.fail(error);
        self.target.fail(error);
    }
}
