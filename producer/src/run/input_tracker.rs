//! Follows the inputs through their blocks: what is wrong between the blocks of an input and at its end, and that nothing is taken of an
//! input that has failed.

use std::sync::Arc;

use super::job::ParsedBlock;
use crate::format::continuity::Nesting;
use crate::format::source::{LongPiece, Problem};
use crate::input::shown_name;

/// The input whose blocks come now.
#[derive(Debug, Default)]
pub(super) struct InputTracker {
    nesting: Nesting,
    /// Its name, and the place after the last of its blocks.
    input: Option<(Arc<str>, u64)>,
    /// Where the record begins that is too long and has had no end yet, though it must have one.
    torn: Option<u64>,
    /// It failed: the rest of it does not count.
    failed: bool,
    /// Inputs that failed, where the blocks of several come in turns.
    over: Vec<Arc<str>>,
    is_merged: bool,
}

impl InputTracker {
    /// Of inputs whose blocks come in turns, if `is_merged`.
    pub(super) fn new(is_merged: bool) -> Self {
        InputTracker { is_merged, ..InputTracker::default() }
    }

    /// Whether a block comes after what ended the reading of its input.
    pub(super) fn is_void(&self, source: &Arc<str>) -> bool {
        self.over.iter().any(|over| Arc::ptr_eq(over, source))
            || self.failed && self.input.as_ref().is_some_and(|(input, _)| Arc::ptr_eq(input, source))
    }

    /// Whether another input begins with a block of this one.
    pub(super) fn is_other(&self, source: &Arc<str>) -> bool {
        self.input.as_ref().is_none_or(|(input, _)| !Arc::ptr_eq(input, source))
    }

    /// The next block. One that does not fit those before it is cut down to the records that do. Answers whether it was cut; why the
    /// reading of its input ends with it stays in the block.
    pub(super) fn follow(&mut self, block: &mut ParsedBlock) -> bool {
        self.input = Some((block.block.source.clone(), block.block.end));
        self.torn = None;
        let misfit = block.continuity.take().and_then(|continuity| self.nesting.follow(continuity).err());
        let is_cut = misfit.is_some();
        if let Some(failure) = &misfit {
            let parsed = &mut block.parsed;
            parsed.rejects.retain(|reject| (reject.start as usize) < failure.at);
            // Records that were found bad after they were parsed are not in the batch any more.
            parsed.batch = parsed.batch.head((failure.records_before as usize).saturating_sub(parsed.rejects.len()));
            block.failure = misfit;
        }
        self.failed = block.failure.is_some();
        if self.failed && self.is_merged {
            self.over.push(block.block.source.clone());
        }
        is_cut
    }

    /// The next piece of a record that is too long.
    pub(super) fn follow_long(&mut self, long: &LongPiece) {
        self.input = Some((long.block.source.clone(), long.block.end));
        self.torn = long.is_torn.then(|| self.torn.unwrap_or(long.block.start));
        self.failed = false;
    }

    /// The input ends, or reading it has `failed`: what is wrong with it, if that is not known already.
    pub(super) fn end(&mut self, failed: bool) -> Option<Failed> {
        let (nesting, torn) = (std::mem::take(&mut self.nesting), self.torn.take());
        let (input, at) = self.input.take()?;
        if failed || std::mem::take(&mut self.failed) {
            return None;
        }
        let (at, what) = match torn {
            Some(start) => (start, "the document ends within the record that begins here".to_owned()),
            None => (at, nesting.at_end()?),
        };
        Some(Failed { input, at, what })
    }

    /// Whether a problem is with the input whose blocks come now.
    pub(super) fn is_with(&self, problem: &Problem) -> bool {
        self.input.as_ref().is_some_and(|(input, _)| problem.input.as_ref() == Some(input))
    }
}

/// An input of which nothing more can be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub input: Arc<str>,
    /// The byte that it failed at.
    pub at: u64,
    pub what: String,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: byte {}: {}", shown_name(&self.input), self.at, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::testing::block;
    use crate::input::InputError;
    use crate::input::boundary::Lines;

    #[test]
    fn a_problem_is_with_the_input_that_it_names() {
        let mut tracker = InputTracker::default();
        let mut long = block(b"<a>");
        long.source = "a: b".into();
        tracker.follow_long(&LongPiece { is_torn: true, ..LongPiece::new(long, &Lines::default()) });
        let with = |name: &str, what: &str| tracker.is_with(&InputError::read(name, what.to_owned()).into());
        assert!(with("a: b", "is torn"));
        // The message begins with the name of another input, and a colon.
        assert!(!with("a", "b: is torn") && !with("a: b: c", "is torn"));
        assert_eq!(
            tracker.end(false).map(|failed| failed.to_string()).unwrap(),
            "a: b: byte 0: the document ends within the record that begins here"
        );
    }

    #[test]
    fn standard_input_has_a_name_of_its_own() {
        let mut tracker = InputTracker::default();
        let mut long = block(b"<a>");
        long.source = "-".into();
        tracker.follow_long(&LongPiece { is_torn: true, ..LongPiece::new(long, &Lines::default()) });
        assert!(tracker.is_with(&InputError::read("-", "is torn".to_owned()).into()));
        assert_eq!(
            tracker.end(false).map(|failed| failed.to_string()).unwrap(),
            "(stdin): byte 0: the document ends within the record that begins here"
        );
    }
}
