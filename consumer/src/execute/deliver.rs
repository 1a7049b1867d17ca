//! The end of a worker's chain: what is to go on to the part that runs once.

use std::{cell::RefCell, rc::Rc};

use recpipe::{Batch, Error, Flow, Stage};

use crate::{plan::partial::SharedPartial, writer::Format};

/// What a worker makes of its input.
pub enum Piece {
    /// Records for the next stage.
    Batch(Batch),
    /// Lines ready to be printed, and how many records they are.
    Lines(Vec<u8>, u64),
}

/// Where a worker's pieces wait until it is done with its input.
pub(crate) type Delivered = Rc<RefCell<Vec<Piece>>>;

/// Collects what it gets; with a format, as lines: formatting is the worker's part where the query has no other.
pub(crate) struct Deliver {
    format: Option<Box<dyn Format>>,
    to: Delivered,
}

impl Deliver {
    /// Puts pieces into `to`.
    pub(super) fn new(format: Option<Box<dyn Format>>, to: Delivered) -> Self {
        Deliver { format, to }
    }
}

impl Stage for Deliver {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let piece = match &self.format {
            None => Piece::Batch(batch),
            Some(format) => {
                let mut lines = Vec::new();
                format.batch(&batch, &mut lines)?;
                Piece::Lines(lines, batch.len() as u64)
            }
        };
        self.to.borrow_mut().push(piece);
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}

/// The end of a worker's chain where the stage at the cut gathers: leaves behind what it has gathered.
pub(crate) struct GatherPart(SharedPartial);

impl GatherPart {
    /// Adds to `partial`.
    pub(super) fn new(partial: SharedPartial) -> Self {
        GatherPart(partial)
    }
}

impl Stage for GatherPart {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.0.add(&batch).map(|()| Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        None
    }
}
