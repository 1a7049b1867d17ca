//! The tables of words, as [`crate::catalog`] hands them to the language.

mod aggregates;
mod functions;

pub use self::{aggregates::AGGREGATES, functions::FUNCTIONS};
