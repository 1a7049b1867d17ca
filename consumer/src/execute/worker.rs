//! What is done with a frame: by a worker thread of this process, or by a child.

use recpipe::{Batch, Error, Flow, parallel::Worker, times::Zone, wire::RawBatch};

use super::{
    children::{Pool, Turn},
    cut::WorkerPart,
    deliver::Piece,
    unite::Unite,
};
use crate::{
    input::Receipt,
    plan::{Plan, partial::Partial},
    writer::Replaced,
};

/// What each worker does with a frame, on whatever thread, in whatever process.
pub(super) struct QueryWorker {
    part: WorkerPart,
    unite: Unite,
    zone: Option<Zone>,
}

/// A batch, and who is to be told when it is done with.
pub(super) type Item = (RawBatch, Option<Receipt>);

/// What came of an item.
pub(super) struct Worked {
    pub(super) pieces: Result<Vec<Piece>, Error>,
    pub(super) receipt: Option<Receipt>,
    /// The batch's place in the stream.
    pub(super) order: u64,
}

impl QueryWorker {
    /// Runs this part of the plan.
    pub(super) fn new(part: WorkerPart, plan: &Plan) -> Self {
        QueryWorker { part, unite: Unite::new(plan.input.clone()), zone: plan.zone.clone() }
    }

    /// What comes of a frame.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it is damaged; those of the stages.
    pub(super) fn send(&mut self, raw: RawBatch) -> Result<Vec<Piece>, Error> {
        let batch = in_zone(self.unite.unite(raw.decode()?)?, self.zone.as_ref())?;
        // No stage of a worker's part has enough of its own.
        let _: Flow = self.part.chain.send(batch)?;
        Ok(self.part.delivered.take())
    }

    /// What it has gathered, sealed; no more frames come.
    pub(super) fn gathered(self) -> Option<Box<dyn Partial>> {
        let mut gathered = self.part.partial.take();
        gathered.iter_mut().for_each(|partial| partial.seal());
        gathered
    }
}

/// A thread that waits for another process to do the work.
pub(super) struct RemoteWorker<'t> {
    pub(super) pool: &'t Pool,
    pub(super) replaced: &'t Replaced,
}

impl Worker<(Turn, Item)> for RemoteWorker<'_> {
    type Out = Worked;
    type Last = ();

    fn work(&mut self, (turn, (raw, receipt)): (Turn, Item)) -> Self::Out {
        Worked { order: raw.place().order, pieces: self.pool.work(turn, &raw, self.replaced), receipt }
    }

    fn finish(self) {}
}

impl Worker<Item> for QueryWorker {
    type Out = Worked;
    type Last = Option<Box<dyn Partial>>;

    fn work(&mut self, (raw, receipt): Item) -> Self::Out {
        Worked { order: raw.place().order, pieces: self.send(raw), receipt }
    }

    fn finish(self) -> Self::Last {
        self.gathered()
    }
}

/// The batch with the times as clocks of the zone show them.
fn in_zone(batch: Batch, zone: Option<&Zone>) -> Result<Batch, Error> {
    let Some(zone) = zone else { return Ok(batch) };
    let columns = batch.columns().iter().map(|column| zone.column(column)).collect();
    batch.with_columns(batch.schema().clone(), columns)
}
