//! Who gets which batch.

use std::collections::VecDeque;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use recpipe::transport::link::{Over, Pushdowns, Readiness};
use recpipe::wire::{Encoded, Ending, Warning};
use recpipe::{Error, Schema, say};

use super::destination::{Destination, Undone};
use super::{Anew, Outgoing, Target};
use crate::input::mark::Mark;
use crate::state::State;

/// Which of several consumers gets a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// Whoever is ready: a slow one gets less.
    #[default]
    Balance,
    /// All.
    Broadcast,
    /// Each record goes by the value of this field, the same value always to the same consumer.
    Shard(String),
}

impl FromStr for Spread {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("shard=")) {
            ("balance", _) => Ok(Spread::Balance),
            ("broadcast", _) => Ok(Spread::Broadcast),
            (_, Some(field)) if !field.is_empty() => Ok(Spread::Shard(field.to_owned())),
            _ => Err("it is balance, broadcast, or shard=FIELD".to_owned()),
        }
    }
}

/// Waiting for a consumer to be ready is looked into so often, whether or not one says so.
const LOOK: Duration = Duration::from_millis(100);

/// The consumers of a run.
pub struct Outputs {
    destinations: Vec<Destination>,
    spread: Spread,
    readiness: Readiness,
    /// Whose turn it is.
    turn: usize,
    records: u64,
    /// The fields that were announced last.
    announced: Option<Arc<Schema>>,
    /// What others that died left undone.
    orphans: VecDeque<Arc<Encoded>>,
    /// How many died while others went on, which was said.
    lost: usize,
    /// What opens the way to one that was started in the place of the only one.
    heir: Option<Heir>,
    /// Where it is remembered how far the files are confirmed.
    state: Option<Arc<Mutex<State>>>,
}

type Heir = Box<dyn Fn() -> Result<Destination, Error> + Send>;

impl Outputs {
    pub(super) fn new(destinations: Vec<Destination>, spread: Spread, readiness: Readiness) -> Self {
        Outputs {
            destinations,
            spread,
            readiness,
            turn: 0,
            records: 0,
            announced: None,
            orphans: VecDeque::new(),
            lost: 0,
            heir: None,
            state: None,
        }
    }

    /// When the only one is started again, the new one goes on.
    #[must_use]
    pub(super) fn with_heirs(mut self, anew: Anew, over: impl Fn(Over) + Clone + Send + 'static) -> Self {
        self.destinations = self.destinations.into_iter().map(Destination::with_heir).collect();
        let heir = move || anew.destination(over.clone()).map(Destination::with_heir);
        Outputs { heir: Some(Box::new(heir)), ..self }
    }

    /// Remembers how far the files are that the only one is done with.
    #[must_use]
    pub(crate) fn remembering(self, state: Option<Arc<Mutex<State>>>) -> Self {
        Outputs { state, ..self }
    }

    /// Notes what the only one is done with by now.
    fn confirm(&mut self) {
        let (Some(state), [only]) = (&self.state, &mut self.destinations[..]) else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        only.confirmed().into_iter().for_each(|mark| state.confirm(mark));
        state.save();
    }

    /// Notes, at the end, what it is done with: where it `ended_well`, all.
    fn remember(&mut self, ended_well: bool) -> Result<(), Error> {
        let (Some(state), [only]) = (&self.state, &mut self.destinations[..]) else { return Ok(()) };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let marks = if ended_well { only.finished() } else { only.confirmed() };
        marks.into_iter().for_each(|mark| state.confirm(mark));
        state.close(ended_well);
        match state.has_failed() {
            true => Err(Error::io("--state", std::io::Error::other("it could not be written"))),
            false => Ok(()),
        }
    }

    /// Where each consumer says what it needs.
    pub(super) fn plans(&self) -> Vec<Pushdowns> {
        self.destinations.iter().filter_map(|destination| destination.pushdowns()).collect()
    }

    /// Does this to all that are open.
    fn all(&mut self, mut write: impl FnMut(&mut Destination) -> Result<(), Error>) -> Result<(), Error> {
        for at in 0..self.destinations.len() {
            if self.destinations[at].is_open()
                && let Err(error) = write(&mut self.destinations[at])
            {
                self.bury(at, error)?;
            }
        }
        self.anybody()
    }

    /// Whether the run can go on: not when one has failed by itself, nor when one is lost whose share no other can be given.
    fn check(&mut self) -> Result<(), Error> {
        for destination in &mut self.destinations {
            destination.check()?;
            if self.spread != Spread::Balance
                && let Some(lost) = destination.lost()
                && let Err(lost) = destination.left(lost)
            {
                destination.bury(lost)?;
            }
        }
        Ok(())
    }

    /// # Errors
    /// A broken pipe when all have had enough.
    fn anybody(&self) -> Result<(), Error> {
        if self.destinations.iter().any(|destination| destination.is_open()) {
            return Ok(());
        }
        if self.destinations.iter().any(|destination| destination.has_enough()) {
            return Err(Error::io("the consumers", std::io::ErrorKind::BrokenPipe.into()));
        }
        Err(Error::lost("no consumer is left"))
    }

    /// One is lost: others do what it left, where they can.
    fn bury(&mut self, at: usize, why: Error) -> Result<(), Error> {
        if self.heir.is_some() && matches!(why, Error::Restarted(_)) {
            return self.inherit(why);
        }
        let others = self.destinations.iter().enumerate().any(|(other, destination)| other != at && destination.is_open());
        let destination = &mut self.destinations[at];
        let (left, why) = destination.bury(why)?;
        if !others {
            return Err(Error::lost(format!("{why}; no other is left that could do its work")));
        }
        say!(
            "producer: {why}; {} batches that it was not done with are given to the others, and what it had already written of them is there twice",
            left.len()
        );
        self.lost += 1;
        self.orphans.extend(left.into_iter().map(|undone| undone.encoded));
        Ok(())
    }

    /// The only one was started again: the new one is sent what that one was not done with.
    fn inherit(&mut self, mut why: Error) -> Result<(), Error> {
        let mut left = VecDeque::new();
        if self.heir.is_none() {
            return Err(why);
        }
        loop {
            let lost = |why| Error::lost(format!("{why}; it was not told to end, so what it had gathered is lost with it"));
            let (undone, _) = self.destinations[0].bury(why).map_err(lost)?;
            self.confirm();
            undone.into_iter().rev().for_each(|undone| left.push_front(undone));
            say!(
                "producer: {}: another consumer has come; it is sent what the one before it was not done with ({} batches), and what comes",
                self.destinations[0].name(),
                left.len()
            );
            if let Some(heir) = &self.heir {
                self.destinations[0] = heir()?;
            }
            why = match self.send_left(&mut left) {
                Ok(()) => return Ok(()),
                Err(error @ Error::Restarted(_)) => error,
                Err(error) => return Err(error),
            };
        }
    }

    fn send_left(&mut self, left: &mut VecDeque<Undone>) -> Result<(), Error> {
        if let Some(schema) = self.announced.clone() {
            self.destinations[0].write(|writer| writer.schema(&schema).map(drop))?;
        }
        while let Some(Undone { encoded, .. }) = left.front() {
            self.destinations[0].send(&encoded.clone())?;
            let marks = left.pop_front().map(|undone| undone.marks).unwrap_or_default();
            marks.into_iter().for_each(|mark| self.destinations[0].mark(mark));
        }
        Ok(())
    }

    /// Sends to whoever is ready, waiting until one is.
    fn balance(&mut self, encoded: &Arc<Encoded>) -> Result<(), Error> {
        loop {
            self.anybody()?;
            let count = self.destinations.len();
            let seen = self.readiness.seen();
            let ready = (0..count).map(|step| (self.turn + step) % count).find(|&at| {
                let destination = &self.destinations[at];
                destination.is_open() && destination.is_ready()
            });
            let Some(at) = ready else {
                self.readiness.wait(seen, LOOK);
                continue;
            };
            self.turn = (at + 1) % count;
            match self.destinations[at].send(encoded) {
                Ok(()) if self.destinations[at].has_enough() => {}
                Ok(()) => return Ok(()),
                Err(error) => self.bury(at, error)?,
            }
        }
    }

    fn give_orphans(&mut self) -> Result<(), Error> {
        while let Some(orphan) = self.orphans.pop_front() {
            self.balance(&orphan)?;
        }
        Ok(())
    }

    /// Waits until all are done with what they were sent, as far as they say so; those that die meanwhile leave it to others.
    fn settle(&mut self) -> Result<(), Error> {
        loop {
            self.give_orphans()?;
            let seen = self.readiness.seen();
            self.check()?;
            let mut settled = true;
            for at in 0..self.destinations.len() {
                if let Some(error) = self.destinations[at].lost() {
                    self.bury(at, error)?;
                    settled = false;
                } else {
                    settled &= self.destinations[at].is_settled();
                }
            }
            if settled && self.orphans.is_empty() {
                return Ok(());
            }
            self.readiness.wait(seen, LOOK);
        }
    }

    /// Ends all the streams, and waits until those that can say how they ended have.
    fn conclude(&mut self, settled: Result<(), Error>, ending: &Ending) -> Result<(), Error> {
        let mut ending = ending.clone();
        if let Err(error) = &settled
            && !error.is_broken_pipe()
        {
            ending.exit = ending.exit.or(error.exit());
            ending.cause = error.to_string();
        }
        let mut failed = settled.err().filter(|error| !error.is_broken_pipe());
        self.destinations.iter_mut().for_each(|destination| destination.end(&ending));
        for destination in &mut self.destinations {
            if let Err(error) = destination.close(&ending) {
                match &failed {
                    Some(_) => say!("producer: {error}"),
                    None => failed = Some(error),
                }
            }
        }
        match (failed, self.lost) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(()),
            (None, lost) => Err(Error::lost(format!(
                "{lost} of {} consumers died; the others were given their work, and some of it may be there twice",
                self.destinations.len()
            ))),
        }
    }
}

impl Target for Outputs {
    fn at_rest(&mut self) {
        for destination in &mut self.destinations {
            // One that is lost is found by the next write.
            let _ = destination.write(|writer| {
                writer.set_at_rest();
                Ok(())
            });
        }
    }

    fn schema(&mut self, schema: &Arc<Schema>) -> Result<(), Error> {
        self.all(|destination| destination.write(|writer| writer.schema(schema).map(drop)))
    }

    fn send(&mut self, outgoing: &Outgoing) -> Result<(), Error> {
        self.check()?;
        let encoded = outgoing.frame()?;
        self.records += u64::from(encoded.records());
        if self.announced.as_ref().is_none_or(|schema| schema != encoded.schema()) {
            // To all: also one that never gets a record has to know what there could have been.
            let schema = encoded.schema().clone();
            self.schema(&schema)?;
            self.announced = Some(schema);
        }
        match (&self.spread, outgoing.to) {
            (Spread::Balance, _) => {
                self.balance(encoded)?;
                self.give_orphans()
            }
            (Spread::Broadcast, _) => self.all(|destination| destination.send(encoded)),
            (Spread::Shard(_), to) => {
                let at = to.unwrap_or(0);
                if self.destinations[at].is_open()
                    && let Err(error) = self.destinations[at].send(encoded)
                {
                    self.bury(at, error)?;
                }
                self.anybody()
            }
        }
    }

    fn mark(&mut self, mark: Box<Mark>) -> Result<(), Error> {
        if self.state.is_some()
            && let [only] = &mut self.destinations[..]
        {
            only.mark(*mark);
            self.confirm();
        }
        Ok(())
    }

    fn look(&mut self) -> Result<(), Error> {
        self.confirm();
        self.check()?;
        if self.heir.is_some()
            && let Some(lost) = self.destinations[0].lost()
        {
            self.bury(0, lost)?;
        }
        self.anybody()
    }

    fn warn(&mut self, warning: &Warning) -> Result<(), Error> {
        self.all(|destination| destination.write(|writer| writer.warn(warning)))
    }

    fn records(&self) -> u64 {
        self.records
    }

    fn finish(mut self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        let may_settle = self.spread == Spread::Balance && self.destinations.len() > 1 || self.heir.is_some();
        let settled = if may_settle { self.settle() } else { self.check() };
        let concluded = self.conclude(settled, ending);
        let remembered = self.remember(concluded.is_ok());
        concluded.and(remembered)
    }

    fn leave(mut self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        // What it was sent and has had no use for is not known to be confirmed.
        let concluded = self.conclude(Ok(()), ending);
        concluded.and(self.remember(false))
    }

    fn fail(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        self.leave(ending)
    }
}
