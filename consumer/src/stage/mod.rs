//! The stages of a query: one per file, each a [`recpipe::Stage`] that owns its target.
//!
//! A stage that needs all the records (`distinct`, `top`, `stats`, `sort`) has two halves: one in each worker, which sends on as
//! little as it can, and one that runs once on what all workers send. [`crate::split`] puts them together.

mod assign;
mod beyond;
mod deliver;
mod distinct;
mod dns;
mod filter;
mod gather;
mod head;
mod parse;
mod select;
mod skip;
mod tail;
mod top;
mod trace;

pub use assign::Assign;
pub use deliver::{Deliver, Delivered, Piece};
pub use distinct::{Distinct, DistinctCandidates};
pub use dns::Dns;
pub use filter::Filter;
pub use gather::{Gather, GatherPart};
pub use head::Head;
pub use parse::Parse;
pub use select::Select;
pub use skip::Skip;
pub use tail::Tail;
pub use top::{Top, TopCandidates};
pub use trace::Trace;

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
