//! The generator at the head of a run that follows files.
//!
//! Blocks of several files come as they may, so each file has its plan: of the block it begins with, or, where the following
//! began in the middle of it, of its head, which is looked at but not sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use recpipe::record::Schema;

use super::merge_follow::{Merging, Now, source_of};
use crate::format::source::{LongPiece, Misfit, PlannedBlock, Pulled, Source, Unparsed};
use crate::format::{Format, Plan, Unit, Wanted};
use crate::input::block::{Block, Part};
use crate::input::boundary::Boundary;
use crate::input::event::Event;
use crate::input::follow::Follow;
use crate::input::window::Window;

/// The blocks of followed files, in a format that has blocks.
pub(crate) struct FollowSource {
    follow: Follow,
    format: Box<dyn Format>,
    boundary: Arc<dyn Boundary>,
    plans: HashMap<Arc<str>, Arc<dyn Plan>>,
    window: Option<Window>,
    merging: Option<Merging>,
    /// Nothing comes any more.
    is_over: bool,
}

impl FollowSource {
    /// Reads what is followed as this format, whose boundary it was cut at.
    pub(crate) fn new(follow: Follow, format: Box<dyn Format>) -> Self {
        FollowSource { follow, boundary: format.boundary(), format, plans: HashMap::new(), window: None, merging: None, is_over: false }
    }

    /// Gives only what is in this window.
    pub(crate) fn within(self, window: Option<Window>) -> Self {
        FollowSource { window, ..self }
    }

    /// Gives the records of all files by their times, each no later than `wait` after it came.
    pub(crate) fn merged(self, window: Window, wait: Duration) -> Self {
        FollowSource { merging: Some(Merging::new(window, wait)), ..self }
    }

    /// What comes next of the files.
    fn followed(&mut self, wanted: &Wanted) -> Option<Pulled> {
        let pulled = self.follow.next()?.try_map(|block| match block.part {
            Part::Whole => self.planned(block, wanted).map(Unparsed::Block).map_err(Misfit),
            Part::LongStart | Part::LongRest => Ok(Unparsed::Long(LongPiece::new(block, &*self.boundary))),
        });
        Some(pulled)
    }

    /// What comes next of what is held, which others are added to as they come.
    fn next_merged(&mut self, mut merging: Merging, wanted: &Wanted) -> (Merging, Option<Pulled>) {
        loop {
            let ranks: Vec<u32> = self.follow.sources().map(|(rank, _)| rank).collect();
            ranks.iter().for_each(|rank| merging.wait_for(*rank));
            merging.keep(&ranks);
            if let Some(what) = merging.overflow() {
                return (merging, Some(Ok(Event::notice(what))));
            }
            let now = match (self.is_over, self.follow.begins()) {
                (true, _) => Now::Over,
                (false, true) => Now::Beginning,
                (false, false) => Now::Following,
            };
            if let Some(next) = merging.take(now, wanted, &*self.boundary) {
                return (merging, Some(Ok(Event::Block(next))));
            }
            if self.is_over {
                return (merging, None);
            }
            self.follow.wake_at(merging.until());
            match self.followed(wanted) {
                None => self.is_over = true,
                Some(Ok(Event::Block(unparsed))) => {
                    let rank = source_of(&unparsed).and_then(|source| self.follow.sources().find(|(_, known)| *known == source));
                    let rank = rank.map_or(u32::MAX, |(rank, _)| rank);
                    if let Some(other) = merging.hold(rank, unparsed, &*self.boundary) {
                        return (merging, Some(Ok(Event::Block(other))));
                    }
                }
                // A pulse only says that time has passed.
                Some(Ok(Event::Pulse)) if merging.until().is_some() => {}
                Some(other) => return (merging, Some(other)),
            }
        }
    }

    fn planned(&mut self, block: Block, wanted: &Wanted) -> Result<PlannedBlock, String> {
        let known = self.plans.get(&block.source).filter(|_| !block.is_first).cloned();
        let plan = match known {
            Some(plan) => match self.format.replan(&block)? {
                Some(new) => {
                    self.plans.insert(block.source.clone(), new.clone());
                    new
                }
                None => plan,
            },
            None => {
                let head = if block.is_first { None } else { self.follow.head(&block.source) };
                let first = head.as_ref().unwrap_or(&block);
                // What is there is the sample: nobody waits for more.
                if self.format.learns() {
                    self.format.sample(first)?;
                }
                let mut plan = self.format.plan(first)?;
                if head.is_some()
                    && let Some(new) = self.format.replan(&block)?
                {
                    plan = new;
                }
                self.plans.insert(block.source.clone(), plan.clone());
                plan
            }
        };
        let boundary = self.boundary.of(block.dialect).unwrap_or_else(|| self.boundary.clone());
        Ok(PlannedBlock::new(block, plan, boundary, wanted.clone()))
    }
}

impl Source for FollowSource {
    fn unit(&self) -> Unit {
        self.format.unit()
    }

    fn schema(&self) -> Arc<Schema> {
        self.format.schema()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        self.format.known_fields()
    }

    fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    fn next(&mut self, wanted: &Wanted) -> Option<Pulled> {
        let Some(merging) = self.merging.take() else { return self.followed(wanted) };
        let (merging, next) = self.next_merged(merging, wanted);
        self.merging = Some(merging);
        next
    }

    fn drains(&self) -> bool {
        true
    }

    fn remark(&self) -> Option<String> {
        self.format.remark()
    }
}
