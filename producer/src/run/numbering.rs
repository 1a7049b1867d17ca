//! Where a record stands in its input, as a message says it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::format::Unit;
use crate::input::block::Block;
use crate::input::shown_name;

/// Counts the lines, or records, of the input whose blocks come now.
pub(super) struct Numbering {
    unit: Unit,
    /// Lines or records of the current input before the current block; `None` where its beginning was skipped, and nobody has counted.
    before: Option<u64>,
    turns: Turns,
    /// Where inputs are merged: the current one, and where the others are.
    current: Option<Arc<str>>,
    others: HashMap<Arc<str>, Option<u64>>,
    /// The byte after the last of what was counted, of each input that may be read from anywhere.
    ends: HashMap<Arc<str>, u64>,
}

/// How the blocks of several inputs come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turns {
    /// One input after the other.
    OneByOne,
    /// In turns, each from its beginning.
    Merged,
    /// In turns, from anywhere in them: lines have numbers where all before them has come.
    Anywhere,
}

impl Numbering {
    /// Of blocks that come so.
    pub(super) fn new(unit: Unit, turns: Turns) -> Self {
        Numbering { unit, before: Some(0), turns, current: None, others: HashMap::new(), ends: HashMap::new() }
    }

    /// Whether the blocks of several inputs come in turns, each from its beginning.
    pub(super) fn are_merged(&self) -> bool {
        self.turns == Turns::Merged
    }

    /// This block comes.
    pub(super) fn turn_to(&mut self, block: &Block) {
        let source = &block.source;
        if self.turns == Turns::OneByOne {
            return;
        }
        let of_unseen = Some(0).filter(|_| self.turns == Turns::Merged);
        if self.current.as_ref() != Some(source) {
            if let Some(current) = self.current.replace(source.clone()) {
                self.others.insert(current, self.before);
            }
            self.before = self.others.remove(source).unwrap_or(of_unseen);
        }
        // What was left out between two blocks, nobody has counted.
        if self.turns == Turns::Anywhere && self.ends.insert(source.clone(), block.end) != Some(block.start) {
            self.before = None;
        }
    }

    /// What is counted.
    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// The first block of an input comes; so many lines that belong to no record are before it, if that is known.
    pub(super) fn begin_input(&mut self, before: Option<u32>) {
        self.before = before.map(u64::from);
    }

    /// So many more are before what comes.
    pub(super) fn advance(&mut self, count: u64) {
        self.before = self.before.map(|before| before + count);
    }

    /// The number of the next line, from 1; `None` where lines have no numbers.
    pub(super) fn line(&self) -> Option<u64> {
        self.before.map(|before| before + 1)
    }

    /// What numbers the places, and the number of what is the `nth` of a block, from 0, where it has one.
    pub(super) fn number(&self, nth: u64) -> (&'static str, Option<u64>) {
        (self.unit.numbered(), self.line().map(|line| line + nth))
    }

    /// The place of what is the `nth` of a block, from 0, and begins at byte `at` of the input, if it lies in it.
    pub(super) fn place(&self, block: &Block, nth: u64, at: Option<u64>) -> String {
        let source = shown_name(&block.source);
        let Some(line) = self.line() else {
            return match at.filter(|_| self.turns != Turns::Anywhere) {
                Some(at) => format!("{source}: at byte {at}"),
                None => format!("{source}: after byte {}", block.start),
            };
        };
        // A line is found by its number, what has no lines by its place.
        let at = at.filter(|_| self.unit == Unit::Record).map_or_else(String::new, |at| format!(" at byte {at}"));
        format!("{source}:{} {}{at}", self.unit.numbered(), line + nth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::block;

    #[test]
    fn a_place_is_a_line_a_record_or_a_byte() {
        let place = |unit, turns| {
            let mut numbering = Numbering::new(unit, turns);
            numbering.advance(7);
            numbering.begin_input(Some(0));
            numbering.advance(2);
            numbering.place(&block(b"x"), 3, Some(40))
        };
        assert_eq!(place(Unit::Line, Turns::OneByOne), "f:line 6");
        assert_eq!(place(Unit::Record, Turns::OneByOne), "f:record 6 at byte 40");
        assert_eq!(place(Unit::File, Turns::OneByOne), "f:record 6");
        let mut followed = Numbering::new(Unit::Line, Turns::Anywhere);
        let mut comes = |start: u64, is_first: bool| {
            let block = Block { start, end: start + 10, is_first, ..block(b"x") };
            followed.turn_to(&block);
            if is_first {
                followed.begin_input(Some(0));
            }
            let place = followed.place(&block, 1, Some(40));
            followed.advance(2);
            place
        };
        assert_eq!(comes(500, false), "f: after byte 500", "from its end");
        assert_eq!(comes(510, false), "f: after byte 510");
        assert_eq!((comes(0, true), comes(10, false)), ("f:line 2".to_owned(), "f:line 4".to_owned()), "a new one");
        assert_eq!(comes(30, false), "f: after byte 30", "something is left out");
        let mut skipped = Numbering::new(Unit::Line, Turns::OneByOne);
        skipped.begin_input(None);
        skipped.advance(3);
        assert_eq!((skipped.line(), skipped.place(&block(b"x"), 0, Some(40)).as_str()), (None, "f: at byte 40"));
    }

    #[test]
    fn merged_inputs_are_numbered_each_by_itself() {
        let mut numbering = Numbering::new(Unit::Line, Turns::Merged);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut lines = Vec::new();
        for (source, is_first) in [(&a, true), (&b, true), (&a, false), (&a, false), (&b, false)] {
            numbering.turn_to(&Block { source: source.clone(), ..block(b"x") });
            if is_first {
                numbering.begin_input(Some(0));
            }
            lines.extend(numbering.line());
            numbering.advance(2);
        }
        assert_eq!(lines, [1, 1, 3, 5, 3]);
    }
}
