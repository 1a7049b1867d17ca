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
}

/// How the blocks of several inputs come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turns {
    /// One input after the other.
    OneByOne,
    /// In turns, each from its beginning.
    Merged,
    /// In turns, from anywhere in them: their lines have no numbers.
    Anywhere,
}

impl Numbering {
    /// Of blocks that come so.
    pub(super) fn new(unit: Unit, turns: Turns) -> Self {
        Numbering { unit, before: Some(0), turns, current: None, others: HashMap::new() }
    }

    /// A block of this input comes.
    pub(super) fn turn_to(&mut self, source: &Arc<str>) {
        if self.turns != Turns::Merged || self.current.as_ref() == Some(source) {
            return;
        }
        if let Some(current) = self.current.replace(source.clone()) {
            self.others.insert(current, self.before);
        }
        self.before = self.others.remove(source).unwrap_or(Some(0));
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
        self.before.filter(|_| self.turns != Turns::Anywhere).map(|before| before + 1)
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
        assert_eq!(place(Unit::Line, Turns::Anywhere), "f: after byte 0");
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
            numbering.turn_to(source);
            if is_first {
                numbering.begin_input(Some(0));
            }
            lines.extend(numbering.line());
            numbering.advance(2);
        }
        assert_eq!(lines, [1, 1, 3, 5, 3]);
    }
}
