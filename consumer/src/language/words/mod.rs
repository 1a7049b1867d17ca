//! The tables of words, as [`crate::catalog`] hands them to the language.

mod stages;

pub use self::stages::STAGES;
