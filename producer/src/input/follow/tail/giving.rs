//! What of a file is given out: whole records, and at the end of the file what is left.

use std::collections::VecDeque;

use super::{Tail, block};
use crate::input::block::Part;
use crate::input::follow::Followed;
use crate::input::mark::Mark;

impl Tail {
    /// How much was given out.
    pub fn mark(&self) -> Mark {
        Mark { file: self.id, source: self.source.clone(), print: self.given.clone() }
    }

    /// Gives out the whole records.
    pub(crate) fn give_records(&mut self, out: &mut VecDeque<Followed>) {
        self.give(self.whole, Part::Whole, out);
    }

    /// Drops the part of a record that is held, because its rest cannot be had any more: it would look like a whole one. How
    /// many bytes that are.
    pub(crate) fn drop_part(&mut self) -> usize {
        let part = self.held.len() - self.whole;
        self.held.truncate(self.whole);
        self.searched = 0;
        part
    }

    /// Gives out all, the part of a record too: nobody will finish it.
    pub(crate) fn give_all(&mut self, out: &mut VecDeque<Followed>) {
        self.give_records(out);
        if self.print.pos <= self.old {
            // Nothing was added to the record that was not finished: none of it is new.
            return;
        }
        let part = if self.within_long { Part::LongRest } else { Part::Whole };
        self.give(self.held.len(), part, out);
        self.within_long = false;
    }

    /// Gives out the first `cut` bytes held.
    pub(super) fn give(&mut self, cut: usize, part: Part, out: &mut VecDeque<Followed>) {
        if cut == 0 {
            return;
        }
        let rest = self.held[cut..].to_vec();
        let mut bytes = std::mem::replace(&mut self.held, rest);
        bytes.truncate(cut);
        let (is_first, dialect) = (self.is_at_beginning(), self.dialect.unwrap_or_default());
        self.given.extend(&bytes);
        out.push_back(Followed::Block(block(&self.source, bytes, self.start, part, is_first, dialect)));
        self.start += cut as u64;
        self.whole = self.whole.saturating_sub(cut);
        self.searched = if part == Part::Whole { self.searched.min(self.held.len()) } else { 0 };
        // Within a record nobody can begin.
        if self.marks && part == Part::Whole {
            out.push_back(Followed::Mark(Box::new(self.mark())));
        }
    }
}
