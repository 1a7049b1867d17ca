//! `--merge`: several inputs, by the times of their records.
//!
//! ```text
//! a  02:10:01 02:10:04 02:10:05 …  ┐
//! b  02:10:02 02:10:03 02:10:09 …  ┴► a 01 · b 02 03 · a 04 05 · b 09 …
//! ```
//!
//! Of each input one block is held, and what comes next is the record of the input whose next one is the oldest; of two of one time, that of the
//! input that was named first. Records that follow each other in one input make one block. An input that is not in order is not sorted: a
//! record comes when all before it in its input have come. What has no time, a reject mostly, goes with the record before it.

use std::sync::Arc;

use recpipe::record::Schema;

use crate::format::source::{LongPiece, Misfit, PlannedBlock, Pulled, Source, Unparsed};
use crate::format::{Format, Plan, Unit, Wanted};
use crate::input::block::{Block, Part};
use crate::input::boundary::Boundary;
use crate::input::clock::Hand;
use crate::input::event::Event;
use crate::input::window::Window;
use crate::input::{Blocks, Inputs};

/// All inputs together hold so much.
pub(super) const HELD_BYTES: usize = 128 << 20;

/// A block of any of them is no smaller.
const LEAST_BLOCK_BYTES: usize = 16 << 10;

/// The blocks of several inputs, merged.
pub(crate) struct MergeSource<'a> {
    lanes: Vec<Lane<'a>>,
    format: Box<dyn Format>,
    boundary: Arc<dyn Boundary>,
    window: Window,
    /// Whether the window is asked for, or only its clock.
    is_windowed: bool,
    learns: bool,
}

/// One input.
struct Lane<'a> {
    blocks: Blocks<'a>,
    plan: Option<Arc<dyn Plan>>,
    /// What is held of it.
    held: Option<Held>,
    ended: bool,
    /// The time of the record that came last.
    last: i64,
}

/// A block, from the record on that comes next.
pub(super) struct Held {
    block: Block,
    hand: Hand,
    /// The first record that was not given out, its end, and its time.
    at: usize,
    end: usize,
    nanos: i64,
}

impl<'a> MergeSource<'a> {
    /// Merges these inputs, which are read as this format, by its clock.
    pub(crate) fn new(inputs: Inputs, format: Box<dyn Format>, window: Window, is_windowed: bool) -> Self {
        let boundary = format.boundary();
        let one_by_one = inputs.one_by_one();
        let block_bytes = (HELD_BYTES / one_by_one.len().max(1)).max(LEAST_BLOCK_BYTES);
        let lane = |inputs: Inputs| {
            let blocks =
                Blocks::new(inputs.in_blocks_of_at_most(block_bytes), boundary.clone()).within(is_windowed.then(|| window.clone()));
            Lane { blocks, plan: None, held: None, ended: false, last: i64::MIN }
        };
        let lanes = one_by_one.into_iter().map(lane).collect();
        MergeSource { lanes, learns: format.learns(), format, boundary, window, is_windowed }
    }

    /// So many bytes of other inputs were left out of the window.
    #[must_use]
    pub(crate) fn having_left_out(mut self, bytes: u64) -> Self {
        if let Some(first) = self.lanes.first_mut() {
            first.blocks.leave_out(bytes);
        }
        self
    }

    /// What the lane gives that is no block of whole records, or `None` where one is held now or it has ended.
    fn fill(&mut self, nth: usize) -> Option<Pulled> {
        let lane = &mut self.lanes[nth];
        while lane.held.is_none() && !lane.ended {
            let Some(event) = lane.blocks.next() else {
                lane.ended = true;
                return None;
            };
            let pulled = event.try_map(|block| {
                if block.part != Part::Whole {
                    return Ok(Some(Unparsed::Long(LongPiece::new(block, &*self.boundary))));
                }
                if block.is_first || lane.plan.is_none() {
                    lane.plan = Some(self.format.plan(&block).map_err(Misfit)?);
                }
                let hand = self.window.hand(&block.source);
                lane.held = Some(Held::new(block, hand, lane.last, &*self.boundary));
                Ok(None)
            });
            match pulled {
                Ok(Event::Block(None)) => {}
                Ok(Event::Block(Some(long))) => return Some(Ok(Event::Block(long))),
                Ok(Event::Problem(problem)) => return Some(Ok(Event::Problem(problem))),
                Ok(Event::Notice { text, cost }) => return Some(Ok(Event::Notice { text, cost })),
                // Of what is read once, nobody asks how far it was.
                Ok(Event::Pulse | Event::Mark(_)) => {}
                Err(misfit) => return Some(Err(misfit)),
            }
        }
        None
    }

    /// The input whose next record is the oldest, and the time that the next of the others has.
    fn oldest(&self) -> Option<(usize, Option<(i64, usize)>)> {
        let mut next: Vec<(i64, usize)> =
            self.lanes.iter().enumerate().filter_map(|(nth, lane)| Some((lane.held.as_ref()?.nanos, nth))).collect();
        let (place, &(_, nth)) = next.iter().enumerate().min_by_key(|(_, next)| **next)?;
        next.swap_remove(place);
        Some((nth, next.into_iter().min()))
    }
}

impl Held {
    /// A block, at its first record; one without a time has that of `last`.
    pub(super) fn new(block: Block, hand: Hand, last: i64, boundary: &dyn Boundary) -> Self {
        let mut held = Held { block, hand, at: 0, end: 0, nanos: last };
        held.advance(boundary);
        held
    }

    /// The time of the record that comes next.
    pub(super) fn nanos(&self) -> i64 {
        self.nanos
    }

    /// The time of the last record of the rest.
    pub(super) fn newest(&self, boundary: &dyn Boundary) -> i64 {
        let (mut at, mut nanos, mut hand) = (self.end, self.nanos, self.hand.clone());
        while at < self.block.bytes.len() {
            let rest = &self.block.bytes[at..];
            nanos = hand.when(rest).unwrap_or(nanos);
            at += boundary.end_in_block(rest).max(1);
        }
        nanos
    }

    /// Goes to the record that begins at the end of the current one. False where the block ends.
    fn advance(&mut self, boundary: &dyn Boundary) -> bool {
        self.at = self.end;
        let rest = &self.block.bytes[self.at..];
        if rest.is_empty() {
            return false;
        }
        self.end = self.at + boundary.end_in_block(rest).clamp(1, rest.len());
        self.nanos = self.hand.when(rest).unwrap_or(self.nanos);
        true
    }

    /// Takes the records out that come before one of another input, `other`; this one's is `nth`. Whether there are more.
    pub(super) fn take(&mut self, nth: usize, other: Option<(i64, usize)>, boundary: &dyn Boundary) -> (Block, bool) {
        let from = self.at;
        let has_more = loop {
            if !self.advance(boundary) {
                break false;
            }
            if other.is_some_and(|other| (self.nanos, nth) > other) {
                break true;
            }
        };
        let mut block = self.block.clone();
        block.bytes = self.block.bytes.slice(from..self.at);
        block.start = self.block.start + from as u64;
        block.end = self.block.start + self.at as u64;
        if from > 0 {
            (block.is_first, block.mark_lines) = (false, Some(0));
        }
        (block, has_more)
    }
}

impl Source for MergeSource<'_> {
    fn unit(&self) -> Unit {
        self.format.unit()
    }

    fn schema(&self) -> Arc<Schema> {
        self.format.schema()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        self.format.known_fields()
    }

    fn give_up(&mut self, input: &Arc<str>) {
        for lane in &mut self.lanes {
            lane.blocks.give_up(input);
            lane.held = lane.held.take().filter(|held| !Arc::ptr_eq(&held.block.source, input));
        }
    }

    fn remark(&self) -> Option<String> {
        self.format.remark()
    }

    fn window(&self) -> Option<&Window> {
        self.is_windowed.then_some(&self.window)
    }

    fn merges(&self) -> bool {
        true
    }

    fn next(&mut self, wanted: &Wanted) -> Option<Pulled> {
        if std::mem::take(&mut self.learns) {
            for lane in &mut self.lanes {
                if let Err(misfit) = lane.blocks.samples(&mut |sample| self.format.sample(sample)) {
                    return Some(Err(Misfit(misfit)));
                }
            }
        }
        for nth in 0..self.lanes.len() {
            if let Some(pulled) = self.fill(nth) {
                return Some(pulled);
            }
        }
        let (nth, other) = self.oldest()?;
        let lane = &mut self.lanes[nth];
        let (block, has_more) = lane.held.as_mut()?.take(nth, other, &*self.boundary);
        lane.last = lane.held.as_ref().map_or(lane.last, |held| held.nanos);
        if !has_more {
            lane.held = None;
        }
        let plan = lane.plan.clone()?;
        let boundary = self.boundary.of(block.dialect).unwrap_or_else(|| self.boundary.clone());
        Some(Ok(Event::Block(Unparsed::Block(PlannedBlock::new(block, plan, boundary, wanted.clone())))))
    }
}
