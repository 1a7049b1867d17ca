//! A worker thread whose work is done by a child.

use recpipe::{Error, parallel::Worker};

use super::{Pool, Turn};
use crate::{
    execute::worker::{Item, Load, Worked},
    writer::Replaced,
};

/// A thread that waits for another process to do the work.
pub(in crate::execute) struct RemoteWorker<'t> {
    pub(in crate::execute) pool: &'t Pool,
    pub(in crate::execute) replaced: &'t Replaced,
}

impl Worker<(Option<Turn>, Item)> for RemoteWorker<'_> {
    type Out = Worked;
    type Last = ();

    fn work(&mut self, (turn, Item { what, chain, receipt, arrival }): (Option<Turn>, Item)) -> Self::Out {
        let (raw, sender) = match what {
            Load::Frame(raw, sender) => (raw, sender),
            Load::News(news) => return Worked::news(news, arrival),
        };
        let no_turn = || Err(Error::Protocol("a frame without its turn"));
        let pieces = turn.map_or_else(no_turn, |turn| self.pool.work(turn, (chain, &*sender), &raw, self.replaced));
        Worked { order: raw.place().order, pieces, receipt, arrival, news: None }
    }

    fn finish(self) {}
}
