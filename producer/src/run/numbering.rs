//! Where a record stands in its input, as a message says it.

use crate::format::Unit;
use crate::input::block::Block;
use crate::input::shown_name;

/// Counts the lines, or records, of the input whose blocks come now.
pub(super) struct Numbering {
    unit: Unit,
    /// Lines or records of the current input before the current block.
    before: u64,
    /// The blocks of several inputs come in turns, from anywhere in them: their lines have no numbers.
    in_turns: bool,
}

impl Numbering {
    /// `in_turns`: whether the blocks of several inputs come in turns.
    pub(super) fn new(unit: Unit, in_turns: bool) -> Self {
        Numbering { unit, before: 0, in_turns }
    }

    /// What is counted.
    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// The first block of an input comes.
    pub(super) fn begin_input(&mut self) {
        self.before = 0;
    }

    /// So many more are before what comes.
    pub(super) fn advance(&mut self, count: u64) {
        self.before += count;
    }

    /// The number of the next line, from 1; `None` where lines have no numbers.
    pub(super) fn line(&self) -> Option<u64> {
        (!self.in_turns).then_some(self.before + 1)
    }

    /// The place of what is the `nth` of a block, from 0, and begins at byte `at` of the input, if it lies in it.
    pub(super) fn place(&self, block: &Block, nth: u64, at: Option<u64>) -> String {
        let source = shown_name(&block.source);
        if self.in_turns {
            return format!("{source}: after byte {}", block.start);
        }
        // A line is found by its number, what has no lines by its place.
        let at = at.filter(|_| self.unit == Unit::Record).map_or_else(String::new, |at| format!(" at byte {at}"));
        format!("{source}:{} {}{at}", self.unit.numbered(), self.before + nth + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::block;

    #[test]
    fn a_place_is_a_line_a_record_or_a_byte() {
        let place = |unit, in_turns| {
            let mut numbering = Numbering::new(unit, in_turns);
            numbering.advance(7);
            numbering.begin_input();
            numbering.advance(2);
            numbering.place(&block(b"x"), 3, Some(40))
        };
        assert_eq!(place(Unit::Line, false), "f:line 6");
        assert_eq!(place(Unit::Record, false), "f:record 6 at byte 40");
        assert_eq!(place(Unit::File, false), "f:record 6");
        assert_eq!(place(Unit::Line, true), "f: after byte 0");
    }
}
