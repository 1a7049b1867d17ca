//! When it pays to look for usual lines.

/// How many usual lines an odd one costs: what was begun is left, and begun anew behind it.
const COST: usize = 6;

/// The most that is saved: so many odd lines in a row are looked at before the first pause.
const MOST: usize = 8 * COST;

/// For how many bytes nobody looks, the first time.
const PAUSE: usize = 8 << 10;

/// And at most.
const LONGEST: usize = 512 << 10;

/// Counts the usual lines that were read against the odd ones between them.
#[derive(Debug)]
pub(super) struct Budget {
    saved: usize,
    pause: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { saved: MOST, pause: PAUSE }
    }
}

impl Budget {
    /// So many usual lines, and then an odd one.
    pub(super) fn count(&mut self, usual: usize) {
        self.saved = (self.saved + usual).min(MOST).saturating_sub(COST);
        if usual > MOST {
            self.pause = PAUSE;
        }
    }

    /// Whether it did not pay.
    pub(super) fn is_spent(&self) -> bool {
        self.saved == 0
    }

    /// For how many bytes to look no more, if it did not pay. Then one more line is looked at.
    pub(super) fn spent(&mut self) -> Option<usize> {
        if !self.is_spent() {
            return None;
        }
        let pause = self.pause;
        self.pause = (2 * pause).min(LONGEST);
        self.saved = COST;
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `bytes` bytes in lines of 100, every `nth` odd: how many are looked at.
    fn looked_at(nth: usize, bytes: usize) -> usize {
        let (mut budget, mut at, mut looked) = (Budget::default(), 0, 0);
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
        assert!(looked_at(100, bytes) >= bytes, "one in a hundred");
        assert!(looked_at(10, bytes) >= bytes, "one in ten");
        assert!(looked_at(3, bytes) < bytes / 100, "one in three");
        assert!(looked_at(1, bytes) < bytes / 100, "all");
    }
}
