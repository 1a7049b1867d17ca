//! How far a followed file was given out.

use std::sync::Arc;

use super::FileId;
use super::print::Print;

/// How much of a file was given out, and how it is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Which file.
    pub file: FileId,
    /// What it was called.
    pub source: Arc<str>,
    /// Its beginning, the place, and what stands before that.
    pub print: Print,
}
