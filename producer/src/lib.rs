//! From bytes to records: the producer as a library.
//!
//! ```text
//! cli ──► config ──► input: find ► open ► block ──► format: plan ► parser ──► run: in order ► frames
//! (typed)  (meant)   PATHs to blocks of records     blocks to batches         judge, ledger
//! ```
//!
//! `input` knows no format, `format` does no I/O, and only [`run`] knows both. A new format is one file in
//! [`format`](mod@format) and its row in [`format::FORMATS`].
//!
//! For a program of one's own, [`records`] makes an iterator of batches of whatever can be read, and [`Reading`] of whatever the
//! program reads. [`produce`] does what a [`Config`](config::Config) says. A [`Run`](run::Run) pulls of any [`Source`](format::source::Source), and
//! writes to any [`Target`](output::Target):
//!
//! ```
//! use std::sync::Arc;
//!
//! use recpipe::{Exit, Value, wire::{Incoming, Reader, Writer}};
//! use recpipe_producer::{
//!     format::{Args, FORMATS, Start},
//!     input::{Inputs, find::Input, live::Watch},
//!     output::Packing,
//!     run::{Options, Output, Run, blocks::BlockSource, rejects::Limit, shape::Shape},
//! };
//!
//! let dir = tempfile::tempdir()?;
//! let log = dir.path().join("sales.csv");
//! std::fs::write(&log, "item,price\ntea,3\ncake,5\n")?;
//!
//! let spec = FORMATS.iter().find(|spec| spec.name == "csv").ok_or("there is no csv")?;
//! let Start::Blocks(start) = spec.start else { return Err("csv has no blocks".into()) };
//! let inputs = Inputs::new(vec![Ok(Input::File(log))], Default::default(), Watch::nothing());
//! let source = BlockSource::new(inputs, start(&Args::default())?, None);
//! let options = Arc::new(Options {
//!     threads: 2,
//!     limit: Limit::Default,
//!     quiet: true,
//!     stats: false,
//!     lines: false,
//!     grep: None,
//!     packing: Packing::default(),
//!     shape: Shape::default(),
//! });
//!
//! let mut stream = Vec::new();
//! let exit = Run::new(Box::new(source), &options).to(Output::Now(Box::new(|| Ok(Box::new(Writer::new(&mut stream)?)))));
//! assert_eq!(exit, Ok(Exit::Done));
//!
//! let (mut reader, mut sum) = (Reader::new(&stream[..])?, 0);
//! while let Some(incoming) = reader.read()? {
//!     if let Incoming::Batch(batch) = incoming {
//!         let batch = batch.decode()?;
//!         for row in batch.rows() {
//!             let Some(Value::Int(price)) = row.get("price") else { return Err("a price is a number".into()) };
//!             sum += price;
//!         }
//!     }
//! }
//! assert_eq!(sum, 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(unsafe_code)]
#![warn(unreachable_pub, clippy::missing_errors_doc, clippy::missing_panics_doc)]

pub mod cli;
pub mod completion;
pub mod config;
mod configuration;
pub mod dating;
mod dry_run;
pub mod format;
pub mod help;
pub mod input;
mod ledger;
pub mod man;
mod on;
pub mod output;
mod pipeline;
mod program;
pub mod progress;
mod refusal;
mod replay;
pub mod run;
mod settle;
mod simd;
mod spoken;
mod state;
mod timing;

pub use pipeline::{Reading, Records, produce, produce_into, records, refuse_into};
pub use program::{program, program_among};
