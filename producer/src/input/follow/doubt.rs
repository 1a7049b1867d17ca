//! What is known of a file that may hold what was read already.

use std::fs::File;
use std::time::{Instant, SystemTime};

/// A file that may hold what was read already under another name: it is not read before that is known.
#[derive(Debug, Clone, Copy)]
pub struct Doubt {
    /// When it came.
    pub since: Instant,
    /// How long it was when it was last looked at.
    pub len: u64,
    /// Since when it has been so long.
    pub changed: Instant,
    /// When the file was made, as the file system tells; `None` where it does not, and for a file that was emptied.
    pub made: Option<SystemTime>,
}

impl Doubt {
    /// A file that has just come.
    pub fn of(file: &File) -> Self {
        Doubt { made: file.metadata().and_then(|meta| meta.created()).ok(), ..Doubt::of_emptied() }
    }

    /// A file that was just found to be emptied: when it was made tells nothing of what it holds now.
    pub(crate) fn of_emptied() -> Self {
        let now = Instant::now();
        Doubt { since: now, len: 0, changed: now, made: None }
    }
}
