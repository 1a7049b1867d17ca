//! What every output stands on: how values become bytes, and where bytes go.
//!
//! A [`Format`] turns batches into bytes and holds no state, so that workers can do it in parallel; a [`Printer`] puts
//! the bytes on standard output or into a file, in order; a [`Canvas`] is a part of the screen that is drawn again and again.
//! [`Notes`] are taken of values that cannot be written as they are.

mod canvas;
pub mod cell;
mod compression;
mod desk;
pub mod json;
mod lingering;
mod look;
mod notes;
mod printer;
mod region;
mod replaced;
mod rule;

use recpipe::{Batch, Error};

pub use canvas::Canvas;
pub use compression::Compression;
pub use desk::{AwaitReader, Calling, Desk, Discard, OpenStream, Stopper, Stream};
pub use lingering::Lingering;
pub use look::{Color, Look, Tint};
pub use notes::Notes;
pub use printer::{Pen, Printer};
pub use region::Screen;
pub use replaced::Replaced;
pub use rule::Rule;

/// Turns batches into bytes.
pub trait Format: Send + Sync {
    /// What stands before the first record.
    ///
    /// # Errors
    /// [`Error::Data`] when the format has no form for it.
    fn header(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let _ = out;
        Ok(())
    }

    /// The records of a batch.
    ///
    /// # Errors
    /// As for [`Format::header`].
    fn batch(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), Error>;

    /// What stands after the last record.
    fn footer(&self, out: &mut Vec<u8>) {
        let _ = out;
    }
}
