//! A worker thread whose work is done by a child.

use recpipe::parallel::Worker;

use super::{Pool, Turn};
use crate::{
    execute::worker::{Item, Worked},
    writer::Replaced,
};

/// A thread that waits for another process to do the work.
pub(in crate::execute) struct RemoteWorker<'t> {
    pub(in crate::execute) pool: &'t Pool,
    pub(in crate::execute) replaced: &'t Replaced,
}

impl Worker<(Turn, Item)> for RemoteWorker<'_> {
    type Out = Worked;
    type Last = ();

    fn work(&mut self, (turn, Item { raw, chain, receipt }): (Turn, Item)) -> Self::Out {
        Worked { order: raw.place().order, pieces: self.pool.work(turn, chain, &raw, self.replaced), receipt }
    }

    fn finish(self) {}
}
