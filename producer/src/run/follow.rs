//! The generator at the head of a run that follows files.
//!
//! Blocks of several files come as they may, so each file has its plan: of the block it begins with, or, where the following
//! began in the middle of it, of its head, which is looked at but not sent.

use std::collections::HashMap;
use std::sync::Arc;

use recpipe::record::Schema;

use crate::format::source::{LongPiece, Misfit, PlannedBlock, Pulled, Source, Unparsed};
use crate::format::{Format, Plan, Unit, Wanted};
use crate::input::block::{Block, Part};
use crate::input::boundary::Boundary;
use crate::input::follow::Follow;
use crate::input::window::Window;

/// The blocks of followed files, in a format that has blocks.
pub(crate) struct FollowSource {
    follow: Follow,
    format: Box<dyn Format>,
    boundary: Arc<dyn Boundary>,
    plans: HashMap<Arc<str>, Arc<dyn Plan>>,
    window: Option<Window>,
}

impl FollowSource {
    /// Reads what is followed as this format, whose boundary it was cut at.
    pub(crate) fn new(follow: Follow, format: Box<dyn Format>) -> Self {
        FollowSource { follow, boundary: format.boundary(), format, plans: HashMap::new(), window: None }
    }

    /// Gives only what is in this window.
    pub(crate) fn within(self, window: Option<Window>) -> Self {
        FollowSource { window, ..self }
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
        let pulled = self.follow.next()?.try_map(|block| match block.part {
            Part::Whole => self.planned(block, wanted).map(Unparsed::Block).map_err(Misfit),
            Part::LongStart | Part::LongRest => Ok(Unparsed::Long(LongPiece::new(block, &*self.boundary))),
        });
        Some(pulled)
    }

    fn drains(&self) -> bool {
        true
    }

    fn remark(&self) -> Option<String> {
        self.format.remark()
    }
}
