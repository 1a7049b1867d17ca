//! `trace ["LABEL"]`: shows each record on stderr, as JSON after the label, and passes it on.
//!
//! Runs:   once.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: none of its own; a closed stderr is nobody who reads.

use std::sync::Arc;

use recpipe::{Batch, Error, Flow, Schema, Stage, say};

use super::{Target, relay};
use crate::{
    output::format,
    plan::Output,
    writer::{Format, Notes},
};

/// Lines are said together until they are so long: one write each would be slow, one of all would wait for its end.
const PIECE_BYTES: usize = 16 << 10;

/// See the module.
pub struct Trace {
    label: String,
    format: Option<Box<dyn Format>>,
    target: Target,
}

impl Trace {
    /// Shows records of this schema.
    pub fn new(label: String, schema: &Arc<Schema>, target: Target) -> Self {
        Trace { label, format: format(&Output::Json, schema, &Notes::default()), target }
    }

    fn show(&self, batch: &Batch) -> Result<(), Error> {
        let (mut lines, mut piece) = (Vec::new(), String::new());
        if let Some(format) = &self.format {
            format.batch(batch, &mut lines)?;
        }
        for line in String::from_utf8_lossy(&lines).lines() {
            if piece.len() >= PIECE_BYTES {
                say!("{}", piece.trim_end());
                piece.clear();
            }
            piece.extend([&self.label, ": ", line, "\n"]);
        }
        if !piece.is_empty() {
            say!("{}", piece.trim_end());
        }
        Ok(())
    }
}

impl Stage for Trace {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.show(&batch)?;
        self.target.send(batch)
    }

    relay!();
}
