//! Who sends the records, for stages that give results while more records come: they know how far the time of each sender is.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// One of several streams of records, by the number that its input gave it.
pub type SenderId = usize;

/// What becomes of a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It is there.
    Begun {
        /// Which.
        sender: SenderId,
        /// What it is called in messages.
        name: Arc<str>,
        /// Whether its records were all there when it began, in files: the time of others does not pass for them.
        at_rest: bool,
    },
    /// Nothing more comes of it.
    Ended(SenderId),
}

/// The senders of a run, as far as what came of them has been taken. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Senders(Rc<RefCell<State>>);

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<SenderId, Known>,
    /// Whose records are being taken.
    current: SenderId,
    now: Option<Instant>,
    /// After so long a silence somebody is told.
    waits: Vec<Duration>,
}

#[derive(Clone, Debug)]
struct Known {
    name: Arc<str>,
    at_rest: bool,
    heard: Instant,
}

/// A sender of which more may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Which.
    pub sender: SenderId,
    /// What it is called in messages.
    pub name: Arc<str>,
    /// See [`News::Begun`].
    pub at_rest: bool,
    /// How long nothing has come of it.
    pub silent: Duration,
}

impl Senders {
    /// Takes news that came at this moment.
    pub fn tell(&self, news: News, at: Instant) {
        let mut state = self.0.borrow_mut();
        state.pass(at);
        match news {
            News::Begun { sender, name, at_rest } => drop(state.open.insert(sender, Known { name, at_rest, heard: at })),
            News::Ended(sender) => drop(state.open.remove(&sender)),
        }
    }

    /// The records that are taken from now on came of this sender, at this moment.
    pub fn arrived(&self, sender: SenderId, at: Instant) {
        let mut state = self.0.borrow_mut();
        state.pass(at);
        state.current = sender;
        if let Some(known) = state.open.get_mut(&sender) {
            known.heard = known.heard.max(at);
        }
    }

    /// All that has come so far, up to this moment, was taken; whether a silence of which somebody wants to know is long enough by now.
    pub(crate) fn nothing_until(&self, now: Instant) -> bool {
        let mut state = self.0.borrow_mut();
        let before = state.now;
        state.pass(now);
        let is_new = |moment: Instant| moment <= now && before.is_none_or(|before| moment >= before);
        state.silences().any(is_new)
    }

    /// Whose records are being taken.
    pub fn current(&self) -> SenderId {
        self.0.borrow().current
    }

    /// Those of which more may come.
    pub fn open(&self) -> Vec<Open> {
        let state = self.0.borrow();
        let open = |(sender, known): (&SenderId, &Known)| {
            let silent = state.now.map_or(Duration::ZERO, |now| now.saturating_duration_since(known.heard));
            Open { sender: *sender, name: known.name.clone(), at_rest: known.at_rest, silent }
        };
        state.open.iter().map(open).collect()
    }

    /// Somebody wants to look again when a sender was silent for so long.
    pub(crate) fn wake_after(&self, silence: Duration) {
        self.0.borrow_mut().waits.push(silence);
    }

    /// Whether somebody does.
    pub fn is_timed(&self) -> bool {
        !self.0.borrow().waits.is_empty()
    }

    /// How long until the next silence of which somebody wants to know, if nothing comes; `None` where there is none to come.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let state = self.0.borrow();
        // Of those before, the last look has told.
        let seen = state.now;
        state
            .silences()
            .filter(|moment| seen.is_none_or(|seen| *moment >= seen))
            .map(|moment| moment.saturating_duration_since(now) + JUST_AFTER)
            .min()
    }
}

/// So long after a silence is long enough it is looked at.
const JUST_AFTER: Duration = Duration::from_millis(1);

impl State {
    /// When somebody wants to know of a silence, if nothing comes before.
    fn silences(&self) -> impl Iterator<Item = Instant> {
        self.open.values().flat_map(|known| self.waits.iter().filter_map(|wait| known.heard.checked_add(*wait)))
    }

    fn pass(&mut self, now: Instant) {
        self.now = self.now.max(Some(now));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{News, Senders};

    #[test]
    fn silence_is_counted_from_what_came_last() {
        let (senders, began) = (Senders::default(), Instant::now());
        let after = |seconds| began + Duration::from_secs(seconds);
        assert!(!senders.is_timed() && senders.wait(began).is_none());
        senders.wake_after(Duration::from_secs(5));
        for sender in [1, 2] {
            senders.tell(News::Begun { sender, name: "x".into(), at_rest: false }, began);
        }
        senders.arrived(2, after(3));
        let silent = || senders.open().iter().map(|open| (open.sender, open.silent.as_secs())).collect::<Vec<_>>();
        assert_eq!((silent(), senders.current()), (vec![(1, 3), (2, 0)], 2));
        assert_eq!(senders.wait(after(3)).unwrap().as_secs(), 2);
        assert!(!senders.nothing_until(after(4)) && senders.nothing_until(after(6)) && !senders.nothing_until(after(7)));
        assert_eq!(silent(), [(1, 7), (2, 4)]);
        assert_eq!(senders.wait(after(7)).unwrap().as_secs(), 1, "of the first it is known by now");
        senders.tell(News::Ended(2), after(7));
        assert_eq!((silent(), senders.wait(after(7))), (vec![(1, 7)], None));
    }
}
