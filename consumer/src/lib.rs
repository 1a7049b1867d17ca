//! From typed records to answers: the query language, its stages, and what runs them.
//!
//! How a query becomes an answer: [`language`] parses it, in the words of the [`catalog`], and checks it against the stream's schema;
//! what comes of it is a [`plan`]; [`execute`] cuts it into a part for each worker and a part that runs once, reads frames and drives
//! both; [`stage`]s, [`aggregate`]s and [`expr`]essions do the work, within their share of the [`memory`]; [`output`]s write it.

#![forbid(unsafe_code)]
#![warn(unreachable_pub, clippy::missing_errors_doc, clippy::missing_panics_doc)]

pub mod aggregate;
pub mod catalog;
pub mod cli;
pub mod completion;
pub mod config;
pub mod execute;
pub mod explain;
pub mod expr;
mod files;
mod function;
mod given;
pub mod help;
pub mod hosts;
pub mod input;
pub mod join;
pub mod language;
mod late;
pub mod left_out;
mod mask;
pub mod memory;
#[cfg(test)]
mod oracle;
pub mod output;
mod picture;
pub mod plan;
pub mod program;
pub mod query;
pub mod senders;
mod serve;
pub mod size;
pub mod sort;
pub mod span;
pub mod stage;
pub mod subprocess;
pub mod time;
mod unmet;
pub mod writer;

pub use query::{Answer, PartialAnswer, Query};
