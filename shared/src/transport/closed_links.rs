//! Links that are over: a peer that comes back to one is told so, and not taken for a new one, whose stream would count twice.

use std::collections::VecDeque;

use crate::{session::Progress, wire::Ending};

/// As many are remembered; the oldest is forgotten first.
const MOST: usize = 4096;

/// The last that a receiver had to say to its sender.
pub(super) type Farewell = (Progress, Ending);

/// Who was here, each with what it is told when it comes back; `None` where there is nothing to say but that it is over.
#[derive(Debug, Default)]
pub(super) struct ClosedLinks(VecDeque<([u8; 16], Option<Farewell>)>);

impl ClosedLinks {
    /// The link of this key is over.
    pub(super) fn insert(&mut self, key: [u8; 16], farewell: Option<Farewell>) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((key, farewell));
    }

    /// What a peer of this key is told; `None` when none was here, or it is forgotten.
    pub(super) fn get(&self, key: &[u8; 16]) -> Option<Option<Farewell>> {
        self.0.iter().rev().find(|(departed, _)| departed == key).map(|(_, farewell)| farewell.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let key = |n: usize| (n as u128).to_le_bytes();
        let mut departed = ClosedLinks::default();
        departed.insert(key(0), Some((Progress { received: 7, ..Progress::default() }, Ending::default())));
        (1..MOST).for_each(|n| departed.insert(key(n), None));
        assert_eq!(departed.get(&key(0)).unwrap().unwrap().0.received, 7);
        assert_eq!(departed.get(&key(MOST)), None);
        departed.insert(key(MOST), None);
        assert_eq!((departed.get(&key(0)), departed.get(&key(1)), departed.0.len()), (None, Some(None), MOST));
    }
}
