//! The tables of words, as [`crate::catalog`] hands them to the language.

mod aggregates;
mod functions;
mod stages;

pub use self::{aggregates::AGGREGATES, functions::FUNCTIONS, stages::STAGES};
