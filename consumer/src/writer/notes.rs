//! What outputs note of values that they cannot write as they are.

use super::Replaced;
use crate::left_out::{Counter, LeftOut, Why};

/// Where an output notes what it cannot write. Clones note in the same place.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Values that are written with something in place of what is no text.
    pub replaced: Replaced,
    left_out: LeftOut,
    /// Where the output stands in the query.
    at: usize,
}

impl Notes {
    /// Values that are not written are noted there.
    pub fn new(left_out: LeftOut) -> Self {
        Notes { left_out, ..Notes::default() }
    }

    /// The notes of the output that stands at this place of the query: of two that lack the same values, each counts them.
    pub fn at(&self, at: usize) -> Self {
        Notes { at, ..self.clone() }
    }

    /// A counter of values of this field that are not written.
    pub(crate) fn counter(&self, field: &str, why: Why, cure: &str) -> Counter {
        self.left_out.counter(self.at, field, why, cure)
    }
}
