//! Outputs that say what their columns are before the last record came: what comes later has no place in them.

use std::sync::Arc;

use recpipe::{Batch, Column, Error, Flow, Schema, Stage};

use crate::{
    expr::Constant,
    left_out::Why,
    plan::Target,
    writer::{Format, Notes},
};

/// The columns that a header names.
struct Header {
    schema: Arc<Schema>,
    /// Where it is noted that others came; `None` of what is shown for the time being.
    notes: Option<Notes>,
}

impl Header {
    /// Of records of this schema.
    fn new(schema: &Arc<Schema>, notes: Option<&Notes>) -> Self {
        Header { schema: schema.clone(), notes: notes.cloned() }
    }

    /// The batch with the columns that the header names. The values of others are noted.
    fn shown(&self, batch: &Batch) -> Result<Batch, Error> {
        let known = self.schema.len();
        if batch.columns().len() <= known {
            return Ok(batch.clone());
        }
        if let Some(notes) = &self.notes {
            let late = batch.schema().names().zip(batch.columns()).skip(known);
            late.for_each(|(name, column)| note(notes, name, column, batch));
        }
        batch.with_columns(self.schema.clone(), batch.columns()[..known].to_vec())
    }
}

fn note(notes: &Notes, name: &str, column: &Column, batch: &Batch) {
    let valued = || (0..batch.len()).filter(|&row| !column.is_null(batch.physical(row)));
    if let Some(first) = valued().next() {
        let shown = || Constant::of(&column.value(batch.physical(first))).to_string();
        notes.counter(name, Why::NoColumn, "").note(batch, valued().count() as u64, first, shown);
    }
}

/// This format, so that it gets no more columns than its header names.
pub(super) fn headed(format: impl Format + 'static, schema: &Arc<Schema>, notes: &Notes) -> Option<Box<dyn Format>> {
    if !schema.grows() {
        return Some(Box::new(format));
    }
    Some(Box::new(HeadedFormat { header: Header::new(schema, Some(notes)), format: Box::new(format) }))
}

/// A format with a header.
struct HeadedFormat {
    header: Header,
    format: Box<dyn Format>,
}

impl Format for HeadedFormat {
    fn header(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.format.header(out)
    }

    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        self.format.batch(&self.header.shown(batch)?, out)
    }

    fn footer(&self, out: &mut Vec<u8>) {
        self.format.footer(out);
    }
}

/// This picture, so that it gets no more columns than it names. Without `notes` it is for the time being.
pub(super) fn headed_picture(stage: impl Stage + 'static, schema: &Arc<Schema>, notes: Option<&Notes>) -> Target {
    Box::new(HeadedStage { header: Header::new(schema, notes), stage: Box::new(stage) })
}

/// A picture, which names its columns above all else.
struct HeadedStage {
    header: Header,
    stage: Box<dyn Stage>,
}

impl Stage for HeadedStage {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.stage.send(self.header.shown(&batch)?)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.stage.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.stage.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.stage)
    }
}
