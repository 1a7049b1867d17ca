//! Peers that have not said yet who they are: how many at a time, and how much is said about them.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// As many at a time; more are hung up on.
pub(super) const MOST: usize = 16;
/// As many of one address: whoever takes all of them leaves room for others. A peer that is turned away for that comes back a
/// moment later, as callers do.
const MOST_OF_ONE: usize = 8;

/// One line for each address in this time.
const SILENCE: Duration = Duration::from_secs(60);
/// Addresses that are remembered. Where there are more, nothing is said of the others.
const ADDRESSES: usize = 256;

/// Who is at the door.
#[derive(Debug, Default)]
pub(super) struct Admission {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

impl Admission {
    /// One more; or why not.
    pub(super) fn enter(&mut self, from: Option<IpAddr>) -> Result<(), &'static str> {
        if self.all >= MOST {
            return Err("too many connect at the same time");
        }
        if let Some(from) = from {
            let of_it = self.of.entry(from).or_default();
            if *of_it >= MOST_OF_ONE {
                return Err("too many connect from there at the same time");
            }
            *of_it += 1;
        }
        self.all += 1;
        Ok(())
    }

    /// One that had entered is a stranger no more, or has left.
    pub(super) fn leave(&mut self, from: Option<IpAddr>) {
        self.all -= 1;
        if let Some(from) = from
            && let Some(of_it) = self.of.get_mut(&from)
        {
            *of_it -= 1;
            if *of_it == 0 {
                self.of.remove(&from);
            }
        }
    }
}

/// What was said of whom, and when: a log is not to be filled by those who are not wanted.
#[derive(Debug, Default)]
pub(super) struct RefusalLog {
    of: HashMap<Option<IpAddr>, (Instant, u64)>,
}

impl RefusalLog {
    /// Whether something may be said of this address now, and how often nothing was said since the last time.
    pub(super) fn may_say(&mut self, from: Option<IpAddr>, now: Instant) -> Option<u64> {
        if let Some((said, held_back)) = self.of.get_mut(&from) {
            if now.saturating_duration_since(*said) < SILENCE {
                *held_back += 1;
                return None;
            }
            *said = now;
            return Some(std::mem::take(held_back));
        }
        if self.of.len() >= ADDRESSES {
            self.of.retain(|_, (said, _)| now.saturating_duration_since(*said) < SILENCE);
        }
        if self.of.len() >= ADDRESSES {
            return None;
        }
        self.of.insert(from, (now, 0));
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_does_not_take_every_place() {
        let address = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        let mut strangers = Admission::default();
        let entered = (0..20).filter(|_| strangers.enter(address(1)).is_ok()).count();
        assert_eq!(entered, MOST_OF_ONE);
        let others = (2..30).filter(|n| strangers.enter(address(*n)).is_ok()).count();
        assert_eq!(others, MOST - MOST_OF_ONE);
        strangers.leave(address(1));
        assert_eq!(strangers.enter(address(99)), Ok(()));
        assert!(strangers.enter(address(99)).is_err());
        for n in (2..10).chain([99]).chain([1; MOST_OF_ONE - 1]) {
            strangers.leave(address(n));
        }
        assert_eq!((strangers.all, strangers.of.len()), (0, 0));
    }

    #[test]
    fn one_line_for_each_address_and_minute() {
        let mut complaints = RefusalLog::default();
        let (begin, address) = (Instant::now(), Some(IpAddr::from([192, 0, 2, 1])));
        assert_eq!(complaints.may_say(address, begin), Some(0));
        for second in 1..60 {
            assert_eq!(complaints.may_say(address, begin + Duration::from_secs(second)), None);
        }
        assert_eq!(complaints.may_say(address, begin + SILENCE), Some(59));
        // However many addresses there are, no more than so many are remembered, nor spoken of.
        let many = (0..100_000_u32).filter(|n| complaints.may_say(Some(IpAddr::from(n.to_be_bytes())), begin + SILENCE).is_some());
        assert_eq!(many.count(), ADDRESSES - 1);
        assert_eq!(complaints.may_say(Some(IpAddr::from([255; 4])), begin + SILENCE * 2), Some(0));
    }
}
