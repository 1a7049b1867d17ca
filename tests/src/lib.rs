//! The harness of the end-to-end tests: `producer` and `consumer` as real processes with a real pipe between them.
//!
//! - [`process`]: starts the programs, and ends them when their time is up;
//! - [`feed`]: what they are given to read, and what becomes of what they write;
//! - [`scratch`]: directories of a test's own;
//! - [`running`]: programs that run side by side, and can be stopped and killed while they do;
//! - [`browser`]: a browser that looks at pages, where there is one;
//! - [`case`]: the table cases of `cases/`: one file says what goes in and what must come out;
//! - [`certificates`]: for TLS;
//! - [`hosts`]: hosts with cables between them that can be cut: network namespaces;
//! - [`log`](mod@log): access logs made from a seed, with what is in them known beforehand;
//! - [`outcome`]: how a run ended, and what a test may say of that;
//! - [`port`]: a port that is the test's own, though nobody listens at it;
//! - [`proc`]: what the system tells of a process;
//! - [`python`]: readers of outputs that are not ours;
//! - [`relay`]: connections within one host that can be cut;
//! - [`signals`]: what programs do not inherit of whoever runs the tests;
//! - [`ssh`]: hosts that are directories;
//! - [`terminal`]: a terminal to write to;
//! - [`stream`]: a saved stream cut into its frames.
//!
//! If you're adding something new: an answer to a query is a file in `cases/`; what a program does when it is cut off,
//! closed, killed or starved is a test in `tests/processes/`, and between hosts one in `tests/hosts/`; a question with its answer is a line of `GUIDE.md`; a rule about the sources is one in `tests/tidy.rs`.
//!
//! The programs are those beside the test's own executable: `cargo build --workspace` makes them.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod browser;
pub mod case;
pub mod certificates;
pub mod feed;
pub mod hosts;
pub mod log;
pub mod outcome;
pub mod port;
pub mod proc;
pub mod process;
pub mod python;
pub mod relay;
pub mod running;
pub mod scratch;
pub mod signals;
pub mod ssh;
pub mod stream;
pub mod terminal;

pub use feed::{Feed, Take};
pub use hosts::{Host, Hosts};
pub use outcome::Outcome;
pub use port::Port;
pub use proc::Moved;
pub use process::{Pipeline, Program, SOON};
pub use running::{Ended, Group};
pub use scratch::Scratch;
