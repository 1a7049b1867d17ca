//! What each worker does with a frame.

use std::{sync::Arc, time::Instant};

use recpipe::{Batch, Error, Flow, parallel::Worker, wire::RawBatch};

use super::{
    cut::{Cut, WorkerPart},
    deliver::Piece,
    form::Form,
};
use crate::{
    input::Receipt,
    plan::{News, SenderId, partial::Partial},
};

/// What each worker does with a frame, on whatever thread, in whatever process.
pub(super) struct QueryWorker {
    part: WorkerPart,
    /// Of each chain of the part, what comes into it.
    forms: Vec<Form>,
}

/// A frame to be worked on.
pub(super) struct Item {
    pub(super) what: Load,
    /// Which of the worker's chains it enters: 0 of the main input.
    pub(super) chain: usize,
    /// Who is to be told when it is done with.
    pub(super) receipt: Option<Receipt>,
    pub(super) arrival: Arrival,
}

/// What is in an item.
pub(super) enum Load {
    /// Records, and what their sender is called.
    Frame(RawBatch, Arc<str>),
    /// Nothing to be worked on: it is taken in its turn.
    News(News),
}

/// Of whom it came, and when.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) sender: SenderId,
    pub(super) at: Instant,
}

/// What came of an item.
pub(super) struct Worked {
    pub(super) pieces: Result<Vec<Piece>, Error>,
    pub(super) receipt: Option<Receipt>,
    /// The batch's place in the stream.
    pub(super) order: u64,
    pub(super) arrival: Arrival,
    pub(super) news: Option<News>,
}

impl Worked {
    /// News, which are passed on.
    pub(super) fn news(news: News, arrival: Arrival) -> Self {
        Worked { pieces: Ok(Vec::new()), receipt: None, order: 0, arrival, news: Some(news) }
    }
}

impl QueryWorker {
    /// Runs the part of a worker.
    pub(super) fn new(cut: &Cut<'_>) -> Self {
        QueryWorker { part: cut.worker(), forms: cut.forms() }
    }

    /// What comes of a frame in this chain of the part.
    ///
    /// # Errors
    /// Those of [`Form::batch`] and of the stages; [`Error::Protocol`] where there is no such chain.
    pub(super) fn send(&mut self, chain: usize, raw: RawBatch, sender: &str) -> Result<Vec<Piece>, Error> {
        self.enter(chain, |form| form.batch(raw, sender))
    }

    /// What comes of a batch of the main input that is of no frame.
    ///
    /// # Errors
    /// Those of [`Form::of`] and of the stages.
    pub(super) fn send_batch(&mut self, batch: Batch) -> Result<Vec<Piece>, Error> {
        self.enter(0, |form| form.of(batch))
    }

    fn enter(&mut self, chain: usize, batch: impl FnOnce(&mut Form) -> Result<Batch, Error>) -> Result<Vec<Piece>, Error> {
        let (Some(form), Some(stages)) = (self.forms.get_mut(chain), self.part.chains.get_mut(chain)) else {
            return Err(Error::Protocol("a frame of no input"));
        };
        // No stage of a worker's part has enough of its own.
        let _: Flow = stages.send(batch(form)?)?;
        Ok(self.part.delivered.take())
    }

    /// What it has gathered, sealed; no more frames come.
    pub(super) fn gathered(self) -> Option<Box<dyn Partial>> {
        let mut gathered = self.part.partial.take();
        gathered.iter_mut().for_each(|partial| partial.seal());
        gathered
    }
}

impl Worker<Item> for QueryWorker {
    type Out = Worked;
    type Last = Option<Box<dyn Partial>>;

    fn work(&mut self, Item { what, chain, receipt, arrival }: Item) -> Self::Out {
        match what {
            Load::Frame(raw, sender) => {
                Worked { order: raw.place().order, pieces: self.send(chain, raw, &sender), receipt, arrival, news: None }
            }
            Load::News(news) => Worked::news(news, arrival),
        }
    }

    fn finish(self) -> Self::Last {
        self.gathered()
    }
}
