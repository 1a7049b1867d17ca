//! What the workers take: frames of the main input, then of the files of their stages; and what is heard of the main input besides.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use recpipe::{
    Error, say,
    wire::{Ending, Incoming, Place},
};

use super::{
    feeds::FeedReader,
    worker::{Arrival, Item, Load},
};
use crate::{
    input::{Arrived, Came, Frames},
    late::Seen,
    plan::Plan,
};

/// What is known of the stream besides its records.
#[derive(Default)]
pub(super) struct Stream {
    /// How it ended.
    pub(super) ending: Option<Ending>,
    /// Why it did not.
    pub(super) broken: Option<Error>,
    pub(super) seen: Seen,
}

/// What the workers take: the main input, then the files of their stages.
pub(super) struct Source<'i, F> {
    /// `None` when it is over.
    pub(super) main: Option<&'i mut F>,
    pub(super) feeds: VecDeque<FeedReader>,
    /// The chain of the workers that takes the input which is read.
    pub(super) chain: usize,
    /// The place of the next batch among all.
    pub(super) next: u64,
}

impl<F: Frames> Source<'_, F> {
    /// The next frame that anybody has to look at.
    pub(super) fn pull(&mut self, plan: &Plan, quiet: bool, stream: &Mutex<Stream>) -> Option<Item> {
        if let Some(main) = &mut self.main {
            if let Some(item) = pull(*main, plan, quiet, stream) {
                if let Load::Frame(raw, _) = &item.what {
                    self.next = self.next.max(raw.place().order.saturating_add(1));
                }
                return Some(item);
            }
            self.main = None;
            self.chain = 1;
            // Nobody reads the answer any more.
            if stream.lock().unwrap_or_else(PoisonError::into_inner).broken.as_ref().is_some_and(Error::is_broken_pipe) {
                self.feeds.clear();
            }
        }
        loop {
            let Some(raw) = self.feeds.front_mut()?.next() else {
                self.feeds.pop_front();
                self.chain += 1;
                continue;
            };
            let place = Place { order: self.next, ..raw.place() };
            self.next += 1;
            let arrival = Arrival { sender: 0, at: Instant::now() };
            return Some(Item { what: Load::Frame(raw.with_place(place), "".into()), chain: self.chain, receipt: None, arrival });
        }
    }
}

/// The next frame of the main input that anybody has to look at.
fn pull(input: &mut impl Frames, plan: &Plan, quiet: bool, stream: &Mutex<Stream>) -> Option<Item> {
    let stream = || stream.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let Arrived { what, sender, name, receipt } = match input.read() {
            Ok(Some(arrived)) => arrived,
            Ok(None) => return None,
            Err(error) => {
                stream().broken = Some(error);
                return None;
            }
        };
        let item = |what| Item { what, chain: 0, receipt, arrival: Arrival { sender, at: Instant::now() } };
        let what = match what {
            Came::Frame(what) => what,
            Came::News(news) => return Some(item(Load::News(news))),
        };
        match what {
            Incoming::Batch(raw) => return Some(item(Load::Frame(raw, name))),
            Incoming::Schema(schema) => stream().seen.look(&schema, plan, quiet),
            Incoming::Warning(warning) => {
                if !quiet {
                    say!("consumer: the producer says: {}", warning.message);
                }
            }
            Incoming::End(ending) => {
                stream().ending = Some(ending);
                return None;
            }
        }
    }
}
