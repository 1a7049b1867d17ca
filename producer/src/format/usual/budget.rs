//! When it pays to look for usual lines.

/// So many odd lines in a row are looked at before the first pause, at most.
const ODD: usize = 8;

/// For how many bytes nobody looks, the first time.
const PAUSE: usize = 8 << 10;

/// And at most.
const LONGEST: usize = 512 << 10;

/// Counts the usual lines that were read against the odd ones between them.
#[derive(Debug)]
pub(in crate::format) struct Budget {
    /// How many usual lines an odd one costs: what was begun is left, and begun anew behind it.
    cost: usize,
    saved: usize,
    pause: usize,
}

impl Budget {
    /// Where an odd line costs as much as is gained by so many usual ones.
    pub(in crate::format) fn new(cost: usize) -> Self {
        Budget { cost, saved: ODD * cost, pause: PAUSE }
    }

    /// So many usual lines, and then an odd one.
    pub(in crate::format) fn count(&mut self, usual: usize) {
        let most = ODD * self.cost;
        self.saved = (self.saved + usual).min(most).saturating_sub(self.cost);
        if usual > most {
            self.pause = PAUSE;
        }
    }

    /// Whether it did not pay.
    pub(in crate::format) fn is_spent(&self) -> bool {
        self.saved == 0
    }

    /// For how many bytes to look no more, if it did not pay. Then one more line is looked at.
    pub(in crate::format) fn spent(&mut self) -> Option<usize> {
        if !self.is_spent() {
            return None;
        }
        let pause = self.pause;
        self.pause = (2 * pause).min(LONGEST);
        self.saved = self.cost;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `bytes` bytes in lines of 100, every `nth` odd, at so much: how many are looked at.
    fn looked_at(nth: usize, bytes: usize, cost: usize) -> usize {
        let (mut budget, mut at, mut looked) = (Budget::new(cost), 0, 0);
        while at < bytes {
            match budget.spent() {
                Some(pause) => at += pause,
                None => {
                    budget.count(nth - 1);
                    looked += nth * 100;
                    at += nth * 100;
                }
            }
        }
        looked
    }

    #[test]
    fn few_odd_lines_are_borne_and_many_are_not_looked_at() {
        let bytes = 8 << 20;
        assert!(looked_at(100, bytes, 6) >= bytes, "one in a hundred");
        assert!(looked_at(10, bytes, 6) >= bytes, "one in ten");
        assert!(looked_at(3, bytes, 6) < bytes / 100, "one in three");
        assert!(looked_at(1, bytes, 6) < bytes / 100, "all");
        assert!(looked_at(3, bytes, 1) >= bytes, "one in three, which costs little");
        assert!(looked_at(1, bytes, 1) < bytes / 100, "all");
    }
}
