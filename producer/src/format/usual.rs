//! Usual lines: those of a log that have all their marks in one of few orders ([`Pattern`]), read many at a time.
//!
//! What is no such line is read in the format's own way, which is also what says what all lines mean.

mod budget;
mod number;

pub(super) use budget::Budget;
pub(super) use number::{float, number};

use crate::simd::pattern::{Pattern, Scan, Stop};

/// One kind of usual lines.
pub(super) trait Usual {
    /// How many lines would have to be usual to gain as much as an odd one costs that is taken for a usual one.
    const COST: usize;

    /// The order of their marks.
    fn pattern(&self) -> &Pattern;
}

/// Goes through a block, line by line.
pub(super) trait Walk<U: Usual> {
    /// Where the line begins that is read next.
    fn start(&self) -> usize;

    /// Reads lines of this kind: `places` as [`Scan::places`] has them. Stops at one whose values are odd, or that has no end; answers how
    /// many there are before it.
    fn read_usual(&mut self, usual: &U, places: &[u32]) -> usize;

    /// Reads all lines up to `end`, where one ends, in the format's own way. Whether there was room for them.
    fn read_slowly(&mut self, end: usize) -> bool;
}

/// Room to work in, kept so that it is not allocated for every block.
#[derive(Debug, Default)]
pub(super) struct Room {
    scan: Scan,
    /// The kind of the last usual line.
    kind: usize,
}

/// Reads the lines of a block, but for the last one where it has no newline, or those that there is room for. Whether there was room for all.
///
/// An odd line costs as much as some usual ones: beginning anew behind it. Where there are too many of them, all lines are read
/// slowly for a while, which grows as long as that is so: no log is read slower than in its own way alone.
pub(super) fn read<U: Usual>(block: &[u8], kinds: &[U], room: &mut Room, walk: &mut impl Walk<U>) -> bool {
    let mut budget = Budget::new(U::COST);
    while walk.start() < block.len() {
        if let Some(bytes) = budget.spent() {
            let within = block.len().min(walk.start() + bytes);
            let end = memchr::memchr(b'\n', &block[within - 1..]).map_or(block.len(), |at| within + at);
            if !walk.read_slowly(end) {
                return false;
            }
            continue;
        }
        // The kind of the line before is the likeliest.
        let others = (0..kinds.len()).filter(|&kind| kind != room.kind);
        for kind in std::iter::once(room.kind).chain(others) {
            let (from, Some(usual)) = (walk.start(), kinds.get(kind)) else { continue };
            if !read_kind(block, usual, &mut room.scan, &mut budget, walk) {
                return false;
            }
            if walk.start() > from {
                room.kind = kind;
                break;
            }
        }
        let rest = block.get(walk.start()..).unwrap_or_default();
        let Some(newline) = memchr::memchr(b'\n', rest) else { return true };
        if !walk.read_slowly(walk.start() + newline + 1) {
            return false;
        }
    }
    true
}

/// Reads lines up to the first that is of another kind, or has no end, or as long as it pays. Whether there was room for them.
fn read_kind<U: Usual>(block: &[u8], usual: &U, scan: &mut Scan, budget: &mut Budget, walk: &mut impl Walk<U>) -> bool {
    let width = usual.pattern().wanted();
    // Usual lines since the last odd one.
    let mut run = 0;
    scan.go_to(walk.start() as u32);
    loop {
        let stop = scan.read(usual.pattern(), block);
        let mut places = scan.places(usual.pattern());
        while places.len() > width {
            let rows = walk.read_usual(usual, places);
            places = &places[rows * width..];
            run += rows;
            // Only its values are odd.
            if places.len() > width {
                if !walk.read_slowly(places[width] as usize + 1) {
                    return false;
                }
                places = &places[width..];
                budget.count(std::mem::take(&mut run));
            }
        }
        if stop != Stop::Full || budget.is_spent() {
            budget.count(run);
            return true;
        }
    }
}
