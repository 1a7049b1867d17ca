//! The blocks of one input after the other: what is wrong between them, and that nothing is taken of an input that has failed.

use std::sync::Arc;

use super::source::Long;
use super::work::Take;
use crate::format::seam::{Failure, Nesting};
use crate::input::shown_name;
use crate::output::Packing;

/// Follows the blocks in their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    nesting: Nesting,
    /// The input whose blocks come now, and the place after the last of them.
    input: Option<(Arc<str>, u64)>,
    /// Where the record begins that is too long and has had no end yet, though it must have one.
    torn: Option<u64>,
    /// It failed: the rest of it does not count.
    failed: bool,
}

impl Order {
    /// Whether a block comes after what ended the reading of its input.
    pub(super) fn is_void(&self, source: &Arc<str>) -> bool {
        self.failed && self.input.as_ref().is_some_and(|(input, _)| Arc::ptr_eq(input, source))
    }

    /// Whether another input begins with a block of this one.
    pub(super) fn is_other(&self, source: &Arc<str>) -> bool {
        self.input.as_ref().is_none_or(|(input, _)| !Arc::ptr_eq(input, source))
    }

    /// The next block; if it does not fit, it is cut down to the records before that. Why the reading of its input ends with it.
    pub(super) fn follow(&mut self, take: &mut Take, packing: &Packing) -> Option<Failure> {
        self.input = Some((take.block.source.clone(), take.block.end));
        self.torn = None;
        let misfit = take.seam.take().and_then(|seam| self.nesting.follow(seam).err());
        if let Some(failure) = &misfit {
            let parsed = &mut take.parsed;
            parsed.rejects.retain(|reject| (reject.start as usize) < failure.at);
            // Records that were found bad after they were parsed are not in the batch any more.
            parsed.batch = parsed.batch.head((failure.records_before as usize).saturating_sub(parsed.rejects.len()));
            take.frames = packing.parcels(&parsed.batch, &[]);
        }
        let failure = misfit.or(take.failure.take());
        self.failed = failure.is_some();
        failure
    }

    /// The next piece of a record that is too long.
    pub(super) fn follow_long(&mut self, long: &Long) {
        self.input = Some((long.block.source.clone(), long.block.end));
        self.torn = long.is_torn.then(|| self.torn.unwrap_or(long.block.start));
        self.failed = false;
    }

    /// The input ends, or reading it has `failed`: what is wrong with it, if that is not known already.
    pub(super) fn end(&mut self, failed: bool) -> Option<String> {
        let (nesting, torn) = (std::mem::take(&mut self.nesting), self.torn.take());
        let (source, at) = self.input.take()?;
        if failed || std::mem::take(&mut self.failed) {
            return None;
        }
        let (at, what) = match torn {
            Some(start) => (start, "the document ends within the record that begins here".to_owned()),
            None => (at, nesting.at_end()?),
        };
        Some(format!("{}: byte {at}: {what}", shown_name(&source)))
    }

    /// Whether a message is about the input whose blocks come now.
    pub(super) fn is_about(&self, message: &str) -> bool {
        self.input.as_ref().is_some_and(|(source, _)| message.strip_prefix(shown_name(source)).is_some_and(|rest| rest.starts_with(':')))
    }
}
