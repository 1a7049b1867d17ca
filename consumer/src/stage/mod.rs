//! The stages of a query: one per file, which is all of it.
//!
//! A file has the word with its help (its row in [`crate::catalog`]), its syntax and its check, its answers about itself
//! ([`Operator`](crate::plan::Operator)), and how it runs: a [`recpipe::Stage`] that owns its target.
//!
//! A stage that needs all the records (`distinct`, `top`, `stats`, `sort`) has two halves: one in each worker, which sends on as
//! little as it can, and one that runs once on what all workers send.

mod around;
mod best_per;
mod beyond;
pub mod colour;
pub mod compare;
pub mod describe;
pub mod distinct;
pub mod dns;
pub mod drop;
mod every;
pub mod expect;
pub(crate) mod facets;
pub mod fill;
mod fill_previous;
mod frequencies;
mod gather;
pub mod grep;
mod grouping;
pub mod head;
mod head_per;
pub mod join;
pub(crate) mod let_;
mod let_per;
pub mod lookup;
mod opened;
pub mod parse;
mod parse_open;
mod parse_template;
mod partner;
pub mod patterns;
mod picked;
pub mod pipe;
pub mod pivot;
pub mod rename;
pub mod report;
pub mod resolver;
pub mod sample;
mod second;
pub mod select;
pub mod session;
pub mod skip;
pub mod slack;
pub mod sort;
pub mod stats;
pub mod tail;
mod tail_per;
pub mod tee;
pub mod top;
mod top_per;
pub mod trace;
pub mod union;
pub mod unpivot;
pub(crate) mod unroll;
pub(crate) mod where_;
pub(crate) mod window;

/// `flush` for a stage that buffers no output: passes it on to its target, as everything that is not for it.
macro_rules! relay_flush {
    () => {
        fn target(&mut self) -> Option<&mut dyn recpipe::Stage> {
            Some(&mut self.target)
        }

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
