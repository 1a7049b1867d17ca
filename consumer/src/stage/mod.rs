//! The stages of a query: one per file, each a [`recpipe::Stage`] that owns its target.
//!
//! A stage that needs all the records (`distinct`, `top`, `stats`) has two halves: one in each worker, which sends on as
//! little as it can, and one that runs once on what all workers send. [`crate::split`] puts them together.

mod assign;
mod deliver;
mod distinct;
mod filter;
mod head;
mod select;
mod stats;
mod top;

pub use assign::Assign;
pub use deliver::{Deliver, Delivered, Piece};
pub use distinct::{Distinct, DistinctCandidates};
pub use filter::Filter;
pub use head::Head;
pub use select::Select;
pub use stats::{SharedTable, Stats, Tabulate};
pub use top::{Top, TopCandidates};

/// The stage after this one.
pub type Target = Box<dyn recpipe::Stage>;

/// `flush` for a stage that buffers no output: passes it on.
macro_rules! relay_flush {
    () => {
        fn flush(&mut self) -> Result<(), recpipe::Error> {
            self.target.flush()
        }
    };
}

/// `flush` and `close` for a stage that holds nothing back: passes both on.
macro_rules! relay {
    () => {
        $crate::stage::relay_flush!();

        fn close(&mut self) -> Result<(), recpipe::Error> {
            self.target.close()
        }
    };
}

use {relay, relay_flush};
