//! `recpipe FORMAT [PATH…] QUERY`: `producer FORMAT [PATH…] | consumer QUERY` in one process.
//!
//! ```text
//! command line ──► that of the producer ──► producer, on a thread ──► batches ──┐  (recpipe::transport::local)
//!              └─► that of the consumer ──► consumer, on the calling thread ◄───┘
//! ```
//!
//! Both run as they are: the same command lines, checks, plans, threads, messages and exit codes. Only what is between them is no pipe:
//! batches are handed over as they are, and nothing is encoded, copied or checksummed. The exit is the consumer's, as a shell's is that
//! of a pipe's last program.

#![forbid(unsafe_code)]

mod completion;
mod help;
mod line;
mod run;

pub use run::program;
