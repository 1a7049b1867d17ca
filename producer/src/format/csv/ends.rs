//! Rows that end with a delimiter too many: `1,2,` where there are two names.
//!
//! Programs that write a delimiter after each field write all their rows so, and nothing is lost by reading them without it. Which rows are
//! read so must not depend on the others: an input that is cut in two would have other records. But where only some rows end so, a
//! delimiter may be missing its quotes (`Smith, John,`), so that is said.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::input::block::Block;
use crate::input::shown_name;

/// How many rows of a run end with a delimiter too many.
#[derive(Debug, Default)]
pub(super) struct Ends {
    rows: AtomicU64,
    trailing: AtomicU64,
    /// The name of the input and the place of one of them: the first of its input.
    first: Mutex<Option<(Arc<str>, u64)>>,
}

impl Ends {
    /// A block had so many records, of which so many end so, the first of them at this place of it.
    pub(super) fn count(&self, block: &Block, rows: u64, trailing: u64, first: usize) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        if trailing == 0 {
            return;
        }
        self.trailing.fetch_add(trailing, Ordering::Relaxed);
        let place = block.start + first as u64;
        let mut known = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|(source, first)| **source == *block.source && place < *first) {
            *known = Some((block.source.clone(), place));
        }
    }

    /// What is to be said at the end, where not all rows end alike.
    pub(super) fn remark(&self) -> Option<String> {
        let (rows, trailing) = (self.rows.load(Ordering::Relaxed), self.trailing.load(Ordering::Relaxed));
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (source, place) = first.filter(|_| trailing < rows)?;
        let end = if trailing == 1 { "ends" } else { "end" };
        Some(format!(
            "{trailing} of {rows} rows {end} with a delimiter too many, which was left out (the first at byte {place} of {}); \
             if it parts what belongs together, the field needs quotes",
            shown_name(&source)
        ))
    }
}
