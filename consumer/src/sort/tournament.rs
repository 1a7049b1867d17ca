//! A tree of losers: the least of many, with one comparison a level for the next (Knuth, TAOCP vol. 3, §5.4.1).

/// Knows which of several players, numbered from 0, is the least; what they are is the caller's to compare.
#[derive(Debug)]
pub(crate) struct Tournament {
    /// At each inner node who lost there; node 0 is not used.
    losers: Vec<usize>,
    winner: usize,
}

impl Tournament {
    /// Lets all of `players` play; `less(a, b)` says whether `a` comes before `b`.
    pub(crate) fn new(players: usize, less: impl Fn(usize, usize) -> bool) -> Self {
        let mut losers = vec![0; players];
        // Player `i` begins at the leaf `players + i`; node `n` has the children `2n` and `2n + 1`.
        let mut winners: Vec<usize> = (0..2 * players).map(|node| node.saturating_sub(players)).collect();
        for node in (1..players).rev() {
            let (a, b) = (winners[2 * node], winners[2 * node + 1]);
            (winners[node], losers[node]) = if less(b, a) { (b, a) } else { (a, b) };
        }
        Tournament { losers, winner: winners.get(1).copied().unwrap_or(0) }
    }

    /// The least.
    #[inline]
    pub(crate) fn winner(&self) -> usize {
        self.winner
    }

    /// The winner has changed: lets it play again, and says who is the least now.
    #[inline]
    pub(crate) fn replay(&mut self, less: impl Fn(usize, usize) -> bool) -> usize {
        let mut node = (self.winner + self.losers.len()) / 2;
        while node > 0 {
            if less(self.losers[node], self.winner) {
                std::mem::swap(&mut self.losers[node], &mut self.winner);
            }
            node /= 2;
        }
        self.winner
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Tournament;

    proptest! {
        #[test]
        fn merges_any_number_of_runs(mut runs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 1..12)) {
            let mut expect: Vec<u8> = runs.concat();
            expect.sort_unstable();
            runs.iter_mut().for_each(|run| run.sort_unstable_by(|a, b| b.cmp(a)));
            let head = |runs: &[Vec<u8>], run: usize| runs[run].last().map_or(u16::MAX, |&value| u16::from(value));
            let mut tournament = Tournament::new(runs.len(), |a, b| head(&runs, a) < head(&runs, b));
            let mut merged = Vec::new();
            while let Some(value) = runs[tournament.winner()].pop() {
                merged.push(value);
                tournament.replay(|a, b| head(&runs, a) < head(&runs, b));
            }
            prop_assert_eq!(merged, expect);
        }
    }
}
