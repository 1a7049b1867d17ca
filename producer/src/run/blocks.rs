//! The blocks of files that are read once, each with the plan of its input.

use std::sync::Arc;

use recpipe::record::Schema;

use crate::format::source::{LongPiece, Misfit, PlannedBlock, Pulled, Source, Unparsed};
use crate::format::{Format, Plan, Unit, Wanted};
use crate::input::ahead::Threads;
use crate::input::block::{Block, Part};
use crate::input::boundary::Boundary;
use crate::input::window::Window;
use crate::input::{Blocks, Inputs};

/// The blocks of a format that has blocks.
pub struct BlockSource<'a> {
    blocks: Blocks<'a>,
    format: Box<dyn Format>,
    boundary: Arc<dyn Boundary>,
    plan: Option<Arc<dyn Plan>>,
    /// Samples are to be shown to the format first.
    learns: bool,
    window: Option<Window>,
}

impl<'a> BlockSource<'a> {
    /// Reads the inputs as this format; with `threads`, compressed ones are decompressed there.
    pub fn new(inputs: Inputs, format: Box<dyn Format>, threads: Option<Threads<'a>>) -> Self {
        let boundary = format.boundary();
        let mut blocks = Blocks::new(inputs, boundary.clone());
        if let Some(threads) = threads {
            blocks = blocks.ahead(threads);
        }
        BlockSource { blocks, learns: format.learns(), format, boundary, plan: None, window: None }
    }

    /// Gives only what is in this window, and skips what can be skipped for it.
    #[must_use]
    pub fn within(self, window: Option<Window>) -> Self {
        BlockSource { blocks: self.blocks.within(window.clone()), window, ..self }
    }

    /// So many bytes of other inputs were left out of the window.
    #[must_use]
    pub(crate) fn having_left_out(mut self, bytes: u64) -> Self {
        self.blocks.leave_out(bytes);
        self
    }

    /// The first block of whole records of every input is shown to the format.
    fn planned(&mut self, block: Block, wanted: &Wanted) -> Result<PlannedBlock, String> {
        let plan = match &mut self.plan {
            Some(plan) => {
                if let Some(new) = self.format.replan(&block)? {
                    *plan = new;
                }
                plan.clone()
            }
            None => self.plan.insert(self.format.plan(&block)?).clone(),
        };
        let boundary = self.boundary.of(block.dialect).unwrap_or_else(|| self.boundary.clone());
        Ok(PlannedBlock::new(block, plan, boundary, wanted.clone()))
    }
}

impl Source for BlockSource<'_> {
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
        self.blocks.give_up(input);
    }

    fn remark(&self) -> Option<String> {
        self.format.remark()
    }

    fn window(&self) -> Option<&Window> {
        self.window.as_ref()
    }

    fn next(&mut self, wanted: &Wanted) -> Option<Pulled> {
        if std::mem::take(&mut self.learns)
            && let Err(misfit) = self.blocks.samples(&mut |sample| self.format.sample(sample))
        {
            return Some(Err(Misfit(misfit)));
        }
        let pulled = self.blocks.next()?.try_map(|block| {
            if block.is_first {
                self.plan = None;
            }
            match block.part {
                Part::Whole => self.planned(block, wanted).map(Unparsed::Block).map_err(Misfit),
                Part::LongStart | Part::LongRest => Ok(Unparsed::Long(LongPiece::new(block, &*self.boundary))),
            }
        });
        Some(pulled)
    }
}
