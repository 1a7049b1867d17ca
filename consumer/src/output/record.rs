//! `record`: a field a line, a blank line between two records: what is too wide for a table.
//!
//! ```text
//! host     10.0.0.1
//! request  /index.html
//!
//! host     10.0.0.2
//! request  /robots.txt
//! ```

use super::table::TableSink;
use crate::{
    language::{Parsed, Parser, StageWord, parsed},
    plan::{About, Runs},
};

/// `record`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "record",
        syntax: "record",
        doc: "a field a line, a blank line between two records",
        example: "record",
        runs: Runs::Once,
        memory: "O(rows shown)",
        output: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(_: &mut Parser<'_>) -> Parsed {
    Ok(parsed(TableSink { word: &WORD, as_records: true }))
}
