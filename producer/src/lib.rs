//! From bytes to records: the producer as a library.
//!
//! ```text
//! cli ──► config ──► input: find ► open ► block ──► format: plan ► parser ──► run: in order ► frames
//! (typed)  (meant)   PATHs to blocks of records     blocks to batches         judge, ledger
//! ```
//!
//! `input` knows no format, `format` does no I/O, and only [`run`] knows both. A new format is one file in
//! [`format`](mod@format) and its row in [`format::FORMATS`].

#![deny(unsafe_code)]

pub mod cli;
pub mod config;
pub mod dry_run;
pub mod format;
pub mod help;
pub mod input;
mod ledger;
pub mod output;
mod pipeline;
pub mod progress;
pub mod refusal;
mod replay;
pub mod run;
mod simd;

pub use pipeline::produce;
