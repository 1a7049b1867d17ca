//! The tables of words, as [`crate::catalog`] hands them to the language.

mod aggregates;
mod stages;

pub use self::{aggregates::AGGREGATES, stages::STAGES};
